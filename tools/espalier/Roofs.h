//===- Roofs.h - What the machine can do at most ----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_ROOFS_H
#define ESPALIER_TOOLS_ROOFS_H

#include "espalier/espalier.h"

#include <cstdint>

namespace espalier::tool {

/// Rates of all workers of a team together.
struct Roofs {
  double readBytes = 0; ///< bytes a second, from main memory
  double fmaOps = 0;    ///< float32 operations a second; an FMA counts as two
  double int8Ops = 0;   ///< 8-bit products summed into 32 bits, likewise
};

/// Measures on the team's workers, in well under two seconds. `wide`: with the
/// 512-bit instructions, which the CPU must have. Values are 0 where this
/// architecture has no measurement.
Roofs measureRoofs(espalier_team *team, bool wide);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_ROOFS_H
