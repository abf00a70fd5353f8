//===- LowerDot.cpp - The product of bytes as an instruction or as sums
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

#include "espalier/Dialect/CPU/CPU.h"

using namespace mlir;

namespace espalier::cpu {

void lowerDotOps(Operation *root, bool expand) {
  SmallVector<DotU8S8Op> ops;
  root->walk([&](DotU8S8Op op) { ops.push_back(op); });
  for (DotU8S8Op op : ops) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    Emitter e(b);
    V acc(op.getAcc(), &e), u(op.getU(), &e), s(op.getS(), &e);
    unsigned n = cast<VectorType>(acc.type()).getNumElements();
    V result = acc;
    if (!expand && n == 16) {
      result =
          e.intrinsic("llvm.x86.avx512.vpdpbusd.512", acc.type(), {acc, u, s});
    } else {
      // Byte j of every lane, as 32-bit integers.
      V uw = e.bitcast(u, acc.type()), sw = e.bitcast(s, acc.type());
      for (unsigned j = 0; j < 4; ++j)
        result = result + e.both(e.srl(uw, 8 * j), e.like(uw, int64_t(255))) *
                              e.sra(e.shl(sw, 24 - 8 * j), 24);
    }
    op.replaceAllUsesWith(Value(result));
    op.erase();
  }
}

} // namespace espalier::cpu
