//===- MicroKernels.cpp - One function per kernel and instruction set
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

#include "espalier/Dialect/CPU/CPU.h"

#include <tuple>

using namespace mlir;

namespace espalier::cpu {

bool KernelKey::operator<(const KernelKey &o) const {
  return std::tie(kernel, weights, group, activations, cache, function, softCap,
                  alibi) < std::tie(o.kernel, o.weights, o.group, o.activations,
                                    o.cache, o.function, o.softCap, o.alibi);
}

namespace {

struct Signature {
  StringRef name;
  /// p: pointer, i: i64, f: f32.
  StringRef parameters;
};

Signature signature(Kernel kernel) {
  switch (kernel) {
  case Kernel::Linear:
    return {"linear", "pipippiiiii"};
  case Kernel::Embedding:
    return {"embedding", "pipiipiii"};
  case Kernel::RmsNorm:
    return {"rms_norm", "pipipiiiiif"};
  case Kernel::Quantize:
    return {"quantize", "pipiiip"};
  case Kernel::Rope:
    return {"rope", "pipipiiiiiii"};
  case Kernel::AppendKeys:
    return {"append_keys", "pipiiiiiii"};
  case Kernel::AppendValues:
    return {"append_values", "pipiiiiiii"};
  case Kernel::Attention:
    return {"attention", "pipipiiiiiiiififppp"};
  case Kernel::Glu:
    return {"glu", "pipipiii"};
  case Kernel::SelectRows:
    return {"select_rows", "ppipii"};
  case Kernel::Tap:
    return {"tap", "ppiii"};
  case Kernel::PositionEmbedding:
    return {"position_embedding", "pipiipiii"};
  case Kernel::LayerNorm:
    return {"layer_norm", "pippipiiiif"};
  case Kernel::Pointwise:
    return {"pointwise", "pipiiif"};
  case Kernel::Router:
    return {"router", "pipipiiiii"};
  case Kernel::GroupedLinear:
    return {"grouped_linear", "pipipipiipiiiiiiip"};
  case Kernel::AttentionPartials:
    return {"attention_partials", "pipipiiiiiiiififpppiii"};
  case Kernel::AttentionMerge:
    return {"attention_merge", "pipiipiiiii"};
  }
  return {};
}

StringRef functionName(Function function) {
  switch (function) {
  case Function::Silu:
    return "silu";
  case Function::Gelu:
    return "gelu";
  case Function::GeluTanh:
    return "gelu_tanh";
  case Function::Relu:
    return "relu";
  case Function::ReluSquared:
    return "relu_squared";
  case Function::Scale:
    return "scale";
  case Function::ScaleAdd:
    return "scale_add";
  case Function::SoftCap:
    return "soft_cap";
  }
  return {};
}

bool usesFunction(Kernel kernel) {
  return kernel == Kernel::Glu || kernel == Kernel::Pointwise;
}

bool isLookup(Kernel kernel) {
  return kernel == Kernel::Embedding || kernel == Kernel::PositionEmbedding;
}

bool isProduct(Kernel kernel) {
  return kernel == Kernel::Linear || kernel == Kernel::GroupedLinear;
}

bool usesCache(Kernel kernel) {
  return kernel == Kernel::AppendKeys || kernel == Kernel::AppendValues ||
         kernel == Kernel::Attention || kernel == Kernel::AttentionPartials;
}

/// What is wrong with a key, or nothing.
StringRef fault(const KernelKey &key) {
  bool isWeight = isProduct(key.kernel) || isLookup(key.kernel);
  if (isWeight && !panelBytes(key.weights, 16, key.group))
    return "no panel of 16 columns has this encoding and group";
  if (isProduct(key.kernel) && key.activations != Encoding::F32 &&
      !(key.activations == Encoding::A8 && isBlockEncoding(key.weights)))
    return "activations must be f32, or a8 with block weights";
  if (usesCache(key.kernel) && isBlockEncoding(key.cache))
    return "the cache holds f32, f16 or bf16";
  if (key.kernel == Kernel::Glu && key.function > Function::ReluSquared)
    return "a gate needs an activation";
  return {};
}

void emitBody(Emitter &e, const KernelKey &key, Isa isa, ArrayRef<V> args) {
  switch (key.kernel) {
  case Kernel::Linear:
    return emitLinear(e, key, isa, args);
  case Kernel::Embedding:
  case Kernel::PositionEmbedding:
    return emitEmbedding(e, key, args);
  case Kernel::RmsNorm:
    return emitRmsNorm(e, args);
  case Kernel::Quantize:
    return emitQuantize(e, args);
  case Kernel::Rope:
    return emitRope(e, args);
  case Kernel::AppendKeys:
  case Kernel::AppendValues:
    return emitAppend(e, key, args);
  case Kernel::Attention:
    return emitAttention(e, key, isa, args);
  case Kernel::Glu:
    return emitGlu(e, key.function, args);
  case Kernel::SelectRows:
    return emitSelectRows(e, args);
  case Kernel::Tap:
    return emitTap(e, args);
  case Kernel::LayerNorm:
    return emitLayerNorm(e, args);
  case Kernel::Pointwise:
    return emitPointwise(e, key.function, args);
  case Kernel::Router:
    return emitRouter(e, args);
  case Kernel::GroupedLinear:
    return emitGroupedLinear(e, key, isa, args);
  case Kernel::AttentionPartials:
    return emitAttentionPartials(e, key, isa, args);
  case Kernel::AttentionMerge:
    return emitAttentionMerge(e, args);
  }
}

} // namespace

std::string kernelName(const KernelKey &key, Isa isa) {
  std::string name = "xf_" + signature(key.kernel).name.str();
  auto append = [&](Encoding encoding) {
    name += "_";
    name += encodingName(encoding);
  };
  if (isProduct(key.kernel) || isLookup(key.kernel)) {
    append(key.weights);
    name += "g" + std::to_string(key.group);
  }
  if (isProduct(key.kernel))
    append(key.activations);
  if (usesCache(key.kernel))
    append(key.cache);
  if (usesFunction(key.kernel))
    name += "_" + functionName(key.function).str();
  if (key.softCap)
    name += "_soft_cap";
  if (key.alibi)
    name += "_alibi";
  return name + (isa == Isa::AVX2 ? ".avx2" : ".avx512");
}

Type kernelType(const KernelKey &key, MLIRContext *context) {
  Builder b(context);
  SmallVector<Type> parameters;
  for (char c : signature(key.kernel).parameters)
    parameters.push_back(c == 'p'   ? LLVM::LLVMPointerType::get(context)
                         : c == 'i' ? Type(b.getI64Type())
                                    : Type(b.getF32Type()));
  return LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                     parameters);
}

