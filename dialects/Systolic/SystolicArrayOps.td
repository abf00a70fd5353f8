//===- SystolicArrayOps.td - The array of processing elements ------ -*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by SystolicOps.td.

def Systolic_LoadWeightsOp : Systolic_UnitInstruction<"Array", "load_weights"> {
  let summary = "LOAD_WEIGHTS: a tile of weights into the array";
  let description = [{
    Fills the waiting plane of weights with the tile, and with zeros around it; the next
    MATMUL with SWAP takes it. The tile is k x n, k at most `R`, n at most `C`; with
    `transposed` the scratchpad holds it as n x k.

    - *Encoding*: opcode 0x20, queue array; flag 0x01 TRANSPOSED; `a` weights. Shape:
      `rows`, `columns`, type and stride a those of `weights`.
    - *Cycles*: the load path is busy in `t .. t + L - 1`; row `j` is read in
      `t + floor(j / w)`, TRANSPOSED all rows in all these cycles; complete in `t + L`.
    - *Hazards*: 1: issues no earlier than the MATMUL with SWAP that took the tile before
      (in the same cycle, if it stands right behind it), and `L` cycles after the LOAD_WEIGHTS before; with overlap `none` also when the
      MATMUL before it is complete; behind a MATMUL_OS when that is. 2 one read port of
      each bank of `weights` for `L` cycles. 3 reads.

    Constraints:
    1. (load_weights_c1) the weights lie in the scratchpad;
    2. (load_weights_c2) they are i8 or bf16;
    3. (load_weights_c3) the tile fits into the array of the program.

    ```mlir
    systolic.load_weights dt 0 %w : !systolic.buffer<scratchpad, 128x128xbf16, stride 16>
    systolic.load_weights dt 0 transposed %keys : !systolic.buffer<scratchpad, 128x64xbf16, stride 8>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, UnitAttr:$transposed, Systolic_BufferType:$weights);
  let assemblyFormat = [{
    (`dt` $dt^)? (`transposed` $transposed^)? $weights attr-dict
    `:` qualified(type($weights))
  }];
  let hasVerifier = 1;
}

def Systolic_MatmulOp : Systolic_UnitInstruction<"Array", "matmul"> {
  let summary = "MATMUL: rows times the weights of the array";
  let description = [{
    Each row of `rows` (k elements) times the active weights; as many columns are
    written as `result` has. bf16: for each element a chain of FMAs over ascending k from
    +0 in float32, then one addition to +0 or, with `accumulate`, to what `result` holds.
    i8: exact, in int32. `swap`: first the tile that LOAD_WEIGHTS brought last becomes
    the active one, for this and the MATMULs behind it.

    - *Encoding*: opcode 0x21, queue array; flags 0x01 SWAP, 0x02 ACCUMULATE; `a` rows,
      `c` result. Shape: `rows`, `columns` (k), type and stride a those of `rows`;
      `extra` the columns, type and stride c those of `result`, which lies in the
      accumulator.
    - *Cycles*: the stream is busy in `t .. t + rows - 1`; row `j` is read in `t + j` and
      written in `t + j + R + C - 2`; complete in `t + rows + R + C - 2`.
    - *Hazards*: 1: issues when the stream of the MATMUL before it has ended, with SWAP
      `L` cycles after its LOAD_WEIGHTS, which is taken by exactly one; with overlap
      `none` the first MATMUL behind each LOAD_WEIGHTS has SWAP; behind a MATMUL_OS when
      that is complete. 2 one read port of each bank of `rows` for `rows` cycles; the
      array's port of each bank of `result` from the first to the last row. 3 reads and
      writes; `accumulate` reads in the cycle in which it writes, without a port of
      its own.

    Constraints:
    1. (matmul_c1) `rows` lie in the scratchpad, `result` in the accumulator;
    2. (matmul_c2) types are i8 and i32, or bf16 and f32;
    3. (matmul_c3) `result` has as many rows as `rows`;
    4. (matmul_c4) k is at most `R`, the columns of `result` at most `C`, of the array of
       the program.

    ```mlir
    systolic.matmul dt 32 swap accumulate %x into %sum : !systolic.buffer<scratchpad, 16x128xbf16, stride 16>, !systolic.buffer<accumulator, 16x128xf32, stride 32>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, UnitAttr:$swap, UnitAttr:$accumulate,
                       Systolic_BufferType:$rows, Systolic_BufferType:$result);
  let assemblyFormat = [{
    (`dt` $dt^)? (`swap` $swap^)? (`accumulate` $accumulate^)? $rows `into` $result
    attr-dict `:` qualified(type($rows)) `,` qualified(type($result))
  }];
  let hasVerifier = 1;
}

def Systolic_MatmulOsOp : Systolic_UnitInstruction<"Array", "matmul_os"> {
  let summary = "MATMUL_OS: a product whose sums stay in the array";
  let description = [{
    `result` = `left` (M x K) times `right` (K x N), M at most `R`, N at most `C`, any K:
    the chain of FMAs runs over all of K. Then as MATMUL, with `accumulate` too. Weights
    that were loaded before it are lost.

    - *Encoding*: opcode 0x22, queue array; flag 0x02 ACCUMULATE; `a` left, `b` right,
      `c` result. Shape: `rows` M, `columns` K, `extra` N; types and strides of the
      three; the result lies in the accumulator.
    - *Cycles*: the array is busy in `t .. t + max(K, R) - 1` with overlap `shadow`, in
      `t .. t + K + R + C - 3` with `none`; all of `left` and `right` is read in all of
      `t .. t + K - 1`; row `j` is written in `t + K + j + C - 2`; complete in
      `t + K + R + C - 2`.
    - *Hazards*: 1: issues when the MATMULs before it are complete, behind a MATMUL_OS
      with overlap `none` when that is complete, with `shadow` `max(K, R)` cycles after
      it issued. 2 one read port of each bank of `left`, and one of `right`, for `K`
      cycles; the array's port of each bank of `result` from the first to the last row. 3
      reads and writes; `accumulate` reads in the cycle in which it writes, without a port of
      its own.

    Constraints:
    1. (matmul_os_c1) `left` and `right` lie in the scratchpad, `result` in the
       accumulator;
    2. (matmul_os_c2) types are i8, i8 and i32, or bf16, bf16 and f32;
    3. (matmul_os_c3) the sizes fit each other: M x K, K x N and M x N;
    4. (matmul_os_c4) M is at most `R`, N at most `C`, of the array of the program.

    ```mlir
    systolic.matmul_os dt 0 %a, %b into %c : !systolic.buffer<scratchpad, 16x64xi8, stride 4>, !systolic.buffer<scratchpad, 64x16xi8, stride 1>, !systolic.buffer<accumulator, 16x16xi32, stride 4>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, UnitAttr:$accumulate, Systolic_BufferType:$left,
                       Systolic_BufferType:$right, Systolic_BufferType:$result);
  let assemblyFormat = [{
    (`dt` $dt^)? (`accumulate` $accumulate^)? $left `,` $right `into` $result attr-dict
    `:` qualified(type($left)) `,` qualified(type($right)) `,` qualified(type($result))
  }];
  let hasVerifier = 1;
}
