//===- Step.h - Rows of several sessions in one step ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_STEP_H
#define ESPALIER_RUNTIME_CORE_STEP_H

#include "espalier/espalier.h"

#include <cstdint>
#include <span>
#include <vector>

namespace espalier::runtime {

/// One session's share of a step.
struct StepPart {
  espalier_session *session;
  const espalier_step_request *request;
  uint32_t rowsDone = 0, wantedDone = 0;
  bool cancelled = false;     ///< before its last rows were run
  std::vector<int32_t> depth; ///< of each row of a tree; empty for a chain

  bool isTree() const { return request->parents != nullptr; }
};

/// Rows [begin, begin + count) of a part, which are rows [at, at + count) of a
/// call of the emitted step.
struct StepPiece {
  const StepPart *part;
  uint32_t begin, count, at;
  uint32_t wantedBegin, wantedCount; ///< of the request's wanted rows
};

/// The arrays of espalier_step_args, filled piece by piece.
struct StepRows {
  void clear();
  void add(const StepPiece &piece);
  /// All that depends on the rows; in the end, whether any is of a tree.
  espalier_step_args args() const;

  std::vector<StepPiece> pieces;

private:
  std::vector<int32_t> token, position, past, cacheRow, pathBegin, path, wanted;
  std::vector<uint8_t *> kv;
  bool isTree = false;
};

/// Checks a request against its session and drops the session's tree.
espalier_status prepare(StepPart &part);

/// Runs the rows of all parts, which are prepared and of one model, as many in
/// one call of the emitted step as it takes. A part whose session is cancelled
/// drops out between two calls. No session is advanced.
espalier_status runParts(std::span<StepPart> parts);

/// Makes the rows of a part that was run the session's: its tokens, or its
/// tree.
void advance(const StepPart &part);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_STEP_H
