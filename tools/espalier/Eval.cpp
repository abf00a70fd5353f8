//===- Eval.cpp - espalier eval -------------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Commands.h"
#include "Evaluator.h"
#include "Inputs.h"
#include "Progress.h"
#include "espalier/Support/Npy.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

using namespace espalier;
using namespace espalier::tool;

namespace {

struct Request {
  std::string path;
  ModelOptions model;
  bool reference = false;
  uint64_t threads = 0, newTokens = 0, window = 256;
  std::optional<std::string> ids, logits, hidden, tokens, text;
};

Error notANumber(const std::string &what) {
  return Error{what + ": the weights are damaged or hold NaN: `espalier "
                      "inspect --verify` of what was compiled tells which"};
}

/// The id of the largest value; of equal ones the lowest. NaN is never the
/// largest, and logits of nothing else are an error.
Result<int32_t> mostLikely(const float *logits, size_t vocab) {
  size_t best = vocab;
  for (size_t i = 0; i < vocab; ++i)
    if (!std::isnan(logits[i]) && (best == vocab || logits[i] > logits[best]))
      best = i;
  if (best == vocab)
    return notANumber("no logit is a number");
  return int32_t(best);
}

Status checkIds(const std::vector<int32_t> &ids, uint32_t vocab,
                const std::string &what) {
  if (ids.empty())
    return Error{what + ": no ids"};
  for (size_t i = 0; i < ids.size(); ++i)
    if (uint32_t(ids[i]) >= vocab)
      return Error{what + ": item " + std::to_string(i) + ": id " +
                   std::to_string(ids[i]) + " is not in the vocabulary of " +
                   std::to_string(vocab)};
  return {};
}

Status evalIds(const Request &request, Evaluator &evaluator,
               const std::vector<int32_t> &ids) {
  uint64_t vocab = evaluator.vocab, states = evaluator.layers + 1ull;
  bool all = request.logits.has_value();
  std::vector<float> logits((all ? ids.size() : 1) * vocab);
  std::vector<float> hidden(
      request.hidden ? states * ids.size() * evaluator.width : 0);
  if (Status status = evaluator.step(ids, all, logits.data(),
                                     request.hidden ? hidden.data() : nullptr);
      !status)
    return status;

  std::vector<int32_t> tokens;
  std::vector<float> next(logits.end() - int64_t(vocab), logits.end());
  while (tokens.size() < request.newTokens) {
    Result<int32_t> token = mostLikely(next.data(), vocab);
    if (!token)
      return token.takeError();
    tokens.push_back(*token);
    if (tokens.size() == request.newTokens)
      break;
    if (Status status =
            evaluator.step({tokens.back()}, true, next.data(), nullptr);
        !status)
      return status;
  }

  if (request.logits) {
    const uint64_t shape[] = {ids.size(), vocab};
    if (Status status = writeNpy(*request.logits, shape, logits); !status)
      return status;
  }
  if (request.hidden) {
    const uint64_t shape[] = {states, ids.size(), evaluator.width};
    if (Status status = writeNpy(*request.hidden, shape, hidden); !status)
      return status;
  }
  if (request.tokens)
    return writeFile(*request.tokens, printIds(tokens) + "\n");
  return {};
}

/// -log of the probability of `id`.
double surprise(const float *logits, size_t vocab, int32_t id) {
  double top = *std::max_element(logits, logits + vocab), sum = 0;
  for (size_t i = 0; i < vocab; ++i)
    sum += std::exp(double(logits[i]) - top);
  return top + std::log(sum) - double(logits[id]);
}

/// The ids of the file behind the beginning-of-text token, where there is one.
Result<std::vector<int32_t>> textIds(Evaluator &evaluator,
                                     const std::string &path) {
  Result<std::string> text = readText(path);
  if (!text)
    return text.takeError();
  Result<std::vector<int32_t>> ids = evaluator.tokenize(*text);
  if (!ids)
    return ids.takeError().within(path);
  if (evaluator.bos >= 0)
    ids->insert(ids->begin(), evaluator.bos);
  if (ids->size() < 2)
    return Error{path + ": no token to predict"};
  return ids;
}

/// Windows of `request.window` inputs, each from position 0; every token behind
/// the first is predicted once.
Status evalText(const Request &request, Evaluator &evaluator) {
  Result<std::vector<int32_t>> ids = textIds(evaluator, *request.text);
  if (!ids)
    return ids.takeError();
  if (Status status = checkIds(*ids, evaluator.vocab, *request.text); !status)
    return status;
  // The logits of a window may be too many to hold: its rows are run in blocks,
  // which does not change a bit.
  constexpr size_t block = 256;
  double sum = 0;
  size_t scored = ids->size() - 1;
  std::vector<float> logits;
  Progress progress;
  for (size_t begin = 0; begin < scored; begin += request.window) {
    if (Status status = evaluator.restart(); !status)
      return status;
    size_t end = std::min<size_t>(begin + request.window, scored);
    for (size_t first = begin; first < end; first += block) {
      size_t last = std::min(first + block, end);
      logits.resize((last - first) * evaluator.vocab);
      std::vector<int32_t> rows(ids->begin() + first, ids->begin() + last);
      if (Status status = evaluator.step(rows, true, logits.data(), nullptr);
          !status)
        return status;
      for (size_t i = first; i < last; ++i)
        sum += surprise(&logits[(i - first) * evaluator.vocab], evaluator.vocab,
                        (*ids)[i + 1]);
      progress.tokens(last, scored);
    }
    // No sum becomes a number again.
    if (std::isnan(sum))
      break;
  }
  progress.done();
  if (std::isnan(sum))
    return notANumber(*request.text + ": a logit is not a number");
  double mean = sum / double(scored);
  printf("tokens scored                %zu\nmean negative log-likelihood "
         "%.6f\nperplexity                   %.4f\n",
         scored, mean, std::exp(mean));
  return {};
}

/// Emitted code or the interpreter, with room for `context` tokens.
Result<std::unique_ptr<Evaluator>> makeEvaluator(const Request &request,
                                                 const CommandLine &line,
                                                 uint64_t context) {
  if (request.reference) {
    Result<InputKind> kind = inputKind(request.path);
    if (!kind)
      return kind.takeError();
    if (*kind == InputKind::Artefact)
      return Error{"--reference: " + request.path +
                   " is compiled; give the model itself"};
    return evaluateReference(request.path, request.model, line, request.threads,
                             context);
  }
  Result<std::string> path = artefactFor(request.path, request.model, line);
  if (!path)
    return path.takeError();
  Result<Artefact> artefact = Artefact::load(*path);
  if (!artefact)
    return artefact.takeError();
  uint32_t most = artefact->descriptor->card->max_positions;
  if (context > most)
    return Error{(request.text ? std::string("-w") : *request.ids + " and -n") +
                 ": expected at most the " + std::to_string(most) +
                 " tokens that the model was made for, got " +
                 std::to_string(context)};
  return evaluateArtefact(*artefact, request.threads, context);
}

Status checkRequest(const Request &request, const CommandLine &line) {
  if (request.ids.has_value() == request.text.has_value())
    return Error{"expected one of --ids IDS.json and --text FILE"};
  if (request.text) {
    for (const char *name : {"--logits", "--hidden", "--tokens", "-n"})
      if (line.given(name))
        return Error{std::string(name) + ": only with --ids"};
    return {};
  }
  if (line.given("-w"))
    return Error{"-w: only with --text"};
  if (line.given("-n") != request.tokens.has_value())
    return Error{"-n N and --tokens OUT.json: each needs the other"};
  if (!request.logits && !request.hidden && !request.tokens)
    return Error{"nothing to compute: give --logits, --hidden, or -n with "
                 "--tokens"};
  return {};
}

/// No output may take the place of another, or of what is read.
Status checkOutputs(const Request &request) {
  namespace fs = std::filesystem;
  std::error_code code; // what does not exist is equivalent to nothing
  std::vector<std::string> seen;
  for (const auto *output :
       {&request.logits, &request.hidden, &request.tokens}) {
    if (!*output)
      continue;
    const std::string &path = **output;
    if (std::find(seen.begin(), seen.end(), path) != seen.end())
      return Error{path + ": two outputs cannot be one file"};
    seen.push_back(path);
    if (!fs::is_regular_file(path, code))
      continue;
    fs::path folder = fs::absolute(path, code).parent_path();
    if (fs::equivalent(path, request.path, code) ||
        fs::equivalent(folder, request.path, code) ||
        (request.ids && fs::equivalent(path, *request.ids, code)))
      return Error{path + ": is read by this command; give another name"};
  }
  return {};
}

} // namespace

