//===- Encodings.h - How a panel of weights is laid out in bytes -*- C++ -*-==//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The one description of each encoding, from which packer, decoder,
/// interpreter and kernels follow.
///
/// A *panel* holds `columns` output columns (rows of the checkpoint's [out, in]
/// matrix) by `group` consecutive k. Checkpoint data are panels of one column;
/// the CPU computes on panels of 16 columns:
///
///   f32           group g: g steps of 16 float32: [k][column]
///   f16, bf16     group g even: g/2 steps of 16 dwords: [k/2][column][k%2], so
///                 a 32-byte load holds two k of 8 columns; g odd: [k][column]
///   q8_0  g = 32  8 steps of 16 dwords [k/4][column][k%4] of int8 (512 bytes),
///                 then 16 float16 d                                = 544 bytes
///   q4_0  g = 32  8 steps of 32 bytes; byte [k/4][c][k%4], c < 8: low nibble
///                 column c, high nibble column c + 8 (256 bytes), then
///                 16 float16 d                                     = 288 bytes
///   q4_1  g = 32  the same 256 bytes, 16 float16 d, 16 float16 m   = 320 bytes
///
/// and one row of quantised activations is panels of one column:
///
///   a8    g = 32  int8 low[32], float32 d, int32 sum of q, float32 sum * d,
///                 int8 high[4], int32 run; q = low, in the run of four from
///                 4 * run on low + 128 * high                      =  52 bytes
///
/// Panels of one column are the checkpoint's own bytes: f32, f16 and bf16
/// consecutive; q8_0, q4_0 and q4_1 the GGUF blocks (d, [m,] codes; the low
/// nibbles of a block are k 0..15, the high ones k 16..31).
///
/// A column beyond the matrix (last panel) is all zero bytes: its products are
/// zero and its outputs are never stored.
///
/// Values: q8_0 q*d; q4_0 (q-8)*d; q4_1 q*d + m; float32 arithmetic, one
/// rounding per operation, no FMA. A q8_0 code of -128 is refused by the
/// packer.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_ENCODINGS_H
#define ESPALIER_SUPPORT_ENCODINGS_H

#include "espalier/Support/Result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace espalier {

enum class Encoding : uint8_t { F32, F16, BF16, Q8_0, Q4_0, Q4_1, A8 };

/// "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "a8".
std::string_view encodingName(Encoding encoding);
std::optional<Encoding> encodingFromName(std::string_view name);

/// True for the encodings in blocks of 32 with scales.
inline bool isBlockEncoding(Encoding e) {
  return e != Encoding::F32 && e != Encoding::F16 && e != Encoding::BF16;
}

/// The size in bytes of a panel, or nothing where `columns` x `group` is no
/// panel of that encoding (columns 1 or 16; group 32 for block encodings;
/// a8 one column only).
std::optional<size_t> panelBytes(Encoding encoding, unsigned columns,
                                 unsigned group);

/// One column of one panel, decoded.
struct DecodedGroup {
  /// Block encodings: the integer codes as the product sees them (q8_0 and a8:
  /// q; q4_0: q - 8; q4_1: the unsigned q), scale and minimum.
  int16_t codes[32];
  float d, m;
};

/// Decodes column `column` of the panel at `panel` into `out[group]` float32
/// values (all encodings).
void decodePanelColumn(Encoding encoding, unsigned columns, unsigned group,
                       const uint8_t *panel, unsigned column, float *out);

/// Decodes the codes and scales of a block encoding.
DecodedGroup decodePanelCodes(Encoding encoding, unsigned columns,
                              const uint8_t *panel, unsigned column);

/// Packs panels of 16 columns. `sources[c]` points at the checkpoint bytes of
/// column c's group (nullptr: a column beyond the matrix). All from the same
/// encoding. Writes panelBytes(encoding, 16, group) bytes. Fails where a block
/// cannot be represented: a q8_0 code of -128 (Error names column).
Status packPanel16(Encoding encoding, unsigned group,
                   std::span<const uint8_t *const, 16> sources, uint8_t *out);

/// Where the parts of a panel of a8 stand, in bytes, and its size.
namespace a8 {
inline constexpr size_t scale = 32, sum = 36, scaledSum = 40, high = 44,
                        run = 48, bytes = 52;
} // namespace a8

/// One group of activations: docs/numerics.md, entry quantize_activations.
/// Writes a8::bytes.
void quantizeActivations(const float *x, uint8_t *out);

} // namespace espalier

#endif // ESPALIER_SUPPORT_ENCODINGS_H
