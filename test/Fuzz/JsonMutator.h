//===- JsonMutator.h - Mutations that keep JSON whole -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A byte that changes anywhere breaks most JSON at once. These mutations swap,
/// drop, repeat, nest and replace whole values.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_FUZZ_JSONMUTATOR_H
#define ESPALIER_TEST_FUZZ_JSONMUTATOR_H

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace espalier::fuzz {

class JsonMutator {
public:
  JsonMutator(std::string text, unsigned seed)
      : text(std::move(text)), random(seed) {
    findValues();
  }

  /// One mutation; the same text where it holds no value.
  std::string run() {
    if (values.empty())
      return text;
    auto [begin, end] = pick();
    std::string value = text.substr(begin, end - begin);
    switch (random() % 7) {
    case 0:
      return replaced(begin, end, interesting());
    case 1: { // another value of the same text
      auto [from, to] = pick();
      return replaced(begin, end, text.substr(from, to - from));
    }
    case 2: // twice
      return replaced(begin, end, value + "," + value);
    case 3: { // gone, with the comma behind it
      size_t stop = end < text.size() && text[end] == ',' ? end + 1 : end;
      return replaced(begin, stop, "");
    }
    case 4: { // deeper
      std::string open, close;
      for (unsigned i = 0, depth = 1u << random() % 8; i < depth; ++i) {
        open += random() % 4 ? "[" : "{\"a\":";
        close.insert(close.begin(), open.back() == '[' ? ']' : '}');
      }
      return replaced(begin, end, open + value + close);
    }
    case 5: // a bit of the value
      if (!value.empty())
        value[random() % value.size()] ^= char(1u << random() % 7);
      return replaced(begin, end, value);
    default: // two of them change places
      auto [from, to] = pick();
      if (to <= begin || end <= from) {
        std::string other = text.substr(from, to - from);
        if (from > begin)
          return text.substr(0, begin) + other + text.substr(end, from - end) +
                 value + text.substr(to);
        return text.substr(0, from) + value + text.substr(to, begin - to) +
               other + text.substr(end);
      }
      return replaced(begin, end, interesting());
    }
  }

private:
  using Span = std::pair<size_t, size_t>;

  Span pick() { return values[random() % values.size()]; }

  std::string replaced(size_t begin, size_t end, const std::string &with) {
    return text.substr(0, begin) + with + text.substr(end);
  }

  std::string interesting() {
    static const char *const all[] = {"0",
                                      "1",
                                      "-1",
                                      "2",
                                      "3",
                                      "15",
                                      "16",
                                      "17",
                                      "63",
                                      "64",
                                      "127",
                                      "255",
                                      "256",
                                      "4096",
                                      "65535",
                                      "65536",
                                      "2147483647",
                                      "2147483648",
                                      "4294967295",
                                      "4294967296",
                                      "4611686018427387904",
                                      "9223372036854775807",
                                      "9223372036854775808",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "-9223372036854775808",
                                      "1e308",
                                      "1e999",
                                      "1e-320",
                                      "-0",
                                      "0.1",
                                      "1.0",
                                      "null",
                                      "true",
                                      "false",
                                      "\"\"",
                                      "\"\\u0000\"",
                                      "\"..\"",
                                      "\"/\"",
                                      "[]",
                                      "{}",
                                      "[[]]",
                                      "[0]",
                                      "[0,0]",
                                      "[1,1]"};
    return all[random() % (sizeof(all) / sizeof(*all))];
  }

  /// Every value (and every name of a member) of the text, however damaged it
  /// is: a stack of the brackets that are open.
  void findValues() {
    std::vector<size_t> open;
    for (size_t at = 0; at < text.size() && values.size() < 4096;) {
      char c = text[at];
      if (c == '{' || c == '[') {
        open.push_back(at++);
      } else if (c == '}' || c == ']') {
        ++at;
        if (!open.empty()) {
          values.push_back({open.back(), at});
          open.pop_back();
        }
      } else if (c == '"') {
        size_t end = at + 1;
        while (end < text.size() && text[end] != '"')
          end += text[end] == '\\' ? 2 : 1;
        end = std::min(end + 1, text.size());
        values.push_back({at, end});
        at = end;
      } else if (c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) {
        size_t end = text.find_first_of(",]} \n:\"", at);
        end = std::min(end, text.size());
        values.push_back({at, end});
        at = end;
      } else {
        ++at;
      }
    }
  }

  std::string text;
  std::minstd_rand random;
  std::vector<Span> values;
};

/// Three times of four a whole value changes, else any byte.
inline size_t mutateJson(uint8_t *data, size_t size, size_t maxSize,
                         unsigned seed) {
  std::minstd_rand random(seed);
  if (random() % 4 == 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::string out =
      JsonMutator({reinterpret_cast<char *>(data), size}, unsigned(random()))
          .run();
  if (out.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::copy(out.begin(), out.end(), data);
  return out.size();
}

} // namespace espalier::fuzz

#endif // ESPALIER_TEST_FUZZ_JSONMUTATOR_H
