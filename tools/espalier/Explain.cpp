//===- Explain.cpp - espalier explain -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Accelerator.h"
#include "Artefact.h"
#include "Commands.h"
#include "Describe.h"
#include "espalier/Support/Json.h"

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>

using namespace espalier;
using namespace espalier::tool;

namespace {

double number(const json::Value *value, const char *key) {
  const json::Value *found = value ? value->find(key) : nullptr;
  if (!found)
    return 0;
  if (std::optional<int64_t> integer = found->asInteger())
    return double(*integer);
  return found->asDouble().value_or(0);
}

std::string text(const json::Value *value, const char *key) {
  const json::Value *found = value ? value->find(key) : nullptr;
  const std::string *string = found ? found->asString() : nullptr;
  return string ? escaped(*string) : std::string("?");
}

const json::Array &list(const json::Value *value, const char *key) {
  static const json::Array none;
  const json::Value *found = value ? value->find(key) : nullptr;
  const json::Array *array = found ? found->asArray() : nullptr;
  return array ? *array : none;
}

/// "4 tiles of 16 columns, static: 640 bytes of weights and 0.04 us each".
std::string loopText(const json::Value &loop) {
  double tiles = number(&loop, "tiles"), columns = number(&loop, "columns");
  double rows = number(&loop, "rows"), bytes = number(&loop, "weight_bytes");
  char out[200];
  if (tiles > 0 && columns > 0)
    snprintf(out, sizeof(out), "%.0f tiles of %.0f columns", tiles, columns);
  else if (tiles > 0)
    snprintf(out, sizeof(out), "1 tile");
  else if (rows > 1)
    snprintf(out, sizeof(out), "tiles of %.0f rows", rows);
  else
    snprintf(out, sizeof(out), "a tile a row");
  std::string all = out + std::string(", ") + text(&loop, "schedule");
  if (bytes <= 0)
    return all;
  if (tiles > 0)
    snprintf(out, sizeof(out), ": %.0f bytes of weights and %.3g us a tile",
             bytes / tiles, number(&loop, "tile_us"));
  else
    snprintf(out, sizeof(out), ": %.0f bytes of weights, read by each", bytes);
  return all + out;
}

void printPhases(const json::Array &phases) {
  for (const json::Value &phase : phases) {
    printf("      %s\n", text(&phase, "does").c_str());
    for (const json::Value &loop : list(&phase, "loops"))
      printf("        %s\n", loopText(loop).c_str());
    printf("        predicted %.3g us", number(&phase, "predicted_us"));
    if (double bytes = number(&phase, "weight_bytes"); bytes > 0)
      printf(", %.0f bytes of weights", bytes);
    putchar('\n');
  }
}

void printVariant(const json::Value &variant, const json::Value *code) {
  std::string name = text(&variant, "name");
  auto count = [&](const char *key) { return number(&variant, key); };
  auto s = [&](const char *key) { return count(key) == 1 ? "" : "s"; };
  printf("%s, up to %.0f rows: %.0f kind%s of layers; %.0f phase%s and "
         "%.0f barrier%s a layer, %.0f and %.0f around the layers\n",
         name.c_str(), number(&variant, "max_rows"), count("kinds_of_layers"),
         s("kinds_of_layers"), count("phases_per_layer"), s("phases_per_layer"),
         count("barriers_per_layer"), s("barriers_per_layer"),
         number(&variant, "phases_outside_layers"),
         number(&variant, "barriers_outside_layers"));
  printf("  %.0f buffer%s: %.0f bytes shared, %.0f for each worker\n",
         count("buffers"), s("buffers"), number(&variant, "shared_bytes"),
         number(&variant, "private_bytes"));
  if (const json::Object *sets = code ? code->asObject() : nullptr) {
    printf("  code:");
    for (auto &[isa, sizes] : sets->members())
      printf(" %s %.0f bytes", escaped(isa).c_str(),
             number(&sizes, name.c_str()));
    putchar('\n');
  }
  for (const json::Value &kind : list(&variant, "kinds")) {
    printf("    kind %.0f, of %.0f layer%s:\n", number(&kind, "kind"),
           number(&kind, "layers"), number(&kind, "layers") == 1 ? "" : "s");
    printPhases(list(&kind, "phases"));
  }
  printf("    around the layers:\n");
  printPhases(list(&variant, "around"));
  const json::Value *predicted = variant.find("predicted");
  printf("  predicted for %.0f row%s: memory %.3g ms, arithmetic %.3g ms; step "
         "%.3g ms, %.4g tokens/s (attention over no earlier tokens)\n",
         number(predicted, "rows"), number(predicted, "rows") == 1 ? "" : "s",
         number(predicted, "memory_ms"), number(predicted, "arithmetic_ms"),
         number(predicted, "step_ms"), number(predicted, "tokens_per_s"));
}

void printPlan(const json::Value &plan) {
  const json::Value *machine = plan.find("machine");
  printf("planned for %s: %.0f workers, reads %.4g GB/s, float32 %.4g GFLOP/s, "
         "int8 %.4g GOP/s, %s of %.0f KiB each, a barrier %.3g us\n",
         text(machine, "name").c_str(), number(machine, "workers"),
         number(machine, "read_gb_per_s"), number(machine, "float_gop_per_s"),
         number(machine, "int8_gop_per_s"), text(machine, "own_cache").c_str(),
         number(machine, "own_cache_bytes") / 1024,
         number(machine, "barrier_us"));
  const json::Value *code = plan.find("code");
  for (const json::Value &variant : list(&plan, "variants"))
    printVariant(variant, code);
  if (const json::Object *sets = code ? code->asObject() : nullptr)
    for (auto &[isa, sizes] : sets->members())
      printf("code for %s: %.0f bytes, of them kernels %.0f\n",
             escaped(isa).c_str(), number(&sizes, "all"),
             number(&sizes, "kernels"));
  const json::Value *weights = plan.find("weights");
  if (const json::Object *types = weights ? weights->asObject() : nullptr) {
    printf("weights:\n");
    for (auto &[symbol, type] : types->members())
      printf("  %s: %s\n", escaped(symbol).c_str(),
             escaped(type.asString() ? *type.asString() : "?").c_str());
  }
}

/// The fastest of some calls of `rows` rows on an empty cache, in seconds.
Result<double> timeStep(espalier_session *session, uint32_t rows,
                        uint32_t vocabulary) {
  std::vector<float> logits(vocabulary);
  std::vector<int32_t> ids;
  for (uint32_t i = 0; i < rows; ++i)
    ids.push_back(int32_t((uint64_t(i) * 2654435761u >> 7) % vocabulary));
  uint32_t last = rows - 1;
  espalier_step_request request = {};
  request.size = sizeof(request);
  request.count = rows;
  request.tokens = ids.data();
  request.wanted_count = 1;
  request.wanted = &last;
  request.logits = logits.data();
  double best = 0;
  for (unsigned i = 0; i < 12; ++i) {
    if (espalier_session_truncate(session, 0) != ESPALIER_OK)
      return lastError();
    auto start = std::chrono::steady_clock::now();
    if (espalier_step(session, &request) != ESPALIER_OK)
      return lastError();
    double took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    best = i == 0 ? took : std::min(best, took);
  }
  return best;
}

/// Predicted beside measured, for each variant.
Status measure(const Artefact &artefact, const json::Value &plan) {
  uint64_t workers = uint64_t(number(plan.find("machine"), "workers"));
  Result<Model> model = openModel(artefact, workers, 0);
  if (!model)
    return model.takeError();
  Result<Session> session = openSession(model->get());
  if (!session)
    return session.takeError();
  printf("measured with %" PRIu64 " threads, %s:\n", workers,
         espalier_model_isa(model->get()));
  for (const json::Value &variant : list(&plan, "variants")) {
    const json::Value *predicted = variant.find("predicted");
    uint32_t rows = std::min(uint32_t(number(predicted, "rows")),
                             espalier_model_context(model->get()));
    if (rows == 0)
      continue;
    Result<double> took =
        timeStep(session->get(), rows, artefact.descriptor->card->vocab);
    if (!took)
      return took.takeError();
    double share = rows / number(predicted, "rows");
    double expected = number(predicted, "step_ms") * share;
    printf("  %s, %u row%s: predicted %.3g ms, measured %.3g ms (%.0f %% of "
           "predicted)\n",
           text(&variant, "name").c_str(), rows, rows == 1 ? "" : "s", expected,
           *took * 1e3, expected > 0 ? *took * 1e5 / expected : 0);
  }
  return {};
}

} // namespace

