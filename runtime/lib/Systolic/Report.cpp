//===- Report.cpp - What a run of the simulator counted -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Report.h"

#include "espalier/Support/Json.h"

#include <cstdio>

using namespace espalier;
using namespace espalier::simulator;

void Counters::add(const Counters &other) {
  instructions += other.instructions;
  for (unsigned i = 0; i < unitCount; ++i)
    busy[i] += other.busy[i];
  bus += other.bus;
  macs += other.macs;
  arrayMacsInt8 += other.arrayMacsInt8;
  arrayMacsBf16 += other.arrayMacsBf16;
  vectorOps += other.vectorOps;
  scratchpadRead += other.scratchpadRead;
  scratchpadWritten += other.scratchpadWritten;
  accumulatorRead += other.accumulatorRead;
  accumulatorWritten += other.accumulatorWritten;
  dramRead += other.dramRead;
  dramWritten += other.dramWritten;
}

Energy simulator::energyOf(const Counters &c, const Machine &m) {
  Energy e;
  e.array =
      double(c.arrayMacsInt8) * m.macInt8 + double(c.arrayMacsBf16) * m.macBf16;
  e.vector = double(c.vectorOps) * m.vectorOp;
  e.scratchpad =
      double(c.scratchpadRead + c.scratchpadWritten) * m.scratchpadByte;
  e.accumulator =
      double(c.accumulatorRead + c.accumulatorWritten) * m.accumulatorByte;
  e.dram = double(c.dramRead + c.dramWritten) * m.dramByte;
  return e;
}

const char *simulator::unitName(Unit unit) {
  static const char *const names[] = {"DMA in", "DMA out",  "weights",
                                      "array",  "vector A", "vector B"};
  return names[unsigned(unit)];
}

namespace {

const char *modeName(Mode mode) {
  static const char *const names[] = {"strict", "elastic", "timing",
                                      "elements"};
  return names[unsigned(mode)];
}

std::string number(uint64_t value) { return std::to_string(value); }
std::string number(double value) {
  char text[32];
  snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

/// Builds one object.
class Writer {
public:
  template <typename T> Writer &add(const char *key, T value) {
    return raw(key, number(value));
  }
  Writer &text(const char *key, std::string_view value) {
    return raw(key, json::quote(value));
  }
  Writer &raw(const char *key, const std::string &value) {
    body += (body.empty() ? "" : ", ") + json::quote(key) + ": " + value;
    return *this;
  }
  std::string str() const { return "{" + body + "}"; }

private:
  std::string body;
};

constexpr const char *unitKeys[] = {"dma_in", "dma_out",  "weights",
                                    "array",  "vector_a", "vector_b"};
constexpr const char *queueKeys[] = {"dma_in", "dma_out", "array", "vector_a",
                                     "vector_b"};

std::string busyJson(const Counters &c) {
  Writer w;
  for (unsigned i = 0; i < unitCount; ++i)
    w.add(unitKeys[i], c.busy[i]);
  return w.add("dram_bus", c.bus).str();
}

std::string bytesJson(const Counters &c) {
  return Writer()
      .add("scratchpad_read", c.scratchpadRead)
      .add("scratchpad_written", c.scratchpadWritten)
      .add("accumulator_read", c.accumulatorRead)
      .add("accumulator_written", c.accumulatorWritten)
      .add("dram_read", c.dramRead)
      .add("dram_written", c.dramWritten)
      .str();
}

std::string energyJson(const Energy &e) {
  return Writer()
      .add("array", e.array)
      .add("vector", e.vector)
      .add("scratchpad", e.scratchpad)
      .add("accumulator", e.accumulator)
      .add("dram", e.dram)
      .add("total", e.total())
      .str();
}

std::string marksJson(const Report &report, const Plan &plan) {
  std::string list;
  for (size_t i = 0; i < report.marks.size(); ++i) {
    const MarkReport &mark = report.marks[i];
    const Counters &c = mark.counters;
    list += (i ? ",\n    " : "\n    ") +
            Writer()
                .text("name", plan.program.marks[i])
                .add("times", mark.times)
                .add("first", mark.first)
                .add("cycles", mark.cycles)
                .add("instructions", c.instructions)
                .add("macs", c.macs)
                .add("vector_ops", c.vectorOps)
                .raw("busy", busyJson(c))
                .raw("bytes", bytesJson(c))
                .add("energy_pj", energyOf(c, plan.machine).total())
                .str();
  }
  return "[" + list + "]";
}

} // namespace

std::string simulator::reportJson(const Report &report, const Plan &plan,
                                  Mode mode) {
  const Machine &m = plan.machine;
  Writer queues;
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
    const QueueReport &queue = report.queues[q];
    queues.raw(queueKeys[q], Writer()
                                 .add("instructions", queue.instructions)
                                 .add("first", queue.first)
                                 .add("complete", queue.complete)
                                 .str());
  }
  std::string out = "{";
  auto line = [&](const char *key, const std::string &value) {
    out +=
        (out.size() > 1 ? ",\n  " : "\n  ") + json::quote(key) + ": " + value;
  };
  const Counters &c = report.counters;
  line("machine", json::quote(m.name));
  line("mode", json::quote(modeName(mode)));
  line("cycles", number(report.cycles));
  line("seconds", number(double(report.cycles) / m.clock));
  line("utilisation", number(report.utilisation));
  line("instructions", number(c.instructions));
  line("macs", number(c.macs));
  line("vector_ops", number(c.vectorOps));
  line("busy", busyJson(c));
  line("bytes", bytesJson(c));
  line("energy_table", json::quote(m.energyTable));
  line("energy_pj", energyJson(report.energy));
  line("queues", queues.str());
  line("marks", marksJson(report, plan));
  return out + "\n}\n";
}

