//===- SystolicInterfaces.td - What instructions have in common ---- -*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SYSTOLIC_INTERFACES
#define SYSTOLIC_INTERFACES

include "mlir/IR/OpBase.td"

def Systolic_InstructionInterface : OpInterface<"InstructionOpInterface"> {
  let cppNamespace = "::espalier::systolic";
  let description = [{An op that is one instruction of the machine.}];
  let methods = [
    InterfaceMethod<[{
      The instruction, its shape, and what it names; the translation gives those
      their numbers. Holds for ops that verify.
    }], "::espalier::systolic::Encoding", "getEncoding">,
    InterfaceMethod<[{Whether the queue takes such an instruction.}],
      "bool", "canIssueIn", (ins "::espalier::systolic::Queue":$queue), "",
      [{ return true; }]>,
    InterfaceMethod<[{The queue after `on`.}],
      "::std::optional<::espalier::systolic::Queue>", "getChosenQueue", (ins), "",
      [{ return ::std::nullopt; }]>,
    InterfaceMethod<[{Cycles since the one before it; null in a sequence.}],
      "::mlir::IntegerAttr", "getDtAttr">
  ];
  let verify = [{
    return ::espalier::systolic::verifyInstruction($_op);
  }];
}

def Systolic_CycleModelInterface : OpInterface<"CycleModelInterface"> {
  let cppNamespace = "::espalier::systolic";
  let description = [{
    What an instruction costs on a machine: how long its unit is busy, when it is
    complete, and in which cycles each row of its operands is touched, all relative
    to its issue. Control takes no time.
  }];
  let methods = [
    InterfaceMethod<"", "::espalier::systolic::Timing", "getTiming",
      (ins "const ::espalier::hardware::SystolicMachine &":$machine), "", [{
        return ::espalier::systolic::getTimingOf($_op.getEncoding(), machine);
      }]>
  ];
}

#endif // SYSTOLIC_INTERFACES
