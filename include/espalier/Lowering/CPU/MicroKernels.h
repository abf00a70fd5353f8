//===- MicroKernels.h - The functions that tile bodies call -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The work inside a tile is done by *micro-kernels*: private functions, keyed
/// by what they compute, generated once for each instruction set and shared by
/// all variants and layers. This header is the seam between the lowering, which
/// emits the calls, and the generator, which emits the bodies.
///
/// Every kernel is an `llvm.func` that returns nothing. Pointers are
/// `!llvm.ptr`, counts and strides `i64`, strides in bytes, `f32` scalars by
/// value. "args" is the `espalier_step_args` of the call
/// (espalier/descriptor.h); rows are rows of the call: a kernel that reads row
/// metadata gets the index of the tile's first row. Activations are float32
/// rows, `x + r * xStride`, or rows of a8 panels
/// (espalier/Support/Encodings.h). No kernel allocates; scratch comes as a
/// pointer. A row's bits never depend on the other rows of the call.
///
/// | kernel          | parameters                                             |
/// |-----------------|--------------------------------------------------------|
/// | linear          | x, xStride, w, wStride, bias (or null), out, outStride,|
/// |                 | rows, cols, groups, accumulate                         |
/// | embedding       | args, firstRow, w, wStride, groups, out, outStride,    |
/// |                 | rows, vocab                                            |
/// | position_       | args, firstRow, w, wStride, groups, out, outStride,    |
/// | embedding       | rows, offset                                           |
/// | rms_norm        | x, xStride, w, wStep, out, outStride, rows, n, segment,|
/// |                 | accumulate, eps: f32                                   |
/// | layer_norm      | x, xStride, w, bias (or null), wStep, out, outStride,  |
/// |                 | rows, n, segment, eps: f32                             |
/// | quantize        | x, xStride, out, outStride, rows, groups,              |
/// |                 | prefetch (or null)                                     |
/// | rope            | args, firstRow, x, xStride, out, outStride, rows,      |
/// |                 | heads, headDim, rotaryDim, tableWidth, tableColumn     |
/// | append_keys     | args, firstRow, x, xStride, rows, firstHead, heads,    |
/// |                 | layer, kvHeads, headDim                                |
/// | append_values   | as append_keys                                         |
/// | attention       | args, firstRow, q, qStride, out, outStride, rows,      |
/// |                 | firstHead, heads, layer, kvHeads, group, headDim,      |
/// |                 | scale: f32, window, cap: f32, slopes (or null),|
/// |                 | scratch, prefetch (or null)                            |
/// | attention_      | as attention, then blockStride, firstBlock, blocks     |
/// |   partials      |                                                        |
/// | attention_merge | args, firstRow, partials, blockStride, rowStride, out, |
/// |                 | outStride, rows, heads, headDim, window                |
/// | glu             | gate, gateStride, up, upStride, out, outStride, rows,  |
/// |                 | cols                                                   |
/// | pointwise       | x, xStride, out, outStride, rows, cols, constant: f32  |
/// | router          | scores, scoresStride, ids, idsStride, weights,         |
/// |                 | weightsStride, rows, experts, choices, renormalize     |
/// | grouped_linear  | x, xStride, ids, idsStride, combine (or null),         |
/// |                 | combineStride, w, wStride, expertStride, out,          |
/// |                 | outStride, rows, choices, cols, groups, experts,       |
/// |                 | accumulate, scratch                                    |
/// | select_rows     | args, x, xStride, out, outStride, n                    |
/// | tap             | args, x, xStride, index, n                             |
///
/// `prefetch` points at two addresses, the first byte that is not prefetched
/// yet and the end of what the worker reads next; the kernel prefetches some of
/// it beside its own work and moves the first.
///
/// attention_partials: `out` holds what the blocks of 64 positions firstBlock,
/// firstBlock + 1, ... give, each `blockStride` bytes from the one before and
/// outStride from row to row: for each head m, l, padding to 64 bytes, o padded
/// to a multiple of 64. Scratch is that of attention for no rows. In
/// attention_merge `partials` is that of block 0.
///
/// linear: out[r][c] for c < cols; `w` is the first panel of the tile and
/// `wStride` the bytes from one panel of 16 columns to the next; `groups`
/// panels follow each other along k. `accumulate` 1: out holds the residual and
/// the result is (chain + bias) + residual; 0: out is only written. `bias` is
/// float32, from the tile's first column. embedding: a vocabulary row is a
/// column of the panels. position_embedding adds entry position + offset to
/// out. rms_norm and layer_norm: `n` is a multiple of `segment`, and each
/// segment is normalised on its own; its weights begin `wStep` bytes after
/// those of the one before (0: all have the same); `accumulate` 1: the result
/// is added to out. append and attention: x, q and out point at the elements of
/// the tile's first row and head `firstHead`. attention: `firstHead` counts
/// query heads; query head h reads key/value head h / group; `scale` is
/// fl(scale * log2 e), with a soft cap fl(scale / cap); `cap` is fl(cap * log2
/// e); a row at position P sees the positions above P - `window` (no window:
/// any number beyond 2^31); `slopes` holds fl(slope * log2 e) of each query
/// head of the model; a padding row's output is zero. Keys and values lie as
/// espalier_kv_layout says; append sets the elements of a value row between
/// head_dim and value_dim to +0. Norms, rope, glu and pointwise may write over
/// their input. rope: the row of a position in args->rope is `tableWidth`
/// floats, and the table begins at float `tableColumn` of it.
/// `constant` is the factor or the cap of a pointwise function.
/// router: at most 1024 experts; ids are int32. grouped_linear: `rows` rows of
/// ids, each with `choices` experts, `w` as in linear for the first expert,
/// `expertStride` bytes from one expert's panels to the next one's; without
/// `combine` row r * choices + j of out is the product of row r of x with
/// expert ids[r][j]; with it row r of out is the sum over j of combine[r][j]
/// times the product of row r * choices + j of x, and `accumulate` adds it to
/// out. select_rows copies row args->wanted[i] of x to row i of out, for every
/// wanted row. tap copies all rows of the call to args->hidden[index] when that
/// is not null.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LOWERING_CPU_MICROKERNELS_H
#define ESPALIER_LOWERING_CPU_MICROKERNELS_H

