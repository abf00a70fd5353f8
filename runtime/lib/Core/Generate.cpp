//===- Generate.cpp - Token by token ----------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FloatingPointState.h"
#include "GenerateOptions.h"
#include "LastError.h"
#include "LogitChanges.h"
#include "Sampling.h"
#include "Session.h"
#include "StopStrings.h"

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>

using namespace espalier;
using namespace espalier::runtime;

namespace {

double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

/// One sequence: what it feeds next, and what it makes of the logits.
class Generation {
public:
  /// The arguments have been checked.
  Generation(espalier_sequence &sequence,
             const espalier_generate_options &options)
      : sequence(sequence), session(*sequence.session), options(options),
        sampler(options), changes(options, session.model.tokenizer),
        stops(options.stops, options.stop_count) {
    if (session.model.tokenizer)
      decoder.emplace(*session.model.tokenizer);
    timing.size = sizeof(timing);
    timing.prompt_tokens = uint32_t(sequence.prompt_count);
    timing.cached_tokens = session.length();
    request.size = sizeof(request);
    request.tokens = sequence.prompt;
    request.count = uint32_t(sequence.prompt_count);
    request.wanted_count = 1;
  }

  /// The next step's rows; the logits of the last go to `logits`.
  StepPart nextStep(float *logits) {
    last = request.count - 1;
    request.wanted = &last;
    request.logits = logits;
    return {&session, &request};
  }

  /// Chooses a token by the logits of the step, delivers it and makes it the
  /// next step's, unless it is the last.
  void take(float *logits);

  bool isRunning() const { return running; }
  void end(espalier_status status, uint32_t finish) {
    running = false;
    sequence.status = status;
    timing.finish = finish;
  }
  void cancel() {
    end(fail(ESPALIER_CANCELLED, "cancelled"), ESPALIER_FINISH_CANCELLED);
  }

  espalier_timing timing = {};

private:
  std::optional<int32_t> choose(float *logits);
  bool isEnd(int32_t token) const;
  bool deliver(int32_t token, bool isLast);

  espalier_sequence &sequence;
  espalier_session &session;
  const espalier_generate_options &options;
  espalier_step_request request = {};
  Sampler sampler;
  LogitChanges changes;
  LogProbabilities probabilities;
  StopStrings stops;
  std::optional<text::StreamDecoder> decoder;
  uint32_t last = 0;
  int32_t token = 0;
  bool running = true;
};

} // namespace

std::optional<int32_t> Generation::choose(float *logits) {
  uint32_t vocabulary = session.model.descriptor->card->vocab;
  FloatingPointState state;
  if (options.logprobs != 0)
    probabilities.compute(logits, vocabulary, options.logprobs);
  changes.apply(session.tokens, {logits, vocabulary});
  return sampler.next(logits, vocabulary);
}

bool Generation::isEnd(int32_t id) const {
  const espalier_model_card &card = *session.model.descriptor->card;
  auto has = [&](const int32_t *ids, uint32_t count) {
    return std::find(ids, ids + count, id) != ids + count;
  };
  return (!options.ignore_eos && has(card.eos_tokens, card.eos_count)) ||
         has(options.end_tokens, options.end_token_count);
}

/// Delivers a token (-1: none) and the text that is certain after it; false:
/// the callback said stop.
bool Generation::deliver(int32_t id, bool isLast) {
  std::string text;
  if (decoder && id >= 0)
    text = stops.push(decoder->push(id));
  if (decoder && isLast && !stops.found())
    text += stops.push(decoder->finish());
  if (isLast && !stops.found())
    text += stops.finish();
  if (id < 0 && text.empty())
    return true;
  espalier_event event = {};
  event.size = sizeof(event);
  event.token = id;
  event.text = text.c_str();
  event.bytes = text.size();
  if (id >= 0 && options.logprobs != 0) {
    event.logprob = probabilities.of(id);
    event.top_count = uint32_t(probabilities.top().size());
    event.top = probabilities.top().data();
  }
  int answer = 0;
  if (options.event)
    answer = options.event(sequence.user, &event);
  else if (sequence.callback)
    answer = sequence.callback(sequence.user, id, event.text, event.bytes);
  return answer == 0;
}

void Generation::take(float *logits) {
  std::optional<int32_t> chosen = choose(logits);
  if (!chosen)
    return end(fail(ESPALIER_ERROR_FILE,
                    "no logit is a number above -infinity: the weights are "
                    "damaged, the model overflows, or every token is biased "
                    "away"),
               ESPALIER_FINISH_FAILED);
  token = *chosen;
  auto stopped = [&] {
    end(fail(ESPALIER_CANCELLED, "stopped by the callback"),
        ESPALIER_FINISH_CANCELLED);
  };
  if (isEnd(token))
    return deliver(-1, /*isLast=*/true) ? end(ESPALIER_OK, ESPALIER_FINISH_END)
                                        : stopped();
  ++timing.new_tokens;
  uint32_t finish = 0;
  if (timing.new_tokens == options.max_tokens)
    finish = ESPALIER_FINISH_LENGTH;
  else if (session.length() >= session.model.context)
    finish = ESPALIER_FINISH_CONTEXT;
  if (!deliver(token, finish != 0))
    return stopped();
  if (stops.found())
    finish = ESPALIER_FINISH_STOP;
  if (finish != 0)
    return end(ESPALIER_OK, finish);
  request.tokens = &token;
  request.count = 1;
}

