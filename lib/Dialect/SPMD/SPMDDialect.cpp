//===- SPMDDialect.cpp - The dialect and its attributes -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Dialect/SPMD/SPMD.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace espalier::spmd;

#include "SPMD/SPMDDialect.cpp.inc"

#include "SPMD/SPMDEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "SPMD/SPMDAttrs.cpp.inc"

void SPMDDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "SPMD/SPMDAttrs.cpp.inc"
      >();
  registerOperations();
}

LogicalResult TilesAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                Schedule schedule, int64_t cost) {
  if (cost < 1)
    return emitError() << "the cost of a tile must be positive, but is "
                       << cost;
  return success();
}

// Workers have one dimension, so there is one mapping.
int64_t TilesAttr::getMappingId() const { return 0; }
bool TilesAttr::isLinearMapping() const { return true; }
int64_t TilesAttr::getRelativeIndex() const { return 0; }

TilesAttr espalier::spmd::getTiles(scf::ForallOp loop) {
  std::optional<ArrayAttr> mapping = loop.getMapping();
  if (!mapping)
    return {};
  for (Attribute attr : *mapping)
    if (auto tiles = dyn_cast<TilesAttr>(attr))
      return tiles;
  return {};
}
