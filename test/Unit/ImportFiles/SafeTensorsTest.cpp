//===- SafeTensorsTest.cpp - Hostile safetensors --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/SafeTensors.h"
#include "Build.h"

#include <gtest/gtest.h>

using namespace espalier;
using namespace espalier::test;

static std::string failure(const std::string &file) {
  auto header = parseSafeTensorsHeader(bytesOf(file), file.size());
  return header ? "" : header.error().message;
}

/// The failure of a header with these members.
static std::string refusal(const std::string &members, size_t dataBytes) {
  return failure(safetensors("{" + members + "}", dataBytes));
}

static bool says(const std::string &message, std::string_view part) {
  return message.find(part) != std::string::npos;
}

#define EXPECT_SAYS(message, part)                                             \
  EXPECT_PRED2(says, message, std::string_view(part))

TEST(SafeTensors, ParsesAFile) {
  std::string file = safetensors("{\"__metadata__\":{\"format\":\"pt\"}," +
                                     entry("b", "F16", "", "24,26") + "," +
                                     entry("a", "F32", "2,3", "0,24") + "," +
                                     entry("z", "F32", "0,5", "24,24") + "," +
                                     entry("f4", "F4", "4", "26,28") + "}  ",
                                 28);
  auto header = parseSafeTensorsHeader(bytesOf(file), file.size());
  ASSERT_TRUE(bool(header)) << header.error().message;
  EXPECT_EQ(header->headerBytes, file.size() - 28);
  EXPECT_EQ(header->metadata.find("format")->second, "pt");
  ASSERT_EQ(header->entries.size(), 4u);
  EXPECT_EQ(header->entries[0].name, "a");
  EXPECT_EQ(header->entries[1].name, "z");
  const SafeTensorsEntry *a = header->find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->dtype, DType::F32);
  EXPECT_EQ(a->shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(a->end, 24u);
  EXPECT_EQ(header->find("b")->shape.size(), 0u);
  EXPECT_EQ(header->find("none"), nullptr);
}

TEST(SafeTensors, DTypes) {
  for (unsigned i = 0; i <= unsigned(DType::F4); ++i)
    EXPECT_EQ(dtypeFromName(dtypeName(DType(i))), DType(i));
  EXPECT_FALSE(dtypeFromName("f32"));
  EXPECT_EQ(dtypeBits(DType::F6E2M3), 6u);
}

TEST(SafeTensors, TruncatedAtEveryByte) {
  std::string file = safetensors("{" + entry("a", "F32", "2", "0,8") + "}", 8);
  ASSERT_EQ(failure(file), "");
  for (size_t n = 0; n < file.size(); ++n) {
    // A copy of its own, so that a read past the end is seen.
    std::vector<uint8_t> cut(file.begin(), file.begin() + long(n));
    EXPECT_FALSE(bool(parseSafeTensorsHeader(cut, n))) << n;
  }
  EXPECT_SAYS(failure(file.substr(0, file.size() - 1)), "cut short");
  EXPECT_SAYS(failure(file + "x"), "bytes follow the last tensor");
}

TEST(SafeTensors, HeaderLength) {
  for (uint64_t n : {0ull, 1ull, 0x7fffffffull, 0x80000000ull, 0x80000001ull,
                     1ull << 32, 1ull << 63, ~0ull, 100000001ull, ~0ull - 7})
    EXPECT_NE(failure(raw(n) + "{}"), "") << n;
  EXPECT_SAYS(failure(raw(uint64_t(100000001)) + "{}"), "above the limit");
  EXPECT_SAYS(failure(raw(uint64_t(2)) + "[]"), "does not begin with '{'");
  EXPECT_SAYS(failure(raw(uint64_t(3)) + " {}"), "does not begin with '{'");
  EXPECT_EQ(failure(raw(uint64_t(2)) + "{}"), "");
}

TEST(SafeTensors, ExtremeNumbers) {
  const char *numbers[] = {"0",
                           "1",
                           "2147483647",
                           "2147483648",
                           "2147483649",
                           "4294967296",
                           "9223372036854775808",
                           "18446744073709551615",
                           "18446744073709551616",
                           "-1",
                           "1.0",
                           "1e3",
                           "null",
                           "\"1\"",
                           "[]"};
  for (std::string a : numbers)
    for (std::string b : numbers) {
      // The only sound readings of four bytes are one F32 and 1 x 1.
      std::string m = refusal(entry("a", "F32", a + "," + b, "0,4"), 4);
      EXPECT_EQ(m == "", a == "1" && b == "1") << a << ' ' << b;
      m = refusal(entry("a", "U8", "1", a + "," + b), 1);
      EXPECT_EQ(m == "", a == "0" && b == "1") << a << ' ' << b;
    }
}

TEST(SafeTensors, ProductsThatWrap) {
  // To zero, to a small number, in bits but not in elements.
  for (const char *shape :
       {"4294967296,4294967296", "9223372036854775808,2",
        "6148914691236517206,3", "2305843009213693952,8", "576460752303423488",
        "18446744073709551615,18446744073709551615", "9223372036854775808,4,0"})
    EXPECT_SAYS(refusal(entry("a", "F32", shape, "0,8"), 8), "overflows")
        << shape;
}

