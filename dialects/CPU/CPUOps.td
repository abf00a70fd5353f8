//===- CPUOps.td - What LLVM has no portable name for -----------------------------------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef CPU_OPS
#define CPU_OPS

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def CPU_Dialect : Dialect {
  let name = "cpu";
  let cppNamespace = "::espalier::cpu";
  let summary = "Operations of CPU vector units that upstream has no op for";
  let description = [{
    The micro-kernels are made of upstream ops (`scf`, `arith`, `vector`, `llvm`).
    This dialect holds what those cannot say: the product of bytes that AVX512-VNNI
    computes in one instruction, which has an exact meaning in plain integer
    arithmetic, so that it can be expanded on a CPU without the instruction; and, in
    steps, what a worker reads next.
  }];
}

def CPU_DotU8S8Op : Op<CPU_Dialect, "dot_u8s8", [Pure]> {
  let summary = "four-wise products of unsigned and signed bytes, accumulated";
  let description = [{
    Lane i of the result is `acc[i] + sum over j < 4 of u[4i + j] * s[4i + j]`,
    `u` read as unsigned and `s` as signed bytes, in 32-bit integers that wrap.

    Constraints:
    1. (dot_u8s8_c1) `acc` and the result are `vector<Nxi32>`, the same type.
    2. (dot_u8s8_c2) `u` and `s` are `vector<4Nxi8>`.

    With N = 16 it becomes `llvm.x86.avx512.vpdpbusd.512`; on request, plain
    multiplications and additions.

    ```mlir
    %r = cpu.dot_u8s8 %acc, %u, %s : vector<16xi32>, vector<64xi8>
    ```
  }];
  let arguments = (ins AnyType:$acc, AnyType:$u, AnyType:$s);
  let results = (outs AnyType:$result);
  let assemblyFormat =
      "$acc `,` $u `,` $s attr-dict `:` custom<DotTypes>(type($acc), type($u), type($s), type($result))";
  let hasVerifier = 1;
}

def CPU_ExpectOp : Op<CPU_Dialect, "expect"> {
  let summary = "the worker reads these panels next";
  let description = [{
    The first `lines` cache lines of the first matrix that is not empty are
    prefetched; the rest of it becomes the window at byte `window` of the worker's
    private arena, which other micro-kernels prefetch from. Changes no result.

    Constraints:
    1. (expect_c1) `panels` are at least one matrix of panels, their rows one after
       the other without gaps.

    ```mlir
    cpu.expect %q, %k {lines = 24 : i64, window = 4096 : i64} : memref<...>, memref<...>
    ```
  }];
  let arguments = (ins Variadic<AnyMemRef>:$panels, I64Attr:$lines, I64Attr:$window);
  let assemblyFormat = "$panels attr-dict `:` type($panels)";
  let hasVerifier = 1;
}

#endif // CPU_OPS
