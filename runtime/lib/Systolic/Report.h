//===- Report.h - What a run of the simulator counted -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_REPORT_H
#define ESPALIER_RUNTIME_SYSTOLIC_REPORT_H

#include "Systolic/Plan.h"

namespace espalier::simulator {

enum class Mode : uint8_t { Strict, Elastic, Timing, Elements };

/// Sums over instructions.
struct Counters {
  uint64_t instructions = 0;
  uint64_t busy[unitCount] = {}; ///< cycles, by Unit
  uint64_t bus = 0;              ///< cycles of the DRAM's bus
  uint64_t macs = 0;             ///< that results need
  /// That the whole array makes meanwhile: what costs energy.
  uint64_t arrayMacsInt8 = 0, arrayMacsBf16 = 0;
  uint64_t vectorOps = 0;
  uint64_t scratchpadRead = 0, scratchpadWritten = 0; ///< bytes, and so on
  uint64_t accumulatorRead = 0, accumulatorWritten = 0;
  uint64_t dramRead = 0, dramWritten = 0;

  void add(const Counters &other);
};

/// pJ.
struct Energy {
  double array = 0, vector = 0, scratchpad = 0, accumulator = 0, dram = 0;
  double total() const {
    return array + vector + scratchpad + accumulator + dram;
  }
};
Energy energyOf(const Counters &counters, const Machine &machine);

/// What ran under a mark. An instruction belongs to the mark before it in its
/// queue, or, in a queue without marks, to the mark issued last.
struct MarkReport {
  uint64_t times = 0;  ///< it was issued
  uint64_t first = 0;  ///< cycle of its first issue
  uint64_t cycles = 0; ///< from its issues to those of other marks
  Counters counters;
};

struct QueueReport {
  uint64_t instructions = 0; ///< that take time
  uint64_t first = 0;        ///< issue of the first one
  uint64_t complete = 0;     ///< of all
};

struct Report {
  uint64_t cycles = 0; ///< the time of the program
  QueueReport queues[ESPALIER_QUEUES];
  Counters counters; ///< of the whole program
  Energy energy;
  double utilisation = 0;        ///< macs / (cycles * rows * columns)
  std::vector<MarkReport> marks; ///< by number

  /// Of a unit: busy cycles by all cycles.
  double busyShare(Unit unit) const {
    return cycles ? double(counters.busy[unsigned(unit)]) / double(cycles) : 0;
  }
};

/// "DMA in", ...
const char *unitName(Unit unit);

/// One JSON object, a line a member.
std::string reportJson(const Report &report, const Plan &plan, Mode mode);
/// The same for people.
std::string reportText(const Report &report, const Plan &plan, Mode mode);

/// What happened when.
struct Trace {
  struct Event {
    uint8_t queue, opcode;
    uint32_t index;
    uint64_t issue, busy, complete;
  };
  std::vector<Event> events;
  size_t most = size_t(1) << 22; ///< what comes later is left out
  bool cut = false;
};

/// As JSON that Perfetto and Chrome show: a track for each queue, a cycle as a
/// microsecond.
std::string traceJson(const Trace &trace);

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_REPORT_H
