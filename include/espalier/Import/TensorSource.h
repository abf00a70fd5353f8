//===- TensorSource.h - The tensors of a model, whatever file ---*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// One view of safetensors, GGUF and made-up weights: named tensors whose rows
/// are read in place, or made when they are asked for, so that a model never
/// has to be in memory whole.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_IMPORT_TENSORSOURCE_H
#define ESPALIER_IMPORT_TENSORSOURCE_H

#include "espalier/Import/Checkpoint.h"
#include "espalier/Import/GGUF.h"
#include "espalier/Support/Encodings.h"
#include "espalier/Support/Result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace espalier {

struct SourceTensor {
  std::string name;
  std::string typeName;             ///< as the file spells it: "BF16", "Q4_K"
  std::optional<Encoding> encoding; ///< nothing: no weight may have this type
  std::vector<uint64_t> shape;      ///< row-major
  std::span<const uint8_t> bytes;   ///< empty where the tensor is made up
  size_t file = 0;                  ///< whose bytes they are
  uint64_t offset = 0;              ///< of `bytes` in that file
  /// Made up: how far the values spread around what is neutral, and that.
  float spread = 0, centre = 0;
};

/// Bytes of one row (the last dimension) of a tensor; 0 where the type is no
/// encoding, or its blocks do not divide the row.
uint64_t rowBytes(const SourceTensor &tensor);

class TensorSource {
public:
  /// A checkpoint that holds nothing.
  TensorSource() = default;
  explicit TensorSource(Checkpoint checkpoint);
  explicit TensorSource(GgufModel model);
  /// Weights from a seed: `declare` says which there are.
  static TensorSource madeUp(uint64_t seed, Encoding type);

  bool isMadeUp() const { return std::holds_alternative<MadeUp>(origin); }
  bool isGGUF() const { return std::holds_alternative<GgufModel>(origin); }

  /// Null: no such tensor.
  const SourceTensor *find(std::string_view name) const;
  const std::map<std::string, SourceTensor, std::less<>> &tensors() const {
    return named;
  }

  /// Makes a tensor up: matrices [N, K] spread as 1/sqrt(K), vectors spread
  /// little around `centre`. Of the source's type; vectors are float32.
  void declare(const std::string &name, std::vector<uint64_t> shape,
               float centre);

  /// The bytes of rows first .. first + count - 1 (a vector is one row), in
  /// place, or made up in `scratch`. The caller keeps within the tensor. May be
  /// called by several threads, each with a scratch of its own.
  const uint8_t *rows(const SourceTensor &tensor, uint64_t first,
                      uint64_t count, std::vector<uint8_t> &scratch) const;

  /// Tells the kernel that these rows are not needed any more.
  void release(const SourceTensor &tensor, uint64_t first,
               uint64_t count) const;

  /// Fails when a file changed since it was opened.
  Status unchanged() const;

private:
  struct MadeUp {
    uint64_t seed = 0;
    Encoding type = Encoding::BF16;
  };
  std::variant<std::monostate, Checkpoint, GgufModel, MadeUp> origin;
  std::map<std::string, SourceTensor, std::less<>> named;
};

} // namespace espalier

#endif // ESPALIER_IMPORT_TENSORSOURCE_H
