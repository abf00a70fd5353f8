//===- Options.cpp - Command line of an emitted executable ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Options.h"
#include "Core/Team.h"
#include "Hints.h"
#include "SessionPath.h"
#include "espalier/Support/Utf8.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>

using namespace espalier;
using namespace espalier::program;

namespace {

/// What a number may be: what espalier_generate takes.
enum class Range { Any, NotNegative, Positive, OneOrMore, Fraction, Share };

bool holds(Range range, float value) {
  switch (range) {
  case Range::Any:
    return true;
  case Range::NotNegative:
    return value >= 0;
  case Range::Positive:
    return value > 0;
  case Range::OneOrMore:
    return value >= 1;
  case Range::Fraction:
    return value >= 0 && value <= 1;
  case Range::Share:
    return value > 0 && value <= 1;
  }
  return false;
}

const char *nameOf(Range range) {
  switch (range) {
  case Range::Any:
    return "a number";
  case Range::NotNegative:
    return "0 or more";
  case Range::Positive:
    return "more than 0";
  case Range::OneOrMore:
    return "1 or more";
  case Range::Fraction:
    return "0 to 1";
  case Range::Share:
    return "more than 0 and at most 1";
  }
  return "";
}

/// The value of one option; the first error stays.
class Value {
public:
  Value(const char *option, const char *text) : option(option), text(text) {}

  const char *string() const { return text; }
  /// A text that ends an answer, or a repetition.
  const char *mark() {
    constexpr size_t most = 1024;
    if (size_t bytes = strlen(text); bytes == 0 || bytes > most)
      fail("expected a text of 1 to " + std::to_string(most) + " bytes, got " +
           std::to_string(bytes));
    else if (!isValidUtf8(text))
      fail("expected a text in UTF-8, got other bytes");
    return text;
  }

  uint64_t integer(uint64_t most, uint64_t least = 0) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || number > most ||
        number < least)
      refuse("a whole number of " + std::to_string(least) + " to " +
             std::to_string(most));
    return number;
  }
  uint32_t count(uint32_t least = 0) {
    return uint32_t(integer(UINT32_MAX, least));
  }
  /// 0, which other programs write -1: without a limit.
  uint32_t limit() { return strcmp(text, "-1") == 0 ? 0 : count(); }
  /// A number of tokens to look back at.
  int32_t window() {
    return strcmp(text, "-1") == 0 ? -1 : int32_t(integer(INT32_MAX));
  }

  float real(Range range) {
    char *end;
    float number = strtof(text, &end);
    if (end == text || *end || !std::isfinite(number))
      refuse("a number");
    else if (!holds(range, number))
      refuse(nameOf(range));
    return number;
  }

  /// ID+NUMBER or ID-NUMBER; the number may be "inf".
  espalier_logit_bias bias() {
    char *end, *last;
    errno = 0;
    unsigned long long id = strtoull(text, &end, 10);
    bool isId = *text >= '0' && *text <= '9' && !errno && id <= INT32_MAX;
    float number = strtof(end, &last);
    if (!isId || (*end != '+' && *end != '-') || last == end || *last ||
        !(number < INFINITY))
      refuse("ID+NUMBER, ID-NUMBER or ID-inf");
    return {int32_t(id), number};
  }

  std::optional<Error> failure;

private:
  void fail(const std::string &message) {
    if (!failure)
      failure = Error{std::string(option) + ": " + message};
  }
  void refuse(const std::string &expected) {
    fail("expected " + expected + ", got '" + text + "'");
  }

  const char *option, *text;
};

struct Entry {
  OptionInfo info;
  void (*set)(Options &, Value &);
};

using G = espalier_generate_options;
template <float G::*Field, Range Of> void setReal(Options &o, Value &v) {
  o.generate.*Field = v.real(Of);
}
template <uint32_t G::*Field> void setCount(Options &o, Value &v) {
  o.generate.*Field = v.count();
}
template <int32_t G::*Field> void setWindow(Options &o, Value &v) {
  o.generate.*Field = v.window();
}

