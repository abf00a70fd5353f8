//===- Builder.cpp - A small language to write kernels in
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

#include "espalier/Dialect/CPU/CPU.h"

using namespace mlir;

namespace espalier::cpu {

namespace {
bool isFloat(Type type) { return isa<FloatType>(getElementTypeOrSelf(type)); }
unsigned lanesOf(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}
int64_t alignOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isIntOrFloat()
             ? std::max(1u, element.getIntOrFloatBitWidth() / 8)
             : 8;
}
} // namespace

Emitter::Emitter(ImplicitLocOpBuilder &b)
    : b(b), i8(b.getI8Type()), i16(b.getI16Type()), i32(b.getI32Type()),
      i64(b.getI64Type()), f16(b.getF16Type()), f32(b.getF32Type()),
      ptr(LLVM::LLVMPointerType::get(b.getContext())) {}

Type Emitter::vec(Type element, unsigned lanes) const {
  return VectorType::get({int64_t(lanes)}, element);
}

V Emitter::constant(Type type, int64_t value) {
  TypedAttr attr;
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(
        vector, b.getIntegerAttr(vector.getElementType(), value));
  else
    attr = b.getIntegerAttr(type, value);
  return wrap(arith::ConstantOp::create(b, attr));
}
V Emitter::constant(Type type, float value) {
  TypedAttr attr;
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(
        vector, Attribute(b.getFloatAttr(vector.getElementType(), value)));
  else
    attr = b.getFloatAttr(type, value);
  return wrap(arith::ConstantOp::create(b, attr));
}
V Emitter::index(int64_t value) { return constant(i64, value); }
V Emitter::real(float value) { return constant(f32, value); }
V Emitter::like(V v, int64_t value) { return constant(v.type(), value); }
V Emitter::like(V v, float value) { return constant(v.type(), value); }

V Emitter::at(V pointer, V bytes) {
  return wrap(LLVM::GEPOp::create(b, ptr, i8, pointer,
                                  ArrayRef<LLVM::GEPArg>{Value(bytes)}));
}
V Emitter::at(V pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return wrap(LLVM::GEPOp::create(
      b, ptr, i8, pointer,
      ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(int32_t(bytes))}));
}
V Emitter::load(Type type, V pointer) {
  return wrap(LLVM::LoadOp::create(b, type, pointer, unsigned(alignOf(type))));
}
void Emitter::store(V value, V pointer) {
  LLVM::StoreOp::create(b, value, pointer, unsigned(alignOf(value.type())));
}
V Emitter::loadMasked(Type type, V pointer, V mask) {
  V zero = isFloat(type) ? constant(type, 0.0f) : constant(type, int64_t(0));
  return wrap(LLVM::MaskedLoadOp::create(b, type, Value(pointer), Value(mask),
                                         Value(zero), uint32_t(alignOf(type))));
}
void Emitter::storeMasked(V value, V pointer, V mask) {
  LLVM::MaskedStoreOp::create(b, Value(value), Value(pointer), Value(mask),
                              uint32_t(alignOf(value.type())));
}
void Emitter::prefetch(V pointer, bool nearest) {
  LLVM::Prefetch::create(b, pointer, 0, nearest ? 3 : 2, 1);
}
V Emitter::frame(uint64_t bytes) {
  return wrap(LLVM::AllocaOp::create(b, ptr, i8, index(bytes), 64u));
}
V Emitter::field(V args, size_t offset, Type type) {
  return load(type, at(args, int64_t(offset)));
}
V Emitter::element32(V array, V i) {
  return extend(load(i32, at(array, i * 4)), i64);
}

