//===- StepSignature.cpp - The step as the runtime calls it ---*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"

#include "espalier/Dialect/XF/XF.h"
#include "espalier/descriptor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace espalier::cpu {

void addTypeConversions(LLVMTypeConverter &converter) {
  converter.addConversion([](xf::PanelType type) -> Type {
    return LLVM::LLVMArrayType::get(IntegerType::get(type.getContext(), 8),
                                    type.getBytes());
  });
  converter.addConversion([](xf::RowsType type) -> Type {
    return IntegerType::get(type.getContext(), 64);
  });
  converter.addConversion([](xf::KVCacheType type) -> Type {
    return IntegerType::get(type.getContext(), 1);
  });
}

/// What the step gives back are its own arguments.
static LogicalResult checkReturns(func::FuncOp function) {
  auto result = function.walk([&](func::ReturnOp op) {
    for (Value value : op.getOperands())
      if (!isa<xf::KVCacheType>(value.getType()) &&
          value != function.getArgument(2)) {
        op.emitOpError("gives a value that is neither the cache nor the "
                       "function's logits");
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

static LogicalResult checkSignature(func::FuncOp function) {
  ArrayRef<Type> types = function.getArgumentTypes();
  auto logits =
      types.size() == 5 ? dyn_cast<MemRefType>(types[2]) : MemRefType();
  if (!logits || !isa<xf::KVCacheType>(types[1]) || logits.getRank() != 2 ||
      !logits.isDynamicDim(0) || logits.isDynamicDim(1) ||
      !logits.getElementType().isF32() || !types[3].isIndex() ||
      !types[4].isIndex())
    return function.emitOpError(
        "must take rows, cache, logits (memref<?xVxf32>), worker and workers "
        "(run 'convert-spmd-to-scf' first)");
  return checkReturns(function);
}

static LogicalResult convertStep(func::FuncOp function,
                                 const LLVMTypeConverter &converter) {
  if (failed(checkSignature(function)))
    return failure();
  OpBuilder b(function);
  Location loc = function.getLoc();
  MLIRContext *context = function.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context), i32 = b.getI32Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                          {ptr, ptr, i32, i32});
  auto step = LLVM::LLVMFuncOp::create(b, loc, function.getName(), type);
  step->setDiscardableAttrs(function->getDiscardableAttrDictionary());
  Region &body = step.getBody();
  body.takeBody(function.getBody());

  Block &old = body.front();
  Block *entry = b.createBlock(&body, body.begin(), type.getParams(),
                               SmallVector<Location>(4, loc));
  b.setInsertionPointToStart(entry);
  Emit emit(b, loc);
  auto cast = [&](Type to, Value from) {
    return UnrealizedConversionCastOp::create(b, loc, to, from).getResult(0);
  };
  Value args = entry->getArgument(Args);
  auto logitsType = llvm::cast<MemRefType>(old.getArgument(2).getType());
  Value logits =
      emit.memref(converter, logitsType,
                  emit.field(args, offsetof(espalier_step_args, logits), ptr),
                  emit.count(args, offsetof(espalier_step_args, wanted_count)));
  auto widen = [&](unsigned argument) {
    return LLVM::ZExtOp::create(b, loc, b.getI64Type(),
                                entry->getArgument(argument))
        .getResult();
  };
  Value unused = LLVM::ConstantOp::create(b, loc, b.getI1Type(), 0);
  Value values[] = {emit.i64(0), unused, logits, widen(WorkerIndex),
                    widen(WorkerCount)};
  for (auto [argument, value] : llvm::zip_equal(old.getArguments(), values))
    argument.replaceAllUsesWith(cast(argument.getType(), value));
  old.eraseArguments(0, old.getNumArguments());
  entry->getOperations().splice(entry->end(), old.getOperations());
  old.erase();

  step.walk([](func::ReturnOp op) {
    OpBuilder at(op);
    LLVM::ReturnOp::create(at, op.getLoc(), ValueRange());
    op.erase();
  });
  function.erase();
  return success();
}

LogicalResult convertSignatures(ModuleOp module,
                                const LLVMTypeConverter &converter) {
  for (auto function :
       llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (function.isExternal())
      continue;
    if (function.getNumArguments() > 0 &&
        isa<xf::RowsType>(function.getArgumentTypes()[0])) {
      if (failed(convertStep(function, converter)))
        return failure();
      continue;
    }
    // Committing a path moves cache rows, which the runtime does for any model
    // from the cache's layout.
    bool commits = false;
    function.walk([&](xf::KVCommitOp) { commits = true; });
    if (!commits)
      return function.emitOpError("is neither a step nor a commit");
    function.erase();
  }
  return success();
}

} // namespace espalier::cpu
