//===- ModelImport.cpp - A model file to an xf module ---------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/ModelImport.h"

#include "ModelBuilder.h"
#include "espalier/Support/MappedFile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cmath>

using namespace mlir;

namespace espalier {
namespace {

std::string_view textOf(const MappedFile &file) {
  return {reinterpret_cast<const char *>(file.bytes().data()),
          file.bytes().size()};
}

std::string inFolder(const std::string &folder, llvm::StringRef name) {
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, name);
  return std::string(path);
}

std::string fileName(const std::string &path) {
  llvm::StringRef trimmed = llvm::StringRef(path).rtrim('/');
  return llvm::sys::path::filename(trimmed).str();
}

/// The JSON files of a folder.
struct Folder {
  std::string path;
  std::vector<std::string> *read;

  /// Nothing where the file does not exist. A link that leaves the folder is
  /// refused.
  Result<std::optional<MappedFile>> open(const char *name) const {
    std::string file = inFolder(path, name);
    if (!llvm::sys::fs::exists(file))
      return std::optional<MappedFile>();
    Result<std::string> resolved = resolveInFolder(path, name);
    if (!resolved)
      return resolved.takeError();
    Result<MappedFile> mapped = MappedFile::open(*resolved);
    if (!mapped)
      return mapped.takeError();
    read->push_back(*resolved);
    return std::optional<MappedFile>(std::move(*mapped));
  }

