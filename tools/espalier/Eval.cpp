//===- Eval.cpp - espalier eval -------------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Artefact.h"
#include "Commands.h"
#include "Inputs.h"
#include "espalier/Support/Npy.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

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

/// The id of the largest value; of equal ones the lowest.
int32_t mostLikely(const float *logits, size_t vocab) {
  return int32_t(std::max_element(logits, logits + vocab) - logits);
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

/// Runs `ids` behind what the session holds; logits of the rows `wanted`.
espalier_status step(espalier_session *session, const int32_t *ids,
                     size_t count, const std::vector<uint32_t> &wanted,
                     float *logits, float *hidden) {
  espalier_step_request request = {};
  request.size = sizeof(request);
  request.count = uint32_t(count);
  request.tokens = ids;
  request.wanted_count = uint32_t(wanted.size());
  request.wanted = wanted.data();
  request.logits = logits;
  request.hidden = hidden;
  return espalier_step(session, &request);
}

std::vector<uint32_t> allRows(size_t count) {
  std::vector<uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

Status evalIds(const Request &request, const Artefact &artefact,
               const std::vector<int32_t> &ids) {
  const espalier_model_card &card = *artefact.descriptor->card;
  if (Status status = checkIds(ids, card.vocab, *request.ids); !status)
    return status;
  Result<Model> model =
      openModel(artefact, request.threads, ids.size() + request.newTokens);
  if (!model)
    return model.takeError();
  Result<Session> session = openSession(model->get());
  if (!session)
    return session.takeError();

  bool all = request.logits.has_value();
  std::vector<uint32_t> wanted = allRows(ids.size());
  if (!all)
    wanted = {uint32_t(ids.size() - 1)};
  std::vector<float> logits(wanted.size() * card.vocab);
  std::vector<float> hidden(
      request.hidden ? (card.layers + 1ull) * ids.size() * card.hidden : 0);
  if (step(session->get(), ids.data(), ids.size(), wanted, logits.data(),
           request.hidden ? hidden.data() : nullptr) != ESPALIER_OK)
    return lastError();

  std::vector<int32_t> tokens;
  std::vector<float> next(logits.end() - card.vocab, logits.end());
  while (tokens.size() < request.newTokens) {
    tokens.push_back(mostLikely(next.data(), card.vocab));
    if (tokens.size() < request.newTokens &&
        step(session->get(), &tokens.back(), 1, {0}, next.data(), nullptr) !=
            ESPALIER_OK)
      return lastError();
  }

  if (request.logits) {
    const uint64_t shape[] = {ids.size(), card.vocab};
    if (Status status = writeNpy(*request.logits, shape, logits); !status)
      return status;
  }
  if (request.hidden) {
    const uint64_t shape[] = {card.layers + 1ull, ids.size(), card.hidden};
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
Result<std::vector<int32_t>> textIds(espalier_model *model,
                                     const std::string &path, int32_t bos) {
  Result<std::string> text = readText(path);
  if (!text)
    return text.takeError();
  int32_t *ids = nullptr;
  size_t count = 0;
  if (espalier_tokenize(model, text->data(), text->size(), 0, &ids, &count) !=
      ESPALIER_OK)
    return lastError().within(path);
  std::vector<int32_t> all;
  if (bos >= 0)
    all.push_back(bos);
  all.insert(all.end(), ids, ids + count);
  espalier_free(ids);
  if (all.size() < 2)
    return Error{path + ": no token to predict"};
  return all;
}

/// Windows of `request.window` inputs, each from position 0; every token behind
/// the first is predicted once.
Status evalText(const Request &request, const Artefact &artefact) {
  const espalier_model_card &card = *artefact.descriptor->card;
  Result<Model> model = openModel(artefact, request.threads, request.window);
  if (!model)
    return model.takeError();
  Result<std::vector<int32_t>> ids =
      textIds(model->get(), *request.text, card.bos_token);
  if (!ids)
    return ids.takeError();
  if (Status status = checkIds(*ids, card.vocab, *request.text); !status)
    return status;
  Result<Session> session = openSession(model->get());
  if (!session)
    return session.takeError();
  double sum = 0;
  size_t scored = ids->size() - 1;
  std::vector<float> logits;
  for (size_t begin = 0; begin < scored; begin += request.window) {
    size_t count = std::min<size_t>(request.window, scored - begin);
    logits.resize(count * card.vocab);
    if (espalier_session_truncate(session->get(), 0) != ESPALIER_OK ||
        step(session->get(), ids->data() + begin, count, allRows(count),
             logits.data(), nullptr) != ESPALIER_OK)
      return lastError();
    for (size_t i = 0; i < count; ++i)
      sum +=
          surprise(&logits[i * card.vocab], card.vocab, (*ids)[begin + i + 1]);
  }
  double mean = sum / double(scored);
  printf("tokens scored             %zu\nmean negative log-likelihood %.6f\n"
         "perplexity                %.4f\n",
         scored, mean, std::exp(mean));
  return {};
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
  std::vector<int32_t> ids;
  if (request.ids) {
    Result<std::vector<int32_t>> read = readIdsFile(*request.ids);
    if (!read)
      return read.takeError();
    ids = std::move(*read);
  }
  if (request.reference)
    return Error{"--reference: the interpreter is not part of this build"};
  Result<std::string> path = artefactFor(request.path, request.model, line);
  if (!path)
    return path.takeError();
  Result<Artefact> artefact = Artefact::load(*path);
  if (!artefact)
    return artefact.takeError();
  Status status = request.ids ? evalIds(request, *artefact, ids)
                              : evalText(request, *artefact);
  if (!status)
    return status.takeError();
  return 0;
}
