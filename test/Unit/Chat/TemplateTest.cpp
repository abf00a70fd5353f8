//===- TemplateTest.cpp - Constructs of templates ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ChatTest.h"

using namespace espalier;

/// What each says was taken from Jinja 3.1 with the settings of transformers.
TEST(Template, WhiteSpace) {
  EXPECT_EQ(rendered("a\n"), "a");
  EXPECT_EQ(rendered("a\n\n"), "a\n");
  EXPECT_EQ(rendered("a\r\nb\rc"), "a\nb\nc");
  EXPECT_EQ(rendered("  {% if true %}\nx\n  {% endif %}\ny"), "x\ny");
  EXPECT_EQ(rendered("  {%+ if true %}\nx{% endif +%}\ny"), "  x\ny");
  EXPECT_EQ(rendered("a  {%- if true -%}  \n x {%- endif -%}\n y"), "axy");
  EXPECT_EQ(rendered("a  {{- 1 -}}  b"), "a1b");
  EXPECT_EQ(rendered("  {{ 1 }}\n b"), "  1\n b");
  EXPECT_EQ(rendered("  {# n #}\nx\n {#- n -#} \n y"), "xy");
  EXPECT_EQ(rendered("{% raw %}\n {{ x }}\n{% endraw %}\n y"),
            "\n {{ x }}\n y");
  EXPECT_EQ(rendered("a {%- raw -%} {% x {%- endraw -%} b"), "a{% xb");
  EXPECT_EQ(rendered("a\u00a0\u3000{%- if 1 %}b{% endif %}"), "ab");
  EXPECT_EQ(rendered("{ {{ '}}' }} }"), "{ }} }");
  EXPECT_EQ(rendered("{{ {'a': {'b': 1}}['a'] }}"), "{'b': 1}");
}

TEST(Template, Values) {
  EXPECT_EQ(rendered("{{ 1 }}{{ 1.0 }}{{ 1e16 }}{{ 0.1 }}{{ 1e-7 }}{{ 1_0 }}"),
            "11.01e+160.11e-0710");
  EXPECT_EQ(
      rendered("{{ 1.5e-9223372036854775808 }} {{ 1.5e9223372036854775807 }}"),
      "0.0 inf");
  EXPECT_EQ(rendered("{{ '1.5e-9223372036854775808' | float }}"), "0.0");
  EXPECT_EQ(rendered("{{ true }}{{ none }}{{ x }}{{ [1, 'a', \"it's\"] }}"),
            "TrueNone[1, 'a', \"it's\"]");
  EXPECT_EQ(rendered("{{ (1,) }}{{ {} }}{{ ['\\n\\x00\\u200b'] }}"),
            "(1,){}['\\n\\x00\\u200b']");
  EXPECT_EQ(rendered("{{ 'a' 'b' ~ 1 ~ none }}"), "ab1None");
  EXPECT_EQ(rendered("{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 "
                     "** 3 }} {{ -2.5 // 1 }} {{ 1 + true }}"),
            "3 -4 2 3.5 8 -3.0 2");
  EXPECT_EQ(rendered("{{ 'ab' * 2 }}{{ [1] + [2] }}{{ 'a' in 'ba' }}{{ 1 in "
                     "[true] }}{{ 'x' not in {} }}"),
            "abab[1, 2]TrueTrueTrue");
  EXPECT_EQ(rendered("{{ 1 < 2 < 3 }}{{ 1 < 2 > 2 }}{{ not 1 == 2 }}"),
            "TrueFalseTrue");
  EXPECT_EQ(rendered("{{ 'a' if x }}{{ 'b' if x is not defined else 'c' }}"),
            "b");
  EXPECT_EQ(rendered("{{ x or 'd' }}{{ 0 and y }}{{ '%s-%d' % ('a', 3) }}"),
            "d0a-3");
  EXPECT_EQ(rendered("{{ 'h\u00e9llo'[1] }}{{ 'h\u00e9llo'[-2:] }}{{ "
                     "'abc'[::-1] }}{{ [1, 2, 3][:-1] }}{{ [1][5] }}"),
            "\u00e9locba[1, 2]");
  EXPECT_EQ(rendered("{{ x.y.z }}"), "error: line 1: 'x' is undefined");
  EXPECT_EQ(rendered("\n{{ x.y.z }}", R"({"x": {}})"),
            "error: line 2: 'dict object' has no attribute 'y'");
  EXPECT_EQ(rendered("{{ 'a' + 1 }}"),
            "error: line 1: '+' is not for str and int");
}