V Emitter::splat(V scalar, unsigned lanes) {
  return wrap(
      vector::BroadcastOp::create(b, vec(scalar.type(), lanes), scalar));
}
V Emitter::shuffle(V a, V c, ArrayRef<int64_t> lanes) {
  return wrap(vector::ShuffleOp::create(b, a, c, lanes));
}
V Emitter::half(V v, unsigned which) {
  unsigned n = lanesOf(v.type()) / 2;
  SmallVector<int64_t> lanes;
  for (unsigned i = 0; i < n; ++i)
    lanes.push_back(which * n + i);
  return shuffle(v, v, lanes);
}
V Emitter::concat(V low, V high) {
  SmallVector<int64_t> lanes;
  for (unsigned i = 0, n = 2 * lanesOf(low.type()); i < n; ++i)
    lanes.push_back(i);
  return shuffle(low, high, lanes);
}
V Emitter::lane(V v, unsigned i) {
  return wrap(LLVM::ExtractElementOp::create(b, v, constant(i32, int64_t(i))));
}
V Emitter::insert(V v, V scalar, unsigned i) {
  return wrap(
      LLVM::InsertElementOp::create(b, v, scalar, constant(i32, int64_t(i))));
}
V Emitter::bitcast(V value, Type type) {
  return wrap(LLVM::BitcastOp::create(b, type, value));
}
V Emitter::fma(V a, V x, V c) {
  return wrap(LLVM::FMAOp::create(b, a.type(), a, x, c));
}
V Emitter::toFloat(V integers) {
  Type type = f32;
  if (auto vector = dyn_cast<VectorType>(integers.type()))
    type = vec(f32, vector.getNumElements());
  return wrap(arith::SIToFPOp::create(b, type, integers));
}
V Emitter::toInt(V floats) {
  Type type = i32;
  if (auto vector = dyn_cast<VectorType>(floats.type()))
    type = vec(i32, vector.getNumElements());
  return wrap(arith::FPToSIOp::create(b, type, floats));
}
V Emitter::roundEven(V a) {
  return wrap(LLVM::RoundEvenOp::create(b, a.type(), a));
}
V Emitter::extend(V v, Type type) {
  return wrap(arith::ExtSIOp::create(b, type, v));
}
V Emitter::extendU(V v, Type type) {
  return wrap(arith::ExtUIOp::create(b, type, v));
}
V Emitter::truncate(V v, Type type) {
  return wrap(arith::TruncIOp::create(b, type, v));
}
V Emitter::shl(V a, int64_t bits) {
  return wrap(arith::ShLIOp::create(b, a, like(a, bits)));
}
V Emitter::sra(V a, int64_t bits) {
  return wrap(arith::ShRSIOp::create(b, a, like(a, bits)));
}
V Emitter::srl(V a, int64_t bits) {
  return wrap(arith::ShRUIOp::create(b, a, like(a, bits)));
}
V Emitter::srlBy(V a, V bits) {
  return wrap(arith::ShRUIOp::create(b, a, bits));
}
V Emitter::negate(V a) { return wrap(arith::NegFOp::create(b, a)); }
V Emitter::absolute(V a) { return wrap(LLVM::FAbsOp::create(b, a.type(), a)); }
V Emitter::sqrt(V a) { return wrap(LLVM::SqrtOp::create(b, a.type(), a)); }
V Emitter::select(V condition, V a, V c) {
  return wrap(arith::SelectOp::create(b, condition, a, c));
}
V Emitter::less(V a, V c) {
  if (isFloat(a.type()))
    return wrap(arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, a, c));
  return wrap(arith::CmpIOp::create(b, arith::CmpIPredicate::slt, a, c));
}
V Emitter::equal(V a, V c) {
  return wrap(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, a, c));
}
V Emitter::isNull(V pointer) {
  V null = wrap(LLVM::ZeroOp::create(b, ptr));
  return wrap(LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, pointer, null));
}
V Emitter::address(V pointer) {
  return wrap(LLVM::PtrToIntOp::create(b, i64, pointer));
}
V Emitter::min(V a, V c) { return select(less(a, c), a, c); }
V Emitter::max(V a, V c) { return select(less(c, a), a, c); }
V Emitter::both(V a, V c) { return wrap(arith::AndIOp::create(b, a, c)); }
V Emitter::either(V a, V c) { return wrap(arith::OrIOp::create(b, a, c)); }
V Emitter::exclusive(V a, V c) { return wrap(arith::XOrIOp::create(b, a, c)); }
V Emitter::intrinsic(StringRef name, Type result, ArrayRef<V> args) {
  SmallVector<Value> operands(args.begin(), args.end());
  return wrap(
      LLVM::CallIntrinsicOp::create(b, result, b.getStringAttr(name), operands)
          .getResults());
}
V Emitter::dotU8S8(V acc, V u, V s) {
  return wrap(DotU8S8Op::create(b, acc.type(), acc, u, s));
}

