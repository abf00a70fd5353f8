//===- SelectKVLayout.cpp - Layout and element type of the cache ----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Dialect/XF/XF.h"
#include "espalier/Transforms/Passes.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace espalier {

#define GEN_PASS_DEF_SELECTKVLAYOUT
#include "espalier/Transforms/Passes.h.inc"

namespace {

struct SelectKVLayoutPass : impl::SelectKVLayoutBase<SelectKVLayoutPass> {
  using SelectKVLayoutBase::SelectKVLayoutBase;

  void runOnOperation() override {
    Builder b(&getContext());
    Type element = llvm::StringSwitch<Type>(elementType)
                       .Case("f32", b.getF32Type())
                       .Case("f16", b.getF16Type())
                       .Case("bf16", b.getBF16Type())
                       .Default(Type());
    if (!element && !elementType.empty()) {
      getOperation().emitError(
          "option 'element-type': expected f32, f16 or bf16, got '")
          << elementType << "'";
      return signalPassFailure();
    }
    auto chosen = xf::symbolizeKVLayout(layout);
    if (!chosen || *chosen == xf::KVLayout::Unassigned) {
      getOperation().emitError(
          "option 'layout': expected tiles16 or rows, got '")
          << layout << "'";
      return signalPassFailure();
    }

    Type conflict;
    DenseSet<Type> replaced;
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](xf::KVCacheType type) -> std::optional<Type> {
      Type wanted = element ? element : type.getElementType();
      if (type.getLayout() != xf::KVLayout::Unassigned) {
        if (type.getElementType() != wanted)
          conflict = type;
        return type;
      }
      replaced.insert(type);
      return xf::KVCacheType::get(type.getContext(), type.getLayers(),
                                  type.getHeads(), type.getDim(), wanted,
                                  *chosen);
    });
    replacer.recursivelyReplaceElementsIn(getOperation(), /*replaceAttrs=*/true,
                                          /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);
    changed += replaced.size();
    if (conflict) {
      getOperation().emitError(
          "expected caches without a layout or of element type ")
          << element << ", but got " << conflict
          << "; choose the element type before the layout";
      signalPassFailure();
    }
  }
};

} // namespace
} // namespace espalier
