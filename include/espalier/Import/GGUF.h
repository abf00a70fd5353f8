//===- GGUF.h - GGUF files ------------------------------------ -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// GGUF versions 2 and 3, little-endian. Strings, arrays and tensor data of a
/// parsed file are views of its bytes.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_IMPORT_GGUF_H
#define ESPALIER_IMPORT_GGUF_H

#include "espalier/Support/Encodings.h"
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

/// The types of metadata values, with the numbers of the format.
enum class GgufType : uint8_t {
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  F32,
  Bool,
  String,
  Array,
  U64,
  I64,
  F64
};
std::string_view ggufTypeName(GgufType type); ///< "uint8", ..., "array"

/// A metadata value. Each accessor gives the value where the type fits, else
/// nothing; a non-negative integer is both signed and unsigned where it fits.
class GgufValue {
public:
  GgufType type() const { return valueType; }
  /// "uint32", "array of 3 float32".
  std::string describe() const;

  std::optional<uint64_t> asUnsigned() const;
  std::optional<int64_t> asInteger() const;
  std::optional<double> asFloat() const; ///< float32 and float64 only
  std::optional<bool> asBool() const;
  std::optional<std::string_view> asString() const;

  bool isArray() const { return valueType == GgufType::Array; }
  GgufType elementType() const { return arrayType; }
  uint64_t size() const { return count; } ///< of an array
  /// Whole arrays, each of the fitting element type.
  std::optional<std::vector<int64_t>> asIntegers() const;
  std::optional<std::vector<float>> asFloats() const; ///< float32 only
  const std::vector<std::string_view> *asStrings() const;

private:
  friend class GgufParser;
  GgufType valueType = GgufType::U8;
  GgufType arrayType = GgufType::U8;
  uint64_t count = 0;
  std::span<const uint8_t> raw; ///< scalar, or the array's elements
  std::vector<std::string_view> strings;
};

struct GgufTensor {
  std::string_view name;
  std::vector<uint64_t> dims; ///< as in the file: fastest first
  uint32_t type;              ///< a known ggml type
  uint64_t offset, size;      ///< bytes in the data section

  /// Row-major order: slowest first.
  std::vector<uint64_t> shape() const { return {dims.rbegin(), dims.rend()}; }
};

/// The name of a ggml type ("Q4_K"), or empty: no such type.
std::string_view ggmlTypeName(uint32_t type);
/// What of them is understood: F32, F16, BF16, Q8_0, Q4_0, Q4_1.
std::optional<Encoding> ggmlEncoding(uint32_t type);

class GgufFile {
public:
  uint32_t version() const { return fileVersion; }
  uint64_t alignment() const { return dataAlignment; }
  uint64_t dataOffset() const { return dataStart; }

  /// In the order of the file.
  const std::vector<std::pair<std::string_view, GgufValue>> &metadata() const {
    return values;
  }
  const std::vector<GgufTensor> &tensors() const { return infos; }
  const GgufValue *find(std::string_view key) const;
  const GgufTensor *findTensor(std::string_view name) const;

  /// Typed access: fails, naming the key, where it is missing or of another
  /// type or (arrays, when a length is given) length.
  Result<uint64_t> getUnsigned(std::string_view key) const;
  Result<double> getFloat(std::string_view key) const;
  Result<bool> getBool(std::string_view key) const;
  Result<std::string_view> getString(std::string_view key) const;
  Result<std::vector<std::string_view>>
  getStrings(std::string_view key, std::optional<uint64_t> length = {}) const;
  Result<std::vector<float>>
  getFloats(std::string_view key, std::optional<uint64_t> length = {}) const;
  Result<std::vector<int64_t>>
  getIntegers(std::string_view key, std::optional<uint64_t> length = {}) const;

  /// The encoding and the bytes of a tensor; fails, naming the type, where it
  /// is not supported.
  Result<Encoding> encoding(const GgufTensor &tensor) const;
  Result<std::span<const uint8_t>> data(const GgufTensor &tensor) const;

private:
  friend class GgufParser;
  std::span<const uint8_t> bytes;
  uint32_t fileVersion = 0;
  uint64_t dataAlignment = 32, dataStart = 0;
  std::vector<std::pair<std::string_view, GgufValue>> values;
  std::vector<GgufTensor> infos;
  std::map<std::string_view, size_t> keyIndex, tensorIndex;
};

/// Parses a whole file. Every extent is checked, of all known types; tensors
/// fill the data section in any order, each at the next multiple of the
/// alignment. `bytes` must outlive the result. Pure.
Result<GgufFile> parseGguf(std::span<const uint8_t> bytes);

/// A mapped GGUF file. One part of a split model is refused.
struct GgufModel {
  MappedFile file;
  GgufFile gguf;

  static Result<GgufModel> open(const std::string &path);
};

} // namespace espalier

#endif // ESPALIER_IMPORT_GGUF_H
