//===- Running.cpp - Steps of a compiled model --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Running.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace espalier;
using namespace espalier::e2e;

void Outcome::add(const Outcome &other) {
  vocab = other.vocab;
  width = other.width;
  logits.insert(logits.end(), other.logits.begin(), other.logits.end());
  hidden.insert(hidden.end(), other.hidden.begin(), other.hidden.end());
}

Outcome Outcome::slice(size_t begin, size_t end) const {
  Outcome out;
  out.vocab = vocab;
  out.width = width;
  out.logits.assign(logits.begin() + begin * vocab,
                    logits.begin() + end * vocab);
  out.hidden.assign(hidden.begin() + begin * width,
                    hidden.begin() + end * width);
  return out;
}

static std::string difference(const char *what, const std::vector<float> &got,
                              const std::vector<float> &expected,
                              size_t perRow) {
  if (got.size() != expected.size())
    return std::string(what) + ": " + std::to_string(got.size()) +
           " values, expected " + std::to_string(expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    if (std::memcmp(&got[i], &expected[i], sizeof(float)) != 0) {
      char text[160];
      snprintf(text, sizeof(text), "%s: row %zu, element %zu: %a, expected %a",
               what, i / perRow, i % perRow, double(got[i]),
               double(expected[i]));
      return text;
    }
  return "";
}

std::string e2e::difference(const Outcome &got, const Outcome &expected) {
  std::string hidden =
      ::difference("hidden states", got.hidden, expected.hidden,
                   std::max<size_t>(1, expected.width));
  if (!hidden.empty())
    return hidden;
  return ::difference("logits", got.logits, expected.logits,
                      std::max<size_t>(1, expected.vocab));
}

Model e2e::openLibrary(const std::string &path, uint32_t threads,
                       uint32_t context, espalier_team *team) {
  espalier_open_options options;
  espalier_open_options_init(&options);
  options.threads = threads;
  options.context = context;
  options.team = team;
  espalier_model *model = nullptr;
  if (espalier_open_library(path.c_str(), &options, &model) != ESPALIER_OK)
    ADD_FAILURE() << path << ": " << espalier_last_error();
  return Model(model);
}

Model e2e::openConfig(const Config &config, uint32_t threads,
                      uint32_t context) {
  Result<std::string> library = compiled(config);
  if (!library) {
    ADD_FAILURE() << library.error().message;
    return nullptr;
  }
  return openLibrary(*library, threads, context);
}

Sequence::Sequence(espalier_model *model)
    : card(*espalier_model_descriptor(model)->card) {
  if (espalier_session_create(model, &session) != ESPALIER_OK)
    ADD_FAILURE() << espalier_last_error();
}

Sequence::~Sequence() { espalier_session_destroy(session); }

namespace {

/// A request for all that rows compute.
class Asked {
public:
  Asked(const espalier_model_card &card, const int32_t *tokens, uint32_t count,
        const int32_t *parents)
      : card(card), wanted(count) {
    outcome.vocab = card.vocab;
    outcome.width = size_t(card.layers + 1) * card.hidden;
    outcome.logits.resize(count * outcome.vocab);
    states.resize(count * outcome.width);
    std::iota(wanted.begin(), wanted.end(), 0);
    request.size = sizeof(request);
    request.count = count;
    request.tokens = tokens;
    request.parents = parents;
    request.wanted_count = count;
    request.wanted = wanted.data();
    request.logits = outcome.logits.data();
    request.hidden = states.data();
  }
  Asked(Asked &&) = default; // the vectors keep their places

  Outcome take() {
    size_t count = wanted.size();
    for (size_t row = 0; row < count; ++row)
      for (size_t state = 0; state <= card.layers; ++state) {
        auto at = states.begin() + (state * count + row) * card.hidden;
        outcome.hidden.insert(outcome.hidden.end(), at, at + card.hidden);
      }
    return std::move(outcome);
  }

  espalier_step_request request = {};

private:
  const espalier_model_card &card;
  std::vector<uint32_t> wanted;
  std::vector<float> states;
  Outcome outcome;
};

} // namespace

Outcome Sequence::step(const int32_t *tokens, uint32_t count,
                       const int32_t *parents) {
  Asked asked(card, tokens, count, parents);
  if (espalier_step(session, &asked.request) != ESPALIER_OK) {
    ADD_FAILURE() << espalier_last_error();
    return {};
  }
  return asked.take();
}

std::vector<Outcome> e2e::stepTogether(espalier_model *model,
                                       const std::vector<Share> &shares) {
  const espalier_model_card &card = *espalier_model_descriptor(model)->card;
  std::vector<Asked> asked;
  for (const Share &share : shares)
    asked.emplace_back(card, share.tokens.data(), uint32_t(share.tokens.size()),
                       share.parents.empty() ? nullptr : share.parents.data());
  std::vector<espalier_step_request> requests;
  std::vector<espalier_session *> sessions;
  for (size_t i = 0; i < shares.size(); ++i) {
    requests.push_back(asked[i].request);
    sessions.push_back(shares[i].sequence->session);
  }
  std::vector<Outcome> outcomes(shares.size());
  if (espalier_step_batch(model, sessions.data(), requests.data(),
                          uint32_t(shares.size())) != ESPALIER_OK)
    ADD_FAILURE() << espalier_last_error();
  else
    for (size_t i = 0; i < shares.size(); ++i)
      outcomes[i] = asked[i].take();
  return outcomes;
}

Outcome Sequence::chain(const Tokens &tokens,
                        const std::vector<uint32_t> &chunks) {
  Outcome all;
  size_t begin = 0, at = 0;
  while (begin < tokens.size()) {
    uint32_t size =
        std::min<uint32_t>(chunks[std::min(at++, chunks.size() - 1)],
                           uint32_t(tokens.size() - begin));
    Outcome outcome = step(tokens.data() + begin, size, nullptr);
    if (outcome.rows() != size)
      return all;
    all.add(outcome);
    begin += size;
  }
  return all;
}

Outcome Sequence::tree(const Tokens &tokens,
                       const std::vector<int32_t> &parents) {
  return step(tokens.data(), uint32_t(tokens.size()), parents.data());
}

std::vector<float> Sequence::logitsOf(const Tokens &tokens,
                                      const std::vector<uint32_t> &wanted) {
  std::vector<float> logits(wanted.size() * card.vocab);
  espalier_step_request request = {};
  request.size = sizeof(request);
  request.count = uint32_t(tokens.size());
  request.tokens = tokens.data();
  request.wanted_count = uint32_t(wanted.size());
  request.wanted = wanted.empty() ? nullptr : wanted.data();
  request.logits = wanted.empty() ? nullptr : logits.data();
  if (espalier_step(session, &request) != ESPALIER_OK)
    ADD_FAILURE() << espalier_last_error();
  return logits;
}

void Sequence::commit(int32_t row) {
  if (espalier_commit(session, row) != ESPALIER_OK)
    ADD_FAILURE() << espalier_last_error();
}

void Sequence::truncate(uint32_t length) {
  if (espalier_session_truncate(session, length) != ESPALIER_OK)
    ADD_FAILURE() << espalier_last_error();
}

int32_t e2e::mostLikely(const float *logits, size_t vocab) {
  return int32_t(std::max_element(logits, logits + vocab) - logits);
}

Tokens e2e::greedy(Sequence &sequence, std::vector<float> last, size_t count) {
  Tokens tokens;
  while (tokens.size() < count) {
    tokens.push_back(mostLikely(last.data(), last.size()));
    if (tokens.size() < count)
      last = sequence.logitsOf({tokens.back()}, {0});
  }
  return tokens;
}

Tokens Random::tokens(size_t count, uint32_t vocab) {
  Tokens tokens(count);
  for (int32_t &token : tokens)
    token = int32_t(below(vocab));
  return tokens;
}

std::vector<uint32_t> Random::chunks(uint32_t rows) {
  static constexpr uint32_t sizes[] = {1,  1,  2,  3,  5,  7,  8,  9,   15,
                                       16, 17, 31, 33, 63, 64, 65, 100, 130};
  std::vector<uint32_t> out;
  while (rows > 0) {
    out.push_back(std::min(rows, sizes[below(std::size(sizes))]));
    rows -= out.back();
  }
  return out;
}

std::vector<int32_t> Random::parents(uint32_t rows, uint32_t depth) {
  std::vector<int32_t> parents;
  for (uint32_t row = 0; row < rows; ++row)
    parents.push_back(below(100) < depth ? int32_t(row) - 1
                                         : int32_t(below(row + 1)) - 1);
  return parents;
}