std::string simulator::reportText(const Report &report, const Plan &plan,
                                  Mode mode) {
  const Machine &m = plan.machine;
  const Counters &c = report.counters;
  std::string out;
  auto line = [&](const char *format, auto... values) {
    char text[256];
    snprintf(text, sizeof(text), format, values...);
    out += text;
  };
  auto whole = [](uint64_t value) { return (unsigned long long)value; };
  line("%.100s, %s: %llu cycles (%.6g s)\n", m.name.c_str(), modeName(mode),
       whole(report.cycles), double(report.cycles) / m.clock);
  line("utilisation of the array: %.2f %% (%llu multiplications)\n",
       report.utilisation * 100, whole(c.macs));
  for (unsigned i = 0; i < unitCount; ++i)
    line("  %-10s busy %12llu cycles %7.2f %%\n", unitName(Unit(i)),
         whole(c.busy[i]), report.busyShare(Unit(i)) * 100);
  line("  %-10s busy %12llu cycles %7.2f %%\n", "DRAM bus", whole(c.bus),
       report.cycles ? double(c.bus) / double(report.cycles) * 100 : 0.0);
  line("bytes read and written: scratchpad %llu, %llu; accumulator %llu, %llu; "
       "DRAM %llu, %llu\n",
       whole(c.scratchpadRead), whole(c.scratchpadWritten),
       whole(c.accumulatorRead), whole(c.accumulatorWritten), whole(c.dramRead),
       whole(c.dramWritten));
  const Energy &e = report.energy;
  line("energy (%.80s): %.6g pJ: array %.4g, vector %.4g, scratchpad %.4g, "
       "accumulator %.4g, DRAM %.4g\n",
       m.energyTable.c_str(), e.total(), e.array, e.vector, e.scratchpad,
       e.accumulator, e.dram);
  for (size_t i = 0; i < report.marks.size(); ++i)
    line("  %-32.100s %12llu cycles, from %llu on\n",
         plan.program.marks[i].c_str(), whole(report.marks[i].cycles),
         whole(report.marks[i].first));
  return out;
}
