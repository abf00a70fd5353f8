//===- Model.cpp - A descriptor made ready to run ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Model.h"

#include "Cpu.h"
#include "DescriptorCheck.h"
#include "FloatingPointState.h"
#include "KvCache.h"
#include "LastError.h"
#include "Rope.h"
#include "Team.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <new>

using namespace espalier;
using namespace espalier::runtime;

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t),
              "emitted code claims tiles in a plain 32-bit word");

espalier_model::~espalier_model() {
  if (isDefaultTeam)
    releaseDefaultTeam(team);
  if (library)
    dlclose(library);
}

//===--- Open -------------------------------------------------------------===//

static uint64_t roundUp(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Sizes everything, refuses what does not fit, and only then reserves.
espalier_status espalier_model::planMemory() {
  cacheRows = roundUp(uint64_t(context) + maxRows(), 64);
  // Steps count rows of the cache in 32 bits.
  if (cacheRows > INT32_MAX)
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "context: expected at most %u tokens, got %u",
                 (uint32_t(INT32_MAX) - maxRows()) / 64 * 64, context);
  std::optional<uint64_t> cache =
      runtime::cacheBytes(descriptor->kv, cacheRows);
  if (!cache)
    return failf(ESPALIER_ERROR_MEMORY,
                 "a cache for %u tokens takes more than 2^64 bytes: use a "
                 "smaller context",
                 context);
  cacheBytes = *cache;
  // At most 2^40, 2^40 and 2^32: checked.
  uint64_t sharedBytes = 0, privateBytes = 0, blockBytes = 0;
  for (uint32_t i = 0; i < descriptor->variant_count; ++i) {
    sharedBytes = std::max(sharedBytes, descriptor->variants[i].shared_bytes);
    privateBytes =
        std::max(privateBytes, descriptor->variants[i].private_bytes);
    blockBytes = std::max(blockBytes, descriptor->variants[i].block_bytes);
  }
  blockBytes *= cacheRows / 64;
  // Whole pages, so that each worker's lie in the memory that is nearest to it.
  privateStride = roundUp(privateBytes, 4096);
  // At most 2^31 * 2^20 * 4 and 2^10 * 2^40.
  uint64_t ropeBytes =
      uint64_t(context) * ropeWidth(*descriptor) * sizeof(float);
  MemoryNeed need;
  need.weights = descriptor->header_bytes + descriptor->data_bytes;
  need.cache = cacheBytes;
  need.buffers =
      ropeBytes + sharedBytes + blockBytes + privateStride * team->workers;
  need.context = context;
  if (espalier_status status = checkMemory(need, availableMemory()))
    return status;
  if (espalier_status status = rope.reserve(ropeBytes, "table of rotations"))
    return status;
  if (espalier_status status = sharedArena.reserve(sharedBytes, "buffers"))
    return status;
  if (espalier_status status =
          blockArena.reserve(blockBytes, "what blocks of the context give"))
    return status;
  return privateArenas.reserve(privateStride * team->workers,
                               "the workers' buffers");
}

void espalier_model::fillRopeTable() {
  if (descriptor->rope_count == 0)
    return;
  std::vector<float> frequencies = ropeFrequencies(*descriptor, context);
  struct Call {
    const espalier_model *model;
    const std::vector<float> *frequencies;
    static void entry(void *context, uint32_t worker) {
      FloatingPointState state;
      const Call &call = *static_cast<Call *>(context);
      const espalier_model &m = *call.model;
      auto bound = [&](uint64_t w) {
        return uint32_t(m.context * w / m.team->workers);
      };
      fillRopes(*m.descriptor, *call.frequencies, bound(worker),
                bound(uint64_t(worker) + 1),
                reinterpret_cast<float *>(m.rope.data()));
    }
  } call{this, &frequencies};
  team->lock(team);
  team->run(team, Call::entry, &call);
  team->unlock(team);
}

Hash128 espalier_model::hashRotations(uint32_t positions) const {
  return hash128(std::span<const uint8_t>(
      rope.data(),
      uint64_t(positions) * ropeWidth(*descriptor) * sizeof(float)));
}

espalier_status espalier_model::loadTokenizer() {
  if (!descriptor->tokenizer)
    return ESPALIER_OK;
  if (uintptr_t(descriptor->tokenizer) % 8 != 0)
    return fail(ESPALIER_ERROR_FILE, "tokenizer: misaligned tables");
  Result<text::Tokenizer> loaded = text::Tokenizer::load(
      {descriptor->tokenizer, descriptor->tokenizer_bytes});
  if (!loaded)
    return fail(ESPALIER_ERROR_FILE,
                loaded.takeError().within("tokenizer").message);
  tokenizer = *loaded;
  return ESPALIER_OK;
}

espalier_status espalier_model::takeTeam(const espalier_open_options &options) {
  if (options.team) {
    team = options.team;
    return checkTeam(team);
  }
  if (options.threads > maxWorkers)
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "threads: expected at most %u, got %u", maxWorkers,
                 options.threads);
  espalier_status status = acquireDefaultTeam(options.threads, &team);
  isDefaultTeam = status == ESPALIER_OK;
  return status;
}

