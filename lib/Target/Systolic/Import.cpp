//===- Import.cpp - From a program to ops ---------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Forms.h"
#include "espalier/Target/Systolic/Translate.h"

#include "llvm/ADT/ScopedHashTable.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::systolic;

namespace {

/// A value for each buffer, made in the block in which it is first used.
using Buffers = llvm::ScopedHashTable<std::pair<Type, uint64_t>, Value>;

class Importer {
public:
  Importer(OpBuilder &builder, Location loc, const Program &program)
      : builder(builder), loc(loc), program(program) {}

  ProgramOp run(StringRef name);
  SequenceOp run(StringRef name, const Sequence &sequence);

private:
  void declare();
  void importBlock(ArrayRef<Instruction> &rest, Block &block);
  void importControl(const Instruction &in, ArrayRef<Instruction> &rest);
  void importTransfer(const Instruction &in, const Shape &shape);
  void importArray(const Instruction &in, const Shape &shape);
  void importVector(const Instruction &in, const Shape &shape);

  Value at(Space space, uint32_t address, uint64_t rows, uint64_t columns,
           uint8_t type, uint32_t stride);
  Value a(const Instruction &in, const Shape &shape, uint64_t rows,
          uint64_t columns) {
    return at(Space(shape.spaces & 1), in.a, rows, columns, shape.type_a,
              shape.stride_a);
  }
  Value b(const Instruction &in, const Shape &shape, uint64_t rows,
          uint64_t columns) {
    return at(Space(shape.spaces >> 1 & 1), in.b, rows, columns, shape.type_b,
              shape.stride_b);
  }
  Value c(const Instruction &in, const Shape &shape, uint64_t rows,
          uint64_t columns) {
    return at(Space(shape.spaces >> 2 & 1), in.c, rows, columns, shape.type_c,
              shape.stride_c);
  }
  Value dram(const Instruction &in, const Shape &shape);

  /// Only scheduled instructions have times, and the others a choice of queue.
  IntegerAttr dtOf(const Instruction &in) {
    return queues.empty() ? number(in.dt) : IntegerAttr();
  }
  VectorUnitAttr unitOf() {
    if (queues.empty())
      return {};
    return VectorUnitAttr::get(
        builder.getContext(),
        queue == ESPALIER_QUEUE_VECTOR_A ? VectorUnit::A : VectorUnit::B);
  }

  IntegerAttr number(uint64_t value) {
    return builder.getI64IntegerAttr(int64_t(value));
  }
  mlir::UnitAttr flag(const Instruction &in, uint8_t bit) {
    return in.flags & bit ? builder.getUnitAttr() : mlir::UnitAttr();
  }

  OpBuilder &builder;
  Location loc;
  const Program &program;
  Buffers buffers;
  /// Of a sequence: the queues of the instructions that are left, and that of
  /// the present one.
  ArrayRef<espalier_systolic_queue> queues;
  espalier_systolic_queue queue = ESPALIER_QUEUE_DMA_IN;
  SmallVector<FlatSymbolRefAttr> symbols;
  SmallVector<Value> semaphores;
};

} // namespace

ProgramOp Importer::run(StringRef name) {
  auto op = ProgramOp::create(
      builder, loc, builder.getStringAttr(name), number(program.arrayRows),
      number(program.arrayColumns), number(program.bucketRows));
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&op.getBody());
  declare();
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
    ArrayRef<Instruction> rest = program.queues[q];
    if (rest.size() == 1 && rest.front().dt == 0)
      continue;
    auto queue = QueueOp::create(
        builder, loc, QueueAttr::get(builder.getContext(), Queue(q)));
    OpBuilder::InsertionGuard inner(builder);
    importBlock(rest, *builder.createBlock(&queue.getBody()));
  }
  return op;
}

SequenceOp Importer::run(StringRef name, const Sequence &sequence) {
  auto op = SequenceOp::create(
      builder, loc, builder.getStringAttr(name), number(program.arrayRows),
      number(program.arrayColumns), number(program.bucketRows));
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&op.getBody());
  declare();
  std::vector<Instruction> instructions;
  std::vector<espalier_systolic_queue> where;
  for (const auto &[queue, in] : sequence.body) {
    instructions.push_back(in);
    where.push_back(queue);
  }
  queues = where;
  ArrayRef<Instruction> rest = instructions;
  importBlock(rest, *body);
  return op;
}