TEST(Template, MembersAndElements) {
  const char *x = R"({"x": {"items": 1, "a": 2, "keys": 3}})";
  EXPECT_EQ(rendered("{{ x.a }}{{ x['items'] }}{{ x.items() | list }}", x),
            "21[('items', 1), ('a', 2), ('keys', 3)]");
  EXPECT_EQ(rendered("{{ x.get('a') }}{{ x.get('b', 'n') }}{{ x.b is defined }}"
                     "{{ x['get']('a') }}",
                     x),
            "2nFalse2");
  EXPECT_EQ(rendered("{% for k, v in x.items() %}{{ k }}={{ v }};{% endfor %}"
                     "{% for k in x %}{{ k }}{% endfor %}",
                     x),
            "items=1;a=2;keys=3;itemsakeys");
}

TEST(Template, Loops) {
  EXPECT_EQ(rendered("{% for i in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ "
                     "loop.revindex }}{{ loop.first }}{{ loop.last }}{{ "
                     "loop.length }}{{ loop.previtem }}{{ loop.nextitem }} {% "
                     "endfor %}"),
            "103TrueFalse3b 212FalseFalse3ac 321FalseTrue3b ");
  EXPECT_EQ(
      rendered("{% for i in range(9) if i is odd %}{% if i > 5 %}{% break "
               "%}{% endif %}{{ i }}/{{ loop.length }} {% endfor %}"),
      "1/4 3/4 5/4 ");
  EXPECT_EQ(rendered("{% for i in [] %}{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(rendered("{% for i in [1] %}{% continue %}{% else %}e{% endfor %}"),
            "e");
  // A name that is set in a loop ends with the iteration.
  EXPECT_EQ(rendered("{% set a = 0 %}{% for i in [1, 2] %}{{ a }}{% set a = i "
                     "%}{{ a }}{% endfor %}{{ a }}"),
            "01020");
  EXPECT_EQ(rendered("{% set ns = namespace(a=0) %}{% for i in [1, 2] %}{% set "
                     "ns.a = ns.a + i %}{% endfor %}{{ ns.a }}"),
            "3");
  EXPECT_EQ(rendered("{% if true %}{% set a = 1 %}{% endif %}{{ a }}"), "1");
  EXPECT_EQ(rendered("{% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}"
                     "{{ loop.cycle('x', 'y') }}{% endfor %}"),
            "6x");
  EXPECT_EQ(
      rendered("{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{% endfor %}"),
      "TrueFalseTrue");
}

/// A generator and a loop's filter fail no sooner than the loop gets there.
TEST(Template, LateFailures) {
  EXPECT_EQ(rendered("{% for a in [1, 'x'] if a + 1 %}{{ a }}{% break %}{% "
                     "endfor %}"),
            "1");
  EXPECT_EQ(rendered("{% for a in [1, 'x'] if a + 1 %}{{ a }}{% endfor %}"),
            "error: line 1: '+' is not for str and int");
  EXPECT_EQ(rendered("{{ 'y' if 5 | map('upper') }}{{ [1, 'x'] | map('abs') | "
                     "first }}"),
            "y1");
  EXPECT_EQ(rendered("{{ [1, 'x'] | map('abs') | list }}"),
            "error: line 1: abs: expected an integer, got str");
}

TEST(Template, MacrosAndBlocks) {
  EXPECT_EQ(rendered("{% macro f(a, b='x', c=b) %}{{ a }}{{ b }}{{ c }};{% "
                     "endmacro %}{{ f(1) }}{{ f(1, c=2) }}{{ f(b=3) }}"),
            "1xx;1x2;33;");
  EXPECT_EQ(rendered("{% macro f() %}{{ kwargs }}{{ varargs }}{% endmacro %}"
                     "{{ f(1, a=2) }}"),
            "{'a': 2}(1,)");
  EXPECT_EQ(rendered("{% macro f() %}<{{ caller(1) }}>{% endmacro %}{% call(x) "
                     "f() %}{{ x + 1 }}{% endcall %}"),
            "<2>");
  EXPECT_EQ(
      rendered("{% set x %} a {{ 1 }}{% endset %}[{{ x }}]{% set y | trim "
               "| upper %} b {% endset %}{{ y }}"),
      "[ a 1]B");
  EXPECT_EQ(
      rendered("{% filter upper %}a{{ 'b' }}{% endfilter %}{% with a = 1, "
               "b = 2 %}{{ a + b }}{% endwith %}{{ a }}"),
      "AB3");
  EXPECT_EQ(
      rendered("{% generation %}{% set q = 1 %}a{% endgeneration %}{{ q }}"),
      "a");
  EXPECT_EQ(rendered("{% macro f(a) %}{% endmacro %}{{ f(b=1) }}"),
            "error: line 1: macro 'f' takes no argument 'b'");
  EXPECT_EQ(rendered("{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}"),
            "error: line 1: macro 'f' takes at most 1 arguments");
}

TEST(Template, FiltersAndTests) {
  const char *m =
      R"({"m": [{"r": "u", "c": "A"}, {"r": "a"}, {"r": "u", "c": "b"}]})";
  EXPECT_EQ(
      rendered("{{ m | selectattr('r', 'equalto', 'u') | map(attribute='c')"
               " | join('+') }}{{ m | rejectattr('c', 'defined') | list | "
               "length }}{{ m | map(attribute='c', default='-') | join }}",
               m),
      "A+b1A-b");
  // A generator is true, has no length and is walked through once.
  EXPECT_EQ(rendered("{% set g = m | selectattr('nope') %}{{ 'y' if g }}{{ g | "
                     "list }}{{ m|map(attribute='r') is sequence }}",
                     m),
            "y[]False");
  EXPECT_EQ(rendered("{% set g = m | map(attribute='r') %}{{ g | join }}{{ g | "
                     "join }}",
                     m),
            "uau");
  EXPECT_EQ(rendered("{{ m | map(attribute='r') | length }}", m),
            "error: line 1: a generator has no length");
  EXPECT_EQ(
      rendered("{{ ['b', 'A'] | sort }}{{ {'b': 1, 'A': 2} | dictsort }}{{ "
               "[3, 1] | max }}{{ ['a', 'A'] | unique | list }}"),
      "['A', 'b'][('A', 2), ('b', 1)]3['a']");
  EXPECT_EQ(
      rendered("{{ ' x ' | trim }}{{ 'aXb' | lower }}{{ 'it is-so' | title "
               "}}{{ 'ABC' | capitalize }}{{ \"it's\".title() }}"),
      "xaxbIt Is-SoAbcIt'S");
  EXPECT_EQ(rendered("{{ x | default('d') }}{{ '' | default('d') }}{{ '' | "
                     "default('d', true) }}{{ '12' | int }}{{ '1.5' | int }}{{ "
                     "'z' | int(7) }}{{ 2.5 | round }}{{ '3' | float }}"),
            "dd12172.03.0");
  EXPECT_EQ(
      rendered("{{ 'a\nb\n\nc' | indent }}{{ 'a\nb' | indent(1, true) }}"),
      "a\n    b\n\n    c a\n b");
  EXPECT_EQ(
      rendered("{{ 1 is number }}{{ 'a' is iterable }}{{ {} is mapping }}{{ "
               "{} is sequence }}{{ true is integer }}{{ 4 is divisibleby "
               "2 }}{{ 'a' is in ['a'] }}{{ none is sameas none }}"),
      "TrueTrueTrueTrueFalseTrueTrueTrue");
  EXPECT_EQ(rendered("{{ 'a b' | replace(' ', '') }}{{ [1, [2]] | string }}{{ "
                     "'abc' | reverse }}{{ [1, 2] | sum }}{{ 'ab' | list }}"),
            "ab[1, [2]]cba3['a', 'b']");
}

TEST(Template, Json) {
  const char *x =
      R"({"x": {"b": [1, 2.5, null, true], "a": {}, "\u00e9": "<'\"\n\u007f"}})";
  EXPECT_EQ(rendered("{{ x | tojson }}", x),
            "{\"b\": [1, 2.5, null, true], \"a\": {}, \"\u00e9\": "
            "\"<'\\\"\\n\u007f\"}");
  EXPECT_EQ(rendered("{{ [1, {'a': []}] | tojson(indent=2) }}"),
            "[\n  1,\n  {\n    \"a\": []\n  }\n]");
  EXPECT_EQ(rendered("{{ {'b': 1, 'a': 2} | tojson(separators=(',', ':'), "
                     "sort_keys=true) }}{{ '\u00e9\U0001f600' | tojson("
                     "ensure_ascii=true) }}"),
            "{\"a\":2,\"b\":1}\"\\u00e9\\ud83d\\ude00\"");
  EXPECT_EQ(rendered("{{ x | tojson }}"),
            "error: line 1: tojson: a Undefined has no form in JSON");
}

TEST(Template, TextsMarkedSafe) {
  // Jinja escapes what is added to such a text, though nothing else.
  EXPECT_EQ(
      rendered("{{ '<a>' + ('<b>' | safe) }}{{ '<a>' ~ ('<b>' | safe) }}"),
      "&lt;a&gt;<b><a><b>");
  EXPECT_EQ(rendered("{{ '<a>' | safe }}{{ '<\"&' | e }}"),
            "<a>&lt;&#34;&amp;");
}

TEST(Template, Methods) {
  EXPECT_EQ(rendered("{{ ' a b '.split() }}{{ 'a,b,c'.split(',', 1) }}{{ "
                     "'a,b,c'.rsplit(',', 1) }}{{ ' a  b '.rsplit(none, 1) }}"),
            "['a', 'b']['a', 'b,c']['a,b', 'c'][' a', 'b']");
  EXPECT_EQ(rendered("{{ 'xxaxx'.strip('x') }}{{ 'a\\n'.rstrip() }}{{ "
                     "'abc'.startswith(('x', 'a')) }}{{ 'abc'.find('c') }}{{ "
                     "'a-b'.partition('-') }}{{ '-'.join(['a', 'b']) }}"),
            "aaTrue2('a', '-', 'b')a-b");
  EXPECT_EQ(
      rendered("{{ 'stra\u00dfe'.upper() }}{{ '\u03a3\u03b1\u03a3'.lower() "
               "}}{{ 'a\\rb\\r\\nc'.splitlines() }}"),
      "STRASSE\u03c3\u03b1\u03c2['a', 'b', 'c']");
}

TEST(Template, Functions) {
  EXPECT_EQ(rendered("{{ raise_exception('no: ' ~ 1) }}"), "raised: no: 1");
  EXPECT_EQ(rendered("{{ strftime_now('%Y') }}"), "2023");
  EXPECT_EQ(rendered("{{ range(3) | list }}{{ range(5, 0, -2) | list }}{{ "
                     "dict(a=1) }}"),
            "[0, 1, 2][5, 3, 1]{'a': 1}");
}