Result<int> tool::evalCommand(const Arguments &arguments) {
  Request request;
  CommandLine line(
      "eval MODEL_OR_ARTEFACT --ids IDS.json|--text FILE [options]",
      "Logits, hidden states and greedy tokens of a prompt of "
      "ids, or the perplexity of a\ntext.");
  line.positional(request.path, "MODEL_OR_ARTEFACT");
  line.text(
      "--ids", request.ids, "IDS.json",
      "the prompt: a JSON list of ids, or an object with\n\"prompt_ids\"");
  line.text("--logits", request.logits, "OUT.npy",
            "float32 [rows, vocabulary]");
  line.text("--hidden", request.hidden, "OUT.npy",
            "float32 [layers + 1, rows, hidden], before the\nfinal norm");
  line.integer("-n", request.newTokens, 1, 1u << 24, "N",
               "greedy tokens that follow the prompt");
  line.text("--tokens", request.tokens, "OUT.json", "where they go: a list");
  line.text("--text", request.text, "FILE",
            "mean negative log-likelihood and perplexity of it");
  line.integer("-w", request.window, 1, 1u << 20, "W",
               "tokens of a window (default: 256)");
  line.integer("-t", request.threads, 1, 1024, "THREADS",
               "threads (default: one for each CPU)");
  line.flag("--reference", request.reference, "by the reference interpreter");
  request.model.declare(line, true);
  Result<bool> go = line.parse(arguments);
  if (!go)
    return go.takeError();
  if (!*go)
    return 0;
  if (Status status = checkRequest(request, line); !status)
    return status.takeError();
  if (Status status = checkOutputs(request); !status)
    return status.takeError();
  std::vector<int32_t> ids;
  if (request.ids) {
    Result<std::vector<int32_t>> read = readIdsFile(*request.ids);
    if (!read)
      return read.takeError();
    ids = std::move(*read);
  }
  Result<std::unique_ptr<Evaluator>> evaluator = makeEvaluator(
      request, line,
      request.ids ? ids.size() + request.newTokens : request.window);
  if (!evaluator)
    return evaluator.takeError();
  Status status;
  if (request.text)
    status = evalText(request, **evaluator);
  else if (status = checkIds(ids, (*evaluator)->vocab, *request.ids); status)
    status = evalIds(request, **evaluator, ids);
  if (!status)
    return status.takeError();
  return 0;
}
