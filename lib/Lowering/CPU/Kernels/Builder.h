//===- Builder.h - A small language to write kernels in
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// `V` is an SSA value with operators, `Emitter` the builder behind it, so that
/// a kernel reads like its pseudo-code in docs/numerics.md. Integers are signed
/// i64 unless said otherwise, offsets are in bytes, vectors have 16 lanes.
/// Nothing here reorders or fuses: one call is one IEEE operation. An FMA is
/// `fma`, which becomes llvm.intr.fma (not fmuladd, which a strict back end
/// would split).
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_LOWERING_CPU_KERNELS_BUILDER_H
#define ESPALIER_LIB_LOWERING_CPU_KERNELS_BUILDER_H

#include "espalier/Lowering/CPU/MicroKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace espalier::cpu {

class Emitter;

/// A value and the emitter that continues it.
class V {
public:
  V() = default;
  V(mlir::Value value, Emitter *emitter) : value(value), emitter(emitter) {}
  operator mlir::Value() const { return value; }
  mlir::Type type() const { return value.getType(); }
  Emitter &e() const { return *emitter; }

private:
  mlir::Value value;
  Emitter *emitter = nullptr;
};

using Vs = llvm::SmallVector<V>;

class Emitter {
public:
  explicit Emitter(mlir::ImplicitLocOpBuilder &b);

  mlir::ImplicitLocOpBuilder &b;
  mlir::Type i8, i16, i32, i64, f16, f32, ptr;
  mlir::Type vec(mlir::Type element, unsigned lanes = 16) const;

  // Constants; `like` gives a scalar or vector constant of that value's type.
  V index(int64_t value);
  V real(float value);
  V constant(mlir::Type type, int64_t value);
  V constant(mlir::Type type, float value);
  V like(V value, int64_t constantValue);
  V like(V value, float constantValue);

  // Memory. Alignment is that of the element.
  V at(V pointer, V bytes);
  V at(V pointer, int64_t bytes);
  V load(mlir::Type type, V pointer);
  void store(V value, V pointer);
  /// Lanes outside the mask give +0 and are not read.
  V loadMasked(mlir::Type type, V pointer, V mask);
  void storeMasked(V value, V pointer, V mask);
  /// Into all caches, or into all but the nearest.
  void prefetch(V pointer, bool nearest = true);
  /// Room in the frame; call it before the first loop.
  V frame(uint64_t bytes);
  /// A field of the step's arguments, and an element of an i32 array.
  V field(V args, size_t offset, mlir::Type type);
  V element32(V array, V i);

  // Values.
  V splat(V scalar, unsigned lanes = 16);
  V shuffle(V a, V b, llvm::ArrayRef<int64_t> lanes);
  V half(V vector, unsigned which);
  V concat(V low, V high);
  V lane(V vector, unsigned i);
  V insert(V vector, V scalar, unsigned i);
  V bitcast(V value, mlir::Type type);
  V fma(V a, V b, V c);
  V toFloat(V integers);
  /// Of a number within the range of i32 only.
  V toInt(V floats);
  V roundEven(V a);
  V extend(V integers, mlir::Type type);  // signed
  V extendU(V integers, mlir::Type type); // unsigned
  V truncate(V integers, mlir::Type type);
  V shl(V a, int64_t bits);
  V sra(V a, int64_t bits);
  V srl(V a, int64_t bits);
  V srlBy(V a, V bits);
  V negate(V a);
  V absolute(V a);
  V sqrt(V a);
  V select(V condition, V a, V b);
  V less(V a, V b); // signed, or ordered
  V equal(V a, V b);
  V isNull(V pointer);
  V address(V pointer); // as i64
  V min(V a, V b);
  /// a > b ? a : b, also for floats (a NaN on either side gives b).
  V max(V a, V b);
  V both(V a, V b); // and, also of bits
  V either(V a, V b);
  V exclusive(V a, V b);
  V intrinsic(llvm::StringRef name, mlir::Type result, llvm::ArrayRef<V> args);
  /// acc + the four-wise products of unsigned `u` and signed `s` bytes.
  V dotU8S8(V acc, V u, V s);

  /// 0, 1, .. 15, of 32 bits.
  V iota32(unsigned first = 0);
  /// lanes first + i < count.
  V maskBelow(V count, unsigned first = 0);
  /// Folds 16 lanes: +8, +4, +2, +1 (docs/numerics.md, sum16), or maxima.
  V foldSum(V vector);
  V foldMax(V vector);

  // Elements of 16 bits.
  V widen(V halves);
  V loadAsFloat(Encoding element, V pointer, unsigned lanes = 16);
  V narrow(Encoding element, V floats);
  V widenScalar(Encoding element, V bits);

  // Functions.cpp.
  V horner(llvm::ArrayRef<float> coefficients, V x);
  V exp2(V x);
  V tanh(V x);
  V erf(V x);
  /// The activations only.
  V activation(Function function, V x);

  // Control.
  using Body = llvm::function_ref<void(V)>;
  using Fold = llvm::function_ref<Vs(V, llvm::ArrayRef<V>)>;
  void loop(V low, V high, int64_t step, Body body);
  Vs loop(V low, V high, int64_t step, llvm::ArrayRef<V> init, Fold body);
  void when(V condition, llvm::function_ref<void()> then,
            llvm::function_ref<void()> otherwise = nullptr);
  V choose(V condition, llvm::function_ref<V()> then,
           llvm::function_ref<V()> otherwise);
  /// x = start; while (condition(x)) x = next(x); gives the last x.
  V repeat(V start, llvm::function_ref<V(V)> condition,
           llvm::function_ref<V(V)> next);
  /// body(i, mask) for each 16 elements of `n`: full chunks without a mask
  /// (a null V), then the rest, if any, with one.
  void chunks(V n, llvm::function_ref<void(V, V)> body);
  V loadChunk(V pointer, V mask);
  void storeChunk(V value, V pointer, V mask);

private:
  V wrap(mlir::Value value) { return V(value, this); }
};