Result<int> tool::explainCommand(const Arguments &arguments) {
  std::string path;
  ModelOptions options;
  bool json = false, measured = false;
  uint64_t context = 0;
  std::optional<std::string> programs;
  CommandLine line("explain MODEL_OR_ARTEFACT [options]",
                   "How the artefact does its work: variants, kinds of layers, "
                   "phases, tiles and\nbarriers, buffers, code, with the "
                   "figures of the machine that decided.");
  line.positional(path, "MODEL_OR_ARTEFACT");
  line.flag("--json", json, "the plan alone, as JSON");
  line.flag("--measure", measured,
            "run each variant on this machine, and print what\nwas predicted "
            "beside what it took");
  line.integer("-c", context, 1, 1u << 20, "TOKENS",
               "of an accelerator: the largest context (default:\nthe smaller "
               "of the model's and 4096)");
  line.text("--programs", programs, "FOLDER",
            "of an accelerator: where the program of each bucket\n"
            "goes, for espalier-sim");
  options.declare(line, true);
  Result<bool> go = line.parse(arguments);
  if (!go)
    return go.takeError();
  if (!*go)
    return 0;
  if (json && measured)
    return Error{"--json and --measure: expected one of them"};
  if (namesAccelerator(options)) {
    if (measured)
      return Error{"--measure: an accelerator is not this machine"};
    for (const char *name : {"--target", "--activations", "--kv-type"})
      if (line.given(name))
        return Error{std::string(name) +
                     ": decides nothing for an accelerator: leave it out"};
    Result<AcceleratorPlan> plan = planAccelerator(
        path, options, uint32_t(context), programs.value_or(""));
    if (!plan)
      return plan.takeError();
    if (json)
      puts(acceleratorPlanJson(*plan).c_str());
    else
      printAcceleratorPlan(*plan);
    return 0;
  }
  if (line.given("-c"))
    return Error{"-c: needs the --machine of an accelerator"};
  if (programs)
    return Error{"--programs: needs the --machine of an accelerator"};
  Result<std::string> artefactPath = artefactFor(path, options, line);
  if (!artefactPath)
    return artefactPath.takeError();
  Result<Artefact> artefact = Artefact::load(*artefactPath);
  if (!artefact)
    return artefact.takeError();
  const char *plan = artefact->descriptor->plan;
  if (!plan)
    return Error{path + ": holds no plan"};
  if (json) {
    puts(plan);
    return 0;
  }
  Result<json::Value> parsed = json::parse(plan);
  if (!parsed)
    return parsed.takeError().within(path + ": plan");
  printCard(*artefact->descriptor);
  printPlan(*parsed);
  if (measured)
    if (Status status = measure(*artefact, *parsed); !status)
      return status.takeError();
  return 0;
}
