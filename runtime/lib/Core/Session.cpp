//===- Session.cpp - One sequence and its cache -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Session.h"

#include "KvCache.h"
#include "LastError.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <sys/mman.h>

using namespace espalier;
using namespace espalier::runtime;

espalier_status espalier_session::reserveCache(Reservation &memory) const {
  MemoryNeed need;
  need.cache = model.cacheBytes;
  need.context = model.context;
  if (espalier_status status = checkMemory(need, availableMemory()))
    return status;
  if (espalier_status status = memory.reserve(model.cacheBytes, "cache"))
    return status;
  // A token's rows are spread over the whole cache, a stripe for each layer and
  // head: with huge pages, the first token would touch all of a large cache.
  if (model.cacheBytes > (64u << 20))
    madvise(memory.data(), memory.size(), MADV_NOHUGEPAGE);
  return ESPALIER_OK;
}

espalier_status espalier_session::create() { return reserveCache(cache); }

espalier_status espalier_session::checkRoom(uint64_t count) const {
  if (count <= model.context - length())
    return ESPALIER_OK;
  return failf(ESPALIER_ERROR_CONTEXT,
               "%llu tokens do not fit into the context: it holds %u, and %u "
               "are used: %s",
               (unsigned long long)count, model.context, length(),
               model.contextAdvice());
}

void espalier_session::commit(int32_t row) {
  std::vector<int32_t> path;
  for (int32_t at = row; at >= 0; at = tree.parents[size_t(at)])
    path.push_back(at);
  // From the root down, a row never moves to a later place, nor onto one that
  // is still to be read: row i of the path has index i or more.
  uint64_t past = length();
  for (size_t i = 0; i < path.size(); ++i) {
    int32_t from = path[path.size() - 1 - i];
    copyCacheRow(model.descriptor->kv, model.cacheRows, cache.data(),
                 past + uint64_t(from), past + i);
    tokens.push_back(tree.tokens[size_t(from)]);
  }
  tree.clear();
}

espalier_status
runtime::checkSessions(const espalier_model &model,
                       std::span<espalier_session *const> sessions) {
  for (size_t i = 0; i < sessions.size(); ++i) {
    if (!sessions[i])
      return failf(ESPALIER_ERROR_ARGUMENT, "sequence %zu: session is NULL", i);
    if (&sessions[i]->model != &model)
      return failf(ESPALIER_ERROR_ARGUMENT,
                   "sequence %zu: expected a session of model '%s', got one of "
                   "another model",
                   i, model.descriptor->name);
  }
  std::vector<espalier_session *> sorted(sessions.begin(), sessions.end());
  std::sort(sorted.begin(), sorted.end());
  auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice == sorted.end())
    return ESPALIER_OK;
  auto first = std::find(sessions.begin(), sessions.end(), *twice);
  auto second = std::find(first + 1, sessions.end(), *twice);
  return failf(ESPALIER_ERROR_ARGUMENT,
               "sequence %zu: its session is that of sequence %zu too: each "
               "takes a session of its own",
               size_t(second - sessions.begin()),
               size_t(first - sessions.begin()));
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
  return session->length();
}

extern "C" const int32_t *
espalier_session_tokens(const espalier_session *session) {
  return session->tokens.data();
}

extern "C" espalier_status espalier_session_truncate(espalier_session *session,
                                                     uint32_t length) {
  if (!session || length > session->length())
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "espalier_session_truncate: expected a length of at most %u, "
                 "got %u",
                 session ? session->length() : 0, length);
  session->tokens.resize(length);
  session->tree.clear();
  return ESPALIER_OK;
}

extern "C" espalier_status
espalier_session_fork(const espalier_session *session,
                      espalier_session **copy) {
  if (!session || !copy)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_session_fork: session and copy may not be NULL");
  *copy = nullptr;
  espalier_session *made;
  if (espalier_status status = espalier_session_create(&session->model, &made))
    return status;
  forEachCacheRun(session->model.descriptor->kv, session->model.cacheRows,
                  session->length(),
                  [&](uint64_t offset, uint64_t bytes, bool) {
                    memcpy(made->cache.data() + offset,
                           session->cache.data() + offset, bytes);
                  });
  made->tokens = session->tokens;
  *copy = made;
  return ESPALIER_OK;
}

extern "C" espalier_status espalier_commit(espalier_session *session,
                                           int32_t row) {
  if (!session)
    return fail(ESPALIER_ERROR_ARGUMENT, "espalier_commit: session is NULL");
  size_t rows = session->tree.parents.size();
  if (rows == 0)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_commit: no tree was stepped since the last change");
  if (row < -1 || row >= int32_t(rows))
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "espalier_commit: expected a row of -1 to %zu, got %d",
                 rows - 1, row);
  session->commit(row);
  return ESPALIER_OK;
}

extern "C" void espalier_cancel(espalier_session *session) {
  if (session)
    session->cancelled.store(true, std::memory_order_relaxed);
}
