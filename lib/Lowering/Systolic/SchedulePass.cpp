//===- SchedulePass.cpp - Times for the ops of a sequence -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Passes.h"
#include "espalier/Lowering/Systolic/Schedule.h"
#include "espalier/Target/Systolic/Decode.h"
#include "espalier/Target/Systolic/Translate.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::systolic;

namespace espalier {
#define GEN_PASS_DEF_SYSTOLICSCHEDULE
#include "espalier/Lowering/Passes.h.inc"
} // namespace espalier

/// Replaces a sequence by its program, or says why there is none.
static LogicalResult scheduleSequence(SequenceOp op,
                                      const SystolicMachine &machine) {
  if (op.getArrayRows() != machine.rows ||
      op.getArrayColumns() != machine.columns)
    return op.emitError("is for an array of ")
           << op.getArrayRows() << " x " << op.getArrayColumns()
           << ", but that of " << machine.name << " has " << machine.rows
           << " x " << machine.columns;
  FailureOr<Sequence> sequence = exportSequence(op);
  if (failed(sequence))
    return failure();
  Result<Program> program = schedule(*sequence, machine);
  if (!program)
    return op.emitError(program.error().message);
  if (Status status = checkProgram(*program); !status)
    return op.emitError(status.error().message);
  OpBuilder builder(op);
  importProgram(builder, op.getLoc(), op.getSymName(), *program);
  op.erase();
  return success();
}

namespace {

struct SystolicSchedulePass
    : espalier::impl::SystolicScheduleBase<SystolicSchedulePass> {
  using SystolicScheduleBase::SystolicScheduleBase;

  void runOnOperation() override {
    Result<SystolicMachine> found = hardware::findSystolicMachine(machine);
    if (!found) {
      getOperation().emitError(found.error().message);
      return signalPassFailure();
    }
    auto sequences =
        llvm::to_vector(getOperation().getBody()->getOps<SequenceOp>());
    for (SequenceOp sequence : sequences) {
      if (failed(scheduleSequence(sequence, *found)))
        return signalPassFailure();
      ++numPrograms;
    }
  }
};

} // namespace
