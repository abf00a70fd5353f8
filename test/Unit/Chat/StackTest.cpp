//===- StackTest.cpp - How much stack a template can take -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// docs/Chat.md gives a bound for the stack. Each template here goes as deep as
/// the limits allow, in one way of going deep, on a thread that has no more
/// than the bound: what takes more ends the process.
///
//===----------------------------------------------------------------------===//
#include "ChatTest.h"

#include <functional>
#include <pthread.h>

namespace {

constexpr size_t stackBound = size_t(512) << 10;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ESPALIER_LARGE_FRAMES
#endif
#endif
#ifndef NDEBUG
#define ESPALIER_LARGE_FRAMES
#endif

struct Job {
  std::string source, text;
};

/// `rendered(source)` on a thread of the bound.
std::string renderedWithin(const std::string &source) {
  Job job = {source, ""};
  pthread_attr_t attributes;
  EXPECT_EQ(pthread_attr_init(&attributes), 0);
  EXPECT_EQ(pthread_attr_setstacksize(&attributes, stackBound), 0);
  pthread_t thread;
  auto run = [](void *data) -> void * {
    auto *job = static_cast<Job *>(data);
    job->text = rendered(job->source);
    return nullptr;
  };
  int status = pthread_create(&thread, &attributes, run, &job);
  EXPECT_EQ(status, 0);
  if (status == 0)
    pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return job.text;
}

std::string repeated(std::string_view text, size_t count) {
  std::string made;
  for (size_t i = 0; i < count; ++i)
    made += text;
  return made;
}

std::string nested(std::string_view open, std::string_view inner,
                   std::string_view close, size_t count) {
  return repeated(open, count) + std::string(inner) + repeated(close, count);
}

class Stack : public testing::Test {
protected:
  void SetUp() override {
#ifdef ESPALIER_LARGE_FRAMES
    GTEST_SKIP() << "frames are as large as docs/Chat.md says in release "
                    "builds only";
#endif
  }
};

} // namespace

/// As many levels of `open` and `close` as parsing takes, around "1".
void expectDeepest(const std::string &before, std::string_view open,
                   std::string_view close, const std::string &after,
                   const std::function<std::string(size_t)> &wanted) {
  for (size_t levels = 300; levels > 30; --levels) {
    std::string text =
        renderedWithin(before + nested(open, "1", close, levels) + after);
    if (text.starts_with("refused"))
      continue;
    EXPECT_EQ(text, wanted(levels)) << open;
    return;
  }
  ADD_FAILURE() << open << ": not even 31 levels";
}

TEST_F(Stack, NestedSources) {
  auto one = [](size_t) { return std::string("1"); };
  auto none = [](size_t) { return std::string(); };
  auto length = [](size_t eachLevel) {
    return
        [=](size_t levels) { return std::to_string(eachLevel * levels + 1); };
  };
  expectDeepest("{{ ", "(", ")", " }}", one);
  expectDeepest("{{ ", "[", "]", "|string|length }}", length(2));
  expectDeepest("{{ ", "{1: ", "}", "|string|length }}", length(5));
  expectDeepest("{{ ", "not ", "", " }}", [](size_t levels) {
    return std::string(levels % 2 ? "False" : "True");
  });
  expectDeepest("{{ ", "[", "]|first", " }}", one);
  expectDeepest("", "{% if true %}", "{% endif %}", "", one);
  expectDeepest("", "{% for a in [1] %}", "{% endfor %}", "", one);
  expectDeepest("", "{% set a %}", "{% endset %}", "", none);
  expectDeepest("", "{% filter trim %}", "{% endfilter %}", "", one);
  expectDeepest("", "{% with a = 1 %}", "{% endwith %}", "", one);
}

/// Rows of operators are trees as high as they are long.
TEST_F(Stack, HighExpressions) {
  auto one = [](size_t) { return std::string("1"); };
  expectDeepest("{{ 1", "*1", "", " }}",
                [](size_t) { return std::string("11"); });
  expectDeepest("{{ ", "", "|abs", " }}", one);
  expectDeepest("{{ ", "", " if 1 else 2", " }}", one);
}

/// Calls, as deep as the limit lets them go.
TEST_F(Stack, DeepCalls) {
  auto expectDeep = [](const std::string &source) {
    std::string text = renderedWithin(source);
    EXPECT_NE(text.find("goes deeper than 600 levels"), std::string::npos)
        << text.substr(0, 300);
  };
  expectDeep("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}");
  expectDeep("{% macro f(n) %}{% for a in [1] %}{{ f(n=[n, a]) }}{% endfor %}"
             "{% endmacro %}{{ f(0) }}");
  expectDeep("{% macro f(n) %}{% if n %}{% set a %}{% filter upper %}"
             "{{ f(n)|trim|replace('a', 'b') }}{% endfilter %}{% endset %}"
             "{{ a }}{% endif %}{% endmacro %}{{ f(1) }}");
  expectDeep("{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}"
             "{% endmacro %}{{ f() }}");
  expectDeep("{% macro f(n) %}{{ [n]|map('string')|join(f(n)) }}"
             "{% endmacro %}{{ f(1) }}");
  const std::string grow =
      "{% set ns = namespace(x=[]) %}{% for i in range(2000) %}"
      "{% set ns.x = [ns.x] %}{% endfor %}";
  expectDeep(grow + "{{ ns.x }}");
  expectDeep(grow + "{{ ns.x|tojson }}");
  expectDeep(grow + "{{ ns.x == [ns.x] }}{{ ns.x }}");
}
