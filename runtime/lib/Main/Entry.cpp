//===- Entry.cpp - main of an emitted executable ----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/model.h"

int main(int argc, char **argv) {
  return espalier_main(&espalier_bound_model, argc, argv);
}
