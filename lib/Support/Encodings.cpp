//===- Encodings.cpp - How a panel of weights is laid out in bytes --------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Encodings.h"

#include "espalier/Support/Half.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

static_assert(std::endian::native == std::endian::little,
              "panels are little-endian and read in place");

namespace espalier {
namespace {

constexpr unsigned groupSize = 32;
constexpr unsigned panelColumns = 16;
constexpr unsigned runSize = 4;
constexpr unsigned nibbleBytes = groupSize * panelColumns / 2;

template <typename T> T load(const uint8_t *at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <typename T> void store(uint8_t *at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

float loadF16(const uint8_t *at) { return f16ToFloat(load<uint16_t>(at)); }

/// The size of one element of a float encoding.
size_t elementBytes(Encoding e) { return e == Encoding::F32 ? 4 : 2; }

/// Where element (k, column) of a float panel stands, counted in elements.
size_t floatIndex(Encoding e, unsigned columns, unsigned group, unsigned k,
                  unsigned column) {
  if (columns == 1)
    return k;
  if (e != Encoding::F32 && group % 2 == 0)
    return (size_t(k / 2) * columns + column) * 2 + k % 2;
  return size_t(k) * columns + column;
}

/// Where the code (k, column) of a byte-coded panel of 16 columns stands.
size_t byteIndex(unsigned k, unsigned column) {
  return (size_t(k / 4) * panelColumns + column) * 4 + k % 4;
}

/// The byte that holds the nibble (k, column) of a panel of 16 columns; the
/// nibble is the high one for columns 8 and above.
size_t nibbleIndex(unsigned k, unsigned column) {
  return (size_t(k / 4) * (panelColumns / 2) + column % 8) * 4 + k % 4;
}

/// Where the codes start in a GGUF block.
size_t blockCodes(Encoding e) { return e == Encoding::Q4_1 ? 4 : 2; }

unsigned blockNibble(const uint8_t *codes, unsigned k) {
  return k < 16 ? codes[k] & 15u : codes[k - 16] >> 4;
}

} // namespace

std::string_view encodingName(Encoding encoding) {
  switch (encoding) {
  case Encoding::F32:
    return "f32";
  case Encoding::F16:
    return "f16";
  case Encoding::BF16:
    return "bf16";
  case Encoding::Q8_0:
    return "q8_0";
  case Encoding::Q4_0:
    return "q4_0";
  case Encoding::Q4_1:
    return "q4_1";
  case Encoding::A8:
    return "a8";
  }
  return "unknown";
}

std::optional<Encoding> encodingFromName(std::string_view name) {
  for (Encoding e :
       {Encoding::F32, Encoding::F16, Encoding::BF16, Encoding::Q8_0,
        Encoding::Q4_0, Encoding::Q4_1, Encoding::A8})
    if (encodingName(e) == name)
      return e;
  return std::nullopt;
}

std::optional<size_t> panelBytes(Encoding encoding, unsigned columns,
                                 unsigned group) {
  if ((columns != 1 && columns != panelColumns) || group == 0)
    return std::nullopt;
  if (!isBlockEncoding(encoding))
    return size_t(columns) * group * elementBytes(encoding);
  if (group != groupSize)
    return std::nullopt;
  switch (encoding) {
  case Encoding::Q8_0:
    return columns * size_t(groupSize + 2);
  case Encoding::Q4_0:
    return columns * size_t(groupSize / 2 + 2);
  case Encoding::Q4_1:
    return columns * size_t(groupSize / 2 + 4);
  case Encoding::A8:
    if (columns == 1)
      return a8::bytes;
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

DecodedGroup decodePanelCodes(Encoding encoding, unsigned columns,
                              const uint8_t *panel, unsigned column) {
  assert(panelBytes(encoding, columns, groupSize) && column < columns &&
         isBlockEncoding(encoding) && "no such panel");
  DecodedGroup out;
  out.m = 0;
  if (encoding == Encoding::A8) {
    for (unsigned k = 0; k < groupSize; ++k)
      out.codes[k] = int8_t(panel[k]);
    unsigned run = load<uint32_t>(panel + a8::run) % (groupSize / runSize);
    for (unsigned i = 0; i < runSize; ++i)
      out.codes[run * runSize + i] +=
          int16_t(128 * int8_t(panel[a8::high + i]));
    out.d = load<float>(panel + a8::scale);
    return out;
  }
  if (columns == 1) {
    const uint8_t *codes = panel + blockCodes(encoding);
    out.d = loadF16(panel);
    if (encoding == Encoding::Q4_1)
      out.m = loadF16(panel + 2);
    for (unsigned k = 0; k < groupSize; ++k) {
      if (encoding == Encoding::Q8_0)
        out.codes[k] = int8_t(codes[k]);
      else
        out.codes[k] = int16_t(int(blockNibble(codes, k)) -
                               (encoding == Encoding::Q4_0 ? 8 : 0));
    }
    return out;
  }
  const uint8_t *scales =
      panel +
      (encoding == Encoding::Q8_0 ? size_t(2) * nibbleBytes : nibbleBytes);
  out.d = loadF16(scales + size_t(2) * column);
  if (encoding == Encoding::Q4_1)
    out.m = loadF16(scales + size_t(2) * (panelColumns + column));
  for (unsigned k = 0; k < groupSize; ++k) {
    if (encoding == Encoding::Q8_0) {
      out.codes[k] = int8_t(panel[byteIndex(k, column)]);
      continue;
    }
    uint8_t byte = panel[nibbleIndex(k, column)];
    int nibble = column < 8 ? byte & 15 : byte >> 4;
    out.codes[k] = int16_t(nibble - (encoding == Encoding::Q4_0 ? 8 : 0));
  }
  return out;
}

void decodePanelColumn(Encoding encoding, unsigned columns, unsigned group,
                       const uint8_t *panel, unsigned column, float *out) {
  assert(panelBytes(encoding, columns, group) && column < columns &&
         "no such panel");
  if (isBlockEncoding(encoding)) {
    DecodedGroup decoded = decodePanelCodes(encoding, columns, panel, column);
    for (unsigned k = 0; k < groupSize; ++k) {
      float value = float(decoded.codes[k]) * decoded.d;
      out[k] = encoding == Encoding::Q4_1 ? value + decoded.m : value;
    }
    return;
  }
  for (unsigned k = 0; k < group; ++k) {
    size_t index = floatIndex(encoding, columns, group, k, column);
    const uint8_t *at = panel + index * elementBytes(encoding);
    if (encoding == Encoding::F32)
      out[k] = load<float>(at);
    else if (encoding == Encoding::F16)
      out[k] = loadF16(at);
    else
      out[k] = bf16ToFloat(load<uint16_t>(at));
  }
}

/// Spreads the rows of a panel of 16 columns: one unit per column and step.
template <typename Unit>
static void interleave(unsigned steps,
                       std::span<const uint8_t *const, 16> sources,
                       uint8_t *out) {
  for (unsigned c = 0; c < panelColumns; ++c) {
    if (!sources[c])
      continue;
    for (unsigned s = 0; s < steps; ++s)
      std::memcpy(out + (size_t(s) * panelColumns + c) * sizeof(Unit),
                  sources[c] + size_t(s) * sizeof(Unit), sizeof(Unit));
  }
}

static void packFloats(Encoding encoding, unsigned group,
                       std::span<const uint8_t *const, 16> sources,
                       uint8_t *out) {
  if (encoding == Encoding::F32)
    interleave<uint32_t>(group, sources, out);
  else if (group % 2 == 0) // pairs of 16-bit elements travel together
    interleave<uint32_t>(group / 2, sources, out);
  else
    interleave<uint16_t>(group, sources, out);
}

static Status packBytes(std::span<const uint8_t *const, 16> sources,
                        uint8_t *out) {
  for (unsigned c = 0; c < panelColumns; ++c) {
    if (!sources[c])
      continue;
    const uint8_t *codes = sources[c] + blockCodes(Encoding::Q8_0);
    for (unsigned k = 0; k < groupSize; k += 4)
      std::memcpy(out + byteIndex(k, c), codes + k, 4);
    bool refused = false;
    for (unsigned k = 0; k < groupSize; ++k)
      refused |= codes[k] == 0x80;
    if (refused)
      return Error{"column " + std::to_string(c) +
                   ": expected q8_0 codes in -127..127, got -128"};
    std::memcpy(out + size_t(2) * (nibbleBytes + c), sources[c], 2);
  }
  return {};
}

/// Columns c and c + 8 share bytes, c in the low nibbles. A block's low nibbles
/// are k 0..15, steps 0..3 of the panel; its high ones the rest. Four k at
/// once.
static void packNibbles(Encoding encoding,
                        std::span<const uint8_t *const, 16> sources,
                        uint8_t *out) {
  static constexpr uint8_t none[20] = {};
  constexpr uint32_t lows = 0x0f0f0f0fu;
  for (unsigned c = 0; c < panelColumns / 2; ++c) {
    const uint8_t *low = sources[c] ? sources[c] : none;
    const uint8_t *high = sources[c + 8] ? sources[c + 8] : none;
    for (unsigned s = 0; s < 4; ++s) {
      size_t from = blockCodes(encoding) + size_t(4) * s;
      uint32_t a = load<uint32_t>(low + from), b = load<uint32_t>(high + from);
      store(out + nibbleIndex(4 * s, c), (a & lows) | (b & lows) << 4);
      store(out + nibbleIndex(4 * s + 16, c), (a >> 4 & lows) | (b & ~lows));
    }
    for (unsigned half = 0; half < 2; ++half) {
      const uint8_t *source = half ? high : low;
      unsigned column = c + 8 * half;
      std::memcpy(out + nibbleBytes + size_t(2) * column, source, 2);
      if (encoding == Encoding::Q4_1)
        std::memcpy(out + nibbleBytes + size_t(2) * (panelColumns + column),
                    source + 2, 2);
    }
  }
}

Status packPanel16(Encoding encoding, unsigned group,
                   std::span<const uint8_t *const, 16> sources, uint8_t *out) {
  std::optional<size_t> bytes = panelBytes(encoding, panelColumns, group);
  if (!bytes)
    return Error{"no panel of 16 columns by " + std::to_string(group) +
                 " in encoding " + std::string(encodingName(encoding))};
  std::memset(out, 0, *bytes);
  if (encoding == Encoding::Q8_0)
    return packBytes(sources, out);
  if (isBlockEncoding(encoding))
    packNibbles(encoding, sources, out);
  else
    packFloats(encoding, group, sources, out);
  return {};
}

void quantizeActivations(const float *x, uint8_t *out) {
  // Largest magnitudes, found among bit patterns: those of non-negative floats
  // are ordered, with infinity and the NaNs above all numbers.
  uint32_t largest[groupSize / runSize] = {}, top = 0, rest = 0;
  for (unsigned k = 0; k < groupSize; ++k) {
    uint32_t bits = std::bit_cast<uint32_t>(x[k]) & 0x7fffffffu;
    largest[k / runSize] = std::max(largest[k / runSize], bits);
  }
  unsigned run = 0;
  for (unsigned i = 0; i < groupSize / runSize; ++i)
    if (largest[i] > top)
      top = largest[i], run = i;
  for (unsigned i = 0; i < groupSize / runSize; ++i)
    rest = i == run ? rest : std::max(rest, largest[i]);
  std::memset(out, 0, a8::bytes);
  if (top >= 0x7f800000u) {
    float nan = std::numeric_limits<float>::quiet_NaN();
    store(out + a8::scale, nan);
    store(out + a8::scaledSum, nan);
    return;
  }
  float whole = std::bit_cast<float>(top) * 0x1p-7f;
  float base = std::max(std::bit_cast<float>(rest), whole);
  // Below 2^-100 the quotient could overflow: such a group is zero.
  float r = base < 0x1p-100f ? 0.0f : 127.0f / base;
  int32_t sum = 0;
  for (unsigned k = 0; k < groupSize; ++k) {
    bool isTop = k / runSize == run;
    float limit = isTop ? 127.0f * 128.0f : 127.0f;
    float q = std::nearbyintf(x[k] * r);
    q = q > limit ? limit : q < -limit ? -limit : q;
    int32_t code = int32_t(q), high = isTop ? (code + 64) >> 7 : 0;
    out[k] = uint8_t(code - 128 * high);
    if (isTop)
      out[a8::high + k % runSize] = uint8_t(high);
    sum += code;
  }
  float d = base / 127.0f;
  store(out + a8::scale, d);
  store(out + a8::sum, sum);
  store(out + a8::scaledSum, float(sum) * d);
  store(out + a8::run, int32_t(run));
}

} // namespace espalier
