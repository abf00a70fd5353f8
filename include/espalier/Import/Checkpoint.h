//===- Checkpoint.h - A folder of safetensors ----------------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_IMPORT_CHECKPOINT_H
#define ESPALIER_IMPORT_CHECKPOINT_H

#include "espalier/Import/SafeTensors.h"

namespace espalier {

/// `model.safetensors.index.json`.
struct SafeTensorsIndex {
  std::map<std::string, std::string, std::less<>> weightMap; ///< tensor: shard
};

/// Parses an index. Each shard is a plain file name that ends in
/// `.safetensors`: no separator, no `..`. Pure.
Result<SafeTensorsIndex> parseSafeTensorsIndex(std::string_view text);

/// The real path of `name` in `folder`. A symbolic link must not leave the
/// folder, with one exception: a Hugging Face cache, `X/snapshots/REVISION`,
/// holds links into `X/blobs`.
Result<std::string> resolveInFolder(const std::string &folder,
                                    const std::string &name);

struct CheckpointTensor {
  size_t file; ///< index into Checkpoint::files()
  DType dtype;
  std::vector<uint64_t> shape;
  uint64_t offset; ///< of `bytes` in the file
  std::span<const uint8_t> bytes;
};

/// The tensors of a Hugging Face folder (`model.safetensors`, or the shards of
/// `model.safetensors.index.json`), or of one `.safetensors` file. Spans live
/// as long as the checkpoint, also when it is moved.
class Checkpoint {
public:
  static Result<Checkpoint> open(const std::string &path);

  const std::map<std::string, CheckpointTensor, std::less<>> &tensors() const {
    return named;
  }
  /// Null: no such tensor.
  const CheckpointTensor *find(std::string_view name) const;
  const std::vector<SafeTensorsFile> &files() const { return opened; }
  /// Fails when one of the files changed since it was opened.
  Status unchanged() const;

private:
  void add(const std::string &name, size_t file, const SafeTensorsEntry &entry);
  static Result<Checkpoint> openSingle(const std::string &path);
  static Result<Checkpoint> openShards(const std::string &folder);

  std::vector<SafeTensorsFile> opened;
  std::map<std::string, CheckpointTensor, std::less<>> named;
};

} // namespace espalier

#endif // ESPALIER_IMPORT_CHECKPOINT_H
