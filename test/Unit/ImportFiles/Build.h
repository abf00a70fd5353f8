//===- Build.h - Model files for tests ------------------------ -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_IMPORTFILES_BUILD_H
#define ESPALIER_TEST_UNIT_IMPORTFILES_BUILD_H

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace espalier::test {

template <typename T> std::string raw(T value) {
  std::string out(sizeof(T), 0);
  std::memcpy(out.data(), &value, sizeof(T));
  return out;
}

inline std::span<const uint8_t> bytesOf(const std::string &text) {
  return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

/// A safetensors file from its header and data, however wrong.
inline std::string safetensors(const std::string &header, size_t dataBytes) {
  return raw(uint64_t(header.size())) + header + std::string(dataBytes, 7);
}

/// One entry of a safetensors header.
inline std::string entry(const std::string &name, const std::string &dtype,
                         const std::string &shape, const std::string &offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape +
         "],\"data_offsets\":[" + offsets + "]}";
}

/// A GGUF file, part by part.
struct Gguf {
  struct Tensor {
    std::string name;
    std::vector<uint64_t> dims;
    uint32_t type;
    uint64_t offset;
  };
  uint32_t version = 3;
  std::vector<std::string> pairs;
  std::vector<Tensor> tensors;
  size_t dataBytes = 0, alignment = 32;

  static std::string text(const std::string &t) {
    return raw(uint64_t(t.size())) + t;
  }
  static std::string pair(const std::string &key, uint32_t type,
                          const std::string &value) {
    return text(key) + raw(type) + value;
  }
  static std::string array(uint32_t type, uint64_t count,
                           const std::string &elements) {
    return raw(type) + raw(count) + elements;
  }
  std::string bytes() const {
    std::string out = "GGUF" + raw(version) + raw(uint64_t(tensors.size())) +
                      raw(uint64_t(pairs.size()));
    for (const std::string &p : pairs)
      out += p;
    for (const Tensor &t : tensors) {
      out += text(t.name) + raw(uint32_t(t.dims.size()));
      for (uint64_t d : t.dims)
        out += raw(d);
      out += raw(t.type) + raw(t.offset);
    }
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + std::string(dataBytes, 5);
  }
};

} // namespace espalier::test

#endif // ESPALIER_TEST_UNIT_IMPORTFILES_BUILD_H
