//===- Dram.cpp - Regions of the DRAM -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Dram.h"

#include <algorithm>
#include <cstring>

using namespace espalier;
using namespace espalier::simulator;

static std::string number(uint64_t value) { return std::to_string(value); }

Dram::Dram(const Program &program)
    : program(program), places(program.regions.size()) {}

Status Dram::bind(uint32_t region, const uint8_t *constant, uint8_t *writable,
                  uint64_t bytes) {
  if (region >= places.size())
    return Error{"region " + number(region) + " of " + number(places.size())};
  const Region &r = program.regions[region];
  if (bytes < r.bytes)
    return Error{"region '" + r.name + "': expected " + number(r.bytes) +
                 " bytes of memory, got " + number(bytes)};
  if (!r.readOnly() && !writable)
    return Error{"region '" + r.name + "': its memory must be writable"};
  places[region].read = writable ? writable : constant;
  places[region].write = r.readOnly() ? nullptr : writable;
  places[region].own.reset();
  return {};
}

Status Dram::prepare(uint64_t limit) {
  uint64_t total = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    const Region &r = program.regions[i];
    Place &place = places[i];
    if (r.kind == ESPALIER_REGION_ARENA && r.bytes) {
      if (r.bytes > limit)
        return Error{"region '" + r.name + "': " + number(r.bytes) +
                     " bytes, the limit is " + number(limit)};
      // Zeros that cost nothing where no run writes, whatever size is claimed.
      place.written = makePages<uint64_t>(r.bytes / 64 + 1);
      if (!place.written)
        return Error{"region '" + r.name +
                     "': no memory for a bit of each of " + number(r.bytes) +
                     " bytes"};
    }
    if (place.read || r.bytes == 0)
      continue;
    if (r.readOnly() && !r.data.empty()) {
      place.read = r.data.data();
      continue;
    }
    total += r.bytes;
    if (total > limit)
      return Error{"region '" + r.name + "': with its " + number(r.bytes) +
                   " bytes the regions exceed the limit of " + number(limit)};
    place.own = makePages<uint8_t>(r.bytes);
    if (!place.own)
      return Error{"region '" + r.name + "': no memory for " + number(r.bytes) +
                   " bytes"};
    if (!r.data.empty())
      memcpy(place.own.get(), r.data.data(), r.data.size());
    place.read = place.own.get();
    place.write = r.readOnly() ? nullptr : place.own.get();
  }
  return {};
}

void Dram::begin() { pending.clear(); }

Status Dram::resolve(const Form &form, const Op &op, uint64_t layer,
                     const Arguments &arguments, Rows &rows) const {
  const espalier_systolic_symbol &symbol = program.symbols[op.b];
  const Address &address =
      program.addresses[symbol.first + (symbol.count > 1 ? layer : 0)];
  const espalier_systolic_shape &shape = form.shape;
  uint64_t base = address.offset + uint64_t(op.c) * ESPALIER_SYSTOLIC_GRANULE;
  rows.region = address.region;
  rows.offsets.resize(shape.rows);
  bool byArgument =
      form.opcode == ESPALIER_OP_GATHER || form.opcode == ESPALIER_OP_SCATTER;
  bool limited =
      form.opcode == ESPALIER_OP_LOAD && (form.flags & ESPALIER_FLAG_LIMIT);
  uint64_t size = program.regions[address.region].bytes;
  for (uint64_t j = 0; j < shape.rows; ++j) {
    if (!byArgument) {
      bool beyond = limited && shape.extra + j >= arguments.limit;
      rows.offsets[j] = beyond ? absent : base + j * shape.stride_b;
      continue;
    }
    int32_t value = arguments.arrays[form.aux][shape.extra + j];
    if (value < 0) {
      rows.offsets[j] = absent;
      continue;
    }
    uint64_t offset = base + uint64_t(value) * shape.stride_b;
    if (offset > size || form.dramRowBytes > size - offset)
      return Error{"element " + number(shape.extra + j) + " of argument " +
                   number(form.aux) + " is " + number(uint64_t(value)) +
                   ", and region '" + program.regions[address.region].name +
                   "' has no such row"};
    rows.offsets[j] = offset;
  }
  return {};
}

namespace {

/// Calls f(word, mask) for the bits [begin, end) until it is false.
template <typename F> bool eachWord(uint64_t begin, uint64_t end, F &&f) {
  while (begin < end) {
    uint64_t in = begin % 64, count = std::min<uint64_t>(64 - in, end - begin);
    uint64_t mask =
        count == 64 ? ~uint64_t(0) : ((uint64_t(1) << count) - 1) << in;
    if (!f(begin / 64, mask))
      return false;
    begin += count;
  }
  return true;
}

} // namespace

std::string Dram::checkLoad(const Rows &rows, uint64_t rowBytes, uint64_t t) {
  std::erase_if(pending, [&](const Pending &p) { return p.complete <= t; });
  const Region &region = program.regions[rows.region];
  uint64_t *written = places[rows.region].written.get();
  for (uint64_t offset : rows.offsets) {
    if (offset == absent)
      continue;
    for (const Pending &p : pending) {
      if (p.region != rows.region || p.offsets.empty() ||
          offset >= p.offsets.back() + p.rowBytes ||
          offset + rowBytes <= p.offsets.front())
        continue;
      uint64_t least = offset < p.rowBytes ? 0 : offset - p.rowBytes + 1;
      auto row = std::lower_bound(p.offsets.begin(), p.offsets.end(), least);
      if (row != p.offsets.end() && *row < offset + rowBytes)
        return "reads byte " + number(std::max(offset, *row)) + " of region '" +
               region.name + "', which a store writes until cycle " +
               number(p.complete);
    }
    if (!written)
      continue;
    bool all =
        eachWord(offset, offset + rowBytes, [&](uint64_t word, uint64_t mask) {
          return (written[size_t(word)] & mask) == mask;
        });
    if (!all)
      return "reads bytes from " + number(offset) + " on of arena '" +
             region.name + "', which this program has not written";
  }
  return "";
}

void Dram::recordStore(const Rows &rows, uint64_t rowBytes, uint64_t t,
                       uint64_t complete) {
  std::erase_if(pending, [&](const Pending &p) { return p.complete <= t; });
  Pending p{rows.region, {}, rowBytes, complete};
  uint64_t *written = places[rows.region].written.get();
  for (uint64_t offset : rows.offsets) {
    if (offset == absent)
      continue;
    p.offsets.push_back(offset);
    if (written)
      eachWord(offset, offset + rowBytes, [&](uint64_t word, uint64_t mask) {
        written[size_t(word)] |= mask;
        return true;
      });
  }
  if (p.offsets.empty())
    return;
  std::sort(p.offsets.begin(), p.offsets.end());
  pending.push_back(std::move(p));
}
