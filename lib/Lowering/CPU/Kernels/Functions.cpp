//===- Functions.cpp - Elementary functions and activations ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md, entries activations, exp2, tanh and erf.
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

#include "espalier/Support/Elementary.h"

using namespace mlir;

namespace espalier::cpu {

static Type integersLike(V x) {
  Type i32 = x.e().i32;
  if (auto vector = dyn_cast<VectorType>(x.type()))
    return x.e().vec(i32, vector.getNumElements());
  return i32;
}

/// From the last coefficient down, with FMAs.
V Emitter::horner(ArrayRef<float> coefficients, V x) {
  V p = like(x, coefficients.back());
  for (float c : llvm::reverse(coefficients.drop_back()))
    p = fma(p, x, like(x, c));
  return p;
}

// Support/Elementary.h, exp2Exact. Two steps differ in form, not in value:
// adding and subtracting 1.5 * 2^23 rounds |c| <= 150 to the nearest even
// integer and leaves that integer in the low bits of the sum (a zero may get
// the other sign, which c - r and the polynomial do not see, its constant term
// being 1); and a NaN, whose result is NaN whatever the scale factors are, goes
// through integer arithmetic on its bits where the C++ takes n = 0.
V Emitter::exp2(V x) {
  Type integers = integersLike(x);
  V low = like(x, -150.0f), high = like(x, 128.0f);
  V c = select(less(x, low), low, x);
  c = select(less(high, c), high, c);
  V magic = like(x, 0x1.8p23f);
  V t = c + magic;
  V f = c - (t - magic);
  V p = horner(exp2Coefficients, f);
  V n = bitcast(t, integers) - bitcast(magic, integers);
  V half = sra(n, 1);
  V bias = constant(integers, int64_t(127));
  V a = bitcast(shl(half + bias, 23), x.type());
  V s = bitcast(shl(n - half + bias, 23), x.type());
  return p * a * s;
}
/// `magnitude`, which is not negative, with the sign of `x`.
static V copySign(Emitter &e, V magnitude, V x) {
  V bits = e.bitcast(x, integersLike(x));
  V sign = e.both(bits, e.like(bits, int64_t(0x80000000)));
  V value = e.bitcast(magnitude, integersLike(x));
  return e.bitcast(e.either(value, sign), x.type());
}

// A NaN is not less than anything and so takes the second way in both.
V Emitter::tanh(V x) {
  V a = absolute(x), s = a * a, one = like(x, 1.0f);
  V small = fma(horner(tanhCoefficients, s) * s, a, a);
  V power = exp2(a * like(x, 0x1.715476p+1f));
  V large = one - like(x, 2.0f) / (power + one);
  return copySign(*this, select(less(a, like(x, 0.625f)), small, large), x);
}

V Emitter::erf(V x) {
  V a = absolute(x), one = like(x, 1.0f), four = like(x, 4.0f);
  V small = fma(horner(erfCoefficients, a * a), a, a);
  V c = select(less(four, a), four, a);
  V large = one - exp2(horner(erfcLog2Coefficients, c));
  return copySign(*this, select(less(a, one), small, large), x);
}

V Emitter::activation(Function function, V x) {
  V one = like(x, 1.0f), zero = like(x, 0.0f), half = like(x, 0.5f);
  switch (function) {
  case Function::Gelu:
    return half * x * (one + erf(x * like(x, 0x1.6a09e6p-1f)));
  case Function::GeluTanh: {
    V w = fma(x * x, like(x, 0x1.6e4e26p-5f), one);
    return half * x * (one + tanh(x * like(x, 0x1.988454p-1f) * w));
  }
  case Function::Relu:
    return select(less(x, zero), zero, x);
  case Function::ReluSquared: {
    V r = select(less(x, zero), zero, x);
    return r * r;
  }
  default:
    return x / (one + exp2(negate(x) * like(x, 0x1.715476p+0f)));
  }
}

} // namespace espalier::cpu
