//===- GGUFParser.cpp - GGUF, from bytes ----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Checked.h"
#include "GGUFTypes.h"
#include "espalier/Support/Json.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace espalier {

/// Walks the file once. Every read goes through `take`, which checks the rest.
class GgufParser {
public:
  explicit GgufParser(std::span<const uint8_t> bytes) : bytes(bytes) {
    file.bytes = bytes;
  }

  Result<GgufFile> run() {
    for (auto step : {&GgufParser::readHeader, &GgufParser::readMetadata,
                      &GgufParser::findAlignment, &GgufParser::readTensors,
                      &GgufParser::checkLayout})
      if (Status s = (this->*step)(); !s)
        return s.takeError();
    return std::move(file);
  }

private:
  static constexpr size_t longestKey = 65535;
  static constexpr size_t longestTensorName = 64;
  static constexpr uint32_t largestRank = 4;
  static constexpr uint64_t largestAlignment = 1u << 20;
  // What an entry takes at least: bounds the counts before anything is
  // allocated for them.
  static constexpr uint64_t smallestPair = 8 + 1 + 4 + 1;
  static constexpr uint64_t smallestInfo = 8 + 1 + 4 + 4 + 8;

  size_t rest() const { return bytes.size() - at; }

  Error cutShort(const char *what) const {
    return Error{"byte " + std::to_string(at) + ": the file ends inside " +
                 what};
  }

  /// The next `size` bytes.
  std::optional<std::span<const uint8_t>> take(uint64_t size) {
    if (size > rest())
      return std::nullopt;
    auto out = bytes.subspan(at, size_t(size));
    at += size_t(size);
    return out;
  }

  template <typename T> bool read(T &value) {
    auto raw = take(sizeof(T));
    if (raw)
      std::memcpy(&value, raw->data(), sizeof(T));
    return raw.has_value();
  }

  bool readString(std::string_view &text) {
    uint64_t length;
    if (!read(length))
      return false;
    auto raw = take(length);
    if (raw)
      text = {reinterpret_cast<const char *>(raw->data()), raw->size()};
    return raw.has_value();
  }

  Status readHeader();
  Status readMetadata();
  Status readValue(GgufValue &value);
  Status readArray(GgufValue &value);
  Status findAlignment();
  Status readTensors();
  Status readTensor(GgufTensor &tensor);
  Status measure(GgufTensor &tensor);
  Status checkLayout();

  std::span<const uint8_t> bytes;
  size_t at = 0;
  uint64_t tensorCount = 0, pairCount = 0;
  GgufFile file;
};

Status GgufParser::readHeader() {
  auto magic = take(4);
  if (!magic || std::memcmp(magic->data(), "GGUF", 4) != 0)
    return Error{"not a GGUF file: expected it to begin with \"GGUF\""};
  if (!read(file.fileVersion))
    return cutShort("the header");
  uint32_t version = file.fileVersion;
  if (version != 2 && version != 3) {
    if ((version & 0xffff) == 0 && version != 0)
      return Error{"a big-endian GGUF file; convert it to little-endian"};
    return Error{"expected GGUF version 2 or 3, got " +
                 std::to_string(version)};
  }
  if (!read(tensorCount) || !read(pairCount))
    return cutShort("the header");
  if (pairCount > rest() / smallestPair)
    return Error{"expected " + std::to_string(pairCount) +
                 " metadata pairs, which do not fit in the file"};
  if (tensorCount > rest() / smallestInfo)
    return Error{"expected " + std::to_string(tensorCount) +
                 " tensors, which do not fit in the file"};
  return {};
}

