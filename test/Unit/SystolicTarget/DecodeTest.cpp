//===- DecodeTest.cpp - Bytes that nobody vouches for ---------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Target/Systolic/Decode.h"
#include "espalier/Lowering/Systolic/Gemm.h"
#include "espalier/Lowering/Systolic/Schedule.h"
#include "espalier/Target/Systolic/Assembler.h"
#include "espalier/Target/Systolic/Encode.h"
#include "espalier/Target/Systolic/Translate.h"

#include "mlir/IR/Verifier.h"
#include "gtest/gtest.h"

#include <cstring>
#include <fstream>
#include <sstream>

using namespace espalier;
using namespace espalier::systolic;

namespace {

std::vector<uint8_t> assembleFile(const char *name) {
  std::ifstream file(ESPALIER_TEST_INPUTS "/../Target/Systolic/" +
                     std::string(name));
  std::stringstream text;
  text << file.rdbuf();
  Result<std::vector<uint8_t>> bytes = assemble(text.str(), name);
  EXPECT_TRUE(bool(bytes)) << bytes.error().message;
  return bytes ? *bytes : std::vector<uint8_t>();
}

/// Through the ops and back.
std::vector<uint8_t> throughOps(mlir::MLIRContext &context,
                                const Program &program) {
  mlir::OpBuilder builder(&context);
  mlir::OwningOpRef<ProgramOp> op =
      importProgram(builder, builder.getUnknownLoc(), "p", program);
  if (failed(mlir::verify(*op)))
    return {};
  mlir::FailureOr<Program> again = exportProgram(*op);
  if (failed(again))
    return {};
  Result<std::vector<uint8_t>> bytes = encode(*again);
  return bytes ? *bytes : std::vector<uint8_t>();
}

/// Whatever one byte becomes, the program is refused, or it is one that is the
/// same bytes again when it comes back from ops.
TEST(Decode, OneByteChanged) {
  std::vector<uint8_t> good = assembleFile("round-trip.mlir");
  ASSERT_FALSE(good.empty());
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<SystolicDialect>();
  unsigned taken = 0, refused = 0;
  for (size_t i = 0; i < good.size(); ++i)
    for (unsigned change : {1, 2, 4, 0x10, 0x80, 0xff}) {
      std::vector<uint8_t> bytes = good;
      bytes[i] ^= change;
      Result<Program> program = decode(bytes);
      if (!program) {
        ++refused;
        EXPECT_FALSE(program.error().message.empty());
        continue;
      }
      ++taken;
      EXPECT_EQ(throughOps(context, *program), bytes)
          << "byte " << i << " changed by " << change;
    }
  // Times, contents and kinds may change; most of the rest may not.
  EXPECT_GT(taken, 500u);
  EXPECT_GT(refused, taken);
}

TEST(Decode, Shortened) {
  std::vector<uint8_t> good = assembleFile("round-trip.mlir");
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(bool(decode(std::span(good).first(size))));
}

/// Counts that are larger than any memory.
TEST(Decode, HugeCounts) {
  std::vector<uint8_t> good = assembleFile("round-trip.mlir");
  for (size_t at = 16; at + 8 <= sizeof(espalier_systolic_header); at += 4) {
    std::vector<uint8_t> bytes = good;
    memset(bytes.data() + at, 0xff, 8);
    EXPECT_FALSE(bool(decode(bytes))) << at;
  }
}

/// A wait of more than 24 bits is more than one DELAY.
TEST(Encode, LongWaits) {
  Program program;
  program.bucketRows = program.arrayRows = program.arrayColumns = 1;
  Instruction end;
  end.opcode = ESPALIER_OP_END;
  for (auto &queue : program.queues)
    queue.push_back(end);
  program.queues[0][0].dt = 0xffffffff;
  Result<std::vector<uint8_t>> bytes = encode(program);
  ASSERT_TRUE(bool(bytes));
  Result<Program> again = decode(*bytes);
  ASSERT_TRUE(bool(again)) << again.error().message;
  uint64_t cycles = 0;
  for (const Instruction &in : again->queues[0])
    cycles += in.dt + (in.opcode == ESPALIER_OP_DELAY ? in.b : 0);
  EXPECT_EQ(cycles, 0xffffffffu);
}

/// What no instruction uses is not written, and what is alike is written once.
TEST(Encode, Canonical) {
  std::vector<uint8_t> good = assembleFile("round-trip.mlir");
  Result<Program> program = decode(good);
  ASSERT_TRUE(bool(program)) << program.error().message;
  // Each instruction a shape, a constant and a mark of its own, and fields that
  // it does not have.
  Program loose = *program;
  loose.shapes.clear();
  loose.constants = {42.0f};
  loose.marks = {"unused"};
  for (auto &queue : loose.queues)
    for (Instruction &in : queue) {
      if (in.opcode == ESPALIER_OP_MARK) {
        loose.marks.push_back(program->marks[in.b]);
        in.b = uint32_t(loose.marks.size()) - 1;
      }
      if (isControl(in.opcode))
        continue;
      Shape shape = program->shapes[in.shape];
      if (in.opcode == ESPALIER_OP_STORE)
        shape.extra = shape.stride_c = 7;
      in.shape = uint16_t(loose.shapes.size());
      loose.shapes.push_back(shape);
      if (in.flags & ESPALIER_FLAG_CONSTANT &&
          in.opcode == ESPALIER_OP_BINARY) {
        loose.constants.push_back(program->constants[in.b]);
        in.b = uint32_t(loose.constants.size()) - 1;
      }
    }
  Result<std::vector<uint8_t>> bytes = encode(loose);
  ASSERT_TRUE(bool(bytes)) << bytes.error().message;
  EXPECT_EQ(*bytes, good);
}

/// The bytes of a sequence's program.
std::vector<uint8_t> scheduled(const Sequence &sequence,
                               const SystolicMachine &machine) {
  Result<Program> program = schedule(sequence, machine);
  EXPECT_TRUE(bool(program)) << program.error().message;
  if (!program)
    return {};
  Result<std::vector<uint8_t>> bytes = encode(*program);
  EXPECT_TRUE(bool(bytes)) << bytes.error().message;
  if (!bytes)
    return {};
  Result<Program> again = decode(*bytes);
  EXPECT_TRUE(bool(again)) << again.error().message;
  return *bytes;
}

/// Sequences that were not made by way of ops: as ops they have the same
/// program, and so has that as ops.
TEST(Sequence, ThroughOps) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<SystolicDialect>();
  auto machine = hardware::findSystolicMachine("systolic-16-edge");
  ASSERT_TRUE(bool(machine));
  for (bool int8 : {false, true})
    for (bool outputStationary : {false, true})
      for (Operands operands : {Operands::Scratchpad, Operands::Dram}) {
        GemmSpec spec;
        spec.m = 20;
        spec.linears = {{40, 36}};
        spec.int8 = int8;
        spec.outputStationary = outputStationary;
        spec.operands = operands;
        Result<Gemm> gemm = buildGemm(spec, *machine);
        ASSERT_TRUE(bool(gemm)) << gemm.error().message;
        mlir::OpBuilder builder(&context);
        mlir::OwningOpRef<SequenceOp> op = importSequence(
            builder, builder.getUnknownLoc(), "s", gemm->sequence);
        ASSERT_TRUE(succeeded(mlir::verify(*op)));
        mlir::FailureOr<Sequence> again = exportSequence(*op);
        ASSERT_TRUE(succeeded(again));
        std::vector<uint8_t> bytes = scheduled(gemm->sequence, *machine);
        EXPECT_EQ(scheduled(*again, *machine), bytes);
        Result<Program> program = decode(bytes);
        ASSERT_TRUE(bool(program));
        EXPECT_EQ(throughOps(context, *program), bytes);
      }
}

/// The op tells what the compiler's cost model says.
TEST(CycleModel, Matmul) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<SystolicDialect>();
  Result<Program> program = decode(assembleFile("round-trip.mlir"));
  ASSERT_TRUE(bool(program));
  mlir::OpBuilder builder(&context);
  mlir::OwningOpRef<ProgramOp> op =
      importProgram(builder, builder.getUnknownLoc(), "p", *program);
  hardware::SystolicMachine machine;
  machine.rows = machine.columns = 16;
  unsigned seen = 0;
  op->walk([&](CycleModelInterface instruction) {
    Timing timing = instruction.getTiming(machine);
    if (mlir::isa<MatmulOp>(instruction.getOperation())) {
      EXPECT_EQ(timing.busy, 16u);
      EXPECT_EQ(timing.complete, 16u + 16 + 16 - 2);
      ++seen;
    }
    if (mlir::isa<SignalOp>(instruction.getOperation())) {
      EXPECT_EQ(timing.complete, 0u);
      ++seen;
    }
  });
  EXPECT_EQ(seen, 3u);
}

} // namespace
