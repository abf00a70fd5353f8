//===- ControlOps.cpp - Instructions in general; control ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The numbers in the comments are those of the ops' descriptions.

#include "OpSupport.h"

using namespace mlir;
using namespace espalier::systolic;

#include "Systolic/SystolicInterfaces.cpp.inc"

//===----------------------------------------------------------------------===//
// What verifiers share
//===----------------------------------------------------------------------===//

LogicalResult espalier::systolic::verifyRange(Operation *op, StringRef what,
                                              int64_t value, int64_t low,
                                              int64_t high) {
  if (value < low || value > high)
    return op->emitOpError("expected ")
           << what << " of " << low << " to " << high << ", but got " << value;
  return success();
}

LogicalResult espalier::systolic::verifySpace(Operation *op, StringRef what,
                                              Value value,
                                              ArrayRef<Space> spaces) {
  Space space = bufferOf(value).getSpace();
  if (llvm::is_contained(spaces, space))
    return success();
  InFlightDiagnostic diag = op->emitOpError("expected the ") << what << " in ";
  llvm::interleave(
      spaces, [&](Space one) { diag << stringifySpace(one); },
      [&] { diag << " or "; });
  return diag << ", but it lies in " << stringifySpace(space);
}

LogicalResult espalier::systolic::verifySize(Operation *op, StringRef what,
                                             Value value, uint64_t rows,
                                             uint64_t columns) {
  BufferType type = bufferOf(value);
  if (type.getRows() == rows && type.getColumns() == columns)
    return success();
  return op->emitOpError("expected a ")
         << what << " of " << rows << "x" << columns << ", but got "
         << type.getRows() << "x" << type.getColumns();
}

Frame espalier::systolic::getFrame(Operation *op) {
  for (; op; op = op->getParentOp()) {
    if (auto program = dyn_cast<ProgramOp>(op))
      return {int64_t(program.getArrayRows()),
              int64_t(program.getArrayColumns()),
              int64_t(program.getBucketRows())};
    if (auto sequence = dyn_cast<SequenceOp>(op))
      return {int64_t(sequence.getArrayRows()),
              int64_t(sequence.getArrayColumns()),
              int64_t(sequence.getBucketRows())};
  }
  llvm_unreachable("verifyInstruction comes first");
}

/// The queue or the sequence of an instruction, through loops; else null.
static Operation *getHome(Operation *op) {
  Operation *home = op->getParentOp();
  while (isa_and_nonnull<RepeatOp>(home))
    home = home->getParentOp();
  return isa_and_nonnull<QueueOp, SequenceOp>(home) ? home : nullptr;
}

std::optional<Queue>
espalier::systolic::getQueueOfUnit(std::optional<VectorUnit> unit) {
  if (!unit)
    return std::nullopt;
  return *unit == VectorUnit::A ? Queue::VectorA : Queue::VectorB;
}

std::optional<Queue> espalier::systolic::getIssueQueue(Operation *op) {
  if (auto queue = dyn_cast_or_null<QueueOp>(getHome(op)))
    return queue.getQueue();
  auto instruction = cast<InstructionOpInterface>(op);
  if (std::optional<Queue> chosen = instruction.getChosenQueue())
    return chosen;
  if (isa<RepeatOp, EndRepeatOp>(op))
    return std::nullopt;
  for (unsigned i = 0; i < ESPALIER_QUEUES; ++i)
    if (instruction.canIssueIn(Queue(i)))
      return Queue(i);
  return std::nullopt;
}

Timing espalier::systolic::getTimingOf(
    const Encoding &encoding,
    const espalier::hardware::SystolicMachine &machine) {
  if (isControl(encoding.instruction.opcode))
    return {};
  return timingOf(encoding.instruction, encoding.shape, machine);
}

LogicalResult espalier::systolic::verifyInstruction(Operation *op) {
  auto instruction = cast<InstructionOpInterface>(op);
  // instruction_c1
  Operation *home = getHome(op);
  if (!home)
    return op->emitOpError("must stand in a systolic.sequence, a "
                           "systolic.queue, or a loop in one of them");
  // instruction_c2
  auto queue = dyn_cast<QueueOp>(home);
  IntegerAttr dt = instruction.getDtAttr();
  if (bool(queue) != bool(dt))
    return op->emitOpError(queue ? "must have a dt in a queue"
                                 : "must not have a dt in a sequence");
  if (dt && failed(verifyRange(op, "dt", dt.getInt(), 0, kMax32)))
    return failure();
  // instruction_c3
  std::optional<Queue> chosen = instruction.getChosenQueue();
  if (queue && chosen)
    return op->emitOpError("must not choose a queue by 'on' in a queue");
  if (queue && !instruction.canIssueIn(queue.getQueue()))
    return op->emitOpError("must not stand in the queue ")
           << stringifyQueue(queue.getQueue());
  bool choice = isa<MarkOp>(op) || instruction.canIssueIn(Queue::VectorA);
  bool everywhere =
      isa<RepeatOp, EndRepeatOp, DelayOp, SignalOp, WaitOp, EndOp>(op);
  if (!queue && choice && !everywhere && !chosen)
    return op->emitOpError("must choose a queue by 'on' in a sequence");
  // instruction_c4
  for (Value operand : op->getOperands())
    if (!operand.getDefiningOp<AtOp>() && !operand.getDefiningOp<DramOp>() &&
        !operand.getDefiningOp<SemaphoreOp>())
      return op->emitOpError("operands must be made by systolic.at, "
                             "systolic.dram or systolic.semaphore");
  // instruction_c5: what is written is the last operand.
  if (op->getNumOperands() == 0 || isa<LoadWeightsOp, WaitOp, SignalOp>(op))
    return success();
  BufferType written = bufferOf(op->getOperands().back());
  uint64_t stride = written.getStride() * ESPALIER_SYSTOLIC_GRANULE;
  if (written.getSpace() != Space::Dram && written.getRows() > 1 &&
      stride < written.getRowBytes())
    return op->emitOpError("writes rows that overlap: expected a stride of at "
                           "least ")
           << written.getRowBytes() << " bytes, but got " << stride;
  return success();
}

