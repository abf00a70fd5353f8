//===- Characters.h - Characters as Python sees them ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// All texts are valid UTF-8, and a "character" is a scalar value.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CHAT_CHARACTERS_H
#define ESPALIER_RUNTIME_CHAT_CHARACTERS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace espalier::chat {

/// str.isspace of one character.
bool isSpace(uint32_t c);
/// Bytes of white space that `text` begins and ends with.
size_t spaceBefore(std::string_view text);
size_t spaceAfter(std::string_view text);

/// Number of characters.
size_t length(std::string_view text);
/// The byte where character `index` begins; the end, where there are fewer.
size_t offsetOf(std::string_view text, size_t index);

std::string toUpper(std::string_view text);
std::string toLower(std::string_view text);
/// First character in title case, the others in lower case.
std::string capitalize(std::string_view text);
/// str.title: a letter behind another is lower, else it is in title case.
std::string toTitle(std::string_view text);
std::string swapCase(std::string_view text);

bool isAlpha(uint32_t c);
bool isAlnum(uint32_t c);
bool isDigit(uint32_t c);
bool isPrintable(uint32_t c);
/// 0 no case, 1 lower, 2 upper or title.
int caseOf(uint32_t c);

/// Where `needle` begins in `text` at or behind `from`, or npos. Linear time.
size_t find(std::string_view text, std::string_view needle, size_t from = 0);

} // namespace espalier::chat

#endif // ESPALIER_RUNTIME_CHAT_CHARACTERS_H