TEST(SafeTensors, Layout) {
  EXPECT_SAYS(
      refusal(entry("a", "U8", "4", "0,4") + "," + entry("b", "U8", "4", "2,6"),
              6),
      "overlap: expected its data to begin at 4, got 2");
  EXPECT_SAYS(
      refusal(entry("a", "U8", "4", "0,4") + "," + entry("b", "U8", "4", "0,4"),
              4),
      "overlap");
  EXPECT_SAYS(
      refusal(entry("a", "U8", "4", "0,4") + "," + entry("b", "U8", "4", "5,9"),
              9),
      "hole");
  EXPECT_SAYS(refusal(entry("a", "U8", "4", "1,5"), 5), "hole");
  EXPECT_SAYS(refusal(entry("a", "U8", "4", "4,0"), 4), "before they begin");
  EXPECT_SAYS(refusal(entry("a", "U8", "4", "0,5"), 5), "expected 4 bytes");
  EXPECT_SAYS(refusal(entry("a", "U8", "8", "0,8"), 4), "cut short");
  EXPECT_SAYS(refusal("", 1), "bytes follow");
  // Reordered is sound, and data may be unaligned for their type.
  EXPECT_EQ(refusal(entry("b", "F32", "1", "1,5") + "," +
                        entry("a", "U8", "1", "0,1"),
                    5),
            "");
  EXPECT_SAYS(refusal(entry("a", "F4", "3", "0,2"), 2),
              "whole number of bytes");
  EXPECT_SAYS(refusal(entry("a", "F6_E2M3", "3", "0,2"), 2), "whole number");
  EXPECT_EQ(refusal(entry("a", "F6_E3M2", "4", "0,3"), 3), "");
}

TEST(SafeTensors, Entries) {
  EXPECT_SAYS(refusal(entry("a", "Q4", "1", "0,1"), 1),
              "tensor 'a': unknown dtype \"Q4\"");
  EXPECT_SAYS(refusal("\"a\":3", 0), "expected an object, got integer");
  EXPECT_SAYS(refusal("\"a\":{}", 0), "expected exactly");
  EXPECT_SAYS(
      refusal("\"a\":{\"dtype\":1,\"shape\":[],\"data_offsets\":[0,1]}", 1),
      "expected dtype to be a string");
  EXPECT_SAYS(refusal("\"a\":{\"dtype\":\"U8\",\"shape\":{},"
                      "\"data_offsets\":[0,1]}",
                      1),
              "shape to be an array");
  EXPECT_SAYS(refusal("\"a\":{\"dtype\":\"U8\",\"shape\":[],\"x\":1,"
                      "\"data_offsets\":[0,1]}",
                      1),
              "expected exactly");
  EXPECT_SAYS(refusal(entry("a", "U8", "1", "0,1,2"), 1), "two non-negative");
  EXPECT_SAYS(
      refusal(entry("a", "U8", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "0,1"), 1),
      "rank 17");
  EXPECT_SAYS(refusal("\"__metadata__\":[]", 0), "to be an object");
  EXPECT_SAYS(refusal("\"__metadata__\":{\"a\":1}", 0), "expected a string");
}

TEST(SafeTensors, Names) {
  EXPECT_SAYS(refusal(entry("", "U8", "1", "0,1"), 1), "name is empty");
  EXPECT_SAYS(refusal(entry("a\\u0000b", "U8", "1", "0,1"), 1), "control");
  EXPECT_SAYS(refusal(entry("a\\nb", "U8", "1", "0,1"), 1), "control");
  EXPECT_SAYS(refusal(entry(std::string(1025, 'x'), "U8", "1", "0,1"), 1),
              "above the limit of 1024");
  EXPECT_SAYS(
      refusal(entry("a", "U8", "1", "0,1") + "," + entry("a", "U8", "1", "1,2"),
              2),
      "appears twice");
  EXPECT_SAYS(refusal(entry("a\xFF", "U8", "1", "0,1"), 1), "not well-formed");
}

TEST(SafeTensors, HeadersThatAreNoHeaders) {
  std::string deep = "\"a\":";
  deep += std::string(100000, '[') + std::string(100000, ']');
  EXPECT_SAYS(refusal(deep, 0), "nested deeper");
  EXPECT_NE(failure(safetensors("{\"a\"", 0)), "");
  EXPECT_NE(failure(safetensors("{} trailing", 0)), "");
  EXPECT_NE(failure(safetensors(std::string("{}\0PK", 5), 0)), "");
}

TEST(SafeTensors, ManyEntries) {
  std::string members;
  for (int i = 0; i < 120000; ++i)
    members +=
        (i ? "," : "") + entry("t" + std::to_string(i), "U8", "1",
                               std::to_string(i) + "," + std::to_string(i + 1));
  EXPECT_EQ(refusal(members, 120000), "");
}
