//===- RowTest.cpp - Kernels on rows against docs/numerics.md
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

using namespace espalier;
using namespace espalier::cpu;

namespace {

class RowTest : public KernelTest {};

TEST_P(RowTest, Quantize) {
  auto *run = kernel<QuantizeFn>({Kernel::Quantize});
  Random random(2);
  size_t rows = 60, groups = 5, stride = groups * 32;
  std::vector<float> x(rows * stride);
  for (size_t r = 0; r < rows; ++r)
    for (size_t i = 0; i < stride; ++i) {
      float &v = x[r * stride + i];
      v = r % 3 == 0 ? random.wild()
                     : random.real(std::ldexp(1.0f, int(r * 4) - 149));
      if (r % 3 == 1 && i % 3 == 0)
        v = 0.5f * float(int(random.below(255)) - 127) *
            std::ldexp(1.0f, int(r) - 30);
    }
  std::fill_n(&x[stride], 32, 0.0f);
  x[4 * stride] = 0x1p-100f;
  std::fill_n(&x[4 * stride + 1], 31, 0x1p-101f);
  // One large element; several runs with the same largest one.
  for (size_t r : {size_t(7), size_t(19), size_t(40)})
    for (size_t g = 0; g < groups; ++g)
      x[r * stride + g * 32 + (g * 9 + r) % 32] = r == 19 ? -60.0f : 3000.0f;
  for (size_t i = 0; i < 32; ++i)
    x[22 * stride + i] = i % 5 ? 1.25f : -1.25f;
  size_t outStride = groups * a8::bytes + 24;
  std::vector<uint8_t> got(rows * outStride, 3), want = got;
  // Where a window begins is no address that anybody reads.
  uint64_t window[2] = {4096, 4096 + 1000};
  run(x.data(), stride * 4, got.data(), outStride, rows, groups, window);
  EXPECT_EQ(window[0], 4096u + 1024);
  EXPECT_EQ(window[1], 4096u + 1000);
  for (size_t r = 0; r < rows; ++r)
    for (size_t g = 0; g < groups; ++g) {
      uint8_t *w = &want[r * outStride + g * a8::bytes];
      const uint8_t *o = &got[r * outStride + g * a8::bytes];
      quantizeActivations(&x[r * stride + g * 32], w);
      for (size_t at : {a8::scale, a8::scaledSum}) {
        float dGot, dWant;
        std::memcpy(&dGot, o + at, 4);
        std::memcpy(&dWant, w + at, 4);
        ASSERT_TRUE(same(dGot, dWant)) << r << " " << g;
        std::memcpy(w + at, &dGot, 4);
      }
    }
  EXPECT_EQ(got, want);
  std::fill(got.begin(), got.end(), uint8_t(3));
  run(x.data(), stride * 4, got.data(), outStride, rows, groups, nullptr);
  for (size_t r = 0; r < rows; ++r)
    for (size_t g = 0; g < groups; ++g)
      for (size_t at : {a8::scale, a8::scaledSum}) // bits of a NaN may differ
        std::memcpy(&got[r * outStride + g * a8::bytes + at],
                    &want[r * outStride + g * a8::bytes + at], 4);
  EXPECT_EQ(got, want);
}

TEST_P(RowTest, Rope) {
  auto *run = kernel<RopeFn>({Kernel::Rope});
  Random random(3);
  struct Shape {
    size_t heads, headDim, rotary;
  };
  for (Shape s :
       {Shape{3, 64, 64}, Shape{2, 8, 8}, Shape{1, 80, 32}, Shape{4, 10, 6},
        Shape{2, 128, 128}, Shape{2, 34, 34}, Shape{2, 16, 0}}) {
    std::vector<int32_t> position = {4, 0, 7, 3};
    // Another table stands before this one in the rows, and one after it.
    size_t width = s.rotary + 10, column = 6;
    std::vector<float> table = random.reals(8 * width);
    espalier_step_args args = {};
    args.position = position.data();
    args.rope = table.data();
    size_t rows = 3, stride = s.heads * s.headDim + 5;
    std::vector<float> x = random.reals(rows * stride), want = x;
    std::vector<float> out = x;
    for (size_t r = 0; r < rows; ++r)
      for (size_t h = 0; h < s.heads; ++h)
        for (size_t i = 0; i < s.rotary / 2; ++i) {
          const float *row = &table[size_t(position[r + 1]) * width + column];
          float c = row[i], sn = row[s.rotary / 2 + i];
          size_t at = r * stride + h * s.headDim + i;
          float x0 = x[at], x1 = x[at + s.rotary / 2];
          float a = x0 * c, b = x1 * sn, d = x1 * c, f = x0 * sn;
          want[at] = a - b;
          want[at + s.rotary / 2] = d + f;
        }
    run(&args, 1, x.data(), stride * 4, out.data(), stride * 4, rows, s.heads,
        s.headDim, s.rotary, width, column);
    ASSERT_TRUE(sameRow(out.data(), want.data(), out.size())) << s.headDim;
    run(&args, 1, x.data(), stride * 4, x.data(), stride * 4, rows, s.heads,
        s.headDim, s.rotary, width, column);
    ASSERT_TRUE(sameRow(x.data(), want.data(), x.size())) << s.headDim;
  }
}

TEST_P(RowTest, SelectAndTap) {
  Random random(6);
  size_t rows = 4, n = 35;
  std::vector<float> x = random.reals(rows * n);
  std::vector<int32_t> wanted = {1, 3};
  std::vector<float> hidden(3 * rows * n, 1.0f), out(2 * n + 1, 1.0f);
  espalier_step_args args = {};
  args.rows = uint32_t(rows);
  args.wanted = wanted.data();
  args.wanted_count = 2;
  kernel<SelectRowsFn>({Kernel::SelectRows})(&args, x.data(), n * 4, out.data(),
                                             n * 4, n);
  EXPECT_TRUE(sameRow(out.data(), &x[n], n));
  EXPECT_TRUE(sameRow(&out[n], &x[3 * n], n));
  EXPECT_EQ(out[2 * n], 1.0f);
  auto *tap = kernel<TapFn>({Kernel::Tap});
  tap(&args, x.data(), n * 4, 1, n);
  args.hidden = hidden.data();
  tap(&args, x.data(), n * 4, 1, n);
  EXPECT_TRUE(sameRow(&hidden[rows * n], x.data(), rows * n));
  EXPECT_EQ(hidden[rows * n - 1], 1.0f);
  EXPECT_EQ(hidden[2 * rows * n], 1.0f);
}

ESPALIER_ALL_WAYS(RowTest);

} // namespace