//===----------------------------------------------------------------------===//
// Encoder
//===----------------------------------------------------------------------===//

Encoder::Encoder(Operation *op, uint8_t opcode) {
  encoding.instruction.opcode = opcode;
  if (IntegerAttr dt = cast<InstructionOpInterface>(op).getDtAttr())
    encoding.instruction.dt = dt.getValue().getZExtValue();
}

static uint8_t getBit(BufferType type, unsigned operand) {
  return type.getSpace() == Space::Accumulator ? 1u << operand : 0;
}

Encoder &Encoder::a(Value buffer) {
  BufferType type = bufferOf(buffer);
  encoding.instruction.a = buffer.getDefiningOp<AtOp>().getAddress();
  encoding.shape.stride_a = type.getStride();
  encoding.shape.type_a = static_cast<uint8_t>(type.getElement());
  encoding.shape.spaces |= getBit(type, 0);
  return *this;
}

Encoder &Encoder::b(Value buffer) {
  BufferType type = bufferOf(buffer);
  encoding.instruction.b = buffer.getDefiningOp<AtOp>().getAddress();
  encoding.shape.stride_b = type.getStride();
  encoding.shape.type_b = static_cast<uint8_t>(type.getElement());
  encoding.shape.spaces |= getBit(type, 1);
  return *this;
}

Encoder &Encoder::c(Value buffer) {
  BufferType type = bufferOf(buffer);
  encoding.instruction.c = buffer.getDefiningOp<AtOp>().getAddress();
  encoding.shape.stride_c = type.getStride();
  encoding.shape.type_c = static_cast<uint8_t>(type.getElement());
  encoding.shape.spaces |= getBit(type, 2);
  return *this;
}

Encoder &Encoder::dram(Value place) {
  BufferType type = bufferOf(place);
  auto op = place.getDefiningOp<DramOp>();
  encoding.symbol = op.getSymbolAttr();
  encoding.instruction.c = op.getOffset();
  encoding.shape.stride_b = type.getStride();
  encoding.shape.type_b = static_cast<uint8_t>(type.getElement());
  return size(place);
}

Encoder &Encoder::size(Value buffer) {
  encoding.hasShape = true;
  encoding.shape.rows = bufferOf(buffer).getRows();
  encoding.shape.columns = bufferOf(buffer).getColumns();
  return *this;
}

Encoder &Encoder::extra(uint64_t value) {
  encoding.shape.extra = value;
  return *this;
}

Encoder &Encoder::flag(uint8_t bit, bool set) {
  encoding.instruction.flags |= set ? bit : 0;
  return *this;
}

Encoder &Encoder::aux(unsigned value) {
  encoding.instruction.aux = value;
  return *this;
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

LogicalResult DelayOp::verify() {
  // delay_c1
  return verifyRange(*this, "cycles", getCycles(), 0, kMax24);
}

Encoding DelayOp::getEncoding() {
  Encoder encoder(*this, ESPALIER_OP_DELAY);
  encoder.encoding.instruction.b = getCycles();
  return encoder.encoding;
}

LogicalResult RepeatOp::verify() {
  // repeat_c1
  if (failed(verifyRange(*this, "times", getTimes(), 1, kMax24)) ||
      failed(verifyRange(*this, "first layer", getFrom(), 0, kMax24)))
    return failure();
  return verifyRange(*this, "last layer",
                     int64_t(getFrom()) + int64_t(getTimes()) - 1, 0, kMax24);
}

LogicalResult RepeatOp::verifyRegions() {
  // repeat_c2
  if (auto outer = (*this)->getParentOfType<RepeatOp>())
    if (outer->getParentOfType<RepeatOp>())
      return emitOpError("loops are at most two deep");
  return success();
}

Encoding RepeatOp::getEncoding() {
  Encoder encoder(*this, ESPALIER_OP_REPEAT);
  encoder.encoding.instruction.a = getFrom();
  encoder.encoding.instruction.b = getTimes();
  return encoder.encoding;
}

Encoding EndRepeatOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_END_REPEAT).encoding;
}

Encoding SignalOp::getEncoding() {
  Encoder encoder(*this, ESPALIER_OP_SIGNAL);
  encoder.encoding.semaphore = getSemaphore();
  return encoder.encoding;
}

LogicalResult WaitOp::verify() {
  // wait_c1
  return verifyRange(*this, "count", getCount(), 1, kMax24);
}

Encoding WaitOp::getEncoding() {
  Encoder encoder(*this, ESPALIER_OP_WAIT);
  encoder.encoding.semaphore = getSemaphore();
  encoder.encoding.instruction.b = getCount();
  return encoder.encoding;
}

LogicalResult MarkOp::verify() {
  // mark_c1
  if (getLabel().empty() || getLabel().contains('\0'))
    return emitOpError("the name must not be empty or have a zero byte");
  return success();
}

Encoding MarkOp::getEncoding() {
  Encoder encoder(*this, ESPALIER_OP_MARK);
  encoder.encoding.mark = getLabelAttr();
  return encoder.encoding;
}

Encoding EndOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_END).encoding;
}
