//===- LastError.cpp - Why a call failed ------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LastError.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

using namespace espalier;
using namespace espalier::runtime;

namespace {
/// A fixed buffer: reporting that memory ran out may not allocate any.
constexpr size_t messageBytes = 2048;
thread_local char lastMessage[messageBytes];
} // namespace

espalier_status runtime::fail(espalier_status status,
                              std::string_view message) {
  size_t size =
      message.size() < messageBytes - 1 ? message.size() : messageBytes - 1;
  memcpy(lastMessage, message.data(), size);
  lastMessage[size] = 0;
  return status;
}

espalier_status runtime::failf(espalier_status status, const char *format,
                               ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(lastMessage, messageBytes, format, arguments);
  va_end(arguments);
  return status;
}

espalier_status runtime::checkStructSize(uint32_t size, size_t known,
                                         const char *name) {
  if (size == known)
    return ESPALIER_OK;
  return failf(ESPALIER_ERROR_ARGUMENT,
               "%s: expected size %zu, got %u: set its size field, and build "
               "the program with the headers of this library",
               name, known, size);
}

extern "C" const char *espalier_last_error(void) { return lastMessage; }

extern "C" const char *espalier_version(void) { return "0.1.0"; }
