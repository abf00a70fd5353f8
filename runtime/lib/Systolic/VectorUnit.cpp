//===- VectorUnit.cpp - What vector units compute -------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/VectorUnit.h"

#include "espalier/Support/Elementary.h"
#include "espalier/Support/Half.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace espalier;
using namespace espalier::simulator;

namespace {

template <typename T> T get(const uint8_t *p) {
  T value;
  memcpy(&value, p, sizeof(T));
  return value;
}
template <typename T> void put(uint8_t *p, T value) {
  memcpy(p, &value, sizeof(T));
}

void widen(const uint8_t *row, uint8_t type, uint64_t count, float *to) {
  switch (type) {
  case ESPALIER_SYSTOLIC_I8:
    for (uint64_t i = 0; i < count; ++i)
      to[i] = float(int8_t(row[i]));
    break;
  case ESPALIER_SYSTOLIC_I32:
    for (uint64_t i = 0; i < count; ++i)
      to[i] = float(get<int32_t>(row + i * 4));
    break;
  case ESPALIER_SYSTOLIC_BF16:
    for (uint64_t i = 0; i < count; ++i)
      to[i] = bf16ToFloat(get<uint16_t>(row + i * 2));
    break;
  default:
    memcpy(to, row, size_t(count * 4));
  }
}

/// To nearest even, saturated; a NaN gives 0.
int32_t toInteger(float x, float least, float most) {
  if (std::isnan(x))
    return 0;
  float r = std::nearbyintf(x);
  if (r <= least)
    return int32_t(least);
  // The largest float below 2^31 is less than the largest integer.
  if (r >= most)
    return most == 0x1p31f ? std::numeric_limits<int32_t>::max()
                           : int32_t(most);
  return int32_t(r);
}

void narrow(const float *from, uint64_t count, uint8_t type, uint8_t *row) {
  switch (type) {
  case ESPALIER_SYSTOLIC_I8:
    for (uint64_t i = 0; i < count; ++i)
      row[i] = uint8_t(toInteger(from[i], -128.0f, 127.0f));
    break;
  case ESPALIER_SYSTOLIC_I32:
    for (uint64_t i = 0; i < count; ++i)
      put(row + i * 4, toInteger(from[i], -0x1p31f, 0x1p31f));
    break;
  case ESPALIER_SYSTOLIC_BF16:
    for (uint64_t i = 0; i < count; ++i)
      put(row + i * 2, floatToBf16(from[i]));
    break;
  default:
    memcpy(row, from, size_t(count * 4));
  }
}

uint64_t bytesOf(uint32_t stride) {
  return uint64_t(stride) * ESPALIER_SYSTOLIC_GRANULE;
}

void apply(uint8_t kind, float *x, uint64_t count) {
  auto each = [&](auto &&f) {
    for (uint64_t i = 0; i < count; ++i)
      x[i] = f(x[i]);
  };
  switch (kind) {
  case ESPALIER_MAP_RELU:
    return each(relu);
  case ESPALIER_MAP_RELU_SQUARED:
    return each(reluSquared);
  case ESPALIER_MAP_RECIPROCAL:
    return each([](float v) { return 1.0f / v; });
  case ESPALIER_MAP_SQRT:
    return each([](float v) { return std::sqrt(v); });
  case ESPALIER_MAP_EXP2:
    return each(exp2Exact);
  case ESPALIER_MAP_TANH:
    return each(tanhExact);
  case ESPALIER_MAP_SILU:
    return each(siluExact);
  case ESPALIER_MAP_GELU:
    return each(geluExact);
  case ESPALIER_MAP_GELU_TANH:
    return each(geluTanhExact);
  }
}

void combine(uint8_t kind, float *a, const float *b, uint64_t stepB,
             uint64_t count) {
  auto each = [&](auto &&f) {
    for (uint64_t i = 0; i < count; ++i)
      a[i] = f(a[i], b[i * stepB]);
  };
  switch (kind) {
  case ESPALIER_BINARY_ADD:
    return each([](float x, float y) { return x + y; });
  case ESPALIER_BINARY_SUBTRACT:
    return each([](float x, float y) { return x - y; });
  case ESPALIER_BINARY_MULTIPLY:
    return each([](float x, float y) { return x * y; });
  case ESPALIER_BINARY_DIVIDE:
    return each([](float x, float y) { return x / y; });
  case ESPALIER_BINARY_MAXIMUM:
    return each([](float x, float y) { return y > x ? y : x; });
  }
}

/// Entry 1 of docs/numerics.md.
float sum16(const float *v, uint64_t count) {
  float s[16] = {};
  for (uint64_t i = 0; i < count; ++i)
    s[i % 16] += v[i];
  for (unsigned width = 8; width; width /= 2)
    for (unsigned j = 0; j < width; ++j)
      s[j] += s[j + width];
  return s[0];
}

} // namespace

void VectorUnit::map(const Form &form, const Operands &o) {
  const espalier_systolic_shape &s = form.shape;
  for (uint64_t j = 0; j < s.rows; ++j) {
    const uint8_t *a = o.a + j * bytesOf(s.stride_a);
    uint8_t *c = o.c + j * bytesOf(s.stride_c);
    if (form.aux == ESPALIER_MAP_COPY && s.type_a == s.type_c) {
      memmove(c, a, size_t(s.columns * elementBytes(s.type_a)));
      continue;
    }
    widen(a, s.type_a, s.columns, x.data());
    apply(form.aux, x.data(), s.columns);
    narrow(x.data(), s.columns, s.type_c, c);
  }
}

