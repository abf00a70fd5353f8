//===- Result.h - A value or the reason why there is none -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// How code without exceptions reports failure. A message follows the house
/// form: `FILE: tensor 'NAME': expected ..., got ...`, lower case, no final
/// period, followed by what to do. The `error: ` in front is the printer's.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_RESULT_H
#define ESPALIER_SUPPORT_RESULT_H

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace espalier {

/// Why an operation failed.
struct Error {
  std::string message;

  /// The same error, seen from further out: `context: message`.
  Error within(const std::string &context) && {
    return Error{context + ": " + std::move(message)};
  }
};

/// A `T`, or an `Error`. Test it, then take `*result` or `error()`.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state.index() == 0; }
  T &operator*() { return *std::get_if<0>(&state); }
  const T &operator*() const { return *std::get_if<0>(&state); }
  T *operator->() { return std::get_if<0>(&state); }
  const T *operator->() const { return std::get_if<0>(&state); }

  const Error &error() const {
    assert(!*this && "no error in a success");
    return *std::get_if<1>(&state);
  }
  Error takeError() {
    assert(!*this && "no error in a success");
    return std::move(*std::get_if<1>(&state));
  }

private:
  std::variant<T, Error> state;
};

/// Success, or an `Error`.
template <> class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : failure(std::move(error)), failed(true) {}

  explicit operator bool() const { return !failed; }
  const Error &error() const { return failure; }
  Error takeError() { return std::move(failure); }

private:
  Error failure;
  bool failed = false;
};

using Status = Result<void>;

} // namespace espalier

#endif // ESPALIER_SUPPORT_RESULT_H
