//===- ArtefactEvaluator.cpp - eval on emitted code -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Evaluator.h"

#include <numeric>

using namespace espalier;
using namespace espalier::tool;

namespace {

class ArtefactEvaluator : public Evaluator {
public:
  ArtefactEvaluator(const espalier_model_card &card, Model opened,
                    Session created)
      : model(std::move(opened)), session(std::move(created)) {
    vocab = card.vocab;
    layers = card.layers;
    width = card.hidden;
    bos = card.bos_token;
  }

  Status step(const std::vector<int32_t> &ids, bool all, float *logits,
              float *hidden) override {
    std::vector<uint32_t> wanted;
    if (logits && all) {
      wanted.resize(ids.size());
      std::iota(wanted.begin(), wanted.end(), 0);
    } else if (logits) {
      wanted = {uint32_t(ids.size() - 1)};
    }
    espalier_step_request request = {};
    request.size = sizeof(request);
    request.count = uint32_t(ids.size());
    request.tokens = ids.data();
    request.wanted_count = uint32_t(wanted.size());
    request.wanted = wanted.data();
    request.logits = logits;
    request.hidden = hidden;
    if (espalier_step(session.get(), &request) != ESPALIER_OK)
      return lastError();
    return {};
  }

  Status restart() override {
    if (espalier_session_truncate(session.get(), 0) != ESPALIER_OK)
      return lastError();
    return {};
  }

  Result<std::vector<int32_t>> tokenize(const std::string &text) override {
    int32_t *ids = nullptr;
    size_t count = 0;
    if (espalier_tokenize(model.get(), text.data(), text.size(), 0, &ids,
                          &count) != ESPALIER_OK)
      return lastError();
    std::vector<int32_t> all(ids, ids + count);
    espalier_free(ids);
    return all;
  }

private:
  Model model;
  Session session;
};

} // namespace

Result<std::unique_ptr<Evaluator>>
tool::evaluateArtefact(const Artefact &artefact, uint64_t threads,
                       uint64_t context) {
  Result<Model> model = openModel(artefact, threads, context);
  if (!model)
    return model.takeError();
  Result<Session> session = openSession(model->get());
  if (!session)
    return session.takeError();
  return std::unique_ptr<Evaluator>(std::make_unique<ArtefactEvaluator>(
      *artefact.descriptor->card, std::move(*model), std::move(*session)));
}
