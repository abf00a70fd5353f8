//===- Decode.cpp - Token ids to text -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Decoding is streaming: each token passes the steps before byte fallback, its
/// bytes wait for the end of their run, then come the steps after it, and the
/// whole text passes those after FUSE. Steps work on bytes, so that tokens need
/// not be UTF-8; what comes out always is.
///
//===----------------------------------------------------------------------===//

#include "Text/Tokenizer.h"

#include "espalier/Support/Utf8.h"

#include <algorithm>

namespace espalier::text {

namespace {

/// Appends `bytes`, each ill-formed part as U+FFFD.
void appendLossy(std::string &out, std::string_view bytes) {
  if (isValidUtf8(bytes)) {
    out += bytes;
    return;
  }
  for (size_t i = 0; i < bytes.size();) {
    DecodedScalar scalar = decodeUtf8(bytes, i);
    if (scalar.valid)
      out += bytes.substr(i, scalar.length);
    else
      appendUtf8(out, 0xfffd);
    i += scalar.length;
  }
}

/// The byte that a token such as <0x0A> stands for, or -1. Either digit may be
/// of either case, and "+A" counts as a number, as it does to the reference.
int fallbackByte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>')
    return -1;
  auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  int high = token[3] == '+' ? 0 : digit(token[3]), low = digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void replaceAll(std::string &text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  if (at == text.npos)
    return;
  std::string result;
  size_t copied = 0;
  for (; at != text.npos; at = text.find(from, copied)) {
    result.append(text, copied, at - copied);
    result += to;
    copied = at + from.size();
  }
  result.append(text, copied);
  text = std::move(result);
}

/// Takes `content` off the beginning and the end, so many times at most.
void strip(std::string &text, std::string_view content, uint32_t atBegin,
           uint32_t atEnd) {
  std::string_view view = text;
  for (; atBegin > 0 && view.starts_with(content); --atBegin)
    view.remove_prefix(content.size());
  for (; atEnd > 0 && view.ends_with(content); --atEnd)
    view.remove_suffix(content.size());
  if (view.size() != text.size())
    text = std::string(view);
}

size_t stepOf(std::span<const espalier_tokenizer_step> steps, uint32_t kind) {
  auto it = std::find_if(
      steps.begin(), steps.end(),
      [&](const espalier_tokenizer_step &step) { return step.kind == kind; });
  return static_cast<size_t>(it - steps.begin());
}

} // namespace

bool Tokenizer::isSpecial(int32_t id) const {
  return id >= 0 && uint32_t(id) < size() &&
         (tokenFlags[id] & ESPALIER_TOKEN_SPECIAL);
}

std::optional<std::string_view> Tokenizer::textOf(int32_t id,
                                                  bool keepSpecial) const {
  if (id < 0 || uint32_t(id) >= size() ||
      !(tokenFlags[id] & ESPALIER_TOKEN_PRESENT) ||
      (!keepSpecial && (tokenFlags[id] & ESPALIER_TOKEN_SPECIAL)))
    return std::nullopt;
  if (tokenFlags[id] & ESPALIER_TOKEN_NORMALIZED) {
    const Added &added = normalizedAdded;
    auto it = std::lower_bound(
        normalizedOrder.begin(), normalizedOrder.end(), uint32_t(id),
        [&](uint32_t index, uint32_t key) { return added.id[index] < key; });
    if (it != normalizedOrder.end() && added.id[*it] == uint32_t(id))
      return added.text.substr(added.begin[*it],
                               added.begin[*it + 1] - added.begin[*it]);
  }
  return rawTextOf(uint32_t(id));
}

std::string Tokenizer::bytesOf(int32_t id, bool keepSpecial) const {
  std::optional<std::string_view> raw = textOf(id, keepSpecial);
  if (!raw)
    return {};
  std::string text(*raw);
  for (const espalier_tokenizer_step &step : decoder) {
    if (step.kind == ESPALIER_DECODE_FUSE)
      break;
    StreamDecoder::applyStep(*this, step, /*first=*/false, text);
    if (step.kind == ESPALIER_DECODE_BYTE_FALLBACK)
      if (int byte = fallbackByte(text); byte >= 0)
        text.assign(1, static_cast<char>(byte));
  }
  return text;
}

std::string Tokenizer::decode(std::span<const int32_t> ids,
                              bool keepSpecial) const {
  StreamDecoder decoder(*this, keepSpecial);
  std::string text;
  for (int32_t id : ids)
    text += decoder.push(id);
  return text += decoder.finish();
}

StreamDecoder::StreamDecoder(const Tokenizer &tokenizer, bool keepSpecial)
    : tokenizer(tokenizer), keepSpecial(keepSpecial),
      fallbackAt(stepOf(tokenizer.decoder, ESPALIER_DECODE_BYTE_FALLBACK)),
      fuseAt(stepOf(tokenizer.decoder, ESPALIER_DECODE_FUSE)) {
  restart();
}

void StreamDecoder::restart() {
  anyToken = anyAdded = false;
  for (size_t i = fuseAt; i < tokenizer.decoder.size(); ++i)
    toStrip[i] = tokenizer.decoder[i].option;
}

void StreamDecoder::applyStep(const Tokenizer &tokenizer,
                              const espalier_tokenizer_step &step, bool first,
                              std::string &text) {
  std::string_view from = tokenizer.normalizer.textOf(step);
  switch (step.kind) {
  case ESPALIER_DECODE_JOIN:
    if (!first)
      text.insert(0, 1, ' ');
    break;
  case ESPALIER_DECODE_REPLACE:
    replaceAll(text, from, tokenizer.normalizer.contentOf(step));
    break;
  case ESPALIER_DECODE_STRIP:
    strip(text, from, step.option, step.flags);
    break;
  case ESPALIER_DECODE_METASPACE:
    replaceAll(text, from, first && step.option ? "" : " ");
    break;
  default:
    break;
  }
}

std::string StreamDecoder::push(int32_t id) {
  std::optional<std::string_view> raw = tokenizer.textOf(id, keepSpecial);
  if (!raw)
    return {};
  if (fallbackAt == tokenizer.decoder.size()) {
    addToken(std::string(*raw));
    return taken();
  }
  std::string text(*raw);
  for (size_t i = 0; i < fallbackAt; ++i)
    applyStep(tokenizer, tokenizer.decoder[i], !anyToken, text);
  anyToken = true;
  if (int byte = fallbackByte(text); byte >= 0) {
    bytes += static_cast<char>(byte);
    return {};
  }
  flushBytes();
  addToken(std::move(text));
  return taken();
}

void StreamDecoder::flushBytes() {
  if (bytes.empty())
    return;
  if (isValidUtf8(bytes))
    addToken(bytes);
  else
    for (size_t i = 0; i < bytes.size(); ++i)
      addToken("\ufffd");
  bytes.clear();
}

/// The steps after byte fallback, or all where there is none.
void StreamDecoder::addToken(std::string text) {
  size_t begin = fallbackAt == tokenizer.decoder.size() ? 0 : fallbackAt + 1;
  for (size_t i = begin; i < fuseAt; ++i)
    applyStep(tokenizer, tokenizer.decoder[i], !anyAdded, text);
  anyAdded = true;
  std::string_view rest = text;
  for (size_t i = fuseAt; i < tokenizer.decoder.size() && !rest.empty(); ++i) {
    std::string_view content =
        tokenizer.normalizer.textOf(tokenizer.decoder[i]);
    for (; toStrip[i] > 0 && rest.starts_with(content); --toStrip[i])
      rest.remove_prefix(content.size());
    if (!rest.empty())
      toStrip[i] = 0;
  }
  pending += rest;
}

std::string StreamDecoder::taken() {
  size_t complete = completeUtf8Prefix(pending);
  std::string text;
  appendLossy(text, std::string_view(pending).substr(0, complete));
  pending.erase(0, complete);
  return text;
}

std::string StreamDecoder::finish() {
  flushBytes();
  std::string text;
  appendLossy(text, pending);
  pending.clear();
  restart();
  return text;
}

} // namespace espalier::text
