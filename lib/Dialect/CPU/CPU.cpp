//===- CPU.cpp - The dialect of CPU vector instructions
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Dialect/CPU/CPU.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace espalier::cpu;

#include "CPU/CPUDialect.cpp.inc"

void CPUDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "CPU/CPUOps.cpp.inc"
      >();
}

// `vector<Nxi32>, vector<4Nxi8>`: accumulator and result, both byte operands.
static ParseResult parseDotTypes(OpAsmParser &parser, Type &acc, Type &u,
                                 Type &s, Type &result) {
  if (parser.parseType(acc) || parser.parseComma() || parser.parseType(u))
    return failure();
  result = acc;
  s = u;
  return success();
}
static void printDotTypes(OpAsmPrinter &printer, Operation *, Type acc, Type u,
                          Type, Type) {
  printer << acc << ", " << u;
}

LogicalResult DotU8S8Op::verify() {
  auto acc = dyn_cast<VectorType>(getAcc().getType());
  if (!acc || acc.getRank() != 1 || acc.isScalable() ||
      !acc.getElementType().isSignlessInteger(32) ||
      getResult().getType() != acc) // dot_u8s8_c1
    return emitOpError("expected an accumulator and a result of one type "
                       "vector<Nxi32>, but got ")
           << getAcc().getType() << " and " << getResult().getType();
  auto bytes = VectorType::get({4 * acc.getNumElements()},
                               IntegerType::get(getContext(), 8));
  if (getU().getType() != bytes || getS().getType() != bytes) // dot_u8s8_c2
    return emitOpError("expected operands of type ")
           << bytes << ", but got " << getU().getType() << " and "
           << getS().getType();
  return success();
}

LogicalResult ExpectOp::verify() {
  if (getPanels().empty())
    return emitOpError("expected at least one matrix");
  for (Type type : getPanels().getTypes()) {
    auto matrix = cast<MemRefType>(type);
    SmallVector<int64_t> strides;
    int64_t offset;
    if (matrix.getRank() != 2 || matrix.isDynamicDim(1) ||
        failed(matrix.getStridesAndOffset(strides, offset)) ||
        strides[0] != matrix.getDimSize(1) || strides[1] != 1) // expect_c1
      return emitOpError("expected matrices whose rows follow each other "
                         "without gaps, but got ")
             << type;
  }
  return success();
}

#define GET_OP_CLASSES
#include "CPU/CPUOps.cpp.inc"
