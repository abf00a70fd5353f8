//===- XFDialect.cpp - The dialect and its attributes ---------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Dialect/XF/XF.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::xf;

#include "XF/XFDialect.cpp.inc"

#include "XF/XFEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "XF/XFAttrs.cpp.inc"

void XFDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "XF/XFAttrs.cpp.inc"
      >();
  registerTypes();
  registerOperations();
}

LogicalResult XFDialect::verifyOperationAttribute(Operation *op,
                                                  NamedAttribute attr) {
  if (attr.getName() == kOrderAttr) {
    if (!isa<ModuleOp>(op))
      return op->emitOpError() << "'" << kOrderAttr << "' belongs on a module";
    if (!isa<OrderAttr>(attr.getValue()))
      return op->emitOpError()
             << "'" << kOrderAttr << "' must be an #xf.order, but is "
             << attr.getValue();
    return success();
  }
  if (attr.getName() == kModelAttr) {
    if (!isa<ModuleOp>(op))
      return op->emitOpError() << "'" << kModelAttr << "' belongs on a module";
    if (!isa<DictionaryAttr>(attr.getValue()))
      return op->emitOpError() << "'" << kModelAttr << "' must be a dictionary";
    return success();
  }
  if (attr.getName() == kMaxRowsAttr) {
    if (!isa<FunctionOpInterface>(op))
      return op->emitOpError()
             << "'" << kMaxRowsAttr << "' belongs on a function";
    auto rows = dyn_cast<IntegerAttr>(attr.getValue());
    if (!rows || !rows.getType().isSignlessInteger(64) || rows.getInt() < 1)
      return op->emitOpError()
             << "'" << kMaxRowsAttr << "' must be a positive i64";
  }
  return success();
}

LogicalResult OrderAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                OrderKind kind, unsigned version,
                                unsigned rows) {
  // order_c1
  unsigned only = kind == OrderKind::CPU ? kCPUOrderVersion : 1;
  if (version != only) {
    InFlightDiagnostic error =
        emitError() << "order '" << stringifyOrderKind(kind) << "' has version "
                    << only << " only, but got " << version;
    if (version < only)
      error << ": import the model again";
    return error;
  }
  // order_c2
  if (kind == OrderKind::Systolic && (rows < 1 || rows > 65536))
    return emitError() << "order 'systolic' needs the array's rows, 1 to "
                          "65536, but got "
                       << rows;
  if (kind != OrderKind::Systolic && rows != 0)
    return emitError() << "order '" << stringifyOrderKind(kind)
                       << "' has no rows, but got " << rows;
  return success();
}

LogicalResult
RecipeStepAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                       RecipeKind kind, ArrayRef<int64_t> arguments) {
  size_t fewest = 0, most = 0;
  if (kind == RecipeKind::UnpermuteHeads)
    fewest = 1, most = 2;
  else if (kind == RecipeKind::SliceRows)
    fewest = most = 2;
  else if (kind == RecipeKind::SliceGroups)
    fewest = most = 3;
  if (arguments.size() < fewest || arguments.size() > most) {
    InFlightDiagnostic error = emitError();
    error << "recipe step '" << stringifyRecipeKind(kind) << "' takes "
          << fewest;
    if (most != fewest)
      error << " or " << most;
    return error << " arguments, but got " << arguments.size();
  }
  if (kind == RecipeKind::UnpermuteHeads && arguments[0] < 1)
    return emitError() << "'unpermute_heads' needs a positive number of heads, "
                          "but got "
                       << arguments[0];
  if (kind == RecipeKind::UnpermuteHeads && most == arguments.size() &&
      (arguments[1] < 2 || arguments[1] % 2))
    return emitError() << "'unpermute_heads' needs a positive, even number of "
                          "rotated rows, but got "
                       << arguments[1];
  if (kind == RecipeKind::SliceRows &&
      (arguments[0] < 0 || arguments[1] <= arguments[0]))
    return emitError() << "'slice_rows' needs 0 <= begin < end, but got "
                       << arguments[0] << " and " << arguments[1];
  if (kind == RecipeKind::SliceGroups &&
      (arguments[0] < 1 || arguments[1] < 0 || arguments[2] < 1))
    return emitError() << "'slice_groups' needs groups >= 1, begin >= 0 and "
                          "count >= 1, but got "
                       << arguments[0] << ", " << arguments[1] << " and "
                       << arguments[2];
  return success();
}
