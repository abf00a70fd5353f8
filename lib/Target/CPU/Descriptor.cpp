//===- Descriptor.cpp - The descriptor as constants -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Code.h"

#include "espalier/descriptor.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/GlobalVariable.h"

using llvm::Constant;

namespace espalier::cpu {
namespace {

/// Makes constants that lie in memory as C lays them out on x86-64.
class Data {
public:
  Data(llvm::Module &module) : module(module), context(module.getContext()) {}

  Constant *u32(uint64_t value) const {
    return llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), value);
  }
  Constant *u64(uint64_t value) const {
    return llvm::ConstantInt::get(llvm::Type::getInt64Ty(context), value);
  }
  Constant *f32(float value) const {
    return llvm::ConstantFP::get(llvm::Type::getFloatTy(context), value);
  }
  Constant *f64(double value) const {
    return llvm::ConstantFP::get(llvm::Type::getDoubleTy(context), value);
  }
  Constant *null() const {
    return llvm::ConstantPointerNull::get(llvm::PointerType::get(context, 0));
  }
  Constant *string(std::string_view text) {
    return global(llvm::ConstantDataArray::getString(context, text), 1);
  }
  Constant *optionalString(std::string_view text) {
    return text.empty() ? null() : string(text);
  }
  Constant *bytes(std::string_view data, uint64_t alignment) {
    return global(llvm::ConstantDataArray::getString(context, data, false),
                  alignment);
  }
  template <typename T> Constant *array(const std::vector<T> &values) {
    if (values.empty())
      return null();
    return global(llvm::ConstantDataArray::get(context, values), alignof(T));
  }
  Constant *table(llvm::ArrayRef<Constant *> values) {
    if (values.empty())
      return null();
    auto *type = llvm::ArrayType::get(values[0]->getType(), values.size());
    return global(llvm::ConstantArray::get(type, values), 16);
  }
  /// A struct of `size` bytes in C, or null and a mark that it is not.
  Constant *structure(llvm::ArrayRef<Constant *> fields, uint64_t size) {
    Constant *value = llvm::ConstantStruct::getAnon(context, fields);
    sizesAgree &=
        module.getDataLayout().getTypeAllocSize(value->getType()) == size;
    return value;
  }
  Constant *hash(Hash128 value) const {
    return llvm::ConstantDataArray::get(
        context, llvm::ArrayRef<uint64_t>{value.low, value.high});
  }
  Constant *global(Constant *value, uint64_t alignment) {
    auto *variable =
        new llvm::GlobalVariable(module, value->getType(), true,
                                 llvm::GlobalValue::PrivateLinkage, value);
    variable->setAlignment(llvm::Align(alignment));
    return variable;
  }
  Constant *step(llvm::StringRef symbol) {
    auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), false);
    auto *function = llvm::Function::Create(
        type, llvm::GlobalValue::ExternalLinkage, symbol, module);
    function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    return function;
  }

  bool sizesAgree = true;

private:
  llvm::Module &module;
  llvm::LLVMContext &context;
};

Constant *makeCard(Data &data, const ProgramFacts &facts,
                   const CompileOptions &options) {
  Constant *card = data.structure(
      {data.string(facts.family), data.string(facts.source), data.string("cpu"),
       data.string(facts.order), data.string(facts.activations),
       data.string(options.compiler), data.u32(facts.layers),
       data.u32(facts.hidden), data.u32(facts.heads), data.u32(facts.kvHeads),
       data.u32(facts.headDim), data.u32(facts.ffn), data.u32(facts.vocab),
       data.u32(facts.maxPositions), data.u64(facts.parameters),
       data.u64(facts.weightBytesPerToken), data.u32(uint32_t(facts.bos)),
       data.u32(facts.eos.size()), data.array(facts.eos)},
      sizeof(espalier_model_card));
  return data.global(card, 8);
}

Constant *makeVariants(Data &data, const ProgramFacts &facts) {
  std::vector<Constant *> variants;
  variants.reserve(facts.variants.size());
  for (const ProgramFacts::Variant &variant : facts.variants)
    variants.push_back(data.structure(
        {data.u32(variant.maxRows), data.u32(0), data.u64(variant.sharedBytes),
         data.u64(variant.privateBytes), data.u64(variant.blockBytes)},
        sizeof(espalier_variant)));
  return data.table(variants);
}

Constant *makeIsas(Data &data, const ProgramFacts &facts,
                   std::string_view model) {
  std::vector<Constant *> entries;
  for (Isa isa : allIsas) {
    std::vector<Constant *> steps;
    steps.reserve(facts.variants.size());
    for (const ProgramFacts::Variant &variant : facts.variants)
      steps.push_back(data.step(stepSymbol(model, variant.step, isa)));
    entries.push_back(data.structure(
        {data.u32(isa == Isa::AVX2 ? ESPALIER_ISA_AVX2 : ESPALIER_ISA_AVX512),
         data.u32(0), data.table(steps)},
        sizeof(espalier_isa_entry)));
  }
  return data.table(entries);
}

