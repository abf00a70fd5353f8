//===- CPU.h - From a step program to files for a CPU ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The last stage of `espalier compile --target cpu`: a bufferised step program
/// in, artefacts on disk out.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TARGET_CPU_H
#define ESPALIER_TARGET_CPU_H

#include "espalier/Support/Result.h"
#include "espalier/Target/PackedWeights.h"
#include "espalier/Target/WeightLayout.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

enum class EmitKind {
  Executable,
  Shared,
  Static,
  Object,
  MLIR,
  LLVM,
  Assembly
};

/// "exe", "shared", "static", "object", "mlir", "llvm", "asm".
std::optional<EmitKind> emitKindFromName(std::string_view name);
/// By suffix: .so, .a, .o, .mlir, .ll, .s; an executable otherwise.
EmitKind emitKindFromPath(std::string_view path);
/// The path's file name without "lib" and suffix, as an identifier of C.
std::string modelNameFromPath(std::string_view path);

using PackedContainer = PackedWeights;

/// How far a stage is; `total` 0: not known.
using ProgressFunction =
    std::function<void(std::string_view stage, uint64_t done, uint64_t total)>;

/// Packs the weights of `module` to a new file at `path`, as `layout` says.
using PackFunction = std::function<Result<PackedContainer>(
    mlir::ModuleOp module, const WeightLayout &layout,
    const std::string &path)>;

struct CompileOptions {
  std::string output;
  /// Made for the output, and removed with it where a signal ends the process;
  /// empty: the output goes to a folder that is there.
  std::string temporaryFolder;
  /// What errors about the model (not about outputs) begin with; may be empty.
  std::string model;
  /// The model's own files, which no file that is written may replace.
  std::vector<std::string> inputs;
  /// Files that no compilation has made are replaced too.
  bool force = false;
  EmitKind emit = EmitKind::Executable;
  /// Of the model, an identifier of C; empty: from `output`.
  std::string name;
  /// Executable and shared: the container goes behind the image.
  bool bundle = false;
  /// For the model card; "NAME VERSION".
  std::string compiler;
  /// The tables of espalier/tokenizer_tables.h; empty: none, and why.
  std::string tokenizer;
  std::string tokenizerMissing;
  std::optional<std::string> chatTemplate;
  /// Texts that the template knows by name.
  std::vector<std::pair<std::string, std::string>> chatVariables;
  /// JSON text for `espalier explain`, an object; sizes of code are added.
  std::string plan = "{}";
  /// The compiler's executable, from which the runtime's archives are found.
  std::string executable;
  /// Threads that generate code.
  unsigned threads = 2;
  /// For tests: as AVX2's code the kernels of AVX-512, their product of bytes
  /// expanded, so that a CPU without AVX-512 runs them.
  bool wideKernelsForAVX2 = false;
  PackFunction pack;
  ProgressFunction progress;
};

struct CompileReport {
  /// What was written, the output first.
  std::vector<std::string> files;
  std::string name;
  uint64_t outputBytes = 0;
  /// Of the steps and kernels of all instruction sets.
  uint64_t codeBytes = 0;
  uint64_t weightBytes = 0;
  unsigned kernels = 0;
  double lowerSeconds = 0;    ///< MLIR
  double generateSeconds = 0; ///< LLVM, beside the packing
  double packSeconds = 0;
  double linkSeconds = 0;
};

/// Compiles `module`: functions @step_few, @step_many, ... (attributes
/// xf.max_rows, spmd.shared_bytes, spmd.private_bytes) after points 3 to 6 of
/// the pipeline, xf.weight and xf.rope_table symbols, attributes xf.order and
/// xf.model. The module is lowered in place. On failure no output is touched.
Result<CompileReport> compileCPU(mlir::ModuleOp module,
                                 const CompileOptions &options);

} // namespace espalier

#endif // ESPALIER_TARGET_CPU_H
