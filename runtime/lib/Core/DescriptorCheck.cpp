//===- DescriptorCheck.cpp - What a descriptor must satisfy -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "DescriptorCheck.h"

#include "Cpu.h"

#include <cfloat>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>

using namespace espalier;
using namespace espalier::runtime;

namespace {

constexpr uint32_t maxVariants = 64, maxIsas = 16, maxRows = 1u << 16;
constexpr uint64_t maxArena = uint64_t(1) << 40;

Error wrong(const std::string &what, uint64_t expected, uint64_t got) {
  return Error{what + ": expected " + std::to_string(expected) + ", got " +
               std::to_string(got)};
}

Error absent(const char *what) {
  return Error{std::string(what) + ": expected a value, got none"};
}

Status checkVariants(const espalier_descriptor &d) {
  if (d.variant_count == 0 || d.variant_count > maxVariants || !d.variants)
    return Error{"variants: expected 1 to " + std::to_string(maxVariants) +
                 ", got " + std::to_string(d.variant_count)};
  uint32_t before = 0;
  for (uint32_t i = 0; i < d.variant_count; ++i) {
    const espalier_variant &variant = d.variants[i];
    std::string name = "variant " + std::to_string(i);
    if (variant.max_rows <= before || variant.max_rows > maxRows)
      return Error{name + ": expected " + std::to_string(before + 1) + " to " +
                   std::to_string(maxRows) + " rows, got " +
                   std::to_string(variant.max_rows)};
    if (variant.shared_bytes > maxArena || variant.private_bytes > maxArena ||
        variant.block_bytes > maxArena >> 8)
      return Error{name + ": expected buffers of at most " +
                   std::to_string(maxArena) + " bytes"};
    before = variant.max_rows;
  }
  return {};
}

Status checkIsas(const espalier_descriptor &d) {
  if (d.isa_count == 0 || d.isa_count > maxIsas || !d.isas)
    return Error{"instruction sets: expected 1 to " + std::to_string(maxIsas) +
                 ", got " + std::to_string(d.isa_count)};
  uint32_t before = 0;
  for (uint32_t i = 0; i < d.isa_count; ++i) {
    const espalier_isa_entry &entry = d.isas[i];
    std::string name = "instruction set " + std::to_string(entry.isa);
    if (!isaName(entry.isa))
      return Error{name + ": unknown: use a newer runtime"};
    if (entry.isa <= before)
      return Error{name + ": expected ascending order"};
    if (!entry.steps)
      return absent((name + ": code").c_str());
    for (uint32_t v = 0; v < d.variant_count; ++v)
      if (!entry.steps[v])
        return absent(
            (name + ": code of variant " + std::to_string(v)).c_str());
    before = entry.isa;
  }
  return {};
}

Status checkCache(const espalier_kv_layout &kv) {
  constexpr uint32_t limit = 1u << 16;
  if (kv.layers == 0 || kv.layers > limit || kv.kv_heads == 0 ||
      kv.kv_heads > limit || kv.head_dim == 0 || kv.head_dim > limit)
    return Error{"cache: expected 1 to 65536 layers, heads and elements, got " +
                 std::to_string(kv.layers) + " x " +
                 std::to_string(kv.kv_heads) + " x " +
                 std::to_string(kv.head_dim)};
  uint32_t valueDim = (kv.head_dim + 15) / 16 * 16;
  if (kv.value_dim != valueDim)
    return wrong("cache: value_dim", valueDim, kv.value_dim);
  if (kv.element_type > ESPALIER_BF16)
    return Error{"cache: element type " + std::to_string(kv.element_type) +
                 ": unknown: use a newer runtime"};
  uint32_t bytes = kv.element_type == ESPALIER_F32 ? 4 : 2;
  if (kv.element_bytes != bytes)
    return wrong("cache: element_bytes", bytes, kv.element_bytes);
  // At most 2^16 * 2^18 * 4: no overflow.
  uint64_t rowBytes =
      uint64_t(kv.kv_heads) * (kv.head_dim + kv.value_dim) * kv.element_bytes;
  if (kv.layer_row_bytes != rowBytes)
    return wrong("cache: layer_row_bytes", rowBytes, kv.layer_row_bytes);
  return {};
}

// The sine is defined for angles up to 2^31.
Status checkFrequencies(const float *frequencies, uint32_t count,
                        uint32_t positions) {
  for (uint32_t i = 0; i < count; ++i)
    if (!(std::fabs(frequencies[i]) <= 0x1p31f / float(positions)))
      return Error{"rope: frequency " + std::to_string(i) + " is out of range"};
  return {};
}

Status checkRope(const espalier_rope &rope, uint32_t positions) {
  if (rope.dim < 2 || rope.dim % 2 != 0 || rope.dim > (1u << 16))
    return Error{"rope: expected an even dimension of 2 to 65536, got " +
                 std::to_string(rope.dim)};
  if (!rope.frequencies)
    return absent("rope: frequencies");
  if (!std::isfinite(rope.attention_factor))
    return Error{"rope: expected a finite factor"};
  if (Status status =
          checkFrequencies(rope.frequencies, rope.dim / 2, positions);
      !status)
    return status;
  if (rope.switch_position == 0)
    return {};
  if (rope.long_frequencies)
    return checkFrequencies(rope.long_frequencies, rope.dim / 2, positions);
  // The base is then a float32, and each frequency between 0 and 1: dim / (dim
  // - 2) is at most 2.
  double growth =
      rope.dynamic_factor * double(positions) / double(rope.switch_position);
  if (rope.dim < 4 || !(rope.dynamic_theta > 1 && rope.dynamic_theta <= 1e15) ||
      !(rope.dynamic_factor > 0 && rope.dynamic_factor <= 1e9) ||
      !(rope.dynamic_theta * growth * growth <= double(FLT_MAX)))
    return Error{"rope: what counts for large contexts is out of range"};
  return {};
}

Status checkRopes(const espalier_descriptor &d) {
  if (d.rope_count > 16 || (d.rope_count != 0 && !d.ropes))
    return Error{"ropes: expected at most 16, got " +
                 std::to_string(d.rope_count)};
  for (uint64_t i = 0; i < d.rope_count; ++i)
    if (Status status = checkRope(d.ropes[i], d.card->max_positions); !status)
      return status;
  return {};
}

/// The name of a file in the artefact's own folder, and nothing that leads out.
bool isPlainFileName(const char *name) {
  return *name && !strchr(name, '/') && strcmp(name, ".") != 0 &&
         strcmp(name, "..") != 0;
}

Status checkTensors(const espalier_descriptor &d) {
  if (!d.weights_file || !isPlainFileName(d.weights_file))
    return Error{"weights file: expected a plain file name"};
  if (d.header_bytes < 8 || d.header_bytes % 64 != 0)
    return Error{"weights header: expected a multiple of 64 bytes, got " +
                 std::to_string(d.header_bytes)};
  uint64_t total;
  if (__builtin_add_overflow(d.header_bytes, d.data_bytes, &total) ||
      total > uint64_t(1) << 62)
    return Error{"weights: size out of range"};
  if (d.tensor_count > (1u << 24) || (d.tensor_count != 0 && !d.tensors))
    return Error{"weights: expected at most 16777216 tensors, got " +
                 std::to_string(d.tensor_count)};
  for (uint64_t i = 0; i < d.tensor_count; ++i) {
    const espalier_tensor &tensor = d.tensors[i];
    if (!tensor.name)
      return absent(("tensor " + std::to_string(i) + ": name").c_str());
    std::string name = std::string("tensor '") + tensor.name + "'";
    if (tensor.offset % 64 != 0)
      return Error{name +
                   ": expected an offset that is a multiple of 64, got " +
                   std::to_string(tensor.offset)};
    if (tensor.offset > d.data_bytes ||
        tensor.size > d.data_bytes - tensor.offset)
      return Error{
          name + ": expected an end within " + std::to_string(d.data_bytes) +
          " bytes of data, got offset " + std::to_string(tensor.offset) +
          " and size " + std::to_string(tensor.size)};
  }
  return {};
}

Status checkChat(const espalier_descriptor &d) {
  if (d.chat_variable_count > 64 ||
      (d.chat_variable_count != 0 && !d.chat_variables))
    return Error{"chat: expected at most 64 variables, got " +
                 std::to_string(d.chat_variable_count)};
  for (uint32_t i = 0; i < d.chat_variable_count; ++i)
    if (!d.chat_variables[i].name || !d.chat_variables[i].text)
      return absent("chat: a variable's name or text");
  return {};
}

/// Code of an earlier order computes other bits than this runtime's tests and
/// pages say.
Status checkOrder(const espalier_model_card &card) {
  constexpr std::string_view cpu = "cpu-";
  if (!card.order)
    return absent("model card: order of sums");
  std::string expected =
      std::string(cpu) + std::to_string(ESPALIER_CPU_ORDER_VERSION);
  if (std::string_view(card.order).starts_with(cpu) && card.order != expected)
    return Error{"model card: expected the order of sums " + expected +
                 ", got " + card.order +
                 ": compile the model with this runtime's compiler"};
  return {};
}

Status checkCard(const espalier_model_card &card) {
  if (Status status = checkOrder(card); !status)
    return status;
  if (card.vocab == 0 || card.vocab > (1u << 28))
    return Error{"model card: expected a vocabulary of 1 to 2^28, got " +
                 std::to_string(card.vocab)};
  if (card.hidden == 0 || card.hidden > (1u << 24) || card.layers == 0 ||
      card.layers > (1u << 16))
    return Error{"model card: layers or hidden size out of range"};
  if (card.max_positions == 0 || card.max_positions > INT32_MAX)
    return Error{"model card: expected 1 to 2^31 - 1 positions, got " +
                 std::to_string(card.max_positions)};
  if (card.eos_count > 1024 || (card.eos_count != 0 && !card.eos_tokens))
    return Error{"model card: expected at most 1024 end-of-text tokens, got " +
                 std::to_string(card.eos_count)};
  return {};
}

} // namespace

