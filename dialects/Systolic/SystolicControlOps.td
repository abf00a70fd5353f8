//===- SystolicControlOps.td - Control of a queue ------------------ -*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by SystolicOps.td.

def Systolic_DelayOp : Systolic_Instruction<"delay"> {
  let summary = "DELAY: more cycles than a `dt` holds";
  let description = [{
    The next instruction of the queue issues `cycles` later than its `dt` alone says.
    Written by hand it is seldom needed: a `dt` above 65535 becomes one in the binary.

    - *Encoding*: opcode 0x01, any queue; `b` cycles.
    - *Cycles*: none, and no unit.

    Constraints:
    1. (delay_c1) the cycles have 24 bits.

    ```mlir
    systolic.delay dt 0 100000
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, I64Attr:$cycles);
  let assemblyFormat = "(`dt` $dt^)? $cycles attr-dict";
  let hasVerifier = 1;
}

def Systolic_RepeatOp : Systolic_Instruction<"repeat",
    [SingleBlockImplicitTerminator<"EndRepeatOp">, NoRegionArguments]> {
  let summary = "REPEAT: a loop of all queues";
  let description = [{
    Runs its body `times` times. The counter of the outermost loop, from `from` on, is
    the layer that symbols with several addresses are resolved with. Every queue has the
    loop, with the same counts, and as many cycles in its body: from the issue of
    REPEAT to that of END_REPEAT. The body begins when everything before it is complete,
    and so does each turn and what follows.

    - *Encoding*: opcode 0x02, any queue; `a` first layer, `b` times. The body stands
      behind it, then END_REPEAT.
    - *Cycles*: none, and no unit.
    - *Hazards*: between the turns, as between any instructions.

    Constraints:
    1. (repeat_c1) 1 to 2^24 - 1 times, the layers have 24 bits;
    2. (repeat_c2) loops are at most two deep.

    ```mlir
    systolic.repeat dt 12 times 30 from 0 {
      ...
      systolic.end_repeat dt 5
    }
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, I64Attr:$times, I64Attr:$from);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat =
      "(`dt` $dt^)? `times` $times `from` $from attr-dict-with-keyword $body";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Systolic_EndRepeatOp : Systolic_Instruction<"end_repeat",
    [Terminator, HasParent<"RepeatOp">]> {
  let summary = "END_REPEAT: ends the body of a loop";
  let description = [{
    - *Encoding*: opcode 0x03, any queue.
    - *Cycles*: none, and no unit. The next turn, or what follows, begins with it.
  }];
  let arguments = (ins Systolic_Dt:$dt);
  let assemblyFormat = "(`dt` $dt^)? attr-dict";
  let builders = [OpBuilder<(ins), [{
    build($_builder, $_state, ::mlir::IntegerAttr());
  }]>];
}

def Systolic_SignalOp : Systolic_Instruction<"signal"> {
  let summary = "SIGNAL: adds one to a semaphore";
  let description = [{
    In strict mode it happens when it issues, in elastic mode when everything before it
    in its queue is complete: the memory that those instructions wrote may be read, what
    they read overwritten, behind a WAIT of another queue.

    - *Encoding*: opcode 0x04, any queue; `aux` semaphore.
    - *Cycles*: none, and no unit. Of those that issue in one cycle, a SIGNAL comes before
      the WAIT that needs it.
  }];
  let arguments = (ins Systolic_Dt:$dt, Systolic_SemaphoreType:$semaphore);
  let assemblyFormat = "(`dt` $dt^)? $semaphore attr-dict";
}

def Systolic_WaitOp : Systolic_Instruction<"wait"> {
  let summary = "WAIT: takes from a semaphore";
  let description = [{
    Takes `count`. In strict mode that finds too few is an error, never a pause; in
    elastic mode the queue goes on when there are enough.

    - *Encoding*: opcode 0x05, any queue; `aux` semaphore, `b` count.
    - *Cycles*: none, and no unit.
    - *Hazards*: 6.

    Constraints:
    1. (wait_c1) a count of 1 to 2^24 - 1.

    ```mlir
    systolic.wait dt 0 %loaded count 2
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, Systolic_SemaphoreType:$semaphore, I64Attr:$count);
  let assemblyFormat = "(`dt` $dt^)? $semaphore `count` $count attr-dict";
  let hasVerifier = 1;
}

def Systolic_MarkOp : Systolic_Instruction<"mark"> {
  let summary = "MARK: a name for what follows, in traces and counters";
  let description = [{
    - *Encoding*: opcode 0x06, any queue; `b` number of the mark.
    - *Cycles*: none, and no unit.

    Constraints:
    1. (mark_c1) the name is not empty and has no zero byte.

    ```mlir
    systolic.mark dt 0 "attention"
    systolic.mark on array "attention"
    ```
  }];
  let arguments = (ins Systolic_Dt:$dt, OptionalAttr<Systolic_Queue>:$queue,
                       StrAttr:$label);
  let assemblyFormat = "(`dt` $dt^)? (`on` $queue^)? $label attr-dict";
  let extraClassDeclaration = [{
    ::espalier::systolic::Encoding getEncoding();
    ::std::optional<::espalier::systolic::Queue> getChosenQueue() {
      return getQueue();
    }
  }];
  let hasVerifier = 1;
}

def Systolic_EndOp : Systolic_Instruction<"end", [Terminator, HasParent<"QueueOp">]> {
  let summary = "END: the last instruction of a queue";
  let description = [{
    - *Encoding*: opcode 0x07, the last of every queue, and only there.
    - *Cycles*: none, and no unit. The time of a program is when its last instruction is
      complete, not when its queues end.
  }];
  let arguments = (ins Systolic_Dt:$dt);
  let assemblyFormat = "(`dt` $dt^)? attr-dict";
  let builders = [OpBuilder<(ins), [{
    build($_builder, $_state, ::mlir::IntegerAttr());
  }]>];
}
