//===- Rope.cpp - Frequencies of rotary position embeddings ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Su et al., arXiv:2104.09864; linear scaling (Chen et al., arXiv:2306.15595);
/// llama3; yarn (Peng et al., arXiv:2309.00071). The frequencies of published
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
float wavelengthOf(const ModelConfig &config, uint64_t i) {
  float exponent = float(2 * i) / float(config.headDim);
  return float(std::pow(config.ropeTheta, double(exponent)));
}

/// Long waves are divided by the factor, short ones kept, those between mixed.
float llama3Frequency(const RopeScaling &rope, float plain) {
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
double yarnPair(const ModelConfig &config, double rotations) {
  return double(config.headDim) *
         std::log(config.rope.originalPositions /
                  (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(config.ropeTheta));
}

struct YarnRange {
  double low, high;
};

YarnRange yarnRange(const ModelConfig &config) {
  double low = yarnPair(config, config.rope.betaFast);
  double high = yarnPair(config, config.rope.betaSlow);
  if (config.rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, double(config.headDim - 1));
  if (low == high)
    high += 0.001; // no division by zero
  return {low, high};
}

float yarnFrequency(const ModelConfig &config, const YarnRange &range,
                    uint64_t i) {
  float wave = wavelengthOf(config, i);
  float kept = 1.0f / wave;
  float stretched = 1.0f / (float(config.rope.factor) * wave);
  float ramp = (float(i) - float(range.low)) / float(range.high - range.low);
  ramp = std::clamp(ramp, 0.0f, 1.0f);
  float share = 1.0f - ramp;
  return stretched * (1.0f - share) + kept * share;
}

} // namespace

std::vector<float> ropeFrequencies(const ModelConfig &config) {
  std::vector<float> frequencies(config.headDim / 2);
  YarnRange range = {};
  if (config.rope.kind == RopeScaling::Kind::Yarn)
    range = yarnRange(config);
  for (uint64_t i = 0; i < frequencies.size(); ++i) {
    float plain = 1.0f / wavelengthOf(config, i);
    switch (config.rope.kind) {
    case RopeScaling::Kind::Default:
      frequencies[i] = plain;
      break;
    case RopeScaling::Kind::Linear:
      frequencies[i] = plain / float(config.rope.factor);
      break;
    case RopeScaling::Kind::Llama3:
      frequencies[i] = llama3Frequency(config.rope, plain);
      break;
    case RopeScaling::Kind::Yarn:
      frequencies[i] = yarnFrequency(config, range, i);
      break;
    }
  }
  return frequencies;
}

} // namespace espalier
