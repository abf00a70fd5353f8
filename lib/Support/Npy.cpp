//===- Npy.cpp - Arrays in NPY files --------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Npy.h"
#include "espalier/Support/MappedFile.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

using namespace espalier;

namespace {

/// The text after `'key':` in the header, a Python dictionary literal.
std::string_view member(std::string_view header, std::string_view key) {
  size_t at = header.find("'" + std::string(key) + "'");
  if (at == std::string_view::npos)
    return {};
  std::string_view rest = header.substr(at + key.size() + 2);
  size_t begin = rest.find_first_not_of(": ");
  return begin == std::string_view::npos ? std::string_view()
                                         : rest.substr(begin);
}

Result<std::vector<uint64_t>> parseShape(std::string_view text) {
  std::vector<uint64_t> shape;
  if (text.empty() || text[0] != '(')
    return Error{"the header has no shape"};
  uint64_t value = 0, total = 1;
  bool digits = false;
  for (char c : text.substr(1)) {
    if (c >= '0' && c <= '9') {
      if (value > (1u << 30))
        return Error{"a dimension is too large"};
      value = value * 10 + uint64_t(c - '0');
      digits = true;
    } else if (c == ',' || c == ')') {
      if (digits) {
        if (__builtin_mul_overflow(total, value, &total) ||
            total > (uint64_t(1) << 40) || shape.size() == 8)
          return Error{"the shape is too large"};
        shape.push_back(value);
      }
      value = 0;
      digits = false;
      if (c == ')')
        return shape;
    } else if (c != ' ') {
      break;
    }
  }
  return Error{"the shape is not a tuple of whole numbers"};
}

Result<FloatArray> parseNpy(std::span<const uint8_t> bytes) {
  if (bytes.size() < 12 || memcmp(bytes.data(), "\x93NUMPY", 6) != 0 ||
      bytes[6] < 1 || bytes[6] > 3)
    return Error{"not an NPY file"};
  size_t prefix = bytes[6] == 1 ? 10 : 12;
  size_t length = size_t(bytes[8]) | size_t(bytes[9]) << 8;
  if (prefix == 12)
    length |= size_t(bytes[10]) << 16 | size_t(bytes[11]) << 24;
  if (length > bytes.size() - prefix)
    return Error{"the header is longer than the file"};
  std::string_view header(reinterpret_cast<const char *>(bytes.data()) + prefix,
                          length);
  if (!member(header, "descr").starts_with("'<f4'"))
    return Error{"expected little-endian float32 ('<f4')"};
  if (!member(header, "fortran_order").starts_with("False"))
    return Error{"expected C order"};
  Result<std::vector<uint64_t>> shape = parseShape(member(header, "shape"));
  if (!shape)
    return shape.takeError();
  uint64_t count = 1;
  for (uint64_t extent : *shape)
    count *= extent;
  std::span<const uint8_t> data = bytes.subspan(prefix + length);
  if (data.size() != count * sizeof(float))
    return Error{"expected " + std::to_string(count * sizeof(float)) +
                 " bytes of data, got " + std::to_string(data.size())};
  FloatArray array{std::move(*shape), std::vector<float>(count)};
  if (count != 0)
    memcpy(array.values.data(), data.data(), data.size());
  return array;
}

/// Writes both parts to a file beside `path` and renames it into place.
Status writeParts(const std::string &path, std::string_view head,
                  std::string_view tail) {
  // What is no ordinary file (a pipe, /dev/stdout) is written as it is.
  struct stat status;
  bool direct = stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  std::string temporary =
      direct ? path : path + ".new." + std::to_string(getpid());
  auto failed = [&](const char *what) {
    Error error{path + ": cannot be " + what + ": " + strerror(errno)};
    if (!direct)
      unlink(temporary.c_str());
    return error;
  };
  FILE *file = fopen(temporary.c_str(), "wb");
  if (!file)
    return failed("created");
  bool written = fwrite(head.data(), 1, head.size(), file) == head.size() &&
                 fwrite(tail.data(), 1, tail.size(), file) == tail.size();
  if ((fclose(file) != 0) | !written)
    return failed("written");
  if (!direct && rename(temporary.c_str(), path.c_str()) != 0)
    return failed("written");
  return {};
}

} // namespace

Result<FloatArray> espalier::readNpy(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  Result<FloatArray> array = parseNpy(file->bytes());
  if (!array)
    return array.takeError().within(path);
  return array;
}

Status espalier::writeNpy(const std::string &path,
                          std::span<const uint64_t> shape,
                          std::span<const float> values) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (uint64_t extent : shape)
    header += std::to_string(extent) + ", ";
  header += "), }";
  // The data begin at a multiple of 64 bytes; a newline ends the header.
  header.append(64 - (10 + header.size() + 1) % 64, ' ');
  header += '\n';
  std::string head("\x93NUMPY\x01\x00", 8);
  head += char(header.size() & 0xFF);
  head += char(header.size() >> 8);
  head += header;
  return writeParts(
      path, head,
      {reinterpret_cast<const char *>(values.data()), values.size_bytes()});
}

Status espalier::writeFile(const std::string &path, std::string_view text) {
  return writeParts(path, text, {});
}
