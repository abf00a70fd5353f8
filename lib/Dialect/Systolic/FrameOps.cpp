//===- FrameOps.cpp - Programs, sequences and what they declare -----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The numbers in the comments are those of the ops' descriptions.

#include "OpSupport.h"

#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace espalier::systolic;

//===----------------------------------------------------------------------===//
// ProgramOp
//===----------------------------------------------------------------------===//

template <typename FrameOp> static LogicalResult verifyNumbers(FrameOp op) {
  // program_c1, sequence_c1
  return success(
      succeeded(verifyRange(op, "array rows", op.getArrayRows(), 1, 65536)) &&
      succeeded(
          verifyRange(op, "array columns", op.getArrayColumns(), 1, 65536)) &&
      succeeded(verifyRange(op, "rows", op.getBucketRows(), 1, 65536)));
}

LogicalResult ProgramOp::verify() { return verifyNumbers(*this); }

namespace {

/// A loop: the cycle in which it begins, and the cycles of a turn of it.
struct Loop {
  RepeatOp op;
  uint64_t begin = 0, cycles = 0;
  std::vector<Loop> inner;
};

} // namespace

/// The cycles from the issue of what stands before `block` to that of its last
/// instruction; a loop counts all its turns. Adds the loops to `loops`.
static uint64_t getCycles(Block &block, std::vector<Loop> &loops) {
  uint64_t cycles = 0;
  for (Operation &op : block) {
    auto instruction = dyn_cast<InstructionOpInterface>(op);
    if (!instruction)
      continue;
    cycles += instruction.getDtAttr().getValue().getZExtValue();
    if (auto delay = dyn_cast<DelayOp>(op))
      cycles += delay.getCycles();
    if (auto repeat = dyn_cast<RepeatOp>(op)) {
      Loop &loop = loops.emplace_back();
      loop.op = repeat;
      loop.begin = cycles;
      loop.cycles = getCycles(repeat.getBody().front(), loop.inner);
      cycles += loop.cycles * repeat.getTimes();
    }
  }
  return cycles;
}

/// Whether a queue has the loops of another one.
static LogicalResult verifySameLoops(QueueOp queue, QueueOp first,
                                     ArrayRef<Loop> loops,
                                     ArrayRef<Loop> expected) {
  // program_c3
  if (loops.size() != expected.size())
    return queue.emitOpError("must have the same loops as every queue: ")
           << stringifyQueue(first.getQueue()) << " has " << expected.size()
           << " where it has " << loops.size();
  for (const auto &[loop, other] : llvm::zip_equal(loops, expected)) {
    RepeatOp op = loop.op, otherOp = other.op;
    if (op.getTimes() != otherOp.getTimes() ||
        op.getFrom() != otherOp.getFrom())
      return op.emitOpError("must be the same in all queues: expected times ")
             << otherOp.getTimes() << " from " << otherOp.getFrom() << " as in "
             << stringifyQueue(first.getQueue());
    // program_c4
    if (loop.begin != other.begin)
      return op.emitOpError("must begin in the same cycle in all queues: "
                            "expected ")
             << other.begin << " as in " << stringifyQueue(first.getQueue())
             << ", but got " << loop.begin;
    if (loop.cycles != other.cycles)
      return op.emitOpError("must have as many cycles in all queues: expected ")
             << other.cycles << " as in " << stringifyQueue(first.getQueue())
             << ", but got " << loop.cycles;
    if (failed(verifySameLoops(queue, first, loop.inner, other.inner)))
      return failure();
  }
  return success();
}

/// region_c3
static LogicalResult verifyRegions(Operation *frame) {
  unsigned regions =
      llvm::range_size(frame->getRegion(0).front().getOps<RegionOp>());
  if (regions > 65536)
    return frame->emitOpError("at most 65536 regions, but has ") << regions;
  return success();
}

LogicalResult ProgramOp::verifyRegions() {
  unsigned semaphores = 0;
  QueueOp first;
  std::vector<Loop> expected;
  llvm::SmallBitVector seen(ESPALIER_QUEUES);
  for (Operation &op : getBody().front()) {
    // program_c2
    if (!isa<RegionOp, SymbolOp, SemaphoreOp, AtOp, DramOp, QueueOp>(op))
      return op.emitOpError("must not stand in a program: only declarations "
                            "and queues do");
    semaphores += isa<SemaphoreOp>(op);
    auto queue = dyn_cast<QueueOp>(op);
    if (!queue)
      continue;
    unsigned number = static_cast<unsigned>(queue.getQueue());
    if (seen[number])
      return queue.emitOpError("there are two of ")
             << stringifyQueue(queue.getQueue());
    seen.set(number);
    std::vector<Loop> loops;
    getCycles(queue.getBody().front(), loops);
    if (!first) {
      first = queue;
      expected = std::move(loops);
    } else if (failed(verifySameLoops(queue, first, loops, expected))) {
      return failure();
    }
  }
  // program_c3: a queue that is not there has no loops.
  if (!expected.empty() && !seen.all())
    return emitOpError(
               "must have all five queues where there are loops, but has ")
           << seen.count();
  // program_c5
  if (semaphores > ESPALIER_SYSTOLIC_MAX_SEMAPHORES)
    return emitOpError("at most 256 semaphores, but has ") << semaphores;
  return ::verifyRegions(*this);
}

//===----------------------------------------------------------------------===//
// SequenceOp
//===----------------------------------------------------------------------===//

LogicalResult SequenceOp::verify() { return verifyNumbers(*this); }

