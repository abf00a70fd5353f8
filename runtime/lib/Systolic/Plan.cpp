//===- Plan.cpp - Check of a program against a machine --------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Plan.h"

#include <algorithm>
#include <unordered_map>

using namespace espalier;
using namespace espalier::simulator;

namespace {

std::string number(uint64_t value) { return std::to_string(value); }

/// a * b + c, or the largest number.
uint64_t multiplyAdd(uint64_t a, uint64_t b, uint64_t c) {
  uint64_t result;
  if (__builtin_mul_overflow(a, b, &result) ||
      __builtin_add_overflow(result, c, &result))
    return UINT64_MAX;
  return result;
}

/// What all places of a symbol have in common.
struct SymbolFacts {
  uint64_t room = UINT64_MAX; ///< least bytes from a place to its region's end
  bool readOnly = false;      ///< some place is
};

/// A REPEAT or END_REPEAT, by which the queues are compared.
struct LoopPoint {
  size_t index;
  uint8_t opcode;
  uint32_t a, b;
  uint64_t cycles; ///< since the point before it
};

class Planner {
public:
  Planner(Plan &plan, const Limits &limits)
      : plan(plan), limits(limits), m(plan.machine), program(plan.program) {}

  Status run() {
    if (program.arrayRows != m.rows || program.arrayColumns != m.columns)
      return Error{"the program is for an array of " +
                   number(program.arrayRows) + " x " +
                   number(program.arrayColumns) + ", the machine '" + m.name +
                   "' has " + number(m.rows) + " x " + number(m.columns)};
    for (const espalier_systolic_symbol &symbol : program.symbols) {
      SymbolFacts facts;
      for (uint32_t i = 0; i < symbol.count; ++i) {
        const Address &address = program.addresses[symbol.first + i];
        const Region &region = program.regions[address.region];
        facts.room = std::min(facts.room, region.bytes - address.offset);
        facts.readOnly |= region.readOnly();
        // Many symbols over many addresses: no more work than is allowed.
        if (++plan.work > limits.work)
          return tooMuch();
      }
      symbols.push_back(facts);
    }
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
      if (Status status = queue(q); !status)
        return status;
    return compareLoops();
  }

private:
  Error tooMuch() const {
    return Error{"the program does more than the limit of " +
                 number(limits.work) +
                 " units of work (instructions, or 64 multiplications each); "
                 "espalier-sim --work N allows more"};
  }

  Status queue(unsigned q);
  Status loopPoint(unsigned q, size_t index, const Instruction &op,
                   uint64_t cycles);
  Status compareLoops() const;
  Result<uint32_t> formOf(const Instruction &op);
  Status operands(const Instruction &op, const Form &form) const;
  Status dram(const Instruction &op, const Form &form) const;
  uint64_t workOf(const Form &form) const;

