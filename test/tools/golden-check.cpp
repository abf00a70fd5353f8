//===- golden-check.cpp - Compares results with golden checkpoints --------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
///   golden-check FOLDER --logits F.npy [--tol T] | --hidden F.npy [--tol T]
///                     | --tokens F.json [--tie 1e-3] | --tokenizer F.json
///   golden-check --same A.npy B.npy
///   golden-check --sizes A B
///   golden-check FOLDER --prompt N --make prompt | --tokens F | --logits F
///   golden-check FOLDER --make texts|ids
///
/// --logits     the largest difference from logits.npy, relative to its largest
///              absolute value, is at most T (default: suggested_tol), and the
///              most likely token is the same wherever it leads by 2 T.
/// --hidden     likewise, relative to each layer's own largest value.
/// --tokens     a list of ids equals greedy_ids up to the first step whose two
///              best logits are nearer than tie times max_abs_logit.
/// --tokenizer  a list of objects with some of the keys ids, ids_special,
///              decoded, decoded_all; or of the values of `--key KEY` alone.
/// --make       writes the inputs that produce those to standard output.
/// --same       two arrays are the same bits.
/// --sizes      two files are of the same size, within a tenth.
/// --prompt     where golden.json holds several prompts: the N-th one. Of the
///              logits the last row is compared with row N of logits.npy.
///
/// Exit status 0: as expected; 1: not; 2: cannot compare.
///
//===----------------------------------------------------------------------===//
#include "espalier/Support/Json.h"
#include "espalier/Support/MappedFile.h"
#include "espalier/Support/Npy.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

using namespace espalier;

