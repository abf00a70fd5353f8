//===- NormKernels.cpp - Norms and pointwise functions --------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md, entries rms_norm, layer_norm, activations, scale and
// soft_cap.
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

namespace espalier::cpu {
namespace {

/// sum16 of term(i, mask) over `n` elements, 16 at a time; `term` gives +0
/// where the mask is not set. A sum that starts at +0 never becomes -0, so that
/// adding the absent lanes' +0 changes nothing.
V sum16(Emitter &e, V n, llvm::function_ref<V(V, V)> term) {
  V full = n - n % 16;
  V s = e.loop(e.index(0), full, 16, {e.constant(e.vec(e.f32), 0.0f)},
               [&](V i, llvm::ArrayRef<V> sum) -> Vs {
                 return {sum[0] + term(i, V())};
               })[0];
  s = e.choose(
      e.less(full, n), [&] { return s + term(full, e.maskBelow(n - full)); },
      [&] { return s; });
  return e.foldSum(s);
}

/// body(x, w's byte offset, out) for each segment of each row.
void forSegments(Emitter &e, V x, V xStride, V wStep, V out, V outStride,
                 V rows, V n, V segment,
                 llvm::function_ref<void(V, V, V)> body) {
  e.loop(e.index(0), rows, 1, [&](V r) {
    V xr = e.at(x, r * xStride), outR = e.at(out, r * outStride);
    e.loop(e.index(0), n / segment, 1, [&](V s) {
      V at = s * segment * 4;
      body(e.at(xr, at), s * wStep, e.at(outR, at));
    });
  });
}

/// 1 / sqrt(sum / n + eps), in all lanes.
V inverseRoot(Emitter &e, V sum, V n, V eps) {
  return e.splat(e.real(1.0f) / e.sqrt(sum / e.toFloat(n) + eps));
}

} // namespace

void emitRmsNorm(Emitter &e, llvm::ArrayRef<V> a) {
  V x = a[0], xStride = a[1], w = a[2], wStep = a[3], out = a[4],
    outStride = a[5], rows = a[6], n = a[7], segment = a[8], accumulate = a[9],
    eps = a[10];
  V adds = e.less(e.index(0), accumulate);
  forSegments(
      e, x, xStride, wStep, out, outStride, rows, n, segment,
      [&](V from, V weightAt, V to) {
        V sum = sum16(e, segment, [&](V i, V mask) {
          V v = e.loadChunk(e.at(from, i * 4), mask);
          return v * v;
        });
        V factor = inverseRoot(e, sum, segment, eps);
        V weight = e.at(w, weightAt);
        auto normalised = [&](V i, V mask) {
          V v = e.loadChunk(e.at(from, i * 4), mask) * factor;
          return v * e.loadChunk(e.at(weight, i * 4), mask);
        };
        e.when(
            adds,
            [&] {
              e.chunks(segment, [&](V i, V mask) {
                V init = e.loadChunk(e.at(to, i * 4), mask);
                e.storeChunk(init + normalised(i, mask), e.at(to, i * 4), mask);
              });
            },
            [&] {
              e.chunks(segment, [&](V i, V mask) {
                e.storeChunk(normalised(i, mask), e.at(to, i * 4), mask);
              });
            });
      });
}

void emitLayerNorm(Emitter &e, llvm::ArrayRef<V> a) {
  V x = a[0], xStride = a[1], w = a[2], bias = a[3], wStep = a[4], out = a[5],
    outStride = a[6], rows = a[7], n = a[8], segment = a[9], eps = a[10];
  V unbiased = e.isNull(bias);
  forSegments(
      e, x, xStride, wStep, out, outStride, rows, n, segment,
      [&](V from, V weightAt, V to) {
        V sum = sum16(e, segment, [&](V i, V mask) {
          return e.loadChunk(e.at(from, i * 4), mask);
        });
        V mean = e.splat(sum / e.toFloat(segment));
        V squares = sum16(e, segment, [&](V i, V mask) {
          V d = e.loadChunk(e.at(from, i * 4), mask) - mean;
          V square = d * d;
          return isSet(mask) ? e.select(mask, square, e.like(square, 0.0f))
                             : square;
        });
        V factor = inverseRoot(e, squares, segment, eps);
        V weight = e.at(w, weightAt);
        auto normalised = [&](V i, V mask) {
          V d = e.loadChunk(e.at(from, i * 4), mask) - mean;
          return d * factor * e.loadChunk(e.at(weight, i * 4), mask);
        };
        e.when(
            unbiased,
            [&] {
              e.chunks(segment, [&](V i, V mask) {
                e.storeChunk(normalised(i, mask), e.at(to, i * 4), mask);
              });
            },
            [&] {
              V b = e.at(bias, weightAt);
              e.chunks(segment, [&](V i, V mask) {
                V y = normalised(i, mask) + e.loadChunk(e.at(b, i * 4), mask);
                e.storeChunk(y, e.at(to, i * 4), mask);
              });
            });
      });
}

void emitGlu(Emitter &e, Function function, llvm::ArrayRef<V> a) {
  V gate = a[0], gateStride = a[1], up = a[2], upStride = a[3], out = a[4],
    outStride = a[5], rows = a[6], cols = a[7];
  e.loop(e.index(0), rows, 1, [&](V r) {
    V g = e.at(gate, r * gateStride), u = e.at(up, r * upStride),
      o = e.at(out, r * outStride);
    e.chunks(cols, [&](V i, V mask) {
      V y = e.activation(function, e.loadChunk(e.at(g, i * 4), mask)) *
            e.loadChunk(e.at(u, i * 4), mask);
      e.storeChunk(y, e.at(o, i * 4), mask);
    });
  });
}

void emitPointwise(Emitter &e, Function function, llvm::ArrayRef<V> a) {
  V x = a[0], xStride = a[1], out = a[2], outStride = a[3], rows = a[4],
    cols = a[5], constant = e.splat(a[6]);
  e.loop(e.index(0), rows, 1, [&](V r) {
    V from = e.at(x, r * xStride), to = e.at(out, r * outStride);
    e.chunks(cols, [&](V i, V mask) {
      V v = e.loadChunk(e.at(from, i * 4), mask), y;
      switch (function) {
      case Function::Scale:
        y = v * constant;
        break;
      case Function::ScaleAdd:
        y = e.loadChunk(e.at(to, i * 4), mask) + v * constant;
        break;
      case Function::SoftCap:
        y = e.tanh(v / constant) * constant;
        break;
      default:
        y = e.activation(function, v);
        break;
      }
      e.storeChunk(y, e.at(to, i * 4), mask);
    });
  });
}

} // namespace espalier::cpu
