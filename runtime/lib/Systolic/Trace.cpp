//===- Trace.cpp - What happened when -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Report.h"

using namespace espalier;
using namespace espalier::simulator;

std::string simulator::traceJson(const Trace &trace) {
  auto number = [](uint64_t value) { return std::to_string(value); };
  std::string out = "{\"traceEvents\": [\n";
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
    out += "{\"ph\": \"M\", \"name\": \"thread_name\", \"pid\": 0, \"tid\": " +
           number(q) + ", \"args\": {\"name\": \"" + queueName(q) + "\"}},\n";
  for (const Trace::Event &event : trace.events) {
    std::string head = "{\"pid\": 0, \"tid\": " + number(event.queue) +
                       ", \"ts\": " + number(event.issue) + ", \"name\": \"" +
                       opcodeName(event.opcode) + "\"";
    if (event.opcode == ESPALIER_OP_MARK)
      out += head + ", \"ph\": \"i\", \"s\": \"t\", \"args\": {\"mark\": " +
             number(event.index) + "}},\n";
    else
      out += head + ", \"ph\": \"X\", \"dur\": " + number(event.busy) +
             ", \"args\": {\"instruction\": " + number(event.index) +
             ", \"complete\": " + number(event.complete) + "}},\n";
  }
  return out +
         "{\"ph\": \"M\", \"name\": \"process_name\", \"pid\": 0, \"args\": "
         "{\"name\": \"accelerator, a cycle as a microsecond" +
         (trace.cut ? ", cut" : "") + "\"}}\n]}\n";
}