#include "espalier/Support/Encodings.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <string>

namespace espalier::cpu {

enum class Isa : uint8_t { AVX2, AVX512 };

enum class Kernel : uint8_t {
  Linear,
  Embedding,
  RmsNorm,
  Quantize,
  Rope,
  AppendKeys,
  AppendValues,
  Attention,
  Glu,
  SelectRows,
  Tap,
  PositionEmbedding,
  LayerNorm,
  Pointwise,
  Router,
  GroupedLinear,
  AttentionPartials,
  AttentionMerge
};

/// What glu (the activations) and pointwise compute.
enum class Function : uint8_t {
  Silu,
  Gelu,
  GeluTanh,
  Relu,
  ReluSquared,
  Scale,    ///< x * constant
  ScaleAdd, ///< out + x * constant
  SoftCap   ///< constant * tanh(x / constant)
};

/// What distinguishes one micro-kernel from another within an instruction set.
struct KernelKey {
  Kernel kernel;
  /// Linear, embedding, grouped: encoding of the weights and their k-group.
  Encoding weights = Encoding::F32;
  unsigned group = 32;
  /// Linear, grouped: F32 or A8. Append, attention: unused.
  Encoding activations = Encoding::F32;
  /// Append, attention and its partials: element type of the cache (F32, F16,
  /// BF16).
  Encoding cache = Encoding::F16;
  /// Glu, pointwise.
  Function function = Function::Silu;
  /// Attention and its partials.
  bool softCap = false, alibi = false;

  bool operator==(const KernelKey &) const = default;
  bool operator<(const KernelKey &other) const;
};

/// The symbol, e.g. "xf_linear_q4_1g32_a8.avx2".
std::string kernelName(const KernelKey &key, Isa isa);

/// The kernel's LLVM function type, as tabled above.
mlir::Type kernelType(const KernelKey &key, mlir::MLIRContext *context);

/// Bytes of scratch that an attention tile of `rows` rows and `heads` query
/// heads needs, for heads of `headDim` elements.
uint64_t attentionScratchBytes(unsigned rows, unsigned heads, unsigned headDim);

/// Bytes of scratch that a grouped linear over `rows` rows needs.
uint64_t expertScratchBytes(uint64_t rows, uint64_t choices, uint64_t experts);

/// Sets the function attributes that make LLVM use an instruction set. A caller
/// that shall inline a kernel needs the same ones.
void setIsaAttributes(mlir::LLVM::LLVMFuncOp function, Isa isa);

/// Replaces every cpu.dot_u8s8 under `root`: by llvm.x86.avx512.vpdpbusd.512,
/// or, with `expand` (and for other vector lengths), by plain arithmetic.
void lowerDotOps(mlir::Operation *root, bool expand);

/// Appends the bodies of `keys` for `isa` to `module`, as private functions in
/// scf, arith, vector and llvm ops, with the function attributes that make LLVM
/// use that instruction set. `expandDot` replaces the 8-bit product op of the
/// 512-bit kernels by plain arithmetic, so that a CPU without AVX-512 can run
/// the same kernels (tests). The back end must not fuse on its own
/// (TargetOptions::AllowFPOpFusion = Strict): every FMA is written as one.
/// Lowering needs scf-to-cf, vector-to-llvm, arith-to-llvm and cf-to-llvm.
/// Fails, with an error on the module, for a key that names no kernel.
mlir::LogicalResult generateKernels(mlir::ModuleOp module,
                                    llvm::ArrayRef<KernelKey> keys, Isa isa,
                                    bool expandDot = false);

} // namespace espalier::cpu

#endif // ESPALIER_LOWERING_CPU_MICROKERNELS_H
