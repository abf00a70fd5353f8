//===- DescriptorCheck.h - What a descriptor must satisfy -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_DESCRIPTORCHECK_H
#define ESPALIER_RUNTIME_CORE_DESCRIPTORCHECK_H

#include "espalier/Support/Result.h"
#include "espalier/descriptor.h"

namespace espalier::runtime {

/// Checks everything in a descriptor that the runtime computes with. A pointer
/// can only be checked for being there: the descriptor is part of code that the
/// process has loaded.
Status checkDescriptor(const espalier_descriptor &descriptor);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_DESCRIPTORCHECK_H
