//===- espalier-import.cpp - Prints what the importer makes of a model ----===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// espalier-import MODEL [--random-weights]: the module on standard output, the
/// tokenizer's state after it; or the error, and exit status 1.
///
//===----------------------------------------------------------------------===//
#include "espalier/Import/ModelImport.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

using namespace espalier;

int main(int argc, char **argv) {
  ImportOptions options;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef argument = argv[i];
    if (argument == "--random-weights")
      options.randomWeights = true;
    else if (path.empty() && !argument.starts_with("-"))
      path = argument.str();
    else
      path.clear(), i = argc;
  }
  if (path.empty()) {
    llvm::errs() << "usage: espalier-import MODEL [--random-weights]\n";
    return 2;
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  Result<ImportedModel> model = importModel(path, context, options);
  if (!model) {
    llvm::errs() << "error: " << model.error().message << "\n";
    return 1;
  }
  model->module->print(llvm::outs());
  llvm::outs() << "// tokenizer: "
               << (model->tokenizer.supported()
                       ? std::to_string(model->tokenizer.vocabulary) + " tokens"
                       : model->tokenizer.missing)
               << "\n// chat template: " << model->chatTemplate.size()
               << " bytes\n";
  return 0;
}
