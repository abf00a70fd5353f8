//===- PackerTest.cpp - The container of packed weights -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Pack.h"
#include "espalier/Import/Checkpoint.h"
#include "espalier/Support/MappedFile.h"
#include "espalier/Support/ShortenedFiles.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace espalier;
using namespace espalier::test;

namespace {

uint32_t crc32(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i)
      crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

/// The numbers that Inputs/blocks encodes.
float known(uint64_t i) {
  uint32_t h = uint32_t(i * 2654435761u);
  return float(double(h >> 8) / (1 << 23) - 1);
}

struct Blocks {
  Encoding encoding;
  uint32_t crc;
  double error; ///< root of the mean square error, as published
};

class BlocksTest : public testing::TestWithParam<Blocks> {};

TEST_P(BlocksTest, PackedBlocksDecodeToThePublishedError) {
  auto [encoding, crc, error] = GetParam();
  Result<MappedFile> file =
      MappedFile::open(std::string(ESPALIER_TEST_INPUTS) + "/blocks/" +
                       std::string(encodingName(encoding)) + ".bin");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(crc32(file->bytes()), crc);
  SourceTensor source = tensor("blocks", encoding, {64, 64}, file->bytes());
  Result<Packed> packed =
      pack(plan({matrix("w", source, encoding, 32, 64, 64)}), {});
  ASSERT_TRUE(packed) << packed.error().message;
  size_t bytes = *panelBytes(encoding, 16, 32);
  double sum = 0;
  for (uint64_t n = 0; n < 64; ++n)
    for (uint64_t g = 0; g < 2; ++g) {
      float values[32];
      decodePanelColumn(encoding, 16, 32,
                        packed->data("w").data() + (n / 16 * 2 + g) * bytes,
                        unsigned(n % 16), values);
      for (uint64_t k = 0; k < 32; ++k) {
        double difference =
            double(values[k]) - double(known(n * 64 + g * 32 + k));
        sum += difference * difference;
      }
    }
  EXPECT_NEAR(std::sqrt(sum / 4096), error, 5e-7);
}

INSTANTIATE_TEST_SUITE_P(
    All, BlocksTest,
    testing::Values(Blocks{Encoding::Q4_0, 0x4d3a0c2a, 0.038241},
                    Blocks{Encoding::Q8_0, 0x6a844b76, 0.002221},
                    Blocks{Encoding::Q4_1, 0x13816ae1, 0.036165}));

TEST(Container, IsAnOrdinarySafetensorsFile) {
  std::vector<float> norm(50, 2.0f);
  SourceTensor n = tensor("norm", Encoding::F32, {50}, bytesOf(norm));
  std::vector<uint16_t> values(20 * 6, 0x3f80);
  SourceTensor m = tensor("matrix", Encoding::BF16, {20, 6}, bytesOf(values));
  PackWeight layered = vector("norm", n, 50);
  layered.layers = {{&n}, {&n}, {&n}};
  PackPlan p =
      plan({layered, matrix("w \"quoted\"", m, Encoding::BF16, 2, 20, 6)});
  p.metadata.emplace_back("order", "cpu-2");
  Result<Packed> packed = pack(p, {});
  ASSERT_TRUE(packed) << packed.error().message;
  const SafeTensorsHeader &h = packed->header;
  EXPECT_EQ(h.headerBytes % 4096, 0u);
  EXPECT_EQ(h.headerBytes, packed->result.headerBytes);
  const SafeTensorsEntry *e = h.find("norm");
  ASSERT_TRUE(e);
  EXPECT_EQ(e->dtype, DType::U8);
  EXPECT_EQ(e->shape, (std::vector<uint64_t>{3, 256}));
  EXPECT_EQ(h.metadata.find("order")->second, "cpu-2");
  EXPECT_EQ(h.metadata.find("packing/w \"quoted\"")->second, "a test");
  for (const PackedTensor &t : packed->result.tensors) {
    EXPECT_EQ(t.offset % 64, 0u);
    EXPECT_EQ(t.size % 64, 0u);
    EXPECT_EQ(hash128(packed->data(t.name)), t.hash);
    EXPECT_EQ(h.metadata.find("xxh3/" + t.name)->second, t.hash.hex());
  }
  EXPECT_EQ(hash128(std::span(packed->file).first(h.headerBytes)),
            packed->result.headerHash);
  // The rest of a layer is zero, so are the columns beyond the matrix.
  for (size_t i = 200; i < 256; ++i)
    EXPECT_EQ(packed->data("norm")[i], 0);
  float column[2];
  decodePanelColumn(Encoding::BF16, 16, 2,
                    packed->data("w \"quoted\"").data() + 3 * 64, 4, column);
  EXPECT_EQ(column[0], 0.0f);
}

TEST(Container, SameBytesForAnyNumberOfThreads) {
  TensorSource source = TensorSource::madeUp(7, Encoding::F32);
  source.declare("a", {3001, 512}, 0); // more than one chunk
  source.declare("b", {40}, 1);
  auto make = [&] {
    PackWeight a = matrix("a", *source.find("a"), Encoding::F32, 32, 3001, 512);
    a.layers = {{source.find("a")}, {source.find("a")}};
    return plan({a, vector("b", *source.find("b"), 40)});
  };
  PackOptions one, five;
  one.threads = 1;
  five.threads = 5;
  uint64_t last = 0, tensors = 0;
  five.progress = [&](const PackProgress &p) {
    EXPECT_GT(p.bytesDone, last);
    last = p.bytesDone;
    tensors = p.tensorsDone;
    EXPECT_EQ(p.tensors, 2u);
  };
  Result<Packed> first = pack(make(), source, one);
  Result<Packed> second = pack(make(), source, five);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(first->file, second->file);
  EXPECT_EQ(last, second->result.dataBytes);
  EXPECT_EQ(tensors, 2u);
}

TEST(Container, StandsBehindWhatTheFileHolds) {
  std::vector<float> norm(16, 2.0f);
  SourceTensor n = tensor("norm", Encoding::F32, {16}, bytesOf(norm));
  Result<Packed> packed = pack(plan({vector("n", n, 16)}), {}, {}, 8192);
  ASSERT_TRUE(packed) << packed.error().message;
  EXPECT_EQ(packed->data("n").size(), 64u);
}

TEST(Container, DamagedBlocksAreRefused) {
  std::vector<uint8_t> bytes(32 * 34); // 32 rows of one q8_0 block
  for (size_t row = 0; row < 32; ++row)
    bytes[row * 34 + 1] = 0x3c; // 1.0
  SourceTensor t =
      tensor("blk.0.ffn_up.weight", Encoding::Q8_0, {32, 32}, bytes);
  PackPlan p = plan({matrix("w", t, Encoding::Q8_0, 32, 32, 32)});
  EXPECT_TRUE(pack(p, {}));
  bytes[20 * 34 + 1] = 0x7c; // infinity
  Result<Packed> infinite = pack(p, {});
  ASSERT_FALSE(infinite);
  EXPECT_EQ(infinite.error().message,
            "tensor 'blk.0.ffn_up.weight': row 20, block 0: expected a finite "
            "scale, got an infinite one or NaN; the file is damaged");
  bytes[20 * 34 + 1] = 0x3c;
  bytes[18 * 34 + 7] = 0x80; // -128
  Result<Packed> code = pack(p, {});
  ASSERT_FALSE(code);
  EXPECT_NE(code.error().message.find(
                "tensor 'blk.0.ffn_up.weight': panel from row 16, block 0"),
            std::string::npos)
      << code.error().message;
  EXPECT_NE(code.error().message.find("-128"), std::string::npos);

  std::vector<uint8_t> four(16 * 20, 0x11); // q4_1: d, m, codes
  four[3 * 20 + 3] = 0xfe;                  // m of row 3: NaN
  SourceTensor q = tensor("m", Encoding::Q4_1, {16, 32}, four);
  Result<Packed> minimum =
      pack(plan({matrix("w", q, Encoding::Q4_1, 32, 16, 32)}), {});
  ASSERT_FALSE(minimum);
  EXPECT_NE(minimum.error().message.find("tensor 'm': row 3, block 0"),
            std::string::npos)
      << minimum.error().message;
}

// NaN and infinity stand in no weight where that is asked for; else they are
// packed as they are.
TEST(Container, NonFiniteWeights) {
  for (float bad : {NAN, -NAN, INFINITY, -INFINITY}) {
    std::vector<float> values(20 * 8, 0.5f), scale(8, 1.0f);
    values[17 * 8 + 3] = bad;
    SourceTensor m = tensor("m", Encoding::F32, {20, 8}, bytesOf(values));
    SourceTensor v = tensor("v", Encoding::F32, {8}, bytesOf(scale));
    PackPlan both =
        plan({matrix("m", m, Encoding::F32, 1, 20, 8), vector("v", v, 8)});
    PackOptions check;
    check.checkValues = true;
    EXPECT_TRUE(pack(both, {}));
    Result<Packed> packed = pack(both, {}, check);
    ASSERT_FALSE(packed);
    EXPECT_EQ(packed.error().message,
              "tensor 'm': row 17, element 3: expected a finite number, got an "
              "infinite one or NaN");
    values[17 * 8 + 3] = 65504;
    EXPECT_TRUE(pack(both, {}, check));
    scale[7] = bad;
    packed = pack(both, {}, check);
    ASSERT_FALSE(packed);
    EXPECT_NE(packed.error().message.find("tensor 'v': row 7"),
              std::string::npos)
        << packed.error().message;
  }
}

// A file that is written, shortened or replaced after it was checked: what was
// mapped is never read beyond its end, and nothing is made of it.
TEST(Container, FileChangedAfterValidation) {
  char name[] = "/tmp/espalier-changed-XXXXXX";
  int fd = mkstemp(name);
  ASSERT_GE(fd, 0);
  close(fd);
  std::string path = name;
  std::string header = "{\"m\":{\"dtype\":\"F32\",\"shape\":[1024,1024],"
                       "\"data_offsets\":[0,4194304]}}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  uint64_t length = header.size();
  auto write = [&] {
    FILE *file = fopen(path.c_str(), "wb");
    fwrite(&length, 8, 1, file);
    fwrite(header.data(), 1, header.size(), file);
    std::vector<float> zeros(1 << 20);
    fwrite(zeros.data(), 4, zeros.size(), file);
    fclose(file);
  };
  auto changed = [&](auto change) {
    write();
    ShortenedFileGuard guard;
    Result<Checkpoint> checkpoint = Checkpoint::open(path);
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    TensorSource source(std::move(*checkpoint));
    const SourceTensor *m = source.find("m");
    ASSERT_NE(m, nullptr);
    change();
    Result<Packed> packed =
        pack(plan({matrix("m", *m, Encoding::F32, 1, 1024, 1024)}), source);
    ASSERT_FALSE(packed);
    EXPECT_EQ(packed.error().message,
              path + ": the file changed while it was being read; try again "
                     "once nothing writes to it");
  };
  changed([&] { ASSERT_EQ(truncate(path.c_str(), 100), 0); });
  changed([&] { ASSERT_EQ(truncate(path.c_str(), 1 << 20), 0); });
  changed([&] { // longer, and again as long as it was
    ASSERT_EQ(truncate(path.c_str(), 8 << 20), 0);
    ASSERT_EQ(truncate(path.c_str(), 8 + long(header.size()) + 4194304), 0);
  });
  changed([&] { // other bytes in the same place
    FILE *file = fopen(path.c_str(), "r+b");
    fseek(file, 1 << 20, SEEK_SET);
    fputs("other", file);
    fclose(file);
  });
  unlink(name);
}

TEST(MadeUp, RowsDoNotDependOnWhatIsAskedForTogether) {
  for (Encoding type : {Encoding::F32, Encoding::F16, Encoding::BF16}) {
    TensorSource source = TensorSource::madeUp(3, type);
    source.declare("w", {10, 70}, 0);
    const SourceTensor &w = *source.find("w");
    std::vector<uint8_t> a, b;
    const uint8_t *all = source.rows(w, 0, 10, a);
    const uint8_t *some = source.rows(w, 4, 2, b);
    EXPECT_EQ(std::memcmp(all + 4 * rowBytes(w), some, 2 * rowBytes(w)), 0);
    EXPECT_NE(std::memcmp(all, some, rowBytes(w)), 0);
    TensorSource other = TensorSource::madeUp(4, type);
    other.declare("w", {10, 70}, 0);
    EXPECT_NE(std::memcmp(other.rows(*other.find("w"), 4, 2, b),
                          all + 4 * rowBytes(w), rowBytes(w)),
              0);
  }
}

} // namespace
