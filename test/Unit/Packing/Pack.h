//===- Pack.h - Packs into memory, for tests ------------------ -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_PACKING_PACK_H
#define ESPALIER_TEST_UNIT_PACKING_PACK_H

#include "WeightPacker.h"
#include "espalier/Import/SafeTensors.h"

#include <cstdio>
#include <gtest/gtest.h>
#include <unistd.h>

namespace espalier::test {

/// A tensor over bytes of the test's own.
inline SourceTensor tensor(const std::string &name, Encoding encoding,
                           std::vector<uint64_t> shape,
                           std::span<const uint8_t> bytes) {
  SourceTensor out;
  out.name = name;
  out.typeName = encodingName(encoding);
  out.encoding = encoding;
  out.shape = std::move(shape);
  out.bytes = bytes;
  return out;
}

template <typename T>
std::span<const uint8_t> bytesOf(const std::vector<T> &values) {
  return {reinterpret_cast<const uint8_t *>(values.data()),
          values.size() * sizeof(T)};
}

inline PackWeight matrix(const std::string &name, const SourceTensor &source,
                         Encoding encoding, unsigned group, uint64_t rows,
                         uint64_t columns) {
  PackWeight weight;
  weight.name = name;
  weight.layers = {{&source}};
  weight.encoding = encoding;
  weight.group = group;
  weight.rows = rows;
  weight.columns = columns;
  weight.bytes =
      (rows + 15) / 16 * (columns / group) * *panelBytes(encoding, 16, group);
  weight.stride = (weight.bytes + 63) / 64 * 64;
  weight.packing = "a test";
  return weight;
}

inline PackWeight vector(const std::string &name, const SourceTensor &source,
                         uint64_t elements) {
  PackWeight weight;
  weight.name = name;
  weight.layers = {{&source}};
  weight.isVector = true;
  weight.encoding = Encoding::F32;
  weight.rows = elements;
  weight.columns = 1;
  weight.bytes = elements * 4;
  weight.stride = (weight.bytes + 63) / 64 * 64;
  return weight;
}

/// Gives each weight its place.
inline PackPlan plan(std::vector<PackWeight> weights) {
  PackPlan out;
  for (PackWeight &weight : weights) {
    weight.offset = out.dataBytes;
    out.dataBytes += weight.stride * weight.layers.size();
  }
  out.weights = std::move(weights);
  return out;
}

/// A container and what it holds.
struct Packed {
  std::vector<uint8_t> file;
  PackedWeights result;
  SafeTensorsHeader header;

  std::span<const uint8_t> data(const std::string &name) const {
    const SafeTensorsEntry *entry = header.find(name);
    if (!entry)
      return {};
    return std::span(file).subspan(header.headerBytes + entry->begin,
                                   entry->end - entry->begin);
  }
};

inline Result<Packed> pack(const PackPlan &plan, const TensorSource &source,
                           const PackOptions &options = {},
                           uint64_t offset = 0) {
  std::FILE *file = std::tmpfile();
  Packed out;
  Result<PackedWeights> result =
      writeContainer(plan, source, fileno(file), offset, options);
  if (!result) {
    std::fclose(file);
    return result.takeError();
  }
  out.result = std::move(*result);
  out.file.resize(out.result.headerBytes + out.result.dataBytes);
  ssize_t got =
      ::pread(fileno(file), out.file.data(), out.file.size(), off_t(offset));
  std::fclose(file);
  EXPECT_EQ(size_t(got), out.file.size());
  Result<SafeTensorsHeader> header =
      parseSafeTensorsHeader(out.file, out.file.size());
  if (!header)
    return header.takeError();
  out.header = std::move(*header);
  return out;
}

} // namespace espalier::test

#endif // ESPALIER_TEST_UNIT_PACKING_PACK_H
