//===- Simulator.cpp - The systolic accelerator, simulated ----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Simulator.h"

#include "Systolic/Engine.h"

using namespace espalier;
using namespace espalier::simulator;

Simulator::Simulator(std::unique_ptr<Plan> prepared, const Limits &limits)
    : plan(std::move(prepared)), engine(std::make_unique<Engine>(*plan)),
      limits(limits) {}
Simulator::Simulator(Simulator &&) noexcept = default;
Simulator &Simulator::operator=(Simulator &&) noexcept = default;
Simulator::~Simulator() = default;

Result<Simulator> Simulator::open(std::span<const uint8_t> bytes,
                                  std::string_view machineText,
                                  const std::string &machineName,
                                  const Limits &limits) {
  auto machine = parseMachine(machineText, machineName);
  if (!machine)
    return machine.takeError();
  auto program = decodeProgram(bytes);
  if (!program)
    return program.takeError();
  auto plan = makePlan(std::move(*program), *machine, limits);
  if (!plan)
    return plan.takeError();
  return Simulator(std::make_unique<Plan>(std::move(*plan)), limits);
}

std::optional<uint32_t> Simulator::region(std::string_view name) const {
  for (size_t i = 0; i < plan->program.regions.size(); ++i)
    if (plan->program.regions[i].name == name)
      return uint32_t(i);
  return std::nullopt;
}

Status Simulator::bind(uint32_t region, std::span<uint8_t> memory) {
  return engine->dram.bind(region, memory.data(), memory.data(), memory.size());
}
Status Simulator::bind(uint32_t region, std::span<const uint8_t> memory) {
  return engine->dram.bind(region, memory.data(), nullptr, memory.size());
}

std::span<const uint8_t> Simulator::contents(uint32_t region) const {
  const uint8_t *bytes = engine->dram.bytes(region);
  if (!bytes)
    return {};
  return {bytes, size_t(plan->program.regions[region].bytes)};
}

Result<Report> Simulator::run(const Arguments &arguments, Mode mode,
                              Trace *trace) {
  return engine->run(arguments, mode, trace, limits.memory);
}
