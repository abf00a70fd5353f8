//===- Encode.cpp - The bytes of accelerator programs ---------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Target/Systolic/Encode.h"
#include "espalier/Target/Systolic/Decode.h"

#include <algorithm>
#include <bit>
#include <cstring>

using namespace espalier;
using namespace espalier::systolic;

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr uint32_t most24 = (1u << 24) - 1;

struct Writer {
  template <typename T> void put(const T &value) {
    size_t at = bytes.size();
    bytes.resize(at + sizeof(T));
    memcpy(bytes.data() + at, &value, sizeof(T));
  }
  std::vector<uint8_t> bytes;
};

void put24(uint8_t (&to)[3], uint32_t value) {
  for (unsigned i = 0; i < 3; ++i)
    to[i] = uint8_t(value >> (8 * i));
}

espalier_systolic_instruction packed(const Instruction &in, uint16_t dt) {
  espalier_systolic_instruction out = {};
  out.opcode = in.opcode;
  out.flags = in.flags;
  out.dt = dt;
  put24(out.a, in.a);
  put24(out.b, in.b);
  put24(out.c, in.c);
  out.aux = in.aux;
  out.shape = in.shape;
  return out;
}

Result<std::vector<espalier_systolic_instruction>>
packQueue(const std::vector<Instruction> &queue, unsigned number) {
  std::vector<espalier_systolic_instruction> out;
  out.reserve(queue.size());
  for (size_t i = 0; i < queue.size(); ++i) {
    const Instruction &in = queue[i];
    if (std::max({in.a, in.b, in.c}) > most24)
      return Error{"queue " + std::to_string(number) + ", instruction " +
                   std::to_string(i) + ": an operand exceeds 24 bits"};
    uint32_t dt = in.dt;
    while (dt > UINT16_MAX) {
      Instruction delay;
      delay.opcode = ESPALIER_OP_DELAY;
      delay.b = std::min(dt, most24);
      dt -= delay.b;
      out.push_back(packed(delay, 0));
    }
    out.push_back(packed(in, uint16_t(dt)));
  }
  return out;
}

} // namespace

Result<std::vector<uint8_t>> systolic::encode(const Program &given) {
  Result<Program> canonical = canonicalProgram(given);
  if (!canonical)
    return canonical.takeError();
  const Program &program = *canonical;
  if (program.shapes.size() > ESPALIER_SYSTOLIC_MAX_SHAPES)
    return Error{"the program has " + std::to_string(program.shapes.size()) +
                 " shapes; at most 65536 are possible"};
  if (program.semaphores > ESPALIER_SYSTOLIC_MAX_SEMAPHORES)
    return Error{"the program has " + std::to_string(program.semaphores) +
                 " semaphores; at most 256 are possible"};
  espalier_systolic_header header = {};
  header.magic = ESPALIER_SYSTOLIC_MAGIC;
  header.version = ESPALIER_SYSTOLIC_VERSION;
  header.header_bytes = sizeof(header);
  header.regions = uint32_t(program.regions.size());
  header.shapes = uint32_t(program.shapes.size());
  header.constants = uint32_t(program.constants.size());
  header.symbols = uint32_t(program.symbols.size());
  header.semaphores = program.semaphores;
  header.marks = uint32_t(program.marks.size());
  header.bucket_rows = program.bucketRows;
  header.array_rows = program.arrayRows;
  header.array_columns = program.arrayColumns;

  std::string strings;
  auto addString = [&](const std::string &text) {
    uint32_t at = uint32_t(strings.size());
    strings += text;
    strings += '\0';
    return at;
  };
  std::vector<espalier_systolic_region> regions;
  uint64_t dataBytes = 0;
  for (const Region &region : program.regions) {
    if (!region.data.empty() && region.data.size() != region.bytes)
      return Error{"region '" + region.name + "' has " +
                   std::to_string(region.bytes) + " bytes, but contents of " +
                   std::to_string(region.data.size())};
    regions.push_back({region.kind, addString(region.name), region.bytes,
                       dataBytes, region.data.size()});
    dataBytes += region.data.size();
  }
  header.data_bytes = dataBytes;
  std::vector<uint32_t> marks;
  for (const std::string &mark : program.marks)
    marks.push_back(addString(mark));
  header.string_bytes = uint32_t(strings.size());

  Writer writer;
  writer.bytes.reserve(sizeof(header) + dataBytes);
  writer.put(header); // once more below
  for (const espalier_systolic_region &region : regions)
    writer.put(region);
  for (const Shape &shape : program.shapes)
    writer.put(shape);
  for (float constant : program.constants)
    writer.put(constant);
  if (program.constants.size() % 2)
    writer.put(0.0f);
  uint32_t addresses = 0;
  for (const Symbol &symbol : program.symbols) {
    writer.put(
        espalier_systolic_symbol{addresses, uint32_t(symbol.addresses.size())});
    addresses += uint32_t(symbol.addresses.size());
  }
  header.addresses = addresses;
  for (const Symbol &symbol : program.symbols)
    for (uint64_t address : symbol.addresses)
      writer.put(address);
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
    Result<std::vector<espalier_systolic_instruction>> queue =
        packQueue(program.queues[q], q);
    if (!queue)
      return queue.takeError();
    header.instructions[q] = uint32_t(queue->size());
    for (const espalier_systolic_instruction &in : *queue)
      writer.put(in);
  }
  for (uint32_t mark : marks)
    writer.put(mark);
  writer.bytes.insert(writer.bytes.end(), strings.begin(), strings.end());
  for (const Region &region : program.regions)
    writer.bytes.insert(writer.bytes.end(), region.data.begin(),
                        region.data.end());
  header.file_bytes = writer.bytes.size();
  memcpy(writer.bytes.data(), &header, sizeof(header));
  return std::move(writer.bytes);
}
