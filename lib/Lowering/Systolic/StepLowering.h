//===- StepLowering.h - State of the lowering of a step ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_LOWERING_SYSTOLIC_STEPLOWERING_H
#define ESPALIER_LIB_LOWERING_SYSTOLIC_STEPLOWERING_H

#include "Emitter.h"

#include "espalier/Dialect/XF/XF.h"
#include "espalier/Lowering/Systolic/LowerStep.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <optional>
#include <set>

namespace espalier::systolic {

/// The weight behind a value: `xf.weight_ref`, or what decodes it.
xf::WeightRefOp weightBehind(mlir::Value value);
/// "'xf.linear': what", with its place.
Error errorAt(mlir::Operation *op, const std::string &what);

/// Walks `@step` and emits what each operation does. Rows are values of the IR;
/// each has a matrix of the scratchpad, which is free again after the last
/// operation that reads it. An operation that adds to its destination, and is
/// the last to read it, works in place.
class StepLowering {
public:
  StepLowering(mlir::ModuleOp module, const SystolicMachine &machine,
               const ModelImage &image, const StepBucket &bucket);

  Result<Sequence> run();

private:
  struct Slot {
    Matrix matrix;
    bool owned = true; ///< of the block that is walked: released by it
  };

  Status lower(mlir::Operation *op);
  Status lowerBlock(mlir::Block &block);
  Status repeat(xf::RepeatOp op);
  Status yield(mlir::Operation *op,
               llvm::ArrayRef<std::optional<Matrix>> carried);
  void gatherRopes(mlir::func::FuncOp function);

  Status embedding(xf::EmbeddingOp op);
  Status norm(xf::RmsNormOp op);
  Status round(xf::RoundOp op);
  Status linear(xf::LinearOp op);
  Status logits(xf::LogitsOp op);
  Status rope(xf::RopeOp op);
  Status append(xf::KVAppendOp op);
  Status attention(xf::AttentionOp op);
  Status glu(xf::GluOp op);
  Status activation(xf::ActivationOp op);
  Status scale(xf::ScaleOp op);
  Status selectRows(xf::SelectRowsOp op);
  Status tap(xf::TapOp op);

  /// What of one key/value head attends at once: query heads that share the
  /// keys that pass.
  struct HeadGroup;
  void scores(const HeadGroup &group);
  void softmax(HeadGroup &group, uint32_t window);
  void weighValues(const HeadGroup &group, const Matrix &out);

  /// Products of `x`, rounded, with a matrix in panels. `drain` is called with
  /// what each panel gives, and the number of its first output.
  void multiplyPanels(const Matrix &x, const WeightImage &weight,
                      llvm::function_ref<void(const Matrix &, uint32_t)> drain);

  const WeightImage &weight(mlir::Value value, WeightImage::Form form);
  /// Where layer after layer of a weight lies, in the form of a Place.
  Place placeOf(const WeightImage &weight, uint8_t type, uint64_t stride);
  /// A vector of the weights, loaded into one row.
  Matrix loadVector(mlir::Value value);
  Place cachePlace(mlir::Value layer, xf::CachePart part, uint32_t head);
  /// A place whose symbol has that name, for readers: an offset in a region for
  /// each layer, or one for all.
  Place placeAt(const std::string &name, uint32_t region,
                llvm::ArrayRef<uint64_t> offsets);

  Matrix matrixOf(mlir::Value value) const {
    return slots.find(value)->second.matrix;
  }
  Matrix makeResult(mlir::Value result, uint32_t columns, uint8_t type);
  /// The destination of an op that adds to `init`: in place where nothing reads
  /// `init` afterwards.
  Matrix accumulateInto(mlir::Operation *op, mlir::Value init,
                        mlir::Value result);
  bool isLastUse(mlir::Operation *op, mlir::Value value) const;
  void releaseDead(mlir::Operation *op);
  static uint64_t tileBytes(const SystolicMachine &machine,
                            const ModelImage &image);

  mlir::ModuleOp module;
  const SystolicMachine &machine;
  const ModelImage &image;
  const StepBucket bucket;
  Emitter emit;
  mlir::DenseMap<mlir::Value, Slot> slots;
  llvm::StringMap<Matrix> ropeRows;
  /// Of the symbols; equal lists are one symbol.
  std::set<std::vector<uint64_t>> addressLists;
};

} // namespace espalier::systolic

#endif // ESPALIER_LIB_LOWERING_SYSTOLIC_STEPLOWERING_H
