//===- PhaseBuilder.h - Ops of one level become a phase ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_LOWERING_COMMON_PHASEBUILDER_H
#define ESPALIER_LIB_LOWERING_COMMON_PHASEBUILDER_H

#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Dialect/XF/XF.h"
#include "espalier/Hardware/CostModel.h"

namespace espalier {

/// How `xf-partition` treats an op.
enum class Placement {
  /// Not placed: a constant, a weight, an empty tensor, index arithmetic;
  /// cloned
  /// to where it is used.
  Auxiliary,
  /// Needs whole rows and is small: repeated by every worker, or computed with
  /// the tile of rows that needs it.
  WholeRow,
  /// Tiled; needs whole rows, or keys of all rows, that others made before.
  Anchor,
  /// Tiled; a tile needs the same tile of what it reads.
  Pointwise,
  /// Reads the residual stream as a whole, on one worker.
  Observer
};

/// Nothing for an op that cannot stand in a step.
std::optional<Placement> getPlacement(mlir::Operation *op);

/// How the tiles of a phase are cut.
struct TilingScheme {
  bool overRows;         ///< else over columns
  int64_t rowBlock;      ///< rows of a tile, over rows; 0: `costs` decides
  int64_t panelsPerTile; ///< of 16 columns, over columns; 0: `costs` decides
  hardware::CostModel costs;
};

/// Makes a phase of `ops` (in order, all of one level of one block) before
/// `before`, tiles it, and replaces the uses of their results outside. The ops
/// themselves are left without uses, for the caller to erase.
mlir::FailureOr<spmd::PhaseOp> buildPhase(mlir::RewriterBase &rewriter,
                                          llvm::ArrayRef<mlir::Operation *> ops,
                                          mlir::Operation *before,
                                          const TilingScheme &scheme);

} // namespace espalier

#endif // ESPALIER_LIB_LOWERING_COMMON_PHASEBUILDER_H
