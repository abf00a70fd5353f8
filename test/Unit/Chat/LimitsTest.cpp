//===- LimitsTest.cpp - Templates that mean harm ----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ChatTest.h"

#include <chrono>

using namespace espalier;

namespace {

std::string repeated(std::string_view text, size_t count) {
  std::string made;
  for (size_t i = 0; i < count; ++i)
    made += text;
  return made;
}

#define EXPECT_SAYS(TEXT, PART)                                                \
  EXPECT_NE((TEXT).find(PART), std::string::npos) << (TEXT).substr(0, 300)

} // namespace

/// What is not built is named with its line when the template is parsed.
TEST(Refused, NamesConstructAndLine) {
  auto refusal = [](std::string_view source) { return rendered(source); };
  EXPECT_EQ(refusal("a\n{% include 'x' %}"),
            "refused: line 2: block 'include' is not supported");
  EXPECT_EQ(refusal("{% import 'x' as y %}"),
            "refused: line 1: block 'import' is not supported");
  EXPECT_EQ(refusal("{% from 'x' import y %}"),
            "refused: line 1: block 'from' is not supported");
  EXPECT_EQ(refusal("{% extends 'x' %}"),
            "refused: line 1: block 'extends' is not supported");
  EXPECT_EQ(refusal("\n\n{% frobnicate %}"),
            "refused: line 3: unknown block 'frobnicate'");
  EXPECT_EQ(refusal("{{ x | wordcount }}"),
            "refused: line 1: filter 'wordcount' is not supported");
  EXPECT_EQ(refusal("{{ x |\n nope }}"),
            "refused: line 2: unknown filter 'nope'");
  EXPECT_EQ(refusal("{{ x is nope }}"), "refused: line 1: unknown test 'nope'");
  EXPECT_EQ(refusal("{{ x.zfill(3) }}"),
            "refused: line 1: method 'zfill' is not supported");
  EXPECT_EQ(refusal("{{ messages.append(1) }}"),
            "refused: line 1: method 'append' is not supported");
  EXPECT_EQ(refusal("{{ lipsum() }}"),
            "refused: line 1: 'lipsum' is not supported");
  EXPECT_EQ(refusal("{% for x in y recursive %}{% endfor %}"),
            "refused: line 1: a recursive loop is not supported");
  EXPECT_EQ(refusal("{{ f(*a) }}"), "refused: line 1: arguments out of a list "
                                    "or dict ('*', '**') are not supported");
}

TEST(Refused, WhatIsMalformed) {
  EXPECT_EQ(rendered("{% if x %}"),
            "refused: line 1: the template ends inside of 'if'");
  EXPECT_EQ(rendered("{% if x %}{% endfor %}"),
            "refused: line 1: 'endfor' stands inside of 'if'");
  EXPECT_EQ(rendered("{{ x"), "refused: line 1: an expression has no end '}}'");
  EXPECT_EQ(rendered("{% set x = %}"),
            "refused: line 1: expected an expression, got '%}'");
  EXPECT_EQ(rendered("{# x"), "refused: line 1: a comment has no end '#}'");
  EXPECT_EQ(rendered("{% raw %}"),
            "refused: line 1: 'raw' has no end '{% endraw %}'");
  EXPECT_EQ(rendered("{{ 'x }}"), "refused: line 1: a text has no end quote");
  EXPECT_EQ(rendered("{{ (1] }}"), "refused: line 1: unexpected ']'");
  EXPECT_EQ(rendered("{% break %}"),
            "refused: line 1: 'break' stands outside of a loop");
  EXPECT_EQ(rendered("{{ 9223372036854775808 }}"),
            "refused: line 1: a number is larger than 2^63 - 1");
  EXPECT_EQ(rendered("{{ '\\ud800' }}"),
            "refused: line 1: an escape in a text stands for no character");
  EXPECT_EQ(rendered("{{ f(a=1, a=2) }}"),
            "refused: line 1: argument 'a' is given twice");
  EXPECT_EQ(rendered("{{ \xff }}"), "refused: the template is not UTF-8");
  EXPECT_SAYS(rendered(std::string(300 << 10, 'x')),
              "refused: the template has");
}

