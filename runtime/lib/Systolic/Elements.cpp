//===- Elements.cpp - The array, element by element -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Elements.h"

#include "espalier/Support/Half.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

using namespace espalier;
using namespace espalier::simulator;

static std::string number(uint64_t value) { return std::to_string(value); }

Elements::Elements(const Machine &m) : m(m) {}

void Elements::begin() {
  grid.clear();
  if (m.rows <= mostRows && m.columns <= mostRows)
    grid.resize(size_t(m.rows) * m.columns);
  jobs.clear();
  loads.clear();
  cycle = 0;
  jobNumber = tileNumber = activeTile = 0;
}

/// A matrix in the scratchpad, widened, its rows one after the other.
static std::vector<float> widened(const uint8_t *from, uint32_t stride,
                                  uint8_t type, uint64_t rows,
                                  uint64_t columns) {
  std::vector<float> values;
  values.reserve(size_t(rows * columns));
  for (uint64_t j = 0; j < rows; ++j)
    for (uint64_t i = 0; i < columns; ++i) {
      const uint8_t *row = from + j * stride * ESPALIER_SYSTOLIC_GRANULE;
      uint16_t bits;
      if (type == ESPALIER_SYSTOLIC_I8) {
        values.push_back(float(int8_t(row[i])));
      } else {
        memcpy(&bits, row + i * 2, 2);
        values.push_back(bf16ToFloat(bits));
      }
    }
  return values;
}

Status Elements::issue(const Form &form, const Op &op, uint64_t t,
                       const uint8_t *a, const uint8_t *b,
                       const std::vector<uint32_t> &chains) {
  if (Status status = advance(t); !status)
    return status;
  const espalier_systolic_shape &s = form.shape;
  std::vector<float> left = widened(a, s.stride_a, s.type_a, s.rows, s.columns);
  if (form.opcode == ESPALIER_OP_LOAD_WEIGHTS) {
    Load load = {t, ++tileNumber, {}};
    load.weights.resize(grid.size());
    bool transposed = form.flags & ESPALIER_FLAG_TRANSPOSED;
    for (uint32_t j = 0; j < s.rows; ++j)
      for (uint32_t i = 0; i < s.columns; ++i) {
        uint32_t k = transposed ? i : j, n = transposed ? j : i;
        load.weights[k * m.columns + n] = left[j * s.columns + i];
      }
    loads.push_back(std::move(load));
    return {};
  }
  if (form.opcode == ESPALIER_OP_MATMUL && (form.flags & ESPALIER_FLAG_SWAP))
    activeTile = tileNumber;
  Job job = {&form, ++jobNumber, op.index,   t,     std::move(left),
             {},    chains,      activeTile, s.rows};
  if (b)
    job.b = widened(b, s.stride_b, s.type_a, s.columns, s.extra);
  jobs.push_back(std::move(job));
  return {};
}

Status Elements::advance(uint64_t to) {
  while (cycle < to) {
    if (jobs.empty() && loads.empty()) {
      cycle = to;
      break;
    }
    if (Status status = step(); !status)
      return status;
  }
  return {};
}

Status Elements::drain() {
  while (!jobs.empty() || !loads.empty())
    if (Status status = step(); !status)
      return status;
  return {};
}

/// What enters a row of elements in this cycle: row i of a product is i cycles
/// late in it.
Elements::Moving Elements::feedLeft(uint32_t row) const {
  Moving moving;
  for (const Job &job : jobs) {
    const espalier_systolic_shape &s = job.form->shape;
    if (cycle < job.issue + row)
      continue;
    uint64_t since = cycle - job.issue - row;
    bool stationary = job.stationary();
    if (since >= (stationary ? s.columns : s.rows) ||
        (stationary && row >= s.rows))
      continue;
    moving.present = true;
    moving.job = job.number;
    if (stationary) {
      moving.multiplies = true;
      moving.first = since == 0;
      moving.last = since + 1 == s.columns;
      moving.row = row;
      moving.value = job.a[row * s.columns + since];
    } else {
      moving.multiplies = row < s.columns;
      moving.swap = since == 0 && (job.form->flags & ESPALIER_FLAG_SWAP);
      moving.row = uint32_t(since);
      if (moving.multiplies)
        moving.value = job.a[since * s.columns + row];
    }
  }
  return moving;
}

/// Output-stationary: what enters a column from above.
float Elements::feedTop(uint32_t column) const {
  for (const Job &job : jobs) {
    const espalier_systolic_shape &s = job.form->shape;
    if (!job.stationary() || cycle < job.issue + column || column >= s.extra)
      continue;
    uint64_t since = cycle - job.issue - column;
    if (since < s.columns)
      return job.b[since * s.extra + column];
  }
  return 0;
}

Elements::Job *Elements::find(uint32_t number) {
  for (Job &job : jobs)
    if (job.number == number)
      return &job;
  return nullptr;
}

static uint32_t multiplyAdd(const Form &form, float a, float b, uint32_t sum) {
  if (form.shape.type_a == ESPALIER_SYSTOLIC_I8)
    return sum + uint32_t(int32_t(a) * int32_t(b));
  return std::bit_cast<uint32_t>(std::fma(a, b, std::bit_cast<float>(sum)));
}