const Entry entries[] = {
    {{"-p", "TEXT", "prompt; -p - reads it from standard input", false},
     [](Options &o, Value &v) { o.prompt = v.string(); }},
    {{"--chat", nullptr,
      "a conversation, in the form of the model's chat\ntemplate: each line of "
      "standard input is a message, or\n-p TEXT the only one",
      false},
     [](Options &o, Value &) { o.chat = true; }},
    {{"--system", "TEXT", "with --chat: the message of the system", false},
     [](Options &o, Value &v) { o.system = v.string(); }},
    {{"-n", "N",
      "at most N new tokens (default 0, or -1: until the end\nof text or of "
      "the "
      "context)",
      false},
     [](Options &o, Value &v) { o.generate.max_tokens = v.limit(); }},
    {{"--temp", "T", "temperature; 0 takes the most likely token (default\n0)",
      false},
     setReal<&G::temperature, Range::NotNegative>},
    {{"--top-k", "K", "sample among the K most likely tokens (default 0:\nall)",
      false},
     setCount<&G::top_k>},
    {{"--typical", "P",
      "sample among the tokens nearest to the expected\nsurprise that "
      "together have probability P (default 1:\nall)",
      false},
     setReal<&G::typical_p, Range::Share>},
    {{"--top-p", "P",
      "sample among the most likely tokens that together\nhave probability P "
      "(default 1: all)",
      false},
     setReal<&G::top_p, Range::Share>},
    {{"--min-p", "P",
      "sample among the tokens that are at least P times as\nlikely as the "
      "most likely one (default 0: all)",
      false},
     setReal<&G::min_p, Range::Fraction>},
    {{"--seed", "S", "seed of the random numbers (default 0)", false},
     [](Options &o, Value &v) { o.generate.seed = v.integer(UINT64_MAX); }},
    {{"--repeat-penalty", "R",
      "divides positive logits, and multiplies negative\nones, of tokens that "
      "were there (default 1: none)",
      false},
     setReal<&G::repeat_penalty, Range::Positive>},
    {{"--frequency-penalty", "F",
      "taken off a logit for each time that the token was\nthere (default 0)",
      false},
     setReal<&G::frequency_penalty, Range::Any>},
    {{"--presence-penalty", "F",
      "taken off the logit of a token that was there\n(default 0)", false},
     setReal<&G::presence_penalty, Range::Any>},
    {{"--repeat-last-n", "N",
      "tokens that these penalties look back at (default\n64; 0: none; -1: "
      "all)",
      false},
     setWindow<&G::repeat_last_n>},
    {{"--dry-multiplier", "M",
      "DRY: weight of the penalty on what would go on a\nrepetition (default "
      "0: none)",
      false},
     setReal<&G::dry_multiplier, Range::NotNegative>},
    {{"--dry-base", "B",
      "DRY: factor for each further token repeated (default\n1.75)", false},
     setReal<&G::dry_base, Range::OneOrMore>},
    {{"--dry-allowed-length", "N",
      "DRY: tokens whose repetition begins to count (default\n2)", false},
     [](Options &o, Value &v) { o.generate.dry_allowed_length = v.count(1); }},
    {{"--dry-penalty-last-n", "N",
      "DRY: tokens to look back at (default -1: all; 0: none)", false},
     setWindow<&G::dry_last_n>},
    {{"--dry-sequence-breaker", "TEXT",
      "DRY: text that no repetition goes over; may be given\nseveral times, in "
      "place of newline, colon, double\nquote and asterisk; 'none': no text",
      true},
     [](Options &o, Value &v) { o.breakers.push_back(v.mark()); }},
    {{"--logit-bias", "ID+B",
      "added to the logit of token ID (ID-B: taken off,\nID-inf: never); may "
      "be given several times",
      true},
     [](Options &o, Value &v) { o.biases.push_back(v.bias()); }},
    {{"--stop", "TEXT",
      "ends the answer before this text; may be given\nseveral times", true},
     [](Options &o, Value &v) { o.stops.push_back(v.mark()); }},
    {{"--stop-token", "ID",
      "ends the answer before this token; may be given\nseveral times", true},
     [](Options &o, Value &v) {
       o.endTokens.push_back(int32_t(v.integer(INT32_MAX)));
     }},
    {{"--ignore-eos", nullptr,
      "the model's end-of-text tokens do not end the answer", false},
     [](Options &o, Value &) { o.generate.ignore_eos = 1; }},
    {{"--json", nullptr, "one JSON object a line: each token, then how it went",
      false},
     [](Options &o, Value &) { o.json = true; }},
    {{"--logprobs", "N",
      "with --json: each token's log probability, and the N\nmost likely ones",
      false},
     setCount<&G::logprobs>},
    {{"--session", "FILE",
      "keep the computed tokens in FILE: what the next prompt\nbegins with in "
      "common is not computed again",
      false},
     [](Options &o, Value &v) { o.sessionFile = v.string(); }},
    {{"-t", "THREADS", "threads (default 0: one for each CPU)", false},
     [](Options &o, Value &v) {
       o.open.threads = uint32_t(v.integer(runtime::maxWorkers));
     }},
    {{"-c", "CONTEXT",
      "tokens that prompt and answer may have together\n(default 0: the "
      "model's own, 4096 at most)",
      false},
     [](Options &o, Value &v) { o.open.context = v.count(); }},
    {{"--weights", "PATH", "the packed weights, where they lie elsewhere",
      false},
     [](Options &o, Value &v) { o.open.weights = v.string(); }},
};

} // namespace