TEST(Limits, DepthOfTheSource) {
  EXPECT_SAYS(rendered("{{ " + repeated("(", 100'000)), "too deeply");
  EXPECT_SAYS(rendered("{{ " + repeated("not ", 50'000) + "x }}"), "deep");
  EXPECT_SAYS(rendered("{{ " + repeated("-", 50'000) + "1 }}"), "deep");
  EXPECT_SAYS(rendered(repeated("{% if x %}", 20'000)), "deep");
  EXPECT_SAYS(rendered("{{ x" + repeated("+1", 50'000) + " }}"), "levels high");
  EXPECT_SAYS(rendered("{{ x" + repeated("|d", 50'000) + " }}"), "levels high");
  EXPECT_SAYS(rendered("{{ x" + repeated("[0]", 50'000) + " }}"),
              "levels high");
  EXPECT_SAYS(rendered("{{ " + repeated("x if x else ", 10'000) + "x }}"),
              "deep");
  EXPECT_SAYS(rendered("{% set " + repeated("(", 50'000)), "deep");
  // What is flat may be long.
  EXPECT_EQ(rendered("{{ 1" + repeated("~1", 5'000) + " }}").size(), 5'001u);
  EXPECT_EQ(rendered(repeated("{% if x %}a{% elif true %}b{% endif %}", 500)),
            repeated("b", 500));
}

TEST(Limits, DepthOfCalls) {
  EXPECT_SAYS(
      rendered("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}"),
      "goes deeper than 600 levels");
  EXPECT_SAYS(
      rendered("{% set ns = namespace(x=[]) %}{% for i in range(2000) %}"
               "{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}"),
      "goes deeper than 600 levels");
  EXPECT_SAYS(
      rendered("{% set ns = namespace(x=[]) %}{% for i in range(2000) %}"
               "{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x|tojson }}"),
      "goes deeper than 600 levels");
}

TEST(Limits, TimeAndMemory) {
  auto begin = std::chrono::steady_clock::now();
  std::string loop = "{% for a in range(99999) %}";
  EXPECT_SAYS(rendered(loop + loop + "{% endfor %}{% endfor %}"), "than");
  EXPECT_SAYS(rendered(loop + "{{ 'a' * 1000000 }}{% endfor %}"), "MB");
  EXPECT_SAYS(rendered("{{ 'a' * 1000000000000 }}"), "MB");
  EXPECT_SAYS(rendered("{{ [1] * 1000000000000 }}"), "steps");
  EXPECT_SAYS(rendered("{% set ns = namespace(x='ab') %}" + loop +
                       "{% set ns.x = ns.x + ns.x %}{% endfor %}"),
              "MB");
  EXPECT_SAYS(rendered("{% set ns = namespace(x='ab') %}" + loop +
                       "{% set ns.x = ns.x ~ ns.x %}{% endfor %}"),
              "than");
  EXPECT_SAYS(rendered("{% set ns = namespace(x=[1]) %}" + loop +
                       "{% set ns.x = ns.x + ns.x %}{% endfor %}"),
              "than");
  EXPECT_SAYS(rendered("{% set ns = namespace(x='aa') %}" + loop +
                       "{% set ns.x = ns.x|replace('', 'aaa') %}{% endfor %}"),
              "than");
  EXPECT_SAYS(rendered("{% set s = 'a' * 1000000 %}" + loop +
                       "{{ s in s ~ 'b' }}{{ s.rfind('b') }}{% endfor %}"),
              "than");
  EXPECT_SAYS(rendered("{% set s = 'a' * 100000 %}" + loop +
                       "{{ s.rsplit('b' * 1000) }}{% endfor %}"),
              "than");
  EXPECT_SAYS(rendered("{% set ns = namespace(d={}) %}" + loop +
                       "{% set ns.d = dict(ns.d.items(), a=1) %}"
                       "{% for b in range(9) %}{% set ns[a] = 1 %}{% endfor %}"
                       "{% endfor %}"),
              "refused");
  EXPECT_SAYS(rendered(loop + "{{ range(99999)|sort|length }}{% endfor %}"),
              "than");
  EXPECT_SAYS(rendered("{% for i in range(100000) %}{{ i|tojson(indent=999) }}"
                       "{{ [[[[i]]]]|tojson(indent=999) }}{% endfor %}"),
              "than");
  EXPECT_SAYS(rendered("{{ range(100001) }}"), "more than 100000 numbers");
  EXPECT_SAYS(rendered("{{ 'a'|indent(99999999) }}"), "too large");
  EXPECT_SAYS(rendered("{{ 2 ** 64 }}"), "2^63");
  EXPECT_EQ(rendered("{{ 1 ** 9223372036854775807 }}"), "1");
  EXPECT_SAYS(rendered("{{ strftime_now('%c' * 400) }}"), "error");
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  EXPECT_LT(seconds, 60);
}

/// Nothing but the values is reached.
TEST(Limits, NoAttributes) {
  EXPECT_EQ(rendered("{{ ''.__class__ }}{{ x.__init__ }}", R"({"x": {}})"), "");
  EXPECT_SAYS(rendered("{{ ''.__class__.__mro__ }}"), "has no attribute");
  EXPECT_SAYS(rendered("{{ ''['__class__']['__base__'] }}"),
              "has no attribute");
  EXPECT_SAYS(rendered("{{ raise_exception.__globals__.os }}"),
              "has no attribute");
  EXPECT_SAYS(rendered("{% set ns = namespace(_x=1) %}"), "'_'");
  EXPECT_SAYS(rendered("{% set x = {} %}{% set x.y = 1 %}"), "not a namespace");
  EXPECT_EQ(rendered("{{ x|attr('y') }}", R"({"x": {"y": 1}})"), "");
}
