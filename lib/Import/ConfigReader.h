//===- ConfigReader.h - Members of a configuration --------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Reads the members of config.json one by one. The first failure is kept, and
/// what is read after it does not count: a family's hook reads all its keys and
/// the caller asks once whether that went well.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_CONFIGREADER_H
#define ESPALIER_LIB_IMPORT_CONFIGREADER_H

#include "espalier/Import/ModelConfig.h"

#include <algorithm>

namespace espalier {

class ConfigReader {
public:
  using Aliases = std::vector<std::pair<std::string_view, std::string_view>>;
  /// A key that is missing is looked for under its other name.
  explicit ConfigReader(const json::Value &object, Aliases aliases = {})
      : object(object), aliases(std::move(aliases)) {}

  const json::Value &value() const { return object; }
  /// A member that is null counts as absent, as it does for transformers.
  const json::Value *find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  /// The member is there, and null.
  bool isNull(std::string_view key) const;

  /// Each leaves `into` as it is where the key is missing.
  void count(std::string_view key, uint64_t &into);
  void number(std::string_view key, double &into);
  void flag(std::string_view key, bool &into);
  void text(std::string_view key, std::string &into);
  /// One of the names that transformers has for an activation.
  void activation(std::string_view key, Activation &into);
  /// A list of finite numbers.
  void numbers(std::string_view key, std::vector<double> &into);
  void required(std::string_view key, uint64_t &into);
  /// The same where null is a value: it means none, 0.
  void countOrNone(std::string_view key, uint64_t &into);
  void numberOrNone(std::string_view key, double &into);

  /// Fails where the key has another value than the one with which it changes
  /// nothing.
  void expect(std::string_view key, bool neutral);
  void expect(std::string_view key, double neutral);
  /// Fails where the key is given.
  void refuse(std::string_view key, const std::string &instead);
  /// "'KEY': VALUE is not supported; INSTEAD", where the key is given.
  void unsupported(std::string_view key, const std::string &instead);

  void fail(Error error);
  bool failed() const { return failure.has_value(); }
  Status status() const;

private:
  const json::Value &object;
  Aliases aliases;
  std::optional<Error> failure;
};

/// The value as a message shows it.
std::string shown(const json::Value &value);
Error wrongKind(std::string_view key, const char *wanted,
                const json::Value &value);

/// The elements of a head that a share of it is, and the share that they are.
/// checkConfig refuses heads that are too large, which the conversions would
/// not take.
inline uint64_t rotatedPart(uint64_t headDim, double share) {
  return uint64_t(double(std::min<uint64_t>(headDim, 1u << 20)) * share);
}
inline double rotatedShare(uint64_t headDim, uint64_t part) {
  headDim = std::min<uint64_t>(headDim, 1u << 20);
  return headDim ? double(part) / double(headDim) : 1;
}

/// Reads `rope_parameters`, or `rope_theta` and `rope_scaling`, into `rope`,
/// whose members hold what counts where a key is missing. `rope.dim` becomes
/// the rotated part of a head. Where the object holds one object for each type
/// of layer, `layerType` says which is meant.
void readRope(ConfigReader &reader, const ModelConfig &config, RopeConfig &rope,
              std::string_view layerType = {});

/// The same for one object of rope parameters.
void readRopeObject(ConfigReader &reader, const json::Value &object,
                    const ModelConfig &config, RopeConfig &rope);

/// What a family without windows and with at most one rope has.
void readPlainLayers(ConfigReader &reader, ModelConfig &config);

/// `sliding_window` of all layers: a count, or null for none. `window`: what
/// counts where the key is missing.
void readWindow(ConfigReader &reader, ModelConfig &config, uint64_t window);

/// Gives each layer that `layer_types` names sliding the window `window` (0:
/// none). Without that key, `isSliding(i)` tells. Other types are refused.
void readLayerTypes(ConfigReader &reader, ModelConfig &config, uint64_t window,
                    bool (*isSliding)(uint64_t layer, uint64_t figure),
                    uint64_t figure = 0);

} // namespace espalier

#endif // ESPALIER_LIB_IMPORT_CONFIGREADER_H
