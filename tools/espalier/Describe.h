//===- Describe.h - Descriptors for people ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_DESCRIBE_H
#define ESPALIER_TOOLS_DESCRIBE_H

#include "espalier/descriptor.h"

#include <string>
#include <string_view>

namespace espalier::tool {

/// Text of a file for a terminal: bytes that are not printable become `\xNN`.
std::string escaped(std::string_view text);
/// The same, of long texts only the beginning, and how long they are.
std::string shortened(std::string_view text);

/// What the model is and how it was compiled.
void printCard(const espalier_descriptor &descriptor);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_DESCRIBE_H
