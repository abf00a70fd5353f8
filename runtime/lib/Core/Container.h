//===- Container.h - Files of packed weights, untrusted ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Pure functions over the bytes of artefacts: they read nothing but what they
/// are given and check every size before they use it. The runtime parses no
/// JSON: the descriptor says what the container's header must be.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_CONTAINER_H
#define ESPALIER_RUNTIME_CORE_CONTAINER_H

#include "espalier/Support/Result.h"
#include "espalier/descriptor.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace espalier::runtime {

/// Where a container lies in a file.
struct Extent {
  uint64_t offset = 0, size = 0;
  uint64_t headerHash[2] = {}; ///< as the footer says
};

/// The bundle that a file's last bytes announce; nothing where they announce
/// none. An announced bundle that is damaged is an error.
Result<std::optional<Extent>> findBundle(std::span<const uint8_t> file);

/// Checks that `container` is the descriptor's: size, length field and hash of
/// the header. Returns the data section. The descriptor has been checked.
Result<std::span<const uint8_t>>
checkContainer(std::span<const uint8_t> container,
               const espalier_descriptor &descriptor);

/// Checks that the ELF image for this machine that `file` begins with lies
/// wholly in the file, so that the dynamic loader maps no page that is not
/// there.
Status checkElfImage(std::span<const uint8_t> file);

/// The name of the one `espalier_model_NAME` that a shared library exports.
Result<std::string> findModelSymbol(std::span<const uint8_t> file);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_CONTAINER_H
