//===- FakeModel.cpp - A model small enough to be checked by hand -*- C++
//-*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FakeModel.h"

#include "espalier/Support/Elementary.h"
#include "espalier/Support/Hash.h"

#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>

using namespace fake;

std::atomic<uint32_t> fake::stepMilliseconds{0};
std::atomic<uint32_t> fake::stepCount{0};

static constexpr uint32_t valueDim = 16;

static uint32_t mix(uint32_t h, uint32_t x) {
  h = (h ^ x) * 0x9e3779b1u;
  return h ^ (h >> 15);
}

/// A key's or value's bits, as an element of `bytes` bytes holds them.
static uint32_t element(uint32_t bytes, int32_t token, uint32_t position,
                        uint32_t layer, uint32_t head, uint32_t d,
                        bool isValue) {
  uint32_t h = mix(mix(mix(7, uint32_t(token)), position), layer);
  h = mix(mix(mix(h, head), d), isValue);
  return bytes == 2 ? h & 0xffff : h;
}

static float logit(uint32_t state, uint32_t id) {
  return float(mix(state, id) % 4096) / 256.0f;
}
static float hiddenValue(uint32_t state, uint32_t layer, uint32_t i) {
  return float(mix(mix(state, layer + 1000), i) % 4096);
}

//===--- The step ---------------------------------------------------------===//

template <typename Element>
static Element *cacheElement(const espalier_step_args *a, uint32_t row,
                             uint32_t cacheRow, uint32_t layer, uint32_t head,
                             uint32_t d, bool isValue) {
  uint64_t capacity = a->kv_capacity;
  uint64_t layerElements = kvHeads * (headDim + valueDim) * capacity;
  auto *base = reinterpret_cast<Element *>(a->kv[row]) + layer * layerElements;
  if (isValue)
    return base + kvHeads * capacity * headDim +
           (head * capacity + cacheRow) * valueDim + d;
  return base + ((head * (capacity / 16) + cacheRow / 16) * headDim + d) * 16 +
         cacheRow % 16;
}

template <typename Element>
static uint32_t rowState(const espalier_step_args *a, uint32_t r) {
  uint32_t h = 1;
  for (uint32_t i = 0; i < 64; ++i)
    h = mix(h, a->weights[i]);
  for (uint32_t i = 0; i < headDim; ++i)
    h = mix(h, std::bit_cast<uint32_t>(
                   a->rope[uint32_t(a->position[r]) * headDim + i]));
  for (int32_t p = 0; p <= a->position[r]; ++p) {
    int32_t cacheRow = p;
    if (a->tree && p >= a->past[r])
      cacheRow = a->path[a->path_begin[r] + p - a->past[r]];
    for (uint32_t layer = 0; layer < layers; ++layer)
      for (uint32_t head = 0; head < kvHeads; ++head)
        for (uint32_t d = 0; d < headDim; ++d)
          for (bool isValue : {false, true})
            h = mix(h, *cacheElement<Element>(a, r, uint32_t(cacheRow), layer,
                                              head, d, isValue));
  }
  return h;
}

