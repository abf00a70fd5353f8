//===- RecipeTest.cpp - What is done to tensors when they are packed ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Pack.h"
#include "WeightRows.h"
#include "espalier/Support/Half.h"

#include <cstring>
#include <numeric>

using namespace espalier;
using namespace espalier::test;

namespace {

using Kind = PackStep::Kind;

/// A matrix whose element (r, c) is 100 r + c.
struct Numbers {
  std::vector<float> values;
  SourceTensor source;
  Numbers(uint64_t rows, uint64_t columns) : values(rows * columns) {
    for (uint64_t r = 0; r < rows; ++r)
      for (uint64_t c = 0; c < columns; ++c)
        values[r * columns + c] = float(100 * r + c);
    source = tensor("numbers", Encoding::F32, {rows, columns}, bytesOf(values));
  }
};

/// Element (n, k) of a packed float32 matrix with groups of 1.
float at(const Packed &packed, uint64_t columns, uint64_t n, uint64_t k) {
  float value;
  std::memcpy(
      &value,
      packed.data("w").data() + ((n / 16 * columns + k) * 16 + n % 16) * 4, 4);
  return value;
}

TEST(Recipe, UnpermuteHeads) {
  Numbers m(12, 3); // two heads of dimension 6
  PackWeight w = matrix("w", m.source, Encoding::F32, 1, 12, 3);
  w.recipe = {{Kind::UnpermuteHeads, 2}};
  Result<Packed> packed = pack(plan({w}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  // Row j of a head comes from row 2j, row j + 3 from row 2j + 1.
  const uint64_t from[12] = {0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11};
  for (uint64_t n = 0; n < 12; ++n)
    for (uint64_t k = 0; k < 3; ++k)
      EXPECT_EQ(at(*packed, 3, n, k), float(100 * from[n] + k))
          << n << " " << k;
}

TEST(Recipe, SliceAndConcatenate) {
  Numbers a(10, 2), b(12, 2);
  PackWeight w = matrix("w", a.source, Encoding::F32, 1, 14, 2);
  w.layers = {{&a.source, &b.source}};
  w.recipe = {{Kind::SliceRows, 0, 3, 10}};
  Result<Packed> packed = pack(plan({w}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  for (uint64_t n = 0; n < 14; ++n)
    EXPECT_EQ(at(*packed, 2, n, 1), float(100 * (n % 7 + 3) + 1));
}

TEST(Recipe, UnpermuteTheRotatedRows) {
  Numbers m(12, 3); // two heads of dimension 6, of which 4 rows are rotated
  PackWeight w = matrix("w", m.source, Encoding::F32, 1, 12, 3);
  w.recipe = {{Kind::UnpermuteHeads, 2, 0, 0, 4}};
  Result<Packed> packed = pack(plan({w}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  const uint64_t from[12] = {0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11};
  for (uint64_t n = 0; n < 12; ++n)
    EXPECT_EQ(at(*packed, 3, n, 2), float(100 * from[n] + 2)) << n;
}

// Two groups of 9 rows, [q 6, k 3], and the same of the bias.
TEST(Recipe, SliceGroups) {
  Numbers m(18, 2);
  PackWeight w = matrix("w", m.source, Encoding::F32, 1, 6, 2);
  w.recipe = {{Kind::SliceGroups, 2, 6, 9}};
  Result<Packed> packed = pack(plan({w}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  for (uint64_t n = 0; n < 6; ++n)
    EXPECT_EQ(at(*packed, 2, n, 1), float(100 * (n / 3 * 9 + 6 + n % 3) + 1));

  std::vector<float> values(18);
  std::iota(values.begin(), values.end(), 0.0f);
  SourceTensor source = tensor("bias", Encoding::F32, {18}, bytesOf(values));
  PackWeight b = vector("w", source, 12);
  b.recipe = {{Kind::ToF32}, {Kind::SliceGroups, 2, 0, 6}};
  packed = pack(plan({b}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  const float expected[12] = {0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14};
  EXPECT_EQ(std::memcmp(packed->data("w").data(), expected, 48), 0);
}

TEST(Recipe, TransposeThenSlice) {
  Numbers m(3, 20);
  PackWeight w = matrix("w", m.source, Encoding::F32, 1, 5, 3);
  w.recipe = {{Kind::Transpose}, {Kind::SliceRows, 0, 10, 15}};
  Result<Packed> packed = pack(plan({w}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  for (uint64_t n = 0; n < 5; ++n)
    for (uint64_t k = 0; k < 3; ++k)
      EXPECT_EQ(at(*packed, 3, n, k), float(100 * k + n + 10));
}

TEST(Recipe, WidenAndAddOne) {
  std::vector<uint16_t> bits;
  for (float value : {0.5f, -1.0f, 3.0f})
    bits.push_back(floatToBf16(value));
  SourceTensor source = tensor("norm", Encoding::BF16, {3}, bytesOf(bits));
  PackWeight w = vector("w", source, 3);
  w.recipe = {{Kind::ToF32}, {Kind::AddOne}};
  Result<Packed> packed = pack(plan({w}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  float values[3];
  std::memcpy(values, packed->data("w").data(), 12);
  EXPECT_EQ(values[0], 1.5f);
  EXPECT_EQ(values[1], 0.0f);
  EXPECT_EQ(values[2], 4.0f);
}

TEST(Recipe, BiasesOfHeads) {
  std::vector<float> values(8);
  std::iota(values.begin(), values.end(), 0.0f);
  SourceTensor source = tensor("bias", Encoding::F32, {8}, bytesOf(values));
  PackWeight w = vector("w", source, 8);
  w.recipe = {{Kind::UnpermuteHeads, 2}, {Kind::ToF32}};
  Result<Packed> packed = pack(plan({w}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  const float expected[8] = {0, 2, 1, 3, 4, 6, 5, 7};
  EXPECT_EQ(std::memcmp(packed->data("w").data(), expected, 32), 0);
}

TEST(Recipe, RefusesWhatDoesNotFit) {
  Numbers m(12, 3);
  auto refused = [&](PackWeight w, const std::string &message) {
    Result<Packed> packed = pack(plan({std::move(w)}), {});
    ASSERT_FALSE(packed) << message;
    EXPECT_NE(packed.error().message.find(message), std::string::npos)
        << packed.error().message;
  };
  PackWeight w = matrix("w", m.source, Encoding::F32, 1, 12, 3);
  PackWeight v = w;
  v.recipe = {{Kind::UnpermuteHeads, 5}};
  refused(v, "tensor 'numbers': expected rows of 5 heads of even dimension, "
             "got 12 rows");
  v.recipe = {{Kind::UnpermuteHeads, 4}};
  refused(v, "tensor 'numbers': expected rows of 4 heads of even dimension");
  v.recipe = {{Kind::UnpermuteHeads, 0}};
  refused(v, "tensor 'numbers': expected rows of 0 heads");
  v.recipe = {{Kind::UnpermuteHeads, 2, 0, 0, 8}};
  refused(v, "tensor 'numbers': expected rows of 2 heads of even dimension, at "
             "least 8, got 12 rows");
  v.recipe = {{Kind::SliceGroups, 5, 0, 2}};
  refused(v, "tensor 'numbers': expected 5 groups of equal size, of at least 2 "
             "rows, got 12 rows");
  v.recipe = {{Kind::SliceGroups, 3, 0, 5}};
  refused(v, "tensor 'numbers': expected 3 groups of equal size, of at least 5 "
             "rows, got 12 rows");
  v.recipe = {{Kind::SliceRows, 0, 3, 13}};
  refused(v, "tensor 'numbers': expected rows up to 13, got 12 rows");
  v.recipe = {{Kind::SliceRows, 0, 5, 5}};
  refused(v, "tensor 'numbers': expected rows up to 5");
  v.recipe = {{Kind::SliceRows, 0, 0, 5}};
  refused(v, "weight 'w': expected 12 rows, got 5");
  v = matrix("w", m.source, Encoding::F32, 1, 12, 4);
  refused(v, "tensor 'numbers': expected 4 columns, got 3");
  v = matrix("w", m.source, Encoding::BF16, 1, 12, 3);
  refused(
      v,
      "tensor 'numbers': expected a type that can be packed as bf16, got f32");
  // A tensor that says more than it has is never read beyond its end.
  SourceTensor shorter = m.source;
  shorter.bytes = shorter.bytes.first(shorter.bytes.size() - 1);
  refused(matrix("w", shorter, Encoding::F32, 1, 12, 3),
          "tensor 'numbers': expected 144 bytes, got 143");
  SourceTensor huge = m.source;
  huge.shape = {uint64_t(1) << 62, 3};
  refused(matrix("w", huge, Encoding::F32, 1, 12, 3), "tensor 'numbers'");
}

} // namespace
