//===- ValueBounds.cpp - Bounds of the number of rows ---------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Dialect/XF/XF.h"

#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::xf;

namespace {

/// rows_count and wanted_count: not negative, and at most what the function
/// allows. A run of rows has as many rows as it says.
template <typename OpTy>
struct CountModel
    : ValueBoundsOpInterface::ExternalModel<CountModel<OpTy>, OpTy> {
  void populateBoundsForIndexValue(Operation *op, Value value,
                                   ValueBoundsConstraintSet &cstr) const {
    cstr.bound(value) >= 0;
    if (std::optional<int64_t> rows = getMaxRows(op))
      cstr.bound(value) <= *rows;
    auto slice = cast<OpTy>(op).getRows().template getDefiningOp<RowsSliceOp>();
    if (slice && isa<RowsCountOp>(op))
      cstr.bound(value) == slice.getSize();
  }
};

/// block_count: not negative; it grows with the context.
struct BlockCountModel
    : ValueBoundsOpInterface::ExternalModel<BlockCountModel, BlockCountOp> {
  void populateBoundsForIndexValue(Operation *, Value value,
                                   ValueBoundsConstraintSet &cstr) const {
    cstr.bound(value) >= 0;
  }
};

} // namespace

void xf::registerValueBoundsOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, XFDialect *) {
    BlockCountOp::attachInterface<BlockCountModel>(*context);
    RowsCountOp::attachInterface<CountModel<RowsCountOp>>(*context);
    WantedCountOp::attachInterface<CountModel<WantedCountOp>>(*context);
  });
}
