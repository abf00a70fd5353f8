//===- GGUFTest.cpp - Hostile GGUF ----------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/GGUF.h"
#include "Build.h"

#include <gtest/gtest.h>

using namespace espalier;
using namespace espalier::test;

static std::string failure(const std::string &file) {
  std::vector<uint8_t> copy(file.begin(), file.end());
  auto parsed = parseGguf(copy);
  return parsed ? "" : parsed.error().message;
}

static bool says(const std::string &message, std::string_view part) {
  return message.find(part) != std::string::npos;
}

#define EXPECT_SAYS(message, part)                                             \
  EXPECT_PRED2(says, message, std::string_view(part))

/// A file with every kind of value and a few tensors.
static Gguf sample() {
  Gguf g;
  g.pairs = {
      Gguf::pair("s", 8, Gguf::text("llama")),
      Gguf::pair("u8", 0, raw(uint8_t(200))),
      Gguf::pair("i8", 1, raw(int8_t(-3))),
      Gguf::pair("u32", 4, raw(7u)),
      Gguf::pair("u64", 10, raw(~0ull)),
      Gguf::pair("i64", 11, raw(int64_t(-1))),
      Gguf::pair("f32", 6, raw(1.5f)),
      Gguf::pair("f64", 12, raw(2.5)),
      Gguf::pair("b", 7, raw(uint8_t(1))),
      Gguf::pair("as", 9, Gguf::array(8, 2, Gguf::text("x") + Gguf::text(""))),
      Gguf::pair("af", 9, Gguf::array(6, 2, raw(1.0f) + raw(2.0f))),
      Gguf::pair("ai8", 9, Gguf::array(1, 2, "\xff\x02")),
      Gguf::pair("none", 9, Gguf::array(6, 0, ""))};
  g.tensors = {{"q8", {32, 2}, 8, 0},
               {"k", {256}, 12, 96},
               {"scalar", {}, 0, 256},
               {"zero", {4, 0}, 0, 288},
               {"f16", {3}, 1, 288}};
  g.dataBytes = 288 + 6;
  return g;
}

