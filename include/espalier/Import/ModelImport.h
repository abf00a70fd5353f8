//===- ModelImport.h - A model file to an xf module -------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_IMPORT_MODELIMPORT_H
#define ESPALIER_IMPORT_MODELIMPORT_H

#include "espalier/Import/ChatTemplate.h"
#include "espalier/Import/ModelConfig.h"
#include "espalier/Import/TensorSource.h"
#include "espalier/Import/Tokenizer.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace espalier {

struct ImportOptions {
  /// A config.json is enough; weights are made up from `seed` while they are
  /// packed, in the type that it names (bfloat16 where it names none).
  bool randomWeights = false;
  uint64_t seed = 1;
};

/// A model, ready to be compiled and packed.
struct ImportedModel {
  /// `@step`, `@commit`, weights as recipes, the card as `xf.model`.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// What the recipes are evaluated on. Holds the files open.
  TensorSource tensors;
  ModelConfig config;
  /// Tables, or why there are none.
  ImportedTokenizer tokenizer;
  ChatTemplate chat;
  /// Every file that was read, for the keys of caches.
  std::vector<std::string> files;
};

/// Imports a Hugging Face folder (or its config.json or model.safetensors) or a
/// GGUF file. The dialects it needs are loaded into the context. Messages begin
/// with the file.
Result<ImportedModel> importModel(const std::string &path,
                                  mlir::MLIRContext &context,
                                  const ImportOptions &options = {});

} // namespace espalier

#endif // ESPALIER_IMPORT_MODELIMPORT_H
