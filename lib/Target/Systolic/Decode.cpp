//===- Decode.cpp - Programs from their bytes -----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Target/Systolic/Decode.h"
#include "espalier/Target/Systolic/Encode.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

using namespace espalier;
using namespace espalier::systolic;

static_assert(std::endian::native == std::endian::little);

namespace {

std::string number(uint64_t value) { return std::to_string(value); }

/// Takes one thing after the other from bytes whose number was checked before.
class Reader {
public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes(bytes) {}

  template <typename T> T take() {
    T value;
    memcpy(&value, bytes.data(), sizeof(T));
    bytes = bytes.subspan(sizeof(T));
    return value;
  }
  std::span<const uint8_t> take(size_t count) {
    std::span<const uint8_t> taken = bytes.first(count);
    bytes = bytes.subspan(count);
    return taken;
  }

private:
  std::span<const uint8_t> bytes;
};

uint32_t from24(const uint8_t (&bytes)[3]) {
  return bytes[0] | uint32_t(bytes[1]) << 8 | uint32_t(bytes[2]) << 16;
}

Instruction unpack(const espalier_systolic_instruction &in) {
  Instruction out;
  out.opcode = in.opcode;
  out.flags = in.flags;
  out.aux = in.aux;
  out.shape = in.shape;
  out.dt = in.dt;
  out.a = from24(in.a);
  out.b = from24(in.b);
  out.c = from24(in.c);
  return out;
}

/// The header, and that its counts make up the file.
Result<espalier_systolic_header> readHeader(std::span<const uint8_t> bytes) {
  if (bytes.size() < sizeof(espalier_systolic_header))
    return Error{"expected a program of the accelerator, got " +
                 number(bytes.size()) + " bytes"};
  auto header = Reader(bytes).take<espalier_systolic_header>();
  if (header.magic != ESPALIER_SYSTOLIC_MAGIC)
    return Error{"not a program of the accelerator"};
  if (header.version != ESPALIER_SYSTOLIC_VERSION ||
      header.header_bytes != sizeof(header))
    return Error{"version: expected " + number(ESPALIER_SYSTOLIC_VERSION) +
                 ", got " + number(header.version)};
  // Each product is below 2^38, so that only the data can overflow.
  uint64_t sum = sizeof(header);
  sum += uint64_t(header.regions) * sizeof(espalier_systolic_region);
  sum += uint64_t(header.shapes) * sizeof(Shape);
  sum += (uint64_t(header.constants) + header.constants % 2) * sizeof(float);
  sum += uint64_t(header.symbols) * sizeof(espalier_systolic_symbol);
  sum += uint64_t(header.addresses) * sizeof(uint64_t);
  for (uint32_t count : header.instructions)
    sum += uint64_t(count) * sizeof(espalier_systolic_instruction);
  sum += uint64_t(header.marks) * sizeof(uint32_t) + header.string_bytes;
  if (__builtin_add_overflow(sum, header.data_bytes, &sum) ||
      sum != bytes.size() || header.file_bytes != bytes.size())
    return Error{"size: expected " + number(header.file_bytes) +
                 " bytes as the header says, got " + number(bytes.size())};
  if (header.shapes > ESPALIER_SYSTOLIC_MAX_SHAPES)
    return Error{"expected at most 65536 shapes, got " + number(header.shapes)};
  return header;
}

/// Names stand one after the other; this takes the next.
class Names {
public:
  explicit Names(std::string_view text) : text(text) {}

  Result<std::string> next(uint32_t offset) {
    size_t end = text.find('\0', at);
    if (offset != at || end == std::string_view::npos)
      return Error{"a name: expected offset " + number(at) + " of " +
                   number(text.size()) + ", got " + number(offset)};
    std::string name(text.substr(at, end - at));
    at = end + 1;
    return name;
  }

private:
  std::string_view text;
  size_t at = 0;
};

} // namespace

Result<Program> systolic::decode(std::span<const uint8_t> bytes) {
  Result<espalier_systolic_header> read = readHeader(bytes);
  if (!read)
    return read.takeError();
  const espalier_systolic_header &header = *read;
  Program program;
  program.semaphores = header.semaphores;
  program.bucketRows = header.bucket_rows;
  program.arrayRows = header.array_rows;
  program.arrayColumns = header.array_columns;

  Reader reader(bytes.subspan(sizeof(header)));
  std::vector<espalier_systolic_region> regions;
  for (uint32_t i = 0; i < header.regions; ++i)
    regions.push_back(reader.take<espalier_systolic_region>());
  for (uint32_t i = 0; i < header.shapes; ++i)
    program.shapes.push_back(reader.take<Shape>());
  for (uint32_t i = 0; i < header.constants; ++i)
    program.constants.push_back(reader.take<float>());
  if (header.constants % 2)
    reader.take<float>();
  uint64_t addresses = 0;
  for (uint32_t i = 0; i < header.symbols; ++i) {
    auto symbol = reader.take<espalier_systolic_symbol>();
    if (symbol.first != addresses ||
        symbol.count > header.addresses - addresses)
      return Error{"symbol " + number(i) + ": expected addresses from " +
                   number(addresses) + " on, got " + number(symbol.count) +
                   " from " + number(symbol.first) + " on"};
    addresses += symbol.count;
    program.symbols.push_back({"s" + number(i), {}});
    program.symbols.back().addresses.resize(symbol.count);
  }
  if (addresses != header.addresses)
    return Error{"expected " + number(addresses) + " addresses, got " +
                 number(header.addresses)};
  for (Symbol &symbol : program.symbols)
    for (uint64_t &address : symbol.addresses)
      address = reader.take<uint64_t>();
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
    for (uint32_t i = 0; i < header.instructions[q]; ++i)
      program.queues[q].push_back(
          unpack(reader.take<espalier_systolic_instruction>()));
  std::vector<uint32_t> marks;
  for (uint32_t i = 0; i < header.marks; ++i)
    marks.push_back(reader.take<uint32_t>());
  std::span<const uint8_t> strings = reader.take(header.string_bytes);
  Names names({reinterpret_cast<const char *>(strings.data()), strings.size()});

  uint64_t data = 0;
  for (uint32_t i = 0; i < header.regions; ++i) {
    const espalier_systolic_region &raw = regions[i];
    Result<std::string> name = names.next(raw.name);
    if (!name)
      return name.takeError();
    if (raw.data != data || raw.data_bytes > header.data_bytes - data)
      return Error{"region '" + *name + "': expected contents from " +
                   number(data) + " on, got " + number(raw.data_bytes) +
                   " bytes from " + number(raw.data) + " on"};
    data += raw.data_bytes;
    std::span<const uint8_t> contents = reader.take(raw.data_bytes);
    program.regions.push_back({raw.kind,
                               std::move(*name),
                               raw.bytes,
                               {contents.begin(), contents.end()}});
  }
  for (uint32_t mark : marks) {
    Result<std::string> name = names.next(mark);
    if (!name)
      return name.takeError();
    program.marks.push_back(std::move(*name));
  }

  if (Status status = checkProgram(program); !status)
    return status.takeError();
  // What is left: unused or repeated entries, gaps, fields without a meaning.
  Result<std::vector<uint8_t>> again = encode(program);
  if (!again)
    return again.takeError();
  auto [expected, got] =
      std::mismatch(again->begin(), again->end(), bytes.begin(), bytes.end());
  if (expected != again->end() || got != bytes.end())
    return Error{"byte " + number(got - bytes.begin()) +
                 ": not as a compiler writes it (something unused, repeated or "
                 "out of order)"};
  return program;
}
