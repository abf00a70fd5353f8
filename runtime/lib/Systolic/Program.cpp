//===- Program.cpp - Decoder of the accelerator's programs ----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Program.h"

#include <cstring>

using namespace espalier;
using namespace espalier::simulator;

const char *simulator::queueName(unsigned queue) {
  static const char *const names[] = {"DMA in", "DMA out", "array", "vector A",
                                      "vector B"};
  return queue < ESPALIER_QUEUES ? names[queue] : "?";
}

const char *simulator::opcodeName(uint8_t opcode) {
  switch (opcode) {
  case ESPALIER_OP_DELAY:
    return "DELAY";
  case ESPALIER_OP_REPEAT:
    return "REPEAT";
  case ESPALIER_OP_END_REPEAT:
    return "END_REPEAT";
  case ESPALIER_OP_SIGNAL:
    return "SIGNAL";
  case ESPALIER_OP_WAIT:
    return "WAIT";
  case ESPALIER_OP_MARK:
    return "MARK";
  case ESPALIER_OP_END:
    return "END";
  case ESPALIER_OP_LOAD:
    return "LOAD";
  case ESPALIER_OP_GATHER:
    return "GATHER";
  case ESPALIER_OP_STORE:
    return "STORE";
  case ESPALIER_OP_SCATTER:
    return "SCATTER";
  case ESPALIER_OP_LOAD_WEIGHTS:
    return "LOAD_WEIGHTS";
  case ESPALIER_OP_MATMUL:
    return "MATMUL";
  case ESPALIER_OP_MATMUL_OS:
    return "MATMUL_OS";
  case ESPALIER_OP_MAP:
    return "MAP";
  case ESPALIER_OP_BINARY:
    return "BINARY";
  case ESPALIER_OP_REDUCE:
    return "REDUCE";
  case ESPALIER_OP_MASK:
    return "MASK";
  case ESPALIER_OP_ROPE:
    return "ROPE";
  case ESPALIER_OP_ARGMAX:
    return "ARGMAX";
  }
  return nullptr;
}

std::string simulator::instructionName(unsigned queue, size_t index,
                                       uint8_t opcode) {
  const char *name = opcodeName(opcode);
  return std::string("queue ") + queueName(queue) + ", instruction " +
         std::to_string(index) + " (" + (name ? name : "?") + ")";
}

uint64_t simulator::elementBytes(uint8_t type) {
  constexpr uint64_t sizes[] = {1, 4, 2, 4, 34, 18, 20};
  return type < ESPALIER_SYSTOLIC_TYPES ? sizes[type] : 0;
}

const char *simulator::typeName(uint8_t type) {
  static const char *const names[] = {"int8", "int32", "bf16", "float32",
                                      "Q8_0", "Q4_0",  "Q4_1"};
  return type < ESPALIER_SYSTOLIC_TYPES ? names[type] : "?";
}

