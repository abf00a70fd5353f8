//===- SystolicDialect.td - Instructions of the accelerator ------- -*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SYSTOLIC_DIALECT
#define SYSTOLIC_DIALECT

include "mlir/IR/OpBase.td"

def Systolic_Dialect : Dialect {
  let name = "systolic";
  let cppNamespace = "::espalier::systolic";
  let summary = "The instructions of the systolic accelerator";
  let description = [{
    One op for each instruction of the accelerator, and what they name: memory of the
    machine, places in DRAM, semaphores. `docs/Systolic.md` says what the machine is and
    is normative for time and hazards; the ops below are the reference of its
    instructions. There is no hidden state but the one that the machine has, the weights
    of its array: all that an instruction needs stands in its operands and attributes.

    A program has two forms.

    - **Sequential**, `systolic.sequence`: instructions in an order, whose meaning is
      that of doing one after the other. Each knows its queue; of the two vector units,
      `on a` or `on b` says which. Times and semaphores do not exist yet.
    - **Scheduled**, `systolic.program`: one `systolic.queue` for each queue, and each
      instruction with its `dt`. It is what the machine runs, instruction by instruction;
      `espalier-as` makes the bytes of it and `espalier-dis` the text of the bytes.

    `systolic-schedule` makes the second of the first.

    ```mlir
    systolic.program @double array 16 x 16 rows 1 {
      systolic.region @in weights 1024
      systolic.region @out output 1024
      systolic.symbol @x = @in + 0
      systolic.symbol @y = @out + 0
      %loaded = systolic.semaphore
      %done = systolic.semaphore
      %buffer = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      systolic.queue dma_in {
        %x = systolic.dram @x + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
        systolic.load dt 0 %x to %buffer : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
        systolic.signal dt 0 %loaded
        systolic.end dt 0
      }
      ...
    }
    ```

    ### Encoding

    An instruction has 16 bytes, little-endian:

    | byte | 0 | 1 | 2, 3 | 4..6 | 7..9 | 10..12 | 13 | 14, 15 |
    |---|---|---|---|---|---|---|---|---|
    | field | opcode | flags | `dt` | `a` | `b` | `c` | `aux` | `shape` |

    `dt` is the number of cycles since the queue's previous instruction issued, of its
    first one since cycle 0; where it exceeds 16 bits, a DELAY is put in front. `shape`
    is the number of an immutable description of 32 bytes: `rows`, `columns`, `extra`,
    the strides and element types of `a`, `b` and `c`, and for each whether it lies in
    the accumulator. Shapes are never written by hand: they follow from the types of the
    operands. What an instruction does not mention below is 0.

    ### Time

    `t` is the cycle in which an instruction issues, `R` and `C` are rows and columns of
    the array, `V` the lanes of a vector unit, `B` the bytes of DRAM in a cycle, `D` its
    latency, `w` the rows of weights loaded in a cycle, `L = ceil(R / w)`; `rows` and
    `columns` are those of the shape. *DMA*: `bytes(j)` are the DRAM bytes of the first
    `j` rows (of a GATHER or SCATTER each row is rounded up to a multiple of `B`),
    `n = max(1, ceil(bytes(rows) / B))`. *Vector*: `p = ceil(columns / V)` cycles for a
    row, `l` the latency of the kind; a reduction takes `g = max(1, floor(V / 16))` rows
    at once in `h = ceil(columns / 16)` cycles, row `j` in group `q = floor(j / g)` of
    `G = ceil(rows / g)`.

    ### Hazards

    The hardware never waits. These are errors wherever they occur; each instruction
    below says only what it adds: (1) *structural*: its unit, or the DRAM bus, is busy,
    or the instruction before it in its queue issues in the same cycle (of control any
    number may);
    (2) *ports*: a bank of the scratchpad has no read or write port left in a cycle, or a
    bank of the accumulator no port; (3) *data*: a row is read no earlier than the cycle
    after it was written, and overwritten no earlier than the cycle in which it was last
    read, or the one after it was written, by any instruction that issued before; (4)
    *DRAM*: a load of what the program stored issues when that is complete; (5)
    *unwritten*: what is read was written by this program; (6) *semaphores*: a WAIT finds
    what it takes, and between two instructions of different queues that conflict there
    is a SIGNAL behind the first and a WAIT before the second.

    ### Constraints of all instructions

    1. (instruction_c1) An instruction stands directly in a `systolic.sequence`, a
       `systolic.queue`, or a `systolic.repeat` in one of them.
    2. (instruction_c2) It has a `dt`, of 0 to 4294967295 cycles, in a queue, and none in
       a sequence.
    3. (instruction_c3) It stands in the queue of its unit. An instruction that can be in
       several says so in a sequence, by `on`, and only there.
    4. (instruction_c4) Its buffers are made by `systolic.at` or `systolic.dram`, its
       semaphore by `systolic.semaphore`.
    5. (instruction_c5) Rows that it writes to scratchpad or accumulator do not overlap.
  }];
  let extraClassDeclaration = [{
    void registerOperations();
    void registerTypes();
  }];
  let useDefaultTypePrinterParser = 1;
}

#endif // SYSTOLIC_DIALECT
