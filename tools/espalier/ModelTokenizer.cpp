//===- ModelTokenizer.cpp - The tokenizer of a model alone ----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Compiler.h"
#include "espalier/Import/GGUF.h"
#include "espalier/Import/ModelConfig.h"
#include "espalier/Support/MappedFile.h"
#include "espalier/Support/ShortenedFiles.h"

#include <sys/stat.h>

using namespace espalier;
using namespace espalier::tool;

namespace {

Result<json::Value> readJson(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  std::span<const uint8_t> bytes = file->bytes();
  Result<json::Value> value =
      json::parse({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
  if (!value)
    return value.takeError().within(path);
  return value;
}

bool exists(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

Result<ImportedTokenizer> fromFolder(const std::string &folder) {
  if (!exists(folder + "/tokenizer.json"))
    return Error{
        folder +
        ": the model has no tokenizer: there is no "
        "tokenizer.json" +
        (exists(folder + "/tokenizer.model") || exists(folder + "/vocab.json")
             ? "; what is there is of an older form: "
               "AutoTokenizer.from_pretrained(...).save_pretrained("
               "...) of transformers makes one of it"
             : ": download it too, or give another folder")};
  Result<json::Value> tokenizer = readJson(folder + "/tokenizer.json");
  if (!tokenizer)
    return tokenizer.takeError();
  std::string configPath = folder + "/tokenizer_config.json";
  json::Value config;
  bool configured = exists(configPath);
  if (configured) {
    Result<json::Value> read = readJson(configPath);
    if (!read)
      return read.takeError();
    config = std::move(*read);
  }
  Result<ImportedTokenizer> imported =
      importTokenizerJson(*tokenizer, configured ? &config : nullptr);
  if (!imported)
    return imported.takeError().within(folder);
  return imported;
}

Result<ImportedTokenizer> fromGGUF(const std::string &path) {
  Result<GgufModel> model = GgufModel::open(path);
  if (!model)
    return model.takeError();
  Result<std::optional<GGUFTokenizer>> tokenizer =
      readGGUFTokenizer(model->gguf);
  if (!tokenizer)
    return tokenizer.takeError().within(path);
  if (!*tokenizer)
    return Error{path + ": the model has no tokenizer: the file holds none"};
  Result<ImportedTokenizer> imported = importTokenizerGGUF(**tokenizer);
  if (!imported)
    return imported.takeError().within(path);
  return imported;
}

} // namespace

Result<ImportedTokenizer> tool::tokenizerOf(const std::string &model) {
  ShortenedFileGuard guard;
  struct stat info;
  if (stat(model.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
    return fromFolder(model);
  if (model.ends_with(".json") || model.ends_with(".safetensors")) {
    size_t slash = model.rfind('/');
    return fromFolder(slash == std::string::npos ? "."
                                                 : model.substr(0, slash));
  }
  return fromGGUF(model);
}
