//===- Compile.cpp - espalier compile -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Commands.h"
#include "Compiler.h"

#include <cstdio>
#include <sys/resource.h>

using namespace espalier;
using namespace espalier::tool;

/// "95 kB", "2.0 MB", "14.9 GB".
static std::string sizeText(uint64_t bytes) {
  char text[32];
  if (bytes < 1000000)
    snprintf(text, sizeof(text), "%.*f kB", bytes < 10000 ? 1 : 0,
             double(bytes) / 1e3);
  else if (bytes < 10000000000)
    snprintf(text, sizeof(text), "%.1f MB", double(bytes) / 1e6);
  else
    snprintf(text, sizeof(text), "%.1f GB", double(bytes) / 1e9);
  return text;
}

void tool::printSummary(const CompileSummary &summary,
                        const std::string &output) {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  std::string sizes = output + " " + sizeText(summary.outputBytes);
  if (summary.codeBytes)
    sizes += ", of it code " + sizeText(summary.codeBytes);
  if (summary.weightBytes)
    sizes += "; weights " + sizeText(summary.weightBytes);
  fprintf(stderr,
          "compiled in %.2f s (import %.2f, lower %.2f, generate %.2f beside "
          "pack %.2f, link %.2f), peak memory %s: %s\n",
          summary.totalSeconds, summary.importSeconds, summary.lowerSeconds,
          summary.generateSeconds, summary.packSeconds, summary.linkSeconds,
          sizeText(uint64_t(usage.ru_maxrss) * 1024).c_str(), sizes.c_str());
}

/// An output that is no file, or is called what it is not.
static Status checkOutputName(const std::string &output) {
  if (output == "-")
    return Error{"-o -: standard output is not supported: give the name of a "
                 "file"};
  for (std::string_view suffix : {".gguf", ".safetensors", ".json", ".onnx",
                                  ".pt", ".pth", ".ckpt", ".jinja"})
    if (output.ends_with(suffix))
      return Error{"-o " + output + ": " + std::string(suffix) +
                   " is the suffix of a model's file, and what is made is a "
                   "program or library: give another name"};
  return {};
}

Result<int> tool::compileCommand(const Arguments &arguments) {
  CompileRequest request;
  std::optional<std::string> output, name;
  CommandLine line("compile MODEL -o OUT [options]",
                   "Compiles a Hugging Face folder or a GGUF file to a program "
                   "or library for this\nmodel alone. The packed weights go "
                   "beside it.");
  line.positional(request.model, "MODEL");
  line.text("-o", output, "OUT", "what is written");
  line.choice("--emit", request.emit,
              {"exe", "shared", "static", "object", "mlir", "llvm", "asm"},
              "what OUT is (default: by its suffix .so, .a, .o,\n.mlir, .ll, "
              ".s; else a program)");
  line.text("--name", name, "NAME",
            "name of the model in its symbols, an identifier of\nC (default: "
            "OUT's file name)");
  line.flag("--bundle", request.bundle,
            "append the weights to the program or shared library");
  line.flag("--force", request.force,
            "replace files that are there, also those that were\nnot made by a "
            "compilation");
  line.flag("--check-weights", request.checkWeights,
            "refuse weights that are infinite or no numbers\n(scales of "
            "blocks always are)");
  request.options.declare(line, false);
  Result<bool> go = line.parse(arguments);
  if (!go)
    return go.takeError();
  if (!*go)
    return 0;
  if (!output || output->empty())
    return Error{"-o OUT is missing: where the result goes"};
  if (Status status = checkOutputName(*output); !status)
    return status.takeError();
  request.output = *output;
  request.name = name.value_or("");
  Result<InputKind> kind = inputKind(request.model);
  if (!kind)
    return kind.takeError();
  if (*kind == InputKind::Artefact)
    return Error{request.model +
                 ": is compiled already; give the model itself"};
  Result<CompileSummary> summary = compileModel(request);
  if (!summary)
    return summary.takeError();
  printSummary(*summary, request.output);
  return 0;
}
