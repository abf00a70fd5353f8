//===- FakeLibrary.cpp - The fake model as a shared library -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FakeModel.h"

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)
#define JOIN_OF(a, b) a##b
#define JOIN(a, b) JOIN_OF(a, b)

/// Emitted code has its descriptor as a constant; here it is filled in when the
/// library is loaded.
extern "C" __attribute__((visibility("default")))
espalier_descriptor JOIN(espalier_model_, FAKE_NAME) = {};

static const fake::Model &model() {
  static const fake::Model made(STRING(FAKE_NAME));
  return made;
}

__attribute__((constructor)) static void fill() {
  JOIN(espalier_model_, FAKE_NAME) = model().descriptor;
}
