//===- Accelerator.h - A model on the simulated accelerator -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_SYSTOLICMODEL_ACCELERATOR_H
#define ESPALIER_TEST_UNIT_SYSTOLICMODEL_ACCELERATOR_H

#include "../Reference/ModelTest.h"
#include "Systolic/Simulator.h"

#include "espalier/Hardware/SystolicMachine.h"
#include "espalier/Lowering/Systolic/LowerStep.h"

#include <cstring>
#include <map>
#include <random>

namespace espalier::systolic {

using hardware::SystolicMachine;

/// The module of a LoweredModel, compiled for a machine bucket by bucket, with
/// one cache that all buckets share.
class Accelerator {
public:
  Accelerator(reference::LoweredModel &model, const SystolicMachine &machine,
              uint32_t cacheRows);

  struct Rows {
    std::vector<float> logits; ///< [rows][vocabulary]
    std::vector<float> hidden; ///< row by row, [states][width]
    uint64_t cycles = 0, predicted = 0;
  };
  /// Runs a chain of at most `bucket.rows` tokens behind those that were run;
  /// the logits of all rows are wanted.
  Result<Rows> run(const std::vector<int32_t> &tokens, const StepBucket &bucket,
                   simulator::Mode mode = simulator::Mode::Strict);

  std::string error; ///< empty: the image was made
  uint32_t length = 0;

private:
  struct Compiled {
    std::vector<uint8_t> bytes;
    std::unique_ptr<simulator::Simulator> simulator;
    std::vector<uint8_t> logits, hidden;
    uint64_t predicted = 0;
  };
  Status fillWeights();
  void fillTables();
  Result<Compiled *> compiled(const StepBucket &bucket);

  reference::LoweredModel &model;
  const SystolicMachine &machine;
  std::string machineText;
  ModelImage image;
  std::vector<uint8_t> weights, tables, cache;
  std::map<std::pair<uint32_t, uint32_t>, Compiled> buckets;
};

/// What comes before the lowering.
inline std::string pipeline(const SystolicMachine &machine) {
  return "xf-select-kv-layout{element-type=bf16 layout=rows},"
         "xf-round-for-array{rows=" +
         std::to_string(machine.rows) + "}";
}

inline std::vector<int32_t> tokens(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> out(count);
  for (int32_t &token : out)
    token = int32_t(random() % 256);
  return out;
}

/// The first place where bits differ; empty: none.
inline std::string difference(const std::vector<float> &got,
                              const std::vector<float> &expected) {
  if (got.size() != expected.size())
    return std::to_string(got.size()) + " elements instead of " +
           std::to_string(expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    if (std::memcmp(&got[i], &expected[i], 4) != 0)
      return "element " + std::to_string(i) + " of " +
             std::to_string(got.size()) + ": " + std::to_string(got[i]) +
             " instead of " + std::to_string(expected[i]);
  return "";
}

} // namespace espalier::systolic

#endif // ESPALIER_TEST_UNIT_SYSTOLICMODEL_ACCELERATOR_H
