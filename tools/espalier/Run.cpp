//===- Run.cpp - espalier run ---------------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Artefact.h"
#include "Commands.h"
#include "Main/Options.h"
#include "espalier/model.h"

using namespace espalier;
using namespace espalier::tool;

/// The options of an emitted program, and the model's before them: the program
/// around the model is the same code.
Result<int> tool::runCommand(const Arguments &arguments) {
  std::string path;
  ModelOptions options;
  CommandLine line(
      "run MODEL_OR_ARTEFACT -p TEXT|-|--chat [options]",
      "Answers a prompt: the text goes to standard output, all else to "
      "standard error.\nA model is compiled first and kept in the user's "
      "cache.");
  line.positional(path, "MODEL_OR_ARTEFACT");
  for (const program::OptionInfo &one : program::optionTable())
    line.passOn(one.name, one.placeholder ? one.placeholder : "", one.help,
                one.repeats);
  options.declare(line, true);
  std::vector<std::string> rest;
  Result<bool> go = line.parse(arguments, &rest);
  if (!go)
    return go.takeError();
  if (!*go)
    return 0;
  auto argumentsOf = [](std::vector<std::string> &list) {
    std::vector<char *> argv;
    for (std::string &one : list)
      argv.push_back(one.data());
    argv.push_back(nullptr);
    return argv;
  };
  // What the program will refuse is refused before a model is compiled for it.
  if (Result<program::Options> parsed =
          program::parseOptions(int(rest.size()), argumentsOf(rest).data());
      !parsed)
    return parsed.takeError();
  Result<std::string> artefactPath = artefactFor(path, options, line);
  if (!artefactPath)
    return artefactPath.takeError();
  Result<Artefact> artefact = Artefact::load(*artefactPath);
  if (!artefact)
    return artefact.takeError();
  bool elsewhere = false;
  for (const std::string &one : rest)
    elsewhere |= one == "--weights";
  if (!artefact->weights.empty() && !elsewhere) {
    rest.push_back("--weights");
    rest.push_back(artefact->weights);
  }
  rest.insert(rest.begin(), "espalier run");
  return espalier_main(artefact->descriptor, int(rest.size()),
                       argumentsOf(rest).data());
}
