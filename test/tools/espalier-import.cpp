//===- espalier-import.cpp - Prints what the importer makes of a model ----===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// espalier-import MODEL [--random-weights] [--pack FILE]: the module on
/// standard output, the tokenizer's state after it; or the error, and exit
/// status 1. With
/// --pack the packed weights go to FILE, and their table is printed instead.
///
//===----------------------------------------------------------------------===//
#include "espalier/Import/ModelImport.h"
#include "espalier/Target/PackWeights.h"
#include "espalier/Transforms/Passes.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

using namespace espalier;

static int fail(const Error &error) {
  llvm::errs() << "error: " << error.message << "\n";
  return 1;
}

static int pack(ImportedModel &model, const std::string &path) {
  mlir::PassManager passes(model.module->getContext());
  passes.addPass(createPackWeights());
  if (failed(passes.run(*model.module)))
    return 1;
  Result<PackedWeights> packed =
      packWeights(*model.module, model.tensors, path);
  if (!packed)
    return fail(packed.error());
  for (const PackedTensor &tensor : packed->tensors)
    llvm::outs() << tensor.name << " at " << tensor.offset << ", "
                 << tensor.size << " bytes, " << tensor.hash.hex() << "\n";
  llvm::outs() << "header " << packed->headerBytes << " bytes, data "
               << packed->dataBytes << " bytes, header hash "
               << packed->headerHash.hex() << "\n";
  return 0;
}

int main(int argc, char **argv) {
  ImportOptions options;
  std::string path, packed;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef argument = argv[i];
    if (argument == "--random-weights")
      options.randomWeights = true;
    else if (argument == "--pack" && i + 1 < argc)
      packed = argv[++i];
    else if (path.empty() && !argument.starts_with("-"))
      path = argument.str();
    else
      path.clear(), i = argc;
  }
  if (path.empty()) {
    llvm::errs()
        << "usage: espalier-import MODEL [--random-weights] [--pack FILE]\n";
    return 2;
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  Result<ImportedModel> model = importModel(path, context, options);
  if (!model)
    return fail(model.error());
  if (!packed.empty())
    return pack(*model, packed);
  model->module->print(llvm::outs());
  llvm::outs() << "// tokenizer: "
               << (model->tokenizer.supported()
                       ? std::to_string(model->tokenizer.vocabulary) + " tokens"
                       : model->tokenizer.missing)
               << "\n// chat template: " << model->chat.source.size()
               << " bytes\n";
  return 0;
}