espalier_status espalier_model::open(const espalier_descriptor &d,
                                     const espalier_open_options &options) {
  if (Status status = checkDescriptor(d); !status)
    return fail(ESPALIER_ERROR_FILE, status.error().message);
  descriptor = &d;
  // Before any of the model's code runs.
  if (espalier_status status =
          chooseIsa(d.isas, d.isa_count, getenv("ESPALIER_ISA"),
                    detectCpuFeatures(), &isa))
    return status;
  context = options.context ? options.context : defaultContext(d);
  if (context > d.card->max_positions)
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "context: expected at most the %u tokens that model '%s' was "
                 "made for, got %u",
                 d.card->max_positions, d.name, context);
  if (espalier_status status = weights.open(d, options.weights))
    return status;
  if (espalier_status status = loadTokenizer())
    return status;
  if (espalier_status status = takeTeam(options))
    return status;
  if (espalier_status status = planMemory())
    return status;
  weights.prefetch();
  barrier.configure(team->workers, spinPolicyFor(team->workers));
  fillRopeTable();
  return ESPALIER_OK;
}

espalier_status espalier_model::requireTokenizer() const {
  if (tokenizer)
    return ESPALIER_OK;
  return failf(ESPALIER_ERROR_UNSUPPORTED, "model '%s' has no tokenizer: %s",
               descriptor->name,
               descriptor->tokenizer_missing ? descriptor->tokenizer_missing
                                             : "it was compiled without one");
}

//===--- Step -------------------------------------------------------------===//

/// What the workers of one step share.
struct espalier_model::WorkerCall {
  espalier_model *model;
  espalier_step_fn step;
  const espalier_step_args *args;

  static void entry(void *context, uint32_t worker) {
    const auto &call = *static_cast<const WorkerCall *>(context);
    const espalier_model &m = *call.model;
    FloatingPointState state;
    call.step(call.args, m.privateArenas.data() + worker * m.privateStride,
              worker, m.team->workers);
  }

  static void meet(void *context, uint32_t) {
    auto *m = static_cast<espalier_model *>(context);
    m->barrier.wait(m->claim);
  }
};

void espalier_model::run(espalier_step_args &args) {
  uint32_t variant = 0;
  while (descriptor->variants[variant].max_rows < args.rows)
    ++variant;
  args.size = sizeof(args);
  args.kv_capacity = cacheRows;
  args.weights = weights.data();
  args.rope = reinterpret_cast<const float *>(rope.data());
  args.shared = sharedArena.data();
  args.blocks = blockArena.data();
  args.block_count = 0;
  for (uint32_t row = 0; row < args.rows; ++row)
    if (args.cache_row[row] >= 0)
      args.block_count =
          std::max(args.block_count, uint64_t(args.position[row]) / 64 + 1);
  args.barrier = WorkerCall::meet;
  args.barrier_context = this;
  args.claim = reinterpret_cast<uint32_t *>(&claim);
  WorkerCall call = {this, isa->steps[variant], &args};
  team->lock(team);
  claim.store(0, std::memory_order_relaxed);
  barrier.beginStep();
  team->run(team, WorkerCall::entry, &call);
  team->unlock(team);
}

//===--- API --------------------------------------------------------------===//

extern "C" void espalier_open_options_init(espalier_open_options *options) {
  if (!options)
    return;
  *options = {};
  options->size = sizeof(*options);
}

extern "C" espalier_status espalier_open(const espalier_descriptor *descriptor,
                                         const espalier_open_options *options,
                                         espalier_model **model) {
  if (!descriptor || !model)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_open: descriptor and model may not be NULL");
  *model = nullptr;
  espalier_open_options defaults;
  espalier_open_options_init(&defaults);
  if (!options)
    options = &defaults;
  if (espalier_status status = checkStructSize(options->size, sizeof(*options),
                                               "espalier_open_options"))
    return status;
  std::unique_ptr<espalier_model> made(new (std::nothrow) espalier_model);
  if (!made)
    return fail(ESPALIER_ERROR_MEMORY, "no memory for a model");
  if (espalier_status status = made->open(*descriptor, *options))
    return status;
  *model = made.release();
  return ESPALIER_OK;
}

extern "C" void espalier_close(espalier_model *model) { delete model; }

extern "C" const espalier_descriptor *
espalier_model_descriptor(const espalier_model *model) {
  return model->descriptor;
}

extern "C" const char *espalier_model_isa(const espalier_model *model) {
  return isaName(model->isa->isa);
}

extern "C" uint32_t espalier_model_context(const espalier_model *model) {
  return model->context;
}

espalier_status espalier_verify(espalier_model *model) {
  if (!model)
    return fail(ESPALIER_ERROR_ARGUMENT, "espalier_verify: model is NULL");
  return model->weights.verify(*model->descriptor);
}
