//===- SystolicVectorOps.td - The vector units --------------------- -*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by SystolicOps.td.
// Sources of a vector instruction are widened to float32 and the result is
// rounded once to the type of the destination, as docs/Systolic.md says.

def Systolic_MapOp : Systolic_VectorInstruction<"map"> {
  let summary = "MAP: a function of each element";
  let description = [{
    `destination` = kind(`source`). `copy` between equal types keeps the bits, between
    others it is the conversion: float32 to bf16, int8 and int32 to nearest even, the
    integers saturated, a NaN gives 0. The functions are those of docs/numerics.md.

    - *Encoding*: opcode 0x30, a vector queue; `aux` kind (0 copy, 1 relu, 2
      relu_squared, 3 reciprocal, 4 sqrt, 5 exp2, 6 tanh, 7 silu, 8 gelu, 9 gelu_tanh);
      `a` source, `c` destination. Shape: `rows`, `columns`, types, strides and spaces of
      both.
    - *Cycles*: the unit is busy in `t .. t + rows * p - 1`; row `j` is read in
      `t + j * p .. t + j * p + p - 1`, and written `l` later; complete in
      `t + rows * p + l`. `l` is the latency `map` of copy, relu and relu_squared,
      `divide` of reciprocal and sqrt, `function` of the others.
    - *Hazards*: 1 of the unit, 2 one read port of each bank of `source` while the unit is
      busy, one write port of each bank of `destination` from the first to the last cycle
      of writing (in the accumulator vector ports for both), 3 reads and writes.

    Constraints:
    1. (map_c1) neither lies in DRAM;
    2. (map_c2) they have the same size.

    ```mlir
    systolic.map dt 0 silu %gate to %g : !systolic.buffer<accumulator, 16x128xf32, stride 32>, !systolic.buffer<scratchpad, 16x128xf32, stride 32>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, OptionalAttr<Systolic_Unit>:$unit,
                       Systolic_MapKind:$kind, Systolic_BufferType:$source,
                       Systolic_BufferType:$destination);
  let assemblyFormat = [{
    (`dt` $dt^)? (`on` $unit^)? $kind $source `to` $destination attr-dict
    `:` qualified(type($source)) `,` qualified(type($destination))
  }];
  let hasVerifier = 1;
}

def Systolic_BinaryOp : Systolic_VectorInstruction<"binary"> {
  let summary = "BINARY: a function of pairs of elements";
  let description = [{
    `destination` = `left` kind `right`; subtract and divide round once, maximum is
    `right > left ? right : left`. `right` is a matrix as large as `left`, `row` one row
    for all, `column` one element for each row, or `constant` a number.

    - *Encoding*: opcode 0x31, a vector queue; flags 0x04 ROW, 0x08 COLUMN, 0x10 CONSTANT;
      `aux` kind (0 add, 1 subtract, 2 multiply, 3 divide, 4 maximum); `a` left, `b` right
      or number of the constant, `c` destination. Shape: `rows`, `columns`, types, strides
      and spaces (of a constant no type and stride b).
    - *Cycles*: as MAP; `right` is read as `left` is, as `row` or `column` all of it while
      the unit is busy. `l` is the latency `divide` of divide, `map` of the others.
    - *Hazards*: as MAP, each source for itself; a constant has none.

    Constraints:
    1. (binary_c1) none lies in DRAM;
    2. (binary_c2) `destination` has the size of `left`;
    3. (binary_c3) `right` has the size of `left`; as `row` one row, as `column` one
       column of it;
    4. (binary_c4) exactly one of right and constant, and at most one of row and column.

    ```mlir
    systolic.binary dt 0 add %x, %y to %z : !systolic.buffer<scratchpad, 16x64xf32, stride 16>, !systolic.buffer<scratchpad, 16x64xf32, stride 16> to !systolic.buffer<scratchpad, 16x64xf32, stride 16>
    systolic.binary dt 0 add %x, row %bias to %z : !systolic.buffer<scratchpad, 16x64xf32, stride 16>, !systolic.buffer<scratchpad, 1x64xf32, stride 16> to !systolic.buffer<scratchpad, 16x64xf32, stride 16>
    systolic.binary dt 0 multiply %x, constant 1.250000e-01 to %z : !systolic.buffer<scratchpad, 16x64xf32, stride 16> to !systolic.buffer<scratchpad, 16x64xf32, stride 16>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, OptionalAttr<Systolic_Unit>:$unit,
                       Systolic_BinaryKind:$kind, Systolic_BufferType:$left,
                       UnitAttr:$row, UnitAttr:$column,
                       Optional<Systolic_BufferType>:$right, OptionalAttr<F32Attr>:$constant,
                       Systolic_BufferType:$destination);
  let assemblyFormat = [{
    (`dt` $dt^)? (`on` $unit^)? $kind $left `,` (`row` $row^)? (`column` $column^)?
    ($right^)? (`constant` $constant^)? `to` $destination attr-dict
    `:` qualified(type($left)) (`,` qualified(type($right))^)? `to` qualified(type($destination))
  }];
  let hasVerifier = 1;
}

def Systolic_ReduceOp : Systolic_VectorInstruction<"reduce"> {
  let summary = "REDUCE: one float32 of each row";
  let description = [{
    `sum` by sum16 of docs/numerics.md, `squares` the same of the rounded squares,
    `maximum` from -inf over ascending columns, `x > m ? x : m`.

    - *Encoding*: opcode 0x32, a vector queue; `aux` kind (0 sum, 1 squares, 2 maximum);
      `a` source, `c` destination. Shape: `rows` and `columns` of `source`; types, strides
      and spaces of both.
    - *Cycles*: the unit is busy in `t .. t + G * h - 1`; row `j` is read in
      `t + q * h .. t + q * h + h - 1`, written in `t + q * h + h - 1 + l`; complete in
      `t + G * h + l`. `l` is the latency `reduce`.
    - *Hazards*: as MAP.

    Constraints:
    1. (reduce_c1) neither lies in DRAM;
    2. (reduce_c2) `destination` has the rows of `source` and one column of f32.

    ```mlir
    systolic.reduce dt 0 squares %x to %s : !systolic.buffer<scratchpad, 16x192xf32, stride 48>, !systolic.buffer<scratchpad, 16x1xf32, stride 1>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, OptionalAttr<Systolic_Unit>:$unit,
                       Systolic_ReduceKind:$kind, Systolic_BufferType:$source,
                       Systolic_BufferType:$destination);
  let assemblyFormat = [{
    (`dt` $dt^)? (`on` $unit^)? $kind $source `to` $destination attr-dict
    `:` qualified(type($source)) `,` qualified(type($destination))
  }];
  let hasVerifier = 1;
}

def Systolic_MaskOp : Systolic_VectorInstruction<"mask"> {
  let summary = "MASK: scores of keys that a row does not see become -inf";
  let description = [{
    Column `i` is key `key + i`. A row at position `p` sees key `s` if `s <= p` and, with
    `window W`, `s > p - W`. Row `j` is at `position[j]`; a padding row, at -1, sees
    nothing.

    - *Encoding*: opcode 0x33, a vector queue; flag 0x20 WINDOW; `a` source, `b` key, `c`
      destination. Shape: `rows`, `columns`, types, strides and spaces of both; `extra` W.
    - *Cycles*: as MAP; `l` is the latency `map`.
    - *Hazards*: as MAP.

    Constraints:
    1. (mask_c1) neither lies in DRAM;
    2. (mask_c2) they have the same size;
    3. (mask_c3) the key has 24 bits, the window 1 to 2^32 - 1;
    4. (mask_c4) no more rows than the bucket has.

    ```mlir
    systolic.mask dt 0 %scores key 128 window 512 to %masked : !systolic.buffer<accumulator, 16x128xf32, stride 32>, !systolic.buffer<scratchpad, 16x128xf32, stride 32>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, OptionalAttr<Systolic_Unit>:$unit,
                       Systolic_BufferType:$source, I64Attr:$key,
                       OptionalAttr<I64Attr>:$window, Systolic_BufferType:$destination);
  let assemblyFormat = [{
    (`dt` $dt^)? (`on` $unit^)? $source `key` $key (`window` $window^)? `to` $destination
    attr-dict `:` qualified(type($source)) `,` qualified(type($destination))
  }];
  let hasVerifier = 1;
}

def Systolic_RopeOp : Systolic_VectorInstruction<"rope"> {
  let summary = "ROPE: rotates the heads of each row";
  let description = [{
    A row of `source` is heads of `head` elements, of which the first ones, as many as
    `table` has columns, are rotated by entry 9 of docs/numerics.md, without FMA; the
    others are copied. Row `j` of `table` has the cosines of row `j`, then its sines.

    - *Encoding*: opcode 0x34, a vector queue; `a` source, `b` table, `c` destination.
      Shape: `rows`, `columns`, types, strides and spaces of the three; `extra` is
      head + 65536 * columns of `table`.
    - *Cycles*: as MAP, and row `j` of `table` with row `j` of `source`; `l` is the
      latency `map`.
    - *Hazards*: as MAP, each source for itself.

    Constraints:
    1. (rope_c1) none lies in DRAM;
    2. (rope_c2) `destination` has the size of `source`, `table` as many rows;
    3. (rope_c3) a head of 1 to 65535 elements divides the columns of `source`;
    4. (rope_c4) `table` has an even number of columns, at most `head`.

    ```mlir
    systolic.rope dt 0 %q heads 64, %table to %r : !systolic.buffer<scratchpad, 16x576xf32, stride 144>, !systolic.buffer<scratchpad, 16x64xf32, stride 16>, !systolic.buffer<scratchpad, 16x576xf32, stride 144>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, OptionalAttr<Systolic_Unit>:$unit,
                       Systolic_BufferType:$source, I64Attr:$head,
                       Systolic_BufferType:$table, Systolic_BufferType:$destination);
  let assemblyFormat = [{
    (`dt` $dt^)? (`on` $unit^)? $source `heads` $head `,` $table `to` $destination attr-dict
    `:` qualified(type($source)) `,` qualified(type($table)) `,` qualified(type($destination))
  }];
  let hasVerifier = 1;
}

def Systolic_ArgmaxOp : Systolic_VectorInstruction<"argmax"> {
  let summary = "ARGMAX: the largest element of each row, and its column";
  let description = [{
    Two elements of 32 bits for each row: the largest value (float32), and its column as
    int32, counted from `column`. Of equal ones the first; a NaN is never larger; the
    first element counts from -inf. `accumulate` goes on from what `destination` holds.

    - *Encoding*: opcode 0x35, a vector queue; flag 0x02 ACCUMULATE; `a` source, `b`
      column, `c` destination. Shape: `rows` and `columns` of `source`; types, strides and
      spaces of both.
    - *Cycles*: as REDUCE.
    - *Hazards*: as REDUCE; `accumulate` reads in the cycle in which it writes, without a port of its
      own.

    Constraints:
    1. (argmax_c1) neither lies in DRAM;
    2. (argmax_c2) `destination` has the rows of `source` and two columns of f32;
    3. (argmax_c3) the column has 24 bits.

    ```mlir
    systolic.argmax dt 0 %logits column 0 to %best : !systolic.buffer<accumulator, 1x128xf32, stride 32>, !systolic.buffer<scratchpad, 1x2xf32, stride 1>
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, OptionalAttr<Systolic_Unit>:$unit,
                       UnitAttr:$accumulate, Systolic_BufferType:$source,
                       I64Attr:$column, Systolic_BufferType:$destination);
  let assemblyFormat = [{
    (`dt` $dt^)? (`on` $unit^)? (`accumulate` $accumulate^)? $source `column` $column
    `to` $destination attr-dict
    `:` qualified(type($source)) `,` qualified(type($destination))
  }];
  let hasVerifier = 1;
}