Status runtime::checkDescriptor(const espalier_descriptor &d) {
  if (d.magic != ESPALIER_DESCRIPTOR_MAGIC)
    return Error{"not a model descriptor: wrong magic"};
  if (d.version != ESPALIER_DESCRIPTOR_VERSION)
    return Error{"descriptor: expected version " +
                 std::to_string(ESPALIER_DESCRIPTOR_VERSION) + ", got " +
                 std::to_string(d.version) +
                 ": compile the model with this runtime's compiler"};
  if (d.size != sizeof(espalier_descriptor))
    return wrong("descriptor: size", sizeof(espalier_descriptor), d.size);
  if (!d.name)
    return absent("descriptor: name");
  auto check = [&]() -> Status {
    if (!d.card)
      return absent("model card");
    if (Status status = checkCard(*d.card); !status)
      return status;
    if (Status status = checkVariants(d); !status)
      return status;
    if (Status status = checkIsas(d); !status)
      return status;
    if (Status status = checkCache(d.kv); !status)
      return status;
    if (Status status = checkRopes(d); !status)
      return status;
    if (Status status = checkChat(d); !status)
      return status;
    return checkTensors(d);
  };
  if (Status status = check(); !status)
    return status.takeError().within("model '" + std::string(d.name) + "'");
  return {};
}
