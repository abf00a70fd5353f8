//===- Elastic.cpp - Runs a plan as soon as may be ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Elastic mode: the program's times are ignored. Queues are taken in the order
/// of the cycles in which they can go on, so a signal is posted before a later
/// cycle looks for it.
///
//===----------------------------------------------------------------------===//
#include "Systolic/Engine.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::simulator;

/// Signals that nobody has taken, of one semaphore. A schedule takes each.
static constexpr size_t mostSignals = size_t(1) << 20;

/// When a queue's unit, ports and the array allow its next instruction.
uint64_t Engine::readyTimed(unsigned q, const Op &op, Status &problem) {
  const char *reason;
  auto bound = earliest(q, op, reason);
  // Not before what has issued already: the ports of the past are forgotten.
  uint64_t t = std::max({queues[q].time, bound.cycle, ports.present()});
  if (reason) {
    problem = at(t, q, op, reason);
    return never;
  }
  const Form &form = plan.forms[op.form];
  while (auto conflict = ports.take(form, op, t)) {
    if (conflict->later == 0) {
      problem = at(t, q, op, portText(*conflict) + ", by itself");
      return never;
    }
    t += conflict->later;
  }
  ports.giveBack();
  return t;
}

/// When a queue can go on; never: it waits for others.
uint64_t Engine::readyAt(unsigned q, Status &problem) {
  if (done(q) || queues[q].atLoop)
    return never;
  const Op &op = current(q);
  if (op.opcode == ESPALIER_OP_WAIT) {
    const std::vector<uint64_t> &posted = signals[op.a];
    return posted.size() < op.b ? never
                                : std::max(queues[q].time, posted[op.b - 1]);
  }
  return isControl(op.opcode) ? queues[q].time : readyTimed(q, op, problem);
}

Status Engine::runElastic() {
  for (;;) {
    uint64_t now = never;
    unsigned chosen = 0, waiting = ESPALIER_QUEUES;
    Status problem;
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
      uint64_t t = readyAt(q, problem);
      if (!problem)
        return problem;
      if (t < now) {
        now = t;
        chosen = q;
      }
      if (t == never && !done(q) && !queues[q].atLoop)
        waiting = q;
    }
    if (now == never) {
      if (waiting < ESPALIER_QUEUES)
        return at(queues[waiting].time, waiting, current(waiting),
                  "waits for semaphore " + std::to_string(current(waiting).a) +
                      " for ever");
      if (done(0))
        return {};
      uint64_t all = allComplete();
      for (const Queue &queue : queues)
        all = std::max(all, queue.time);
      passLoop(all);
      continue;
    }
    ports.advance(now);
    Queue &queue = queues[chosen];
    const Op &op = current(chosen);
    queue.time = now;
    switch (op.opcode) {
    case ESPALIER_OP_REPEAT:
    case ESPALIER_OP_END_REPEAT:
      queue.atLoop = true;
      continue;
    case ESPALIER_OP_WAIT:
      signals[op.a].erase(signals[op.a].begin(), signals[op.a].begin() + op.b);
      break;
    case ESPALIER_OP_SIGNAL: {
      std::vector<uint64_t> &posted = signals[op.a];
      if (posted.size() == mostSignals)
        return at(now, chosen, op,
                  "semaphore " + std::to_string(op.a) + " holds " +
                      std::to_string(mostSignals) +
                      " signals that nobody has taken, no more are allowed");
      uint64_t cycle = std::max(now, queue.end);
      posted.insert(std::upper_bound(posted.begin(), posted.end(), cycle),
                    cycle);
      break;
    }
    case ESPALIER_OP_MARK:
      marked(chosen, op, now);
      break;
    case ESPALIER_OP_END:
      break;
    default:
      (void)ports.take(plan.forms[op.form], op, now);
      if (Status status = access(chosen, op, now); !status)
        return status;
      issued(chosen, op, now);
    }
    ++queue.next;
  }
}
