//===- SystolicOps.td - Instructions of the accelerator ------------ -*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SYSTOLIC_OPS
#define SYSTOLIC_OPS

include "SystolicInterfaces.td"
include "SystolicTypes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Systolic_Op<string mnemonic, list<Trait> traits = []>
    : Op<Systolic_Dialect, mnemonic, traits>;

/// Instructions are never moved or removed: they write memory.
class Systolic_Instruction<string mnemonic, list<Trait> traits = []>
    : Systolic_Op<mnemonic, !listconcat(traits, [
        Systolic_InstructionInterface, Systolic_CycleModelInterface,
        MemoryEffects<[MemRead, MemWrite]>])> {
  let extraClassDeclaration = [{
    ::espalier::systolic::Encoding getEncoding();
  }];
}

/// Of one unit, hence of one queue.
class Systolic_UnitInstruction<string queue, string mnemonic, list<Trait> traits = []>
    : Systolic_Instruction<mnemonic, traits> {
  let extraClassDeclaration = [{
    ::espalier::systolic::Encoding getEncoding();
    bool canIssueIn(::espalier::systolic::Queue queue) {
      return queue == ::espalier::systolic::Queue::}] # queue # [{;
    }
  }];
}

/// Of either vector unit.
class Systolic_VectorInstruction<string mnemonic> : Systolic_Instruction<mnemonic> {
  let extraClassDeclaration = [{
    ::espalier::systolic::Encoding getEncoding();
    bool canIssueIn(::espalier::systolic::Queue queue) {
      return queue == ::espalier::systolic::Queue::VectorA ||
             queue == ::espalier::systolic::Queue::VectorB;
    }
    ::std::optional<::espalier::systolic::Queue> getChosenQueue() {
      return ::espalier::systolic::getQueueOfUnit(getUnit());
    }
  }];
}

defvar Systolic_Dt = OptionalAttr<I64Attr>;

include "SystolicFrameOps.td"
include "SystolicControlOps.td"
include "SystolicMemoryOps.td"
include "SystolicArrayOps.td"
include "SystolicVectorOps.td"

#endif // SYSTOLIC_OPS
