//===- Container.cpp - Artefacts from anywhere ------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The functions that look at an artefact's bytes before anything trusts them.
/// The first 64 bytes choose the numbers of the descriptor, so that sizes which
/// contradict the file are reached too; hashes are made to fit now and then,
/// since no fuzzer guesses one.
///
//===----------------------------------------------------------------------===//
#include "Core/Container.h"
#include "Core/DescriptorCheck.h"
#include "espalier/Support/Hash.h"

#include <cstring>
#include <elf.h>
#include <random>

using namespace espalier;
using namespace espalier::runtime;

static void step(const espalier_step_args *, uint8_t *, uint32_t, uint32_t) {}

static void openContainer(const uint64_t (&numbers)[8],
                          std::span<const uint8_t> file) {
  espalier_model_card card = {};
  card.layers = card.hidden = card.vocab = card.max_positions = 1;
  espalier_variant variant = {1, 0, 0, 0};
  espalier_step_fn steps[] = {step};
  espalier_isa_entry isa = {1 + uint32_t(numbers[6] % 3), 0, steps};
  espalier_tensor tensor = {"t", numbers[2], numbers[3], {}};
  espalier_descriptor d = {};
  d.magic = ESPALIER_DESCRIPTOR_MAGIC;
  d.version = ESPALIER_DESCRIPTOR_VERSION;
  d.size = sizeof(d);
  d.name = "fuzz";
  d.card = &card;
  d.variant_count = d.isa_count = 1;
  d.variants = &variant;
  d.isas = &isa;
  d.kv = {1, 1, 16, 16, ESPALIER_F32, 4, 128};
  d.weights_file = "fuzz.safetensors";
  d.header_bytes = numbers[0];
  d.data_bytes = numbers[1];
  d.tensor_count = 1;
  d.tensors = &tensor;
  if (numbers[4] & 1) { // a header that fits the file
    uint64_t length = 0;
    if (file.size() >= 8)
      memcpy(&length, file.data(), 8);
    if (length <= file.size() && length + 8 <= file.size()) {
      Hash128 hash = hash128(file.first(size_t(length) + 8));
      d.header_bytes = length + 8;
      d.data_bytes = file.size() - d.header_bytes;
      d.header_hash[0] = hash.low;
      d.header_hash[1] = hash.high;
    }
  }
  if (!checkDescriptor(d))
    return;
  auto data = checkContainer(file, d);
  if (!data)
    return;
  // What a step may read.
  uint64_t sum = 0;
  for (uint8_t byte : data->subspan(tensor.offset, tensor.size))
    sum += byte;
  volatile uint64_t sink = sum;
  (void)sink;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  std::span<const uint8_t> file(bytes, size);
  auto bundle = findBundle(file);
  if (bundle && *bundle) {
    uint64_t sum = 0;
    for (uint8_t byte : file.subspan((*bundle)->offset, (*bundle)->size))
      sum += byte;
    volatile uint64_t sink = sum;
    (void)sink;
  }
  (void)checkElfImage(file);
  (void)findModelSymbol(file);
  if (size >= 64) {
    uint64_t numbers[8];
    memcpy(numbers, bytes, sizeof(numbers));
    openContainer(numbers, file.subspan(64));
  }
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

/// Writes a number that means much to some field of the headers, the section
/// table, the footer or the descriptor's numbers, and leaves the rest alone.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  std::minstd_rand random(seed);
  if (size < 80 || random() % 3 == 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  const uint64_t numbers[] = {0,          1,          8,          63,
                              64,         4096,       size - 1,   size,
                              size + 1,   size - 64,  0x7fffffff, 0x80000000,
                              0xffffffff, 1ull << 32, 1ull << 63, ~0ull};
  uint64_t number = numbers[random() % 16];
  size_t width = size_t(1) << random() % 4;
  size_t at = 0;
  switch (random() % 4) {
  case 0: // the ELF header, or the descriptor's numbers
    at = random() % 64;
    break;
  case 1: // the footer
    at = size - 64 + random() % 48;
    break;
  case 2: { // the table of sections or of segments
    Elf64_Ehdr header;
    memcpy(&header, data, sizeof(header));
    uint64_t table = random() % 2 ? header.e_shoff : header.e_phoff;
    at = table < size ? size_t(table) + random() % 512 : random() % size;
    break;
  }
  default: // a magic where the footer has it
    memcpy(data + size - 16, ESPALIER_BUNDLE_MAGIC, 16);
    return size;
  }
  if (at + width <= size)
    memcpy(data + at, &number, width);
  return size;
}