void Importer::declare() {
  llvm::StringSet<> taken;
  SmallVector<FlatSymbolRefAttr> regions;
  for (const systolic::Region &region : program.regions) {
    taken.insert(region.name);
    regions.push_back(
        FlatSymbolRefAttr::get(builder.getContext(), region.name));
    ElementsAttr data;
    if (!region.data.empty())
      data = DenseElementsAttr::getFromRawBuffer(
          RankedTensorType::get({int64_t(region.data.size())},
                                builder.getI8Type()),
          ArrayRef(reinterpret_cast<const char *>(region.data.data()),
                   region.data.size()));
    RegionOp::create(builder, loc, builder.getStringAttr(region.name),
                     RegionKindAttr::get(builder.getContext(),
                                         systolic::RegionKind(region.kind)),
                     number(region.bytes), data);
  }
  for (auto [i, symbol] : llvm::enumerate(program.symbols)) {
    std::string name = symbol.name;
    if (name.empty())
      name = "s" + std::to_string(i);
    while (!taken.insert(name).second)
      name += '_';
    symbols.push_back(FlatSymbolRefAttr::get(builder.getContext(), name));
    SmallVector<Attribute> names;
    SmallVector<int64_t> offsets;
    for (uint64_t address : symbol.addresses) {
      names.push_back(regions[address >> 48]);
      offsets.push_back(int64_t(address & ((uint64_t(1) << 48) - 1)));
    }
    SymbolOp::create(builder, loc, builder.getStringAttr(name),
                     builder.getArrayAttr(names),
                     builder.getDenseI64ArrayAttr(offsets));
  }
  for (uint32_t i = 0; i < program.semaphores; ++i)
    semaphores.push_back(SemaphoreOp::create(
        builder, loc, SemaphoreType::get(builder.getContext())));
}

Value Importer::at(Space space, uint32_t address, uint64_t rows,
                   uint64_t columns, uint8_t type, uint32_t stride) {
  auto buffer = BufferType::get(builder.getContext(), space, rows, columns,
                                Element(type), stride);
  if (Value known = buffers.lookup({buffer, address}))
    return known;
  Value value = AtOp::create(builder, loc, buffer, number(address));
  buffers.insert({buffer, address}, value);
  return value;
}

Value Importer::dram(const Instruction &in, const Shape &shape) {
  auto buffer =
      BufferType::get(builder.getContext(), Space::Dram, shape.rows,
                      shape.columns, Element(shape.type_b), shape.stride_b);
  uint64_t place = uint64_t(in.b) << 32 | in.c;
  if (Value known = buffers.lookup({buffer, place}))
    return known;
  Value value =
      DramOp::create(builder, loc, buffer, symbols[in.b], number(in.c));
  buffers.insert({buffer, place}, value);
  return value;
}

/// Up to what ends the block: END, END_REPEAT, or the end of a sequence.
void Importer::importBlock(ArrayRef<Instruction> &rest, Block &block) {
  Buffers::ScopeTy scope(buffers);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&block);
  while (!rest.empty()) {
    const Instruction &in = rest.front();
    rest = rest.drop_front();
    if (!queues.empty())
      queue = queues[queues.size() - rest.size() - 1];
    if (isControl(in.opcode)) {
      importControl(in, rest);
      if (in.opcode == ESPALIER_OP_END || in.opcode == ESPALIER_OP_END_REPEAT)
        return;
      continue;
    }
    const Shape shape = canonicalShape(in, program.shapes[in.shape]);
    switch (in.opcode & 0xf0) {
    case 0x10:
      importTransfer(in, shape);
      break;
    case 0x20:
      importArray(in, shape);
      break;
    default:
      importVector(in, shape);
    }
  }
}

void Importer::importControl(const Instruction &in,
                             ArrayRef<Instruction> &rest) {
  IntegerAttr dt = dtOf(in);
  switch (in.opcode) {
  case ESPALIER_OP_DELAY:
    DelayOp::create(builder, loc, dt, number(in.b));
    return;
  case ESPALIER_OP_REPEAT: {
    auto op = RepeatOp::create(builder, loc, dt, number(in.b), number(in.a));
    OpBuilder::InsertionGuard guard(builder);
    importBlock(rest, *builder.createBlock(&op.getBody()));
    return;
  }
  case ESPALIER_OP_END_REPEAT:
    EndRepeatOp::create(builder, loc, dt);
    return;
  case ESPALIER_OP_SIGNAL:
    SignalOp::create(builder, loc, dt, semaphores[in.aux]);
    return;
  case ESPALIER_OP_WAIT:
    WaitOp::create(builder, loc, dt, semaphores[in.aux], number(in.b));
    return;
  case ESPALIER_OP_MARK:
    MarkOp::create(builder, loc, dt,
                   queues.empty()
                       ? QueueAttr()
                       : QueueAttr::get(builder.getContext(), Queue(queue)),
                   builder.getStringAttr(program.marks[in.b]));
    return;
  default:
    EndOp::create(builder, loc, dt);
  }
}

