//===- SafeTensors.h - safetensors files ---------------------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_IMPORT_SAFETENSORS_H
#define ESPALIER_IMPORT_SAFETENSORS_H

#include "espalier/Support/MappedFile.h"
#include "espalier/Support/Result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

/// The element types of safetensors.
enum class DType : uint8_t {
  Bool,
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  U64,
  I64,
  F16,
  BF16,
  F32,
  F64,
  C64,
  F8E4M3,
  F8E5M2,
  F8E8M0,
  F8E4M3FNUZ,
  F8E5M2FNUZ,
  F6E2M3,
  F6E3M2,
  F4
};

/// The name in the file: "F32", "BF16", "F8_E4M3", ...
std::string_view dtypeName(DType type);
std::optional<DType> dtypeFromName(std::string_view name);
unsigned dtypeBits(DType type);

struct SafeTensorsEntry {
  std::string name;
  DType dtype;
  std::vector<uint64_t> shape; ///< row-major; empty: a scalar
  uint64_t begin, end;         ///< bytes in the data section
};

struct SafeTensorsHeader {
  uint64_t headerBytes = 0; ///< where the data section starts: 8 + N
  std::vector<SafeTensorsEntry> entries; ///< in the order of their data
  std::map<std::string, std::string, std::less<>> metadata;

  const SafeTensorsEntry *find(std::string_view name) const;
  std::map<std::string, size_t, std::less<>> index; ///< name to entry
};

/// Parses the header at the front of `bytes`, which holds it whole (any more is
/// not looked at), for a file of `fileSize` bytes. A header is accepted when
/// every tensor's extent agrees with its shape and the tensors fill the data
/// section without hole or overlap, to the last byte. Pure.
Result<SafeTensorsHeader> parseSafeTensorsHeader(std::span<const uint8_t> bytes,
                                                 uint64_t fileSize);

/// A mapped safetensors file with its checked header.
class SafeTensorsFile {
public:
  static Result<SafeTensorsFile> open(const std::string &path);

  const SafeTensorsHeader &header() const { return parsed; }
  const MappedFile &file() const { return mapped; }
  /// The bytes of one of this file's entries. They may lie at any address.
  std::span<const uint8_t> data(const SafeTensorsEntry &entry) const;

private:
  MappedFile mapped;
  SafeTensorsHeader parsed;
};

} // namespace espalier

#endif // ESPALIER_IMPORT_SAFETENSORS_H