/// sequence_c2
static LogicalResult verifySequence(Block &block) {
  for (Operation &op : block) {
    bool declaration = block.getParentOp()->hasTrait<OpTrait::SymbolTable>() &&
                       isa<RegionOp, SymbolOp>(op);
    if (isa<DelayOp, SignalOp, WaitOp, EndOp>(op) ||
        !(declaration || isa<AtOp, DramOp, InstructionOpInterface>(op)))
      return op.emitOpError("must not stand in a sequence: only declarations, "
                            "loops, marks and instructions of units do");
    if (auto repeat = dyn_cast<RepeatOp>(op))
      if (failed(verifySequence(repeat.getBody().front())))
        return failure();
  }
  return success();
}

LogicalResult SequenceOp::verifyRegions() {
  if (failed(verifySequence(getBody().front())))
    return failure();
  return ::verifyRegions(*this);
}

//===----------------------------------------------------------------------===//
// QueueOp
//===----------------------------------------------------------------------===//

LogicalResult QueueOp::verifyRegions() {
  // queue_c1
  Block &body = getBody().front();
  if (body.empty() || !isa<EndOp>(body.back()))
    return emitOpError("must end with systolic.end");
  WalkResult result = body.walk([](Operation *op) {
    if (isa<AtOp, DramOp, InstructionOpInterface>(op))
      return WalkResult::advance();
    op->emitOpError("must not stand in a queue: only instructions do");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

LogicalResult RegionOp::verify() {
  // region_c1
  int64_t limit = (int64_t(1) << 48) - 1;
  if (failed(verifyRange(*this, "bytes", getBytes(), 1, limit)))
    return failure();
  // region_c2
  if (!getData())
    return success();
  auto data = dyn_cast<DenseElementsAttr>(*getData());
  unsigned bits = data && data.getElementType().isIntOrFloat()
                      ? data.getElementType().getIntOrFloatBitWidth()
                      : 0;
  if (bits < 8 || bits > 64 || !llvm::isPowerOf2_32(bits))
    return emitOpError("contents must be dense, of 8, 16, 32 or 64 bits");
  uint64_t bytes = uint64_t(data.getNumElements()) * (bits / 8);
  if (bytes != uint64_t(getBytes()))
    return emitOpError("expected contents of ")
           << getBytes() << " bytes, but got " << bytes;
  return success();
}

static ParseResult parseAddresses(OpAsmParser &parser, ArrayAttr &regions,
                                  DenseI64ArrayAttr &offsets) {
  SmallVector<Attribute> names;
  SmallVector<int64_t> numbers;
  do {
    StringAttr name;
    if (parser.parseSymbolName(name) || parser.parsePlus() ||
        parser.parseInteger(numbers.emplace_back()))
      return failure();
    names.push_back(FlatSymbolRefAttr::get(name));
  } while (succeeded(parser.parseOptionalComma()));
  regions = parser.getBuilder().getArrayAttr(names);
  offsets = parser.getBuilder().getDenseI64ArrayAttr(numbers);
  return success();
}

static void printAddresses(OpAsmPrinter &printer, SymbolOp, ArrayAttr regions,
                           DenseI64ArrayAttr offsets) {
  llvm::interleaveComma(
      llvm::zip(regions, offsets.asArrayRef()), printer, [&](auto address) {
        printer << std::get<0>(address) << " + " << std::get<1>(address);
      });
}

LogicalResult SymbolOp::verify() {
  // symbol_c1
  if (getOffsets().empty() || getRegions().size() != getOffsets().size())
    return emitOpError("expected at least one address, and an offset for each "
                       "region, but got ")
           << getRegions().size() << " regions and " << getOffsets().size()
           << " offsets";
  return success();
}

LogicalResult SymbolOp::verifySymbolUses(SymbolTableCollection &tables) {
  // symbol_c2
  for (auto [name, offset] : llvm::zip_equal(
           getRegions().getAsRange<FlatSymbolRefAttr>(), getOffsets())) {
    auto region = tables.lookupNearestSymbolFrom<RegionOp>(*this, name);
    if (!region)
      return emitOpError("no systolic.region ") << name << " is declared";
    if (offset < 0 || offset >= int64_t(region.getBytes()))
      return emitOpError("expected an offset below the ")
             << region.getBytes() << " bytes of " << name << ", but got "
             << offset;
  }
  return success();
}

void SemaphoreOp::getAsmResultNames(
    llvm::function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), "sem");
}

LogicalResult AtOp::verify() {
  // at_c1
  if (failed(verifyRange(*this, "address", getAddress(), 0, kMax24)))
    return failure();
  // at_c2
  return verifyOnChip(*this, "buffer", getResult());
}

void AtOp::getAsmResultNames(
    llvm::function_ref<void(Value, StringRef)> setName) {
  bool accumulator = bufferOf(getResult()).getSpace() == Space::Accumulator;
  setName(getResult(),
          ((accumulator ? "acc" : "sp") + llvm::Twine(getAddress())).str());
}

LogicalResult DramOp::verify() {
  // dram_c1
  if (failed(verifyRange(*this, "offset", getOffset(), 0, kMax24)))
    return failure();
  // dram_c2
  return verifySpace(*this, "buffer", getResult(), Space::Dram);
}

LogicalResult DramOp::verifySymbolUses(SymbolTableCollection &tables) {
  // dram_c3
  if (!tables.lookupNearestSymbolFrom<SymbolOp>(*this, getSymbolAttr()))
    return emitOpError("no systolic.symbol ")
           << getSymbolAttr() << " is declared";
  return success();
}

void DramOp::getAsmResultNames(
    llvm::function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), getSymbol());
}

#define GET_OP_CLASSES
#include "Systolic/SystolicOps.cpp.inc"

void SystolicDialect::registerOperations() {
  addOperations<
#define GET_OP_LIST
#include "Systolic/SystolicOps.cpp.inc"
      >();
}
