//===- Engine.cpp - Runs a plan by its times ------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Engine.h"

#include "Core/FloatingPointState.h"

#include <algorithm>
#include <cstring>

using namespace espalier;
using namespace espalier::simulator;

/// Far beyond every program, and far below where cycles would overflow.
static constexpr uint64_t mostCycles = uint64_t(1) << 56;

static std::string number(uint64_t value) { return std::to_string(value); }

Engine::Engine(const Plan &plan)
    : dram(plan.program), plan(plan), ports(plan.machine), rules(plan.machine),
      array(plan.machine), vectors(plan.program), elements(plan.machine) {}

Error Engine::at(uint64_t cycle, unsigned q, const Op &op,
                 const std::string &what) const {
  return Error{"cycle " + number(cycle) + ": " +
               instructionName(q, op.index, op.opcode) + ": " + what};
}

uint64_t Engine::allComplete() const {
  uint64_t cycle = 0;
  for (const Queue &queue : queues)
    cycle = std::max(cycle, queue.end);
  return cycle;
}

void Engine::begin(const Arguments &given, Mode asked, Trace *to) {
  mode = asked;
  arguments = given;
  trace = to;
  ports.begin();
  rules.begin();
  shadow.begin();
  dram.begin();
  elements.begin();
  // A granule that is written in part has zeros in the rest, in every run.
  if (mode != Mode::Timing) {
    if (used) {
      memset(memories[0].get(), 0, size_t(plan.machine.scratchpadBytes));
      memset(memories[1].get(), 0, size_t(plan.machine.accumulatorBytes));
    }
    used = true;
  }
  loops.clear();
  std::fill(std::begin(unitEnd), std::end(unitEnd), 0);
  busEnd = 0;
  semaphores.assign(plan.program.semaphores, 0);
  signals.assign(plan.program.semaphores, {});
  counters.assign(plan.program.marks.size() + 1, {});
  marks.assign(plan.program.marks.size(), {});
  lastMark = 0;
  markedAt = 0;
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
    queues[q] = Queue();
    reports[q] = QueueReport();
    queues[q].time = mode == Mode::Elastic ? 0 : current(q).dt;
  }
}

Status Engine::checkArguments() const {
  static const char *const names[] = {"TOKEN", "POSITION", "CACHE_ROW",
                                      "WANTED"};
  for (const Form &form : plan.forms) {
    unsigned argument = ESPALIER_ARGUMENT_ARRAYS;
    if (form.opcode == ESPALIER_OP_GATHER || form.opcode == ESPALIER_OP_SCATTER)
      argument = form.aux;
    else if (form.opcode == ESPALIER_OP_MASK)
      argument = ESPALIER_ARGUMENT_POSITION;
    if (argument < ESPALIER_ARGUMENT_ARRAYS &&
        arguments.arrays[argument].size() < plan.program.bucketRows)
      return Error{std::string("argument ") + names[argument] + ": expected " +
                   number(plan.program.bucketRows) + " elements, got " +
                   number(arguments.arrays[argument].size())};
  }
  return {};
}

Result<Report> Engine::run(const Arguments &given, Mode asked, Trace *to,
                           uint64_t memory) {
  runtime::FloatingPointState state;
  if (asked != Mode::Timing) {
    if (asked == Mode::Elements && (plan.machine.rows > Elements::mostRows ||
                                    plan.machine.columns > Elements::mostRows))
      return Error{"every element is stepped only of arrays of up to 16 x 16"};
    if (Status status = dram.prepare(memory); !status)
      return status.takeError();
    if (!memories[0]) {
      memories[0] = makePages<uint8_t>(plan.machine.scratchpadBytes);
      memories[1] = makePages<uint8_t>(plan.machine.accumulatorBytes);
      if (!memories[0] || !memories[1] || !shadow.allocate(plan.machine))
        return Error{"no memory for the machine's scratchpad and accumulator"};
    }
  }
  begin(given, asked, to);
  if (asked != Mode::Timing)
    if (Status status = checkArguments(); !status)
      return status.takeError();
  Status status = asked == Mode::Elastic  ? runElastic()
                  : asked == Mode::Timing ? runScheduledAs<false>()
                                          : runScheduledAs<true>();
  if (status && asked == Mode::Elements)
    status = elements.drain();
  if (!status)
    return status.takeError();
  return finish(asked);
}

ArrayRules::Earliest Engine::earliest(unsigned q, const Op &op,
                                      const char *&reason) const {
  const Form &form = plan.forms[op.form];
  const Queue &queue = queues[q];
  ArrayRules::Earliest result;
  reason = nullptr;
  if (q == ESPALIER_QUEUE_ARRAY) {
    result = rules.earliest(form, reason);
    // The array begins both at once.
    if (form.opcode == ESPALIER_OP_LOAD_WEIGHTS &&
        queue.lastOpcode == ESPALIER_OP_MATMUL) {
      if (queue.timed > result.cycle + 1)
        result = {queue.timed - 1, "the instruction before it"};
      return result;
    }
  } else if (unitEnd[q] > result.cycle) {
    result = {unitEnd[q], "the unit is busy"};
  }
  if (form.usesBus && busEnd > result.cycle)
    result = {busEnd, "the DRAM's bus is busy"};
  if (queue.timed > result.cycle)
    result = {queue.timed, "another instruction of the queue issues in this "
                           "cycle"};
  return result;
}