V Emitter::iota32(unsigned first) {
  SmallVector<int32_t> lanes;
  for (unsigned i = 0; i < 16; ++i)
    lanes.push_back(int32_t(first + i));
  auto type = cast<VectorType>(vec(i32));
  return wrap(arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, ArrayRef<int32_t>(lanes))));
}
V Emitter::maskBelow(V count, unsigned first) {
  // 32 bits suffice below 2^31 and make the cheaper comparison.
  return less(iota32(first), splat(truncate(count, i32)));
}
V Emitter::foldSum(V v) {
  while (lanesOf(v.type()) > 1) {
    if (lanesOf(v.type()) == 2)
      return lane(v, 0) + lane(v, 1);
    v = half(v, 0) + half(v, 1);
  }
  return v;
}
V Emitter::foldMax(V v) {
  while (lanesOf(v.type()) > 2)
    v = max(half(v, 0), half(v, 1));
  return max(lane(v, 0), lane(v, 1));
}

V Emitter::widen(V halves) {
  Type type = f32;
  if (auto vector = dyn_cast<VectorType>(halves.type()))
    type = vec(f32, vector.getNumElements());
  return wrap(
      arith::ExtFOp::create(b, type, halves, arith::FastMathFlagsAttr()));
}
V Emitter::loadAsFloat(Encoding element, V pointer, unsigned lanes) {
  switch (element) {
  case Encoding::F16:
    return widen(load(vec(f16, lanes), pointer));
  case Encoding::BF16:
    return bitcast(
        shl(extendU(load(vec(i16, lanes), pointer), vec(i32, lanes)), 16),
        vec(f32, lanes));
  default:
    return load(vec(f32, lanes), pointer);
  }
}

// Support/Half.h, floatToBf16, or the conversion instruction.
V Emitter::narrow(Encoding element, V x) {
  auto shaped = [&](Type scalar) -> Type {
    if (auto vector = dyn_cast<VectorType>(x.type()))
      return vec(scalar, vector.getNumElements());
    return scalar;
  };
  if (element == Encoding::F32)
    return x;
  if (element == Encoding::F16)
    return wrap(arith::TruncFOp::create(b, shaped(f16), x));
  V bits = bitcast(x, shaped(i32));
  V isNan = less(like(bits, int64_t(0x7f800000)),
                 both(bits, like(bits, int64_t(0x7fffffff))));
  V high = srl(bits, 16);
  V odd = both(high, like(bits, int64_t(1)));
  V rounded = srl(bits + like(bits, int64_t(0x7fff)) + odd, 16);
  V quiet = either(high, like(bits, int64_t(0x40)));
  return truncate(select(isNan, quiet, rounded), shaped(i16));
}
V Emitter::widenScalar(Encoding element, V pointer) {
  if (element == Encoding::F32)
    return load(f32, pointer);
  if (element == Encoding::F16)
    return widen(load(f16, pointer));
  return bitcast(shl(extendU(load(i16, pointer), i32), 16), f32);
}

