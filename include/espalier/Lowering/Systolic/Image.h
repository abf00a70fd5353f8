//===- Image.h - What a model has in the accelerator's DRAM -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Where weights, rope tables, cache and outputs lie, the same for all programs
/// of a model, and how a weight's bytes are laid out. Plain data without MLIR.
///
/// A matrix [N, K] that the array multiplies lies in *panels* of C outputs, the
/// columns of the array, one after the other (the last one narrower); a panel
/// in *tiles* of consecutive k, each one contiguous, so that it is one
/// transfer: bf16 [k][output], R of k to a tile; blocks [k / 32][output], as
/// many k as are a multiple of both R and 32. Tiles begin at multiples of 16
/// bytes.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LOWERING_SYSTOLIC_IMAGE_H
#define ESPALIER_LOWERING_SYSTOLIC_IMAGE_H

#include "espalier/Support/Encodings.h"
#include "espalier/Support/Result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace espalier::systolic {

/// The regions of a model's programs, in this order.
enum ModelRegion : uint32_t {
  RegionWeights = 0,
  RegionTables = 1,
  RegionCache = 2,
  RegionSelected = 3, ///< Rows on their way to those whose logits are wanted.
  RegionLogits = 4,   ///< [bucket rows][vocabulary] of float32
  RegionHidden = 5,   ///< [layers + 1][bucket rows][width] of float32
  ModelRegions = 6
};

/// Where the tiles of a matrix in panels lie.
class PanelLayout {
public:
  PanelLayout() = default;
  /// `encoding`: bf16 or one in blocks, of which K is a multiple.
  PanelLayout(uint64_t n, uint64_t k, espalier::Encoding encoding,
              uint32_t arrayRows, uint32_t arrayColumns);

  struct Tile {
    uint64_t offset, bytes;
    uint64_t k, rows;    ///< first k, and how many
    uint64_t n, columns; ///< first output, and how many
    uint64_t lineBytes;  ///< of one k, or of 32 in blocks
  };
  uint64_t panels() const;
  uint64_t tilesOfPanel() const;
  Tile tile(uint64_t panel, uint64_t number) const;
  uint64_t bytes() const;
  espalier::Encoding encoding() const { return kind; }

private:
  uint64_t panelBytes(uint64_t columns) const;

  uint64_t n = 0, k = 0;
  espalier::Encoding kind = espalier::Encoding::BF16;
  uint64_t tileRows = 0, columns = 0;
};

/// How an `xf.weight` lies in the region of weights.
struct WeightImage {
  enum class Form {
    Panels, ///< for the array
    Rows,   ///< bf16 [N][K], rows a multiple of 16 bytes apart: embeddings
    Vector  ///< float32
  };
  std::string symbol;
  Form form = Form::Vector;
  uint64_t n = 0, k = 0; ///< of a vector k is 1
  PanelLayout panels;
  uint64_t bytes = 0; ///< of one layer
  /// The layers of the weight, or 0 alone, and the offset in the region of
  /// each.
  std::vector<uint32_t> layers;
  std::vector<uint64_t> offsets;

  uint64_t rowStride() const { return (k * 2 + 15) / 16 * 16; }
};

/// The table of an `xf.rope_table`, a part of the row of each position:
/// cosines, then sines. Rows of all tables stand side by side, as the runtime
/// makes them.
struct RopeImage {
  std::string symbol;
  uint32_t pairs = 0;
  uint64_t offset = 0; ///< in a row
};

/// Everything but the arena and the outputs, which are of a bucket.
struct ModelImage {
  std::vector<WeightImage> weights;
  std::vector<RopeImage> ropes;
  uint64_t weightBytes = 0, tableBytes = 0, cacheBytes = 0;
  uint64_t tableStride = 0; ///< bytes of a row of rope tables
  uint32_t cacheRows = 0;   ///< tokens that the cache holds
  uint32_t layers = 0, kvHeads = 0, headDim = 0, hidden = 0, vocabulary = 0;

  /// Of keys (part 0) or values (part 1) of a layer; a head's rows follow each
  /// other, cacheRows of them.
  uint64_t cacheOffset(uint32_t layer, uint32_t part) const {
    return (uint64_t(layer) * 2 + part) * kvHeads * headBytes();
  }
  uint64_t headBytes() const { return uint64_t(cacheRows) * headDim * 2; }
};

/// Lays out one layer of a weight. `source` is the matrix [N, K] as a
/// checkpoint has it, in panels of one column (of a vector N float32), of the
/// encoding `encoding`; `out` takes image.bytes, which are zero. Float matrices
/// are rounded to bf16 here, blocks are kept for the transfer to decode; those
/// of an embedding are decoded.
void layOutWeight(const WeightImage &image, espalier::Encoding encoding,
                  const uint8_t *source, uint8_t *out);

} // namespace espalier::systolic

#endif // ESPALIER_LOWERING_SYSTOLIC_IMAGE_H