template <typename Element>
static void step(const espalier_step_args *a, uint8_t *scratch, uint32_t worker,
                 uint32_t workers) {
  if (worker == 0) {
    stepCount.fetch_add(1);
    if (uint32_t ms = stepMilliseconds.load())
      std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  }
  memset(scratch, int(worker + 1), 100);
  for (uint32_t r = worker; r < a->rows; r += workers)
    for (uint32_t layer = 0; layer < layers; ++layer)
      for (uint32_t head = 0; head < kvHeads; ++head)
        for (uint32_t d = 0; d < headDim; ++d)
          for (bool isValue : {false, true})
            *cacheElement<Element>(a, r, uint32_t(a->cache_row[r]), layer, head,
                                   d, isValue) =
                Element(element(sizeof(Element), a->token[r],
                                uint32_t(a->position[r]), layer, head, d,
                                isValue));
  a->barrier(a->barrier_context, worker);
  auto *states = reinterpret_cast<uint32_t *>(a->shared);
  for (;;) {
    uint32_t r = __atomic_fetch_add(a->claim, 1, __ATOMIC_RELAXED);
    if (r >= a->rows)
      break;
    states[r] = rowState<Element>(a, r);
  }
  a->barrier(a->barrier_context, worker);
  for (;;) {
    uint32_t w = __atomic_fetch_add(a->claim, 1, __ATOMIC_RELAXED);
    if (w >= a->wanted_count)
      break;
    for (uint32_t id = 0; id < vocab; ++id)
      a->logits[w * vocab + id] = logit(states[a->wanted[w]], id);
  }
  for (uint32_t r = worker; a->hidden && r < a->rows; r += workers)
    for (uint32_t layer = 0; layer <= layers; ++layer)
      for (uint32_t i = 0; i < hidden; ++i)
        a->hidden[(layer * a->rows + r) * hidden + i] =
            hiddenValue(states[r], layer, i);
  a->barrier(a->barrier_context, worker);
  for (uint32_t i = 0; i < 100; ++i) // nobody else wrote to the private arena
    if (scratch[i] != uint8_t(worker + 1))
      abort();
}

//===--- The model --------------------------------------------------------===//

Model::Model(const char *name, uint32_t elementType)
    : weightsName(std::string(name) + ".safetensors") {
  uint32_t bytes = elementType == ESPALIER_F32 ? 4 : 2;
  card.family = "fake";
  card.source = card.compiler = card.activations = "";
  card.target = "cpu";
  card.order = "cpu-2";
  card.layers = layers;
  card.hidden = hidden;
  card.heads = card.kv_heads = kvHeads;
  card.head_dim = headDim;
  card.vocab = vocab;
  card.max_positions = maxPositions;
  card.bos_token = -1;

  variants = {{1, 0, 64, 128}, {4, 0, 64, 128}, {16, 0, 64, 128}};
  steps.assign(variants.size(), bytes == 4 ? step<uint32_t> : step<uint16_t>);
#if defined(__aarch64__)
  isa.isa = ESPALIER_ISA_AARCH64;
#else
  isa.isa = ESPALIER_ISA_AVX2;
#endif
  isa.steps = steps.data();
  frequencies = {1.0f, 0.5f, 0.25f, 0.125f};

  std::string header =
      "{\"__metadata__\":{\"name\":\"" + std::string(name) + "\"}}";
  header.resize(248, ' ');
  uint64_t length = header.size();
  container.resize(8);
  memcpy(container.data(), &length, 8);
  container.insert(container.end(), header.begin(), header.end());
  descriptor.header_bytes = container.size();
  espalier::Hash128 headerHash = espalier::hash128(
      std::span<const uint8_t>(container.data(), container.size()));
  for (uint32_t i = 0; i < 192; ++i)
    container.push_back(uint8_t(mix(uint32_t(headerHash.low), i)));
  descriptor.data_bytes = 192;
  for (uint64_t begin : {0, 64}) {
    uint64_t size = begin == 0 ? 64 : 128;
    espalier::Hash128 hash = espalier::hash128(std::span<const uint8_t>(
        container.data() + descriptor.header_bytes + begin, size));
    tensors.push_back(
        {begin == 0 ? "first" : "second", begin, size, {hash.low, hash.high}});
  }

  descriptor.magic = ESPALIER_DESCRIPTOR_MAGIC;
  descriptor.version = ESPALIER_DESCRIPTOR_VERSION;
  descriptor.size = sizeof(descriptor);
  descriptor.name = name;
  descriptor.card = &card;
  descriptor.variant_count = uint32_t(variants.size());
  descriptor.variants = variants.data();
  descriptor.isa_count = 1;
  descriptor.isas = &isa;
  descriptor.kv = {layers,
                   kvHeads,
                   headDim,
                   valueDim,
                   elementType,
                   bytes,
                   uint64_t(kvHeads * (headDim + valueDim) * bytes)};
  rope = {headDim, 1.0f, frequencies.data(), 0, 0, nullptr, 0, 0};
  descriptor.rope_count = 1;
  descriptor.ropes = &rope;
  descriptor.weights_file = weightsName.c_str();
  descriptor.header_hash[0] = headerHash.low;
  descriptor.header_hash[1] = headerHash.high;
  descriptor.tensor_count = tensors.size();
  descriptor.tensors = tensors.data();
  descriptor.tokenizer_missing = "a fake model has none";
  descriptor.plan = "{}";
}

