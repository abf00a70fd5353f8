//===- Standard.h - The three files that a program is given -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_MAIN_STANDARD_H
#define ESPALIER_RUNTIME_MAIN_STANDARD_H

namespace espalier::program {

/// First of all in a program: where it was given no standard input, output or
/// error, a file that it opens would take that place, and get what is meant for
/// it. What is given instead fails when it is used.
void reserveStandardFiles();

/// Last of all: the exit status, which is 1, with a message, where `status` is
/// 0 and not all of standard output could be written.
int finishStandardOutput(int status);

} // namespace espalier::program

#endif // ESPALIER_RUNTIME_MAIN_STANDARD_H
