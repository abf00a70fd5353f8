//===- EncodingsTest.cpp - Panels, golden blocks, activations -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Encodings.h"
#include "espalier/Support/Half.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

using namespace espalier;

namespace {

uint32_t crc32(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i)
      crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

/// The 4096 values on which the golden blocks rest.
std::vector<float> goldenValues() {
  std::vector<float> x(4096);
  for (uint32_t i = 0; i < 4096; ++i)
    x[i] = float((i * 2654435761u) >> 8) / 8388608.0f - 1.0f;
  return x;
}

void encodeQ8_0(const float *x, uint8_t *out) {
  float amax = 0;
  for (int k = 0; k < 32; ++k)
    amax = std::fmax(amax, std::fabs(x[k]));
  float d = amax / 127.0f, inverse = d ? 1.0f / d : 0.0f;
  uint16_t half = floatToF16(d);
  std::memcpy(out, &half, 2);
  for (int k = 0; k < 32; ++k)
    out[2 + k] = uint8_t(int8_t(std::roundf(x[k] * inverse)));
}

void encodeQ4_0(const float *x, uint8_t *out) {
  float largest = 0;
  for (int k = 0; k < 32; ++k)
    if (std::fabs(x[k]) > std::fabs(largest))
      largest = x[k];
  float d = largest / -8.0f, inverse = d ? 1.0f / d : 0.0f;
  uint16_t half = floatToF16(d);
  std::memcpy(out, &half, 2);
  auto code = [&](float v) {
    int q = int(v * inverse + 8.5f);
    return q > 15 ? 15 : q;
  };
  for (int k = 0; k < 16; ++k)
    out[2 + k] = uint8_t(code(x[k]) | (code(x[k + 16]) << 4));
}

double rmse(Encoding e, const std::vector<float> &x,
            const std::vector<uint8_t> &packed) {
  size_t bytes = *panelBytes(e, 1, 32);
  double sum = 0;
  for (size_t g = 0; g < x.size() / 32; ++g) {
    float y[32];
    decodePanelColumn(e, 1, 32, packed.data() + g * bytes, 0, y);
    for (int k = 0; k < 32; ++k)
      sum += (double(x[g * 32 + k]) - y[k]) * (double(x[g * 32 + k]) - y[k]);
  }
  return std::sqrt(sum / double(x.size()));
}

/// Byte i is (37 i + 11) mod 256.
std::vector<uint8_t> patternBlock(size_t bytes, uint16_t d) {
  std::vector<uint8_t> block(bytes);
  for (size_t i = 0; i < bytes; ++i)
    block[i] = uint8_t(37 * i + 11);
  std::memcpy(block.data(), &d, 2);
  return block;
}

const Encoding weightEncodings[] = {Encoding::F32,  Encoding::F16,
                                    Encoding::BF16, Encoding::Q8_0,
                                    Encoding::Q4_0, Encoding::Q4_1};

/// 16 columns of arbitrary but finite checkpoint bytes.
std::vector<std::vector<uint8_t>> someColumns(Encoding e, unsigned group) {
  std::vector<std::vector<uint8_t>> columns(16);
  uint32_t seed = 12345;
  for (auto &column : columns) {
    column.resize(*panelBytes(e, 1, group));
    for (uint8_t &byte : column) {
      seed = seed * 1664525 + 1013904223;
      byte = uint8_t(seed >> 24);
      if (byte == 0x80 || (byte & 0x7c) == 0x7c)
        byte = 0x3b; // no -128, no infinity or NaN
    }
  }
  return columns;
}

} // namespace

TEST(Encodings, Names) {
  for (Encoding e : weightEncodings)
    EXPECT_EQ(encodingFromName(encodingName(e)), e);
  EXPECT_EQ(encodingFromName("a8"), Encoding::A8);
  EXPECT_FALSE(encodingFromName("q4_k"));
}

TEST(Encodings, PanelBytes) {
  EXPECT_EQ(panelBytes(Encoding::F32, 16, 7), 448u);
  EXPECT_EQ(panelBytes(Encoding::BF16, 1, 3), 6u);
  EXPECT_EQ(panelBytes(Encoding::Q8_0, 16, 32), 544u);
  EXPECT_EQ(panelBytes(Encoding::Q4_0, 16, 32), 288u);
  EXPECT_EQ(panelBytes(Encoding::Q4_1, 16, 32), 320u);
  EXPECT_EQ(panelBytes(Encoding::Q8_0, 1, 32), 34u);
  EXPECT_EQ(panelBytes(Encoding::Q4_0, 1, 32), 18u);
  EXPECT_EQ(panelBytes(Encoding::Q4_1, 1, 32), 20u);
  EXPECT_EQ(panelBytes(Encoding::A8, 1, 32), a8::bytes);
  EXPECT_FALSE(panelBytes(Encoding::A8, 16, 32));
  EXPECT_FALSE(panelBytes(Encoding::Q8_0, 16, 64));
  EXPECT_FALSE(panelBytes(Encoding::F32, 8, 32));
  EXPECT_FALSE(panelBytes(Encoding::F32, 16, 0));
}