Status Elements::arrive(const Job &job, uint32_t row, uint32_t column,
                        uint32_t bits) {
  const Form &form = *job.form;
  std::string where = "element by element, instruction " + number(job.index) +
                      ", row " + number(row) + ", column " + number(column) +
                      ": ";
  if (column < form.shape.extra) {
    uint32_t expected = job.expected[row * form.shape.extra + column];
    bool bothNaN = form.shape.type_a == ESPALIER_SYSTOLIC_BF16 &&
                   std::isnan(std::bit_cast<float>(bits)) &&
                   std::isnan(std::bit_cast<float>(expected));
    if (bits != expected && !bothNaN)
      return Error{where + "the sum has the bits " + number(bits) +
                   ", expected " + number(expected)};
  }
  // A row is written when its last result is there.
  const Access &write = form.access[form.accesses - 1];
  uint64_t due = job.issue + write.rowTime(row).last;
  if (column + 1 == m.columns && cycle != due)
    return Error{where + "it comes in cycle " + number(cycle) + ", expected " +
                 number(due)};
  return {};
}

Status Elements::multiplyWeights(uint32_t row, uint32_t column,
                                 const Moving &moving) {
  Element &element = at(row, column);
  Job &job = *find(moving.job);
  // The wave takes the plane along.
  if (moving.swap && m.shadow)
    element.active = element.waiting;
  const Weight &weight = m.shadow ? element.active : element.waiting;
  Sum in = {true, moving.job, moving.row, 0};
  if (row > 0)
    in = at(row - 1, column).sum;
  if (!in.present || in.job != moving.job || in.row != moving.row)
    return Error{"element by element, instruction " + number(job.index) +
                 ": a sum and an operand do not meet in cycle " +
                 number(cycle)};
  element.sum = in;
  if (moving.multiplies) {
    if (weight.tile != job.tile || weight.row != row)
      return Error{"element by element, instruction " + number(job.index) +
                   ": an element uses weights of another tile in cycle " +
                   number(cycle)};
    element.sum.bits =
        multiplyAdd(*job.form, moving.value, weight.value, in.bits);
  }
  if (row + 1 < m.rows)
    return {};
  if (column + 1 == m.columns)
    --job.left;
  return arrive(job, moving.row, column, element.sum.bits);
}

Status Elements::multiplyHeld(uint32_t row, uint32_t column,
                              const Moving &moving, float down) {
  Element &element = at(row, column);
  Job &job = *find(moving.job);
  if (moving.first)
    element.held = 0;
  element.held = multiplyAdd(*job.form, moving.value, down, element.held);
  if (!moving.last)
    return {};
  if (column + 1 == m.columns)
    --job.left;
  return arrive(job, row, column, element.held);
}

Status Elements::compute(uint32_t row, uint32_t column) {
  Element &element = at(row, column);
  Moving moving = column ? at(row, column - 1).right : feedLeft(row);
  float down = row ? at(row - 1, column).down : feedTop(column);
  element.right = moving;
  element.down = down;
  if (!moving.present) {
    element.sum.present = false;
    return {};
  }
  Job *job = find(moving.job);
  if (!job)
    return Error{"element by element: an operand outlives its product in "
                 "cycle " +
                 number(cycle)};
  return job->stationary() ? multiplyHeld(row, column, moving, down)
                           : multiplyWeights(row, column, moving);
}

void Elements::shiftWeights() {
  uint64_t length = (m.rows + m.loadRows - 1) / m.loadRows;
  for (const Load &load : loads)
    for (uint64_t top = 0; top < m.rows; top += length) {
      uint64_t count = std::min<uint64_t>(length, m.rows - top);
      for (uint32_t n = 0; n < m.columns; ++n) {
        uint64_t begin = load.issue + top + n;
        if (cycle < begin || cycle - begin >= count)
          continue;
        // What was there before stays until the wave that uses it has come by.
        for (uint64_t i = cycle - begin; i > 0; --i)
          at(uint32_t(top + i), n).waiting =
              at(uint32_t(top + i - 1), n).waiting;
        auto row = uint32_t(top + count - 1 - (cycle - begin));
        at(uint32_t(top), n).waiting = {load.weights[row * m.columns + n],
                                        load.tile, row};
      }
    }
  // After its last band, in the last column.
  std::erase_if(loads, [&](const Load &load) {
    return cycle >= load.issue + 2 * uint64_t(m.rows) + m.columns;
  });
}

/// One cycle: from the last element to the first, so that each still finds what
/// its neighbours sent in the cycle before.
Status Elements::step() {
  if (!jobs.empty() && cycle > jobs.front().issue + jobs.front().form->complete)
    return Error{"element by element, instruction " +
                 number(jobs.front().index) + ": no result by cycle " +
                 number(cycle)};
  for (uint32_t row = m.rows; row-- > 0;)
    for (uint32_t column = m.columns; column-- > 0;)
      if (Status status = compute(row, column); !status)
        return status;
  shiftWeights();
  std::erase_if(jobs, [](const Job &job) { return job.left == 0; });
  ++cycle;
  return {};
}
