//===- Rope.cpp - Frequencies of rotary position embeddings ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Su et al., arXiv:2104.09864; linear scaling (Chen et al., arXiv:2306.15595);
/// llama3; yarn (Peng et al., arXiv:2309.00071); longrope (Ding et al.,
/// arXiv:2402.13753). The frequencies of published
/// models are float32 values, so each step is rounded to float32; what
/// transformers does with Python numbers (yarn's correction range) is float64.
///
//===----------------------------------------------------------------------===//
#include "espalier/Import/ModelConfig.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace espalier {
namespace {

/// theta^(2i / dim), whose reciprocal is the plain frequency.
float wavelengthOf(const RopeConfig &rope, uint64_t i) {
  float exponent = float(2 * i) / float(rope.dim);
  return float(std::pow(rope.theta, double(exponent)));
}

/// Long waves are divided by the factor, short ones kept, those between mixed.
float llama3Frequency(const RopeConfig &rope, float plain) {
  float wave = float(2 * std::numbers::pi) / plain;
  float longest = float(rope.originalPositions / rope.lowFrequency);
  float shortest = float(rope.originalPositions / rope.highFrequency);
  float stretched = plain / float(rope.factor);
  if (wave > longest)
    return stretched;
  if (wave < shortest)
    return plain;
  float smooth =
      (float(rope.originalPositions) / wave - float(rope.lowFrequency)) /
      float(rope.highFrequency - rope.lowFrequency);
  return (1.0f - smooth) * plain / float(rope.factor) + smooth * plain;
}

/// The pair that turns `rotations` times over the original context.
double yarnPair(const RopeConfig &rope, double rotations) {
  return double(rope.dim) *
         std::log(rope.originalPositions / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(rope.theta));
}

struct YarnRange {
  double low, high;
};

YarnRange yarnRange(const RopeConfig &rope) {
  double low = yarnPair(rope, rope.betaFast);
  double high = yarnPair(rope, rope.betaSlow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, double(rope.dim - 1));
  if (low == high)
    high += 0.001; // no division by zero
  return {low, high};
}

float yarnFrequency(const RopeConfig &rope, const YarnRange &range,
                    uint64_t i) {
  float wave = wavelengthOf(rope, i);
  float kept = 1.0f / wave;
  float stretched = 1.0f / (float(rope.factor) * wave);
  float ramp = (float(i) - float(range.low)) / float(range.high - range.low);
  ramp = std::clamp(ramp, 0.0f, 1.0f);
  float share = 1.0f - ramp;
  return stretched * (1.0f - share) + kept * share;
}

} // namespace

std::vector<float> ropeFrequencies(const RopeConfig &rope) {
  std::vector<float> frequencies(rope.dim / 2);
  YarnRange range = {};
  if (rope.kind == RopeConfig::Kind::Yarn)
    range = yarnRange(rope);
  for (uint64_t i = 0; i < frequencies.size(); ++i) {
    float plain = 1.0f / wavelengthOf(rope, i);
    switch (rope.kind) {
    case RopeConfig::Kind::Default:
    case RopeConfig::Kind::Dynamic:
      frequencies[i] = plain;
      break;
    case RopeConfig::Kind::Linear:
      frequencies[i] = plain / float(rope.factor);
      break;
    case RopeConfig::Kind::Llama3:
      frequencies[i] = llama3Frequency(rope, plain);
      break;
    case RopeConfig::Kind::Yarn:
      frequencies[i] = yarnFrequency(rope, range, i);
      break;
    case RopeConfig::Kind::LongRope:
      frequencies[i] =
          1.0f / (float(rope.shortFactors[i]) * wavelengthOf(rope, i));
      break;
    }
  }
  return frequencies;
}

std::vector<float> longRopeFrequencies(const RopeConfig &rope) {
  std::vector<float> frequencies(rope.longFactors.size());
  for (uint64_t i = 0; i < frequencies.size(); ++i)
    frequencies[i] =
        1.0f / (float(rope.longFactors[i]) * wavelengthOf(rope, i));
  return frequencies;
}

} // namespace espalier
