//===- Export.cpp - From ops to a program ---------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Target/Systolic/Decode.h"
#include "espalier/Target/Systolic/Translate.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::systolic;

namespace {

/// Gives numbers to what instructions name.
class Exporter {
public:
  explicit Exporter(Program &program) : program(program) {}

  void declare(Block &body);
  FailureOr<Instruction> encode(Operation *op);

private:
  void declare(RegionOp op);
  void declare(SymbolOp op);

  Program &program;
  llvm::StringMap<uint32_t> regions, symbols, shapes, marks;
  llvm::DenseMap<uint32_t, uint32_t> constants;
  llvm::DenseMap<Value, uint8_t> semaphores;
};

} // namespace

/// The bytes of an attribute, row by row.
static std::vector<uint8_t> bytesOf(DenseElementsAttr data) {
  ArrayRef<char> raw = data.getRawData();
  std::vector<uint8_t> bytes;
  int64_t copies = data.isSplat() ? data.getNumElements() : 1;
  bytes.reserve(raw.size() * copies);
  for (int64_t i = 0; i < copies; ++i)
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  return bytes;
}

void Exporter::declare(RegionOp op) {
  regions[op.getSymName()] = program.regions.size();
  systolic::Region region;
  region.kind = static_cast<uint32_t>(op.getKind());
  region.name = op.getSymName().str();
  region.bytes = op.getBytes();
  if (op.getData())
    region.data = bytesOf(cast<DenseElementsAttr>(*op.getData()));
  program.regions.push_back(std::move(region));
}

void Exporter::declare(SymbolOp op) {
  symbols[op.getSymName()] = program.symbols.size();
  Symbol symbol{op.getSymName().str(), {}};
  for (auto [region, offset] : llvm::zip_equal(
           op.getRegions().getAsRange<FlatSymbolRefAttr>(), op.getOffsets()))
    symbol.addresses.push_back(
        ESPALIER_SYSTOLIC_ADDRESS(regions.lookup(region.getValue()), offset));
  program.symbols.push_back(std::move(symbol));
}

void Exporter::declare(Block &body) {
  // Symbols may stand before the regions in which they lie.
  for (auto op : body.getOps<RegionOp>())
    declare(op);
  for (auto op : body.getOps<SymbolOp>())
    declare(op);
  for (auto op : body.getOps<SemaphoreOp>())
    semaphores[op.getResult()] = program.semaphores++;
}

FailureOr<Instruction> Exporter::encode(Operation *op) {
  Encoding encoding = cast<InstructionOpInterface>(op).getEncoding();
  Instruction &in = encoding.instruction;
  if (encoding.symbol)
    in.b = symbols.lookup(encoding.symbol.getValue());
  if (encoding.semaphore)
    in.aux = semaphores.lookup(encoding.semaphore);
  if (encoding.constant) {
    auto [entry, isNew] = constants.try_emplace(
        llvm::bit_cast<uint32_t>(*encoding.constant), program.constants.size());
    if (isNew)
      program.constants.push_back(*encoding.constant);
    in.b = entry->second;
  }
  if (encoding.mark) {
    auto [entry, isNew] =
        marks.try_emplace(encoding.mark.getValue(), program.marks.size());
    if (isNew)
      program.marks.push_back(encoding.mark.str());
    in.b = entry->second;
  }
  if (encoding.hasShape) {
    StringRef key(reinterpret_cast<const char *>(&encoding.shape),
                  sizeof(encoding.shape));
    auto [entry, isNew] = shapes.try_emplace(key, program.shapes.size());
    if (isNew)
      program.shapes.push_back(encoding.shape);
    if (entry->second >= ESPALIER_SYSTOLIC_MAX_SHAPES)
      return op->emitOpError("is of more than 65536 shapes");
    in.shape = entry->second;
  }
  return in;
}

/// Fills in what a program and a sequence have in common.
template <typename FrameOp>
static void exportFrame(FrameOp op, Program &program) {
  program.arrayRows = op.getArrayRows();
  program.arrayColumns = op.getArrayColumns();
  program.bucketRows = op.getBucketRows();
}

static LogicalResult exportQueue(Exporter &exporter, Block &block,
                                 std::vector<Instruction> &queue) {
  for (Operation &op : block) {
    if (!isa<InstructionOpInterface>(op))
      continue;
    FailureOr<Instruction> instruction = exporter.encode(&op);
    if (failed(instruction))
      return failure();
    queue.push_back(*instruction);
    if (auto repeat = dyn_cast<RepeatOp>(op))
      if (failed(exportQueue(exporter, repeat.getBody().front(), queue)))
        return failure();
  }
  return success();
}

FailureOr<Program> systolic::exportProgram(ProgramOp op) {
  Program program;
  exportFrame(op, program);
  Exporter exporter(program);
  Block &body = op.getBody().front();
  exporter.declare(body);
  for (auto queue : body.getOps<QueueOp>())
    if (failed(exportQueue(
            exporter, queue.getBody().front(),
            program.queues[static_cast<unsigned>(queue.getQueue())])))
      return failure();
  for (std::vector<Instruction> &queue : program.queues)
    if (queue.empty()) {
      Instruction &end = queue.emplace_back();
      end.opcode = ESPALIER_OP_END;
    }
  if (Status status = checkProgram(program); !status)
    return op.emitError(status.error().message);
  return program;
}

static LogicalResult exportBody(Exporter &exporter, Block &block,
                                Sequence &sequence) {
  for (Operation &op : block) {
    if (!isa<InstructionOpInterface>(op))
      continue;
    FailureOr<Instruction> instruction = exporter.encode(&op);
    if (failed(instruction))
      return failure();
    Queue queue = getIssueQueue(&op).value_or(Queue::Array);
    sequence.body.emplace_back(
        static_cast<espalier_systolic_queue>(static_cast<unsigned>(queue)),
        *instruction);
    if (auto repeat = dyn_cast<RepeatOp>(op))
      if (failed(exportBody(exporter, repeat.getBody().front(), sequence)))
        return failure();
  }
  return success();
}

FailureOr<Sequence> systolic::exportSequence(SequenceOp op) {
  Sequence sequence;
  exportFrame(op, sequence.frame);
  Exporter exporter(sequence.frame);
  exporter.declare(op.getBody().front());
  if (failed(exportBody(exporter, op.getBody().front(), sequence)))
    return failure();
  return sequence;
}
