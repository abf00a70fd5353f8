//===- Step.cpp - The rows of a call, in chunks -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LastError.h"
#include "Session.h"

#include <algorithm>
#include <cstring>
#include <new>

using namespace espalier;
using namespace espalier::runtime;

//===--- Checks -----------------------------------------------------------===//

static espalier_status checkTokens(const espalier_step_request &request,
                                   uint32_t vocabulary) {
  for (uint32_t i = 0; i < request.count; ++i)
    if (request.tokens[i] < 0 || uint32_t(request.tokens[i]) >= vocabulary)
      return failf(ESPALIER_ERROR_ARGUMENT,
                   "token %u: expected an id of 0 to %u, got %d", i,
                   vocabulary - 1, request.tokens[i]);
  return ESPALIER_OK;
}

static espalier_status checkRequest(const espalier_session &session,
                                    const espalier_step_request &request) {
  if (request.count == 0 || request.count > INT32_MAX || !request.tokens)
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "step: expected 1 or more tokens, got %u", request.count);
  if (espalier_status status =
          checkTokens(request, session.model.descriptor->card->vocab))
    return status;
  if (request.wanted_count != 0 && (!request.wanted || !request.logits))
    return fail(ESPALIER_ERROR_ARGUMENT,
                "step: wanted rows, but wanted or logits is NULL");
  for (uint32_t i = 0; i < request.wanted_count; ++i) {
    uint32_t row = request.wanted[i];
    if (row >= request.count || (i > 0 && row <= request.wanted[i - 1]))
      return failf(ESPALIER_ERROR_ARGUMENT,
                   "wanted row %u: expected ascending rows of 0 to %u, got %u",
                   i, request.count - 1, row);
  }
  if (request.parents)
    for (uint32_t i = 0; i < request.count; ++i)
      if (request.parents[i] < -1 || request.parents[i] >= int32_t(i))
        return failf(ESPALIER_ERROR_ARGUMENT,
                     "parent of row %u: expected an earlier row or -1, got %d",
                     i, request.parents[i]);
  return ESPALIER_OK;
}

//===--- Rows -------------------------------------------------------------===//

espalier_status espalier_session::runRows(const espalier_step_request &request,
                                          uint32_t begin, uint32_t count,
                                          uint32_t &wantedDone) {
  bool isTree = request.parents != nullptr;
  const espalier_model_card &card = *model.descriptor->card;
  position.resize(count);
  past.assign(count, int32_t(isTree ? length : length + begin));
  cacheRow.resize(count);
  pathBegin.clear();
  path.clear();
  for (uint32_t r = 0; r < count; ++r) {
    uint32_t row = begin + r;
    cacheRow[r] = int32_t(length + row);
    position[r] = int32_t(length) + (isTree ? depth[row] : int32_t(row));
    if (!isTree)
      continue;
    pathBegin.push_back(int32_t(path.size()));
    path.resize(path.size() + size_t(depth[row]) + 1);
    size_t end = path.size();
    for (int32_t at = int32_t(row); at >= 0; at = request.parents[at])
      path[--end] = int32_t(length) + at;
  }
  wanted.clear();
  uint32_t wantedBegin = wantedDone;
  for (; wantedDone < request.wanted_count &&
         request.wanted[wantedDone] < begin + count;
       ++wantedDone)
    wanted.push_back(int32_t(request.wanted[wantedDone] - begin));

  espalier_step_args args = {};
  args.rows = count;
  args.wanted_count = uint32_t(wanted.size());
  args.tree = isTree;
  args.token = request.tokens + begin;
  args.position = position.data();
  args.past = past.data();
  args.cache_row = cacheRow.data();
  args.kv = caches.data();
  args.path_begin = isTree ? pathBegin.data() : nullptr;
  args.path = isTree ? path.data() : nullptr;
  args.wanted = wanted.data();
  if (request.logits)
    args.logits = request.logits + uint64_t(wantedBegin) * card.vocab;

  // The states of a layer stand together for all rows of the request, so those
  // of a chunk have to be put in their places.
  Reservation states;
  uint64_t chunkFloats = uint64_t(count) * card.hidden;
  bool isWhole = count == request.count;
  if (request.hidden && isWhole)
    args.hidden = request.hidden;
  if (request.hidden && !isWhole) {
    if (espalier_status status = states.reserve(
            (card.layers + 1) * chunkFloats * sizeof(float), "hidden states"))
      return status;
    args.hidden = reinterpret_cast<float *>(states.data());
  }
  model.run(args);
  if (request.hidden && !isWhole)
    for (uint64_t layer = 0; layer <= card.layers; ++layer)
      memcpy(request.hidden +
                 (layer * request.count + begin) * uint64_t(card.hidden),
             args.hidden + layer * chunkFloats, chunkFloats * sizeof(float));
  return ESPALIER_OK;
}

espalier_status espalier_session::runAll(const espalier_step_request &request) {
  uint32_t wantedDone = 0;
  for (uint32_t begin = 0; begin < request.count;) {
    if (cancelled.load(std::memory_order_relaxed))
      return fail(ESPALIER_CANCELLED, "cancelled");
    uint32_t count = std::min(request.count - begin, model.maxRows());
    if (espalier_status status = runRows(request, begin, count, wantedDone))
      return status;
    begin += count;
  }
  return ESPALIER_OK;
}

espalier_status
espalier_session::runChain(const espalier_step_request &request) {
  tree.parents.clear();
  if (espalier_status status = checkRoom(request.count))
    return status;
  espalier_status status = runAll(request);
  if (status == ESPALIER_OK)
    length += request.count;
  return status;
}

espalier_status
espalier_session::runTree(const espalier_step_request &request) {
  tree.parents.clear();
  // Before anything is made for so many rows.
  if (request.count > model.cacheRows - length)
    return failf(ESPALIER_ERROR_CONTEXT,
                 "a tree of %u rows does not fit into the cache: %llu rows are "
                 "free: use a smaller tree",
                 request.count, (unsigned long long)(model.cacheRows - length));
  depth.resize(request.count);
  int32_t deepest = 0;
  uint64_t pathRows = 0;
  for (uint32_t i = 0; i < request.count; ++i) {
    int32_t parent = request.parents[i];
    depth[i] = parent < 0 ? 0 : depth[size_t(parent)] + 1;
    deepest = std::max(deepest, depth[i]);
    pathRows += uint64_t(depth[i]) + 1;
  }
  if (espalier_status status = checkRoom(uint64_t(deepest) + 1))
    return status;
  if (pathRows > INT32_MAX)
    return failf(ESPALIER_ERROR_CONTEXT,
                 "the paths of a tree of %u rows have %llu rows together, more "
                 "than 2^31 - 1: use a smaller tree",
                 request.count, (unsigned long long)pathRows);
  espalier_status status = runAll(request);
  if (status == ESPALIER_OK)
    tree.parents.assign(request.parents, request.parents + request.count);
  return status;
}

extern "C" espalier_status espalier_step(espalier_session *session,
                                         const espalier_step_request *request) {
  if (!session || !request)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_step: session and request may not be NULL");
  session->cancelled.store(false, std::memory_order_relaxed);
  if (espalier_status status = checkStructSize(request->size, sizeof(*request),
                                               "espalier_step_request"))
    return status;
  if (espalier_status status = checkRequest(*session, *request))
    return status;
  return request->parents ? session->runTree(*request)
                          : session->runChain(*request);
}
