//===- LoweringTest.cpp - Steps that no importer makes, and figures -------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A model's step, changed in its IR, gives what the change means or is
/// refused; and the cycles that docs/Systolic.md gives for the bundled model.
///
//===----------------------------------------------------------------------===//
#include "Accelerator.h"

#include "espalier/Hardware/SystolicTiming.h"
#include "espalier/Lowering/Systolic/Schedule.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace espalier;
using namespace espalier::systolic;
using espalier::reference::goldenFolder;
using espalier::reference::LoweredModel;

namespace {

class LoweringTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_EQ(model.error, ""); }

  /// Some tokens in a bucket of 16 rows.
  void run(Accelerator::Rows &rows) {
    Accelerator accelerator(model, machine, 256);
    ASSERT_EQ(accelerator.error, "");
    Result<Accelerator::Rows> got =
        accelerator.run(tokens(count, 7), {16, 256});
    ASSERT_TRUE(got) << got.error().message;
    rows = std::move(*got);
  }

  std::string refusal() {
    Result<ModelImage> image = planImage(*model.model->module, machine, 256);
    if (!image)
      return image.error().message;
    Result<Sequence> sequence =
        lowerStep(*model.model->module, machine, *image, {16, 256});
    return sequence ? "" : sequence.error().message;
  }

  mlir::func::FuncOp step() {
    return model.model->module->lookupSymbol<mlir::func::FuncOp>("step");
  }
  xf::RepeatOp repeat() { return *step().getOps<xf::RepeatOp>().begin(); }
  /// Shows `value` as the state behind the last layer.
  void showLast(mlir::Value value) {
    for (auto tap : step().getOps<xf::TapOp>())
      tap->setOperand(2, value);
  }

  /// Carries the rows that enter the layers once more; each layer yields them
  /// as it was given them.
  void carryTwice() {
    xf::RepeatOp old = repeat();
    mlir::OpBuilder b(old);
    llvm::SmallVector<mlir::Value> inits(old.getInits());
    inits.push_back(inits[0]);
    auto wide = xf::RepeatOp::create(
        b, old.getLoc(), mlir::TypeRange(mlir::ValueRange(inits)),
        old.getKindsAttr(), inits, unsigned(old.getBodies().size()));
    for (size_t i = 0; i < old.getBodies().size(); ++i) {
      mlir::Region &region = wide.getBodies()[i];
      region.takeBody(old.getBodies()[i]);
      mlir::Value argument =
          region.front().addArgument(inits[0].getType(), old.getLoc());
      mlir::Operation *yield = region.front().getTerminator();
      yield->insertOperands(yield->getNumOperands(), argument);
    }
    old->replaceAllUsesWith(wide.getResults().drop_back());
    old->erase();
  }

  /// Logits are those of the unchanged model, and so are the states before
  /// `firstState`; it and what follows are state 0.
  void expectStatesFrom(size_t firstState, const Accelerator::Rows &plain) {
    Accelerator::Rows got;
    ASSERT_NO_FATAL_FAILURE(run(got));
    EXPECT_EQ(difference(got.logits, plain.logits), "");
    ASSERT_EQ(got.hidden.size(), plain.hidden.size());
    size_t states = repeat().getKinds().size() + 1,
           width = plain.hidden.size() / states / count;
    for (size_t at = 0; at < got.hidden.size(); ++at) {
      size_t row = at / width / states, state = at / width % states;
      size_t from = state < firstState ? state : 0;
      ASSERT_EQ(got.hidden[at],
                plain.hidden[(row * states + from) * width + at % width])
          << "row " << row << ", state " << state;
    }
  }

  static constexpr size_t count = 11;
  const SystolicMachine machine =
      *hardware::findSystolicMachine("systolic-128");
  LoweredModel model{goldenFolder("llama"), pipeline(machine)};
};

TEST_F(LoweringTest, InitThatIsReadAfterTheLayers) {
  Accelerator::Rows plain;
  ASSERT_NO_FATAL_FAILURE(run(plain));
  showLast(repeat().getInits()[0]);
  expectStatesFrom(repeat().getKinds().size(), plain);
}