namespace {

std::string number(uint64_t value) { return std::to_string(value); }

/// The queues that take an opcode, a bit each; its flags; the values of aux.
struct Allowed {
  uint8_t queues, flags;
  unsigned auxes;
};

Allowed allowedOf(uint8_t opcode, const Program &program) {
  constexpr uint8_t in = 1 << ESPALIER_QUEUE_DMA_IN,
                    out = 1 << ESPALIER_QUEUE_DMA_OUT,
                    array = 1 << ESPALIER_QUEUE_ARRAY, all = 0x1f,
                    vector = 1 << ESPALIER_QUEUE_VECTOR_A |
                             1 << ESPALIER_QUEUE_VECTOR_B;
  constexpr uint8_t forms =
      ESPALIER_FLAG_ROW | ESPALIER_FLAG_COLUMN | ESPALIER_FLAG_CONSTANT;
  switch (opcode) {
  case ESPALIER_OP_SIGNAL:
  case ESPALIER_OP_WAIT:
    return {all, 0, program.semaphores};
  case ESPALIER_OP_LOAD:
    return {in, ESPALIER_FLAG_LIMIT, 256};
  case ESPALIER_OP_GATHER:
    return {in, 0, ESPALIER_ARGUMENT_ARRAYS};
  case ESPALIER_OP_STORE:
    return {out, 0, 256};
  case ESPALIER_OP_SCATTER:
    return {out, 0, ESPALIER_ARGUMENT_ARRAYS};
  case ESPALIER_OP_LOAD_WEIGHTS:
    return {array, ESPALIER_FLAG_TRANSPOSED, 256};
  case ESPALIER_OP_MATMUL:
    return {array, ESPALIER_FLAG_SWAP | ESPALIER_FLAG_ACCUMULATE, 256};
  case ESPALIER_OP_MATMUL_OS:
    return {array, ESPALIER_FLAG_ACCUMULATE, 256};
  case ESPALIER_OP_MAP:
    return {vector, 0, ESPALIER_MAPS};
  case ESPALIER_OP_BINARY:
    return {vector, forms, ESPALIER_BINARIES};
  case ESPALIER_OP_REDUCE:
    return {vector, 0, ESPALIER_REDUCES};
  case ESPALIER_OP_MASK:
    return {vector, ESPALIER_FLAG_WINDOW, 256};
  case ESPALIER_OP_ROPE:
    return {vector, 0, 256};
  case ESPALIER_OP_ARGMAX:
    return {vector, ESPALIER_FLAG_ACCUMULATE, 256};
  default:
    return {all, 0, 256};
  }
}

Status checkInstruction(const Program &program, unsigned queue, size_t index,
                        const Instruction &op) {
  std::string where = instructionName(queue, index, op.opcode) + ": ";
  if (!opcodeName(op.opcode))
    return Error{where + "unknown opcode " + number(op.opcode)};
  Allowed allowed = allowedOf(op.opcode, program);
  if (!(allowed.queues >> queue & 1))
    return Error{where + "this queue does not take it"};
  if (op.flags & ~allowed.flags)
    return Error{where + "flags " + number(op.flags) + ", allowed are " +
                 number(allowed.flags)};
  bool isSemaphore =
      op.opcode == ESPALIER_OP_SIGNAL || op.opcode == ESPALIER_OP_WAIT;
  if (op.aux >= allowed.auxes)
    return Error{where + (isSemaphore ? "semaphore " : "kind ") +
                 number(op.aux) + ", expected less than " +
                 number(allowed.auxes)};
  if (isControl(op.opcode)) {
    if (op.shape)
      return Error{where + "it has no shape"};
  } else if (op.shape >= program.shapes.size()) {
    return Error{where + "shape " + number(op.shape) + " of " +
                 number(program.shapes.size())};
  }
  switch (op.opcode) {
  case ESPALIER_OP_REPEAT:
  case ESPALIER_OP_WAIT:
    if (op.b == 0)
      return Error{where + "a count of 0"};
    break;
  case ESPALIER_OP_MARK:
    if (op.b >= program.marks.size())
      return Error{where + "mark " + number(op.b) + " of " +
                   number(program.marks.size())};
    break;
  case ESPALIER_OP_BINARY:
    if (op.flags & (op.flags - 1))
      return Error{where + "b cannot be of two forms"};
    if ((op.flags & ESPALIER_FLAG_CONSTANT) && op.b >= program.constants.size())
      return Error{where + "constant " + number(op.b) + " of " +
                   number(program.constants.size())};
    break;
  case ESPALIER_OP_LOAD:
  case ESPALIER_OP_GATHER:
  case ESPALIER_OP_STORE:
  case ESPALIER_OP_SCATTER:
    if (op.b >= program.symbols.size())
      return Error{where + "symbol " + number(op.b) + " of " +
                   number(program.symbols.size())};
    break;
  }
  bool last = index + 1 == program.queues[queue].size();
  if ((op.opcode == ESPALIER_OP_END) != last)
    return Error{where + (last ? "the last instruction must be END"
                               : "END must be the last instruction")};
  return {};
}

/// The sections one after the other, each within the bytes.
class Reader {
public:
  explicit Reader(std::span<const uint8_t> bytes) : rest(bytes) {}

