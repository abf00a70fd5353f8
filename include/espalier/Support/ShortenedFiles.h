//===- ShortenedFiles.h - Mapped files that lose bytes ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_SHORTENEDFILES_H
#define ESPALIER_SUPPORT_SHORTENEDFILES_H

namespace espalier {

/// While one of these lives, reading a part of a mapped file that another
/// process has cut off gives zeros and is remembered, where it would end the
/// process (SIGBUS). Whoever reads must ask `lost` before the result counts:
/// MappedFile::unchanged fails then too. For programs only, since it handles a
/// signal of the whole process.
class ShortenedFileGuard {
public:
  ShortenedFileGuard();
  ~ShortenedFileGuard();
  ShortenedFileGuard(const ShortenedFileGuard &) = delete;
  ShortenedFileGuard &operator=(const ShortenedFileGuard &) = delete;

  /// Whether a read has met such a part since the first of the living guards.
  static bool lost();
};

} // namespace espalier

#endif // ESPALIER_SUPPORT_SHORTENEDFILES_H
