//===- Session.h - One sequence and its cache -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_SESSION_H
#define ESPALIER_RUNTIME_CORE_SESSION_H

#include "Model.h"
#include "Step.h"

#include <atomic>
#include <vector>

/// The C API's handle is the object itself.
struct espalier_session {
  explicit espalier_session(espalier_model &model) : model(model) {}
  espalier_session(const espalier_session &) = delete;
  espalier_session &operator=(const espalier_session &) = delete;

  espalier_status create();

  /// Zeroed memory for the cache of the model's context.
  espalier_status reserveCache(espalier::runtime::Reservation &memory) const;

  uint32_t length() const { return uint32_t(tokens.size()); }

  /// Refuses `count` more tokens that do not fit into the context.
  espalier_status checkRoom(uint64_t count) const;

  /// Keeps the path that ends in row `row` of the tree.
  void commit(int32_t row);

  /// A tree that was stepped and not committed: its rows lie in the cache after
  /// the session's tokens. Anything but a commit drops it.
  struct Tree {
    std::vector<int32_t> parents, tokens;
    void clear() {
      parents.clear();
      tokens.clear();
    }
  };

  espalier_model &model;
  std::vector<int32_t> tokens; ///< whose rows are in the cache
  Tree tree;
  espalier::runtime::Reservation cache;
  espalier::runtime::StepRows rows; ///< kept, so that a step allocates nothing
  std::atomic<bool> cancelled{false};
  static_assert(std::atomic<bool>::is_always_lock_free,
                "espalier_cancel may be called from a signal handler");
};

namespace espalier::runtime {
/// Refuses sessions of other models, and one that is given twice.
espalier_status checkSessions(const espalier_model &model,
                              std::span<espalier_session *const> sessions);
} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_SESSION_H