//===--- Several sequences ------------------------------------------------===//

/// One step of all `running`; their logits stand one after another.
static espalier_status stepAll(std::span<Generation *const> running,
                               float *logits, uint32_t vocabulary) {
  std::vector<StepPart> parts;
  for (Generation *generation : running) {
    parts.push_back(generation->nextStep(logits));
    logits += vocabulary;
  }
  for (StepPart &part : parts)
    if (espalier_status status = prepare(part))
      return status;
  if (espalier_status status = runParts(parts))
    return status;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].cancelled) {
      running[i]->cancel();
      continue;
    }
    advance(parts[i]);
    running[i]->take(parts[i].request->logits);
  }
  return ESPALIER_OK;
}

/// Runs all until each has ended; fails where a step does.
static espalier_status
stepUntilAllEnd(std::span<const std::unique_ptr<Generation>> all,
                uint32_t vocabulary) {
  Reservation logits;
  if (espalier_status status = logits.reserve(
          uint64_t(vocabulary) * sizeof(float) * all.size(), "logits"))
    return status;
  double begin = now(), firstDone = 0;
  for (;;) {
    std::vector<Generation *> running;
    for (const auto &one : all)
      if (one->isRunning())
        running.push_back(one.get());
    if (running.empty())
      return ESPALIER_OK;
    espalier_status status =
        stepAll(running, reinterpret_cast<float *>(logits.data()), vocabulary);
    double time = now();
    if (firstDone == 0)
      firstDone = time;
    for (Generation *one : running) {
      one->timing.prompt_seconds = firstDone - begin;
      one->timing.decode_seconds = time - firstDone;
    }
    if (status)
      return status;
  }
}

static espalier_status runAll(std::span<espalier_sequence> sequences,
                              const espalier_generate_options *const *options) {
  std::vector<std::unique_ptr<Generation>> all;
  for (size_t i = 0; i < sequences.size(); ++i)
    all.push_back(std::make_unique<Generation>(sequences[i], *options[i]));
  espalier_status failure =
      stepUntilAllEnd(all, sequences[0].session->model.descriptor->card->vocab);
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i]->isRunning())
      all[i]->end(failure, ESPALIER_FINISH_FAILED);
    if (sequences[i].timing)
      *sequences[i].timing = all[i]->timing;
    espalier_status status = sequences[i].status;
    if (!failure && status != ESPALIER_CANCELLED)
      failure = status;
  }
  return failure;
}

//===--- API --------------------------------------------------------------===//

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

static espalier_status checkSequence(const espalier_sequence &sequence,
                                     const espalier_generate_options &options) {
  if (espalier_status status = checkOptions(options, sequence.session->model))
    return status;
  if (sequence.timing)
    if (espalier_status status = checkStructSize(
            sequence.timing->size, sizeof(espalier_timing), "espalier_timing"))
      return status;
  return checkPrompt(*sequence.session, sequence.prompt, sequence.prompt_count);
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
  espalier_sequence sequence = {sizeof(sequence), ESPALIER_OK,  session,
                                prompt,           prompt_count, options,
                                callback,         user,         timing};
  if (espalier_status status = checkSequence(sequence, *options))
    return status;
  espalier_status status = runAll({&sequence, 1}, &options);
  return status ? status : sequence.status;
}

extern "C" espalier_status espalier_generate_batch(espalier_model *model,
                                                   espalier_sequence *sequences,
                                                   uint32_t count) {
  if (!model || !sequences || count == 0)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_generate_batch: expected a model and 1 or more "
                "sequences");
  std::vector<espalier_session *> sessions;
  for (uint32_t i = 0; i < count; ++i) {
    if (espalier_status status = checkStructSize(
            sequences[i].size, sizeof(espalier_sequence), "espalier_sequence"))
      return status;
    sessions.push_back(sequences[i].session);
  }
  if (espalier_status status = checkSessions(*model, sessions))
    return status;
  espalier_generate_options defaults;
  espalier_generate_options_init(&defaults);
  std::vector<const espalier_generate_options *> options;
  for (uint32_t i = 0; i < count; ++i) {
    options.push_back(sequences[i].options ? sequences[i].options : &defaults);
    if (espalier_status status = checkSequence(sequences[i], *options[i]))
      return failf(status, "sequence %u: %s", i,
                   std::string(espalier_last_error()).c_str());
  }
  for (espalier_session *session : sessions)
    session->cancelled.store(false, std::memory_order_relaxed);
  return runAll({sequences, count}, options.data());
}
