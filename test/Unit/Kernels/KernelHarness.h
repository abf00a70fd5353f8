//===- KernelHarness.h - Kernels compiled in process
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Generates micro-kernels, lowers them with upstream's passes, compiles them
/// and gives their addresses. For tests and benchmarks.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_KERNELS_KERNELHARNESS_H
#define ESPALIER_TEST_UNIT_KERNELS_KERNELHARNESS_H

#include "espalier/Lowering/CPU/MicroKernels.h"
#include "espalier/descriptor.h"

#include <memory>
#include <string>
#include <vector>

namespace espalier::cpu {

using LinearFn = void(const void *x, int64_t xStride, const void *w,
                      int64_t wStride, const float *bias, float *out,
                      int64_t outStride, int64_t rows, int64_t cols,
                      int64_t groups, int64_t accumulate);
using EmbeddingFn = void(const espalier_step_args *, int64_t firstRow,
                         const void *w, int64_t wStride, int64_t groups,
                         float *out, int64_t outStride, int64_t rows,
                         int64_t vocab);
using PositionEmbeddingFn = void(const espalier_step_args *, int64_t firstRow,
                                 const void *w, int64_t wStride, int64_t groups,
                                 float *out, int64_t outStride, int64_t rows,
                                 int64_t offset);
using RmsNormFn = void(const float *x, int64_t xStride, const float *w,
                       int64_t wStep, float *out, int64_t outStride,
                       int64_t rows, int64_t n, int64_t segment,
                       int64_t accumulate, float eps);
using LayerNormFn = void(const float *x, int64_t xStride, const float *w,
                         const float *bias, int64_t wStep, float *out,
                         int64_t outStride, int64_t rows, int64_t n,
                         int64_t segment, float eps);
using QuantizeFn = void(const float *x, int64_t xStride, void *out,
                        int64_t outStride, int64_t rows, int64_t groups,
                        uint64_t *prefetch);
using RopeFn = void(const espalier_step_args *, int64_t firstRow,
                    const float *x, int64_t xStride, float *out,
                    int64_t outStride, int64_t rows, int64_t heads,
                    int64_t headDim, int64_t rotaryDim, int64_t tableWidth,
                    int64_t tableColumn);
using AppendFn = void(const espalier_step_args *, int64_t firstRow,
                      const float *x, int64_t xStride, int64_t rows,
                      int64_t firstHead, int64_t heads, int64_t layer,
                      int64_t kvHeads, int64_t headDim);
using AttentionFn = void(const espalier_step_args *, int64_t firstRow,
                         const float *q, int64_t qStride, float *out,
                         int64_t outStride, int64_t rows, int64_t firstHead,
                         int64_t heads, int64_t layer, int64_t kvHeads,
                         int64_t group, int64_t headDim, float scale,
                         int64_t window, float cap, const float *slopes,
                         void *scratch, uint64_t *prefetch);
using PartialsFn = void(const espalier_step_args *, int64_t firstRow,
                        const float *q, int64_t qStride, float *out,
                        int64_t outStride, int64_t rows, int64_t firstHead,
                        int64_t heads, int64_t layer, int64_t kvHeads,
                        int64_t group, int64_t headDim, float scale,
                        int64_t window, float cap, const float *slopes,
                        void *scratch, uint64_t *prefetch, int64_t blockStride,
                        int64_t firstBlock, int64_t blocks);
using MergeFn = void(const espalier_step_args *, int64_t firstRow,
                     const float *partials, int64_t blockStride,
                     int64_t rowStride, float *out, int64_t outStride,
                     int64_t rows, int64_t heads, int64_t headDim,
                     int64_t window);
using GluFn = void(const float *gate, int64_t gateStride, const float *up,
                   int64_t upStride, float *out, int64_t outStride,
                   int64_t rows, int64_t cols);
using PointwiseFn = void(const float *x, int64_t xStride, float *out,
                         int64_t outStride, int64_t rows, int64_t cols,
                         float constant);
using RouterFn = void(const float *scores, int64_t scoresStride, int32_t *ids,
                      int64_t idsStride, float *weights, int64_t weightsStride,
                      int64_t rows, int64_t experts, int64_t choices,
                      int64_t renormalize);
using GroupedLinearFn = void(const void *x, int64_t xStride, const int32_t *ids,
                             int64_t idsStride, const float *combine,
                             int64_t combineStride, const void *w,
                             int64_t wStride, int64_t expertStride, float *out,
                             int64_t outStride, int64_t rows, int64_t choices,
                             int64_t cols, int64_t groups, int64_t experts,
                             int64_t accumulate, void *scratch);
using SelectRowsFn = void(const espalier_step_args *, const float *x,
                          int64_t xStride, float *out, int64_t outStride,
                          int64_t n);
using TapFn = void(const espalier_step_args *, const float *x, int64_t xStride,
                   int64_t index, int64_t n);

/// Attention without a window.
inline constexpr int64_t noWindow = int64_t(1) << 40;

/// Compiled kernels of one instruction set.
class CompiledKernels {
public:
  /// Ends the process with a message where compilation fails.
  CompiledKernels(llvm::ArrayRef<KernelKey> keys, Isa isa, bool expandDot);
  ~CompiledKernels();

  void *address(const KernelKey &key) const;
  template <typename Fn> Fn *get(const KernelKey &key) const {
    return reinterpret_cast<Fn *>(address(key));
  }

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// The assembly of kernels, for any instruction set.
std::string assembly(llvm::ArrayRef<KernelKey> keys, Isa isa, bool expandDot);

/// True when this CPU runs Isa::AVX512 (x86-64-v4 and AVX512-VNNI).
bool hasAvx512();

} // namespace espalier::cpu

#endif // ESPALIER_TEST_UNIT_KERNELS_KERNELHARNESS_H
