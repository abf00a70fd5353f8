//===- FakeProgram.cpp - The fake model as a program ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Linked with the runtime's main and told, as the compiler tells its linker,
// that espalier_bound_model is this model.

#include "FakeModel.h"

#include <cstdlib>

extern "C" espalier_descriptor espalier_model_fake_main;
espalier_descriptor espalier_model_fake_main = {};

static fake::Model &model() {
  static fake::Model made("fake_main");
  return made;
}

__attribute__((constructor)) static void fill() {
  if (const char *milliseconds = getenv("FAKE_MILLISECONDS"))
    fake::stepMilliseconds = uint32_t(atoi(milliseconds));
  model().addTokenizer();
  if (const char *chat = getenv("FAKE_CHAT"))
    model().descriptor.chat_template = chat;
  espalier_model_fake_main = model().descriptor;
}
