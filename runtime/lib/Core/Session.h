//===- Session.h - One sequence and its cache -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_SESSION_H
#define ESPALIER_RUNTIME_CORE_SESSION_H

#include "Model.h"

#include <atomic>
#include <vector>

/// The C API's handle is the object itself.
struct espalier_session {
  explicit espalier_session(espalier_model &model) : model(model) {}
  espalier_session(const espalier_session &) = delete;
  espalier_session &operator=(const espalier_session &) = delete;

  espalier_status create();

  /// The request has been checked. Stops between chunks when cancelled; the
  /// session is then as it was before.
  espalier_status runChain(const espalier_step_request &request);
  espalier_status runTree(const espalier_step_request &request);

  /// Copies a row of the cache to another place.
  void moveRow(uint64_t from, uint64_t to);

  /// Refuses `count` more tokens that do not fit into the context.
  espalier_status checkRoom(uint64_t count) const;

  /// A tree that was stepped and not committed: its rows lie in the cache after
  /// the session's tokens. Anything but a commit drops it.
  struct Tree {
    std::vector<int32_t> parents;
  };

  espalier_model &model;
  uint32_t length = 0;
  Tree tree;
  std::atomic<bool> cancelled{false};
  static_assert(std::atomic<bool>::is_always_lock_free,
                "espalier_cancel may be called from a signal handler");

private:
  /// Fills in the arrays of rows [begin, begin + count) and runs them.
  espalier_status runRows(const espalier_step_request &request, uint32_t begin,
                          uint32_t count, uint32_t &wantedDone);
  espalier_status runAll(const espalier_step_request &request);

  espalier::runtime::Reservation cache;
  std::vector<int32_t> depth; ///< of each row of the request; chain: unused
  std::vector<int32_t> position, past, cacheRow, pathBegin, path, wanted;
  std::vector<uint8_t *> caches;
};

#endif // ESPALIER_RUNTIME_CORE_SESSION_H
