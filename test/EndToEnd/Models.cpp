//===- Models.cpp - Models compiled for the tests -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Models.h"

#include "Commands.h"
#include "Compiler.h"
#include "espalier/Support/MappedFile.h"
#include "espalier/Support/Npy.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <unistd.h>

using namespace espalier;
using namespace espalier::e2e;

namespace fs = std::filesystem;

// The compiler seeks the runtime's archives from here.
std::string tool::programPath() {
  char path[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  return size > 0 && size < ssize_t(sizeof(path))
             ? std::string(path, size_t(size))
             : "espalier-unit-e2e";
}

std::string Config::label() const {
  std::string text = fs::path(model).filename().string() + "_" + activations +
                     "_kv_" + kvType + (wideKernels ? "_wide" : "");
  for (char &c : text)
    if (!isalnum((unsigned char)c))
      c = '_';
  return text;
}

void e2e::PrintTo(const Config &config, std::ostream *os) {
  *os << config.label();
}

const std::vector<std::string> &e2e::goldenModels() {
  static const std::vector<std::string> names = {
      "llama",      "llama-legacy-config", "llama3-rope",    "qwen2",
      "rope-yarn",  "rope-linear",         "gguf-f32",       "gguf-f16",
      "gguf-bf16",  "gguf-q8_0",           "gguf-q4_0",      "gguf-q4_1",
      "gguf-mixed", "gguf-yarn",           "gguf-rope-freqs"};
  return names;
}

const std::vector<std::string> &e2e::familyModels() {
  // The goldens whose rope is stretched have tests of their own, since their
  // context counts.
  // clang-format off
  static const std::vector<std::string> names = {
      "bloom", "cohere", "falcon", "falcon-alibi", "falcon-new", "falcon-serial", "gemma",
      "gemma2", "gemma3", "gemma3-text", "glm4", "gpt2", "gpt_neox",
      "gpt_neox-serial", "granite", "llama-odd", "mistral", "mixtral",
      "mixtral-fused", "nemotron", "olmo2", "olmoe", "opt", "phi", "phi3", "qwen2-window", "qwen3", "qwen3-odd",
      "qwen3_moe", "qwen3_moe-stacked", "smollm3", "stablelm", "stablelm-parallel", "starcoder2"};
  // clang-format on
  return names;
}

const std::vector<std::string> &e2e::bundledModels() {
  static const std::vector<std::string> names = {"stories-5.5m",
                                                 "stories-draft-0.9m"};
  return names;
}

bool e2e::isQuantised(const std::string &model) {
  return model.starts_with("gguf-q") || model == "gguf-mixed" ||
         model == "gguf-yarn" || model == "gguf-rope-freqs" ||
         model.find("Q4_1") != std::string::npos;
}

std::vector<Config> e2e::allConfigs() {
  std::vector<Config> configs;
  for (const auto *models : {&goldenModels(), &bundledModels()})
    for (const std::string &model : *models)
      for (const char *kv : {"f16", "f32"})
        for (const char *activations : {"auto", "f32"})
          if (isQuantised(model) || std::string("auto") == activations)
            configs.push_back({model, activations, kv});
  return configs;
}

std::vector<Config> e2e::familyConfigs() {
  std::vector<Config> configs;
  for (size_t i = 0; i < familyModels().size(); ++i)
    configs.push_back({familyModels()[i], "auto", i % 2 ? "f32" : "f16"});
  return configs;
}

std::string e2e::modelFolder(const std::string &model) {
  auto isIn = [&](const std::vector<std::string> &names) {
    return std::find(names.begin(), names.end(), model) != names.end();
  };
  if (isIn(goldenModels()) || isIn(familyModels()))
    return ESPALIER_TEST_INPUTS "/goldens/" + model;
  if (isIn(bundledModels()))
    return ESPALIER_MODELS "/" + model;
  return model;
}

std::string e2e::modelPath(const std::string &model) {
  std::string folder = modelFolder(model);
  return model.starts_with("gguf-") ? folder + "/model.gguf" : folder;
}

std::optional<std::string> e2e::smolLM2() {
  if (const char *given = getenv("ESPALIER_SMOLLM2"))
    return given;
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  std::string path =
      (cache && *cache ? cache : std::string(home ? home : "") + "/.cache") +
      "/espalier/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (access(path.c_str(), R_OK) == 0)
    return path;
  return std::nullopt;
}

namespace {

struct Scratch {
  Scratch() {
    std::string pattern =
        (fs::temp_directory_path() / "espalier-e2e-XXXXXX").string();
    if (!mkdtemp(pattern.data()))
      abort();
    folder = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  std::string folder;
};

} // namespace

const std::string &e2e::scratchFolder() {
  static Scratch scratch;
  return scratch.folder;
}

Result<std::string> e2e::compiled(const Config &config) {
  static std::map<Config, std::string> libraries;
  std::string &library = libraries[config];
  if (!library.empty())
    return library;
  std::string path = scratchFolder() + "/" + config.label() + ".so";
  tool::CompileRequest request;
  request.model = modelPath(config.model);
  request.output = path;
  request.emit = "shared";
  request.name = "m_" + config.label();
  request.options.activations = config.activations;
  request.options.kvType = config.kvType;
  request.wideKernelsForAVX2 = config.wideKernels;
  Result<tool::CompileSummary> summary = tool::compileModel(request);
  if (!summary)
    return summary.takeError();
  return library = path;
}

Result<std::string> e2e::longModel() {
  std::string folder = scratchFolder() + "/llama-long";
  std::error_code code;
  fs::create_directories(folder, code);
  std::string source = modelFolder("llama");
  Result<std::string> text = readFile(source + "/config.json");
  if (!text)
    return text;
  const std::string key = "\"max_position_embeddings\": ";
  size_t at = text->find(key + "256");
  if (at == std::string::npos)
    return Error{source + ": expected 256 positions"};
  text->replace(at, key.size() + 3, key + "1280");
  if (Status status = writeFile(folder + "/config.json", *text); !status)
    return status.takeError();
  fs::copy_file(source + "/model.safetensors", folder + "/model.safetensors",
                fs::copy_options::overwrite_existing, code);
  if (code)
    return Error{folder + ": " + code.message()};
  return folder;
}

Result<std::string> e2e::readFile(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  return std::string(reinterpret_cast<const char *>(file->bytes().data()),
                     file->bytes().size());
}

Result<json::Value> e2e::readJson(const std::string &path) {
  Result<std::string> text = readFile(path);
  if (!text)
    return text.takeError();
  Result<json::Value> value = json::parse(*text);
  if (!value)
    return value.takeError().within(path);
  return value;
}

std::vector<int32_t> e2e::integers(const json::Value *list) {
  std::vector<int32_t> out;
  if (list && list->asArray())
    for (const json::Value &value : *list->asArray())
      out.push_back(int32_t(*value.asInteger()));
  return out;
}
