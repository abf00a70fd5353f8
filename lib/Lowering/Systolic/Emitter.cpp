//===- Emitter.cpp - Instructions on matrices -----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Emitter.h"

#include <algorithm>
#include <bit>

using namespace espalier;
using namespace espalier::systolic;

namespace {

constexpr uint32_t granule = ESPALIER_SYSTOLIC_GRANULE;

uint32_t granules(uint64_t bytes) {
  return uint32_t((bytes + granule - 1) / granule);
}

/// Addresses of transfers have 24 bits of granules beyond their symbol; symbols
/// are made so that 23 are enough.
constexpr uint64_t symbolBytes = (uint64_t(1) << 23) * granule;

} // namespace

uint32_t systolic::bytesOf(uint8_t type) {
  switch (type) {
  case ESPALIER_SYSTOLIC_I8:
    return 1;
  case ESPALIER_SYSTOLIC_BF16:
    return 2;
  case ESPALIER_SYSTOLIC_I32:
  case ESPALIER_SYSTOLIC_F32:
    return 4;
  default:
    return 0;
  }
}

Matrix Matrix::part(uint32_t first, uint32_t count) const {
  Matrix part = *this;
  part.address += first * bytesOf(type) / granule;
  part.columns = count;
  return part;
}

Matrix Matrix::rowsFrom(uint32_t first, uint32_t count) const {
  Matrix part = *this;
  part.address += first * stride;
  part.rows = count;
  return part;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Emitter::Emitter(const SystolicMachine &machine, uint32_t rows,
                 uint64_t tileBytes)
    : machine(machine), rows(rows) {
  // Tiles lie in banks of their own, so that the transfers that bring them and
  // the array that reads them do not meet what the vector units do.
  uint32_t bank =
      uint32_t(machine.scratchpadBytes / machine.scratchpadBanks / granule);
  uint32_t ringBanks = std::clamp(machine.scratchpadBanks / 4, 1u, 4u);
  ringGranules = granules(tileBytes);
  if (machine.scratchpadBanks < 2 || ringGranules > bank) {
    fail("a tile of weights takes " + std::to_string(tileBytes) +
         " bytes, but a bank of the scratchpad has " +
         std::to_string(uint64_t(bank) * granule));
    return;
  }
  uint32_t first = machine.scratchpadBanks - ringBanks;
  uint32_t perBank = std::min(bank / ringGranules, 2u);
  for (uint32_t i = 0; i < perBank; ++i)
    for (uint32_t b = 0; b < ringBanks; ++b)
      ring.push_back((first + b) * bank + i * ringGranules);
  free[0] = first * bank;

  uint32_t sumBank =
      uint32_t(machine.accumulatorBytes / machine.accumulatorBanks / granule);
  uint32_t sum = rows * granules(uint64_t(machine.columns) * 4);
  for (uint32_t i = 0; sum <= sumBank && i < std::min(sumBank / sum, 4u); ++i)
    for (uint32_t b = 0; b < machine.accumulatorBanks; ++b)
      sums.push_back(b * sumBank + i * sum);
  if (sums.empty() && sum <= machine.accumulatorBytes / granule)
    sums.push_back(0);
  if (sums.empty())
    fail("the results of " + std::to_string(rows) + " rows by " +
         std::to_string(machine.columns) + " columns take " +
         std::to_string(uint64_t(sum) * granule) +
         " bytes, but the accumulator has " +
         std::to_string(machine.accumulatorBytes));
  accumulatorSlots = uint32_t(sums.size());
}

Matrix Emitter::allocate(uint32_t matrixRows, uint32_t columns, uint8_t type) {
  Matrix matrix;
  matrix.rows = matrixRows;
  matrix.columns = columns;
  matrix.type = type;
  matrix.stride = granules(uint64_t(columns) * bytesOf(type));
  uint64_t size = uint64_t(matrix.stride) * matrixRows;
  for (auto [address, count] : free) {
    if (count < size)
      continue;
    matrix.address = address;
    free.erase(address);
    if (count > size)
      free[address + uint32_t(size)] = count - uint32_t(size);
    used += size;
    return matrix;
  }
  fail("a matrix of " + std::to_string(matrixRows) + " x " +
       std::to_string(columns) + " takes " + std::to_string(size * granule) +
       " bytes of scratchpad beside " + std::to_string(used * granule) +
       " in use; of " + std::to_string(machine.scratchpadBytes) + ", " +
       std::to_string(largestFree()) +
       " are free in one piece: take fewer rows or less context");
  return matrix;
}

void Emitter::release(const Matrix &matrix) {
  if (failed())
    return;
  uint32_t count = matrix.stride * matrix.rows;
  used -= count;
  auto at = free.emplace(matrix.address, count).first;
  if (auto next = std::next(at);
      next != free.end() && at->first + at->second == next->first) {
    at->second += next->second;
    free.erase(next);
  }
  if (at != free.begin())
    if (auto before = std::prev(at);
        before->first + before->second == at->first) {
      before->second += at->second;
      free.erase(at);
    }
}

uint64_t Emitter::largestFree() const {
  uint64_t most = 0;
  for (auto [address, count] : free)
    most = std::max<uint64_t>(most, count);
  return most * granule;
}

Matrix Emitter::tile(uint32_t tileRows, uint32_t columns, uint8_t type) {
  Matrix matrix;
  matrix.rows = tileRows;
  matrix.columns = columns;
  matrix.type = type;
  matrix.stride = granules(uint64_t(columns) * bytesOf(type));
  if (ring.empty())
    return matrix;
  if (uint64_t(matrix.stride) * tileRows > ringGranules)
    fail("a tile of " + std::to_string(tileRows) + " x " +
         std::to_string(columns) + " exceeds the ring's " +
         std::to_string(uint64_t(ringGranules) * granule) + " bytes");
  matrix.address = ring[nextTile++ % ring.size()];
  return matrix;
}

Matrix Emitter::accumulator(uint32_t columns) {
  Matrix matrix;
  matrix.rows = rows;
  matrix.columns = columns;
  matrix.stride = granules(uint64_t(columns) * 4);
  matrix.space = ESPALIER_SPACE_ACCUMULATOR;
  if (!sums.empty())
    matrix.address = sums[nextSum++ % sums.size()];
  return matrix;
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

Result<Sequence> Emitter::finish() {
  if (sequence.frame.shapes.size() > ESPALIER_SYSTOLIC_MAX_SHAPES)
    fail("the program has more than 65536 shapes");
  if (error)
    return *error;
  return std::move(sequence);
}

uint16_t Emitter::shape(const Shape &shape) {
  std::vector<uint32_t> key = {shape.rows,     shape.columns,  shape.stride_a,
                               shape.stride_b, shape.stride_c, shape.extra,
                               shape.type_a,   shape.type_b,   shape.type_c,
                               shape.spaces};
  auto [at, isNew] =
      shapes.emplace(key, uint16_t(sequence.frame.shapes.size()));
  if (isNew)
    sequence.frame.shapes.push_back(shape);
  return at->second;
}

uint32_t Emitter::constant(float value) {
  auto [at, isNew] =
      constants.emplace(std::bit_cast<uint32_t>(value),
                        uint32_t(sequence.frame.constants.size()));
  if (isNew)
    sequence.frame.constants.push_back(value);
  return at->second;
}

void Emitter::put(espalier_systolic_queue queue, Instruction instruction) {
  sequence.body.emplace_back(queue, instruction);
}

void Emitter::transfer(uint8_t opcode, const Matrix &matrix, const Place &place,
                       uint8_t flags, uint8_t argument, uint32_t extra) {
  Shape form = {};
  bool blocks = bytesOf(place.type) == 0;
  form.rows = blocks ? matrix.rows / 32 : matrix.rows;
  form.columns = matrix.columns;
  form.stride_a = matrix.stride;
  form.stride_b = place.stride;
  form.extra = extra;
  form.type_a = matrix.type;
  form.type_b = place.type;
  Instruction in;
  in.opcode = opcode;
  in.flags = flags;
  in.aux = argument;
  in.a = matrix.address;
  uint64_t chunk = place.offset / symbolBytes;
  auto [at, isNew] = symbols.emplace(std::make_pair(place.addresses, chunk),
                                     uint32_t(sequence.frame.symbols.size()));
  if (isNew) {
    Symbol symbol;
    symbol.name = place.name;
    if (chunk)
      symbol.name += "_" + std::to_string(chunk);
    for (uint64_t address : *place.addresses)
      symbol.addresses.push_back(address + chunk * symbolBytes);
    sequence.frame.symbols.push_back(symbol);
  }
  in.b = at->second;
  in.c = uint32_t(place.offset % symbolBytes / granule);
  in.shape = shape(form);
  put(opcode < ESPALIER_OP_STORE ? ESPALIER_QUEUE_DMA_IN
                                 : ESPALIER_QUEUE_DMA_OUT,
      in);
}

void Emitter::load(const Matrix &to, const Place &from) {
  transfer(ESPALIER_OP_LOAD, to, from, 0, 0, 0);
}
void Emitter::loadLimited(const Matrix &to, const Place &from, uint32_t first) {
  transfer(ESPALIER_OP_LOAD, to, from, ESPALIER_FLAG_LIMIT, 0, first);
}
void Emitter::gather(const Matrix &to, const Place &from, uint8_t argument) {
  transfer(ESPALIER_OP_GATHER, to, from, 0, argument, 0);
}
void Emitter::store(const Matrix &from, const Place &to) {
  transfer(ESPALIER_OP_STORE, from, to, 0, 0, 0);
}
void Emitter::scatter(const Matrix &from, const Place &to, uint8_t argument) {
  transfer(ESPALIER_OP_SCATTER, from, to, 0, argument, 0);
}

void Emitter::loadWeights(const Matrix &weights, bool transposed) {
  Shape form = {};
  form.rows = weights.rows;
  form.columns = weights.columns;
  form.stride_a = weights.stride;
  form.type_a = weights.type;
  Instruction in;
  in.opcode = ESPALIER_OP_LOAD_WEIGHTS;
  in.flags = transposed ? ESPALIER_FLAG_TRANSPOSED : 0;
  in.a = weights.address;
  in.shape = shape(form);
  put(ESPALIER_QUEUE_ARRAY, in);
}

void Emitter::multiply(const Matrix &a, const Matrix &c, bool swap,
                       bool accumulate) {
  Shape form = {};
  form.rows = a.rows;
  form.columns = a.columns;
  form.stride_a = a.stride;
  form.stride_c = c.stride;
  form.extra = c.columns;
  form.type_a = a.type;
  form.type_c = c.type;
  form.spaces = 4;
  Instruction in;
  in.opcode = ESPALIER_OP_MATMUL;
  in.flags = uint8_t((swap ? ESPALIER_FLAG_SWAP : 0) |
                     (accumulate ? ESPALIER_FLAG_ACCUMULATE : 0));
  in.a = a.address;
  in.c = c.address;
  in.shape = shape(form);
  put(ESPALIER_QUEUE_ARRAY, in);
}

void Emitter::vector(uint8_t opcode, uint8_t kind, uint8_t flags,
                     const Matrix &a, const Matrix *b, uint32_t bNumber,
                     const Matrix &c, uint32_t extra) {
  Shape form = {};
  form.rows = a.rows;
  form.columns = a.columns;
  form.stride_a = a.stride;
  form.stride_b = b ? b->stride : 0;
  form.stride_c = c.stride;
  form.extra = extra;
  form.type_a = a.type;
  form.type_b = b ? b->type : 0;
  form.type_c = c.type;
  form.spaces = uint8_t(a.space | (b ? b->space << 1 : 0) | c.space << 2);
  Instruction in;
  in.opcode = opcode;
  in.flags = flags;
  in.aux = kind;
  in.a = a.address;
  in.b = b ? b->address : bNumber;
  in.c = c.address;
  in.shape = shape(form);
  vectorB = !vectorB;
  put(vectorB ? ESPALIER_QUEUE_VECTOR_A : ESPALIER_QUEUE_VECTOR_B, in);
}

void Emitter::map(uint8_t kind, const Matrix &a, const Matrix &c) {
  vector(ESPALIER_OP_MAP, kind, 0, a, nullptr, 0, c, 0);
}

void Emitter::binary(uint8_t kind, const Matrix &a, const Matrix &b,
                     const Matrix &c) {
  uint8_t flags = 0;
  if (b.rows != a.rows)
    flags = ESPALIER_FLAG_ROW;
  else if (b.columns != a.columns)
    flags = ESPALIER_FLAG_COLUMN;
  vector(ESPALIER_OP_BINARY, kind, flags, a, &b, 0, c, 0);
}

void Emitter::binary(uint8_t kind, const Matrix &a, float b, const Matrix &c) {
  vector(ESPALIER_OP_BINARY, kind, ESPALIER_FLAG_CONSTANT, a, nullptr,
         constant(b), c, 0);
}

void Emitter::reduce(uint8_t kind, const Matrix &a, const Matrix &c) {
  vector(ESPALIER_OP_REDUCE, kind, 0, a, nullptr, 0, c, 0);
}

void Emitter::mask(const Matrix &a, const Matrix &c, uint32_t window) {
  vector(ESPALIER_OP_MASK, 0, window ? ESPALIER_FLAG_WINDOW : 0, a, nullptr, 0,
         c, window);
}

void Emitter::rope(const Matrix &a, const Matrix &table, const Matrix &c,
                   uint32_t head, uint32_t rotated) {
  vector(ESPALIER_OP_ROPE, 0, 0, a, &table, 0, c, head | rotated << 16);
}

void Emitter::repeat(uint32_t first, uint32_t times) {
  Instruction in;
  in.opcode = ESPALIER_OP_REPEAT;
  in.a = first;
  in.b = times;
  put(ESPALIER_QUEUE_ARRAY, in);
}

void Emitter::endRepeat() {
  Instruction in;
  in.opcode = ESPALIER_OP_END_REPEAT;
  put(ESPALIER_QUEUE_ARRAY, in);
}

void Emitter::mark(const std::string &name) {
  auto [at, isNew] = marks.emplace(name, uint32_t(sequence.frame.marks.size()));
  if (isNew)
    sequence.frame.marks.push_back(name);
  Instruction in;
  in.opcode = ESPALIER_OP_MARK;
  in.b = at->second;
  put(ESPALIER_QUEUE_ARRAY, in);
}
