//===- SystolicDialect.cpp - The dialect and its types --------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "OpSupport.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace espalier::systolic;

#include "Systolic/SystolicDialect.cpp.inc"

#include "Systolic/SystolicEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "Systolic/SystolicTypes.cpp.inc"

namespace {

/// Buffers have short names at the head of a module: `!sp_128x64xbf16_s8`.
struct AliasInterface : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Type type, llvm::raw_ostream &os) const override {
    auto buffer = dyn_cast<BufferType>(type);
    if (!buffer)
      return AliasResult::NoAlias;
    constexpr const char *names[] = {"sp", "acc", "dram"};
    os << names[static_cast<unsigned>(buffer.getSpace())] << '_'
       << buffer.getRows() << 'x' << buffer.getColumns() << 'x'
       << stringifyElement(buffer.getElement()) << "_s" << buffer.getStride();
    return AliasResult::OverridableAlias;
  }
};

} // namespace

void SystolicDialect::initialize() {
  registerTypes();
  registerOperations();
  addInterfaces<AliasInterface>();
}

void SystolicDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "Systolic/SystolicTypes.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// BufferType
//===----------------------------------------------------------------------===//

/// A keyword that is a case of an enumeration.
template <typename Enum>
static std::optional<Enum>
parseCase(AsmParser &parser, std::optional<Enum> (*symbolize)(StringRef),
          StringRef what) {
  StringRef keyword;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return std::nullopt;
  std::optional<Enum> value = symbolize(keyword);
  if (!value)
    parser.emitError(loc, "unknown ") << what << " '" << keyword << "'";
  return value;
}

Type BufferType::parse(AsmParser &parser) {
  SmallVector<int64_t> sizes;
  uint64_t stride;
  if (parser.parseLess())
    return {};
  std::optional<Space> space =
      parseCase<Space>(parser, symbolizeSpace, "memory");
  if (!space || parser.parseComma())
    return {};
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseDimensionList(sizes, /*allowDynamic=*/false))
    return {};
  if (sizes.size() != 2) {
    parser.emitError(loc, "a buffer has rows and columns");
    return {};
  }
  std::optional<Element> element =
      parseCase<Element>(parser, symbolizeElement, "element type");
  if (!element || parser.parseComma() || parser.parseKeyword("stride") ||
      parser.parseInteger(stride) || parser.parseGreater())
    return {};
  return parser.getChecked<BufferType>(parser.getContext(), *space, sizes[0],
                                       sizes[1], *element, stride);
}

void BufferType::print(AsmPrinter &printer) const {
  printer << '<' << stringifySpace(getSpace()) << ", " << getRows() << 'x'
          << getColumns() << 'x' << stringifyElement(getElement())
          << ", stride " << getStride() << '>';
}

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 Space space, uint64_t rows, uint64_t columns,
                                 Element element, uint64_t stride) {
  // buffer_c1
  if (rows < 1 || rows > ESPALIER_SYSTOLIC_MAX_ROWS || columns < 1 ||
      columns > kMax24 + 1 || stride > kMax32)
    return emitError() << "expected 1 to 65536 rows, 1 to 16777216 columns and "
                          "a stride below 2^32, but got "
                       << rows << "x" << columns << ", stride " << stride;
  // buffer_c2
  if (element >= Element::Q8_0 && space != Space::Dram)
    return emitError() << "blocks of " << stringifyElement(element)
                       << " lie in DRAM only, not in the "
                       << stringifySpace(space);
  return success();
}

uint64_t BufferType::getRowBytes() const {
  constexpr uint64_t bytes[] = {1, 4, 2, 4, 34, 18, 20};
  return getColumns() * bytes[static_cast<unsigned>(getElement())];
}

uint64_t BufferType::getRowsOfRow() const {
  return getElement() >= Element::Q8_0 ? 32 : 1;
}
