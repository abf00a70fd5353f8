//===- TextApi.cpp - Text to tokens and back --------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LastError.h"
#include "Model.h"

#include <cstdlib>
#include <cstring>

using namespace espalier;
using namespace espalier::runtime;

/// A copy that the caller frees with espalier_free; one byte more, which is 0.
static void *copyForCaller(const void *data, size_t bytes) {
  char *copy = static_cast<char *>(malloc(bytes + 1));
  if (!copy)
    return nullptr;
  memcpy(copy, data, bytes);
  copy[bytes] = 0;
  return copy;
}

extern "C" espalier_status espalier_tokenize(const espalier_model *model,
                                             const char *text, size_t bytes,
                                             int special, int32_t **ids,
                                             size_t *count) {
  if (!model || (!text && bytes != 0) || !ids || !count)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_tokenize: an argument is NULL");
  *ids = nullptr;
  *count = 0;
  if (espalier_status status = model->requireTokenizer())
    return status;
  Result<std::vector<int32_t>> encoded = model->tokenizer->encode(
      std::string_view(text ? text : "", bytes), special != 0);
  if (!encoded)
    return fail(ESPALIER_ERROR_ARGUMENT, encoded.error().message);
  static const int32_t none = 0;
  *ids = static_cast<int32_t *>(
      copyForCaller(encoded->empty() ? &none : encoded->data(),
                    encoded->size() * sizeof(int32_t)));
  if (!*ids)
    return fail(ESPALIER_ERROR_MEMORY, "no memory for the tokens");
  *count = encoded->size();
  return ESPALIER_OK;
}

extern "C" espalier_status espalier_detokenize(const espalier_model *model,
                                               const int32_t *ids, size_t count,
                                               int keep_special, char **text,
                                               size_t *bytes) {
  if (!model || (!ids && count != 0) || !text)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_detokenize: an argument is NULL");
  *text = nullptr;
  if (espalier_status status = model->requireTokenizer())
    return status;
  for (size_t i = 0; i < count; ++i)
    if (ids[i] < 0 || uint32_t(ids[i]) >= model->descriptor->card->vocab)
      return failf(ESPALIER_ERROR_ARGUMENT,
                   "token %zu: expected an id of 0 to %u, got %d", i,
                   model->descriptor->card->vocab - 1, ids[i]);
  std::string decoded =
      model->tokenizer->decode({ids, count}, keep_special != 0);
  *text = static_cast<char *>(copyForCaller(decoded.data(), decoded.size()));
  if (!*text)
    return fail(ESPALIER_ERROR_MEMORY, "no memory for the text");
  if (bytes)
    *bytes = decoded.size();
  return ESPALIER_OK;
}

extern "C" void espalier_free(void *memory) { free(memory); }