void setIsaAttributes(LLVM::LLVMFuncOp function, Isa isa) {
  MLIRContext *context = function.getContext();
  Builder b(context);
  bool wide = isa == Isa::AVX512;
  function.setTargetCpu(wide ? "x86-64-v4" : "x86-64-v3");
  if (!wide)
    return;
  function.setTargetFeaturesAttr(
      LLVM::TargetFeaturesAttr::get(context, StringRef("+avx512vnni")));
  auto pair = [&](StringRef name, StringRef value) {
    return b.getStrArrayAttr({name, value});
  };
  function.setPassthroughAttr(
      b.getArrayAttr({pair("prefer-vector-width", "512"),
                      pair("min-legal-vector-width", "512")}));
}

LogicalResult generateKernels(ModuleOp module, ArrayRef<KernelKey> keys,
                              Isa isa, bool expandDot) {
  MLIRContext *context = module.getContext();
  context->loadDialect<arith::ArithDialect, scf::SCFDialect,
                       vector::VectorDialect, LLVM::LLVMDialect, CPUDialect>();
  Location loc = UnknownLoc::get(context);
  for (const KernelKey &key : keys) {
    std::string name = kernelName(key, isa);
    if (StringRef why = fault(key); !why.empty())
      return module.emitError() << "micro-kernel '" << name << "': " << why;
    ImplicitLocOpBuilder b(loc, context);
    b.setInsertionPointToEnd(module.getBody());
    auto function = LLVM::LLVMFuncOp::create(b, name, kernelType(key, context),
                                             LLVM::Linkage::Private);
    setIsaAttributes(function, expandDot ? Isa::AVX2 : isa);
    Block *entry = function.addEntryBlock(b);
    b.setInsertionPointToStart(entry);
    Emitter e(b);
    Vs args;
    for (BlockArgument argument : entry->getArguments())
      args.push_back(V(argument, &e));
    emitBody(e, key, isa, args);
    LLVM::ReturnOp::create(b, ValueRange());
    lowerDotOps(function, expandDot);
  }
  return success();
}

} // namespace espalier::cpu
