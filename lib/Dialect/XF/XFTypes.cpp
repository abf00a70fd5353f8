//===- XFTypes.cpp - Types, and what they say of a matrix -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Dialect/XF/XF.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::xf;

#define GET_TYPEDEF_CLASSES
#include "XF/XFTypes.cpp.inc"

void XFDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "XF/XFTypes.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// KVCacheType
//===----------------------------------------------------------------------===//

LogicalResult KVCacheType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t layers, int64_t heads, int64_t dim,
                                  Type elementType, KVLayout layout) {
  // kv_cache_c1
  if (layers < 1 || heads < 1 || dim < 1)
    return emitError() << "layers, heads and dim of a cache must be positive, "
                          "but got "
                       << layers << " x " << heads << " x " << dim;
  // kv_cache_c2
  if (dim % 2)
    return emitError() << "the dim of a cache must be even, but got " << dim;
  // kv_cache_c3
  if (!elementType.isF32() && !elementType.isF16() && !elementType.isBF16())
    return emitError() << "the elements of a cache must be f32, f16 or bf16, "
                          "but got "
                       << elementType;
  return success();
}

//===----------------------------------------------------------------------===//
// PanelType
//===----------------------------------------------------------------------===//

LogicalResult PanelType::verify(function_ref<InFlightDiagnostic()> emitError,
                                unsigned columns, unsigned group,
                                Encoding encoding) {
  // panel_c1
  if (!panelBytes(encoding, columns, group))
    return emitError() << "encoding '" << StringRef(encodingName(encoding))
                       << "' has no panel of " << columns << " x " << group;
  return success();
}

Type PanelType::parse(AsmParser &parser) {
  unsigned columns, group;
  StringRef name;
  SMLoc begin = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseInteger(columns) ||
      parser.parseKeyword("x") || parser.parseInteger(group) ||
      parser.parseComma())
    return {};
  SMLoc nameLoc = parser.getCurrentLocation();
  if (parser.parseKeyword(&name))
    return {};
  std::optional<Encoding> encoding = encodingFromName(name);
  if (!encoding) {
    parser.emitError(nameLoc) << "unknown encoding '" << name << "'";
    return {};
  }
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(begin); },
                    parser.getContext(), columns, group, *encoding);
}

void PanelType::print(AsmPrinter &printer) const {
  printer << '<' << getColumns() << " x " << getGroup() << ", "
          << StringRef(encodingName(getEncoding())) << '>';
}

uint64_t PanelType::getBytes() const {
  return *panelBytes(getEncoding(), getColumns(), getGroup());
}

llvm::TypeSize PanelType::getTypeSizeInBits(const DataLayout &,
                                            DataLayoutEntryListRef) const {
  return llvm::TypeSize::getFixed(getBytes() * 8);
}

/// Consecutive panels leave no gap: the alignment divides the size.
uint64_t PanelType::getABIAlignment(const DataLayout &,
                                    DataLayoutEntryListRef) const {
  return llvm::MinAlign(getBytes(), 64);
}

//===----------------------------------------------------------------------===//
// What types say
//===----------------------------------------------------------------------===//

int64_t EncodedMatrix::getK() const {
  return ShapedType::isDynamic(panelGroups) ? ShapedType::kDynamic
                                            : panelGroups * group;
}

int64_t EncodedMatrix::getPaddedN() const {
  return ShapedType::isDynamic(panelRows) ? ShapedType::kDynamic
                                          : panelRows * columns;
}

bool EncodedMatrix::coversN(int64_t n) const {
  if (ShapedType::isDynamic(n) || ShapedType::isDynamic(panelRows))
    return true;
  return static_cast<int64_t>(llvm::divideCeil(n, columns)) == panelRows;
}

std::optional<Encoding> xf::getElementEncoding(Type elementType) {
  if (auto panel = dyn_cast<PanelType>(elementType))
    return panel.getEncoding();
  if (elementType.isF32())
    return Encoding::F32;
  if (elementType.isF16())
    return Encoding::F16;
  if (elementType.isBF16())
    return Encoding::BF16;
  return std::nullopt;
}

std::optional<EncodedMatrix> xf::getEncodedMatrix(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !shaped.hasRank() || shaped.getRank() != 2)
    return std::nullopt;
  std::optional<Encoding> encoding =
      getElementEncoding(shaped.getElementType());
  if (!encoding)
    return std::nullopt;
  EncodedMatrix matrix;
  matrix.encoding = *encoding;
  if (auto panel = dyn_cast<PanelType>(shaped.getElementType())) {
    matrix.columns = panel.getColumns();
    matrix.group = panel.getGroup();
    matrix.isPanels = true;
  }
  matrix.panelRows = shaped.getDimSize(0);
  matrix.panelGroups = shaped.getDimSize(1);
  return matrix;
}

std::optional<EncodedExperts> xf::getEncodedExperts(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !shaped.hasRank() || shaped.getRank() != 3 ||
      shaped.isDynamicDim(0) || !getElementEncoding(shaped.getElementType()))
    return std::nullopt;
  auto one = RankedTensorType::get(shaped.getShape().drop_front(),
                                   shaped.getElementType());
  return EncodedExperts{shaped.getDimSize(0), *getEncodedMatrix(one)};
}

std::optional<int64_t> xf::getMaxRows(Operation *op) {
  for (; op; op = op->getParentOp())
    if (auto rows = op->getAttrOfType<IntegerAttr>(kMaxRowsAttr))
      return rows.getInt();
  return std::nullopt;
}
