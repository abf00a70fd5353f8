//===- Bench.cpp - espalier bench -----------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Artefact.h"
#include "Commands.h"
#include "Roofs.h"
#include "espalier/Support/Json.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

using namespace espalier;
using namespace espalier::tool;

namespace {

struct Request {
  std::string path, format = "md";
  ModelOptions model;
  uint64_t prompt = 512, generate = 128, threads = 0, repeat = 5, parallel = 1;
};

/// Tokens a second of the repetitions of one test.
struct Test {
  uint64_t prompt = 0, generate = 0;
  uint64_t parallel = 1; ///< sequences that generate at once
  std::vector<double> rates;

  std::string name() const {
    if (prompt)
      return "pp" + std::to_string(prompt);
    return "tg" + std::to_string(generate) +
           (parallel > 1 ? " x " + std::to_string(parallel) : "");
  }
  double mean() const {
    double sum = 0;
    for (double rate : rates)
      sum += rate;
    return sum / double(rates.size());
  }
  double deviation() const {
    double sum = 0, middle = mean();
    for (double rate : rates)
      sum += (rate - middle) * (rate - middle);
    return rates.size() > 1 ? std::sqrt(sum / double(rates.size() - 1)) : 0;
  }
};

/// What the results are compared with.
struct Setting {
  const espalier_model_card *card;
  Roofs roofs;
  uint32_t workers;
  std::string isa;
  uint64_t weightBytes;

