//===- Model.h - A descriptor made ready to run -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_MODEL_H
#define ESPALIER_RUNTIME_CORE_MODEL_H

#include "../Text/Tokenizer.h"
#include "Advice.h"
#include "Barrier.h"
#include "System.h"
#include "Weights.h"
#include "espalier/Support/Hash.h"

#include <optional>

/// The C API's handle is the object itself. What a step writes (arenas,
/// barrier) is used under the team's lock, the rest is constant after open:
/// sessions of one model may be used by different threads.
struct espalier_model {
  espalier_model() = default;
  espalier_model(const espalier_model &) = delete;
  espalier_model &operator=(const espalier_model &) = delete;
  ~espalier_model();

  espalier_status open(const espalier_descriptor &descriptor,
                       const espalier_open_options &options);

  /// Runs one step, of at most maxRows() rows, on the team. Fills in what does
  /// not depend on the session: weights, tables, arenas, barrier.
  void run(espalier_step_args &args);

  uint32_t maxRows() const {
    return descriptor->variants[descriptor->variant_count - 1].max_rows;
  }
  /// A hash of all that turns the first `positions` positions into rotations.
  espalier::Hash128 hashRotations(uint32_t positions) const;

  /// Whether it could be opened with a larger context.
  bool mayGrow() const { return context < descriptor->card->max_positions; }
  /// What to do where tokens do not fit into the context.
  const char *contextAdvice() const {
    return mayGrow() ? espalier::runtime::largerContext
                     : "the model was made for no more";
  }
  /// For espalier_generate and the text functions.
  espalier_status requireTokenizer() const;

  const espalier_descriptor *descriptor = nullptr;
  const espalier_isa_entry *isa = nullptr;
  uint32_t context = 0;
  uint64_t cacheRows = 0; ///< rows of a session's cache, a multiple of 64
  uint64_t cacheBytes = 0;
  std::optional<espalier::text::Tokenizer> tokenizer;
  void *library = nullptr; ///< of dlopen, closed with the model

private:
  struct WorkerCall;
  espalier_status planMemory();
  espalier_status loadTokenizer();
  espalier_status takeTeam(const espalier_open_options &options);
  void fillRopeTable();

  espalier::runtime::Weights weights;
  espalier::runtime::Reservation rope, sharedArena, privateArenas, blockArena;
  uint64_t privateStride = 0;
  espalier_team *team = nullptr;
  bool isDefaultTeam = false;
  espalier::runtime::Barrier barrier;
  alignas(64) std::atomic<uint32_t> claim{0};

  friend espalier_status espalier_verify(espalier_model *model);
};

#endif // ESPALIER_RUNTIME_CORE_MODEL_H
