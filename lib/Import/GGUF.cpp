//===- GGUF.cpp - What a parsed GGUF file gives ---------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/GGUF.h"

#include "GGUFTypes.h"

#include <cstring>

namespace espalier {
namespace {

template <typename T> T load(const uint8_t *at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

/// An integer of any width, with the sign that its type has; the second is true
/// where it does not fit the signed range.
struct Integer {
  int64_t value;
  bool beyond;
};

std::optional<Integer> loadInteger(GgufType type, const uint8_t *at) {
  switch (type) {
  case GgufType::U8:
    return Integer{load<uint8_t>(at), false};
  case GgufType::I8:
    return Integer{load<int8_t>(at), false};
  case GgufType::U16:
    return Integer{load<uint16_t>(at), false};
  case GgufType::I16:
    return Integer{load<int16_t>(at), false};
  case GgufType::U32:
    return Integer{load<uint32_t>(at), false};
  case GgufType::I32:
    return Integer{load<int32_t>(at), false};
  case GgufType::U64:
    return Integer{int64_t(load<uint64_t>(at)),
                   load<uint64_t>(at) > uint64_t(INT64_MAX)};
  case GgufType::I64:
    return Integer{load<int64_t>(at), false};
  default:
    return std::nullopt;
  }
}

std::string keyed(std::string_view key) {
  return "key '" + std::string(key) + "'";
}

} // namespace

std::string GgufValue::describe() const {
  if (!isArray())
    return std::string(ggufTypeName(valueType));
  return "array of " + std::to_string(count) + " " +
         std::string(ggufTypeName(arrayType));
}

std::optional<int64_t> GgufValue::asInteger() const {
  auto integer = loadInteger(valueType, raw.data());
  if (!integer || integer->beyond)
    return std::nullopt;
  return integer->value;
}

std::optional<uint64_t> GgufValue::asUnsigned() const {
  auto integer = loadInteger(valueType, raw.data());
  if (!integer || (integer->value < 0 && !integer->beyond))
    return std::nullopt;
  return uint64_t(integer->value);
}

std::optional<double> GgufValue::asFloat() const {
  if (valueType == GgufType::F32)
    return load<float>(raw.data());
  if (valueType == GgufType::F64)
    return load<double>(raw.data());
  return std::nullopt;
}

std::optional<bool> GgufValue::asBool() const {
  if (valueType != GgufType::Bool)
    return std::nullopt;
  return raw[0] != 0;
}

std::optional<std::string_view> GgufValue::asString() const {
  if (valueType != GgufType::String)
    return std::nullopt;
  return std::string_view(reinterpret_cast<const char *>(raw.data()),
                          raw.size());
}

std::optional<std::vector<int64_t>> GgufValue::asIntegers() const {
  size_t width = ggufTypeBytes(arrayType);
  if (!isArray() || width == 0)
    return std::nullopt;
  std::vector<int64_t> out;
  out.reserve(size_t(count));
  for (size_t i = 0; i < count; ++i) {
    auto integer = loadInteger(arrayType, raw.data() + i * width);
    if (!integer || integer->beyond)
      return std::nullopt;
    out.push_back(integer->value);
  }
  // An empty array tells its type only by name.
  if (out.empty() &&
      (arrayType == GgufType::F32 || arrayType == GgufType::F64 ||
       arrayType == GgufType::Bool))
    return std::nullopt;
  return out;
}

std::optional<std::vector<float>> GgufValue::asFloats() const {
  if (!isArray() || arrayType != GgufType::F32)
    return std::nullopt;
  std::vector<float> out(size_t(count), 0.0f);
  if (!out.empty())
    std::memcpy(out.data(), raw.data(), out.size() * sizeof(float));
  return out;
}

const std::vector<std::string_view> *GgufValue::asStrings() const {
  return isArray() && arrayType == GgufType::String ? &strings : nullptr;
}

const GgufValue *GgufFile::find(std::string_view key) const {
  auto found = keyIndex.find(key);
  return found == keyIndex.end() ? nullptr : &values[found->second].second;
}

const GgufTensor *GgufFile::findTensor(std::string_view name) const {
  auto found = tensorIndex.find(name);
  return found == tensorIndex.end() ? nullptr : &infos[found->second];
}

/// `get(value)` of the value at `key`, or the error that says why not.
template <typename T, typename Get>
static Result<T> typed(const GgufFile &file, std::string_view key,
                       const char *expected, Get get) {
  const GgufValue *value = file.find(key);
  if (!value)
    return Error{keyed(key) + ": expected " + expected + ", got nothing"};
  if (auto got = get(*value))
    return T(*got);
  return Error{keyed(key) + ": expected " + expected + ", got " +
               value->describe()};
}

template <typename T>
static Result<T> ofLength(Result<T> result, std::string_view key,
                          std::optional<uint64_t> length) {
  if (result && length && result->size() != *length)
    return Error{keyed(key) + ": expected " + std::to_string(*length) +
                 " elements, got " + std::to_string(result->size())};
  return result;
}

Result<uint64_t> GgufFile::getUnsigned(std::string_view key) const {
  return typed<uint64_t>(*this, key, "a non-negative integer",
                         [](auto &v) { return v.asUnsigned(); });
}

Result<double> GgufFile::getFloat(std::string_view key) const {
  return typed<double>(*this, key, "a float",
                       [](auto &v) { return v.asFloat(); });
}

Result<bool> GgufFile::getBool(std::string_view key) const {
  return typed<bool>(*this, key, "a bool", [](auto &v) { return v.asBool(); });
}

Result<std::string_view> GgufFile::getString(std::string_view key) const {
  return typed<std::string_view>(*this, key, "a string",
                                 [](auto &v) { return v.asString(); });
}

Result<std::vector<std::string_view>>
GgufFile::getStrings(std::string_view key,
                     std::optional<uint64_t> length) const {
  return ofLength(typed<std::vector<std::string_view>>(
                      *this, key, "an array of strings",
                      [](auto &v) { return v.asStrings(); }),
                  key, length);
}

Result<std::vector<float>>
GgufFile::getFloats(std::string_view key,
                    std::optional<uint64_t> length) const {
  return ofLength(
      typed<std::vector<float>>(*this, key, "an array of float32",
                                [](auto &v) { return v.asFloats(); }),
      key, length);
}

Result<std::vector<int64_t>>
GgufFile::getIntegers(std::string_view key,
                      std::optional<uint64_t> length) const {
  return ofLength(
      typed<std::vector<int64_t>>(*this, key, "an array of integers",
                                  [](auto &v) { return v.asIntegers(); }),
      key, length);
}

Result<Encoding> GgufFile::encoding(const GgufTensor &tensor) const {
  if (std::optional<Encoding> encoding = ggmlEncoding(tensor.type))
    return *encoding;
  return Error{"tensor '" + std::string(tensor.name) + "' has type " +
               std::string(ggmlTypeName(tensor.type)) +
               ", which is not supported yet; supported: F32, F16, BF16, "
               "Q8_0, Q4_0, Q4_1"};
}

Result<std::span<const uint8_t>>
GgufFile::data(const GgufTensor &tensor) const {
  if (Result<Encoding> e = encoding(tensor); !e)
    return e.takeError();
  return bytes.subspan(size_t(dataStart + tensor.offset), size_t(tensor.size));
}

Result<GgufModel> GgufModel::open(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  Result<GgufFile> gguf = parseGguf(file->bytes());
  if (!gguf)
    return gguf.takeError().within(path);
  if (const GgufValue *parts = gguf->find("split.count"))
    if (parts->asUnsigned() != 1u)
      return Error{path + ": one part of a split GGUF model; split models are "
                          "not supported yet, merge the parts into one file"};
  GgufModel model;
  model.file = std::move(*file);
  model.gguf = std::move(*gguf);
  return model;
}

} // namespace espalier