  /// `count` elements of `size` bytes; false: there are not so many.
  bool take(uint64_t count, uint64_t size, std::span<const uint8_t> &section) {
    if (count > rest.size() / size)
      return false;
    section = rest.first(size_t(count * size));
    rest = rest.subspan(size_t(count * size));
    return true;
  }
  template <typename T> bool take(uint64_t count, std::vector<T> &elements) {
    std::span<const uint8_t> section;
    if (!take(count, sizeof(T), section))
      return false;
    elements.resize(size_t(count));
    if (count)
      memcpy(elements.data(), section.data(), section.size());
    return true;
  }
  size_t left() const { return rest.size(); }

private:
  std::span<const uint8_t> rest;
};

Result<std::string> readName(std::span<const uint8_t> strings,
                             uint32_t offset) {
  if (offset >= strings.size())
    return Error{"a name at " + number(offset) + " of " +
                 number(strings.size()) + " bytes of strings"};
  // The section ends with a zero, as was checked. The bound keeps many names
  // within one long text from growing beyond all measure.
  auto *begin = reinterpret_cast<const char *>(strings.data()) + offset;
  size_t length = strnlen(begin, 256);
  if (length > 255)
    return Error{"a name of more than 255 bytes"};
  return std::string(begin, length);
}

Status readHeader(std::span<const uint8_t> bytes,
                  espalier_systolic_header &header) {
  if (bytes.size() < sizeof(header))
    return Error{"expected a program of the accelerator, got " +
                 number(bytes.size()) + " bytes"};
  memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != ESPALIER_SYSTOLIC_MAGIC)
    return Error{"not a program of the accelerator: it begins otherwise"};
  if (header.version != ESPALIER_SYSTOLIC_VERSION ||
      header.header_bytes != sizeof(header))
    return Error{"version " + number(header.version) + " with a header of " +
                 number(header.header_bytes) + " bytes, expected version " +
                 number(ESPALIER_SYSTOLIC_VERSION) + " with " +
                 number(sizeof(header))};
  if (header.file_bytes != bytes.size())
    return Error{"expected " + number(header.file_bytes) + " bytes, got " +
                 number(bytes.size())};
  if (header.shapes > ESPALIER_SYSTOLIC_MAX_SHAPES)
    return Error{number(header.shapes) + " shapes, at most " +
                 number(ESPALIER_SYSTOLIC_MAX_SHAPES) + " are allowed"};
  if (header.semaphores > ESPALIER_SYSTOLIC_MAX_SEMAPHORES)
    return Error{number(header.semaphores) + " semaphores, at most " +
                 number(ESPALIER_SYSTOLIC_MAX_SEMAPHORES) + " are allowed"};
  if (header.regions > 65536)
    return Error{number(header.regions) +
                 " regions, at most 65536 are allowed"};
  if (header.marks > 65536)
    return Error{number(header.marks) + " marks, at most 65536 are allowed"};
  if (header.bucket_rows > ESPALIER_SYSTOLIC_MAX_ROWS)
    return Error{"a bucket of " + number(header.bucket_rows) +
                 " rows, at most " + number(ESPALIER_SYSTOLIC_MAX_ROWS) +
                 " are allowed"};
  return {};
}

Status readRegion(const espalier_systolic_region &raw,
                  std::span<const uint8_t> strings,
                  std::span<const uint8_t> data, Region &region) {
  auto name = readName(strings, raw.name);
  if (!name)
    return name.takeError();
  region.kind = raw.kind;
  region.name = std::move(*name);
  region.bytes = raw.bytes;
  if (raw.kind >= ESPALIER_REGION_KINDS)
    return Error{"unknown kind " + number(raw.kind)};
  if (raw.bytes > mostRegionBytes)
    return Error{number(raw.bytes) + " bytes, at most " +
                 number(mostRegionBytes) + " are allowed"};
  if (raw.data_bytes == 0)
    return {};
  if (raw.data_bytes != raw.bytes)
    return Error{number(raw.data_bytes) + " bytes of contents for " +
                 number(raw.bytes)};
  if (raw.data > data.size() || raw.data_bytes > data.size() - raw.data)
    return Error{"contents at " + number(raw.data) + " of " +
                 number(data.size()) + " bytes of data"};
  region.data = data.subspan(size_t(raw.data), size_t(raw.data_bytes));
  return {};
}

