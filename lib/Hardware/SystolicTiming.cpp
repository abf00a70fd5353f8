//===- SystolicTiming.cpp - Times of accelerator instructions -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Hardware/SystolicTiming.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::systolic;

namespace {

uint64_t ceilDiv(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

unsigned elementBytes(uint8_t type) {
  switch (type) {
  case ESPALIER_SYSTOLIC_I8:
    return 1;
  case ESPALIER_SYSTOLIC_BF16:
    return 2;
  default:
    return 4;
  }
}

/// Bytes of a block of 32 in DRAM, or 0 of a plain type.
unsigned blockBytes(uint8_t type) {
  switch (type) {
  case ESPALIER_SYSTOLIC_Q8_0:
    return 34;
  case ESPALIER_SYSTOLIC_Q4_0:
    return 18;
  case ESPALIER_SYSTOLIC_Q4_1:
    return 20;
  default:
    return 0;
  }
}

RowTimes steps(uint64_t base, uint64_t step, uint64_t span,
               uint32_t group = 1) {
  return {base, step, span, 0, group, 0};
}

/// Collects the operands of one instruction.
struct Operands {
  Timing &timing;
  const Shape &shape;

  Access &add(unsigned bit, bool write, uint32_t address, uint64_t rows,
              uint32_t stride, uint64_t rowBytes, const RowTimes &times) {
    Access &access = timing.access[timing.accesses++];
    access.space = (shape.spaces >> bit) & 1;
    access.write = write;
    access.address = address;
    access.rows = uint32_t(rows);
    access.stride = stride;
    access.rowBytes = rowBytes;
    access.times = times;
    if (rows) {
      access.portFirst = times.first(0);
      access.portLast = times.last(rows - 1);
    }
    return access;
  }
};

void dma(const Instruction &in, const Shape &shape,
         const SystolicMachine &machine, Timing &timing) {
  uint64_t bytes = dramRowBytes(shape);
  bool indexed =
      in.opcode == ESPALIER_OP_GATHER || in.opcode == ESPALIER_OP_SCATTER;
  bool load = in.opcode == ESPALIER_OP_LOAD || in.opcode == ESPALIER_OP_GATHER;
  uint32_t beat = machine.dramBandwidth;
  if (indexed)
    bytes = ceilDiv(bytes, beat) * beat;
  uint32_t group = blockBytes(shape.type_b) ? 32 : 1;
  timing.busy = std::max<uint64_t>(1, ceilDiv(bytes * shape.rows, beat));
  timing.complete = timing.busy + machine.dramLatency;
  RowTimes times;
  times.base = load ? machine.dramLatency : 0;
  times.bytes = bytes;
  times.group = group;
  times.beat = beat;
  Access &a = Operands{timing, shape}.add(
      0, load, in.a, uint64_t(shape.rows) * group, shape.stride_a,
      uint64_t(shape.columns) * elementBytes(shape.type_a), times);
  a.space = ESPALIER_SPACE_SCRATCHPAD;
  if (!load) // a read port is taken for as long as the unit is busy
    a.portLast = timing.busy - 1;
}

void array(const Instruction &in, const Shape &shape,
           const SystolicMachine &machine, Timing &timing) {
  uint64_t R = machine.rows, C = machine.columns;
  uint64_t rows = shape.rows, cols = shape.columns;
  Operands operands{timing, shape};
  uint64_t rowBytes = cols * elementBytes(shape.type_a);
  if (in.opcode == ESPALIER_OP_LOAD_WEIGHTS) {
    uint64_t L = machine.loadCycles();
    timing.busy = timing.complete = L;
    RowTimes times = in.flags & ESPALIER_FLAG_TRANSPOSED
                         ? steps(0, 0, L - 1)
                         : steps(0, 1, 0, machine.loadRows);
    Access &a =
        operands.add(0, false, in.a, rows, shape.stride_a, rowBytes, times);
    a.space = ESPALIER_SPACE_SCRATCHPAD;
    a.portFirst = 0;
    a.portLast = L - 1;
    return;
  }
  uint64_t out = uint64_t(shape.extra) * 4;
  Access *c;
  if (in.opcode == ESPALIER_OP_MATMUL) {
    timing.busy = rows;
    timing.complete = rows + R + C - 2;
    operands.add(0, false, in.a, rows, shape.stride_a, rowBytes, steps(0, 1, 0))
        .space = ESPALIER_SPACE_SCRATCHPAD;
    c = &operands.add(2, true, in.c, rows, shape.stride_c, out,
                      steps(R + C - 2, 1, 0));
  } else {
    timing.complete = cols + R + C - 2;
    timing.busy = machine.shadow ? std::max(cols, R) : timing.complete;
    RowTimes whole = steps(0, 0, cols - 1);
    operands.add(0, false, in.a, rows, shape.stride_a, rowBytes, whole).space =
        ESPALIER_SPACE_SCRATCHPAD;
    operands
        .add(1, false, in.b, cols, shape.stride_b,
             uint64_t(shape.extra) * elementBytes(shape.type_b), whole)
        .space = ESPALIER_SPACE_SCRATCHPAD;
    c = &operands.add(2, true, in.c, rows, shape.stride_c, out,
                      steps(cols + C - 2, 1, 0));
  }
  c->space = ESPALIER_SPACE_ACCUMULATOR;
  c->accumulates = in.flags & ESPALIER_FLAG_ACCUMULATE;
}

unsigned latencyOf(const Instruction &in, const SystolicMachine &machine) {
  switch (in.opcode) {
  case ESPALIER_OP_MAP:
    switch (in.aux) {
    case ESPALIER_MAP_COPY:
    case ESPALIER_MAP_RELU:
    case ESPALIER_MAP_RELU_SQUARED:
      return machine.latencyMap;
    case ESPALIER_MAP_RECIPROCAL:
    case ESPALIER_MAP_SQRT:
      return machine.latencyDivide;
    default:
      return machine.latencyFunction;
    }
  case ESPALIER_OP_BINARY:
    return in.aux == ESPALIER_BINARY_DIVIDE ? machine.latencyDivide
                                            : machine.latencyMap;
  case ESPALIER_OP_REDUCE:
  case ESPALIER_OP_ARGMAX:
    return machine.latencyReduce;
  default:
    return machine.latencyMap;
  }
}

void vector(const Instruction &in, const Shape &shape,
            const SystolicMachine &machine, Timing &timing) {
  uint64_t rows = shape.rows, cols = shape.columns;
  uint64_t l = latencyOf(in, machine);
  Operands operands{timing, shape};
  uint64_t rowBytes = cols * elementBytes(shape.type_a);
  if (in.opcode == ESPALIER_OP_REDUCE || in.opcode == ESPALIER_OP_ARGMAX) {
    uint32_t g = std::max(1u, machine.lanes / 16);
    uint64_t h = ceilDiv(cols, 16);
    timing.busy = ceilDiv(rows, g) * h;
    timing.complete = timing.busy + l;
    Access &a = operands.add(0, false, in.a, rows, shape.stride_a, rowBytes,
                             steps(0, h, h - 1, g));
    a.portFirst = 0;
    a.portLast = timing.busy - 1;
    bool two = in.opcode == ESPALIER_OP_ARGMAX;
    Access &c = operands.add(2, true, in.c, rows, shape.stride_c, two ? 8 : 4,
                             steps(h - 1 + l, h, 0, g));
    c.accumulates = two && (in.flags & ESPALIER_FLAG_ACCUMULATE);
    return;
  }
  uint64_t b = ceilDiv(cols, machine.lanes);
  timing.busy = rows * b;
  timing.complete = timing.busy + l;
  RowTimes stream = steps(0, b, b - 1);
  RowTimes whole = steps(0, 0, timing.busy - 1);
  operands.add(0, false, in.a, rows, shape.stride_a, rowBytes, stream);
  unsigned wide = elementBytes(shape.type_b);
  if (in.opcode == ESPALIER_OP_ROPE)
    operands.add(1, false, in.b, rows, shape.stride_b,
                 uint64_t(shape.extra >> 16) * wide, stream);
  else if (in.opcode == ESPALIER_OP_BINARY) {
    if (in.flags & ESPALIER_FLAG_ROW)
      operands.add(1, false, in.b, 1, shape.stride_b, cols * wide, whole);
    else if (in.flags & ESPALIER_FLAG_COLUMN)
      operands.add(1, false, in.b, rows, shape.stride_b, wide, whole);
    else if (!(in.flags & ESPALIER_FLAG_CONSTANT))
      operands.add(1, false, in.b, rows, shape.stride_b, cols * wide, stream);
  }
  operands.add(2, true, in.c, rows, shape.stride_c,
               cols * elementBytes(shape.type_c), steps(l, b, b - 1));
}

} // namespace

uint64_t systolic::dramRowBytes(const Shape &shape) {
  unsigned block = blockBytes(shape.type_b);
  return uint64_t(shape.columns) * (block ? block : elementBytes(shape.type_b));
}

Timing systolic::timingOf(const Instruction &in, const Shape &shape,
                          const SystolicMachine &machine) {
  Timing timing;
  if (in.opcode < ESPALIER_OP_LOAD_WEIGHTS)
    dma(in, shape, machine, timing);
  else if (in.opcode < ESPALIER_OP_MAP)
    array(in, shape, machine, timing);
  else
    vector(in, shape, machine, timing);
  return timing;
}

namespace {

/// Walks one queue. Loops are not unrolled: their turns are alike.
struct QueueWalk {
  struct Loop {
    uint64_t begin, count, last; ///< `last`: largest completion outside.
  };

