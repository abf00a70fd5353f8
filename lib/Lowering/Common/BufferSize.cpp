//===- BufferSize.cpp - The most bytes that a buffer takes ----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BufferSize.h"

#include "espalier/Dialect/XF/XF.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace espalier {

FailureOr<uint64_t> boundedBytes(Operation *op, MemRefType type,
                                 ValueRange dynamicSizes) {
  uint64_t bytes;
  if (auto panel = dyn_cast<xf::PanelType>(type.getElementType()))
    bytes = panel.getBytes();
  else if (type.getElementType().isIntOrFloat())
    bytes = (type.getElementTypeBitWidth() + 7) / 8;
  else
    return op->emitOpError("has elements of unknown size, ") << type;
  bool overflow = false;
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    int64_t most = size;
    if (ShapedType::isDynamic(size)) {
      FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
          presburger::BoundType::UB,
          ValueBoundsConstraintSet::Variable(
              dynamicSizes[type.getDynamicDimIndex(dim)]),
          /*stopCondition=*/nullptr, /*closedUB=*/true);
      if (failed(bound))
        return op->emitOpError("has a size without a constant upper bound");
      most = std::max<int64_t>(*bound, 0);
    }
    bool tooLarge = false;
    bytes = llvm::SaturatingMultiply(bytes, uint64_t(most), &tooLarge);
    overflow |= tooLarge;
  }
  if (overflow || bytes > uint64_t(INT64_MAX) - arenaAlignment)
    return op->emitOpError("is larger than 2^63 bytes, ") << type;
  return llvm::alignTo(bytes, arenaAlignment);
}

} // namespace espalier
