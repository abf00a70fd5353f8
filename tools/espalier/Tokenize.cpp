//===- Tokenize.cpp - espalier tokenize -----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Artefact.h"
#include "Commands.h"
#include "Compiler.h"
#include "Inputs.h"
#include "Text/Tokenizer.h"

#include <cstdio>
#include <cstring>

using namespace espalier;
using namespace espalier::tool;

namespace {

struct Tables {
  /// Keeps the tables of a model aligned; those of an artefact lie in it.
  std::vector<uint64_t> storage;
  std::span<const uint8_t> bytes;
};

Result<Tables> tablesOf(const std::string &path) {
  Result<InputKind> kind = inputKind(path);
  if (!kind)
    return kind.takeError();
  Tables tables;
  if (*kind == InputKind::Artefact) {
    Result<Artefact> artefact = Artefact::load(path);
    if (!artefact)
      return artefact.takeError();
    const espalier_descriptor *descriptor = artefact->descriptor;
    if (!descriptor->tokenizer)
      return Error{path + ": the model has no tokenizer: " +
                   (descriptor->tokenizer_missing
                        ? descriptor->tokenizer_missing
                        : "none was compiled in")};
    tables.bytes = {descriptor->tokenizer, size_t(descriptor->tokenizer_bytes)};
    return tables;
  }
  Result<ImportedTokenizer> imported = tokenizerOf(path);
  if (!imported)
    return imported.takeError();
  if (!imported->supported())
    return Error{path + ": " + imported->missing};
  tables.storage.resize((imported->tables.size() + 7) / 8);
  memcpy(tables.storage.data(), imported->tables.data(),
         imported->tables.size());
  tables.bytes = {reinterpret_cast<const uint8_t *>(tables.storage.data()),
                  imported->tables.size()};
  return tables;
}

struct Request {
  bool noSpecial = false, decode = false, keepSpecial = false, json = false;
};

/// One text to the ids, or ids to text, as JSON.
Result<std::string> convert(const text::Tokenizer &tokenizer,
                            const Request &request, const json::Value &item,
                            const std::string &what) {
  if (request.decode) {
    Result<std::vector<int32_t>> ids = readIds(item, what, false);
    if (!ids)
      return ids.takeError();
    return json::quote(tokenizer.decode(*ids, request.keepSpecial));
  }
  const std::string *text = item.asString();
  if (!text)
    return Error{what + ": expected a string, got " +
                 std::string(json::kindName(item.kind()))};
  Result<std::vector<int32_t>> ids =
      tokenizer.encode(*text, !request.noSpecial);
  if (!ids)
    return ids.takeError().within(what);
  return printIds(*ids);
}

/// A list of items in, the list of results out.
Result<std::string> convertList(const text::Tokenizer &tokenizer,
                                const Request &request,
                                const std::string &input) {
  Result<json::Value> value = json::parse(input);
  if (!value)
    return value.takeError().within("standard input");
  const json::Array *items = value->asArray();
  if (!items)
    return Error{"standard input: expected a JSON list of " +
                 std::string(request.decode ? "lists of ids" : "strings")};
  std::string out = "[";
  for (size_t i = 0; i < items->size(); ++i) {
    Result<std::string> one =
        convert(tokenizer, request, (*items)[i],
                "standard input: item " + std::to_string(i));
    if (!one)
      return one.takeError();
    out += (i == 0 ? "" : ",\n ") + *one;
  }
  return out + "]\n";
}

Result<std::string> convertOne(const text::Tokenizer &tokenizer,
                               const Request &request,
                               const std::string &input) {
  if (!request.decode) {
    Result<std::vector<int32_t>> ids =
        tokenizer.encode(input, !request.noSpecial);
    if (!ids)
      return ids.takeError().within("standard input");
    return printIds(*ids) + "\n";
  }
  Result<json::Value> value = json::parse(input);
  if (!value)
    return value.takeError().within("standard input");
  Result<std::vector<int32_t>> ids = readIds(*value, "standard input", false);
  if (!ids)
    return ids.takeError();
  // Exactly the text: a newline would be one more than the ids say.
  return tokenizer.decode(*ids, request.keepSpecial);
}

} // namespace

Result<int> tool::tokenizeCommand(const Arguments &arguments) {
  std::string path;
  Request request;
  CommandLine line("tokenize MODEL_OR_ARTEFACT [options]",
                   "Text on standard input to a JSON list of token ids, and "
                   "back.");
  line.positional(path, "MODEL_OR_ARTEFACT");
  line.flag("--no-special", request.noSpecial,
            "without the special tokens that are put around a\ntext");
  line.flag("--decode", request.decode, "ids to text");
  line.flag("--keep-special", request.keepSpecial,
            "with --decode: special tokens are kept");
  line.flag("--json", request.json,
            "a JSON list of strings (of lists of ids) in, the\nlist of results "
            "out");
  Result<bool> go = line.parse(arguments);
  if (!go)
    return go.takeError();
  if (!*go)
    return 0;
  if (request.keepSpecial && !request.decode)
    return Error{"--keep-special: only with --decode"};
  if (request.noSpecial && request.decode)
    return Error{"--no-special: not with --decode, which leaves special tokens "
                 "out unless --keep-special"};
  Result<Tables> tables = tablesOf(path);
  if (!tables)
    return tables.takeError();
  Result<text::Tokenizer> tokenizer = text::Tokenizer::load(tables->bytes);
  if (!tokenizer)
    return tokenizer.takeError().within(path);
  Result<std::string> input = readStandardInput();
  if (!input)
    return input.takeError();
  Result<std::string> output = request.json
                                   ? convertList(*tokenizer, request, *input)
                                   : convertOne(*tokenizer, request, *input);
  if (!output)
    return output.takeError();
  fwrite(output->data(), 1, output->size(), stdout); // main sees to failures
  return 0;
}
