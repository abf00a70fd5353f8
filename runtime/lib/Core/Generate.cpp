//===- Generate.cpp - Text from a prompt ------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FloatingPointState.h"
#include "LastError.h"
#include "Sampling.h"
#include "Session.h"

#include <cmath>
#include <ctime>
#include <optional>

using namespace espalier;
using namespace espalier::runtime;

namespace {

double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

/// One call of espalier_generate.
class Generation {
public:
  Generation(espalier_session &session,
             const espalier_generate_options &options,
             espalier_token_callback callback, void *user)
      : session(session), options(options), callback(callback), user(user),
        sampler(options) {
    if (session.model.tokenizer)
      decoder.emplace(*session.model.tokenizer);
  }

  espalier_status run(const int32_t *prompt, uint32_t count);

  uint32_t newTokens = 0;
  double promptSeconds = 0, decodeSeconds = 0;

private:
  espalier_status feed(const int32_t *tokens, uint32_t count);
  bool isEnd(int32_t token) const;
  bool isLast() const;
  espalier_status deliver(int32_t token, bool finish);

  espalier_session &session;
  const espalier_generate_options &options;
  espalier_token_callback callback;
  void *user;
  Sampler sampler;
  std::optional<text::StreamDecoder> decoder;
  Reservation logits;
};

} // namespace

/// Steps `tokens` and leaves the logits of the last.
espalier_status Generation::feed(const int32_t *tokens, uint32_t count) {
  uint32_t last = count - 1;
  espalier_step_request request = {};
  request.size = sizeof(request);
  request.count = count;
  request.tokens = tokens;
  request.wanted_count = 1;
  request.wanted = &last;
  request.logits = reinterpret_cast<float *>(logits.data());
  return session.runChain(request);
}

bool Generation::isEnd(int32_t token) const {
  const espalier_model_card &card = *session.model.descriptor->card;
  for (uint32_t i = 0; i < card.eos_count; ++i)
    if (card.eos_tokens[i] == token)
      return true;
  return false;
}

/// Whether the token just counted is the last, whatever it is.
bool Generation::isLast() const {
  return newTokens == options.max_tokens ||
         session.length >= session.model.context;
}

espalier_status Generation::deliver(int32_t token, bool finish) {
  std::string text;
  if (decoder && token >= 0)
    text = decoder->push(token);
  if (decoder && finish)
    text += decoder->finish();
  if (token < 0 && text.empty())
    return ESPALIER_OK;
  if (callback && callback(user, token, text.c_str(), text.size()) != 0)
    return fail(ESPALIER_CANCELLED, "stopped by the callback");
  return ESPALIER_OK;
}

espalier_status Generation::run(const int32_t *prompt, uint32_t count) {
  uint32_t vocabulary = session.model.descriptor->card->vocab;
  if (espalier_status status =
          logits.reserve(uint64_t(vocabulary) * sizeof(float), "logits"))
    return status;
  double begin = now();
  if (espalier_status status = feed(prompt, count))
    return status;
  double decodeBegin = now();
  promptSeconds = decodeBegin - begin;
  for (;;) {
    std::optional<int32_t> token;
    {
      FloatingPointState state;
      token = sampler.next(reinterpret_cast<const float *>(logits.data()),
                           vocabulary);
    }
    if (!token)
      return fail(ESPALIER_ERROR_FILE,
                  "no logit is a number above -infinity: the weights are "
                  "damaged, or the model overflows");
    if (!options.ignore_eos && isEnd(*token))
      return deliver(-1, /*finish=*/true);
    ++newTokens;
    bool last = isLast();
    if (espalier_status status = deliver(*token, last))
      return status;
    if (last)
      return ESPALIER_OK;
    espalier_status status = feed(&*token, 1);
    decodeSeconds = now() - decodeBegin;
    if (status)
      return status;
  }
}

extern "C" void
espalier_generate_options_init(espalier_generate_options *options) {
  if (!options)
    return;
  *options = {};
  options->size = sizeof(*options);
  options->top_p = 1.0f;
}

static espalier_status checkOptions(const espalier_generate_options &options) {
  if (espalier_status status = checkStructSize(options.size, sizeof(options),
                                               "espalier_generate_options"))
    return status;
  if (!(options.temperature >= 0) || !std::isfinite(options.temperature))
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "temperature: expected 0 or more, got %g",
                 double(options.temperature));
  if (!(options.top_p > 0 && options.top_p <= 1))
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "top_p: expected more than 0 and at most 1, got %g",
                 double(options.top_p));
  return ESPALIER_OK;
}

/// The prompt's ids, and room for it.
static espalier_status checkPrompt(const espalier_session &session,
                                   const int32_t *prompt, size_t count) {
  if (!prompt || count == 0)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "prompt: expected 1 or more tokens, got 0");
  if (espalier_status status = session.checkRoom(count))
    return status;
  uint32_t vocabulary = session.model.descriptor->card->vocab;
  for (size_t i = 0; i < count; ++i)
    if (prompt[i] < 0 || uint32_t(prompt[i]) >= vocabulary)
      return failf(ESPALIER_ERROR_ARGUMENT,
                   "token %zu: expected an id of 0 to %u, got %d", i,
                   vocabulary - 1, prompt[i]);
  return ESPALIER_OK;
}

extern "C" espalier_status
espalier_generate(espalier_session *session, const int32_t *prompt,
                  size_t prompt_count, const espalier_generate_options *options,
                  espalier_token_callback callback, void *user,
                  espalier_timing *timing) {
  if (!session)
    return fail(ESPALIER_ERROR_ARGUMENT, "espalier_generate: session is NULL");
  session->cancelled.store(false, std::memory_order_relaxed);
  espalier_generate_options defaults;
  espalier_generate_options_init(&defaults);
  if (!options)
    options = &defaults;
  if (espalier_status status = checkOptions(*options))
    return status;
  if (timing)
    if (espalier_status status =
            checkStructSize(timing->size, sizeof(*timing), "espalier_timing"))
      return status;
  if (espalier_status status = checkPrompt(*session, prompt, prompt_count))
    return status;
  Generation generation(*session, *options, callback, user);
  espalier_status status = generation.run(prompt, uint32_t(prompt_count));
  if (timing) {
    timing->prompt_tokens = uint32_t(prompt_count);
    timing->new_tokens = generation.newTokens;
    timing->prompt_seconds = generation.promptSeconds;
    timing->decode_seconds = generation.decodeSeconds;
  }
  return status;
}
