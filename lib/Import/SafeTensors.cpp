//===- SafeTensors.cpp - safetensors files --------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/SafeTensors.h"

#include "Checked.h"
#include "espalier/Support/Json.h"
#include "espalier/Support/Utf8.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace espalier {
namespace {

constexpr uint64_t largestHeader = 100000000;
constexpr size_t largestRank = 16;
constexpr size_t longestName = 1024;

struct TypeInfo {
  DType type;
  std::string_view name;
  unsigned bits;
};
constexpr TypeInfo types[] = {
    {DType::Bool, "BOOL", 8},
    {DType::U8, "U8", 8},
    {DType::I8, "I8", 8},
    {DType::U16, "U16", 16},
    {DType::I16, "I16", 16},
    {DType::U32, "U32", 32},
    {DType::I32, "I32", 32},
    {DType::U64, "U64", 64},
    {DType::I64, "I64", 64},
    {DType::F16, "F16", 16},
    {DType::BF16, "BF16", 16},
    {DType::F32, "F32", 32},
    {DType::F64, "F64", 64},
    {DType::C64, "C64", 64},
    {DType::F8E4M3, "F8_E4M3", 8},
    {DType::F8E5M2, "F8_E5M2", 8},
    {DType::F8E8M0, "F8_E8M0", 8},
    {DType::F8E4M3FNUZ, "F8_E4M3FNUZ", 8},
    {DType::F8E5M2FNUZ, "F8_E5M2FNUZ", 8},
    {DType::F6E2M3, "F6_E2M3", 6},
    {DType::F6E3M2, "F6_E3M2", 6},
    {DType::F4, "F4", 4},
};

Error tensorError(const std::string &name, const std::string &what) {
  return Error{"tensor '" + name + "': " + what};
}

/// The two numbers of `data_offsets`.
Status readOffsets(const std::string &name, const json::Value &value,
                   SafeTensorsEntry &entry) {
  const json::Array *pair = value.asArray();
  if (!pair || pair->size() != 2 || !(*pair)[0].asUnsigned() ||
      !(*pair)[1].asUnsigned())
    return tensorError(name,
                       "expected data_offsets to be two non-negative integers");
  entry.begin = *(*pair)[0].asUnsigned();
  entry.end = *(*pair)[1].asUnsigned();
  if (entry.begin > entry.end)
    return tensorError(
        name, "data_offsets end at " + std::to_string(entry.end) +
                  ", before they begin at " + std::to_string(entry.begin));
  return {};
}

Status readShape(const std::string &name, const json::Value &value,
                 SafeTensorsEntry &entry) {
  const json::Array *dims = value.asArray();
  if (!dims)
    return tensorError(name, "expected shape to be an array, got " +
                                 std::string(json::kindName(value.kind())));
  if (dims->size() > largestRank)
    return tensorError(name, "rank " + std::to_string(dims->size()) +
                                 " is above the limit of " +
                                 std::to_string(largestRank));
  for (const json::Value &dim : *dims) {
    std::optional<uint64_t> size = dim.asUnsigned();
    if (!size)
      return tensorError(name, "expected shape to hold non-negative integers");
    entry.shape.push_back(*size);
  }
  return {};
}

/// Shape times element size is the extent.
Status checkExtent(const SafeTensorsEntry &entry) {
  std::optional<uint64_t> bits = dtypeBits(entry.dtype);
  for (uint64_t size : entry.shape)
    if (bits)
      bits = checkedMul(*bits, size);
  if (!bits)
    return tensorError(entry.name, "the size of its shape overflows");
  if (*bits % 8 != 0)
    return tensorError(entry.name, std::to_string(*bits) +
                                       " bits are no whole number of bytes");
  if (*bits / 8 != entry.end - entry.begin)
    return tensorError(entry.name, "expected " + std::to_string(*bits / 8) +
                                       " bytes from shape and dtype " +
                                       std::string(dtypeName(entry.dtype)) +
                                       ", got " +
                                       std::to_string(entry.end - entry.begin) +
                                       " from data_offsets");
  return {};
}

Result<SafeTensorsEntry> readEntry(const std::string &name,
                                   const json::Value &value) {
  const json::Object *object = value.asObject();
  if (!object)
    return tensorError(name, "expected an object, got " +
                                 std::string(json::kindName(value.kind())));
  SafeTensorsEntry entry;
  entry.name = name;
  const json::Value *dtype = object->find("dtype");
  const json::Value *shape = object->find("shape");
  const json::Value *offsets = object->find("data_offsets");
  if (!dtype || !shape || !offsets || object->size() != 3)
    return tensorError(name, "expected exactly dtype, shape and data_offsets");
  const std::string *typeName = dtype->asString();
  if (!typeName)
    return tensorError(name, "expected dtype to be a string, got " +
                                 std::string(json::kindName(dtype->kind())));
  std::optional<DType> type = dtypeFromName(*typeName);
  if (!type)
    return tensorError(name, "unknown dtype " + json::quote(*typeName));
  entry.dtype = *type;
  if (Status s = readShape(name, *shape, entry); !s)
    return s.takeError();
  if (Status s = readOffsets(name, *offsets, entry); !s)
    return s.takeError();
  if (Status s = checkExtent(entry); !s)
    return s.takeError();
  return entry;
}

Status readMetadata(const json::Value &value, SafeTensorsHeader &header) {
  const json::Object *object = value.asObject();
  if (!object)
    return Error{"expected __metadata__ to be an object, got " +
                 std::string(json::kindName(value.kind()))};
  for (const auto &[key, text] : object->members()) {
    if (!text.asString())
      return Error{"__metadata__ " + json::quote(key) +
                   ": expected a string, got " +
                   std::string(json::kindName(text.kind()))};
    header.metadata.emplace(key, *text.asString());
  }
  return {};
}

/// Sorts the entries by place and checks that they fill `dataBytes`.
Status checkLayout(SafeTensorsHeader &header, uint64_t dataBytes) {
  std::sort(header.entries.begin(), header.entries.end(),
            [](const SafeTensorsEntry &a, const SafeTensorsEntry &b) {
              return std::tie(a.begin, a.end, a.name) <
                     std::tie(b.begin, b.end, b.name);
            });
  uint64_t at = 0;
  for (const SafeTensorsEntry &entry : header.entries) {
    if (entry.begin != at)
      return tensorError(entry.name,
                         std::string(entry.begin < at ? "overlap: expected"
                                                      : "hole: expected") +
                             " its data to begin at " + std::to_string(at) +
                             ", got " + std::to_string(entry.begin));
    at = entry.end;
  }
  if (at != dataBytes)
    return Error{"expected " + std::to_string(at) +
                 " bytes of tensor data, got " + std::to_string(dataBytes) +
                 (at > dataBytes ? "; the file is cut short"
                                 : "; bytes follow the last tensor")};
  return {};
}

} // namespace

