//===- Forms.cpp - Times and accesses of instructions ---------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The table "Time" of docs/Systolic.md, and what each instruction asks of its
/// shape.
///
//===----------------------------------------------------------------------===//
#include "Systolic/Plan.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::simulator;

Span Access::rowTime(uint64_t j) const {
  if (beatBytes == 0) {
    uint64_t first = offset + j / group * step;
    return {first, first + length - 1};
  }
  j /= subRows;
  uint64_t first = j * beatBytes / bandwidth;
  uint64_t end = ((j + 1) * beatBytes + bandwidth - 1) / bandwidth;
  return {offset + first, offset + std::max(first, end - 1)};
}

namespace {

uint64_t ceilDiv(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

/// Builds one form; the first complaint stays.
class FormBuilder {
public:
  FormBuilder(const Instruction &op, const espalier_systolic_shape &shape,
              const Machine &m)
      : op(op), s(shape), m(m) {
    form.opcode = op.opcode;
    form.flags = op.flags;
    form.aux = op.aux;
    form.shape = shape;
  }

  Result<Form> build() {
    need(s.rows >= 1 && s.rows <= ESPALIER_SYSTOLIC_MAX_ROWS, "rows", s.rows,
         "1 to 65536");
    // No memory holds more elements; so products of these stay small.
    need(s.columns >= 1 && s.columns <= (1u << 30), "columns", s.columns,
         "1 to the size of a memory");
    if (complaint.empty())
      shapeOf();
    if (!complaint.empty())
      return Error{complaint};
    countBytes();
    return form;
  }

private:
  void need(bool holds, const char *what, uint64_t got,
            const std::string &expected) {
    if (!holds && complaint.empty())
      complaint = std::string(what) + ": expected " + expected + ", got " +
                  std::to_string(got);
  }
  void needType(const char *what, uint8_t type,
                std::initializer_list<uint8_t> allowed) {
    bool found = false;
    std::string list;
    for (uint8_t t : allowed) {
      found |= t == type;
      list += (list.empty() ? "" : " or ") + std::string(typeName(t));
    }
    if (!found && complaint.empty())
      complaint = std::string("type of ") + what + ": expected " + list +
                  ", got " +
                  (type < ESPALIER_SYSTOLIC_TYPES ? typeName(type)
                                                  : std::to_string(type));
  }
  void needSpace(Operand operand, uint8_t space) {
    need(spaceOf(operand) == space, operandName(operand), spaceOf(operand),
         space == ESPALIER_SPACE_SCRATCHPAD ? "the scratchpad (0)"
                                            : "the accumulator (1)");
  }
  static const char *operandName(Operand operand) {
    return operand == OperandA   ? "space of a"
           : operand == OperandB ? "space of b"
                                 : "space of c";
  }
  uint8_t spaceOf(Operand operand) const { return s.spaces >> operand & 1; }
  uint32_t strideOf(Operand operand) const {
    return operand == OperandA   ? s.stride_a
           : operand == OperandB ? s.stride_b
                                 : s.stride_c;
  }

  Access &add(Operand operand, bool write, uint64_t rows, uint64_t rowBytes) {
    Access &access = form.access[form.accesses++];
    access.operand = operand;
    access.space = spaceOf(operand);
    access.write = write;
    access.rows = rows;
    access.stride = strideOf(operand);
    access.rowBytes = rowBytes;
    if (write)
      need(rows == 1 || uint64_t(access.stride) * 16 >= rowBytes,
           "stride of what is written", access.stride,
           "rows that do not overlap");
    return access;
  }
  /// The port of a DMA or of a vector unit.
  void takePort(Access &access, Span time) {
    access.port = access.space == ESPALIER_SPACE_ACCUMULATOR ? Port::Vector
                  : access.write                             ? Port::Write
                                                             : Port::Read;
    access.portTime = time;
  }

  void shapeOf() {
    switch (op.opcode) {
    case ESPALIER_OP_LOAD:
    case ESPALIER_OP_GATHER:
    case ESPALIER_OP_STORE:
    case ESPALIER_OP_SCATTER:
      return dma();
    case ESPALIER_OP_LOAD_WEIGHTS:
      return loadWeights();
    case ESPALIER_OP_MATMUL:
      return matmul();
    case ESPALIER_OP_MATMUL_OS:
      return matmulOs();
    case ESPALIER_OP_REDUCE:
    case ESPALIER_OP_ARGMAX:
      return reduce();
    default:
      return elementwise();
    }
  }

  void dma();
  void loadWeights();
  void matmul();
  void matmulOs();
  void elementwise();
  void reduce();
  void arrayType(const char *what, uint8_t type);
  void result(uint64_t rows, uint64_t columns, uint64_t firstRow);
  void countBytes();

  const Instruction &op;
  const espalier_systolic_shape &s;
  const Machine &m;
  Form form;
  std::string complaint;
};

void FormBuilder::dma() {
  bool in = op.opcode == ESPALIER_OP_LOAD || op.opcode == ESPALIER_OP_GATHER;
  bool rowByRow =
      op.opcode == ESPALIER_OP_GATHER || op.opcode == ESPALIER_OP_SCATTER;
  form.unit = in ? Unit::DmaIn : Unit::DmaOut;
  form.usesBus = true;
  needSpace(OperandA, ESPALIER_SPACE_SCRATCHPAD);
  needType("a", s.type_a,
           {ESPALIER_SYSTOLIC_I8, ESPALIER_SYSTOLIC_I32, ESPALIER_SYSTOLIC_BF16,
            ESPALIER_SYSTOLIC_F32});
  bool blocks = isBlockType(s.type_b);
  if (s.type_a != s.type_b) {
    if (in && s.type_a == ESPALIER_SYSTOLIC_BF16)
      needType("b", s.type_b,
               {ESPALIER_SYSTOLIC_BF16, ESPALIER_SYSTOLIC_F32,
                ESPALIER_SYSTOLIC_Q8_0, ESPALIER_SYSTOLIC_Q4_0,
                ESPALIER_SYSTOLIC_Q4_1});
    else
      needType("b", s.type_b, {s.type_a});
  }
  if (!complaint.empty())
    return;
  form.dramRowBytes = s.columns * elementBytes(s.type_b);
  Access &access = add(OperandA, in, uint64_t(s.rows) * (blocks ? 32 : 1),
                       s.columns * elementBytes(s.type_a));
  uint64_t bandwidth = m.bandwidth;
  access.beatBytes = rowByRow
                         ? ceilDiv(form.dramRowBytes, bandwidth) * bandwidth
                         : form.dramRowBytes;
  access.bandwidth = m.bandwidth;
  access.subRows = blocks ? 32 : 1;
  access.offset = in ? m.dramLatency : 0;
  uint64_t n = ceilDiv(s.rows * access.beatBytes, bandwidth);
  form.busy = std::max<uint64_t>(n, 1);
  form.complete = form.busy + m.dramLatency;
  takePort(access,
           {access.rowTime(0).first, access.rowTime(access.rows - 1).last});
}

void FormBuilder::arrayType(const char *what, uint8_t type) {
  if (type == ESPALIER_SYSTOLIC_BF16 && !m.bf16)
    complaint =
        std::string("type of ") + what + ": the machine's array has no bf16";
  else if (type == ESPALIER_SYSTOLIC_I8 && !m.int8)
    complaint =
        std::string("type of ") + what + ": the machine's array has no int8";
  else
    needType(what, type, {ESPALIER_SYSTOLIC_BF16, ESPALIER_SYSTOLIC_I8});
}

void FormBuilder::loadWeights() {
  form.unit = Unit::Load;
  bool transposed = op.flags & ESPALIER_FLAG_TRANSPOSED;
  needSpace(OperandA, ESPALIER_SPACE_SCRATCHPAD);
  arrayType("a", s.type_a);
  uint64_t k = transposed ? s.columns : s.rows;
  uint64_t n = transposed ? s.rows : s.columns;
  need(k <= m.rows, transposed ? "columns" : "rows", k,
       "at most the array's " + std::to_string(m.rows) + " rows");
  need(n <= m.columns, transposed ? "rows" : "columns", n,
       "at most the array's " + std::to_string(m.columns) + " columns");
  Access &access =
      add(OperandA, false, s.rows, s.columns * elementBytes(s.type_a));
  uint64_t length = ceilDiv(m.rows, m.loadRows);
  if (transposed) {
    access.length = length;
  } else {
    access.group = m.loadRows;
    access.step = 1;
  }
  takePort(access, {0, length - 1});
  form.busy = form.complete = length;
}

/// The destination of a product, in the accumulator: row j is written at
/// firstRow + j.
void FormBuilder::result(uint64_t rows, uint64_t columns, uint64_t firstRow) {
  needSpace(OperandC, ESPALIER_SPACE_ACCUMULATOR);
  needType("c", s.type_c,
           {uint8_t(s.type_a == ESPALIER_SYSTOLIC_I8 ? ESPALIER_SYSTOLIC_I32
                                                     : ESPALIER_SYSTOLIC_F32)});
  need(columns >= 1 && columns <= m.columns, "extra", columns,
       "1 to the array's " + std::to_string(m.columns) + " columns");
  bool accumulates = op.flags & ESPALIER_FLAG_ACCUMULATE;
  for (bool write : {false, true}) {
    if (!write && !accumulates)
      continue;
    Access &access = add(OperandC, write, rows, columns * 4);
    access.offset = firstRow;
    access.step = 1;
    if (write) {
      access.port = Port::Array;
      access.portTime = {firstRow, firstRow + rows - 1};
    }
  }
}

void FormBuilder::matmul() {
  form.unit = Unit::Array;
  if (!m.weightStationary) {
    complaint = "the machine has no dataflow 'weight_stationary'";
    return;
  }
  needSpace(OperandA, ESPALIER_SPACE_SCRATCHPAD);
  arrayType("a", s.type_a);
  need(s.columns <= m.rows, "columns", s.columns,
       "at most the array's " + std::to_string(m.rows) + " rows");
  uint64_t rows = s.rows, fill = uint64_t(m.rows) + m.columns - 2;
  Access &access =
      add(OperandA, false, rows, s.columns * elementBytes(s.type_a));
  access.step = 1;
  takePort(access, {0, rows - 1});
  result(rows, s.extra, fill);
  form.busy = rows;
  form.complete = rows + fill;
  form.cost.macs = rows * s.columns * s.extra;
  form.cost.arrayMacs = rows * m.rows * m.columns;
  form.cost.int8 = s.type_a == ESPALIER_SYSTOLIC_I8;
}

void FormBuilder::matmulOs() {
  form.unit = Unit::Array;
  if (!m.outputStationary) {
    complaint = "the machine has no dataflow 'output_stationary'";
    return;
  }
  needSpace(OperandA, ESPALIER_SPACE_SCRATCHPAD);
  needSpace(OperandB, ESPALIER_SPACE_SCRATCHPAD);
  arrayType("a", s.type_a);
  needType("b", s.type_b, {s.type_a});
  need(s.rows <= m.rows, "rows", s.rows,
       "at most the array's " + std::to_string(m.rows) + " rows");
  uint64_t k = s.columns;
  for (Operand operand : {OperandA, OperandB}) {
    bool isA = operand == OperandA;
    Access &access = add(operand, false, isA ? s.rows : k,
                         (isA ? k : s.extra) * elementBytes(s.type_a));
    access.length = k;
    takePort(access, {0, k - 1});
  }
  result(s.rows, s.extra, k + m.columns - 2);
  form.complete = k + m.rows + m.columns - 2;
  form.busy = m.shadow ? std::max<uint64_t>(k, m.rows) : form.complete;
  form.cost.macs = s.rows * k * s.extra;
  form.cost.arrayMacs = k * m.rows * m.columns;
  form.cost.int8 = s.type_a == ESPALIER_SYSTOLIC_I8;
}

uint32_t latencyOf(const Instruction &op, const Machine &m) {
  if (op.opcode == ESPALIER_OP_BINARY)
    return op.aux == ESPALIER_BINARY_DIVIDE ? m.latencyDivide : m.latencyMap;
  if (op.opcode != ESPALIER_OP_MAP)
    return m.latencyMap;
  switch (op.aux) {
  case ESPALIER_MAP_COPY:
  case ESPALIER_MAP_RELU:
  case ESPALIER_MAP_RELU_SQUARED:
    return m.latencyMap;
  case ESPALIER_MAP_RECIPROCAL:
  case ESPALIER_MAP_SQRT:
    return m.latencyDivide;
  default:
    return m.latencyFunction;
  }
}

constexpr std::initializer_list<uint8_t> vectorTypes = {
    ESPALIER_SYSTOLIC_I8, ESPALIER_SYSTOLIC_I32, ESPALIER_SYSTOLIC_BF16,
    ESPALIER_SYSTOLIC_F32};

void FormBuilder::elementwise() {
  form.unit = Unit::VectorA;
  needType("a", s.type_a, vectorTypes);
  needType("c", s.type_c, vectorTypes);
  uint64_t rows = s.rows, columns = s.columns, latency = latencyOf(op, m);
  uint64_t beats = ceilDiv(columns, m.lanes), busy = rows * beats;
  auto rowWise = [&](Access &access, uint64_t from) {
    access.offset = from;
    access.step = access.length = beats;
    takePort(access, {from, from + busy - 1});
  };
  rowWise(add(OperandA, false, rows, columns * elementBytes(s.type_a)), 0);
  if (op.opcode == ESPALIER_OP_ROPE) {
    uint64_t head = s.extra & 0xffff, rotated = s.extra >> 16;
    need(head >= 1 && columns % head == 0, "extra (elements of a head)", head,
         "a divisor of the columns");
    need(rotated >= 2 && rotated % 2 == 0 && rotated <= head,
         "extra (elements that are rotated)", rotated,
         "an even number of 2 to those of a head");
    needType("b", s.type_b, vectorTypes);
    rowWise(add(OperandB, false, rows, rotated * elementBytes(s.type_b)), 0);
  }
  if (op.opcode == ESPALIER_OP_BINARY && !(op.flags & ESPALIER_FLAG_CONSTANT)) {
    needType("b", s.type_b, vectorTypes);
    bool row = op.flags & ESPALIER_FLAG_ROW;
    bool column = op.flags & ESPALIER_FLAG_COLUMN;
    Access &b = add(OperandB, false, row ? 1 : rows,
                    (column ? 1 : columns) * elementBytes(s.type_b));
    rowWise(b, 0);
    if (row || column) {
      b.step = 0;
      b.length = busy;
    }
  }
  rowWise(add(OperandC, true, rows, columns * elementBytes(s.type_c)), latency);
  form.busy = busy;
  form.complete = busy + latency;
  form.cost.vectorOps = rows * columns;
}

void FormBuilder::reduce() {
  form.unit = Unit::VectorA;
  needType("a", s.type_a, vectorTypes);
  needType("c", s.type_c, {ESPALIER_SYSTOLIC_F32});
  bool argmax = op.opcode == ESPALIER_OP_ARGMAX;
  uint64_t rows = s.rows, columns = s.columns, latency = m.latencyReduce;
  uint64_t group = std::max(1u, m.lanes / 16), step = ceilDiv(columns, 16);
  uint64_t groups = ceilDiv(rows, group), busy = groups * step;
  Access &a = add(OperandA, false, rows, columns * elementBytes(s.type_a));
  a.group = group;
  a.step = a.length = step;
  takePort(a, {0, busy - 1});
  uint64_t first = step - 1 + latency;
  for (bool write : {false, true}) {
    if (!write && !(argmax && (op.flags & ESPALIER_FLAG_ACCUMULATE)))
      continue;
    Access &c = add(OperandC, write, rows, argmax ? 8 : 4);
    c.offset = first;
    c.group = group;
    c.step = step;
    if (write)
      takePort(c, {first, first + (groups - 1) * step});
  }
  form.busy = busy;
  form.complete = busy + latency;
  form.cost.vectorOps = rows * columns;
}

void FormBuilder::countBytes() {
  Cost &cost = form.cost;
  for (unsigned i = 0; i < form.accesses; ++i) {
    const Access &access = form.access[i];
    uint64_t bytes = access.rows * access.rowBytes;
    if (access.space == ESPALIER_SPACE_SCRATCHPAD)
      (access.write ? cost.scratchpadWritten : cost.scratchpadRead) += bytes;
    else
      (access.write ? cost.accumulatorWritten : cost.accumulatorRead) += bytes;
  }
  if (form.usesBus)
    (form.unit == Unit::DmaIn ? cost.dramRead : cost.dramWritten) =
        s.rows * form.dramRowBytes;
}

} // namespace

Result<Form> simulator::makeForm(const Instruction &op,
                                 const espalier_systolic_shape &shape,
                                 const Machine &m) {
  return FormBuilder(op, shape, m).build();
}
