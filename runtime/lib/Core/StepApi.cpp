//===- StepApi.cpp - espalier_step and espalier_step_batch ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LastError.h"
#include "Session.h"

#include <algorithm>

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
  if (espalier_status status = checkStructSize(request.size, sizeof(request),
                                               "espalier_step_request"))
    return status;
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

/// Finds the depth of a tree's rows; refuses what does not fit.
static espalier_status prepareTree(StepPart &part) {
  const espalier_session &session = *part.session;
  const espalier_step_request &request = *part.request;
  // Before anything is made for so many rows.
  uint64_t free = session.model.cacheRows - session.length();
  if (request.count > free)
    return failf(ESPALIER_ERROR_CONTEXT,
                 "a tree of %u rows does not fit into the cache: %llu rows are "
                 "free: use a smaller tree",
                 request.count, (unsigned long long)free);
  std::vector<int32_t> &depth = part.depth;
  depth.resize(request.count);
  int32_t deepest = 0;
  uint64_t pathRows = 0;
  for (uint32_t i = 0; i < request.count; ++i) {
    int32_t parent = request.parents[i];
    depth[i] = parent < 0 ? 0 : depth[size_t(parent)] + 1;
    deepest = std::max(deepest, depth[i]);
    pathRows += uint64_t(depth[i]) + 1;
  }
  if (espalier_status status = session.checkRoom(uint64_t(deepest) + 1))
    return status;
  // Half: beside it, the other sequences of a call may have paths too.
  if (pathRows > INT32_MAX / 2)
    return failf(ESPALIER_ERROR_CONTEXT,
                 "the paths of a tree of %u rows have %llu rows together, more "
                 "than 2^30: use a smaller tree",
                 request.count, (unsigned long long)pathRows);
  return ESPALIER_OK;
}

espalier_status runtime::prepare(StepPart &part) {
  if (espalier_status status = checkRequest(*part.session, *part.request))
    return status;
  part.session->tree.clear();
  return part.isTree() ? prepareTree(part)
                       : part.session->checkRoom(part.request->count);
}

//===--- API --------------------------------------------------------------===//

/// Runs prepared parts and advances all of them, or none.
static espalier_status runAll(std::span<StepPart> parts) {
  if (espalier_status status = runParts(parts))
    return status;
  for (const StepPart &part : parts)
    if (part.cancelled)
      return fail(ESPALIER_CANCELLED, "cancelled");
  for (const StepPart &part : parts)
    advance(part);
  return ESPALIER_OK;
}

extern "C" espalier_status espalier_step(espalier_session *session,
                                         const espalier_step_request *request) {
  if (!session || !request)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_step: session and request may not be NULL");
  session->cancelled.store(false, std::memory_order_relaxed);
  StepPart part = {session, request};
  if (espalier_status status = prepare(part))
    return status;
  return runAll({&part, 1});
}

extern "C" espalier_status
espalier_step_batch(espalier_model *model, espalier_session *const *sessions,
                    const espalier_step_request *requests, uint32_t count) {
  if (!model || !sessions || !requests || count == 0)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_step_batch: expected a model and 1 or more sessions "
                "with their requests");
  if (espalier_status status = checkSessions(*model, {sessions, count}))
    return status;
  std::vector<StepPart> parts;
  for (uint32_t i = 0; i < count; ++i) {
    sessions[i]->cancelled.store(false, std::memory_order_relaxed);
    parts.push_back({sessions[i], &requests[i]});
  }
  uint64_t pathRows = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (espalier_status status = prepare(parts[i]))
      return failf(status, "sequence %u: %s", i,
                   std::string(espalier_last_error()).c_str());
    for (int32_t depth : parts[i].depth)
      pathRows += uint64_t(depth) + 1;
  }
  if (pathRows > INT32_MAX / 2)
    return fail(ESPALIER_ERROR_CONTEXT,
                "the paths of all trees have more than 2^30 rows together: use "
                "smaller trees");
  return runAll(parts);
}
