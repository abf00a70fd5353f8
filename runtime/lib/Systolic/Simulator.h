//===- Simulator.h - The systolic accelerator, simulated --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The simulator's API. It knows a program by its bytes and a machine by its
/// JSON text, nothing else, and shares no code of times with the compiler.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_SIMULATOR_H
#define ESPALIER_RUNTIME_SYSTOLIC_SIMULATOR_H

#include "Systolic/Dram.h"
#include "Systolic/Report.h"

#include <memory>
#include <optional>

namespace espalier::simulator {

class Engine;

/// A program on a machine. It is checked and prepared once and runs many times;
/// what regions of the kinds CACHE and OUTPUT hold stays from run to run. One
/// thread at a time.
class Simulator {
public:
  /// `program` must outlive the simulator: the contents of regions stay in it.
  /// Messages about the machine begin with `machineName`.
  static Result<Simulator> open(std::span<const uint8_t> program,
                                std::string_view machine,
                                const std::string &machineName,
                                const Limits &limits = {});
  Simulator(Simulator &&) noexcept;
  Simulator &operator=(Simulator &&) noexcept;
  ~Simulator();

  const Machine &machine() const { return plan->machine; }
  const Program &program() const { return plan->program; }

  /// The region of that name.
  std::optional<uint32_t> region(std::string_view name) const;
  /// Memory of the caller, at least of the region's size, that outlives the
  /// simulator. A region that is not bound gets memory of the simulator's, with
  /// the contents that the program has for it, or zeros. What is bound is not
  /// initialised.
  Status bind(uint32_t region, std::span<uint8_t> memory);
  /// Only of regions that are read only: WEIGHTS and TABLE.
  Status bind(uint32_t region, std::span<const uint8_t> memory);
  /// What a region holds; empty before the first run where it is not bound.
  std::span<const uint8_t> contents(uint32_t region) const;

  /// Runs the program once, from cycle 0, with nothing in scratchpad,
  /// accumulator and arenas. An error names cycle, queue and instruction.
  Result<Report> run(const Arguments &arguments = {}, Mode mode = Mode::Strict,
                     Trace *trace = nullptr);

  std::string json(const Report &report, Mode mode) const {
    return reportJson(report, *plan, mode);
  }
  std::string text(const Report &report, Mode mode) const {
    return reportText(report, *plan, mode);
  }

private:
  Simulator(std::unique_ptr<Plan> plan, const Limits &limits);

  std::unique_ptr<Plan> plan;
  std::unique_ptr<Engine> engine;
  Limits limits;
};

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_SIMULATOR_H
