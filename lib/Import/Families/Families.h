//===- Families.h - The families of models ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_FAMILIES_FAMILIES_H
#define ESPALIER_LIB_IMPORT_FAMILIES_FAMILIES_H

#include "../ModelBuilder.h"

namespace espalier {

extern const Family llamaFamily, qwen2Family;

/// The layer of llama: norm, grouped-query attention with rotated heads, norm,
/// gated feed-forward, both added to the residual stream.
mlir::Value buildLlamaLayer(LayerBuilder &b, mlir::Value x);

} // namespace espalier

#endif // ESPALIER_LIB_IMPORT_FAMILIES_FAMILIES_H
