//===- Explain.cpp - espalier explain -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Artefact.h"
#include "Commands.h"
#include "Describe.h"
#include "espalier/Support/Json.h"

#include <cstdio>

using namespace espalier;
using namespace espalier::tool;

namespace {

std::string scalarText(const json::Value &value) {
  if (const std::string *text = value.asString())
    return escaped(*text);
  if (std::optional<bool> truth = value.asBool())
    return *truth ? "yes" : "no";
  if (std::optional<int64_t> number = value.asInteger())
    return std::to_string(*number);
  if (std::optional<double> number = value.asDouble()) {
    char text[32];
    snprintf(text, sizeof(text), "%.6g", *number);
    return text;
  }
  return "none";
}

bool isScalar(const json::Value &value) {
  return !value.asArray() && !value.asObject();
}

/// Members and items one below the other, those of lists of scalars in a line.
void printValue(const json::Value &value, unsigned depth) {
  std::string indent(depth * 2, ' ');
  if (const json::Object *object = value.asObject()) {
    for (auto &[key, member] : object->members()) {
      std::string name = escaped(key);
      for (char &c : name)
        c = c == '_' ? ' ' : c;
      printf("%s%s:", indent.c_str(), name.c_str());
      if (isScalar(member)) {
        printf(" %s\n", scalarText(member).c_str());
      } else {
        putchar('\n');
        printValue(member, depth + 1);
      }
    }
    return;
  }
  for (const json::Value &item : *value.asArray()) {
    if (isScalar(item)) {
      printf("%s%s\n", indent.c_str(), scalarText(item).c_str());
      continue;
    }
    printf("%s-\n", indent.c_str());
    printValue(item, depth + 1);
  }
}

} // namespace

Result<int> tool::explainCommand(const Arguments &arguments) {
  std::string path;
  ModelOptions options;
  bool json = false;
  CommandLine line("explain MODEL_OR_ARTEFACT [options]",
                   "How the artefact does its work: variants, kinds of layers, "
                   "phases and barriers,\nbuffers, kernels.");
  line.positional(path, "MODEL_OR_ARTEFACT");
  line.flag("--json", json, "the plan alone, as JSON");
  options.declare(line, true);
  Result<bool> go = line.parse(arguments);
  if (!go)
    return go.takeError();
  if (!*go)
    return 0;
  Result<std::string> artefactPath = artefactFor(path, options, line);
  if (!artefactPath)
    return artefactPath.takeError();
  Result<Artefact> artefact = Artefact::load(*artefactPath);
  if (!artefact)
    return artefact.takeError();
  const char *text = artefact->descriptor->plan;
  if (!text)
    return Error{path + ": holds no plan"};
  if (json) {
    puts(text);
    return 0;
  }
  Result<json::Value> plan = json::parse(text);
  if (!plan)
    return plan.takeError().within(path + ": plan");
  printCard(*artefact->descriptor);
  if (!isScalar(*plan)) {
    printf("plan:\n");
    printValue(*plan, 1);
  }
  return 0;
}