std::string Engine::portText(const Ports::Conflict &conflict) const {
  static const char *const names[] = {"read ports are", "write ports are",
                                      "port to the array is",
                                      "vector ports are"};
  const Access &access = *conflict.access;
  return std::string(access.write ? "writes" : "reads") + " bank " +
         number(conflict.bank) +
         (access.space == ESPALIER_SPACE_SCRATCHPAD ? " of the scratchpad"
                                                    : " of the accumulator") +
         ", whose " + names[unsigned(access.port)] + " in use in cycle " +
         number(conflict.cycle);
}

Status Engine::transfer(unsigned q, const Op &op, const Form &form,
                        uint64_t t) {
  if (Status s = dram.resolve(form, op, layer(), arguments, rows); !s)
    return at(t, q, op, s.error().message);
  if (form.unit == Unit::DmaIn) {
    std::string problem = dram.checkLoad(rows, form.dramRowBytes, t);
    if (!problem.empty())
      return at(t, q, op, problem);
    dram.load(form, rows, memory(form.access[0], op));
  } else {
    dram.recordStore(rows, form.dramRowBytes, t, t + form.complete);
    dram.store(form, rows, memory(form.access[0], op));
  }
  return {};
}

Status Engine::product(const Op &op, const Form &form, uint64_t t) {
  bool stepped = mode == Mode::Elements;
  chains.clear();
  array.capture = stepped ? &chains : nullptr;
  const uint8_t *a = memory(form.access[0], op), *b = nullptr;
  // The result is the last access.
  uint8_t *c = memory(form.access[form.accesses - 1], op);
  if (form.opcode == ESPALIER_OP_LOAD_WEIGHTS) {
    array.loadWeights(form, a);
  } else if (form.opcode == ESPALIER_OP_MATMUL) {
    array.matmul(form, a, c);
  } else {
    b = memory(form.access[1], op);
    array.matmulOs(form, a, b, c);
  }
  return stepped ? elements.issue(form, op, t, a, b, chains) : Status();
}

void Engine::vector(const Op &op, const Form &form) {
  VectorUnit::Operands o = {nullptr, nullptr, nullptr, 0, 0, false};
  const Access &write = form.access[form.accesses - 1];
  o.c = memory(write, op);
  for (unsigned i = 0; i < form.accesses; ++i) {
    const Access &access = form.access[i];
    if (access.operand == OperandC)
      continue;
    const uint8_t *place = memory(access, op);
    bool meets = access.space == write.space && place < o.c + write.extent() &&
                 o.c < place + access.extent();
    bool same = place == o.c && (access.stride == write.stride ||
                                 (access.rows == 1 && write.rows == 1));
    o.copy |= meets && !same;
    if (access.operand == OperandA) {
      o.a = place;
      o.bytesA = access.extent();
    } else {
      o.b = place;
      o.bytesB = access.extent();
    }
  }
  vectors.run(form, op, o, arguments);
}

Status Engine::access(unsigned q, const Op &op, uint64_t t) {
  const Form &form = plan.forms[op.form];
  std::string problem = shadow.access(form, op, q, t, mode == Mode::Elastic);
  if (!problem.empty())
    return at(t, q, op, problem);
  if (form.usesBus)
    return transfer(q, op, form, t);
  if (q == ESPALIER_QUEUE_ARRAY) {
    Status status = product(op, form, t);
    return status ? Status() : Status(at(t, q, op, status.error().message));
  }
  vector(op, form);
  return {};
}

void Engine::issued(unsigned q, const Op &op, uint64_t t) {
  const Form &form = plan.forms[op.form];
  Queue &queue = queues[q];
  queue.timed = t + 1;
  queue.lastOpcode = form.opcode;
  queue.end = std::max(queue.end, t + form.complete);
  if (q == ESPALIER_QUEUE_ARRAY)
    rules.issue(form, t);
  else
    unitEnd[q] = t + form.busy;

  Counters &sum = counters[plan.hasMarks[q] ? queue.mark : lastMark];
  const Cost &cost = form.cost;
  ++sum.instructions;
  sum.busy[unsigned(q == ESPALIER_QUEUE_VECTOR_B ? Unit::VectorB
                                                 : form.unit)] += form.busy;
  if (form.usesBus) {
    busEnd = t + form.busy;
    sum.bus += form.busy;
    sum.dramRead += cost.dramRead;
    sum.dramWritten += cost.dramWritten;
  }
  sum.macs += cost.macs;
  (cost.int8 ? sum.arrayMacsInt8 : sum.arrayMacsBf16) += cost.arrayMacs;
  sum.vectorOps += cost.vectorOps;
  sum.scratchpadRead += cost.scratchpadRead;
  sum.scratchpadWritten += cost.scratchpadWritten;
  sum.accumulatorRead += cost.accumulatorRead;
  sum.accumulatorWritten += cost.accumulatorWritten;
  QueueReport &report = reports[q];
  if (report.instructions++ == 0)
    report.first = t;
  report.complete = queue.end;

  if (trace) {
    if (trace->events.size() < trace->most)
      trace->events.push_back(
          {uint8_t(q), form.opcode, op.index, t, form.busy, t + form.complete});
    else
      trace->cut = true;
  }
}