void Importer::importTransfer(const Instruction &in, const Shape &shape) {
  IntegerAttr dt = dtOf(in);
  uint64_t rows = shape.rows;
  if (shape.type_b >= ESPALIER_SYSTOLIC_Q8_0)
    rows *= 32;
  Value place = dram(in, shape);
  Value chip = a(in, shape, rows, shape.columns);
  auto argument = ArgumentAttr::get(builder.getContext(), Argument(in.aux));
  switch (in.opcode) {
  case ESPALIER_OP_LOAD:
    LoadOp::create(builder, loc, dt, place, chip,
                   in.flags & ESPALIER_FLAG_LIMIT ? number(shape.extra)
                                                  : IntegerAttr());
    return;
  case ESPALIER_OP_GATHER:
    GatherOp::create(builder, loc, dt, place, argument, number(shape.extra),
                     chip);
    return;
  case ESPALIER_OP_STORE:
    StoreOp::create(builder, loc, dt, chip, place);
    return;
  default:
    ScatterOp::create(builder, loc, dt, chip, place, argument,
                      number(shape.extra));
  }
}

void Importer::importArray(const Instruction &in, const Shape &shape) {
  IntegerAttr dt = dtOf(in);
  Value left = a(in, shape, shape.rows, shape.columns);
  switch (in.opcode) {
  case ESPALIER_OP_LOAD_WEIGHTS:
    LoadWeightsOp::create(builder, loc, dt, flag(in, ESPALIER_FLAG_TRANSPOSED),
                          left);
    return;
  case ESPALIER_OP_MATMUL: {
    Value result = c(in, shape, shape.rows, shape.extra);
    MatmulOp::create(builder, loc, dt, flag(in, ESPALIER_FLAG_SWAP),
                     flag(in, ESPALIER_FLAG_ACCUMULATE), left, result);
    return;
  }
  default: {
    Value right = b(in, shape, shape.columns, shape.extra);
    Value result = c(in, shape, shape.rows, shape.extra);
    MatmulOsOp::create(builder, loc, dt, flag(in, ESPALIER_FLAG_ACCUMULATE),
                       left, right, result);
  }
  }
}

void Importer::importVector(const Instruction &in, const Shape &shape) {
  MLIRContext *context = builder.getContext();
  IntegerAttr dt = dtOf(in);
  VectorUnitAttr unit = unitOf();
  uint64_t rows = shape.rows, columns = shape.columns;
  Value source = a(in, shape, rows, columns);
  switch (in.opcode) {
  case ESPALIER_OP_MAP: {
    Value to = c(in, shape, rows, columns);
    MapOp::create(builder, loc, dt, unit,
                  MapKindAttr::get(context, MapKind(in.aux)), source, to);
    return;
  }
  case ESPALIER_OP_BINARY: {
    bool row = in.flags & ESPALIER_FLAG_ROW;
    bool column = in.flags & ESPALIER_FLAG_COLUMN;
    Value right;
    FloatAttr constant;
    if (in.flags & ESPALIER_FLAG_CONSTANT)
      constant = FloatAttr::get(builder.getF32Type(),
                                llvm::APFloat(program.constants[in.b]));
    else
      right = b(in, shape, row ? 1 : rows, column ? 1 : columns);
    Value to = c(in, shape, rows, columns);
    BinaryOp::create(builder, loc, dt, unit,
                     BinaryKindAttr::get(context, BinaryKind(in.aux)), source,
                     flag(in, ESPALIER_FLAG_ROW),
                     flag(in, ESPALIER_FLAG_COLUMN), right, constant, to);
    return;
  }
  case ESPALIER_OP_REDUCE: {
    Value to = c(in, shape, rows, 1);
    ReduceOp::create(builder, loc, dt, unit,
                     ReduceKindAttr::get(context, ReduceKind(in.aux)), source,
                     to);
    return;
  }
  case ESPALIER_OP_MASK: {
    Value to = c(in, shape, rows, columns);
    MaskOp::create(builder, loc, dt, unit, source, number(in.b),
                   in.flags & ESPALIER_FLAG_WINDOW ? number(shape.extra)
                                                   : IntegerAttr(),
                   to);
    return;
  }
  case ESPALIER_OP_ROPE: {
    Value table = b(in, shape, rows, shape.extra >> 16);
    Value to = c(in, shape, rows, columns);
    RopeOp::create(builder, loc, dt, unit, source, number(shape.extra & 0xffff),
                   table, to);
    return;
  }
  default: {
    Value to = c(in, shape, rows, 2);
    ArgmaxOp::create(builder, loc, dt, unit, flag(in, ESPALIER_FLAG_ACCUMULATE),
                     source, number(in.b), to);
  }
  }
}

ProgramOp systolic::importProgram(OpBuilder &builder, Location loc,
                                  StringRef name, const Program &program) {
  return Importer(builder, loc, program).run(name);
}

SequenceOp systolic::importSequence(OpBuilder &builder, Location loc,
                                    StringRef name, const Sequence &sequence) {
  return Importer(builder, loc, sequence.frame).run(name, sequence);
}