  /// Operations of the matrices of one token, the output matrix left out: a
  /// prompt needs it for its last token only.
  double opsPerToken() const {
    double attention = double(card->hidden) *
                       (2.0 * card->heads + 2.0 * card->kv_heads) *
                       card->head_dim;
    return 2.0 * card->layers *
           (attention + 3.0 * card->hidden * double(card->ffn));
  }
  /// Of a prompt, which reads each weight once for many tokens: not a number.
  /// Sequences that generate at once read them once for a token of each.
  double readShare(const Test &test) const {
    if (test.prompt)
      return NAN;
    return test.mean() / double(test.parallel) *
           double(card->weight_bytes_per_token) / roofs.readBytes;
  }
  double fmaShare(const Test &test) const {
    return test.mean() * opsPerToken() / roofs.fmaOps;
  }
  double int8Share(const Test &test) const {
    return test.mean() * opsPerToken() / roofs.int8Ops;
  }
};

/// Some tokens that are not all the same; which ones does not matter.
int32_t benchToken(uint64_t i, uint32_t vocab) {
  return int32_t((i * 2654435761u >> 7) % vocab);
}

espalier_status feed(espalier_session *session, const int32_t *ids,
                     size_t count, std::vector<float> &logits) {
  uint32_t last = uint32_t(count - 1);
  espalier_step_request request = {};
  request.size = sizeof(request);
  request.count = uint32_t(count);
  request.tokens = ids;
  request.wanted_count = 1;
  request.wanted = &last;
  request.logits = logits.data();
  return espalier_step(session, &request);
}

/// A token of every sequence, in one step.
espalier_status feedAll(espalier_model *model,
                        const std::vector<espalier_session *> &sessions,
                        const int32_t *id, std::vector<float> &logits) {
  static const uint32_t first = 0;
  std::vector<espalier_step_request> requests(sessions.size());
  for (size_t i = 0; i < sessions.size(); ++i) {
    requests[i].size = sizeof(requests[i]);
    requests[i].count = requests[i].wanted_count = 1;
    requests[i].tokens = id;
    requests[i].wanted = &first;
    requests[i].logits = logits.data() + i * (logits.size() / sessions.size());
  }
  return espalier_step_batch(model, sessions.data(), requests.data(),
                             uint32_t(sessions.size()));
}

Result<double> timeOnce(espalier_model *model,
                        const std::vector<espalier_session *> &sessions,
                        const Test &test) {
  uint32_t vocab = espalier_model_descriptor(model)->card->vocab;
  std::vector<float> logits(vocab * test.parallel);
  std::vector<int32_t> ids;
  for (uint64_t i = 0; i < std::max(test.prompt, test.generate); ++i)
    ids.push_back(benchToken(i, vocab));
  for (espalier_session *session : sessions)
    if (espalier_session_truncate(session, 0) != ESPALIER_OK)
      return lastError();
  auto start = std::chrono::steady_clock::now();
  espalier_status status = ESPALIER_OK;
  if (test.prompt)
    status = feed(sessions[0], ids.data(), ids.size(), logits);
  for (uint64_t i = 0; i < test.generate && status == ESPALIER_OK; ++i)
    status = test.parallel == 1 ? feed(sessions[0], &ids[i], 1, logits)
                                : feedAll(model, sessions, &ids[i], logits);
  if (status != ESPALIER_OK)
    return lastError();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return double(ids.size() * test.parallel) / took.count();
}

Result<Test> runTest(espalier_model *model,
                     const std::vector<espalier_session *> &sessions, Test test,
                     uint64_t repeat) {
  // The first run finds weights and cache not yet in memory.
  for (uint64_t i = 0; i <= repeat; ++i) {
    Result<double> rate = timeOnce(model, sessions, test);
    if (!rate)
      return rate.takeError();
    if (i > 0)
      test.rates.push_back(*rate);
  }
  return test;
}

std::string sizeText(double value, const char *unit, double step) {
  const char *prefix[] = {"", "K", "M", "B"};
  unsigned i = 0;
  for (; value >= step && i < 3; ++i)
    value /= step;
  char text[32];
  snprintf(text, sizeof(text), "%.2f %s%s", value,
           step == 1024 && i == 3 ? "G" : prefix[i], unit);
  return text;
}

std::string percent(double share) {
  char text[32];
  snprintf(text, sizeof(text), "%.1f %%", 100 * share);
  return std::isfinite(share) ? text : "-";
}

void printMarkdown(const std::vector<Test> &tests, const Setting &setting) {
  const espalier_model_card &card = *setting.card;
  printf("| model | size | params | backend | threads | test | t/s | of read | "
         "of FMA | of int8 |\n"
         "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: "
         "|\n");
  for (const Test &test : tests) {
    printf("| %s | %s | %s | CPU %s | %u | %s | %.2f ± %.2f |", card.source,
           sizeText(double(setting.weightBytes), "iB", 1024).c_str(),
           sizeText(double(card.parameters), "", 1000).c_str(),
           setting.isa.c_str(), setting.workers, test.name().c_str(),
           test.mean(), test.deviation());
    printf(" %s | %s | %s |\n", percent(setting.readShare(test)).c_str(),
           percent(setting.fmaShare(test)).c_str(),
           percent(setting.int8Share(test)).c_str());
  }
  printf("\nroofs of this machine, %u threads, same run: read %.1f GB/s, FMA "
         "%.1f GFLOP/s, int8 %.1f GOP/s\n",
         setting.workers, setting.roofs.readBytes / 1e9,
         setting.roofs.fmaOps / 1e9, setting.roofs.int8Ops / 1e9);
}

/// The fields of one test, names as llama-bench has them where it has them.
std::vector<std::pair<std::string, std::string>>
fields(const Test &test, const Setting &setting) {
  auto number = [](double value) {
    char text[32];
    snprintf(text, sizeof(text), "%.6g", value);
    return std::string(std::isfinite(value) ? text : "null");
  };
  const espalier_model_card &card = *setting.card;
  return {
      {"model_filename", json::quote(card.source)},
      {"model_type", json::quote(card.family)},
      {"model_size", std::to_string(setting.weightBytes)},
      {"model_n_params", std::to_string(card.parameters)},
      {"backends", "\"CPU\""},
      {"isa", json::quote(setting.isa)},
      {"n_threads", std::to_string(setting.workers)},
      {"n_prompt", std::to_string(test.prompt)},
      {"n_gen", std::to_string(test.generate)},
      {"n_parallel", std::to_string(test.parallel)},
      {"avg_ts", number(test.mean())},
      {"stddev_ts", number(test.deviation())},
      {"bytes_per_token", std::to_string(card.weight_bytes_per_token)},
      {"ops_per_token", number(setting.opsPerToken())},
      {"read_gbs", number(setting.roofs.readBytes / 1e9)},
      {"fma_gflops", number(setting.roofs.fmaOps / 1e9)},
      {"int8_gops", number(setting.roofs.int8Ops / 1e9)},
      {"read_share", number(setting.readShare(test))},
      {"fma_share", number(setting.fmaShare(test))},
      {"int8_share", number(setting.int8Share(test))},
  };
}

void printJson(const std::vector<Test> &tests, const Setting &setting) {
  std::string out = "[";
  for (const Test &test : tests) {
    out += out.size() > 1 ? ",\n  {" : "\n  {";
    for (auto &[key, value] : fields(test, setting))
      out += (out.back() == '{' ? "\n" : ",\n") + std::string("    \"") + key +
             "\": " + value;
    out += ",\n    \"samples_ts\": [";
    for (size_t i = 0; i < test.rates.size(); ++i)
      out += (i ? ", " : "") + std::to_string(test.rates[i]);
    out += "]\n  }";
  }
  puts((out + "\n]").c_str());
}

void printCsv(const std::vector<Test> &tests, const Setting &setting) {
  bool header = true;
  for (const Test &test : tests) {
    std::string names, values;
    for (auto &[key, value] : fields(test, setting)) {
      names += (names.empty() ? "" : ",") + key;
      values += (values.empty() ? "" : ",") + value;
    }
    if (header)
      puts(names.c_str());
    puts(values.c_str());
    header = false;
  }
}

Result<int> bench(const Request &request, const Artefact &artefact) {
  const espalier_model_card &card = *artefact.descriptor->card;
  for (auto [name, tokens] :
       {std::pair("-p", request.prompt), std::pair("-n", request.generate)})
    if (tokens > card.max_positions)
      return Error{std::string(name) + ": expected at most the " +
                   std::to_string(card.max_positions) +
                   " tokens that the model was made for, got " +
                   std::to_string(tokens)};
  espalier_team *team = nullptr;
  if (espalier_team_create(uint32_t(request.threads), &team) != ESPALIER_OK)
    return lastError();
  Result<Model> model =
      openModel(artefact, 0, std::max(request.prompt, request.generate), team);
  if (!model)
    return model.takeError();
  std::vector<Session> sessions;
  std::vector<espalier_session *> all;
  for (uint64_t i = 0; i < request.parallel; ++i) {
    Result<Session> session = openSession(model->get());
    if (!session)
      return session.takeError();
    all.push_back(session->get());
    sessions.push_back(std::move(*session));
  }
  std::string isa = espalier_model_isa(model->get());
  Setting setting{&card, measureRoofs(team, isa == "avx512"), team->workers,
                  isa, artefact.descriptor->data_bytes};
  std::vector<Test> tests;
  if (request.prompt)
    tests.push_back({request.prompt, 0, 1, {}});
  if (request.generate)
    tests.push_back({0, request.generate, request.parallel, {}});
  for (Test &test : tests) {
    Result<Test> done = runTest(model->get(), all, test, request.repeat);
    if (!done)
      return done.takeError();
    test = std::move(*done);
  }
  // The machine is not the same from minute to minute.
  Roofs after = measureRoofs(team, isa == "avx512");
  setting.roofs.readBytes = std::max(setting.roofs.readBytes, after.readBytes);
  setting.roofs.fmaOps = std::max(setting.roofs.fmaOps, after.fmaOps);
  setting.roofs.int8Ops = std::max(setting.roofs.int8Ops, after.int8Ops);
  if (request.format == "json")
    printJson(tests, setting);
  else if (request.format == "csv")
    printCsv(tests, setting);
  else
    printMarkdown(tests, setting);
  sessions.clear();
  model->reset();
  espalier_team_destroy(team);
  return 0;
}

} // namespace