TEST(Encodings, GoldenBlocks) {
  std::vector<float> x = goldenValues();
  std::vector<uint8_t> raw(x.size() * 4);
  std::memcpy(raw.data(), x.data(), raw.size());
  ASSERT_EQ(crc32(raw), 0xe9385d8fu);
  std::vector<uint8_t> q8(128 * 34), q4(128 * 18);
  for (size_t g = 0; g < 128; ++g) {
    encodeQ8_0(&x[g * 32], &q8[g * 34]);
    encodeQ4_0(&x[g * 32], &q4[g * 18]);
  }
  EXPECT_EQ(crc32(q8), 0x6a844b76u);
  EXPECT_EQ(crc32(q4), 0x4d3a0c2au);
  EXPECT_NEAR(rmse(Encoding::Q8_0, x, q8), .002221, 5e-7);
  EXPECT_NEAR(rmse(Encoding::Q4_0, x, q4), .038241, 5e-7);
}

TEST(Encodings, DecodesKnownBlocks) {
  float y[32];
  decodePanelColumn(Encoding::Q8_0, 1, 32, patternBlock(34, 0x2400).data(), 0,
                    y);
  EXPECT_EQ(y[0], 1.328125f);
  EXPECT_EQ(y[1], 1.90625f);
  EXPECT_EQ(y[2], -1.515625f);
  EXPECT_EQ(y[3], -.9375f);
  EXPECT_EQ(y[16], -1.421875f);
  EXPECT_EQ(y[31], -.75f);
  decodePanelColumn(Encoding::Q4_0, 1, 32, patternBlock(18, 0x3800).data(), 0,
                    y);
  EXPECT_EQ(y[0], -1.5f);
  EXPECT_EQ(y[1], 1.0f);
  EXPECT_EQ(y[2], 3.5f);
  EXPECT_EQ(y[3], -2.0f);
  EXPECT_EQ(y[16], -1.5f);
  EXPECT_EQ(y[31], 0.0f);
  // q4_1 by hand: d = 0.5, m = -1, byte 0 = 0xf2.
  uint8_t block[20] = {0x00, 0x38, 0x00, 0xbc, 0xf2};
  decodePanelColumn(Encoding::Q4_1, 1, 32, block, 0, y);
  EXPECT_EQ(y[0], 0.0f);
  EXPECT_EQ(y[16], 6.5f);
  EXPECT_EQ(y[1], -1.0f);
}

TEST(Encodings, PackedColumnsDecodeAsTheirSources) {
  for (Encoding e : weightEncodings)
    for (unsigned group : {32u, 7u, 2u, 1u}) {
      if (isBlockEncoding(e) && group != 32)
        continue;
      auto columns = someColumns(e, group);
      const uint8_t *sources[16];
      for (int c = 0; c < 16; ++c)
        sources[c] = c == 5 ? nullptr : columns[c].data();
      std::vector<uint8_t> panel(*panelBytes(e, 16, group), 0xee);
      ASSERT_TRUE(bool(packPanel16(e, group,
                                   std::span<const uint8_t *const, 16>(sources),
                                   panel.data())));
      for (unsigned c = 0; c < 16; ++c) {
        std::vector<float> want(group), got(group);
        decodePanelColumn(e, 16, group, panel.data(), c, got.data());
        if (sources[c])
          decodePanelColumn(e, 1, group, sources[c], 0, want.data());
        for (unsigned k = 0; k < group; ++k)
          ASSERT_EQ(got[k], want[k]) << encodingName(e) << c << ' ' << k;
        if (!isBlockEncoding(e) || !sources[c])
          continue;
        DecodedGroup a = decodePanelCodes(e, 16, panel.data(), c);
        DecodedGroup b = decodePanelCodes(e, 1, sources[c], 0);
        ASSERT_EQ(std::memcmp(a.codes, b.codes, 32), 0);
        ASSERT_EQ(a.d, b.d);
        ASSERT_EQ(a.m, b.m);
      }
    }
}