/// What the worker reads next, prefetched beside work that leaves main memory
/// idle. Make it before the first loop.
class PrefetchWindow {
public:
  /// `window`: {first byte not prefetched, end}, or null for none.
  PrefetchWindow(Emitter &e, V window);
  /// Prefetches the next `lines`, if any is left.
  void advance(unsigned lines);
  /// Writes back where it stands.
  void finish();

private:
  Emitter &e;
  V window, copy;
};

V operator+(V a, V b);
V operator-(V a, V b);
V operator*(V a, V b);
V operator/(V a, V b); // integers: unsigned
V operator%(V a, V b);
V operator+(V a, int64_t b);
V operator-(V a, int64_t b);
V operator*(V a, int64_t b);
V operator/(V a, int64_t b);
V operator%(V a, int64_t b);

inline bool isSet(V v) { return bool(mlir::Value(v)); }

inline unsigned elementBytes(Encoding e) { return e == Encoding::F32 ? 4 : 2; }

/// The bodies. `args` are the function's arguments, in the table's order.
void emitLinear(Emitter &e, const KernelKey &key, Isa isa,
                llvm::ArrayRef<V> args);
void emitEmbedding(Emitter &e, const KernelKey &key, llvm::ArrayRef<V> args);
void emitRmsNorm(Emitter &e, llvm::ArrayRef<V> args);
void emitQuantize(Emitter &e, llvm::ArrayRef<V> args);
void emitRope(Emitter &e, llvm::ArrayRef<V> args);
void emitAppend(Emitter &e, const KernelKey &key, llvm::ArrayRef<V> args);
void emitAttention(Emitter &e, const KernelKey &key, Isa isa,
                   llvm::ArrayRef<V> args);
void emitAttentionPartials(Emitter &e, const KernelKey &key, Isa isa,
                           llvm::ArrayRef<V> args);
void emitAttentionMerge(Emitter &e, llvm::ArrayRef<V> args);
void emitGlu(Emitter &e, Function function, llvm::ArrayRef<V> args);
void emitLayerNorm(Emitter &e, llvm::ArrayRef<V> args);
void emitPointwise(Emitter &e, Function function, llvm::ArrayRef<V> args);
void emitRouter(Emitter &e, llvm::ArrayRef<V> args);
void emitGroupedLinear(Emitter &e, const KernelKey &key, Isa isa,
                       llvm::ArrayRef<V> args);
void emitSelectRows(Emitter &e, llvm::ArrayRef<V> args);
void emitTap(Emitter &e, llvm::ArrayRef<V> args);

/// Panels that are read side by side, each the beginning of `left` bytes that
/// are read in order, and then of more after `skip` bytes. Without `left`, one
/// panel, and the next follows it.
struct BlockStreams {
  llvm::ArrayRef<V> at;
  V left, skip;
};
/// R accumulators of 16 columns for each panel, panel after panel: the chains
/// with the rows at `x` (LinearBlock.cpp).
Vs emitBlockChain(Emitter &e, const KernelKey &key, Isa isa,
                  const BlockStreams &streams, llvm::ArrayRef<V> x, V groups);

/// Panels that are read side by side, each followed in memory by `skip` bytes
/// that are not read after it.
struct PanelStreams {
  llvm::ArrayRef<V> at;
  V skip;
};
/// R accumulators for each panel, panel after panel (LinearFloat.cpp).
Vs emitFloatChain(Emitter &e, const KernelKey &key, Isa isa,
                  const PanelStreams &panels, llvm::ArrayRef<V> x, V groups);
/// The same with float32 activations: weights are decoded first.
Vs emitDecodedChain(Emitter &e, const KernelKey &key,
                    const PanelStreams &panels, llvm::ArrayRef<V> x, V groups);

/// Rows whose sums fit in the registers beside the decoded weights.
unsigned chainRows(const KernelKey &key, Isa isa);
/// Panels that a single row takes at a time.
unsigned chainPanels(const KernelKey &key, Isa isa);
/// The chain that the key asks for (Linear.cpp): R accumulators for each panel,
/// panel after panel. Several panels only with float activations.
Vs emitChain(Emitter &e, const KernelKey &key, Isa isa,
             llvm::ArrayRef<V> panels, V wStride, llvm::ArrayRef<V> xRows,
             V groups);

//===----------------------------------------------------------------------===//
// The loops over panels, of linears and of grouped ones (Linear.cpp)
//===----------------------------------------------------------------------===//

/// The columns that a single row takes several panels at a time:
/// body(column) for the first of each. The column behind them; 0 with more
/// rows, and where several panels are no faster.
V overWidePanels(Emitter &e, const KernelKey &key, Isa isa, V rows, V cols,
                 llvm::function_ref<void(V column)> body);
/// The chains of those panels, from `column` of `matrix` on.
Vs emitPanels(Emitter &e, const KernelKey &key, Isa isa, V matrix, V wStride,
              V column, V xRow, V groups);
/// Blocks of [begin, end): block(first, size) with size 1, 2 or `most`, the
/// least that holds what is left, then after(first, rows in it).
void overBlocks(Emitter &e, V begin, V end, unsigned most,
                llvm::function_ref<void(V first, unsigned size)> block,
                llvm::function_ref<void(V first, V count)> after = nullptr);
/// Whether a pointer that may be null is not.
V isGiven(Emitter &e, V pointer);

} // namespace espalier::cpu

#endif // ESPALIER_LIB_LOWERING_CPU_KERNELS_BUILDER_H