Status GgufParser::readMetadata() {
  file.values.reserve(size_t(pairCount));
  for (uint64_t i = 0; i < pairCount; ++i) {
    std::string_view key;
    uint32_t type;
    if (!readString(key))
      return cutShort("a metadata key");
    if (std::string fault = nameFault(key, longestKey); !fault.empty())
      return Error{"metadata pair " + std::to_string(i) + ": " + fault};
    std::string context = "key '" + std::string(key) + "'";
    if (!file.keyIndex.emplace(key, file.values.size()).second)
      return Error{context + " appears twice"};
    if (!read(type))
      return cutShort("a metadata pair").within(context);
    if (type > uint32_t(GgufType::F64))
      return Error{context + ": unknown type " + std::to_string(type)};
    GgufValue value;
    value.valueType = GgufType(type);
    if (Status s = readValue(value); !s)
      return s.takeError().within(context);
    file.values.emplace_back(key, std::move(value));
  }
  return {};
}

/// What only holds for some bytes: a bool is 0 or 1.
static bool boolsAreSound(std::span<const uint8_t> raw) {
  return std::all_of(raw.begin(), raw.end(), [](uint8_t b) { return b < 2; });
}

Status GgufParser::readValue(GgufValue &value) {
  if (value.valueType == GgufType::Array)
    return readArray(value);
  if (value.valueType == GgufType::String) {
    std::string_view text;
    if (!readString(text))
      return cutShort("a string");
    value.raw = {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
    return {};
  }
  auto raw = take(ggufTypeBytes(value.valueType));
  if (!raw)
    return cutShort("a value");
  value.raw = *raw;
  if (value.valueType == GgufType::Bool && !boolsAreSound(*raw))
    return Error{"expected a bool of 0 or 1, got " + std::to_string((*raw)[0])};
  return {};
}

Status GgufParser::readArray(GgufValue &value) {
  uint32_t type;
  if (!read(type) || !read(value.count))
    return cutShort("an array");
  if (type > uint32_t(GgufType::F64))
    return Error{"array of unknown type " + std::to_string(type)};
  value.arrayType = GgufType(type);
  if (value.arrayType == GgufType::Array)
    return Error{"arrays of arrays are not supported"};
  if (value.arrayType == GgufType::String) {
    if (value.count > rest() / 8)
      return cutShort("an array of strings");
    value.strings.reserve(size_t(value.count));
    for (uint64_t i = 0; i < value.count; ++i) {
      std::string_view text;
      if (!readString(text))
        return cutShort("an array of strings");
      value.strings.push_back(text);
    }
    return {};
  }
  std::optional<uint64_t> size =
      checkedMul(value.count, ggufTypeBytes(value.arrayType));
  auto raw = size ? take(*size) : std::nullopt;
  if (!raw)
    return cutShort("an array");
  value.raw = *raw;
  if (value.arrayType == GgufType::Bool && !boolsAreSound(*raw))
    return Error{"expected bools of 0 or 1"};
  return {};
}

Status GgufParser::findAlignment() {
  const GgufValue *value = file.find("general.alignment");
  if (!value)
    return {};
  if (value->type() != GgufType::U32)
    return Error{"key 'general.alignment': expected uint32, got " +
                 value->describe()};
  uint64_t alignment = *value->asUnsigned();
  if (alignment < 8 || alignment > largestAlignment ||
      (alignment & (alignment - 1)) != 0)
    return Error{"key 'general.alignment': expected a power of two from 8 to " +
                 std::to_string(largestAlignment) + ", got " +
                 std::to_string(alignment)};
  file.dataAlignment = alignment;
  return {};
}

Status GgufParser::readTensors() {
  if (tensorCount > rest() / smallestInfo)
    return Error{"expected " + std::to_string(tensorCount) +
                 " tensors, which do not fit in the file"};
  file.infos.reserve(size_t(tensorCount));
  for (uint64_t i = 0; i < tensorCount; ++i) {
    GgufTensor tensor;
    if (!readString(tensor.name))
      return cutShort("a tensor's name");
    if (std::string fault = nameFault(tensor.name, longestTensorName);
        !fault.empty())
      return Error{"tensor " + std::to_string(i) + ": " + fault};
    std::string context = "tensor '" + std::string(tensor.name) + "'";
    if (!file.tensorIndex.emplace(tensor.name, file.infos.size()).second)
      return Error{context + " appears twice"};
    if (Status s = readTensor(tensor); !s)
      return s.takeError().within(context);
    file.infos.push_back(std::move(tensor));
  }
  return {};
}

Status GgufParser::readTensor(GgufTensor &tensor) {
  uint32_t rank;
  if (!read(rank))
    return cutShort("its description");
  if (rank > largestRank)
    return Error{"rank " + std::to_string(rank) + " is above the limit of " +
                 std::to_string(largestRank)};
  tensor.dims.resize(rank);
  for (uint64_t &dim : tensor.dims)
    if (!read(dim))
      return cutShort("its description");
  if (!read(tensor.type) || !read(tensor.offset))
    return cutShort("its description");
  if (tensor.offset % file.dataAlignment != 0)
    return Error{"expected an offset that is a multiple of " +
                 std::to_string(file.dataAlignment) + ", got " +
                 std::to_string(tensor.offset)};
  return measure(tensor);
}

Status GgufParser::measure(GgufTensor &tensor) {
  GgmlBlock block = ggmlBlock(tensor.type);
  if (block.elements == 0)
    return Error{"unknown type " + std::to_string(tensor.type)};
  uint64_t row = tensor.dims.empty() ? 1 : tensor.dims[0];
  if (row % block.elements != 0)
    return Error{"expected rows of a multiple of " +
                 std::to_string(block.elements) + " elements for type " +
                 std::string(block.name) + ", got " + std::to_string(row)};
  std::optional<uint64_t> size = checkedMul(row / block.elements, block.bytes);
  for (size_t i = 1; i < tensor.dims.size(); ++i)
    if (size)
      size = checkedMul(*size, tensor.dims[i]);
  // Elements are counted too: dims may be huge where another is zero.
  std::optional<uint64_t> elements = 1;
  for (uint64_t dim : tensor.dims)
    if (elements)
      elements =
          dim > uint64_t(INT64_MAX) ? std::nullopt : checkedMul(*elements, dim);
  if (!size || !elements)
    return Error{"the size of its shape overflows"};
  tensor.size = *size;
  return {};
}

Status GgufParser::checkLayout() {
  uint64_t mask = file.dataAlignment - 1;
  file.dataStart = (uint64_t(at) + mask) & ~mask;
  if (file.infos.empty() && file.dataStart > bytes.size())
    file.dataStart = bytes.size(); // nothing to align
  if (file.dataStart > bytes.size())
    return cutShort("the padding before the tensor data");
  uint64_t available = bytes.size() - file.dataStart;
  std::vector<const GgufTensor *> order;
  for (const GgufTensor &tensor : file.infos)
    order.push_back(&tensor);
  std::sort(
      order.begin(), order.end(), [](const GgufTensor *a, const GgufTensor *b) {
        return std::tie(a->offset, a->size) < std::tie(b->offset, b->size);
      });
  uint64_t next = 0; // an aligned offset
  for (const GgufTensor *tensor : order) {
    std::string context = "tensor '" + std::string(tensor->name) + "'";
    if (tensor->offset != next)
      return Error{context + (tensor->offset < next ? ": overlap" : ": hole") +
                   ": expected its data at offset " + std::to_string(next) +
                   ", got " + std::to_string(tensor->offset)};
    if (tensor->offset > available || tensor->size > available - tensor->offset)
      return Error{context + ": expected " + std::to_string(tensor->size) +
                   " bytes at offset " + std::to_string(tensor->offset) +
                   " of the tensor data, got a file with " +
                   std::to_string(available) +
                   " bytes of it; the file is cut short"};
    next = (tensor->offset + tensor->size + mask) & ~mask;
  }
  // The last tensor may be padded.
  if (available > next)
    return Error{std::to_string(available - next) +
                 " bytes follow the last tensor"};
  return {};
}

Result<GgufFile> parseGguf(std::span<const uint8_t> bytes) {
  return GgufParser(bytes).run();
}

} // namespace espalier
