//===- Describe.cpp - Descriptors for people ------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Describe.h"

#include <cinttypes>
#include <cstdio>

using namespace espalier;

std::string tool::shortened(std::string_view text) {
  constexpr size_t limit = 120;
  if (text.size() <= limit)
    return escaped(text);
  return escaped(text.substr(0, limit)) + "... (" +
         std::to_string(text.size()) + " bytes)";
}

static const char *isaName(uint32_t isa) {
  switch (isa) {
  case ESPALIER_ISA_AVX2:
    return "avx2";
  case ESPALIER_ISA_AVX512:
    return "avx512";
  case ESPALIER_ISA_AARCH64:
    return "aarch64";
  }
  return "unknown";
}

static const char *elementName(uint32_t type) {
  switch (type) {
  case ESPALIER_F32:
    return "f32";
  case ESPALIER_F16:
    return "f16";
  case ESPALIER_BF16:
    return "bf16";
  }
  return "unknown";
}

void tool::printCard(const espalier_descriptor &descriptor) {
  const espalier_model_card &card = *descriptor.card;
  printf("model %s: %s from %s, compiled by %s for %s\n", descriptor.name,
         escaped(card.family).c_str(), escaped(card.source).c_str(),
         card.compiler, card.target);
  printf("  %" PRIu64 " parameters, %u layers, hidden %u, feed-forward %u, "
         "vocabulary %u\n",
         card.parameters, card.layers, card.hidden, card.ffn, card.vocab);
  printf(
      "  %u heads, %u for keys and values, of %u; trained for %u positions\n",
      card.heads, card.kv_heads, card.head_dim, card.max_positions);
  printf("  order of sums %s, activations %s, KV cache %s: %" PRIu64
         " bytes a token\n",
         card.order, card.activations, elementName(descriptor.kv.element_type),
         descriptor.kv.layer_row_bytes * descriptor.kv.layers);
  printf("  a decoded token reads %" PRIu64 " bytes of weights\n",
         card.weight_bytes_per_token);
  if (descriptor.tokenizer)
    printf("  tokenizer: %" PRIu64 " bytes of tables\n",
           descriptor.tokenizer_bytes);
  else
    printf("  no tokenizer: %s\n", descriptor.tokenizer_missing
                                       ? descriptor.tokenizer_missing
                                       : "none was compiled in");
  printf("instruction sets:");
  for (uint32_t i = 0; i < descriptor.isa_count; ++i)
    printf(" %s", isaName(descriptor.isas[i].isa));
  printf("\nvariants of the step:\n");
  for (uint32_t i = 0; i < descriptor.variant_count; ++i) {
    const espalier_variant &variant = descriptor.variants[i];
    printf("  up to %u rows: %" PRIu64 " bytes shared, %" PRIu64
           " bytes for each worker\n",
           variant.max_rows, variant.shared_bytes, variant.private_bytes);
  }
}
