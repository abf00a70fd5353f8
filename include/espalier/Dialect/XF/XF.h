//===- XF.h - The transformer dialect ---------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_DIALECT_XF_XF_H
#define ESPALIER_DIALECT_XF_XF_H

#include "espalier/Support/Encodings.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"

#include <optional>

#include "XF/XFDialect.h.inc"

#include "XF/XFEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "XF/XFAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "XF/XFTypes.h.inc"

// Upstream's interface of partial reductions names these without `mlir::`.
namespace espalier::xf {
using mlir::Location;
using mlir::MergeResult;
using mlir::ReductionTilingStrategy;
using mlir::SmallVector;
using mlir::TilingResult;
using mlir::Value;
using mlir::ValueRange;
} // namespace espalier::xf

#define GET_OP_CLASSES
#include "XF/XFOps.h.inc"

namespace espalier::xf {

/// The attribute of the module that holds the order of all sums.
inline constexpr llvm::StringLiteral kOrderAttr = "xf.order";
/// Of `#xf.order<cpu, ...>`: the one that docs/numerics.md defines. Raised
/// whenever an entry changes what it computes.
inline constexpr unsigned kCPUOrderVersion = 2;
/// The attribute of a function that bounds its rows.
inline constexpr llvm::StringLiteral kMaxRowsAttr = "xf.max_rows";
/// The attribute of the module that holds the model's card.
inline constexpr llvm::StringLiteral kModelAttr = "xf.model";

/// What the type of an encoded matrix says about it. `[N, K]` is the matrix of
/// the checkpoint: N output features (or vocabulary entries, or rows of
/// quantised activations), K input features.
struct EncodedMatrix {
  Encoding encoding;
  /// Columns and k-group of a panel; 1 and 1 where the elements are floats.
  unsigned columns = 1, group = 1;
  /// The two dimensions of the shape, in panels (floats: elements);
  /// `ShapedType::kDynamic` where unknown.
  int64_t panelRows, panelGroups;
  /// The elements are panels (not floats).
  bool isPanels = false;

  /// K, or kDynamic.
  int64_t getK() const;
  /// N rounded up to whole panels, or kDynamic. Exact where a panel has one
  /// column.
  int64_t getPaddedN() const;
  /// A matrix of `n` rows has this number of panels along its first dimension.
  /// True as well where either is unknown.
  bool coversN(int64_t n) const;
};

/// Reads a tensor or memref of rank 2 of f32, f16, bf16 or `!xf.panel`; nothing
/// for any other type.
std::optional<EncodedMatrix> getEncodedMatrix(mlir::Type type);

/// The matrices of experts, one after the other; all are alike.
struct EncodedExperts {
  int64_t experts;
  EncodedMatrix matrix;
};

/// Reads a tensor or memref of rank 3 of f32, f16, bf16 or `!xf.panel` with a
/// known number of experts; nothing for any other type.
std::optional<EncodedExperts> getEncodedExperts(mlir::Type type);

/// The encoding of f32, f16, bf16 or a panel; nothing for other element types.
std::optional<Encoding> getElementEncoding(mlir::Type elementType);

/// The most rows a call of the function around `op` can have (`xf.max_rows`),
/// or nothing where the function does not bound them.
std::optional<int64_t> getMaxRows(mlir::Operation *op);

/// Whether an op in destination style reads what it writes to: its result is
/// added to it.
bool readsInit(mlir::Operation *op);

/// The numbers that `layer` can take, first and last, where they are known: it
/// is a constant, or an argument of a region of `xf.repeat`.
std::optional<std::pair<int64_t, int64_t>> getLayerRange(mlir::Value layer);

/// Bounds of `xf.rows_count` and `xf.wanted_count`, for ValueBoundsOpInterface.
void registerValueBoundsOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

/// One-shot bufferisation of the dialect.
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

} // namespace espalier::xf

#endif // ESPALIER_DIALECT_XF_XF_H