std::string nameFault(std::string_view name, size_t longest) {
  if (name.empty())
    return "the name is empty";
  if (name.size() > longest)
    return "a name of " + std::to_string(name.size()) +
           " bytes is above the limit of " + std::to_string(longest);
  for (char c : name)
    if (uint8_t(c) < 0x20 || c == 0x7F)
      return "the name " + json::quote(name) + " holds a control character";
  if (!isValidUtf8(name))
    return "the name " + json::quote(name) + " is not UTF-8";
  return "";
}

std::string_view dtypeName(DType type) { return types[size_t(type)].name; }

std::optional<DType> dtypeFromName(std::string_view name) {
  for (const TypeInfo &info : types)
    if (info.name == name)
      return info.type;
  return std::nullopt;
}

unsigned dtypeBits(DType type) { return types[size_t(type)].bits; }

const SafeTensorsEntry *SafeTensorsHeader::find(std::string_view name) const {
  auto found = index.find(name);
  return found == index.end() ? nullptr : &entries[found->second];
}

Result<SafeTensorsHeader> parseSafeTensorsHeader(std::span<const uint8_t> bytes,
                                                 uint64_t fileSize) {
  if (bytes.size() < 8 || fileSize < 8)
    return Error{"not a safetensors file: shorter than 8 bytes"};
  constexpr std::string_view pointer = "version https://git-lfs";
  if (bytes.size() >= pointer.size() &&
      std::memcmp(bytes.data(), pointer.data(), pointer.size()) == 0)
    return Error{
        "a git-lfs pointer, not the file itself: run `git lfs pull` in "
        "its folder"};
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | bytes[size_t(i)];
  if (length > largestHeader)
    return Error{"not a safetensors file: a header of " +
                 std::to_string(length) + " bytes is above the limit of " +
                 std::to_string(largestHeader)};
  if (length > fileSize - 8 || length > bytes.size() - 8)
    return Error{"expected a header of " + std::to_string(length) +
                 " bytes, got " + std::to_string(fileSize - 8) +
                 "; the file is cut short"};
  std::string_view text(reinterpret_cast<const char *>(bytes.data()) + 8,
                        size_t(length));
  if (text.empty() || text[0] != '{')
    return Error{"not a safetensors file: the header does not begin with '{'"};
  json::Limits limits;
  limits.depth = 4;
  Result<json::Value> root = json::parse(text, limits);
  if (!root)
    return root.takeError().within("header");
  SafeTensorsHeader header;
  header.headerBytes = 8 + length;
  for (const auto &[name, value] : root->asObject()->members()) {
    if (name == "__metadata__") {
      if (Status s = readMetadata(value, header); !s)
        return s.takeError();
      continue;
    }
    if (std::string fault = nameFault(name, longestName); !fault.empty())
      return Error{"tensor: " + fault};
    Result<SafeTensorsEntry> entry = readEntry(name, value);
    if (!entry)
      return entry.takeError();
    header.entries.push_back(std::move(*entry));
  }
  if (Status s = checkLayout(header, fileSize - header.headerBytes); !s)
    return s.takeError();
  for (size_t i = 0; i < header.entries.size(); ++i)
    header.index.emplace(header.entries[i].name, i);
  return header;
}

Result<SafeTensorsFile> SafeTensorsFile::open(const std::string &path) {
  Result<MappedFile> mapped = MappedFile::open(path);
  if (!mapped)
    return mapped.takeError();
  Result<SafeTensorsHeader> header =
      parseSafeTensorsHeader(mapped->bytes(), mapped->bytes().size());
  if (!header)
    return header.takeError().within(path);
  SafeTensorsFile file;
  file.mapped = std::move(*mapped);
  file.parsed = std::move(*header);
  return file;
}

std::span<const uint8_t>
SafeTensorsFile::data(const SafeTensorsEntry &entry) const {
  return mapped.bytes().subspan(size_t(parsed.headerBytes + entry.begin),
                                size_t(entry.end - entry.begin));
}

} // namespace espalier