/// Points the generation's lists to those that were collected.
static void linkLists(Options &options) {
  espalier_generate_options &g = options.generate;
  g.stops = options.stops.data();
  g.stop_count = uint32_t(options.stops.size());
  g.logit_bias = options.biases.data();
  g.logit_bias_count = uint32_t(options.biases.size());
  g.end_tokens = options.endTokens.data();
  g.end_token_count = uint32_t(options.endTokens.size());
  if (options.breakers.empty())
    return;
  // A list, if only of nothing, takes the place of the default one.
  g.dry_breakers = options.breakers.data();
  if (options.breakers.size() > 1 || strcmp(options.breakers[0], "none") != 0)
    g.dry_breaker_count = uint32_t(options.breakers.size());
}

std::vector<OptionInfo> program::optionTable() {
  std::vector<OptionInfo> infos;
  for (const Entry &entry : entries)
    infos.push_back(entry.info);
  return infos;
}

static Error unknownOption(const std::string &name) {
  std::vector<std::string> names;
  for (const Entry &entry : entries)
    names.emplace_back(entry.info.name);
  std::string hint = foreignOption(name, names);
  if (hint.empty())
    hint = suggestion(name, names);
  return Error{"unknown option '" + name + "'" +
               (hint.empty() ? ": see --help" : hint)};
}

Status program::checkOptions(const Options &options,
                             const espalier_descriptor &descriptor) {
  const espalier_model_card &card = *descriptor.card;
  auto isToken = [&](int32_t id) { return uint32_t(id) < card.vocab; };
  auto wrong = [&](const char *name, int32_t id) {
    return Error{std::string(name) + ": expected an id of 0 to " +
                 std::to_string(card.vocab - 1) + ", got " +
                 std::to_string(id)};
  };
  for (int32_t id : options.endTokens)
    if (!isToken(id))
      return wrong("--stop-token", id);
  for (const espalier_logit_bias &bias : options.biases)
    if (!isToken(bias.token))
      return wrong("--logit-bias", bias.token);
  if (options.generate.logprobs > card.vocab)
    return Error{"--logprobs: expected at most the vocabulary's " +
                 std::to_string(card.vocab) + ", got " +
                 std::to_string(options.generate.logprobs)};
  if (options.open.context > card.max_positions)
    return Error{"-c: expected at most the " +
                 std::to_string(card.max_positions) + " tokens that model '" +
                 descriptor.name + "' was made for, got " +
                 std::to_string(options.open.context)};
  return {};
}

Result<Options> program::parseOptions(int argc, char **argv) {
  Options options;
  espalier_open_options_init(&options.open);
  espalier_generate_options_init(&options.generate);
  bool seen[std::size(entries)] = {};
  for (int at = 0; at < argc; ++at) {
    const char *name = argv[at];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
      options.help = true;
      return options;
    }
    size_t index = 0;
    while (index < std::size(entries) &&
           strcmp(entries[index].info.name, name) != 0)
      ++index;
    if (index == std::size(entries))
      return unknownOption(name);
    const Entry &entry = entries[index];
    if (seen[index] && !entry.info.repeats)
      return Error{std::string(name) + ": given twice"};
    seen[index] = true;
    if (entry.info.placeholder && ++at == argc)
      return Error{std::string(name) + ": expected a value, got none"};
    Value value(name, argv[at]);
    entry.set(options, value);
    if (value.failure)
      return std::move(*value.failure);
  }
  if (!options.prompt && !options.chat)
    return Error{"no prompt: give -p TEXT, or -p - for standard input, or "
                 "--chat"};
  if (options.system && !options.chat)
    return Error{"--system: needs --chat, which has a system"};
  if (options.generate.logprobs != 0 && !options.json)
    return Error{"--logprobs: needs --json, which prints them"};
  constexpr size_t mostMarks = 64;
  for (auto &[name, list] :
       {std::pair("--stop", &options.stops),
        std::pair("--dry-sequence-breaker", &options.breakers)})
    if (list->size() > mostMarks)
      return Error{std::string(name) + ": expected at most " +
                   std::to_string(mostMarks) + " of them, got " +
                   std::to_string(list->size())};
  if (options.sessionFile)
    if (Status status = checkSessionPath(options.sessionFile); !status)
      return status.takeError().within("--session");
  linkLists(options);
  return options;
}

std::string program::optionsHelp() {
  constexpr size_t column = 26;
  std::string out;
  auto add = [&](std::string left, std::string_view help) {
    out += left;
    out.append(left.size() + 2 > column ? 1 : column - left.size(),
               left.size() + 2 > column ? '\n' : ' ');
    if (left.size() + 2 > column)
      out.append(column, ' ');
    for (char c : help) {
      out += c;
      if (c == '\n')
        out.append(column, ' ');
    }
    out += '\n';
  };
  for (const OptionInfo &info : optionTable())
    add(std::string("  ") + info.name +
            (info.placeholder ? std::string(" ") + info.placeholder : ""),
        info.help);
  add("  --help", "this text");
  return out;
}