  void step(const Instruction &in, const Program &program,
            const SystolicMachine &machine, Prediction &prediction,
            Prediction::Queue &queue) {
    now += in.dt;
    switch (in.opcode) {
    case ESPALIER_OP_DELAY:
      now += in.b;
      return;
    case ESPALIER_OP_REPEAT:
      loops.push_back({now, in.b, last});
      turns *= in.b;
      last = 0;
      return;
    case ESPALIER_OP_END_REPEAT: {
      if (loops.empty())
        return;
      Loop loop = loops.back();
      loops.pop_back();
      uint64_t shift = (loop.count - 1) * (now - loop.begin);
      turns /= std::max<uint64_t>(1, loop.count);
      now += shift;
      last = std::max(loop.last, last ? last + shift : 0);
      return;
    }
    case ESPALIER_OP_MARK:
      prediction.marks.push_back({in.b, now});
      return;
    default:
      break;
    }
    if (isControl(in.opcode) || in.shape >= program.shapes.size())
      return;
    Timing timing = timingOf(in, program.shapes[in.shape], machine);
    if (queue.instructions == 0)
      queue.first = now;
    queue.instructions += turns;
    (in.opcode == ESPALIER_OP_LOAD_WEIGHTS ? queue.loading : queue.busy) +=
        turns * timing.busy;
    last = std::max(last, now + timing.complete);
  }

  uint64_t now = 0, last = 0, turns = 1;
  std::vector<Loop> loops;
};

} // namespace

Prediction systolic::predict(const Program &program,
                             const SystolicMachine &machine) {
  Prediction prediction;
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
    QueueWalk walk;
    for (const Instruction &in : program.queues[q])
      walk.step(in, program, machine, prediction, prediction.queues[q]);
    prediction.queues[q].last = walk.last;
    prediction.cycles = std::max(prediction.cycles, walk.last);
  }
  return prediction;
}

uint64_t systolic::predictCycles(const Program &program,
                                 const SystolicMachine &machine) {
  return predict(program, machine).cycles;
}