// The layout of the header's description, byte by byte.
TEST(Encodings, PanelLayout) {
  auto pack = [](Encoding e, unsigned group,
                 const std::vector<std::vector<uint8_t>> &columns) {
    const uint8_t *sources[16];
    for (int c = 0; c < 16; ++c)
      sources[c] = columns[c].data();
    std::vector<uint8_t> panel(*panelBytes(e, 16, group));
    EXPECT_TRUE(bool(packPanel16(
        e, group, std::span<const uint8_t *const, 16>(sources), panel.data())));
    return panel;
  };
  auto f16 = someColumns(Encoding::F16, 4);
  auto p16 = pack(Encoding::F16, 4, f16);
  auto q8 = someColumns(Encoding::Q8_0, 32);
  auto p8 = pack(Encoding::Q8_0, 32, q8);
  auto q4 = someColumns(Encoding::Q4_1, 32);
  auto p4 = pack(Encoding::Q4_1, 32, q4);
  for (unsigned c = 0; c < 16; ++c) {
    for (unsigned k = 0; k < 4; ++k)
      for (unsigned b = 0; b < 2; ++b)
        ASSERT_EQ(p16[((k / 2 * 16 + c) * 2 + k % 2) * 2 + b],
                  f16[c][k * 2 + b]);
    for (unsigned k = 0; k < 32; ++k) {
      ASSERT_EQ(p8[k / 4 * 64 + c * 4 + k % 4], q8[c][2 + k]);
      uint8_t source = q4[c][4 + k % 16],
              packed = p4[k / 4 * 32 + c % 8 * 4 + k % 4];
      ASSERT_EQ(c < 8 ? packed & 15 : packed >> 4,
                k < 16 ? source & 15 : source >> 4);
    }
    for (unsigned b = 0; b < 2; ++b) {
      ASSERT_EQ(p8[512 + 2 * c + b], q8[c][b]);
      ASSERT_EQ(p4[256 + 2 * c + b], q4[c][b]);
      ASSERT_EQ(p4[288 + 2 * c + b], q4[c][2 + b]);
    }
  }
}

TEST(Encodings, PackRefuses) {
  auto columns = someColumns(Encoding::Q8_0, 32);
  columns[9][2 + 31] = 0x80;
  const uint8_t *sources[16];
  for (int c = 0; c < 16; ++c)
    sources[c] = columns[c].data();
  std::span<const uint8_t *const, 16> all(sources);
  uint8_t panel[544];
  Status status = packPanel16(Encoding::Q8_0, 32, all, panel);
  ASSERT_FALSE(bool(status));
  EXPECT_EQ(status.error().message,
            "column 9: expected q8_0 codes in -127..127, got -128");
  EXPECT_FALSE(bool(packPanel16(Encoding::A8, 32, all, panel)));
  EXPECT_FALSE(bool(packPanel16(Encoding::Q4_0, 16, all, panel)));
}

TEST(Encodings, QuantizeActivations) {
  float x[32] = {};
  uint8_t out[a8::bytes];
  auto codes = [&] { return decodePanelCodes(Encoding::A8, 1, out, 0); };
  auto sum = [&] {
    int32_t s;
    std::memcpy(&s, out + a8::sum, 4);
    return s;
  };
  quantizeActivations(x, out);
  EXPECT_EQ(codes().d, 0.0f);
  EXPECT_EQ(sum(), 0);
  for (int k = 0; k < 32; ++k)
    x[k] = float(k) - 16.0f;
  // The run of the largest element does not decide the scale, the rest does.
  x[4] = -127.0f, x[1] = 0.5f, x[2] = 1.5f, x[3] = -2.5f;
  x[29] = -300.0f, x[30] = 4000.0f, x[31] = 0.5f;
  quantizeActivations(x, out);
  EXPECT_EQ(codes().d, 1.0f);
  EXPECT_EQ(codes().codes[4], -127);
  EXPECT_EQ(codes().codes[1], 0); // ties to even
  EXPECT_EQ(codes().codes[2], 2);
  EXPECT_EQ(codes().codes[3], -2);
  EXPECT_EQ(codes().codes[28], 12);
  EXPECT_EQ(codes().codes[29], -300);
  EXPECT_EQ(codes().codes[30], 4000);
  EXPECT_EQ(codes().codes[31], 0);
  // Unless it is so large that its codes would not fit.
  x[30] = -2.0f * 127.0f * 128.0f;
  quantizeActivations(x, out);
  EXPECT_EQ(codes().d, 2.0f);
  EXPECT_EQ(codes().codes[30], -127 * 128);
  EXPECT_EQ(codes().codes[4], -64); // -63.5
  int32_t want = 0;
  for (int16_t q : codes().codes)
    want += q;
  EXPECT_EQ(sum(), want);
  for (float bad : {INFINITY, -INFINITY, float(NAN)}) {
    x[7] = bad;
    quantizeActivations(x, out);
    EXPECT_TRUE(std::isnan(codes().d));
    EXPECT_EQ(sum(), 0);
    for (int16_t q : codes().codes)
      EXPECT_EQ(q, 0);
  }
  // The smallest and the largest that count, and what counts as zero.
  for (float amax : {0x1p-100f, 0x1.fffffep127f, 0x1p-101f, 0x1p-149f}) {
    for (float &v : x)
      v = -amax;
    x[0] = 0;
    quantizeActivations(x, out);
    EXPECT_EQ(codes().codes[0], 0);
    EXPECT_EQ(codes().codes[1], amax < 0x1p-100f ? 0 : -127) << amax;
    EXPECT_EQ(codes().d, amax / 127.0f);
  }
}
