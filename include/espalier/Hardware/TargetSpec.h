//===- TargetSpec.h - The machine on a module -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The machine stands on the module as upstream's `dlti.target_system_spec`,
/// with one device, "CPU":
///
///   #dlti.target_system_spec<"CPU" = #dlti.target_device_spec<
///     "espalier.name" = "x86-64-v3", "espalier.isa" = "avx2",
///     "espalier.workers" = 2 : i64, "espalier.clock" = 3.0e9 : f64, ...,
///     "espalier.memory" = #dlti.map<"0" = #dlti.map<"name" = "L1", ...>,
///     ...>>>
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_HARDWARE_TARGETSPEC_H
#define ESPALIER_HARDWARE_TARGETSPEC_H

#include "espalier/Hardware/Machine.h"

#include "mlir/IR/BuiltinOps.h"

namespace espalier::hardware {

/// Sets the module's `dlti.target_system_spec`. Needs the DLTI dialect loaded.
void attachMachine(mlir::ModuleOp module, const Machine &machine);

/// Reads it back. Without the attribute: the default machine. An attribute that
/// is not as attachMachine writes it is reported at the module, and fails.
mlir::FailureOr<Machine> machineOf(mlir::ModuleOp module);

} // namespace espalier::hardware

#endif // ESPALIER_HARDWARE_TARGETSPEC_H
