//===- Engine.h - Runs a plan -----------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The machine's state and the order in which queues issue: by the program's
/// times (Engine.cpp), or, in elastic mode, as soon as may be (Elastic.cpp).
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_ENGINE_H
#define ESPALIER_RUNTIME_SYSTOLIC_ENGINE_H

#include "Systolic/ArrayRules.h"
#include "Systolic/ArrayUnit.h"
#include "Systolic/Dram.h"
#include "Systolic/Elements.h"
#include "Systolic/Ports.h"
#include "Systolic/Report.h"
#include "Systolic/Shadow.h"
#include "Systolic/VectorUnit.h"

namespace espalier::simulator {

class Engine {
public:
  /// `plan` outlives it.
  explicit Engine(const Plan &plan);

  Result<Report> run(const Arguments &arguments, Mode mode, Trace *trace,
                     uint64_t memory);

  Dram dram;

private:
  static constexpr uint64_t never = UINT64_MAX;

  struct Queue {
    size_t next = 0;    ///< in Plan::queues
    uint64_t time = 0;  ///< cycle in which it issues, or was issued last
    uint64_t timed = 0; ///< the earliest cycle for another that takes time
    uint64_t end = 0;   ///< when all that issued is complete
    uint8_t lastOpcode = 0;
    bool atLoop = false; ///< next is a REPEAT or END_REPEAT
    uint32_t mark = 0;   ///< number + 1; 0: none
  };
  struct Loop {
    size_t body[ESPALIER_QUEUES];
    uint64_t left, layer;
  };

  void begin(const Arguments &arguments, Mode mode, Trace *trace);
  Status checkArguments() const;
  template <bool withData> Status runScheduledAs();
  Status runElastic();
  uint64_t readyAt(unsigned q, Status &problem);
  uint64_t readyTimed(unsigned q, const Op &op, Status &problem);
  Report finish(Mode mode);

  const Op &current(unsigned q) const { return plan.queues[q][queues[q].next]; }
  bool done(unsigned q) const {
    return queues[q].next == plan.queues[q].size();
  }
  uint64_t layer() const { return loops.empty() ? 0 : loops[0].layer; }
  uint64_t allComplete() const;
  Error at(uint64_t cycle, unsigned q, const Op &op,
           const std::string &what) const;

  /// The earliest cycle by the rules of units and of the array, and the reason.
  ArrayRules::Earliest earliest(unsigned q, const Op &op,
                                const char *&reason) const;
  std::string portText(const Ports::Conflict &conflict) const;
  /// Hazards 3 to 5, and what the instruction does.
  Status access(unsigned q, const Op &op, uint64_t t);
  Status transfer(unsigned q, const Op &op, const Form &form, uint64_t t);
  Status product(const Op &op, const Form &form, uint64_t t);
  void vector(const Op &op, const Form &form);
  /// Units, counters, trace.
  void issued(unsigned q, const Op &op, uint64_t t);
  void marked(unsigned q, const Op &op, uint64_t t);
  /// All queues are at a loop's point, in cycle `t`.
  void passLoop(uint64_t t);
  uint8_t *memory(const Access &access, const Op &op) {
    uint64_t granule = access.operand == OperandA   ? op.a
                       : access.operand == OperandB ? op.b
                                                    : op.c;
    return memories[access.space].get() + granule * ESPALIER_SYSTOLIC_GRANULE;
  }

  const Plan &plan;
  Ports ports;
  ArrayRules rules;
  Shadow shadow;
  ArrayUnit array;
  VectorUnit vectors;
  Elements elements;
  Pages<uint8_t> memories[2];
  bool used = false; ///< a run may have written to them
  Dram::Rows rows;
  std::vector<uint32_t> chains;

  Mode mode = Mode::Strict;
  Arguments arguments;
  Trace *trace = nullptr;
  Queue queues[ESPALIER_QUEUES];
  std::vector<Loop> loops;
  uint64_t unitEnd[ESPALIER_QUEUES] = {}; ///< of DMA and vector units
  uint64_t busEnd = 0;
  std::vector<uint64_t> semaphores;
  /// Elastic: cycles of the signals that nobody has taken, ascending.
  std::vector<std::vector<uint64_t>> signals;

  /// By mark + 1.
  std::vector<Counters> counters;
  std::vector<MarkReport> marks;
  uint32_t lastMark = 0;
  uint64_t markedAt = 0;
  QueueReport reports[ESPALIER_QUEUES];
};

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_ENGINE_H
