//===- Team.h - The threads that run steps ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_TEAM_H
#define ESPALIER_RUNTIME_CORE_TEAM_H

#include "EventCount.h"
#include "espalier/espalier.h"

namespace espalier::runtime {

/// Spinning costs nothing where each worker has a CPU of its own; where they
/// have not, it only delays the one that is waited for.
SpinPolicy spinPolicyFor(uint32_t workers);

/// The team of models that were given none: one for each number of workers and
/// copy of the runtime, alive while a model uses it. `workers` 0: every CPU.
espalier_status acquireDefaultTeam(uint32_t workers, espalier_team **team);
void releaseDefaultTeam(espalier_team *team);

/// Checks a team that came from elsewhere.
espalier_status checkTeam(const espalier_team *team);

/// The most workers that a team may have.
inline constexpr uint32_t maxWorkers = 1024;

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_TEAM_H
