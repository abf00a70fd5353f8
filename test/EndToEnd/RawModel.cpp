//===- RawModel.cpp - Emitted steps, called directly ----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RawModel.h"

#include "espalier/Support/Half.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

using namespace espalier;
using namespace espalier::e2e;

static espalier_step_args seenArguments;

/// Stands where the model's step would, to see what the runtime gives it.
static void spy(const espalier_step_args *args, uint8_t *, uint32_t worker,
                uint32_t) {
  if (worker == 0)
    seenArguments = *args;
}

RawModel::RawModel(const Config &config) {
  library = openConfig(config, 1);
  if (!library)
    return;
  real = espalier_model_descriptor(library.get());
  std::string_view name = espalier_model_isa(library.get());
  for (uint32_t i = 0; i < real->isa_count; ++i)
    if ((real->isas[i].isa == ESPALIER_ISA_AVX2 ? "avx2" : "avx512") == name)
      steps = real->isas[i].steps;
  spies.assign(real->variant_count, spy);
  isa = {ESPALIER_ISA_AVX2, 0, spies.data()};
  copy = *real;
  copy.isa_count = 1;
  copy.isas = &isa;
  std::string weights = scratchFolder() + "/" + real->weights_file;
  espalier_open_options options;
  espalier_open_options_init(&options);
  options.threads = 1;
  options.weights = weights.c_str();
  espalier_model *opened = nullptr;
  if (espalier_open(&copy, &options, &opened) != ESPALIER_OK) {
    ADD_FAILURE() << espalier_last_error();
    return;
  }
  model.reset(opened);
  Sequence(opened).chain({0});
  seen = seenArguments;
}

Slot RawModel::makeSlot() const {
  Slot slot;
  slot.cache.assign(
      real->kv.layer_row_bytes * seen.kv_capacity * real->kv.layers, 0xff);
  return slot;
}

namespace {

/// Memory that a step may not trust to hold anything.
struct Arena {
  explicit Arena(uint64_t bytes)
      : data(
            static_cast<uint8_t *>(aligned_alloc(64, (bytes + 64) / 64 * 64))) {
    memset(data, 0xff, bytes);
  }
  Arena(const Arena &) = delete;
  ~Arena() { free(data); }
  uint8_t *data;
};

/// Where the workers meet.
struct Meeting {
  uint32_t claim = 0;
  struct Reset {
    Meeting *meeting;
    void operator()() noexcept { meeting->claim = 0; }
  };
  std::barrier<Reset> barrier;
  explicit Meeting(uint32_t workers) : barrier(workers, Reset{this}) {}
};

} // namespace

