//===- NormTest.cpp - Norms and pointwise kernels against the numerics ----===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

using namespace espalier;
using namespace espalier::cpu;

namespace {

class NormTest : public KernelTest {};

/// docs/numerics.md, entry rms_norm, one segment.
void rmsNorm(const float *x, const float *w, size_t n, float eps, bool adds,
             float *y) {
  float mean = sum16(n, [&](size_t i) { return x[i] * x[i]; }) / float(n);
  float factor = 1.0f / std::sqrt(mean + eps);
  for (size_t i = 0; i < n; ++i) {
    float scaled = x[i] * factor;
    float weighted = scaled * w[i];
    y[i] = adds ? y[i] + weighted : weighted;
  }
}

/// docs/numerics.md, entry layer_norm, one segment.
void layerNorm(const float *x, const float *w, const float *bias, size_t n,
               float eps, float *y) {
  float mean = sum16(n, [&](size_t i) { return x[i]; }) / float(n);
  auto square = [&](size_t i) {
    float d = x[i] - mean;
    return d * d;
  };
  float factor = 1.0f / std::sqrt(sum16(n, square) / float(n) + eps);
  for (size_t i = 0; i < n; ++i) {
    float d = x[i] - mean;
    float scaled = d * factor;
    float weighted = scaled * w[i];
    y[i] = bias ? weighted + bias[i] : weighted;
  }
}

struct Shape {
  size_t n, segment;
  bool perColumn; ///< a weight for each column, not for each of a segment
};
const Shape shapes[] = {{1, 1, true},    {7, 7, true},   {16, 16, true},
                        {17, 17, true},  {95, 95, true}, {576, 576, true},
                        {96, 16, false}, {96, 16, true}, {102, 34, false},
                        {40, 8, true},   {15, 5, false}, {160, 80, true}};

TEST_P(NormTest, RmsNorm) {
  auto *run = kernel<RmsNormFn>({Kernel::RmsNorm});
  Random random(1);
  for (Shape s : shapes)
    for (float scale : {1.0f, 1e-23f, 1e15f, 0.0f})
      for (bool adds : {false, true}) {
        size_t rows = 3, stride = s.n + 2, wStep = s.perColumn ? s.segment : 0;
        std::vector<float> x = random.reals(rows * stride, scale);
        if (scale == 1e15f)
          x[s.n / 2] = std::numeric_limits<float>::infinity();
        std::vector<float> w = random.reals(s.perColumn ? s.n : s.segment);
        std::vector<float> out = random.reals(rows * stride), want = out;
        run(x.data(), stride * 4, w.data(), wStep * 4, out.data(), stride * 4,
            rows, s.n, s.segment, adds, 1e-5f);
        for (size_t r = 0; r < rows; ++r)
          for (size_t i = 0; i < s.n / s.segment; ++i) {
            size_t at = r * stride + i * s.segment;
            rmsNorm(&x[at], &w[i * wStep], s.segment, 1e-5f, adds, &want[at]);
          }
        ASSERT_TRUE(sameRow(out.data(), want.data(), out.size()))
            << s.n << " " << s.segment << " " << adds;
        if (adds)
          continue;
        run(x.data(), stride * 4, w.data(), wStep * 4, x.data(), stride * 4, 1,
            s.n, s.segment, 0, 1e-5f);
        ASSERT_TRUE(sameRow(x.data(), want.data(), s.n)) << "in place " << s.n;
      }
}

TEST_P(NormTest, LayerNorm) {
  auto *run = kernel<LayerNormFn>({Kernel::LayerNorm});
  Random random(2);
  for (Shape s : shapes)
    for (float scale : {1.0f, 1e-23f, 1e15f, 0.0f})
      for (bool biased : {false, true}) {
        size_t rows = 3, stride = s.n + 2, wStep = s.perColumn ? s.segment : 0;
        std::vector<float> x = random.reals(rows * stride, scale);
        for (float &v : x)
          v = v + 3 * scale;
        if (scale == 1e15f)
          x[s.n / 2] = std::numeric_limits<float>::infinity();
        std::vector<float> w = random.reals(s.perColumn ? s.n : s.segment);
        std::vector<float> b = random.reals(w.size());
        std::vector<float> out(rows * stride, 9.0f), want = out;
        run(x.data(), stride * 4, w.data(), biased ? b.data() : nullptr,
            wStep * 4, out.data(), stride * 4, rows, s.n, s.segment, 1e-5f);
        for (size_t r = 0; r < rows; ++r)
          for (size_t i = 0; i < s.n / s.segment; ++i) {
            size_t at = r * stride + i * s.segment;
            layerNorm(&x[at], &w[i * wStep], biased ? &b[i * wStep] : nullptr,
                      s.segment, 1e-5f, &want[at]);
          }
        ASSERT_TRUE(sameRow(out.data(), want.data(), out.size()))
            << s.n << " " << s.segment << " " << biased;
        run(x.data(), stride * 4, w.data(), biased ? b.data() : nullptr,
            wStep * 4, x.data(), stride * 4, 1, s.n, s.segment, 1e-5f);
        ASSERT_TRUE(sameRow(x.data(), want.data(), s.n)) << "in place " << s.n;
      }
}

const Function activations[] = {Function::Silu, Function::Gelu,
                                Function::GeluTanh, Function::Relu,
                                Function::ReluSquared};

float activate(Function function, float x) {
  switch (function) {
  case Function::Gelu:
    return geluExact(x);
  case Function::GeluTanh:
    return geluTanhExact(x);
  case Function::Relu:
    return x < 0 ? 0.0f : x;
  case Function::ReluSquared:
    return x < 0 ? 0.0f : x * x;
  default:
    return siluExact(x);
  }
}

/// Values on both sides of the borders of the functions' ways, and wild ones.
std::vector<float> arguments(Random &random, size_t n) {
  std::vector<float> x(n);
  for (float &v : x)
    switch (random.below(4)) {
    case 0:
      v = random.wild();
      break;
    case 1:
      v = random.real(60.0f);
      break;
    case 2:
      v = random.real(1e-3f);
      break;
    default:
      v = random.real(1.5f);
    }
  return x;
}

TEST_P(NormTest, Glu) {
  Random random(4);
  for (Function function : activations) {
    KernelKey key{Kernel::Glu};
    key.function = function;
    auto *run = kernel<GluFn>(key);
    for (size_t cols : {1, 16, 31, 1536}) {
      size_t rows = 3;
      std::vector<float> gate = arguments(random, rows * cols), up(gate.size()),
                         out(gate.size()), want(gate.size());
      for (float &u : up)
        u = random.wild();
      for (size_t i = 0; i < want.size(); ++i)
        want[i] = activate(function, gate[i]) * up[i];
      run(gate.data(), cols * 4, up.data(), cols * 4, out.data(), cols * 4,
          rows, cols);
      ASSERT_TRUE(sameRow(out.data(), want.data(), out.size()))
          << int(function) << " " << cols;
    }
  }
}

TEST_P(NormTest, Pointwise) {
  Random random(5);
  std::vector<Function> functions(std::begin(activations),
                                  std::end(activations));
  for (Function f : {Function::Scale, Function::ScaleAdd, Function::SoftCap})
    functions.push_back(f);
  for (Function function : functions) {
    KernelKey key{Kernel::Pointwise};
    key.function = function;
    auto *run = kernel<PointwiseFn>(key);
    float constant = function == Function::SoftCap ? 30.0f : -0.22f;
    for (size_t cols : {1, 16, 31, 1537}) {
      size_t rows = 3, stride = cols + 3;
      std::vector<float> x = arguments(random, rows * stride);
      std::vector<float> out = random.reals(x.size()), want = out;
      for (size_t r = 0; r < rows; ++r)
        for (size_t i = r * stride; i < r * stride + cols; ++i) {
          float product = x[i] * constant;
          want[i] = function == Function::Scale      ? product
                    : function == Function::ScaleAdd ? want[i] + product
                    : function == Function::SoftCap
                        ? tanhExact(x[i] / constant) * constant
                        : activate(function, x[i]);
        }
      run(x.data(), stride * 4, out.data(), stride * 4, rows, cols, constant);
      ASSERT_TRUE(sameRow(out.data(), want.data(), out.size()))
          << int(function) << " " << cols;
    }
  }
}

ESPALIER_ALL_WAYS(NormTest);

} // namespace
