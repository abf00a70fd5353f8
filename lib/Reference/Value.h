//===- Value.h - What IR values are while a step runs --------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_REFERENCE_VALUE_H
#define ESPALIER_LIB_REFERENCE_VALUE_H

#include "Numerics/Numerics.h"
#include "Shadow.h"

#include "espalier/Dialect/XF/XF.h"
#include "espalier/Support/Encodings.h"
#include "espalier/Support/Result.h"

#include "llvm/ADT/SmallVector.h"

#include <memory>
#include <variant>
#include <vector>

namespace espalier::reference {

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

using Sizes = llvm::SmallVector<int64_t, 2>;

/// Bytes of one element of a tensor: f32 and i32 4, i64 and index 8, i1 and i8
/// 1, f16 and bf16 2, a panel its bytes; 0 for any other type.
uint64_t elementBytes(mlir::Type elementType);

/// The memory of a tensor. A weight's is decoded, and has no bytes.
struct Storage {
  std::vector<uint8_t> bytes;
  std::shared_ptr<const DecodedMatrix> matrix;
  /// Of a weight of experts, one matrix each.
  std::vector<std::shared_ptr<const DecodedMatrix>> experts;
  /// Outputs in one element along the first dimension of a decoded matrix.
  unsigned columns = 1;

  bool isDecoded() const { return matrix || !experts.empty(); }
};

/// A strided view of a storage. `place` says which elements of an object that
/// workers share the view's elements are, or will be.
struct Tensor {
  mlir::Type elementType;
  Sizes shape, strides; ///< in elements
  int64_t offset = 0;
  std::shared_ptr<Storage> storage;

  struct Place {
    std::shared_ptr<Shadow> shadow; ///< null: private memory
    Sizes strides;
    int64_t offset = 0;
  } place;

  /// A new tensor; its elements have all bits set, so that what is read before
  /// it is written shows.
  static Tensor make(mlir::Type elementType, llvm::ArrayRef<int64_t> shape);

  int64_t size() const;
  bool isContiguous() const;
  /// The same elements in new, contiguous memory, in no shared place.
  Tensor copy() const;
  /// This, or a copy that is contiguous.
  Tensor contiguous() const { return isContiguous() ? *this : copy(); }
  /// The view of `sizes` elements from `offsets` on.
  Tensor slice(llvm::ArrayRef<int64_t> offsets, llvm::ArrayRef<int64_t> sizes,
               llvm::ArrayRef<int64_t> steps) const;
  /// Copies the elements of `source`, of the same shape, into this view.
  void assign(const Tensor &source) const;

  /// Contiguous tensors only.
  template <typename T = float> T *data() const {
    return reinterpret_cast<T *>(storage->bytes.data()) + offset;
  }
  uint8_t *element(int64_t index) const {
    return storage->bytes.data() + (offset + index) * elementBytes(elementType);
  }

  /// Notes accesses to the shared elements of the view, if it has any.
  Status noteRead(const PhaseState *phase) const;
  Status noteWrite(const PhaseState *phase) const;
};

/// The strides of a contiguous tensor.
Sizes denseStrides(llvm::ArrayRef<int64_t> shape);

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// One row of a call, with all that `!xf.rows` says of it.
struct Row {
  int32_t token = 0, position = 0, slot = 0;
  int32_t cacheRow = -1; ///< -1: padding
  bool wanted = true;
  std::vector<int32_t> path; ///< cache rows at positions 0 .. position
};

/// A run of rows.
struct Rows {
  std::shared_ptr<const std::vector<Row>> all;
  int64_t begin = 0, size = 0;

  const Row &operator[](int64_t i) const { return (*all)[begin + i]; }
};

//===----------------------------------------------------------------------===//
// Caches
//===----------------------------------------------------------------------===//

/// The memory of a cache: elements rounded to the cache's type, as float32.
class CacheStorage {
public:
  CacheStorage(xf::KVCacheType type);

  xf::KVCacheType getType() const { return type; }
  Encoding getElement() const { return element; }

  /// The `dim` elements of one head in a cache row, or null: never written.
  const float *find(int64_t layer, xf::CachePart part, int32_t slot,
                    int64_t head, int64_t row) const;
  /// The same, to be written: the row exists afterwards.
  float *grow(int64_t layer, xf::CachePart part, int32_t slot, int64_t head,
              int64_t row);
  /// Number of (layer, part, head, row) of a slot, for the slot's shadow.
  uint64_t place(int64_t layer, xf::CachePart part, int64_t head,
                 int64_t row) const;
  Shadow &shadow(int32_t slot);
  void forget(int32_t slot, uint64_t from);
  void clear() { slots.clear(); }

  /// Counts the values that the memory has held: a value of the IR is the
  /// memory as of one version.
  uint64_t version = 0;

private:
  struct Slot {
    /// [layer][part][head]: rows of `dim` elements, and which were written.
    std::vector<std::vector<float>> elements;
    std::vector<std::vector<bool>> written;
    std::shared_ptr<Shadow> shadow;
  };
  Slot &slot(int32_t number);
  uint64_t lane(int64_t layer, xf::CachePart part, int64_t head) const {
    return (layer * 2 + int64_t(part)) * type.getHeads() + head;
  }

  xf::KVCacheType type;
  Encoding element;
  std::vector<Slot> slots;
};

/// A cache as a value. Appending makes a new value; the old one must not be
/// used again. In a phase the cache is memory: `writable` where it is an
/// output.
struct Cache {
  std::shared_ptr<CacheStorage> storage;
  uint64_t version = 0;
  bool inPhase = false, writable = false;
  int32_t slot = -1; ///< the one that `@commit` is about

  Status check() const;
};

/// What an IR value is: an integer (index, i1, i32, i64), a float32, or one of
/// the above.
using Datum = std::variant<std::monostate, int64_t, float, Tensor, Rows, Cache>;

} // namespace espalier::reference

#endif // ESPALIER_LIB_REFERENCE_VALUE_H
