//===- Split.h - Cutting text for the merges --------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_TEXT_SPLIT_H
#define ESPALIER_RUNTIME_TEXT_SPLIT_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace espalier::text {

/// Where the piece that begins at `offset` (less than the text's size) ends,
/// by the split ESPALIER_SPLIT_*; `text` is UTF-8. The end of the text is an
/// end for look-ahead. Every character is in a piece. Each character is looked
/// at a bounded number of times over all the pieces of a text.
size_t nextPiece(uint32_t split, std::string_view text, size_t offset);

} // namespace espalier::text

#endif // ESPALIER_RUNTIME_TEXT_SPLIT_H
