//===- GenerateOptions.h - What generation is asked for ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_GENERATEOPTIONS_H
#define ESPALIER_RUNTIME_CORE_GENERATEOPTIONS_H

#include "Model.h"

namespace espalier::runtime {

/// Refuses what is out of range, or what a model without a tokenizer cannot do.
espalier_status checkOptions(const espalier_generate_options &options,
                             const espalier_model &model);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_GENERATEOPTIONS_H