Constant *makeTensors(Data &data, const PackedContainer &container) {
  std::vector<Constant *> tensors;
  tensors.reserve(container.tensors.size());
  for (const PackedTensor &tensor : container.tensors)
    tensors.push_back(
        data.structure({data.string(tensor.name), data.u64(tensor.offset),
                        data.u64(tensor.size), data.hash(tensor.hash)},
                       sizeof(espalier_tensor)));
  return data.table(tensors);
}

Constant *makeChatVariables(Data &data, const CompileOptions &options) {
  std::vector<Constant *> variables;
  variables.reserve(options.chatVariables.size());
  for (const auto &[name, text] : options.chatVariables)
    variables.push_back(data.structure({data.string(name), data.string(text)},
                                       sizeof(espalier_chat_variable)));
  return data.table(variables);
}

Constant *makeKV(Data &data, const ProgramFacts &facts) {
  uint32_t valueDim = (facts.headDim + 15) / 16 * 16;
  uint64_t rowBytes = uint64_t(facts.kvHeads) * (facts.headDim + valueDim) *
                      facts.kvElementBytes;
  return data.structure({data.u32(facts.kvLayers), data.u32(facts.kvHeads),
                         data.u32(facts.headDim), data.u32(valueDim),
                         data.u32(facts.kvElementType),
                         data.u32(facts.kvElementBytes), data.u64(rowBytes)},
                        sizeof(espalier_kv_layout));
}

Constant *makeRopes(Data &data, const ProgramFacts &facts) {
  std::vector<Constant *> ropes;
  ropes.reserve(facts.ropes.size());
  for (const ProgramFacts::Rope &rope : facts.ropes)
    ropes.push_back(data.structure(
        {data.u32(2 * rope.frequencies.size()), data.f32(rope.factor),
         data.array(rope.frequencies), data.u32(rope.switchPosition),
         data.u32(0), data.array(rope.longFrequencies),
         data.f64(rope.dynamicTheta), data.f64(rope.dynamicFactor)},
        sizeof(espalier_rope)));
  return data.table(ropes);
}

} // namespace

Result<CodeModule> makeDescriptorModule(const ProgramFacts &facts,
                                        const PackedContainer &container,
                                        std::string_view model,
                                        std::string_view weightsFile,
                                        const CompileOptions &options) {
  CodeModule code;
  code.context = std::make_unique<llvm::LLVMContext>();
  code.module =
      std::make_unique<llvm::Module>("espalier.descriptor", *code.context);
  // x86-64's layout of C structs; the target machine says the same.
  code.module->setDataLayout("e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-"
                             "i128:128-f80:128-n8:16:32:64-S128");
  Data data(*code.module);
  Constant *descriptor = data.structure(
      {data.u64(ESPALIER_DESCRIPTOR_MAGIC),
       data.u32(ESPALIER_DESCRIPTOR_VERSION),
       data.u32(sizeof(espalier_descriptor)),
       data.string(model),
       makeCard(data, facts, options),
       data.u32(facts.variants.size()),
       data.u32(std::size(allIsas)),
       makeVariants(data, facts),
       makeIsas(data, facts, model),
       makeKV(data, facts),
       data.u64(facts.ropes.size()),
       makeRopes(data, facts),
       data.string(weightsFile),
       data.u64(container.headerBytes),
       data.u64(container.dataBytes),
       data.hash(container.headerHash),
       data.u64(container.tensors.size()),
       makeTensors(data, container),
       options.tokenizer.empty() ? data.null()
                                 : data.bytes(options.tokenizer, 64),
       data.u64(options.tokenizer.size()),
       data.optionalString(options.tokenizer.empty() ? options.tokenizerMissing
                                                     : std::string()),
       options.chatTemplate ? data.string(*options.chatTemplate) : data.null(),
       data.string(options.plan),
       data.u32(options.chatVariables.size()),
       data.u32(0),
       makeChatVariables(data, options)},
      sizeof(espalier_descriptor));
  if (!data.sizesAgree)
    return Error{"the descriptor's layout differs from espalier/descriptor.h"};
  auto *symbol =
      new llvm::GlobalVariable(*code.module, descriptor->getType(), true,
                               llvm::GlobalValue::ExternalLinkage, descriptor,
                               "espalier_model_" + std::string(model));
  symbol->setAlignment(llvm::Align(16));
  return code;
}

} // namespace espalier::cpu
