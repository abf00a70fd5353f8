//===- Shadow.h - Who touched what in a phase ----------------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_REFERENCE_SHADOW_H
#define ESPALIER_LIB_REFERENCE_SHADOW_H

#include "espalier/Support/Result.h"

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace espalier::reference {

/// The phase that runs and who works in it: one of its tiles, or every worker
/// (work that stands outside tiles is repeated by each).
struct PhaseState {
  static constexpr uint32_t everyone = UINT32_MAX;

  uint64_t number = 0; ///< of the phases that ran, from 1
  std::string label;
  uint32_t tile = everyone;
  uint32_t nextTile = 0; ///< the number of the next loop's first tile
  /// The tile where each loop begins.
  std::vector<uint32_t> loopBegins;

  std::string worker(uint32_t tile) const;
};

/// The accesses to the elements of one shared object.
class Shadow {
public:
  Shadow(std::string name, std::vector<int64_t> shape);

  /// Fails where the access meets one of another tile of the same phase, of
  /// which one writes.
  Status read(const PhaseState &phase, uint64_t element);
  Status write(const PhaseState &phase, uint64_t element);

  llvm::StringRef getName() const { return name; }

private:
  static constexpr uint32_t nobody = UINT32_MAX - 1;
  static constexpr uint32_t several = UINT32_MAX - 2;
  struct Access {
    uint64_t phase = 0;
    uint32_t writer = nobody, reader = nobody;
  };
  Access &at(const PhaseState &phase, uint64_t element);
  Error conflict(const PhaseState &phase, uint64_t element, uint32_t other,
                 const char *theirs, const char *ours) const;

  std::string name;
  std::vector<int64_t> shape;
  std::vector<Access> accesses;
};

} // namespace espalier::reference

#endif // ESPALIER_LIB_REFERENCE_SHADOW_H
