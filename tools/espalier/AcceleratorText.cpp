//===- AcceleratorText.cpp - Predictions for people and for programs ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Accelerator.h"
#include "Describe.h"
#include "espalier/Support/Json.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

using namespace espalier;
using namespace espalier::tool;

namespace {

/// The unit that works most, and for how many cycles.
std::pair<const char *, uint64_t> boundOf(const AcceleratorBucket &bucket) {
  std::pair<const char *, uint64_t> units[] = {
      {"memory", bucket.bus},
      {"array", bucket.stream},
      {"weights into the array", bucket.loading},
      {"vector unit", std::max(bucket.vectorA, bucket.vectorB)}};
  return *std::max_element(
      std::begin(units), std::end(units),
      [](const auto &a, const auto &b) { return a.second < b.second; });
}

double share(uint64_t part, uint64_t all) {
  return all ? 100 * double(part) / double(all) : 0;
}

} // namespace

void tool::printAcceleratorPlan(const AcceleratorPlan &plan) {
  printf("planned for %s: an array of %u x %u, %u bytes a cycle, %.4g MHz\n",
         plan.machine.c_str(), plan.rows, plan.columns, plan.bytesPerCycle,
         plan.clock / 1e6);
  printf("a tile of bf16 weights comes in %" PRIu64 " cycles and loads in "
         "%" PRIu64 ": up to %" PRIu64 " rows of a linear are free (T*)\n",
         plan.tileCycles, plan.loadCycles,
         std::max(plan.tileCycles, plan.loadCycles));
  for (const AcceleratorBucket &bucket : plan.buckets) {
    printf("%u row%s, context %u: ", bucket.rows, bucket.rows == 1 ? "" : "s",
           bucket.context);
    if (!bucket.refused.empty()) {
      printf("refused: %s\n", bucket.refused.c_str());
      continue;
    }
    auto [unit, busy] = boundOf(bucket);
    printf("%" PRIu64 " cycles, %.4g us, %.4g us a row; most at work: %s, "
           "%.1f %%\n",
           bucket.cycles, double(bucket.cycles) * 1e6 / plan.clock,
           double(bucket.cycles) * 1e6 / plan.clock / bucket.rows, unit,
           share(busy, bucket.cycles));
    printf("  memory %.1f %%, array %.1f %% (loading %.1f %%), vector units "
           "%.1f and %.1f %%; %" PRIu64 " instructions\n ",
           share(bucket.bus, bucket.cycles),
           share(bucket.stream, bucket.cycles),
           share(bucket.loading, bucket.cycles),
           share(bucket.vectorA, bucket.cycles),
           share(bucket.vectorB, bucket.cycles), bucket.instructions);
    for (const auto &[name, cycles] : bucket.phases)
      printf(" %s %" PRIu64, name.c_str(), cycles);
    putchar('\n');
  }
}

std::string tool::acceleratorPlanJson(const AcceleratorPlan &plan) {
  std::string out = "{\"machine\":" + json::quote(plan.machine) +
                    ",\"rows\":" + std::to_string(plan.rows) +
                    ",\"columns\":" + std::to_string(plan.columns) +
                    ",\"context\":" + std::to_string(plan.context) +
                    ",\"tile_cycles\":" + std::to_string(plan.tileCycles) +
                    ",\"load_cycles\":" + std::to_string(plan.loadCycles) +
                    ",\"buckets\":[";
  for (size_t i = 0; i < plan.buckets.size(); ++i) {
    const AcceleratorBucket &bucket = plan.buckets[i];
    auto field = [&](const char *name, uint64_t value) {
      out += std::string(",\"") + name + "\":" + std::to_string(value);
    };
    out += std::string(i ? "," : "") +
           "\n{\"rows\":" + std::to_string(bucket.rows);
    field("context", bucket.context);
    if (bucket.refused.empty()) {
      field("predicted_cycles", bucket.cycles);
      field("bus", bucket.bus);
      field("stream", bucket.stream);
      field("loading", bucket.loading);
      field("vector_a", bucket.vectorA);
      field("vector_b", bucket.vectorB);
      field("instructions", bucket.instructions);
      out += ",\"bound\":\"" + std::string(boundOf(bucket).first) +
             "\",\"phases\":{";
      for (size_t p = 0; p < bucket.phases.size(); ++p)
        out += std::string(p ? "," : "") + "\"" + bucket.phases[p].first +
               "\":" + std::to_string(bucket.phases[p].second);
      out += "}";
    } else {
      out += ",\"refused\":" + json::quote(bucket.refused);
    }
    out += "}";
  }
  return out + "]}";
}
