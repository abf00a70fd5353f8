//===- espalier-opt.cpp - The modular optimiser driver --------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/InitAll.h"

int main(int argc, char **argv) {
  return espalier::espalierOptMain(argc, argv);
}
