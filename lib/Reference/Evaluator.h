//===- Evaluator.h - Executes blocks, op by op ---------------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_REFERENCE_EVALUATOR_H
#define ESPALIER_LIB_REFERENCE_EVALUATOR_H

#include "Value.h"

#include "espalier/Reference/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <functional>
#include <map>
#include <optional>
#include <random>

namespace espalier::reference {

class Evaluator;
using Handler = std::function<Status(Evaluator &, mlir::Operation *)>;
using Handlers = llvm::StringMap<Handler>;

/// The ops of each file.
void addScalarHandlers(Handlers &handlers);
void addTensorHandlers(Handlers &handlers);
void addControlHandlers(Handlers &handlers);
void addPhaseHandlers(Handlers &handlers);
void addStructureHandlers(Handlers &handlers);
void addComputeHandlers(Handlers &handlers);
void addCacheHandlers(Handlers &handlers);
void addExpertHandlers(Handlers &handlers);
void addRowHandlers(Handlers &handlers);

/// Adds `function(Evaluator &, OpTy)` as what executes OpTy.
template <typename OpTy>
void on(Handlers &handlers, Status (*function)(Evaluator &, OpTy)) {
  handlers[OpTy::getOperationName()] = [function](Evaluator &e,
                                                  mlir::Operation *op) {
    return function(e, llvm::cast<OpTy>(op));
  };
}

/// What `xf.tap` shows: [index][row of the call].
struct Taps {
  int64_t rows = 0;
  std::vector<std::vector<std::vector<float>>> states;
};

class Evaluator {
public:
  Evaluator(mlir::ModuleOp module, WeightSource &weights, Options options);

  /// Runs a function. Taps go to `taps`.
  Result<std::vector<Datum>> call(mlir::func::FuncOp function,
                                  llvm::ArrayRef<Datum> arguments, Taps *taps);

  /// Runs a block whose arguments are set; gives the operands of its
  /// terminator.
  Result<std::vector<Datum>> run(mlir::Block &block);
  Status execute(mlir::Operation *op);

  //===--- Values ---------------------------------------------------------===//

  void set(mlir::Value value, Datum datum) { values[value] = std::move(datum); }
  void set(mlir::ValueRange range, llvm::ArrayRef<Datum> data) {
    for (auto [value, datum] : llvm::zip_equal(range, data))
      values[value] = datum;
  }
  const Datum &get(mlir::Value value) const {
    return values.find(value)->second;
  }
  template <typename T> const T &get(mlir::Value value) const {
    return std::get<T>(get(value));
  }
  std::vector<Datum> getAll(mlir::ValueRange range) const {
    std::vector<Datum> data;
    for (mlir::Value value : range)
      data.push_back(get(value));
    return data;
  }
  int64_t integer(mlir::Value value) const { return get<int64_t>(value); }
  int64_t integer(mlir::OpFoldResult value) const;
  Sizes integers(llvm::ArrayRef<mlir::OpFoldResult> list) const;

  /// The elements of a tensor that an op reads, contiguous.
  Result<Tensor> input(mlir::Value value);
  /// The tensor that an op in destination-passing style makes: new memory in
  /// the place of `init`.
  Result<Tensor> output(mlir::Value init);

  /// The same of floats that may be rounded, widened to float32.
  Result<Tensor> inputFloats(mlir::Value value);

  //===--- Surroundings ---------------------------------------------------===//

  /// The length of a chain of the order of sums; 0: `cpu, 2`, where it is all
  /// of a sum.
  size_t run() const { return order.getRows(); }
  /// Fails unless the order defines how rows of this element type are
  /// multiplied with weights of that encoding.
  Status checkProduct(mlir::Type rows, Encoding weight) const;
  /// Fails in the order of the accelerator, which does not define the op.
  Status requireCpuOrder() const;

  /// Entry 26: the matrix rounded to bf16, made when it is first asked for.
  std::shared_ptr<const DecodedMatrix>
  rounded(const std::shared_ptr<const DecodedMatrix> &matrix);
  /// A weight as a tensor, decoded when it is first asked for.
  Result<Tensor> weight(llvm::StringRef symbol, uint64_t index);
  template <typename OpTy> OpTy lookup(llvm::StringRef symbol) {
    return symbols.lookup<OpTy>(symbol);
  }

  PhaseState *phase() { return current ? &*current : nullptr; }
  /// Where accesses are noted: the phase, unless conflicts are not checked.
  PhaseState *watched() { return options.checkConflicts ? phase() : nullptr; }
  void beginPhase(llvm::StringRef label);
  void endPhase() { current.reset(); }

  const Options options;
  std::mt19937_64 random;
  Taps *taps = nullptr;

private:
  Handlers handlers;
  mlir::SymbolTable symbols;
  WeightSource &source;
  llvm::DenseMap<mlir::Value, Datum> values;
  llvm::StringMap<std::vector<Tensor>> weights;
  /// Each matrix, which is kept alive, and what it is rounded to.
  std::map<std::shared_ptr<const DecodedMatrix>,
           std::shared_ptr<const DecodedMatrix>>
      roundedMatrices;
  xf::OrderAttr order;
  std::optional<PhaseState> current;
  uint64_t phases = 0;
  bool errorIsPlaced = false;
};

/// `condition` as a status.
inline Status require(bool condition, const char *message) {
  return condition ? Status() : Status(Error{message});
}

} // namespace espalier::reference

/// Leaves the function with the error of `expression`, if it has one.
#define TRY(expression)                                                        \
  do {                                                                         \
    if (auto tried = (expression); !tried)                                     \
      return tried.takeError();                                                \
  } while (false)

/// Declares `name` as the value of `expression`, or leaves with its error.
// NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared has none
#define TRY_LET(name, expression)                                              \
  auto name##OrError = (expression);                                           \
  if (!name##OrError)                                                          \
    return name##OrError.takeError();                                          \
  auto &name = *name##OrError
// NOLINTEND(bugprone-macro-parentheses)

#endif // ESPALIER_LIB_REFERENCE_EVALUATOR_H
