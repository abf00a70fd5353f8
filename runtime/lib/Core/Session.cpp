//===- Session.cpp - One sequence and its cache -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Session.h"

#include "KvCache.h"
#include "LastError.h"

#include <memory>
#include <new>
#include <sys/mman.h>

using namespace espalier;
using namespace espalier::runtime;

espalier_status espalier_session::create() {
  MemoryNeed need;
  need.cache = model.cacheBytes;
  need.context = model.context;
  if (espalier_status status = checkMemory(need, availableMemory()))
    return status;
  if (espalier_status status = cache.reserve(model.cacheBytes, "cache"))
    return status;
  // A token's rows are spread over the whole cache, a stripe for each layer and
  // head: with huge pages, the first token would touch all of a large cache.
  if (model.cacheBytes > (64u << 20))
    madvise(cache.data(), cache.size(), MADV_NOHUGEPAGE);
  caches.assign(model.maxRows(), cache.data());
  return ESPALIER_OK;
}

espalier_status espalier_session::checkRoom(uint64_t count) const {
  if (count <= model.context - length)
    return ESPALIER_OK;
  return failf(ESPALIER_ERROR_CONTEXT,
               "%llu tokens do not fit into the context: it holds %u, and %u "
               "are used: open the model with a larger context",
               (unsigned long long)count, model.context, length);
}

extern "C" espalier_status espalier_session_create(espalier_model *model,
                                                   espalier_session **session) {
  if (!model || !session)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_session_create: model and session may not be NULL");
  *session = nullptr;
  std::unique_ptr<espalier_session> made(new (std::nothrow)
                                             espalier_session(*model));
  if (!made)
    return fail(ESPALIER_ERROR_MEMORY, "no memory for a session");
  if (espalier_status status = made->create())
    return status;
  *session = made.release();
  return ESPALIER_OK;
}

extern "C" void espalier_session_destroy(espalier_session *session) {
  delete session;
}

extern "C" uint32_t espalier_session_length(const espalier_session *session) {
  return session->length;
}

extern "C" espalier_status espalier_session_truncate(espalier_session *session,
                                                     uint32_t length) {
  if (!session || length > session->length)
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "espalier_session_truncate: expected a length of at most %u, "
                 "got %u",
                 session ? session->length : 0, length);
  session->length = length;
  session->tree.parents.clear();
  return ESPALIER_OK;
}

extern "C" espalier_status espalier_commit(espalier_session *session,
                                           int32_t row) {
  if (!session)
    return fail(ESPALIER_ERROR_ARGUMENT, "espalier_commit: session is NULL");
  std::vector<int32_t> &parents = session->tree.parents;
  if (parents.empty())
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_commit: no tree was stepped since the last change");
  if (row < -1 || row >= int32_t(parents.size()))
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "espalier_commit: expected a row of -1 to %zu, got %d",
                 parents.size() - 1, row);
  std::vector<int32_t> path;
  for (int32_t at = row; at >= 0; at = parents[size_t(at)])
    path.push_back(at);
  // From the root down, a row never moves to a later place, nor onto one that
  // is still to be read: row i of the path has index i or more.
  uint64_t past = session->length;
  for (size_t i = 0; i < path.size(); ++i)
    session->moveRow(past + uint64_t(path[path.size() - 1 - i]), past + i);
  session->length += uint32_t(path.size());
  parents.clear();
  return ESPALIER_OK;
}

void espalier_session::moveRow(uint64_t from, uint64_t to) {
  copyCacheRow(model.descriptor->kv, model.cacheRows, cache.data(), from, to);
}

extern "C" void espalier_cancel(espalier_session *session) {
  if (session)
    session->cancelled.store(true, std::memory_order_relaxed);
}
