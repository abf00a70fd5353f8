//===- BoundOpen.cpp - Opens the model that is linked in --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// An object of its own: it is linked only where NAME_open is asked for, and
// only then must the linker know espalier_bound_model.

#include "espalier/model.h"

extern "C" espalier_status
espalier_bound_open(const espalier_open_options *options,
                    espalier_model **model) {
  return espalier_open(&espalier_bound_model, options, model);
}