uint32_t Model::stateAfter(const std::vector<int32_t> &tokens) const {
  uint32_t h = 1;
  for (uint32_t i = 0; i < 64; ++i)
    h = mix(h, container[descriptor.header_bytes + i]);
  float last = float(tokens.size() - 1);
  for (float f : frequencies)
    h = mix(h, std::bit_cast<uint32_t>(espalier::cosExact(last * f)));
  for (float f : frequencies)
    h = mix(h, std::bit_cast<uint32_t>(espalier::sinExact(last * f)));
  for (uint32_t p = 0; p < tokens.size(); ++p)
    for (uint32_t layer = 0; layer < layers; ++layer)
      for (uint32_t head = 0; head < kvHeads; ++head)
        for (uint32_t d = 0; d < headDim; ++d)
          for (bool isValue : {false, true})
            h = mix(h, element(descriptor.kv.element_bytes, tokens[p], p, layer,
                               head, d, isValue));
  return h;
}

std::vector<float>
Model::logitsAfter(const std::vector<int32_t> &tokens) const {
  std::vector<float> result;
  uint32_t state = stateAfter(tokens);
  for (uint32_t id = 0; id < vocab; ++id)
    result.push_back(logit(state, id));
  return result;
}

std::vector<float>
Model::hiddenAfter(const std::vector<int32_t> &tokens) const {
  std::vector<float> result;
  uint32_t state = stateAfter(tokens);
  for (uint32_t layer = 0; layer <= layers; ++layer)
    for (uint32_t i = 0; i < hidden; ++i)
      result.push_back(hiddenValue(state, layer, i));
  return result;
}

int32_t Model::greedyAfter(const std::vector<int32_t> &tokens) const {
  std::vector<float> logits = logitsAfter(tokens);
  int32_t best = 0;
  for (int32_t id = 1; id < int32_t(vocab); ++id)
    if (logits[size_t(id)] > logits[size_t(best)])
      best = id;
  return best;
}

//===--- Files ------------------------------------------------------------===//

/// All folders of a process, removed when it ends.
struct Folders {
  std::string root = "/tmp/espalier-unit-runtime-XXXXXX";
  unsigned count = 0;
  Folders() {
    if (!mkdtemp(root.data()))
      abort();
  }
  ~Folders() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }
};

std::string fake::freshFolder() {
  static Folders folders;
  std::string path = folders.root + "/" + std::to_string(folders.count++) + "/";
  std::error_code error;
  if (!std::filesystem::create_directory(path, error))
    abort();
  return path;
}

std::string fake::writeFile(const std::string &name,
                            const std::vector<uint8_t> &bytes) {
  std::string path =
      name.find('/') == std::string::npos ? freshFolder() + name : name;
  FILE *file = fopen(path.c_str(), "wb");
  if (!file || fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() ||
      fclose(file) != 0)
    abort();
  return path;
}

std::vector<uint8_t> fake::readFile(const std::string &path) {
  std::vector<uint8_t> bytes;
  FILE *file = fopen(path.c_str(), "rb");
  if (!file)
    abort();
  uint8_t buffer[4096];
  while (size_t size = fread(buffer, 1, sizeof(buffer), file))
    bytes.insert(bytes.end(), buffer, buffer + size);
  fclose(file);
  return bytes;
}
