//===- SPMDOps.cpp - Syntax and verifiers of the step program -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The numbers in the comments are those of the ops' descriptions.

#include "espalier/Dialect/SPMD/SPMD.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace espalier::spmd;

#define GET_OP_CLASSES
#include "SPMD/SPMDOps.cpp.inc"

void SPMDDialect::registerOperations() {
  addOperations<
#define GET_OP_LIST
#include "SPMD/SPMDOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// PhaseOp: syntax
//===----------------------------------------------------------------------===//

/// Parses `keyword` `(` %argument `=` %operand `:` type, ... `)`, or nothing.
static ParseResult
parseBindings(OpAsmParser &parser, StringRef keyword,
              SmallVectorImpl<OpAsmParser::Argument> &arguments,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &operands) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  return parser.parseCommaSeparatedList(
      OpAsmParser::Delimiter::Paren, [&]() -> ParseResult {
        return failure(parser.parseArgument(arguments.emplace_back()) ||
                       parser.parseEqual() ||
                       parser.parseOperand(operands.emplace_back()) ||
                       parser.parseColonType(arguments.back().type));
      });
}

ParseResult PhaseOp::parse(OpAsmParser &parser, OperationState &result) {
  std::string label;
  if (succeeded(parser.parseOptionalString(&label)))
    result.getOrAddProperties<Properties>().label =
        parser.getBuilder().getStringAttr(label);

  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SMLoc loc = parser.getCurrentLocation();
  if (parseBindings(parser, "ins", arguments, operands))
    return failure();
  int32_t inputs = operands.size();
  if (parseBindings(parser, "outs", arguments, operands))
    return failure();
  int32_t outputs = operands.size() - inputs;
  result.getOrAddProperties<Properties>().operandSegmentSizes = {inputs,
                                                                 outputs};
  SmallVector<Type> types = llvm::map_to_vector(
      arguments, [](const OpAsmParser::Argument &arg) { return arg.type; });
  if (parser.resolveOperands(operands, types, loc, result.operands) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();

  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  if (succeeded(parser.parseOptionalArrow()) &&
      parser.parseTypeList(result.types))
    return failure();
  ensureTerminator(*body, parser.getBuilder(), result.location);
  return success();
}

static void printBindings(OpAsmPrinter &printer, StringRef keyword,
                          ArrayRef<BlockArgument> arguments,
                          OperandRange operands) {
  if (operands.empty())
    return;
  printer << ' ' << keyword << '(';
  llvm::interleaveComma(
      llvm::zip_equal(arguments, operands), printer, [&](auto binding) {
        auto [argument, operand] = binding;
        printer << argument << " = " << operand << " : " << operand.getType();
      });
  printer << ')';
}

void PhaseOp::print(OpAsmPrinter &printer) {
  if (getLabelAttr())
    printer << ' ' << getLabelAttr();
  auto arguments = getBody().getArguments();
  printBindings(printer, "ins", arguments.take_front(getInputs().size()),
                getInputs());
  printBindings(printer, "outs", arguments.drop_front(getInputs().size()),
                getOutputs());
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(), {getLabelAttrName(), getOperandSegmentSizeAttr()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false,
                      /*printBlockTerminators=*/getNumResults() != 0);
  if (getNumResults())
    printer << " -> " << getResultTypes();
}

//===----------------------------------------------------------------------===//
// PhaseOp: verifiers
//===----------------------------------------------------------------------===//

SmallVector<unsigned> PhaseOp::getResultOutputs() {
  SmallVector<unsigned> numbers;
  for (auto [number, output] : llvm::enumerate(getOutputs()))
    if (!isa<BaseMemRefType>(output.getType()))
      numbers.push_back(number);
  return numbers;
}

LogicalResult PhaseOp::verify() {
  // phase_c2
  SmallVector<Type> expected;
  for (unsigned number : getResultOutputs())
    expected.push_back(getOutputs()[number].getType());
  if (getResultTypes() != TypeRange(expected))
    return emitOpError("results must have the types of the outputs that are no "
                       "memrefs: expected ")
           << expected.size() << " (" << expected << "), but got "
           << getNumResults() << " (" << getResultTypes() << ")";
  return success();
}

namespace {

/// Finds writes to shared outputs, and reads of their memory, by ops that every
/// worker executes. A value is *shared* if it is an output or was made from
/// one.
class SharedAccesses {
public:
  explicit SharedAccesses(PhaseOp phase) {
    for (unsigned i = 0, e = phase.getOutputs().size(); i < e; ++i)
      shared.insert(phase.getOutputArgument(i));
  }

  /// Looks at `op` and at what is inside it, tiles left out. Operations must
  /// come in program order.
  LogicalResult check(Operation &op) {
    if (auto loop = dyn_cast<scf::ForallOp>(op); loop && getTiles(loop)) {
      for (OpOperand &output : loop.getOutputsMutable())
        if (isShared(output.get()))
          shared.insert(loop.getTiedOpResult(&output));
      return success();
    }
    // phase_c5
    for (OpOperand &operand : op.getOpOperands())
      if (isShared(operand.get()) && isWrite(op, operand))
        return op.emitOpError("writes a shared output outside tiles: every "
                              "worker would write it");
    // phase_c6
    for (OpOperand &operand : op.getOpOperands())
      if (isShared(operand.get()) &&
          hasEffect<MemoryEffects::Read>(op, operand))
        return op.emitOpError("reads a shared output outside tiles: another "
                              "worker may be writing it");
    if (isView(op) && isShared(op.getOperand(0)))
      shared.insert_range(op.getResults());
    if (auto loop = dyn_cast<LoopLikeOpInterface>(op))
      for (auto [init, argument] :
           llvm::zip(loop.getInits(), loop.getRegionIterArgs()))
        if (isShared(init)) {
          shared.insert(argument);
          if (OpResult result = loop.getTiedLoopResult(argument))
            shared.insert(result);
        }
    for (Region &region : op.getRegions())
      for (Block &block : region)
        for (Operation &inner : block)
          if (failed(check(inner)))
            return failure();
    return success();
  }

private:
  bool isShared(Value value) const { return shared.contains(value); }

  static bool isView(Operation &op) {
    if (isa<ViewLikeOpInterface>(op))
      return true;
    return isa<OffsetSizeAndStrideOpInterface>(op) && op.getNumResults() == 1 &&
           op.getNumOperands() > 0 &&
           isa<ShapedType>(op.getOperand(0).getType());
  }

  template <typename Effect>
  static bool hasEffect(Operation &op, OpOperand &operand) {
    auto memory = dyn_cast<MemoryEffectOpInterface>(op);
    if (!memory)
      return false;
    SmallVector<MemoryEffects::EffectInstance> instances;
    memory.getEffectsOnValue(operand.get(), instances);
    return llvm::any_of(instances, [](const auto &effect) {
      return isa<Effect>(effect.getEffect());
    });
  }

  /// True if `op` writes the memory of `operand`.
  static bool isWrite(Operation &op, OpOperand &operand) {
    Type type = operand.get().getType();
    if (isa<YieldOp>(op))
      return false;
    if (auto dps = dyn_cast<DestinationStyleOpInterface>(op);
        dps && dps.isDpsInit(&operand))
      return true;
    if (hasEffect<MemoryEffects::Write>(op, operand))
      return true;
    // A cache is a value: the op that gives a new one has written the old one.
    return !isa<ShapedType>(type) && !type.isIntOrIndexOrFloat() &&
           llvm::is_contained(op.getResultTypes(), type);
  }

  llvm::DenseSet<Value> shared;
};

} // namespace

LogicalResult PhaseOp::verifyRegions() {
  // phase_c1
  SmallVector<Type> expected(getInputs().getTypes());
  llvm::append_range(expected, getOutputs().getTypes());
  Block &body = getBody().front();
  if (body.getArgumentTypes() != TypeRange(expected))
    return emitOpError("block arguments must have the types of inputs and "
                       "outputs: expected (")
           << expected << "), but got (" << body.getArgumentTypes() << ")";
  // phase_c2
  auto yield = cast<YieldOp>(body.getTerminator());
  if (yield.getValues().getTypes() != getResultTypes())
    return yield.emitOpError("must give the phase's results (")
           << getResultTypes() << "), but gives ("
           << yield.getValues().getTypes() << ")";

  // phase_c3, phase_c4
  SmallVector<scf::ForallOp> loops;
  WalkResult walk = body.walk([&](Operation *op) -> WalkResult {
    if (isa<PhaseOp, BarrierOp>(op))
      return op->emitOpError("must not stand in a phase");
    auto loop = dyn_cast<scf::ForallOp>(op);
    if (!loop || !getTiles(loop))
      return WalkResult::advance();
    if (loop->getParentOp() != getOperation())
      return loop.emitOpError("is mapped by #spmd.tiles and must stand at the "
                              "top level of its phase");
    if (loop.getRank() != 1)
      return loop.emitOpError("is mapped by #spmd.tiles and must have one "
                              "dimension, but has ")
             << loop.getRank();
    loops.push_back(loop);
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();
  for (scf::ForallOp loop : loops)
    if (getTiles(loop).getSchedule() == Schedule::Claim && loops.size() > 1)
      return loop.emitOpError("claims its tiles and must be the only loop over "
                              "tiles of its phase, which has ")
             << loops.size();

  // phase_c5, phase_c6
  SharedAccesses accesses(*this);
  for (Operation &op : body)
    if (failed(accesses.check(op)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// BarrierOp and BufferOp
//===----------------------------------------------------------------------===//

LogicalResult BarrierOp::verify() {
  // barrier_c1
  if ((*this)->getParentOfType<PhaseOp>() ||
      (*this)->getParentOfType<scf::ForallOp>())
    return emitOpError("must not stand in a phase or in a tile");
  return success();
}

LogicalResult BufferOp::verify() {
  // buffer_c1
  int64_t offset = getOffset();
  if (offset < 0 || offset % 64)
    return emitOpError("the offset must be a multiple of 64, but is ")
           << offset;
  // buffer_c2
  auto type = dyn_cast<MemRefType>(getResult().getType());
  if (!type || !type.getLayout().isIdentity())
    return emitOpError("the type must be a ranked memref of identity layout, "
                       "but is ")
           << getResult().getType();
  int64_t expected = type.getNumDynamicDims();
  if (static_cast<int64_t>(getSizes().size()) != expected)
    return emitOpError("incorrect number of sizes: expected ")
           << expected << ", but got " << getSizes().size();
  return success();
}
