//===- LinearTest.cpp - Linear and embedding against docs/numerics.md
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearWeights.h"

using namespace espalier;
using namespace espalier::cpu;

namespace {

class LinearTest : public KernelTest {};

struct Shape {
  unsigned rows, cols, groups;
};

void checkLinear(LinearFn *run, const KernelKey &key, Shape shape, bool wild,
                 unsigned seed) {
  Random random(seed);
  Weights w(random, key.weights, key.group, shape.groups, shape.cols, wild);
  bool quantised = key.activations == Encoding::A8;
  size_t k = size_t(shape.groups) * key.group;
  std::vector<float> x(shape.rows * k);
  for (float &v : x)
    v = wild ? random.wild() : random.real();
  size_t xStride = quantised ? shape.groups * a8::bytes + 8 : k * 4;
  std::vector<uint8_t> xBytes(shape.rows * xStride + 64);
  for (unsigned r = 0; r < shape.rows; ++r) {
    uint8_t *to = &xBytes[r * xStride];
    if (!quantised)
      std::memcpy(to, &x[r * k], k * 4);
    else
      for (unsigned g = 0; g < shape.groups; ++g)
        quantizeActivations(&x[r * k + g * 32], to + g * a8::bytes);
  }
  std::vector<float> bias = random.reals(shape.cols);
  size_t outStride = shape.cols + 3;
  for (int mode = 0; mode < 4; ++mode) {
    std::vector<float> before = random.reals(shape.rows * outStride);
    std::vector<float> got = before;
    run(xBytes.data(), xStride, w.panels.data(), shape.groups * w.bytes,
        mode & 1 ? bias.data() : nullptr, got.data(), outStride * 4, shape.rows,
        shape.cols, shape.groups, mode >> 1);
    std::vector<float> want = before;
    for (unsigned r = 0; r < shape.rows; ++r)
      for (unsigned c = 0; c < shape.cols; ++c) {
        const uint8_t *xr = &xBytes[r * xStride];
        float v =
            quantised ? chainBlock(w, c, xr) : chainFloat(w, c, &x[r * k]);
        if (mode & 1)
          v = v + bias[c];
        float &out = want[r * outStride + c];
        out = mode >> 1 ? v + out : v;
      }
    ASSERT_TRUE(sameRow(got.data(), want.data(), got.size()))
        << kernelName(key, Isa::AVX2) << " rows " << shape.rows << " cols "
        << shape.cols << " groups " << shape.groups << " mode " << mode
        << " wild " << wild;
  }
}

std::vector<KernelKey> linearKeys() {
  std::vector<KernelKey> keys;
  auto add = [&](Encoding w, unsigned group, Encoding x = Encoding::F32) {
    KernelKey key{Kernel::Linear};
    key.weights = w;
    key.group = group;
    key.activations = x;
    keys.push_back(key);
  };
  add(Encoding::F32, 32);
  add(Encoding::F32, 5);
  add(Encoding::F16, 32);
  add(Encoding::F16, 3);
  add(Encoding::F16, 6);
  add(Encoding::BF16, 32);
  add(Encoding::BF16, 7);
  for (Encoding e : {Encoding::Q8_0, Encoding::Q4_0, Encoding::Q4_1}) {
    add(e, 32);
    add(e, 32, Encoding::A8);
  }
  return keys;
}

TEST_P(LinearTest, Linear) {
  for (const KernelKey &key : linearKeys()) {
    auto *run = kernel<LinearFn>(key);
    unsigned seed = 0;
    for (Shape shape :
         {Shape{1, 16, 1}, Shape{1, 40, 7}, Shape{1, 115, 5}, Shape{2, 5, 3},
          Shape{4, 33, 2}, Shape{5, 48, 9}, Shape{6, 16, 2}, Shape{7, 31, 1},
          Shape{13, 20, 4}, Shape{17, 64, 18}})
      for (bool wild : {false, true})
        checkLinear(run, key, shape, wild, ++seed);
  }
}

TEST_P(LinearTest, LinearWithoutGroups) {
  KernelKey key{Kernel::Linear};
  checkLinear(kernel<LinearFn>(key), key, {3, 18, 0}, false, 1);
}

TEST_P(LinearTest, Embedding) {
  for (KernelKey key : linearKeys()) {
    if (key.activations != Encoding::F32)
      continue;
    key.kernel = Kernel::Embedding;
    Random random(5);
    unsigned vocab = 37, groups = 3;
    Weights w(random, key.weights, key.group, groups, vocab, true);
    std::vector<int32_t> token = {0, 36, 15, 16, 8, 23, 31};
    espalier_step_args args = {};
    args.token = token.data();
    size_t n = size_t(groups) * key.group, stride = n + 1;
    std::vector<float> out(token.size() * stride, 7.0f);
    kernel<EmbeddingFn>(key)(&args, 2, w.panels.data(), groups * w.bytes,
                             groups, out.data(), stride * 4, token.size() - 2,
                             vocab);
    for (size_t r = 0; r + 2 < token.size(); ++r)
      ASSERT_TRUE(sameRow(&out[r * stride],
                          w.decoded(unsigned(token[r + 2])).data(), n))
          << kernelName(key, Isa::AVX2) << " row " << r;
    EXPECT_EQ(out[n], 7.0f);
  }
}

TEST_P(LinearTest, PositionEmbedding) {
  for (KernelKey key : linearKeys()) {
    if (key.activations != Encoding::F32)
      continue;
    key.kernel = Kernel::PositionEmbedding;
    Random random(6);
    unsigned entries = 37, groups = 2;
    Weights w(random, key.weights, key.group, groups, entries, true);
    std::vector<int32_t> position = {0, 34, 15, 14, 8};
    espalier_step_args args = {};
    args.position = position.data();
    size_t n = size_t(groups) * key.group, stride = n + 1;
    std::vector<float> out = random.reals(position.size() * stride);
    std::vector<float> want = out;
    for (size_t r = 0; r + 1 < position.size(); ++r) {
      std::vector<float> entry = w.decoded(unsigned(position[r + 1]) + 2);
      for (size_t i = 0; i < n; ++i)
        want[r * stride + i] = want[r * stride + i] + entry[i];
    }
    kernel<PositionEmbeddingFn>(key)(
        &args, 1, w.panels.data(), groups * w.bytes, groups, out.data(),
        stride * 4, position.size() - 1, /*offset=*/2);
    ASSERT_TRUE(sameRow(out.data(), want.data(), out.size()))
        << kernelName(key, Isa::AVX2);
  }
}

TEST(Kernels, RefusesWhatIsNoKernel) {
  mlir::MLIRContext context;
  mlir::ScopedDiagnosticHandler quiet(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  auto refused = [&](KernelKey key) {
    mlir::OwningOpRef<mlir::ModuleOp> module =
        mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
    return failed(generateKernels(*module, key, Isa::AVX2));
  };
  KernelKey group{Kernel::Linear};
  group.weights = Encoding::Q4_0;
  group.group = 16;
  EXPECT_TRUE(refused(group));
  KernelKey activations{Kernel::Linear};
  activations.activations = Encoding::A8;
  EXPECT_TRUE(refused(activations));
  KernelKey cache{Kernel::Attention};
  cache.cache = Encoding::Q8_0;
  EXPECT_TRUE(refused(cache));
  KernelKey gate{Kernel::Glu};
  gate.function = Function::SoftCap;
  EXPECT_TRUE(refused(gate));
}

TEST(Kernels, Avx512UsesItsInstructions) {
  KernelKey key{Kernel::Linear};
  key.weights = Encoding::Q4_1;
  key.activations = Encoding::A8;
  std::string text = assembly(key, Isa::AVX512, false);
  EXPECT_NE(text.find("vpdpbusd"), std::string::npos);
  EXPECT_NE(text.find("zmm"), std::string::npos);
  text = assembly(key, Isa::AVX512, true);
  EXPECT_EQ(text.find("zmm"), std::string::npos);
}

ESPALIER_ALL_WAYS(LinearTest);

} // namespace
