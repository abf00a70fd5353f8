//===- Inspect.cpp - espalier inspect -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Artefact.h"
#include "Commands.h"
#include "Describe.h"
#include "espalier/Import/Checkpoint.h"
#include "espalier/Import/GGUF.h"
#include "espalier/Support/Hash.h"
#include "espalier/Support/ShortenedFiles.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>

using namespace espalier;
using namespace espalier::tool;

namespace {

std::string shapeText(const std::vector<uint64_t> &shape) {
  std::string out = "[";
  for (uint64_t extent : shape)
    out += (out.size() > 1 ? ", " : "") + std::to_string(extent);
  return out + "]";
}

/// Counts what is printed of each tensor of a model.
struct TensorList {
  bool verify;
  uint64_t count = 0, elements = 0, bytes = 0;

  void print(std::string_view name, std::string_view type,
             const std::vector<uint64_t> &shape,
             std::span<const uint8_t> data) {
    uint64_t total = 1;
    for (uint64_t extent : shape)
      total *= extent;
    ++count;
    elements += total;
    bytes += data.size();
    printf("  %-48s %-6s %-16s %12zu bytes", escaped(name).c_str(),
           std::string(type).c_str(), shapeText(shape).c_str(), data.size());
    if (verify)
      printf("  xxh3 %s", hash128(data).hex().c_str());
    putchar('\n');
  }
  void printTotals() const {
    printf("%" PRIu64 " tensors, %" PRIu64 " elements, %" PRIu64 " bytes%s\n",
           count, elements, bytes, verify ? ", all read" : "");
  }
};

Status inspectCheckpoint(const std::string &path, bool verify) {
  Result<Checkpoint> checkpoint = Checkpoint::open(path);
  if (!checkpoint)
    return checkpoint.takeError();
  printf("safetensors checkpoint, %zu file%s\n", checkpoint->files().size(),
         checkpoint->files().size() == 1 ? "" : "s");
  for (const SafeTensorsFile &file : checkpoint->files())
    for (auto &[key, value] : file.header().metadata)
      printf("  metadata %s: %s\n", escaped(key).c_str(),
             shortened(value).c_str());
  TensorList list{verify};
  for (auto &[name, tensor] : checkpoint->tensors())
    list.print(name, dtypeName(tensor.dtype), tensor.shape, tensor.bytes);
  list.printTotals();
  return verify ? checkpoint->unchanged() : Status();
}

std::string valueText(const GgufValue &value) {
  if (std::optional<std::string_view> text = value.asString())
    return shortened(*text);
  if (std::optional<bool> truth = value.asBool())
    return *truth ? "true" : "false";
  if (std::optional<int64_t> number = value.asInteger())
    return std::to_string(*number);
  if (std::optional<uint64_t> number = value.asUnsigned())
    return std::to_string(*number);
  if (std::optional<double> number = value.asFloat()) {
    char text[32];
    snprintf(text, sizeof(text), "%g", *number);
    return text;
  }
  return "(" + value.describe() + ")";
}

Status inspectGguf(const std::string &path, bool verify) {
  Result<GgufModel> model = GgufModel::open(path);
  if (!model)
    return model.takeError();
  printf("GGUF version %u\n", model->gguf.version());
  for (auto &[key, value] : model->gguf.metadata())
    printf("  %s: %s\n", escaped(key).c_str(), valueText(value).c_str());
  TensorList list{verify};
  for (const GgufTensor &tensor : model->gguf.tensors()) {
    // Of any type, also those that cannot be compiled; the parser has checked
    // that they lie in the file.
    std::span<const uint8_t> data = model->file.bytes().subspan(
        size_t(model->gguf.dataOffset() + tensor.offset), size_t(tensor.size));
    list.print(tensor.name, ggmlTypeName(tensor.type), tensor.shape(), data);
  }
  list.printTotals();
  return verify ? model->file.unchanged() : Status();
}

Status inspectArtefact(const std::string &path, bool verify) {
  Result<Artefact> artefact = Artefact::load(path);
  if (!artefact)
    return artefact.takeError();
  const espalier_descriptor &descriptor = *artefact->descriptor;
  printCard(descriptor);
  printf("weights: %s, %" PRIu64 " bytes of data in %" PRIu64 " tensors\n",
         escaped(descriptor.weights_file).c_str(), descriptor.data_bytes,
         descriptor.tensor_count);
  for (uint64_t i = 0; i < descriptor.tensor_count; ++i) {
    const espalier_tensor &tensor = descriptor.tensors[i];
    printf("  %-48s at %12" PRIu64 " %12" PRIu64 " bytes\n",
           escaped(tensor.name).c_str(), tensor.offset, tensor.size);
  }
  if (!verify)
    return {};
  Result<Model> model = openModel(*artefact, 1, 0);
  if (!model)
    return model.takeError();
  if (espalier_verify(model->get()) != ESPALIER_OK)
    return lastError();
  printf("verified: every tensor has the hash that it was compiled with\n");
  return {};
}

bool isGguf(const std::string &path) {
  char magic[4] = {};
  FILE *file = fopen(path.c_str(), "rb");
  if (!file)
    return false;
  bool found = fread(magic, 1, 4, file) == 4 && !memcmp(magic, "GGUF", 4);
  fclose(file);
  return found;
}

} // namespace

Result<int> tool::inspectCommand(const Arguments &arguments) {
  std::string path;
  bool verify = false;
  CommandLine line("inspect MODEL_OR_ARTEFACT [--verify]",
                   "What a model or an artefact holds.");
  line.positional(path, "MODEL_OR_ARTEFACT");
  line.flag("--verify", verify,
            "read all weights: an artefact's are compared\nwith their hashes, "
            "a model's are hashed");
  Result<bool> go = line.parse(arguments);
  if (!go)
    return go.takeError();
  if (!*go)
    return 0;
  Result<InputKind> kind = inputKind(path);
  if (!kind)
    return kind.takeError();
  std::optional<ShortenedFileGuard> guard;
  if (*kind == InputKind::Model)
    guard.emplace();
  Status status = *kind == InputKind::Artefact ? inspectArtefact(path, verify)
                  : isGguf(path) ? inspectGguf(path, verify)
                                 : inspectCheckpoint(path, verify);
  if (!status)
    return status.takeError();
  return 0;
}