TEST_F(LoweringTest, InitThatLayersRead) {
  Accelerator::Rows plain;
  ASSERT_NO_FATAL_FAILURE(run(plain));
  mlir::Value init = repeat().getInits()[0];
  showLast(init);
  repeat().walk([&](xf::TapOp tap) { tap->setOperand(2, init); });
  expectStatesFrom(1, plain);
}

TEST_F(LoweringTest, InitThatIsGivenTwice) {
  Accelerator::Rows plain;
  ASSERT_NO_FATAL_FAILURE(run(plain));
  carryTwice();
  showLast(repeat().getResults().back());
  expectStatesFrom(repeat().getKinds().size(), plain);
}

TEST_F(LoweringTest, CrosswiseYieldsAreRefused) {
  const std::string expected =
      "'xf.yield': the accelerator's lowering takes rows that the layer made, "
      "each yielded once, or that it was given at the same place";
  carryTwice();
  ASSERT_EQ(refusal(), "");
  mlir::Operation *yield = repeat().getBodies()[0].front().getTerminator();
  unsigned last = yield->getNumOperands() - 1;
  mlir::Value made = yield->getOperand(0), given = yield->getOperand(last);
  yield->setOperand(0, given);
  EXPECT_EQ(refusal(), expected);
  yield->setOperand(last, made);
  EXPECT_EQ(refusal(), expected);
  yield->setOperand(0, made);
  EXPECT_EQ(refusal(), expected);
  yield->setOperand(last, repeat().getInits()[0]);
  EXPECT_EQ(refusal(), expected);
}

// Symbols of weights are free to be called as the regions are, and as what the
// lowering calls its own.
TEST_F(LoweringTest, NamesOfWeights) {
  Accelerator::Rows plain, got;
  ASSERT_NO_FATAL_FAILURE(run(plain));
  mlir::ModuleOp module = *model.model->module;
  std::vector<std::string> names = {"keys", "values", "hidden", "selected",
                                    "logits"};
  for (auto weight : module.getOps<xf::WeightOp>()) {
    if (names.empty())
      break;
    auto name = mlir::StringAttr::get(&model.context, names.back());
    names.pop_back();
    ASSERT_TRUE(succeeded(
        mlir::SymbolTable::replaceAllSymbolUses(weight, name, module)));
    weight.setSymName(name);
  }
  ASSERT_TRUE(names.empty());
  ASSERT_NO_FATAL_FAILURE(run(got));
  EXPECT_EQ(difference(got.logits, plain.logits), "");
  EXPECT_EQ(difference(got.hidden, plain.hidden), "");
}

// The table of docs/Systolic.md.
TEST(StepFigures, BundledModel) {
  struct {
    const char *machine;
    uint32_t rows;
    uint64_t cycles;
  } figures[] = {{"systolic-128", 1, 62835},
                 {"systolic-128", 64, 111954},
                 {"systolic-16-edge", 16, 885299},
                 {"systolic-256", 16, 55962},
                 {"neuroncore-v2-like", 1, 99624}};
  for (auto &f : figures) {
    Result<SystolicMachine> machine = hardware::findSystolicMachine(f.machine);
    ASSERT_TRUE(machine) << machine.error().message;
    LoweredModel model(ESPALIER_STORIES, pipeline(*machine));
    ASSERT_EQ(model.error, "");
    mlir::ModuleOp module = *model.model->module;
    Result<ModelImage> image = planImage(module, *machine, 256);
    ASSERT_TRUE(image) << image.error().message;
    Result<Sequence> sequence =
        lowerStep(module, *machine, *image, {f.rows, 256});
    ASSERT_TRUE(sequence) << sequence.error().message;
    Result<Program> program = schedule(*sequence, *machine);
    ASSERT_TRUE(program) << program.error().message;
    EXPECT_EQ(predictCycles(*program, *machine), f.cycles)
        << f.machine << ", " << f.rows << " rows";
  }
}

} // namespace
