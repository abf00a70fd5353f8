//===- ExpertsTest.cpp - Weights of experts -------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Pack.h"

#include <cstring>

using namespace espalier;
using namespace espalier::test;

namespace {

constexpr uint64_t experts = 3, rows = 20, columns = 5;

/// Element (e, r, c) is 1000 e + 10 r + c.
std::vector<float> numbers(uint64_t first, uint64_t count) {
  std::vector<float> values;
  for (uint64_t e = first; e < first + count; ++e)
    for (uint64_t r = 0; r < rows; ++r)
      for (uint64_t c = 0; c < columns; ++c)
        values.push_back(float(1000 * e + 10 * r + c));
  return values;
}

PackWeight expertsWeight(std::vector<const SourceTensor *> sources,
                         uint64_t packedRows) {
  PackWeight weight =
      matrix("w", *sources.front(), Encoding::F32, 1, packedRows, columns);
  weight.layers = {std::move(sources)};
  weight.experts = experts;
  weight.bytes *= experts;
  weight.stride = (weight.bytes + 63) / 64 * 64;
  return weight;
}

float at(const Packed &packed, uint64_t panels, uint64_t e, uint64_t n,
         uint64_t k) {
  float value;
  uint64_t panel = e * panels + n / 16;
  std::memcpy(
      &value,
      packed.data("w").data() + ((panel * columns + k) * 16 + n % 16) * 4, 4);
  return value;
}

TEST(Experts, OneTensorEach) {
  std::vector<std::vector<float>> values;
  std::vector<SourceTensor> sources;
  for (uint64_t e = 0; e < experts; ++e) {
    values.push_back(numbers(e, 1));
    sources.push_back(tensor("e" + std::to_string(e), Encoding::F32,
                             {rows, columns}, bytesOf(values.back())));
  }
  PackWeight w = expertsWeight({&sources[0], &sources[1], &sources[2]}, rows);
  Result<Packed> packed = pack(plan({w}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  for (uint64_t e = 0; e < experts; ++e)
    for (uint64_t n = 0; n < 32; ++n)
      for (uint64_t k = 0; k < columns; ++k)
        EXPECT_EQ(at(*packed, 2, e, n, k),
                  n < rows ? float(1000 * e + 10 * n + k) : 0.0f)
            << e << " " << n << " " << k;
}

TEST(Experts, AllInOneTensorSliced) {
  std::vector<float> values = numbers(0, experts);
  SourceTensor source =
      tensor("all", Encoding::F32, {experts, rows, columns}, bytesOf(values));
  // The second half of each expert's rows.
  PackWeight w = expertsWeight({&source}, 10);
  w.recipe = {{PackStep::Kind::SliceRows, 0, 10, 20}};
  Result<Packed> packed = pack(plan({w}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  for (uint64_t e = 0; e < experts; ++e)
    for (uint64_t n = 0; n < 10; ++n)
      EXPECT_EQ(at(*packed, 1, e, n, 4), float(1000 * e + 10 * (n + 10) + 4));
}

TEST(Experts, RefusesWhatDoesNotFit) {
  std::vector<float> values = numbers(0, experts);
  auto message = [&](std::vector<uint64_t> shape, uint64_t wanted = rows) {
    SourceTensor source =
        tensor("all", Encoding::F32, std::move(shape), bytesOf(values));
    Result<Packed> packed = pack(plan({expertsWeight({&source}, wanted)}), {});
    return packed ? std::string() : packed.error().message;
  };
  EXPECT_NE(message({2, 30, columns}).find("expected 3 experts, got 2"),
            std::string::npos);
  EXPECT_NE(message({experts, rows, 6}).find("columns"), std::string::npos);
  EXPECT_NE(message({experts, rows, columns}, 19).find("19 rows, got 20"),
            std::string::npos);
  EXPECT_NE(message({experts, uint64_t(1) << 63, columns}).find("tensor 'all'"),
            std::string::npos);
}

} // namespace