Outcome RawModel::step(const std::vector<RawRow> &rows, uint32_t variant,
                       uint32_t workers) {
  const espalier_variant &v = real->variants[variant];
  uint32_t count = uint32_t(rows.size());
  EXPECT_LE(count, v.max_rows);
  std::vector<int32_t> token, position, past, cacheRow, wanted;
  std::vector<uint8_t *> kv;
  Slot nobody = makeSlot();
  for (uint32_t i = 0; i < count; ++i) {
    Slot *slot = rows[i].slot;
    bool goesOn = i > 0 && rows[i - 1].slot == slot;
    token.push_back(rows[i].token);
    past.push_back(!slot ? 0 : int32_t(slot->length));
    position.push_back(!slot    ? 0
                       : goesOn ? position.back() + 1
                                : int32_t(slot->length));
    cacheRow.push_back(slot ? position.back() : -1);
    kv.push_back(slot ? slot->cache.data() : nobody.cache.data());
    if (slot)
      wanted.push_back(int32_t(i));
  }
  const espalier_model_card &card = *real->card;
  Outcome outcome;
  outcome.vocab = card.vocab;
  outcome.width = size_t(card.layers + 1) * card.hidden;
  std::vector<float> logits(wanted.size() * card.vocab),
      states(count * outcome.width);
  Arena shared(v.shared_bytes);
  Arena blocks(v.block_bytes * (seen.kv_capacity / 64));
  Meeting meeting(workers);
  espalier_step_args args = seen;
  args.rows = count;
  args.wanted_count = uint32_t(wanted.size());
  args.tree = 0;
  args.token = token.data();
  args.position = position.data();
  args.past = past.data();
  args.cache_row = cacheRow.data();
  args.kv = kv.data();
  args.path_begin = nullptr;
  args.path = nullptr;
  args.wanted = wanted.data();
  args.shared = shared.data;
  args.blocks = blocks.data;
  args.block_count = 0;
  for (uint32_t i = 0; i < count; ++i)
    if (cacheRow[i] >= 0)
      args.block_count =
          std::max(args.block_count, uint64_t(position[i]) / 64 + 1);
  args.logits = logits.data();
  args.hidden = states.data();
  args.barrier = [](void *context, uint32_t) {
    static_cast<Meeting *>(context)->barrier.arrive_and_wait();
  };
  args.barrier_context = &meeting;
  args.claim = &meeting.claim;
  std::vector<std::thread> threads;
  auto work = [&](uint32_t worker) {
    Arena scratch(v.private_bytes);
    steps[variant](&args, scratch.data, worker, workers);
  };
  for (uint32_t worker = 1; worker < workers; ++worker)
    threads.emplace_back(work, worker);
  work(0);
  for (std::thread &thread : threads)
    thread.join();

  size_t next = 0;
  outcome.logits.assign(size_t(count) * card.vocab, 0);
  outcome.hidden.assign(count * outcome.width, 0);
  for (uint32_t i = 0; i < count; ++i) {
    if (!rows[i].slot)
      continue;
    ++rows[i].slot->length;
    std::copy_n(logits.begin() + next++ * card.vocab, card.vocab,
                outcome.logits.begin() + size_t(i) * card.vocab);
    for (size_t state = 0; state <= card.layers; ++state)
      std::copy_n(
          states.begin() + (state * count + i) * card.hidden, card.hidden,
          outcome.hidden.begin() + i * outcome.width + state * card.hidden);
  }
  // A padding row writes into no cache.
  for (uint8_t byte : nobody.cache)
    if (byte != 0xff) {
      ADD_FAILURE() << "a padding row wrote into a cache";
      break;
    }
  return outcome;
}

Outcome RawModel::chain(Slot &slot, const Tokens &tokens) {
  std::vector<RawRow> rows;
  for (int32_t token : tokens)
    rows.push_back({token, &slot});
  uint32_t variant = 0;
  while (real->variants[variant].max_rows < rows.size())
    ++variant;
  return step(rows, variant);
}

std::vector<float> RawModel::cacheRow(const Slot &slot, uint64_t row) const {
  const espalier_kv_layout &kv = real->kv;
  auto element = [&](uint64_t index) -> float {
    const uint8_t *at = slot.cache.data() + index * kv.element_bytes;
    uint16_t half;
    memcpy(&half, at, 2);
    if (kv.element_type == ESPALIER_F16)
      return f16ToFloat(half);
    if (kv.element_type == ESPALIER_BF16)
      return bf16ToFloat(half);
    float value;
    memcpy(&value, at, 4);
    return value;
  };
  uint64_t capacity = seen.kv_capacity;
  std::vector<float> out;
  for (uint64_t layer = 0; layer < kv.layers; ++layer) {
    uint64_t keys =
        layer * capacity * kv.kv_heads * (kv.head_dim + kv.value_dim);
    uint64_t values = keys + kv.kv_heads * capacity * kv.head_dim;
    for (uint64_t h = 0; h < kv.kv_heads; ++h)
      for (uint64_t d = 0; d < kv.head_dim; ++d)
        out.push_back(element(
            keys + ((h * capacity / 16 + row / 16) * kv.head_dim + d) * 16 +
            row % 16));
    for (uint64_t h = 0; h < kv.kv_heads; ++h)
      for (uint64_t d = 0; d < kv.head_dim; ++d)
        out.push_back(
            element(values + (h * capacity + row) * kv.value_dim + d));
  }
  return out;
}
