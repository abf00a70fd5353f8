//===- Step.cpp - Rows of several sessions in one step ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Step.h"

#include "LastError.h"
#include "Session.h"

#include <algorithm>
#include <cstring>

using namespace espalier;
using namespace espalier::runtime;

//===--- Rows -------------------------------------------------------------===//

void StepRows::clear() {
  pieces.clear();
  for (auto *list :
       {&token, &position, &past, &cacheRow, &pathBegin, &path, &wanted})
    list->clear();
  kv.clear();
  isTree = false;
}

void StepRows::add(const StepPiece &piece) {
  pieces.push_back(piece);
  const StepPart &part = *piece.part;
  const espalier_step_request &request = *part.request;
  isTree |= part.isTree();
  int32_t length = int32_t(part.session->length());
  int32_t before = length + (part.isTree() ? 0 : int32_t(piece.begin));
  token.insert(token.end(), request.tokens + piece.begin,
               request.tokens + piece.begin + piece.count);
  past.insert(past.end(), piece.count, before);
  kv.insert(kv.end(), piece.count, part.session->cache.data());
  int32_t chainBegin = int32_t(path.size());
  for (uint32_t r = 0; r < piece.count; ++r) {
    int32_t row = int32_t(piece.begin + r);
    cacheRow.push_back(length + row);
    if (!part.isTree()) {
      // Beside trees, the rows of a chain are a path, which all of them share.
      position.push_back(length + row);
      pathBegin.push_back(chainBegin);
      path.push_back(length + row);
      continue;
    }
    position.push_back(length + part.depth[size_t(row)]);
    pathBegin.push_back(int32_t(path.size()));
    path.resize(path.size() + size_t(part.depth[size_t(row)]) + 1);
    size_t end = path.size();
    for (int32_t at = row; at >= 0; at = request.parents[at])
      path[--end] = length + at;
  }
  for (uint32_t i = 0; i < piece.wantedCount; ++i)
    wanted.push_back(int32_t(request.wanted[piece.wantedBegin + i] -
                             piece.begin + piece.at));
}

espalier_step_args StepRows::args() const {
  espalier_step_args args = {};
  args.rows = uint32_t(token.size());
  args.wanted_count = uint32_t(wanted.size());
  args.tree = isTree;
  args.token = token.data();
  args.position = position.data();
  args.past = past.data();
  args.cache_row = cacheRow.data();
  args.kv = kv.data();
  args.path_begin = isTree ? pathBegin.data() : nullptr;
  args.path = isTree ? path.data() : nullptr;
  args.wanted = wanted.data();
  return args;
}

//===--- What a call computes ---------------------------------------------===//

namespace {

/// The logits of one call: written where the requests want them if these places
/// follow one another, else copied there.
class LogitsOut {
public:
  LogitsOut(const StepRows &rows, uint32_t vocabulary)
      : rows(rows), vocabulary(vocabulary) {}

  espalier_status place(espalier_step_args &args) {
    float *next = nullptr;
    for (const StepPiece &piece : rows.pieces) {
      if (piece.wantedCount == 0)
        continue;
      if (!args.logits)
        args.logits = placeOf(piece);
      else if (placeOf(piece) != next)
        mustCopy = true;
      next = placeOf(piece) + uint64_t(piece.wantedCount) * vocabulary;
    }
    if (!mustCopy)
      return ESPALIER_OK;
    if (espalier_status status = memory.reserve(
            uint64_t(args.wanted_count) * vocabulary * sizeof(float), "logits"))
      return status;
    args.logits = reinterpret_cast<float *>(memory.data());
    return ESPALIER_OK;
  }

  void finish() const {
    if (!mustCopy)
      return;
    const float *from = reinterpret_cast<const float *>(memory.data());
    for (const StepPiece &piece : rows.pieces) {
      uint64_t floats = uint64_t(piece.wantedCount) * vocabulary;
      if (floats != 0)
        memcpy(placeOf(piece), from, floats * sizeof(float));
      from += floats;
    }
  }

private:
  float *placeOf(const StepPiece &piece) const {
    return piece.part->request->logits +
           uint64_t(piece.wantedBegin) * vocabulary;
  }