Result<int> tool::benchCommand(const Arguments &arguments) {
  Request request;
  CommandLine line("bench MODEL_OR_ARTEFACT [options]",
                   "Tokens per second of prompts and of generation, beside "
                   "what the machine can do.");
  line.positional(request.path, "MODEL_OR_ARTEFACT");
  line.integer("-p", request.prompt, 0, 1u << 20, "N",
               "tokens of the prompt test (default 512; 0: none)");
  line.integer("-n", request.generate, 0, 1u << 20, "N",
               "tokens of the generation test (default 128; 0:\nnone)");
  line.integer("--parallel", request.parallel, 1, 256, "N",
               "sequences that generate at once, a token of each in\none step "
               "(default 1)");
  line.integer("-t", request.threads, 1, 1024, "THREADS",
               "threads (default: one for each CPU)");
  line.integer("-r", request.repeat, 1, 1000, "N",
               "repetitions of each test (default 5)");
  line.choice("-o", request.format, {"md", "csv", "json"},
              "form of the table (default md)");
  request.model.declare(line, true);
  Result<bool> go = line.parse(arguments);
  if (!go)
    return go.takeError();
  if (!*go)
    return 0;
  if (!request.prompt && !request.generate)
    return Error{"nothing to measure: -p and -n are both 0"};
  Result<std::string> path = artefactFor(request.path, request.model, line);
  if (!path)
    return path.takeError();
  Result<Artefact> artefact = Artefact::load(*path);
  if (!artefact)
    return artefact.takeError();
  return bench(request, *artefact);
}