TEST(GGUF, ParsesAFile) {
  std::string bytes = sample().bytes();
  auto f = parseGguf(bytesOf(bytes));
  ASSERT_TRUE(bool(f)) << f.error().message;
  EXPECT_EQ(f->version(), 3u);
  EXPECT_EQ(f->metadata().size(), 13u);
  EXPECT_EQ(*f->getString("s"), "llama");
  EXPECT_EQ(*f->getUnsigned("u8"), 200u);
  EXPECT_EQ(f->find("i8")->asInteger(), -3);
  EXPECT_EQ(*f->getUnsigned("u64"), ~0ull);
  EXPECT_FALSE(f->find("u64")->asInteger());
  EXPECT_EQ(*f->getFloat("f32"), 1.5);
  EXPECT_EQ(*f->getFloat("f64"), 2.5);
  EXPECT_TRUE(*f->getBool("b"));
  EXPECT_EQ(f->getStrings("as", 2)->at(0), "x");
  EXPECT_EQ(f->getFloats("af")->at(1), 2.0f);
  EXPECT_EQ(*f->getIntegers("ai8"), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(f->getFloats("none")->size(), 0u);
  const GgufTensor *q8 = f->findTensor("q8");
  ASSERT_NE(q8, nullptr);
  EXPECT_EQ(q8->shape(), (std::vector<uint64_t>{2, 32}));
  EXPECT_EQ(*f->encoding(*q8), Encoding::Q8_0);
  EXPECT_EQ(f->data(*q8)->size(), 68u);
  EXPECT_EQ(f->data(*f->findTensor("scalar"))->size(), 4u);
  EXPECT_EQ(f->data(*f->findTensor("zero"))->size(), 0u);
  EXPECT_EQ(f->findTensor("missing"), nullptr);
  Gguf two = sample();
  two.version = 2;
  EXPECT_EQ(failure(two.bytes()), "");
  EXPECT_EQ(failure(Gguf().bytes()), "");
}

TEST(GGUF, UnsupportedTypesAreListedButNotRead) {
  std::string bytes = sample().bytes();
  auto f = parseGguf(bytesOf(bytes));
  ASSERT_TRUE(bool(f));
  const GgufTensor *k = f->findTensor("k");
  EXPECT_EQ(ggmlTypeName(k->type), "Q4_K");
  EXPECT_EQ(k->size, 144u);
  auto data = f->data(*k);
  ASSERT_FALSE(bool(data));
  EXPECT_EQ(data.error().message,
            "tensor 'k' has type Q4_K, which is not supported yet; supported: "
            "F32, F16, BF16, Q8_0, Q4_0, Q4_1");
}

// Attack 5: the consumer names type and length, and gets nothing else.
TEST(GGUF, AccessorsCheckTypeAndLength) {
  std::string bytes = sample().bytes();
  auto f = parseGguf(bytesOf(bytes));
  ASSERT_TRUE(bool(f));
  EXPECT_EQ(f->getFloats("ai8").error().message,
            "key 'ai8': expected an array of float32, got array of 2 int8");
  EXPECT_EQ(f->getFloats("af", 3).error().message,
            "key 'af': expected 3 elements, got 2");
  EXPECT_EQ(f->getUnsigned("x").error().message,
            "key 'x': expected a non-negative integer, got nothing");
  EXPECT_FALSE(bool(f->getUnsigned("i64")));
  EXPECT_FALSE(bool(f->getUnsigned("f32")));
  EXPECT_FALSE(bool(f->getUnsigned("af")));
  EXPECT_FALSE(bool(f->getFloat("u32")));
  EXPECT_FALSE(bool(f->getBool("u8")));
  EXPECT_FALSE(bool(f->getString("as")));
  EXPECT_FALSE(bool(f->getStrings("af")));
  EXPECT_FALSE(bool(f->getStrings("s")));
  EXPECT_FALSE(bool(f->getIntegers("af")));
  EXPECT_FALSE(bool(f->getIntegers("none")));
  EXPECT_FALSE(bool(f->getIntegers("as")));
  EXPECT_FALSE(bool(f->getFloats("none", 1)));
}

TEST(GGUF, TruncatedAtEveryByte) {
  std::string bytes = sample().bytes();
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_NE(failure(bytes.substr(0, n)), "") << n;
  // The last tensor may be padded to the alignment and no further.
  EXPECT_EQ(failure(bytes + std::string(26, 0)), "");
  EXPECT_SAYS(failure(bytes + std::string(27, 0)), "follow the last tensor");
}

TEST(GGUF, Header) {
  EXPECT_SAYS(failure("GGML"), "not a GGUF file");
  for (uint32_t version : {0u, 1u, 4u, 0xffffffffu}) {
    Gguf g;
    g.version = version;
    EXPECT_SAYS(failure(g.bytes()), "expected GGUF version 2 or 3");
  }
  Gguf big;
  big.version = 0x03000000;
  EXPECT_SAYS(failure(big.bytes()), "big-endian");
}

static const uint64_t extremes[] = {0x7fffffff, 0x80000000,       0x80000001,
                                    1ull << 32, (1ull << 63) - 1, 1ull << 63,
                                    ~0ull,      ~0ull - 7};

TEST(GGUF, ExtremeCountsAndLengths) {
  for (uint64_t n : extremes) {
    EXPECT_NE(failure("GGUF" + raw(3u) + raw(n) + raw(uint64_t(0)) +
                      std::string(64, 0)),
              "");
    EXPECT_NE(failure("GGUF" + raw(3u) + raw(uint64_t(0)) + raw(n) +
                      std::string(64, 0)),
              "");
    Gguf g;
    g.pairs = {raw(n) + "key" + raw(0u) + "x"};
    EXPECT_NE(failure(g.bytes()), "");
    g.pairs = {Gguf::pair("k", 8, raw(n) + "text")};
    EXPECT_NE(failure(g.bytes()), "");
    for (uint32_t type = 0; type <= 12; ++type) {
      g.pairs = {Gguf::pair("k", 9, Gguf::array(type, n, "abcdefgh"))};
      EXPECT_NE(failure(g.bytes()), "") << type;
    }
    g.pairs = {Gguf::pair("k", 9, Gguf::array(8, 1, raw(n) + "x"))};
    EXPECT_NE(failure(g.bytes()), "");
  }
}

TEST(GGUF, ExtremeDimsAndOffsets) {
  for (uint64_t n : extremes) {
    for (uint32_t type : {0u, 8u, 24u}) {
      Gguf g;
      g.dataBytes = 64;
      g.tensors = {{"t", {32, n}, type, 0}};
      EXPECT_NE(failure(g.bytes()), "") << n;
      g.tensors = {{"t", {n & ~31ull, 2}, type, 0}};
      EXPECT_NE(failure(g.bytes()), "") << n;
      g.tensors = {{"t", {32, n, n, n}, type, 0}};
      EXPECT_NE(failure(g.bytes()), "") << n;
    }
    Gguf g;
    g.dataBytes = 64;
    g.tensors = {{"t", {1}, 0, n & ~31ull}};
    EXPECT_NE(failure(g.bytes()), "") << n;
  }
  // Products that wrap to zero and to small numbers.
  for (std::vector<uint64_t> dims :
       {std::vector<uint64_t>{1ull << 32, 1ull << 32},
        {1ull << 62, 4},
        {1ull << 62},
        {6148914691236517206ull, 3},
        {1ull << 62, 4, 0},
        {0, 1ull << 62, 1ull << 62},
        {0, 1ull << 63}}) {
    Gguf g;
    g.dataBytes = 64;
    g.tensors = {{"t", dims, 0, 0}};
    std::string m = failure(g.bytes());
    // Zero elements in every order of multiplication is sound.
    if (dims[0] == 0 && dims[1] != 1ull << 63)
      EXPECT_SAYS(m, "follow the last tensor");
    else
      EXPECT_SAYS(m, "overflows");
  }
}

TEST(GGUF, Layout) {
  auto with = [](std::vector<Gguf::Tensor> tensors, size_t dataBytes) {
    Gguf g;
    g.tensors = tensors;
    g.dataBytes = dataBytes;
    return failure(g.bytes());
  };
  EXPECT_EQ(with({{"b", {8}, 0, 32}, {"a", {8}, 0, 0}}, 64), ""); // reordered
  EXPECT_SAYS(with({{"a", {9}, 0, 0}, {"b", {8}, 0, 32}}, 64), "overlap");
  EXPECT_SAYS(with({{"a", {8}, 0, 0}, {"b", {8}, 0, 0}}, 64), "overlap");
  EXPECT_SAYS(with({{"a", {8}, 0, 0}, {"b", {8}, 0, 64}}, 96), "hole");
  EXPECT_SAYS(with({{"a", {8}, 0, 32}}, 64), "hole");
  EXPECT_SAYS(with({{"a", {8}, 0, 16}}, 64), "multiple of 32");
  EXPECT_SAYS(with({{"a", {17}, 0, 0}}, 64), "cut short");
  EXPECT_SAYS(with({{"a", {1, 1, 1, 1, 1}, 0, 0}}, 4), "rank 5");
  EXPECT_SAYS(with({{"a", {33}, 8, 0}}, 64), "multiple of 32 elements");
  EXPECT_SAYS(with({{"a", {128}, 14, 0}}, 210), "multiple of 256 elements");
  for (uint32_t type : {4u, 5u, 31u, 36u, 41u, 999u, 0xffffffffu})
    EXPECT_SAYS(with({{"a", {1}, type, 0}}, 64), "unknown type");
}

TEST(GGUF, Alignment) {
  auto with = [](uint32_t alignment) {
    Gguf g;
    g.pairs = {Gguf::pair("general.alignment", 4, raw(alignment))};
    g.tensors = {{"a", {1}, 0, 0}};
    g.alignment = alignment && alignment < 4096 ? alignment : 32;
    g.dataBytes = 4;
    return failure(g.bytes());
  };
  EXPECT_EQ(with(8), "");
  EXPECT_EQ(with(64), "");
  for (uint32_t bad : {0u, 1u, 4u, 12u, 33u, 96u, 1u << 21, 0x80000000u, ~0u})
    EXPECT_SAYS(with(bad), "power of two") << bad;
  Gguf g;
  g.pairs = {Gguf::pair("general.alignment", 10, raw(uint64_t(32)))};
  EXPECT_SAYS(failure(g.bytes()), "expected uint32, got uint64");
  g.pairs = {Gguf::pair("general.alignment", 8, Gguf::text("32"))};
  EXPECT_SAYS(failure(g.bytes()), "expected uint32, got string");
}

TEST(GGUF, NamesAndKeys) {
  Gguf g;
  g.pairs = {Gguf::pair("k", 0, "x"), Gguf::pair("k", 0, "x")};
  EXPECT_SAYS(failure(g.bytes()), "key 'k' appears twice");
  for (std::string bad : {std::string(), std::string("a\0b", 3),
                          std::string("a\nb"), std::string("\xff")}) {
    g.pairs = {Gguf::pair(bad, 0, "x")};
    EXPECT_SAYS(failure(g.bytes()), "the name");
    Gguf t;
    t.dataBytes = 4;
    t.tensors = {{bad, {1}, 0, 0}};
    EXPECT_SAYS(failure(t.bytes()), "the name");
  }
  g.pairs = {Gguf::pair(std::string(65536, 'k'), 0, "x")};
  EXPECT_SAYS(failure(g.bytes()), "above the limit of 65535");
  Gguf t;
  t.dataBytes = 36;
  t.tensors = {{"a", {1}, 0, 0}, {"a", {1}, 0, 32}};
  EXPECT_SAYS(failure(t.bytes()), "tensor 'a' appears twice");
  t.dataBytes = 4;
  t.tensors = {{std::string(65, 'n'), {1}, 0, 0}};
  EXPECT_SAYS(failure(t.bytes()), "above the limit of 64");
  t.tensors = {{std::string(64, 'n'), {1}, 0, 0}};
  EXPECT_EQ(failure(t.bytes()), "");
}

TEST(GGUF, Values) {
  Gguf g;
  for (uint32_t type : {13u, 0x80000000u, ~0u}) {
    g.pairs = {Gguf::pair("k", type, std::string(16, 0))};
    EXPECT_SAYS(failure(g.bytes()), "unknown type");
    g.pairs = {Gguf::pair("k", 9, Gguf::array(type, 1, std::string(16, 0)))};
    EXPECT_SAYS(failure(g.bytes()), "unknown type");
  }
  g.pairs = {Gguf::pair("k", 7, "\x02")};
  EXPECT_SAYS(failure(g.bytes()), "bool");
  g.pairs = {Gguf::pair("k", 9, Gguf::array(7, 2, "\x01\xff"))};
  EXPECT_SAYS(failure(g.bytes()), "bool");
  g.pairs = {Gguf::pair("k", 9, Gguf::array(9, 1, Gguf::array(0, 1, "x")))};
  EXPECT_SAYS(failure(g.bytes()), "arrays of arrays");
}