void Engine::marked(unsigned q, const Op &op, uint64_t t) {
  if (trace && trace->events.size() < trace->most)
    trace->events.push_back({uint8_t(q), op.opcode, op.b, t, 0, t});
  queues[q].mark = op.b + 1;
  MarkReport &mark = marks[op.b];
  if (mark.times++ == 0)
    mark.first = t;
  if (lastMark == op.b + 1)
    return;
  if (lastMark && t > markedAt)
    marks[lastMark - 1].cycles += t - markedAt;
  lastMark = op.b + 1;
  markedAt = t;
}

void Engine::passLoop(uint64_t t) {
  bool repeat = current(0).opcode == ESPALIER_OP_REPEAT;
  bool again = false;
  if (repeat) {
    Loop loop = {{}, current(0).b, loops.empty() ? current(0).a : 0};
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
      loop.body[q] = queues[q].next + 1;
    loops.push_back(loop);
  } else {
    ++loops.back().layer;
    again = --loops.back().left != 0;
  }
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
    Queue &queue = queues[q];
    queue.next = again ? loops.back().body[q] : queue.next + 1;
    queue.atLoop = false;
    queue.time = mode == Mode::Elastic ? t : t + current(q).dt;
  }
  if (!repeat && !again)
    loops.pop_back();
}

template <bool withData> Status Engine::runScheduledAs() {
  for (;;) {
    uint64_t now = never;
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
      if (!done(q) && !queues[q].atLoop)
        now = std::min(now, queues[q].time);
    if (now == never)
      return {};
    if (now > mostCycles)
      return Error{"the program takes more than 2^56 cycles"};
    // Queues in their order, again and again until each waits or is past this
    // cycle: so a SIGNAL comes before the WAIT that needs it.
    for (bool progress = true; progress;) {
      progress = false;
      int waiting = -1;
      for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
        Queue &queue = queues[q];
        bool waits = false;
        while (!waits && !done(q) && !queue.atLoop && queue.time == now) {
          const Op &op = current(q);
          switch (op.opcode) {
          case ESPALIER_OP_REPEAT:
          case ESPALIER_OP_END_REPEAT:
            if (uint64_t end = allComplete(); end > now)
              return at(now, q, op,
                        "a loop's body begins before everything is complete, "
                        "in cycle " +
                            number(end));
            queue.atLoop = true;
            progress = true;
            continue;
          case ESPALIER_OP_WAIT:
            if (semaphores[op.a] < op.b) {
              waits = true;
              waiting = int(q);
              continue;
            }
            semaphores[op.a] -= op.b;
            break;
          case ESPALIER_OP_SIGNAL:
            ++semaphores[op.a];
            break;
          case ESPALIER_OP_MARK:
            marked(q, op, now);
            break;
          case ESPALIER_OP_END:
            break;
          default: {
            const char *reason;
            auto bound = earliest(q, op, reason);
            if (reason)
              return at(now, q, op, reason);
            if (now < bound.cycle)
              return at(now, q, op,
                        std::string(bound.reason) + ", until cycle " +
                            number(bound.cycle));
            if constexpr (withData) {
              ports.advance(now);
              if (auto conflict = ports.take(plan.forms[op.form], op, now))
                return at(now, q, op, portText(*conflict));
              if (Status status = access(q, op, now); !status)
                return status;
            }
            issued(q, op, now);
          }
          }
          progress = true;
          if (++queue.next < plan.queues[q].size())
            queue.time += current(q).dt;
        }
      }
      bool allAtLoop = true;
      for (const Queue &queue : queues)
        allAtLoop &= queue.atLoop;
      if (allAtLoop)
        passLoop(now);
      else if (waiting >= 0 && !progress)
        return at(
            now, unsigned(waiting), current(unsigned(waiting)),
            "semaphore " + number(current(unsigned(waiting)).a) + " holds " +
                number(semaphores[current(unsigned(waiting)).a]) + ", and " +
                number(current(unsigned(waiting)).b) + " are needed");
      else if (waiting < 0)
        break;
    }
  }
}

Report Engine::finish(Mode asked) {
  Report report;
  report.cycles = allComplete();
  std::copy(std::begin(reports), std::end(reports), report.queues);
  if (lastMark && report.cycles > markedAt)
    marks[lastMark - 1].cycles += report.cycles - markedAt;
  for (size_t i = 0; i < counters.size(); ++i) {
    report.counters.add(counters[i]);
    if (i)
      marks[i - 1].counters = counters[i];
  }
  report.marks = marks;
  report.energy = energyOf(report.counters, plan.machine);
  double elements = double(plan.machine.rows) * plan.machine.columns;
  if (report.cycles)
    report.utilisation =
        double(report.counters.macs) / (double(report.cycles) * elements);
  return report;
}
