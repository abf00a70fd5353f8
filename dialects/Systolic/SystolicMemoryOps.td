//===- SystolicMemoryOps.td - Transfers of DRAM -------------------- -*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by SystolicOps.td.

def Systolic_LoadOp : Systolic_UnitInstruction<"DmaIn", "load"> {
  let summary = "LOAD: DRAM to scratchpad";
  let description = [{
    Row `j` of `source` becomes row `j` of `destination`. Equal types are moved, float32
    becomes bf16 by one rounding. Blocks are decoded: row `j` of `source`, one group of
    32 k, becomes rows `32 j` to `32 j + 31` of bf16, the value of k `32 j + i` of column
    `c` in row `32 j + i`, each rounded once.

    With `limit F`, rows whose number `F + j` is not below the argument `limit` (the
    cache rows in use) become zeros, in the same time.

    - *Encoding*: opcode 0x10, queue DMA in; flag 0x01 LIMIT; `a` destination, `b`
      symbol, `c` offset in granules. Shape: `rows`, `columns`, type and stride b those of
      `source`, stride b in bytes; type and stride a those of `destination`; `extra` F.
    - *Cycles*: DMA in and the bus are busy in `t .. t + n - 1`; row `j` is written from
      `t + D + floor(bytes(j) / B)` to `t + D + max(floor(bytes(j) / B), ceil(bytes(j + 1) / B) - 1)`;
      complete in `t + n + D`.
    - *Hazards*: 1 of the bus, 2 one write port of each bank of `destination` from the
      first to the last cycle of writing, 3 writes, 4.

    Constraints:
    1. (load_c1) `source` lies in DRAM, `destination` in the scratchpad;
    2. (load_c2) `destination` is as large as `source`; of blocks, at most 2048 rows, it
       has 32 times the rows;
    3. (load_c3) the types are equal, f32 and bf16, or blocks and bf16;
    4. (load_c4) F has 32 bits.

    ```mlir
    systolic.load dt 4 %w to %tile : !systolic.buffer<dram, 4x128xq4_0, stride 2304>, !systolic.buffer<scratchpad, 128x128xbf16, stride 16>
    systolic.load dt 4 %keys to %tile limit 128 : ...
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, Systolic_BufferType:$source,
                       Systolic_BufferType:$destination, OptionalAttr<I64Attr>:$limit);
  let assemblyFormat = [{
    (`dt` $dt^)? $source `to` $destination (`limit` $limit^)? attr-dict
    `:` qualified(type($source)) `,` qualified(type($destination))
  }];
  let hasVerifier = 1;
}

def Systolic_GatherOp : Systolic_UnitInstruction<"DmaIn", "gather"> {
  let summary = "GATHER: rows of DRAM that an argument names, to scratchpad";
  let description = [{
    Row `j` of `destination` is row `argument[from + j]` of the matrix that begins at
    `source`, whose rows are a stride apart; zeros where the argument is negative. Types
    as of a load, without blocks.

    - *Encoding*: opcode 0x11, queue DMA in; `aux` argument (0 token, 1 position, 2
      cache_row, 3 wanted), `a` destination, `b` symbol, `c` offset in granules. Shape as
      of LOAD; `extra` is `from`.
    - *Cycles*: as LOAD, each row rounded up to a multiple of `B` bytes.
    - *Hazards*: as LOAD.

    Constraints:
    1. (gather_c1) `source` lies in DRAM, `destination` in the scratchpad;
    2. (gather_c2) `destination` is as large as `source`;
    3. (gather_c3) the types are equal and no blocks, or f32 and bf16;
    4. (gather_c4) the bucket has `from` + rows elements.

    ```mlir
    systolic.gather dt 0 %embedding rows token 0 to %x : !systolic.buffer<dram, 16x192xbf16, stride 384>, !systolic.buffer<scratchpad, 16x192xbf16, stride 24>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, Systolic_BufferType:$source,
                       Systolic_Argument:$argument, I64Attr:$from,
                       Systolic_BufferType:$destination);
  let assemblyFormat = [{
    (`dt` $dt^)? $source `rows` $argument $from `to` $destination attr-dict
    `:` qualified(type($source)) `,` qualified(type($destination))
  }];
  let hasVerifier = 1;
}

def Systolic_StoreOp : Systolic_UnitInstruction<"DmaOut", "store",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "STORE: scratchpad to DRAM";
  let description = [{
    Row `j` of `source` becomes row `j` of `destination`.

    - *Encoding*: opcode 0x18, queue DMA out; `a` source, `b` symbol, `c` offset in
      granules. Shape: `rows` and `columns`; type and stride a those of `source`; type
      and stride b those of `destination`, stride b in bytes.
    - *Cycles*: DMA out and the bus are busy in `t .. t + n - 1`; row `j` is read from
      `t + floor(bytes(j) / B)` to `t + max(floor(bytes(j) / B), ceil(bytes(j + 1) / B) - 1)`;
      complete in `t + n + D`, when a load may read it.
    - *Hazards*: 1 of the bus, 2 one read port of each bank of `source` for `n` cycles, 3
      reads.

    Constraints:
    1. (store_c1) `source` lies in the scratchpad, `destination` in DRAM;
    2. (store_c2) `destination` is as large as `source`;
    3. (store_c3) the types are equal;
    4. (store_c4) the region is neither weights nor table.

    ```mlir
    systolic.store dt 9 %y to %out : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xf32, stride 64>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, Systolic_BufferType:$source,
                       Systolic_BufferType:$destination);
  let assemblyFormat = [{
    (`dt` $dt^)? $source `to` $destination attr-dict
    `:` qualified(type($source)) `,` qualified(type($destination))
  }];
  let hasVerifier = 1;
}

def Systolic_ScatterOp : Systolic_UnitInstruction<"DmaOut", "scatter",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "SCATTER: scratchpad to rows of DRAM that an argument names";
  let description = [{
    Row `j` of `source` becomes row `argument[from + j]` of the matrix that begins at
    `destination`; nothing is written where the argument is negative.

    - *Encoding*: opcode 0x19, queue DMA out; `aux` argument (0 token, 1 position, 2
      cache_row, 3 wanted), `a` source, `b` symbol, `c` offset in granules. Shape as of
      STORE; `extra` is `from`.
    - *Cycles*: as STORE, each row rounded up to a multiple of `B` bytes.
    - *Hazards*: as STORE.

    Constraints:
    1. (scatter_c1) `source` lies in the scratchpad, `destination` in DRAM;
    2. (scatter_c2) `destination` is as large as `source`;
    3. (scatter_c3) the types are equal;
    4. (scatter_c4) the bucket has `from` + rows elements;
    5. (scatter_c5) the region is neither weights nor table.

    ```mlir
    systolic.scatter dt 0 %k to %keys rows cache_row 0 : !systolic.buffer<scratchpad, 16x64xbf16, stride 8>, !systolic.buffer<dram, 16x64xbf16, stride 128>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, Systolic_BufferType:$source,
                       Systolic_BufferType:$destination,
                       Systolic_Argument:$argument, I64Attr:$from);
  let assemblyFormat = [{
    (`dt` $dt^)? $source `to` $destination `rows` $argument $from attr-dict
    `:` qualified(type($source)) `,` qualified(type($destination))
  }];
  let hasVerifier = 1;
}