namespace {

[[noreturn]] void fail(int status, const std::string &message) {
  fprintf(stderr, "%s: %s\n", status == 1 ? "FAIL" : "ERROR", message.c_str());
  exit(status);
}

FloatArray loadArray(const std::string &path) {
  Result<FloatArray> array = readNpy(path);
  if (!array)
    fail(2, array.error().message);
  return std::move(*array);
}

json::Value loadJson(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    fail(2, file.error().message);
  std::span<const uint8_t> bytes = file->bytes();
  Result<json::Value> value =
      json::parse({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
  if (!value)
    fail(2, path + ": " + value.error().message);
  return *value;
}

double number(const json::Value &object, const char *key, double otherwise) {
  const json::Value *value = object.find(key);
  return value && value->asDouble() ? *value->asDouble() : otherwise;
}

std::string shapeText(const std::vector<uint64_t> &shape) {
  std::string out = "[";
  for (uint64_t extent : shape)
    out += (out.size() > 1 ? ", " : "") + std::to_string(extent);
  return out + "]";
}

FloatArray loadLike(const FloatArray &want, const std::string &path) {
  FloatArray got = loadArray(path);
  if (got.shape != want.shape)
    fail(1, path + ": shape " + shapeText(got.shape) + ", expected " +
                shapeText(want.shape));
  for (size_t i = 0; i < got.values.size(); ++i)
    if (!std::isfinite(got.values[i]))
      fail(1, path + ": value " + std::to_string(i) + " is not finite");
  return got;
}

struct Difference {
  double largest = 0, scale = 0;
  size_t at = 0;
  double relative() const { return scale > 0 ? largest / scale : largest; }
};

Difference compare(const float *want, const float *got, size_t count) {
  Difference d;
  for (size_t i = 0; i < count; ++i) {
    double one = std::fabs(double(got[i]) - double(want[i]));
    d.scale = std::max(d.scale, std::fabs(double(want[i])));
    if (!(one <= d.largest)) { // a NaN is as far off as can be
      d.largest = std::isnan(one) ? INFINITY : one;
      d.at = i;
    }
  }
  return d;
}

void checkLogits(const std::string &folder, const std::string &path,
                 double tolerance) {
  FloatArray want = loadArray(folder + "/logits.npy");
  FloatArray got = loadLike(want, path);
  size_t vocab = want.shape.back(), rows = want.values.size() / vocab;
  Difference d =
      compare(want.values.data(), got.values.data(), want.values.size());
  size_t agree = 0, wrong = 0;
  for (size_t r = 0; r < rows; ++r) {
    const float *w = &want.values[r * vocab], *g = &got.values[r * vocab];
    size_t best = size_t(std::max_element(w, w + vocab) - w);
    size_t other = size_t(std::max_element(g, g + vocab) - g);
    double second = -INFINITY;
    for (size_t i = 0; i < vocab; ++i)
      if (i != best)
        second = std::max(second, double(w[i]));
    agree += best == other;
    wrong += best != other && w[best] - second > 2 * tolerance * d.scale;
  }
  printf("largest error %.3e, relative to %.3f: %.3e (tolerance %.1e), at row "
         "%zu, token %zu; the most likely token agrees at %zu of %zu rows\n",
         d.largest, d.scale, d.relative(), tolerance, d.at / vocab,
         d.at % vocab, agree, rows);
  if (d.relative() > tolerance || wrong != 0)
    fail(1, "logits differ");
}

void checkHidden(const std::string &folder, const std::string &path,
                 double tolerance) {
  FloatArray want = loadArray(folder + "/hidden.npy");
  FloatArray got = loadLike(want, path);
  size_t states = want.shape[0], each = want.values.size() / states;
  bool bad = false;
  for (size_t s = 0; s < states; ++s) {
    Difference d = compare(&want.values[s * each], &got.values[s * each], each);
    printf("hidden state %zu: relative error %.3e\n", s, d.relative());
    bad |= d.relative() > tolerance;
  }
  if (bad)
    fail(1, "hidden states differ");
}

const json::Array &array(const json::Value *value, const std::string &what) {
  if (!value || !value->asArray())
    fail(2, what + ": expected a list");
  return *value->asArray();
}

void checkTokens(const json::Value &golden, const std::string &path,
                 double tie) {
  json::Value file = loadJson(path);
  const json::Value *list = file.find("tokens") ? file.find("tokens") : &file;
  const json::Array &got = array(list, path);
  const json::Array &want = array(golden.find("greedy_ids"), "greedy_ids");
  const json::Value *gaps = golden.find("greedy_margins");
  const json::Array &margins =
      array(gaps ? gaps : golden.find("top1_minus_top2"), "greedy_margins");
  double limit = tie * number(golden, "max_abs_logit", 1);
  size_t count = 0;
  while (count < want.size() && count < margins.size() &&
         margins[count].asDouble().value_or(0) >= limit)
    ++count;
  if (got.size() < count)
    fail(1, path + ": " + std::to_string(got.size()) + " tokens, at least " +
                std::to_string(count) + " expected");
  for (size_t i = 0; i < count; ++i)
    if (got[i].asInteger() != want[i].asInteger() || !got[i].asInteger())
      fail(1, path + ": step " + std::to_string(i) + ": token " +
                  std::to_string(got[i].asInteger().value_or(-1)) +
                  ", expected " +
                  std::to_string(want[i].asInteger().value_or(-1)));
  printf("%zu of %zu tokens compared\n", count, want.size());
  if (count == 0)
    fail(2, "nothing to compare");
}

/// A JSON value of ids or text, one spelling for each value.
std::string spell(const json::Value &value) {
  if (const std::string *text = value.asString())
    return json::quote(*text);
  if (const json::Array *list = value.asArray()) {
    std::string out = "[";
    for (const json::Value &one : *list)
      out += (out.size() > 1 ? ", " : "") + spell(one);
    return out + "]";
  }
  if (value.asInteger())
    return std::to_string(*value.asInteger());
  return std::string(json::kindName(value.kind()));
}

void checkTokenizer(const std::string &folder, const std::string &path,
                    const char *only) {
  json::Value golden = loadJson(folder + "/tokenizer_golden.json");
  json::Value file = loadJson(path);
  const json::Array &want = array(&golden, "tokenizer_golden.json");
  const json::Array &got = array(&file, path);
  if (want.size() != got.size())
    fail(1, path + ": " + std::to_string(got.size()) + " items, expected " +
                std::to_string(want.size()));
  size_t compared = 0, bad = 0;
  for (size_t i = 0; i < want.size(); ++i)
    for (const char *key : {"ids", "ids_special", "decoded", "decoded_all"}) {
      if (only && strcmp(only, key) != 0)
        continue;
      const json::Value *w = want[i].find(key);
      const json::Value *g = only ? &got[i] : got[i].find(key);
      if (!w || !g)
        continue;
      ++compared;
      if (spell(*w) == spell(*g))
        continue;
      ++bad;
      fprintf(stderr, "%s: %s is %s, expected %s\n",
              spell(*want[i].find("text")).substr(0, 60).c_str(), key,
              spell(*g).substr(0, 200).c_str(),
              spell(*w).substr(0, 200).c_str());
    }
  printf("%zu values compared, %zu differ\n", compared, bad);
  if (bad != 0)
    fail(1, "tokenizer differs");
  if (compared == 0)
    fail(2, "nothing to compare");
}

/// The N-th of several prompts.
json::Value promptOf(const json::Value &golden, const std::string &index) {
  const json::Array &prompts = array(golden.find("prompts"), "prompts");
  size_t at = size_t(atol(index.c_str()));
  if (at >= prompts.size())
    fail(2, "there is no prompt " + index);
  return prompts[at];
}

/// The last row of a file and one row of the goldens, the scale that of all.
void checkLastLogits(const std::string &folder, const std::string &path,
                     size_t row, double tolerance) {
  FloatArray want = loadArray(folder + "/logits.npy");
  FloatArray got = loadArray(path);
  size_t vocab = want.shape.back();
  if (got.shape.size() != 2 || got.shape[1] != vocab || got.shape[0] == 0 ||
      (row + 1) * vocab > want.values.size())
    fail(1, path + ": shape " + shapeText(got.shape));
  const float *last = &got.values[(got.shape[0] - 1) * vocab];
  Difference d = compare(&want.values[row * vocab], last, vocab);
  printf("largest error %.3e, relative to %.3f: %.3e (tolerance %.1e)\n",
         d.largest, d.scale, d.relative(), tolerance);
  if (!(d.relative() <= tolerance))
    fail(1, "logits differ");
}

void make(const std::string &folder, const std::string &what) {
  json::Value golden = loadJson(folder + "/tokenizer_golden.json");
  const char *key = what == "texts" ? "text" : "ids_special";
  std::string out = "[";
  for (const json::Value &one : array(&golden, "tokenizer_golden.json"))
    out += (out.size() > 1 ? ",\n" : "\n") + spell(*one.find(key));
  puts((out + "\n]").c_str());
}

void checkSame(const std::string &left, const std::string &right) {
  FloatArray a = loadArray(left), b = loadArray(right);
  if (a.shape != b.shape)
    fail(1, "shapes " + shapeText(a.shape) + " and " + shapeText(b.shape));
  for (size_t i = 0; i < a.values.size(); ++i)
    if (memcmp(&a.values[i], &b.values[i], sizeof(float)) != 0)
      fail(1, "value " + std::to_string(i) +
                  " differs: " + std::to_string(a.values[i]) + " and " +
                  std::to_string(b.values[i]));
  printf("%zu values, the same bits\n", a.values.size());
}

void checkSizes(const std::string &left, const std::string &right) {
  double sizes[2];
  const std::string *paths[] = {&left, &right};
  for (int i = 0; i < 2; ++i) {
    Result<MappedFile> file = MappedFile::open(*paths[i]);
    if (!file)
      fail(2, file.error().message);
    sizes[i] = double(file->bytes().size());
  }
  printf("%.0f and %.0f bytes\n", sizes[0], sizes[1]);
  if (std::fabs(sizes[0] - sizes[1]) > 0.1 * sizes[0])
    fail(1, "sizes differ by more than a tenth");
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "--same") == 0) {
    checkSame(argv[2], argv[3]);
    return 0;
  }
  if (argc == 4 && strcmp(argv[1], "--sizes") == 0) {
    checkSizes(argv[2], argv[3]);
    return 0;
  }
  std::map<std::string, std::string> options;
  for (int i = 2; i + 1 < argc; i += 2)
    options[argv[i]] = argv[i + 1];
  if (argc < 4 || argc % 2 != 0)
    fail(2, "usage: golden-check FOLDER --logits|--hidden|--tokens|--tokenizer "
            "FILE [--tol T] [--tie T] [--key KEY], --make WHAT, --same A B, or "
            "--sizes A B");
  std::string folder = argv[1];
  if (options.count("--make") && !options.count("--prompt")) {
    make(folder, options["--make"]);
    return 0;
  }
  if (options.count("--tokenizer")) {
    checkTokenizer(folder, options["--tokenizer"],
                   options.count("--key") ? options["--key"].c_str() : nullptr);
    return 0;
  }
  json::Value golden = loadJson(folder + "/golden.json");
  if (options.count("--prompt")) {
    json::Value prompt = promptOf(golden, options["--prompt"]);
    if (options.count("--make"))
      puts(spell(*prompt.find("prompt_ids")).c_str());
    else if (options.count("--tokens"))
      checkTokens(prompt, options["--tokens"],
                  options.count("--tie") ? atof(options["--tie"].c_str())
                                         : 1e-3);
    else if (options.count("--logits"))
      checkLastLogits(folder, options["--logits"],
                      size_t(atol(options["--prompt"].c_str())),
                      options.count("--tol") ? atof(options["--tol"].c_str())
                                             : 1e-4);
    else
      fail(2, "nothing to check");
    return 0;
  }
  double tolerance = options.count("--tol")
                         ? atof(options["--tol"].c_str())
                         : number(golden, "suggested_tol", 1e-4);
  double tie = options.count("--tie") ? atof(options["--tie"].c_str()) : 1e-3;
  if (options.count("--logits"))
    checkLogits(folder, options["--logits"], tolerance);
  else if (options.count("--hidden"))
    checkHidden(folder, options["--hidden"], tolerance);
  else if (options.count("--tokens"))
    checkTokens(golden, options["--tokens"], tie);
  else
    fail(2, "nothing to check");
  return 0;
}
