//===- Advice.h - What messages advise --------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_ADVICE_H
#define ESPALIER_RUNTIME_CORE_ADVICE_H

namespace espalier::runtime {

// The command line finds these texts in a message, and names its options in
// their place.

/// What to do where tokens do not fit.
inline constexpr char largerContext[] = "open the model with a larger context";

/// The second of two things to do where weights are not found.
inline constexpr char weightsElsewhere[] =
    ", or give their path (weights of espalier_open_options)";

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_ADVICE_H
