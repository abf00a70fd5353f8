//===- SystolicFrameOps.td - Programs and what they name ----------- -*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by SystolicOps.td.

class Systolic_Frame<string mnemonic> : Systolic_Op<mnemonic,
    [Symbol, SymbolTable, IsolatedFromAbove, SingleBlock, NoTerminator,
     NoRegionArguments]> {
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$array_rows,
                       I64Attr:$array_columns, I64Attr:$bucket_rows);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `array` $array_rows `x` $array_columns `rows` $bucket_rows
    attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Systolic_ProgramOp : Systolic_Frame<"program"> {
  let summary = "a program as the machine runs it";
  let description = [{
    Declarations and a `systolic.queue` for each queue that has instructions. `array` is
    the array of the machine that it was compiled for, which is checked when it runs;
    `rows` the bucket: the number of elements of each argument array.

    Numbers of the binary form follow from the text: regions, symbols and semaphores are
    numbered in the order in which they are declared; shapes, constants and marks in the
    order in which they are first used, queue by queue.

    Constraints:
    1. (program_c1) 1 to 65536 rows and columns of the array and rows of the bucket;
    2. (program_c2) the body holds declarations and queues only, no queue twice;
    3. (program_c3) every queue has the same loops: the same number, one after the other
       and in each other, with the same counts and first layers;
    4. (program_c4) a loop begins in the same cycle in every queue, and its body has the
       same number of cycles;
    5. (program_c5) at most 256 semaphores.
  }];
}

def Systolic_SequenceOp : Systolic_Frame<"sequence"> {
  let summary = "a program whose times are not known yet";
  let description = [{
    Declarations and instructions. The meaning is that of doing the instructions one
    after the other; `systolic.repeat` is a loop of all queues. `array` and `rows` as in
    `systolic.program`.

    ```mlir
    systolic.sequence @scale array 16 x 16 rows 1 {
      %a = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      %b = systolic.at 64 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      ...
      systolic.binary on a multiply %a, constant 5.000000e-01 to %b
        : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      ...
    }
    ```

    Constraints:
    1. (sequence_c1) numbers as in `systolic.program`;
    2. (sequence_c2) the body holds declarations, but no semaphores, and instructions,
       but neither delay, signal, wait nor end.
  }];
}

def Systolic_QueueOp : Systolic_Op<"queue",
    [HasParent<"ProgramOp">, SingleBlock, NoRegionArguments]> {
  let summary = "the instructions of one queue";
  let description = [{
    They issue in this order. A queue that a program does not mention has only its END.

    Constraints:
    1. (queue_c1) the body ends with `systolic.end`, and holds nothing but instructions,
       `systolic.at` and `systolic.dram`.
  }];
  let arguments = (ins Systolic_Queue:$queue);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$queue attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def Systolic_RegionOp : Systolic_Op<"region", [Symbol]> {
  let summary = "declares bytes of DRAM";
  let description = [{
    `weights` and `table` are read only, `cache` is kept from step to step, `arena` is
    written before it is read in each step, `output` is what the caller reads. Without
    contents it begins as zeros; contents are the bytes of the attribute, row by row.

    Constraints:
    1. (region_c1) 1 to 2^48 - 1 bytes;
    2. (region_c2) contents are dense, of elements of 8, 16, 32 or 64 bits, and as many
       bytes as the region has;
    3. (region_c3) at most 65536 regions.

    ```mlir
    systolic.region @bias weights 16 = dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Systolic_RegionKind:$kind,
                       I64Attr:$bytes, OptionalAttr<ElementsAttr>:$data);
  let assemblyFormat = "$sym_name $kind $bytes (`=` $data^)? attr-dict";
  let hasVerifier = 1;
}

def Systolic_SymbolOp : Systolic_Op<"symbol",
    [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "names a place in DRAM, or one for each layer";
  let description = [{
    With several addresses, the one that counts is that of the layer: the counter of the
    outermost `systolic.repeat`, 0 outside of loops. The names are not in the binary;
    `espalier-dis` makes new ones.

    Constraints:
    1. (symbol_c1) there is at least one address;
    2. (symbol_c2) an address lies in a region that is declared.

    ```mlir
    systolic.symbol @q_proj = @weights + 0, @weights + 73728
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefArrayAttr:$regions,
                       DenseI64ArrayAttr:$offsets);
  let assemblyFormat = "$sym_name `=` custom<Addresses>($regions, $offsets) attr-dict";
  let hasVerifier = 1;
}

def Systolic_SemaphoreOp : Systolic_Op<"semaphore",
    [HasParent<"ProgramOp">, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "declares a semaphore";
  let description = [{It begins at 0.}];
  let results = (outs Systolic_SemaphoreType:$result);
  let assemblyFormat = "attr-dict";
}

def Systolic_AtOp : Systolic_Op<"at",
    [Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "a matrix at an address of scratchpad or accumulator";
  let description = [{
    The address counts granules of 16 bytes and becomes the field `a`, `b` or `c` of the
    instructions that use it. Several may describe the same bytes. Takes no time; it is
    not an instruction.

    Constraints:
    1. (at_c1) the address has 24 bits;
    2. (at_c2) the buffer does not lie in DRAM.

    ```mlir
    %tile = systolic.at 4096 : !systolic.buffer<scratchpad, 128x64xbf16, stride 8>
    ```
  }];
  let arguments = (ins I64Attr:$address);
  let results = (outs Systolic_BufferType:$result);
  let assemblyFormat = "$address attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
}

def Systolic_DramOp : Systolic_Op<"dram",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "a matrix at a place in DRAM";
  let description = [{
    `offset` granules of 16 bytes behind the address of the symbol. Takes no time; it is
    not an instruction.

    Constraints:
    1. (dram_c1) the offset has 24 bits;
    2. (dram_c2) the buffer lies in DRAM;
    3. (dram_c3) the symbol is a `systolic.symbol`.

    ```mlir
    %w = systolic.dram @q_proj + 64 : !systolic.buffer<dram, 128x128xbf16, stride 384>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol, I64Attr:$offset);
  let results = (outs Systolic_BufferType:$result);
  let assemblyFormat = "$symbol `+` $offset attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
}