void Emitter::loop(V low, V high, int64_t step, Body body) {
  loop(low, high, step, {}, [&](V i, ArrayRef<V>) {
    body(i);
    return Vs{};
  });
}
Vs Emitter::loop(V low, V high, int64_t step, ArrayRef<V> init, Fold body) {
  SmallVector<Value> inits(init.begin(), init.end());
  auto op = scf::ForOp::create(
      b, low, high, index(step), inits,
      [&](OpBuilder &, Location, Value i, ValueRange carried) {
        Vs values;
        for (Value v : carried)
          values.push_back(wrap(v));
        Vs next = body(wrap(i), values);
        SmallVector<Value> yields(next.begin(), next.end());
        scf::YieldOp::create(b, yields);
      });
  Vs results;
  for (Value v : op.getResults())
    results.push_back(wrap(v));
  return results;
}
void Emitter::when(V condition, function_ref<void()> then,
                   function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(b, condition, /*withElse=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  then();
  if (otherwise) {
    b.setInsertionPointToStart(op.elseBlock());
    otherwise();
  }
}
V Emitter::choose(V condition, function_ref<V()> then,
                  function_ref<V()> otherwise) {
  auto op = scf::IfOp::create(
      b, condition,
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, Value(then())); },
      [&](OpBuilder &, Location) {
        scf::YieldOp::create(b, Value(otherwise()));
      });
  return wrap(op.getResult(0));
}
V Emitter::repeat(V start, function_ref<V(V)> condition,
                  function_ref<V(V)> next) {
  auto op = scf::WhileOp::create(
      b, TypeRange{start.type()}, ValueRange{Value(start)},
      [&](OpBuilder &, Location, ValueRange x) {
        V c = condition(wrap(x[0]));
        scf::ConditionOp::create(b, c, x);
      },
      [&](OpBuilder &, Location, ValueRange x) {
        scf::YieldOp::create(b, Value(next(wrap(x[0]))));
      });
  return wrap(op.getResult(0));
}
void Emitter::chunks(V n, function_ref<void(V, V)> body) {
  V full = n - n % 16;
  loop(index(0), full, 16, [&](V i) { body(i, V()); });
  when(less(full, n), [&] { body(full, maskBelow(n - full)); });
}
V Emitter::loadChunk(V pointer, V mask) {
  return isSet(mask) ? loadMasked(vec(f32), pointer, mask)
                     : load(vec(f32), pointer);
}
void Emitter::storeChunk(V value, V pointer, V mask) {
  if (isSet(mask))
    storeMasked(value, pointer, mask);
  else
    store(value, pointer);
}

#define ESPALIER_OPERATOR(SYMBOL, FLOAT, INTEGER)                              \
  V operator SYMBOL(V a, V b) {                                                \
    auto &builder = a.e().b;                                                   \
    if (isFloat(a.type()))                                                     \
      return V(arith::FLOAT::create(builder, a, b), &a.e());                   \
    return V(arith::INTEGER::create(builder, a, b), &a.e());                   \
  }                                                                            \
  V operator SYMBOL(V a, int64_t b) { return a SYMBOL a.e().like(a, b); }
ESPALIER_OPERATOR(+, AddFOp, AddIOp)
ESPALIER_OPERATOR(-, SubFOp, SubIOp)
ESPALIER_OPERATOR(*, MulFOp, MulIOp)
ESPALIER_OPERATOR(/, DivFOp, DivUIOp)
ESPALIER_OPERATOR(%, RemFOp, RemUIOp)
#undef ESPALIER_OPERATOR

//===--- PrefetchWindow ---------------------------------------------------===//

PrefetchWindow::PrefetchWindow(Emitter &e, V window)
    : e(e), window(window), copy(e.frame(16)) {
  V end = e.at(copy, int64_t(8));
  e.when(
      e.isNull(window),
      [&] {
        e.store(e.index(0), copy);
        e.store(e.index(0), end);
      },
      [&] {
        e.store(e.load(e.i64, window), copy);
        e.store(e.load(e.i64, e.at(window, int64_t(8))), end);
      });
}

void PrefetchWindow::advance(unsigned lines) {
  V at = e.load(e.i64, copy);
  e.when(e.less(at, e.load(e.i64, e.at(copy, int64_t(8)))), [&] {
    V pointer(LLVM::IntToPtrOp::create(e.b, e.ptr, mlir::Value(at)), &e);
    for (unsigned i = 0; i < lines; ++i)
      e.prefetch(e.at(pointer, int64_t(i * 64)), /*nearest=*/false);
    e.store(at + int64_t(lines * 64), copy);
  });
}

void PrefetchWindow::finish() {
  e.when(
      e.isNull(window), [] {}, [&] { e.store(e.load(e.i64, copy), window); });
}

} // namespace espalier::cpu