void VectorUnit::binary(const Form &form, const Op &op, const Operands &o) {
  const espalier_systolic_shape &s = form.shape;
  bool row = form.flags & ESPALIER_FLAG_ROW;
  bool column = form.flags & ESPALIER_FLAG_COLUMN;
  bool constant = form.flags & ESPALIER_FLAG_CONSTANT;
  if (constant)
    y[0] = program.constants[op.b];
  else if (row)
    widen(o.b, s.type_b, s.columns, y.data());
  for (uint64_t j = 0; j < s.rows; ++j) {
    widen(o.a + j * bytesOf(s.stride_a), s.type_a, s.columns, x.data());
    if (!constant && !row)
      widen(o.b + j * bytesOf(s.stride_b), s.type_b, column ? 1 : s.columns,
            y.data());
    combine(form.aux, x.data(), y.data(), constant || column ? 0 : 1,
            s.columns);
    narrow(x.data(), s.columns, s.type_c, o.c + j * bytesOf(s.stride_c));
  }
}

void VectorUnit::reduce(const Form &form, const Operands &o) {
  const espalier_systolic_shape &s = form.shape;
  for (uint64_t j = 0; j < s.rows; ++j) {
    widen(o.a + j * bytesOf(s.stride_a), s.type_a, s.columns, x.data());
    float result = -std::numeric_limits<float>::infinity();
    if (form.aux == ESPALIER_REDUCE_MAXIMUM) {
      for (uint64_t i = 0; i < s.columns; ++i)
        result = x[i] > result ? x[i] : result;
    } else {
      if (form.aux == ESPALIER_REDUCE_SQUARES)
        for (uint64_t i = 0; i < s.columns; ++i)
          x[i] = x[i] * x[i];
      result = sum16(x.data(), s.columns);
    }
    put(o.c + j * bytesOf(s.stride_c), result);
  }
}

void VectorUnit::mask(const Form &form, const Op &op, const Operands &o,
                      const Arguments &arguments) {
  const espalier_systolic_shape &s = form.shape;
  for (uint64_t j = 0; j < s.rows; ++j) {
    widen(o.a + j * bytesOf(s.stride_a), s.type_a, s.columns, x.data());
    int64_t position = arguments.arrays[ESPALIER_ARGUMENT_POSITION][j];
    bool window = form.flags & ESPALIER_FLAG_WINDOW;
    for (uint64_t i = 0; i < s.columns; ++i) {
      int64_t key = int64_t(op.b + i);
      bool visible = position >= 0 && key <= position &&
                     (!window || key > position - int64_t(s.extra));
      if (!visible)
        x[i] = -std::numeric_limits<float>::infinity();
    }
    narrow(x.data(), s.columns, s.type_c, o.c + j * bytesOf(s.stride_c));
  }
}

void VectorUnit::rope(const Form &form, const Operands &o) {
  const espalier_systolic_shape &s = form.shape;
  uint64_t head = s.extra & 0xffff, half = (s.extra >> 16) / 2;
  for (uint64_t j = 0; j < s.rows; ++j) {
    widen(o.a + j * bytesOf(s.stride_a), s.type_a, s.columns, x.data());
    widen(o.b + j * bytesOf(s.stride_b), s.type_b, 2 * half, y.data());
    const float *cosines = y.data(), *sines = y.data() + half;
    for (uint64_t h = 0; h < s.columns; h += head)
      for (uint64_t i = 0; i < half; ++i) {
        float p = x[h + i], q = x[h + i + half];
        x[h + i] = p * cosines[i] - q * sines[i];
        x[h + i + half] = q * cosines[i] + p * sines[i];
      }
    narrow(x.data(), s.columns, s.type_c, o.c + j * bytesOf(s.stride_c));
  }
}

void VectorUnit::argmax(const Form &form, const Op &op, const Operands &o) {
  const espalier_systolic_shape &s = form.shape;
  for (uint64_t j = 0; j < s.rows; ++j) {
    widen(o.a + j * bytesOf(s.stride_a), s.type_a, s.columns, x.data());
    uint8_t *c = o.c + j * bytesOf(s.stride_c);
    float best = -std::numeric_limits<float>::infinity();
    auto column = int32_t(op.b);
    if (form.flags & ESPALIER_FLAG_ACCUMULATE) {
      best = get<float>(c);
      column = get<int32_t>(c + 4);
    }
    for (uint64_t i = 0; i < s.columns; ++i)
      if (x[i] > best) {
        best = x[i];
        column = int32_t(op.b + i);
      }
    put(c, best);
    put(c + 4, column);
  }
}

void VectorUnit::run(const Form &form, const Op &op, Operands o,
                     const Arguments &arguments) {
  if (o.copy) {
    copyA.assign(o.a, o.a + o.bytesA);
    o.a = copyA.data();
    if (o.b) {
      copyB.assign(o.b, o.b + o.bytesB);
      o.b = copyB.data();
    }
  }
  if (x.size() < form.shape.columns) {
    x.resize(form.shape.columns);
    y.resize(form.shape.columns);
  }
  switch (form.opcode) {
  case ESPALIER_OP_MAP:
    return map(form, o);
  case ESPALIER_OP_BINARY:
    return binary(form, op, o);
  case ESPALIER_OP_REDUCE:
    return reduce(form, o);
  case ESPALIER_OP_MASK:
    return mask(form, op, o, arguments);
  case ESPALIER_OP_ROPE:
    return rope(form, o);
  case ESPALIER_OP_ARGMAX:
    return argmax(form, op, o);
  }
}