  Plan &plan;
  const Limits &limits;
  const Machine &m;
  const Program &program;
  std::vector<SymbolFacts> symbols;
  std::unordered_map<uint64_t, uint32_t> known;
  std::vector<LoopPoint> loops[ESPALIER_QUEUES];
  /// Of the loops around the current instruction: times they run, together.
  std::vector<uint64_t> times;
  uint64_t lastLayer = 0;
};

Status Planner::queue(unsigned q) {
  uint64_t delay = 0, sinceLoop = 0;
  times.clear();
  lastLayer = 0;
  const std::vector<Instruction> &source = program.queues[q];
  for (size_t i = 0; i < source.size(); ++i) {
    const Instruction &op = source[i];
    std::string where = instructionName(q, i, op.opcode);
    delay += op.dt;
    sinceLoop += op.dt;
    if (op.opcode == ESPALIER_OP_DELAY) {
      delay += op.b;
      sinceLoop += op.b;
      continue;
    }
    Op entry;
    entry.opcode = op.opcode;
    entry.index = uint32_t(i);
    entry.dt = delay;
    entry.a = op.a;
    // A semaphore's number takes the place of the operand that it has not.
    if (op.opcode == ESPALIER_OP_SIGNAL || op.opcode == ESPALIER_OP_WAIT)
      entry.a = op.aux;
    entry.b = op.b;
    entry.c = op.c;
    delay = 0;
    uint64_t work = 1;
    if (op.opcode == ESPALIER_OP_REPEAT ||
        op.opcode == ESPALIER_OP_END_REPEAT) {
      if (Status status = loopPoint(q, i, op, sinceLoop); !status)
        return status.takeError().within(where);
      sinceLoop = 0;
    } else if (op.opcode == ESPALIER_OP_END && !times.empty()) {
      return Error{where + ": within a loop"};
    } else if (op.opcode == ESPALIER_OP_MARK) {
      plan.hasMarks[q] = true;
    } else if (!isControl(op.opcode)) {
      auto form = formOf(op);
      if (!form)
        return form.takeError().within(where);
      entry.form = *form;
      if (Status status = operands(op, plan.forms[*form]); !status)
        return status.takeError().within(where);
      work = workOf(plan.forms[*form]);
    }
    plan.work = multiplyAdd(work, times.empty() ? 1 : times.back(), plan.work);
    if (plan.work > limits.work)
      return tooMuch();
    plan.queues[q].push_back(entry);
  }
  if (!times.empty())
    return Error{std::string("queue ") + queueName(q) +
                 ": a REPEAT without END_REPEAT"};
  return {};
}

Status Planner::loopPoint(unsigned q, size_t index, const Instruction &op,
                          uint64_t cycles) {
  if (op.opcode == ESPALIER_OP_REPEAT) {
    if (times.size() == ESPALIER_SYSTOLIC_MAX_LOOP_DEPTH)
      return Error{"loops deeper than " +
                   number(ESPALIER_SYSTOLIC_MAX_LOOP_DEPTH)};
    if (times.empty())
      lastLayer = uint64_t(op.a) + op.b - 1;
    times.push_back(multiplyAdd(op.b, times.empty() ? 1 : times.back(), 0));
  } else {
    if (times.empty())
      return Error{"without a REPEAT"};
    // The point itself is taken as often as its body.
    plan.work = multiplyAdd(times.back(), 1, plan.work);
    times.pop_back();
    if (times.empty())
      lastLayer = 0;
  }
  loops[q].push_back({index, op.opcode,
                      op.opcode == ESPALIER_OP_REPEAT ? op.a : 0,
                      op.opcode == ESPALIER_OP_REPEAT ? op.b : 0, cycles});
  return {};
}

/// Every queue has the same loops, and comes to each point in the same cycle.
Status Planner::compareLoops() const {
  const std::vector<LoopPoint> &first = loops[0];
  for (unsigned q = 1; q < ESPALIER_QUEUES; ++q) {
    std::string pair =
        std::string("queues ") + queueName(0) + " and " + queueName(q) + ": ";
    if (loops[q].size() != first.size())
      return Error{pair + "a different number of loops"};
    for (size_t i = 0; i < first.size(); ++i) {
      const LoopPoint &x = first[i], &y = loops[q][i];
      std::string where = pair + "instructions " + number(x.index) + " and " +
                          number(y.index) + ": ";
      if (x.opcode != y.opcode || x.a != y.a || x.b != y.b)
        return Error{where + "the loops differ"};
      if (x.cycles != y.cycles)
        return Error{where + "expected the same number of cycles before each " +
                     opcodeName(x.opcode) + ", got " + number(x.cycles) +
                     " and " + number(y.cycles)};
    }
  }
  return {};
}

Result<uint32_t> Planner::formOf(const Instruction &op) {
  uint64_t key = uint64_t(op.opcode) << 32 | uint64_t(op.flags) << 24 |
                 uint64_t(op.aux) << 16 | op.shape;
  auto found = known.find(key);
  if (found != known.end())
    return found->second;
  auto form = makeForm(op, program.shapes[op.shape], m);
  if (!form)
    return form.takeError();
  uint64_t lastRow = 0;
  if (op.opcode == ESPALIER_OP_GATHER || op.opcode == ESPALIER_OP_SCATTER)
    lastRow = uint64_t(form->shape.extra) + form->shape.rows;
  else if (op.opcode == ESPALIER_OP_MASK)
    lastRow = form->shape.rows;
  if (lastRow > program.bucketRows)
    return Error{"it needs " + number(lastRow) +
                 " elements of an argument, and there are " +
                 number(program.bucketRows)};
  plan.forms.push_back(std::move(*form));
  uint32_t index = uint32_t(plan.forms.size() - 1);
  known.emplace(key, index);
  return index;
}

Status Planner::operands(const Instruction &op, const Form &form) const {
  for (unsigned i = 0; i < form.accesses; ++i) {
    const Access &access = form.access[i];
    uint64_t granule = access.operand == OperandA   ? op.a
                       : access.operand == OperandB ? op.b
                                                    : op.c;
    bool scratchpad = access.space == ESPALIER_SPACE_SCRATCHPAD;
    uint64_t size = scratchpad ? m.scratchpadBytes : m.accumulatorBytes;
    uint64_t end = granule * ESPALIER_SYSTOLIC_GRANULE + access.extent();
    if (end > size)
      return Error{std::string("operand ") + "abc"[access.operand] +
                   " ends at byte " + number(end) + " of the " +
                   (scratchpad ? "scratchpad" : "accumulator") + "'s " +
                   number(size)};
  }
  return form.usesBus ? dram(op, form) : Status();
}

Status Planner::dram(const Instruction &op, const Form &form) const {
  const SymbolFacts &facts = symbols[op.b];
  const espalier_systolic_symbol &symbol = program.symbols[op.b];
  std::string name = "symbol " + number(op.b) + ": ";
  if (symbol.count > 1 && lastLayer >= symbol.count)
    return Error{name + "layer " + number(lastLayer) + " of " +
                 number(symbol.count)};
  bool rowByRow =
      op.opcode == ESPALIER_OP_GATHER || op.opcode == ESPALIER_OP_SCATTER;
  uint64_t rows = rowByRow ? 1 : form.shape.rows;
  uint64_t end = uint64_t(op.c) * ESPALIER_SYSTOLIC_GRANULE +
                 (rows - 1) * form.shape.stride_b + form.dramRowBytes;
  if (end > facts.room)
    return Error{name + "needs " + number(end) +
                 " bytes, and a region has only " + number(facts.room)};
  if (form.unit == Unit::DmaOut && facts.readOnly)
    return Error{name + "a region that is read only cannot be written"};
  return {};
}

/// How much a run of the instruction costs, in any mode.
uint64_t Planner::workOf(const Form &form) const {
  uint64_t work = form.cost.arrayMacs + 8 * form.cost.vectorOps;
  for (unsigned i = 0; i < form.accesses; ++i)
    work += form.access[i].rows * (form.access[i].rowBytes + 8);
  if (form.unit == Unit::Load || form.unit == Unit::Array)
    work += uint64_t(m.rows) * m.columns;
  return 1 + work / 64;
}

} // namespace

Result<Plan> simulator::makePlan(Program program, const Machine &machine,
                                 const Limits &limits) {
  Plan plan;
  plan.machine = machine;
  plan.program = std::move(program);
  if (Status status = Planner(plan, limits).run(); !status)
    return status.takeError();
  return plan;
}