  Result<std::optional<json::Value>> json(const char *name,
                                          size_t largest) const {
    Result<std::optional<MappedFile>> file = open(name);
    if (!file)
      return file.takeError();
    if (!*file)
      return std::optional<json::Value>();
    json::Limits limits;
    limits.bytes = largest;
    Result<json::Value> value = json::parse(textOf(**file), limits);
    if (!value)
      return value.takeError().within(inFolder(path, name));
    return std::optional<json::Value>(std::move(*value));
  }
};

constexpr size_t configLimit = 16 << 20, tokenizerLimit = 256 << 20;

/// The module, once the figures are known.
Status buildModule(ImportedModel &model, llvm::ArrayRef<float> divisors,
                   const std::string &source, MLIRContext &context) {
  const Family *family = findFamily(model.config.family);
  if (!family || (model.tensors.isGGUF() && !family->inGGUF))
    return Error{"'model_type': \"" + model.config.family.substr(0, 80) +
                 "\" is not supported; " + familyNames() + " are"};
  context.loadDialect<arith::ArithDialect, func::FuncDialect,
                      tensor::TensorDialect, xf::XFDialect>();
  ModelBuilder builder(model.config, *family, model.tensors, divisors,
                       &context);
  if (Status s = builder.check(); !s)
    return s;
  model.module = builder.build(builder.defaultCacheElement(), source);
  if (failed(verify(*model.module)))
    return Error{"the imported module does not verify; this is a bug"};
  return {};
}

void checkVocabulary(ImportedModel &model) {
  ImportedTokenizer &tokenizer = model.tokenizer;
  if (!tokenizer.supported() || tokenizer.vocabulary <= model.config.vocab)
    return;
  tokenizer.missing = "the tokenizer has " +
                      std::to_string(tokenizer.vocabulary) +
                      " tokens, more than the model's vocabulary of " +
                      std::to_string(model.config.vocab);
  tokenizer.tables.clear();
}

//===----------------------------------------------------------------------===//
// Hugging Face
//===----------------------------------------------------------------------===//

Status readText(const Folder &folder, ImportedModel &model) {
  Result<std::optional<json::Value>> config =
      folder.json("tokenizer_config.json", configLimit);
  if (!config)
    return config.takeError();
  Result<std::optional<json::Value>> tokenizer =
      folder.json("tokenizer.json", tokenizerLimit);
  if (!tokenizer)
    return tokenizer.takeError();
  if (!*tokenizer) {
    model.tokenizer.missing = "the model has no tokenizer.json";
  } else {
    Result<ImportedTokenizer> imported =
        importTokenizerJson(**tokenizer, *config ? &**config : nullptr);
    if (!imported)
      return imported.takeError().within(folder.path);
    model.tokenizer = std::move(*imported);
    checkVocabulary(model);
  }
  Result<std::optional<MappedFile>> chat = folder.open("chat_template.jinja");
  if (!chat)
    return chat.takeError();
  Result<std::optional<json::Value>> special =
      folder.json("special_tokens_map.json", configLimit);
  if (!special)
    return special.takeError();
  std::string_view jinja = *chat ? textOf(**chat) : std::string_view();
  model.chat =
      readChatTemplate(*chat ? &jinja : nullptr, *config ? &**config : nullptr,
                       *special ? &**special : nullptr);
  return {};
}

Result<ImportedModel> importFolder(const std::string &path,
                                   const std::string &weights,
                                   MLIRContext &context,
                                   const ImportOptions &options) {
  ImportedModel model;
  Folder folder{path, &model.files};
  std::string configPath = inFolder(path, "config.json");
  Result<std::optional<json::Value>> config =
      folder.json("config.json", configLimit);
  if (!config)
    return config.takeError();
  if (!*config)
    return Error{configPath + ": expected the configuration of a model, but "
                              "there is no such file: give the folder that "
                              "holds it, or a GGUF file"};
  Result<std::optional<json::Value>> generation =
      folder.json("generation_config.json", configLimit);
  if (!generation)
    return generation.takeError();
  Result<ModelConfig> figures =
      readHuggingFaceConfig(**config, *generation ? &**generation : nullptr);
  if (!figures)
    return figures.takeError().within(configPath);
  model.config = std::move(*figures);
  if (options.randomWeights) {
    model.tensors = TensorSource::madeUp(
        options.seed, model.config.declaredType.value_or(Encoding::BF16));
  } else {
    Result<Checkpoint> checkpoint = Checkpoint::open(weights);
    if (!checkpoint)
      return checkpoint.takeError();
    for (const SafeTensorsFile &file : checkpoint->files())
      model.files.push_back(file.file().path());
    model.tensors = TensorSource(std::move(*checkpoint));
  }
  if (Status s = readText(folder, model); !s)
    return s.takeError();
  if (Status s = buildModule(model, {}, fileName(path), context); !s)
    return s.takeError().within(path);
  return model;
}

//===----------------------------------------------------------------------===//
// GGUF
//===----------------------------------------------------------------------===//

/// The divisors of the frequencies that llama 3 files carry as a tensor.
Result<std::vector<float>> ropeDivisors(const GgufFile &file,
                                        const ModelConfig &config) {
  const GgufTensor *tensor = file.findTensor("rope_freqs.weight");
  if (!tensor)
    return std::vector<float>();
  std::string name = "tensor 'rope_freqs.weight': ";
  Result<Encoding> encoding = file.encoding(*tensor);
  if (!encoding)
    return encoding.takeError();
  if (*encoding != Encoding::F32 ||
      tensor->dims != std::vector<uint64_t>{config.headDim / 2})
    return Error{name + "expected a vector of " +
                 std::to_string(config.headDim / 2) + " F32 numbers"};
  Result<std::span<const uint8_t>> data = file.data(*tensor);
  if (!data)
    return data.takeError();
  std::vector<float> divisors(config.headDim / 2);
  std::memcpy(divisors.data(), data->data(), divisors.size() * sizeof(float));
  for (float divisor : divisors)
    if (!(divisor > 0) || !std::isfinite(divisor))
      return Error{name + "expected positive numbers"};
  return divisors;
}

Result<ImportedModel> importGGUF(const std::string &path,
                                 MLIRContext &context) {
  Result<GgufModel> file = GgufModel::open(path);
  if (!file)
    return file.takeError();
  ImportedModel model;
  model.files.push_back(path);
  Result<ModelConfig> figures = readGGUFConfig(file->gguf);
  if (!figures)
    return figures.takeError().within(path);
  model.config = std::move(*figures);
  Result<std::vector<float>> divisors = ropeDivisors(file->gguf, model.config);
  if (!divisors)
    return divisors.takeError().within(path);

  Result<std::optional<GGUFTokenizer>> tokenizer =
      readGGUFTokenizer(file->gguf);
  if (!tokenizer)
    return tokenizer.takeError().within(path);
  if (!*tokenizer) {
    model.tokenizer.missing = "the file holds no tokenizer";
  } else {
    Result<ImportedTokenizer> imported = importTokenizerGGUF(**tokenizer);
    if (!imported)
      return imported.takeError().within(path);
    model.tokenizer = std::move(*imported);
    checkVocabulary(model);
  }
  Result<ChatTemplate> chat = readChatTemplate(file->gguf);
  if (!chat)
    return chat.takeError().within(path);
  model.chat = std::move(*chat);
  model.tensors = TensorSource(std::move(*file));
  if (Status s = buildModule(model, *divisors, fileName(path), context); !s)
    return s.takeError().within(path);
  return model;
}

/// Whether the file begins as a GGUF file does, whatever its name.
bool looksLikeGGUF(const MappedFile &file) {
  return textOf(file).substr(0, 4) == "GGUF";
}

} // namespace

Result<ImportedModel> importModel(const std::string &path, MLIRContext &context,
                                  const ImportOptions &options) {
  if (llvm::sys::fs::is_directory(path))
    return importFolder(path, path, context, options);
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  if (looksLikeGGUF(*file)) {
    if (options.randomWeights)
      return Error{path + ": random weights are made up from a config.json, "
                          "got a GGUF file"};
    return importGGUF(path, context);
  }
  std::string folder = llvm::sys::path::parent_path(path).str();
  if (folder.empty())
    folder = ".";
  std::string name = fileName(path);
  if (name == "config.json")
    return importFolder(folder, folder, context, options);
  if (llvm::StringRef(name).ends_with(".safetensors"))
    return importFolder(folder, path, context, options);
  return Error{path + ": expected a Hugging Face folder, its config.json or "
                      "model.safetensors, or a GGUF file"};
}

} // namespace espalier
