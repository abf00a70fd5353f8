//===- Weights.h - The packed weights of a model, mapped --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_WEIGHTS_H
#define ESPALIER_RUNTIME_CORE_WEIGHTS_H

#include "espalier/Support/MappedFile.h"
#include "espalier/espalier.h"

#include <span>

namespace espalier::runtime {

/// The container of a descriptor. It stays mapped while this lives; who
/// shortens the file meanwhile ends the process, as with any mapped file.
class Weights {
public:
  /// Finds and checks it: the file at `path`, or what is bundled there, or,
  /// where that is NULL, the bundle in the image that holds the descriptor, or
  /// the file beside that image.
  espalier_status open(const espalier_descriptor &descriptor, const char *path);

  /// Has the kernel fetch the file in the background: every token reads all of
  /// it. To be called once it is known to fit into memory.
  void prefetch() const;

  const uint8_t *data() const { return section.data(); }
  const MappedFile &file() const { return mapped; }

  /// Compares the hash of each tensor's bytes with the descriptor's.
  espalier_status verify(const espalier_descriptor &descriptor) const;

private:
  espalier_status use(std::span<const uint8_t> container,
                      const espalier_descriptor &descriptor);
  /// Takes over `file` and uses its bundle, where it has one.
  espalier_status takeBundle(MappedFile &file,
                             const espalier_descriptor &descriptor,
                             bool &found);

  MappedFile mapped;
  std::span<const uint8_t> section;
};

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_WEIGHTS_H
