//===- JsonTest.cpp - Limits and refusals of the JSON wrapper -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Json.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace espalier;
using namespace espalier::json;

static std::string failure(std::string_view text, const Limits &limits = {}) {
  Result<Value> got = parse(text, limits);
  return got ? "" : got.error().message;
}

TEST(Json, Values) {
  auto v = parse(R"( {"a":[1,-2,2.5,true,null],"b":"x\u00e9\ud83d\ude00",
    "big":18446744073709551615,"low":-9223372036854775808,"huge":1e300} )");
  ASSERT_TRUE(bool(v));
  const Array &a = *v->find("a")->asArray();
  ASSERT_EQ(a.size(), 5u);
  EXPECT_EQ(a[0].asInteger(), 1);
  EXPECT_EQ(a[0].asUnsigned(), 1u);
  EXPECT_EQ(a[0].asDouble(), 1.0);
  EXPECT_EQ(a[1].asInteger(), -2);
  EXPECT_FALSE(a[1].asUnsigned());
  EXPECT_EQ(a[2].asDouble(), 2.5);
  EXPECT_FALSE(a[2].asInteger());
  EXPECT_EQ(a[3].asBool(), true);
  EXPECT_FALSE(a[3].asInteger());
  EXPECT_TRUE(a[4].isNull());
  EXPECT_EQ(*v->find("b")->asString(), "x\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_EQ(v->find("big")->asUnsigned(), UINT64_MAX);
  EXPECT_FALSE(v->find("big")->asInteger());
  EXPECT_EQ(v->find("low")->asInteger(), INT64_MIN);
  EXPECT_EQ(v->find("none"), nullptr);
  EXPECT_EQ(a[0].find("a"), nullptr);
  EXPECT_EQ(v->asObject()->members()[1].first, "b");
  EXPECT_EQ(v->asObject()->size(), 5u);
  for (auto [text, name] : {std::pair{"null", "null"},
                            {"true", "boolean"},
                            {"-1", "integer"},
                            {"1", "integer"},
                            {"1.5", "number"},
                            {"\"\"", "string"},
                            {"[]", "array"},
                            {"{}", "object"}})
    EXPECT_EQ(kindName(parse(text)->kind()), name);
}

TEST(Json, RefusesWhatIsNotJson) {
  for (std::string_view text :
       {"",         " ",           "{",     "[1,",     "[1,]",
        "{\"a\":}", "nul",         "1 2",   "{} x",    "// c\n1",
        "[01]",     "[+1]",        "[.5]",  "[1e999]", "'a'",
        "\"\x01\"", "\"\\ud800\"", "{1:2}", "NaN",     "\"a"})
    EXPECT_NE(failure(text).find("not well-formed JSON"), std::string::npos)
        << text;
  EXPECT_EQ(failure("[1, x]").substr(0, 7), "byte 5:");
}

TEST(Json, RefusesDuplicateKeys) {
  EXPECT_EQ(failure("{\"a\":1,\"\\u0061\":2}"),
            "byte 15: key \"a\" appears twice");
  EXPECT_EQ(failure("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}"), "");
}

TEST(Json, RefusesBytesThatAreNotUtf8) {
  for (std::string_view text : {"[\"\xFF\"]", "[\"\xC0\xAF\"]",
                                "[\"\xED\xA0\x80\"]", "[\"\xF4\x90\x80\x80\"]"})
    EXPECT_NE(failure(text), "");
}

TEST(Json, RefusesNulBytes) {
  EXPECT_NE(failure(std::string_view("{}\0 trailing", 12)), "");
  EXPECT_NE(failure(std::string_view("\0", 1)), "");
}

TEST(Json, CapsDepthSizeAndCount) {
  auto nested = [](unsigned n) {
    return std::string(n, '[') + std::string(n, ']');
  };
  EXPECT_EQ(failure(nested(64)), "");
  EXPECT_EQ(failure(nested(65)), "byte 65: nested deeper than 64 levels");
  EXPECT_NE(failure(std::string(1000000, '[')), "");
  std::string objects;
  for (int i = 0; i < 100000; ++i)
    objects += "{\"a\":";
  EXPECT_NE(failure(objects), "");
  Limits limits;
  limits.bytes = 4;
  EXPECT_EQ(failure("[12]", limits), "");
  EXPECT_NE(failure("[123]", limits), "");
  limits = {};
  limits.values = 3;
  EXPECT_EQ(failure("[1,2]", limits), "");
  EXPECT_NE(failure("[1,2,3]", limits), "");
}

TEST(Json, QuoteIsReadBack) {
  std::string text = "a\"\\\n\t\x01\x7F\xC3\xA9\xF0\x9F\x98\x80";
  std::string quoted = quote(text);
  for (char c : quoted)
    EXPECT_TRUE(c >= 0x20 && c < 0x7F);
  auto back = parse(quoted);
  ASSERT_TRUE(bool(back));
  EXPECT_EQ(*back->asString(), text);
  EXPECT_EQ(quote("\xFF"), "\"\\ufffd\"");
}
