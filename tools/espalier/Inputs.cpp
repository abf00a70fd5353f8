//===- Inputs.cpp - What evaluation reads ---------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Inputs.h"
#include "espalier/Support/MappedFile.h"

#include <cstdio>

using namespace espalier;
using namespace espalier::tool;

static Result<std::string> readAll(FILE *file, const std::string &name) {
  std::string text;
  char buffer[1 << 16];
  while (size_t bytes = fread(buffer, 1, sizeof(buffer), file))
    text.append(buffer, bytes);
  if (ferror(file))
    return Error{name + ": cannot be read"};
  return text;
}

Result<std::string> tool::readText(const std::string &path) {
  // Not mapped: it may be a pipe.
  FILE *file = fopen(path.c_str(), "rb");
  if (!file)
    return Error{path + ": cannot be opened"};
  Result<std::string> text = readAll(file, path);
  fclose(file);
  return text;
}

Result<std::string> tool::readStandardInput() {
  return readAll(stdin, "standard input");
}

Result<std::vector<int32_t>>
tool::readIds(const json::Value &value, const std::string &what, bool keyed) {
  const json::Value *list = &value;
  if (keyed && value.asObject())
    list = value.find("prompt_ids");
  const json::Array *array = list ? list->asArray() : nullptr;
  if (!array)
    return Error{what + ": expected a list of ids" +
                 (keyed ? ", or an object with one under \"prompt_ids\"" : "")};
  std::vector<int32_t> ids;
  for (size_t i = 0; i < array->size(); ++i) {
    std::optional<uint64_t> id = (*array)[i].asUnsigned();
    if (!id || *id > INT32_MAX)
      return Error{what + ": item " + std::to_string(i) +
                   ": expected a token id of 0 to 2147483647"};
    ids.push_back(int32_t(*id));
  }
  return ids;
}

Result<std::vector<int32_t>> tool::readIdsFile(const std::string &path) {
  Result<std::string> text = readText(path);
  if (!text)
    return text.takeError();
  Result<json::Value> value = json::parse(*text);
  if (!value)
    return value.takeError().within(path);
  return readIds(*value, path, true);
}

std::string tool::printIds(const std::vector<int32_t> &ids) {
  std::string out = "[";
  for (int32_t id : ids)
    out += (out.size() > 1 ? ", " : "") + std::to_string(id);
  return out + "]";
}
