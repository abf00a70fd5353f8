//===- GenerateOptions.cpp - What generation is asked for -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GenerateOptions.h"

#include "LastError.h"
#include "espalier/Support/Utf8.h"

#include <cmath>
#include <cstring>

using namespace espalier;
using namespace espalier::runtime;

extern "C" void
espalier_generate_options_init(espalier_generate_options *options) {
  if (!options)
    return;
  *options = {};
  options->size = sizeof(*options);
  options->top_p = 1.0f;
  options->typical_p = 1.0f;
  options->repeat_penalty = 1.0f;
  options->repeat_last_n = 64;
  options->dry_base = 1.75f;
  options->dry_allowed_length = 2;
  options->dry_last_n = -1;
}

static espalier_status refuse(const char *name, const char *expected,
                              double got) {
  return failf(ESPALIER_ERROR_ARGUMENT, "%s: expected %s, got %g", name,
               expected, got);
}

static espalier_status checkNumbers(const espalier_generate_options &o) {
  if (!(o.temperature >= 0) || !std::isfinite(o.temperature))
    return refuse("temperature", "0 or more", o.temperature);
  if (!(o.top_p > 0 && o.top_p <= 1))
    return refuse("top_p", "more than 0 and at most 1", o.top_p);
  if (!(o.min_p >= 0 && o.min_p <= 1))
    return refuse("min_p", "0 to 1", o.min_p);
  if (!(o.typical_p > 0 && o.typical_p <= 1))
    return refuse("typical_p", "more than 0 and at most 1", o.typical_p);
  if (!(o.repeat_penalty > 0) || !std::isfinite(o.repeat_penalty))
    return refuse("repeat_penalty", "more than 0", o.repeat_penalty);
  if (!std::isfinite(o.frequency_penalty))
    return refuse("frequency_penalty", "a number", o.frequency_penalty);
  if (!std::isfinite(o.presence_penalty))
    return refuse("presence_penalty", "a number", o.presence_penalty);
  if (o.repeat_last_n < -1)
    return refuse("repeat_last_n", "-1 or more", o.repeat_last_n);
  if (!(o.dry_multiplier >= 0) || !std::isfinite(o.dry_multiplier))
    return refuse("dry_multiplier", "0 or more", o.dry_multiplier);
  if (!(o.dry_base >= 1) || !std::isfinite(o.dry_base))
    return refuse("dry_base", "1 or more", o.dry_base);
  if (o.dry_allowed_length < 1)
    return refuse("dry_allowed_length", "1 or more", o.dry_allowed_length);
  if (o.dry_last_n < -1)
    return refuse("dry_last_n", "-1 or more", o.dry_last_n);
  return ESPALIER_OK;
}

static espalier_status checkTexts(const char *name, const char *const *texts,
                                  uint32_t count, const espalier_model &model) {
  constexpr uint32_t mostTexts = 64, mostBytes = 1024;
  if (count == 0)
    return ESPALIER_OK;
  if (espalier_status status = model.requireTokenizer())
    return status;
  if (count > mostTexts || !texts)
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "%s: expected at most %u texts, got %u", name, mostTexts,
                 texts ? count : 0);
  for (uint32_t i = 0; i < count; ++i) {
    size_t bytes = texts[i] ? strlen(texts[i]) : 0;
    if (bytes == 0 || bytes > mostBytes)
      return failf(ESPALIER_ERROR_ARGUMENT,
                   "%s: text %u: expected 1 to %u bytes, got %zu", name, i,
                   mostBytes, bytes);
    if (!isValidUtf8({texts[i], bytes}))
      return failf(ESPALIER_ERROR_ARGUMENT,
                   "%s: text %u: expected UTF-8, got other bytes", name, i);
  }
  return ESPALIER_OK;
}

static espalier_status checkToken(const char *name, int32_t token,
                                  uint32_t vocabulary) {
  if (token >= 0 && uint32_t(token) < vocabulary)
    return ESPALIER_OK;
  return failf(ESPALIER_ERROR_ARGUMENT, "%s: expected an id of 0 to %u, got %d",
               name, vocabulary - 1, token);
}

static espalier_status checkTokens(const espalier_generate_options &o,
                                   uint32_t vocabulary) {
  if ((o.logit_bias_count != 0 && !o.logit_bias) ||
      (o.end_token_count != 0 && !o.end_tokens))
    return fail(ESPALIER_ERROR_ARGUMENT,
                "logit_bias, end_tokens: expected a list, got NULL");
  for (uint32_t i = 0; i < o.logit_bias_count; ++i) {
    const espalier_logit_bias &bias = o.logit_bias[i];
    if (espalier_status status =
            checkToken("logit_bias", bias.token, vocabulary))
      return status;
    if (!(bias.bias < INFINITY))
      return refuse("logit_bias", "a number or -infinity", bias.bias);
  }
  for (uint32_t i = 0; i < o.end_token_count; ++i)
    if (espalier_status status =
            checkToken("end_tokens", o.end_tokens[i], vocabulary))
      return status;
  if (o.logprobs > vocabulary)
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "logprobs: expected at most the vocabulary's %u, got %u",
                 vocabulary, o.logprobs);
  return ESPALIER_OK;
}

espalier_status runtime::checkOptions(const espalier_generate_options &options,
                                      const espalier_model &model) {
  if (espalier_status status = checkStructSize(options.size, sizeof(options),
                                               "espalier_generate_options"))
    return status;
  if (espalier_status status = checkNumbers(options))
    return status;
  if (espalier_status status =
          checkTexts("stops", options.stops, options.stop_count, model))
    return status;
  if (espalier_status status = checkTexts("dry_breakers", options.dry_breakers,
                                          options.dry_breaker_count, model))
    return status;
  return checkTokens(options, model.descriptor->card->vocab);
}