Status readAddresses(const std::vector<uint64_t> &raw, Program &program) {
  program.addresses.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    Address address{uint32_t(raw[i] >> 48), raw[i] & ((uint64_t(1) << 48) - 1)};
    if (address.region >= program.regions.size() ||
        address.offset > program.regions[address.region].bytes)
      return Error{"address " + number(i) + ": byte " + number(address.offset) +
                   " of region " + number(address.region) + " does not exist"};
    program.addresses.push_back(address);
  }
  for (size_t i = 0; i < program.symbols.size(); ++i) {
    const espalier_systolic_symbol &symbol = program.symbols[i];
    if (symbol.count == 0 || symbol.first > raw.size() ||
        symbol.count > raw.size() - symbol.first)
      return Error{"symbol " + number(i) + ": addresses " +
                   number(symbol.first) + " and on, " + number(symbol.count) +
                   " of " + number(raw.size())};
  }
  return {};
}

Instruction unpack(const espalier_systolic_instruction &raw) {
  auto wide = [](const uint8_t *p) {
    return uint32_t(p[0]) | uint32_t(p[1]) << 8 | uint32_t(p[2]) << 16;
  };
  Instruction op;
  op.opcode = raw.opcode;
  op.flags = raw.flags;
  op.aux = raw.aux;
  op.dt = raw.dt;
  op.shape = raw.shape;
  op.a = wide(raw.a);
  op.b = wide(raw.b);
  op.c = wide(raw.c);
  return op;
}

} // namespace

Result<Program> simulator::decodeProgram(std::span<const uint8_t> bytes) {
  espalier_systolic_header header;
  if (Status status = readHeader(bytes, header); !status)
    return status.takeError();

  Program program;
  program.semaphores = header.semaphores;
  program.bucketRows = header.bucket_rows;
  program.arrayRows = header.array_rows;
  program.arrayColumns = header.array_columns;

  Reader reader(bytes.subspan(sizeof(header)));
  std::vector<espalier_systolic_region> regions;
  std::vector<uint64_t> addresses;
  std::vector<espalier_systolic_instruction> raw[ESPALIER_QUEUES];
  std::vector<uint32_t> marks;
  std::span<const uint8_t> padding, strings, data;
  bool fits = reader.take(header.regions, regions) &&
              reader.take(header.shapes, program.shapes) &&
              reader.take(header.constants, program.constants) &&
              reader.take((header.constants & 1) * 4, 1, padding) &&
              reader.take(header.symbols, program.symbols) &&
              reader.take(header.addresses, addresses);
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
    fits = fits && reader.take(header.instructions[q], raw[q]);
  fits = fits && reader.take(header.marks, marks) &&
         reader.take(header.string_bytes, 1, strings) &&
         reader.take(header.data_bytes, 1, data);
  if (!fits || reader.left())
    return Error{"the sections do not add up to the " + number(bytes.size()) +
                 " bytes of the program"};
  if (!strings.empty() && strings.back() != 0)
    return Error{"the strings do not end with a zero"};

  program.regions.resize(regions.size());
  for (size_t i = 0; i < regions.size(); ++i)
    if (Status s = readRegion(regions[i], strings, data, program.regions[i]);
        !s)
      return s.takeError().within("region " + number(i));
  if (Status status = readAddresses(addresses, program); !status)
    return status.takeError();
  for (uint32_t offset : marks) {
    auto name = readName(strings, offset);
    if (!name)
      return name.takeError().within("mark " + number(program.marks.size()));
    program.marks.push_back(std::move(*name));
  }
  for (size_t i = 0; i < program.shapes.size(); ++i) {
    const espalier_systolic_shape &shape = program.shapes[i];
    if (shape.reserved != 0 || shape.spaces > 7)
      return Error{"shape " + number(i) +
                   ": expected 0 in what is reserved, and three spaces"};
  }
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
    if (raw[q].empty())
      return Error{std::string("queue ") + queueName(q) +
                   ": the last instruction must be END"};
    for (const espalier_systolic_instruction &op : raw[q])
      program.queues[q].push_back(unpack(op));
    for (size_t i = 0; i < raw[q].size(); ++i)
      if (Status s = checkInstruction(program, q, i, program.queues[q][i]); !s)
        return s.takeError();
  }
  return program;
}
