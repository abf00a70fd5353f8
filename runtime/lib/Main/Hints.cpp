//===- Hints.cpp - What a user may have meant -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Hints.h"
#include "Core/Advice.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::program;

/// How many letters must be changed, added, left out or swapped with their
/// neighbour.
static size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1,
                                     std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1,
                          d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

static std::string didYouMean(std::string_view name) {
  return ": did you mean '" + std::string(name) + "'?";
}

std::string program::suggestion(std::string_view word,
                                const std::vector<std::string> &names) {
  // Every option of one letter is near every other one.
  bool isLetter = word.size() == 2 && word[0] == '-';
  if (word.size() > 40 || isLetter)
    return "";
  size_t best = std::min<size_t>(3, word.size() / 2 + 1);
  const std::string *found = nullptr;
  for (const std::string &name : names)
    if (size_t letters = distance(word, name); letters < best) {
      best = letters;
      found = &name;
    }
  return found ? didYouMean(*found) : "";
}

namespace {

/// What an option of llama.cpp or of other runners is called here, or, with
/// spaces, what there is in its place.
struct Foreign {
  const char *name, *ours;
};

constexpr const char *theModel =
    "the model's path stands alone, without an option; a program has its model "
    "inside";
constexpr const char *fromFile = "-p - < FILE reads the prompt from a file";
constexpr const char *ofCompiling =
    "where a model runs is decided when it is compiled, and it runs there "
    "whole";
constexpr const char *notNeeded =
    "there is nothing to choose: leave it out, it changes no result";

const Foreign foreignOptions[] = {
    {"-m", theModel},
    {"--model", theModel},
    {"-hf", "give the folder or the file of a model that is on this machine"},
    {"-f", fromFile},
    {"--file", fromFile},
    {"-ngl", ofCompiling},
    {"--gpu-layers", ofCompiling},
    {"--n-gpu-layers", ofCompiling},
    {"-dev", ofCompiling},
    {"--device", ofCompiling},
    {"-b", notNeeded},
    {"--batch-size", notNeeded},
    {"-ub", notNeeded},
    {"--ubatch-size", notNeeded},
    {"-fa", notNeeded},
    {"--flash-attn", notNeeded},
    {"--mlock", notNeeded},
    {"--no-mmap", notNeeded},
    {"--color", notNeeded},
    {"-no-cnv", "without --chat the text is the whole prompt"},
    {"--no-conversation", "without --chat the text is the whole prompt"},
    {"-cnv", "--chat"},
    {"--conversation", "--chat"},
    {"-i", "--chat"},
    {"--interactive", "--chat"},
    {"-sys", "--system"},
    {"--system-prompt", "--system"},
    {"--prompt", "-p"},
    {"--n-predict", "-n"},
    {"--predict", "-n"},
    {"--max-tokens", "-n"},
    {"--n-prompt", "-p"},
    {"--n-gen", "-n"},
    {"--repetitions", "-r"},
    {"--ctx-size", "-c"},
    {"--context", "-c"},
    {"--threads", "-t"},
    {"-tb", "-t"},
    {"-s", "--seed"},
    {"--temperature", "--temp"},
    {"-r", "--stop"},
    {"--reverse-prompt", "--stop"},
    {"-l", "--logit-bias"},
    {"--prompt-cache", "--session"},
    {"--n-probs", "--logprobs"},
    {"-ctk", "--kv-type"},
    {"-ctv", "--kv-type"},
    {"--cache-type-k", "--kv-type"},
    {"--cache-type-v", "--kv-type"},
    {"--output", "-o"},
};

} // namespace

std::string program::foreignOption(std::string_view option,
                                   const std::vector<std::string> &names) {
  for (const Foreign &one : foreignOptions) {
    if (option != one.name)
      continue;
    std::string_view ours = one.ours;
    if (ours.find(' ') != std::string_view::npos)
      return ": " + std::string(ours);
    if (std::find(names.begin(), names.end(), ours) != names.end())
      return didYouMean(ours);
  }
  return "";
}

std::string program::inOptions(std::string message) {
  auto replace = [&](std::string_view advice, const char *ours) {
    if (size_t at = message.find(advice); at != std::string::npos)
      message.replace(at, advice.size(), ours);
  };
  replace(runtime::largerContext, "give a larger context (-c)");
  replace(runtime::weightsElsewhere, ", or give their path (--weights)");
  return message;
}
