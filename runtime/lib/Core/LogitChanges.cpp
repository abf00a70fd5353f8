//===- LogitChanges.cpp - Biases, penalties and DRY -------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LogitChanges.h"

#include <algorithm>
#include <cfloat>
#include <utility>

using namespace espalier;
using namespace espalier::runtime;

/// The last `lastN` tokens; -1: all.
static std::span<const int32_t> lastOf(std::span<const int32_t> history,
                                       int32_t lastN) {
  if (lastN < 0 || size_t(lastN) >= history.size())
    return history;
  return history.last(size_t(lastN));
}

//===--- Penalties --------------------------------------------------------===//

Penalties::Penalties(const espalier_generate_options &options)
    : on(options.repeat_last_n != 0 &&
         (options.repeat_penalty != 1 || options.frequency_penalty != 0 ||
          options.presence_penalty != 0)),
      repeat(options.repeat_penalty), frequency(options.frequency_penalty),
      presence(options.presence_penalty), lastN(options.repeat_last_n) {}

void Penalties::apply(std::span<const int32_t> history,
                      std::span<float> logits) {
  counts.resize(logits.size());
  std::span<const int32_t> window = lastOf(history, lastN);
  for (int32_t token : window)
    ++counts[size_t(token)];
  for (int32_t token : window) {
    uint32_t count = counts[size_t(token)];
    if (count == 0) // seen already
      continue;
    counts[size_t(token)] = 0;
    float &logit = logits[size_t(token)];
    logit = logit > 0 ? logit / repeat : logit * repeat;
    logit -= float(count) * frequency + presence;
  }
}

//===--- DRY --------------------------------------------------------------===//

Dry::Dry(const espalier_generate_options &options,
         std::optional<text::Tokenizer> tokenizer)
    : multiplier(options.dry_multiplier), base(options.dry_base),
      allowed(options.dry_allowed_length), lastN(options.dry_last_n),
      tokenizer(std::move(tokenizer)) {
  if (!this->tokenizer) // no texts, no breakers
    return;
  if (options.dry_breakers)
    breakers.assign(options.dry_breakers,
                    options.dry_breakers + options.dry_breaker_count);
  else
    breakers = {"\n", ":", "\"", "*"};
  for (const std::string &breaker : breakers)
    longestBreaker = std::max(longestBreaker, breaker.size());
}

/// A breaker counts as part of the token that its last byte is in.
void Dry::findBreaks(std::span<const int32_t> history) {
  if (breakers.empty())
    return;
  for (; seen < history.size(); ++seen) {
    size_t before = tail.size();
    tail += tokenizer->bytesOf(history[seen], /*keepSpecial=*/true);
    for (const std::string &breaker : breakers) {
      // The last one; ending in this token means beginning late enough.
      size_t at = tail.rfind(breaker);
      if (at != std::string::npos && at + breaker.size() > before)
        afterBreak = seen + 1;
    }
    if (tail.size() >= longestBreaker)
      tail.erase(0, tail.size() - (longestBreaker - 1));
  }
}

bool Dry::isBreaker(int32_t token) const {
  return std::any_of(breakers.begin(), breakers.end(),
                     [&](const std::string &breaker) {
                       return tokenizer->bytesOf(token, true).find(breaker) !=
                              std::string_view::npos;
                     });
}

/// Sets matches[i], for each i from 1 on, to the number of tokens that the
/// window's end has in common with its first size - i tokens' end: the Z
/// algorithm (Gusfield 1997, section 1.4) on the reversed window.
static void findMatches(std::span<const int32_t> window,
                        std::vector<uint32_t> &matches) {
  uint32_t size = uint32_t(window.size());
  auto at = [&](uint32_t i) { return window[size - 1 - i]; };
  matches.assign(size, 0);
  uint32_t left = 0, right = 0; // the match found so far that ends last
  for (uint32_t i = 1; i < size; ++i) {
    uint32_t count =
        i < right ? std::min(right - i, matches[i - left]) : uint32_t(0);
    while (i + count < size && at(count) == at(i + count))
      ++count;
    matches[i] = count;
    if (i + count > right) {
      left = i;
      right = i + count;
    }
  }
}

void Dry::apply(std::span<const int32_t> history, std::span<float> logits) {
  findBreaks(history);
  std::span<const int32_t> window = lastOf(history, lastN);
  size_t limit = std::min(history.size() - afterBreak, window.size());
  if (limit < allowed)
    return;
  findMatches(window, matches);
  longest.resize(logits.size());
  // Behind an earlier end of the match, window.size() - i, stands what
  // followed.
  for (size_t i = 1; i < window.size(); ++i) {
    uint32_t &most = longest[size_t(window[window.size() - i])];
    most = std::max(most, uint32_t(std::min<size_t>(matches[i], limit)));
  }
  for (int32_t token : window) {
    uint32_t length = std::exchange(longest[size_t(token)], 0);
    if (length < allowed || isBreaker(token))
      continue;
    double penalty = double(multiplier);
    for (uint32_t n = allowed; n < length && penalty <= double(FLT_MAX); ++n)
      penalty *= double(base);
    logits[size_t(token)] -= float(std::min(penalty, double(FLT_MAX)));
  }
}

//===--- All --------------------------------------------------------------===//

LogitChanges::LogitChanges(const espalier_generate_options &options,
                           std::optional<text::Tokenizer> tokenizer)
    : biases(options.logit_bias, options.logit_bias_count), penalties(options),
      dry(options, std::move(tokenizer)) {}

void LogitChanges::apply(std::span<const int32_t> history,
                         std::span<float> logits) {
  for (const espalier_logit_bias &bias : biases)
    logits[size_t(bias.token)] += bias.bias;
  if (penalties.isOn())
    penalties.apply(history, logits);
  if (dry.isOn())
    dry.apply(history, logits);
}