  const StepRows &rows;
  uint32_t vocabulary;
  bool mustCopy = false;
  Reservation memory;
};

/// The hidden states of one call. The states of a layer stand together for all
/// rows of a request, so those of a call that is not one whole request have to
/// be put in their places.
class HiddenOut {
public:
  HiddenOut(const StepRows &rows, const espalier_model_card &card)
      : rows(rows), card(card) {}

  espalier_status place(espalier_step_args &args) {
    bool isWanted = false;
    for (const StepPiece &piece : rows.pieces)
      isWanted |= piece.part->request->hidden != nullptr;
    if (!isWanted)
      return ESPALIER_OK;
    const espalier_step_request &first = *rows.pieces[0].part->request;
    if (rows.pieces.size() == 1 && rows.pieces[0].count == first.count) {
      args.hidden = first.hidden;
      return ESPALIER_OK;
    }
    layerFloats = uint64_t(args.rows) * card.hidden;
    if (espalier_status status = memory.reserve(
            (card.layers + 1) * layerFloats * sizeof(float), "hidden states"))
      return status;
    args.hidden = reinterpret_cast<float *>(memory.data());
    return ESPALIER_OK;
  }

  void finish() const {
    if (layerFloats == 0)
      return;
    auto *from = reinterpret_cast<const float *>(memory.data());
    for (const StepPiece &piece : rows.pieces) {
      const espalier_step_request &request = *piece.part->request;
      uint64_t width = card.hidden;
      for (uint64_t layer = 0; request.hidden && layer <= card.layers; ++layer)
        memcpy(request.hidden + (layer * request.count + piece.begin) * width,
               from + layer * layerFloats + piece.at * width,
               piece.count * width * sizeof(float));
    }
  }

private:
  const StepRows &rows;
  const espalier_model_card &card;
  uint64_t layerFloats = 0; ///< 0: nothing to copy
  Reservation memory;
};

} // namespace

/// The next rows of the parts, in their order; none: all are done.
static void takeRows(std::span<StepPart> parts, uint32_t most, StepRows &rows) {
  rows.clear();
  uint32_t at = 0;
  for (StepPart &part : parts) {
    const espalier_step_request &request = *part.request;
    uint32_t count = std::min(request.count - part.rowsDone, most - at);
    if (count == 0 || part.cancelled)
      continue;
    if (part.session->cancelled.load(std::memory_order_relaxed)) {
      part.cancelled = true;
      continue;
    }
    StepPiece piece = {&part, part.rowsDone, count, at, part.wantedDone, 0};
    part.rowsDone += count;
    for (; part.wantedDone < request.wanted_count &&
           request.wanted[part.wantedDone] < part.rowsDone;
         ++part.wantedDone)
      ++piece.wantedCount;
    rows.add(piece);
    at += count;
  }
}

espalier_status runtime::runParts(std::span<StepPart> parts) {
  espalier_model &model = parts[0].session->model;
  const espalier_model_card &card = *model.descriptor->card;
  StepRows &rows = parts[0].session->rows;
  for (;;) {
    takeRows(parts, model.maxRows(), rows);
    if (rows.pieces.empty())
      return ESPALIER_OK;
    espalier_step_args args = rows.args();
    LogitsOut logits(rows, card.vocab);
    if (espalier_status status = logits.place(args))
      return status;
    HiddenOut hidden(rows, card);
    if (espalier_status status = hidden.place(args))
      return status;
    model.run(args);
    logits.finish();
    hidden.finish();
  }
}

void runtime::advance(const StepPart &part) {
  espalier_session &session = *part.session;
  const espalier_step_request &request = *part.request;
  const int32_t *end = request.tokens + request.count;
  if (!part.isTree()) {
    session.tokens.insert(session.tokens.end(), request.tokens, end);
    return;
  }
  session.tree.tokens.assign(request.tokens, end);
  session.tree.parents.assign(request.parents, request.parents + request.count);
}
