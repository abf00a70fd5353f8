//===- KernelBench.cpp - Speed of the micro-kernels
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// espalier-bench-kernels [FILTER]        runs
// espalier-bench-kernels --compile       times compilation, for both levels
// espalier-bench-kernels --asm NAME      prints a linear or attention kernel
//
// For 1 and 2 threads: the rate at which this machine reads memory, and then
// the kernels in the shapes of decoding (one row; GB/s of what is streamed) and
// of prefill (many rows; 10^9 operations a second). The best of some rounds.
//
//===----------------------------------------------------------------------===//
#include "KernelHarness.h"

#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

using namespace espalier;
using namespace espalier::cpu;

namespace {

using Clock = std::chrono::steady_clock;

/// Seconds of the slowest of `threads` threads that start together, the best of
/// `rounds`.
template <typename Body> double best(int threads, int rounds, Body body) {
  double least = 1e30;
  for (int round = 0; round < rounds; ++round) {
    std::atomic<int> ready{0};
    std::vector<double> seconds(threads);
    auto work = [&](int t) {
      ++ready;
      while (ready.load() < threads) {
      }
      auto start = Clock::now();
      body(t);
      seconds[t] = std::chrono::duration<double>(Clock::now() - start).count();
    };
    std::vector<std::thread> team;
    for (int t = 1; t < threads; ++t)
      team.emplace_back(work, t);
    work(0);
    for (auto &thread : team)
      thread.join();
    least = std::min(least, *std::max_element(seconds.begin(), seconds.end()));
  }
  return least;
}

/// Memory on huge pages where they are to be had, filled with small numbers in
/// every encoding (0x2c2c is 0.065 as float16).
struct Memory {
  uint8_t *data;
  size_t bytes;
  explicit Memory(size_t bytes) : bytes(bytes) {
    void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
      std::abort();
    madvise(p, bytes, MADV_HUGEPAGE);
    data = static_cast<uint8_t *>(p);
    std::memset(data, 0x2c, bytes);
  }
  ~Memory() { munmap(data, bytes); }
  Memory(const Memory &) = delete;
};

/// Rows of k inputs, small numbers, as kernels of linears take them.
std::vector<uint8_t> inputRows(Encoding activations, int64_t rows, int64_t k) {
  std::vector<float> x(size_t(rows * k));
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(int(i * 7 % 31) - 15) * 0.01f;
  size_t groups = x.size() / 32;
  std::vector<uint8_t> bytes(activations == Encoding::A8 ? groups * a8::bytes
                                                         : x.size() * 4);
  if (activations != Encoding::A8)
    std::memcpy(bytes.data(), x.data(), bytes.size());
  else
    for (size_t g = 0; g < groups; ++g)
      quantizeActivations(&x[g * 32], &bytes[g * a8::bytes]);
  return bytes;
}

volatile long long sink;

__attribute__((target("avx2"))) void readAll(const uint8_t *p, size_t bytes) {
  __m256i sum[8] = {};
  for (size_t i = 0; i + 256 <= bytes; i += 256)
    for (int k = 0; k < 8; ++k)
      sum[k] = _mm256_add_epi64(
          sum[k], _mm256_load_si256((const __m256i *)(p + i + 32 * k)));
  for (int k = 1; k < 8; ++k)
    sum[0] = _mm256_add_epi64(sum[0], sum[k]);
  sink = sum[0][0];
}

struct Bench {
  int threads;
  const char *filter;
  double readRate = 0;

  bool wants(const std::string &name) const {
    return !filter || name.find(filter) != std::string::npos;
  }
  void report(const std::string &name, double value, const char *unit,
              double share = 0) {
    std::printf("%d thread%s  %-34s %8.1f %s", threads, threads > 1 ? "s" : " ",
                name.c_str(), value, unit);
    if (share)
      std::printf("  (%.0f %% of the read rate)", share * 100);
    std::printf("\n");
    std::fflush(stdout);
  }

  void read(const Memory &memory) {
    size_t part = memory.bytes / threads / 4096 * 4096;
    double s =
        best(threads, 7, [&](int t) { readAll(memory.data + t * part, part); });
    readRate = part * threads / s / 1e9;
    report("read", readRate, "GB/s");
  }

  void linear(const Memory &memory, Encoding weights, Encoding activations,
              int64_t rows, int64_t k) {
    KernelKey key{Kernel::Linear};
    key.weights = weights;
    key.activations = activations;
    std::string name = kernelName(key, Isa::AVX2) + " rows " +
                       std::to_string(rows) + " k " + std::to_string(k);
    if (!wants(name))
      return;
    CompiledKernels compiled(key, Isa::AVX2, false);
    auto *run = compiled.get<LinearFn>(key);
    int64_t groups = k / 32;
    int64_t panel = int64_t(*panelBytes(weights, 16, 32)) * groups;
    // Decoding reads all the memory, prefill what stays in the second level.
    int64_t panels = rows == 1 ? int64_t(memory.bytes) / threads / panel
                               : std::max<int64_t>(2, (256 << 10) / panel);
    int64_t tile = rows == 1 ? 8 : panels;
    std::vector<std::vector<uint8_t>> x(threads,
                                        inputRows(activations, rows, k));
    int64_t xStride = int64_t(x[0].size()) / rows;
    std::vector<std::vector<float>> out(threads);
    for (int t = 0; t < threads; ++t) {
      out[t].resize(rows * tile * 16);
    }
    int repeats =
        rows == 1 ? 1
                  : int(std::max(1.0, 4e9 / (2.0 * rows * k * 16 * panels)));
    double s = best(threads, rows == 1 ? 12 : 25, [&](int t) {
      for (int i = 0; i < repeats; ++i)
        for (int64_t p = 0; p + tile <= panels; p += tile)
          run(x[t].data(), xStride, memory.data + (t * panels + p) * panel,
              panel, nullptr, out[t].data(), tile * 64, rows, tile * 16, groups,
              0);
    });
    panels -= panels % tile;
    if (rows == 1)
      report(name, panels * panel * threads / s / 1e9, "GB/s",
             panels * panel * threads / s / 1e9 / readRate);
    else
      report(name, 2.0 * rows * k * 16 * panels * threads * repeats / s / 1e9,
             "GOP/s");
  }

  /// Mixtures of experts: matrices of k inputs and 768 outputs. One row reads
  /// those of its choices from memory, others at each call; many rows share
  /// `choices` * 4 of them, of which as many panels as the second level holds.
  void experts(const Memory &memory, Encoding weights, Encoding activations,
               int64_t rows, int64_t choices, int64_t k, bool combines) {
    KernelKey key{Kernel::GroupedLinear};
    key.weights = weights;
    key.activations = activations;
    std::string name = kernelName(key, Isa::AVX2) + " rows " +
                       std::to_string(rows) + " of " + std::to_string(choices) +
                       " k " + std::to_string(k) + (combines ? " down" : " up");
    if (!wants(name))
      return;
    CompiledKernels compiled(key, Isa::AVX2, false);
    auto *run = compiled.get<GroupedLinearFn>(key);
    int64_t groups = k / 32;
    int64_t panel = int64_t(*panelBytes(weights, 16, 32)) * groups;
    bool single = rows == 1;
    int64_t experts = single ? choices : choices * 4;
    int64_t panels =
        single ? 48 : std::max<int64_t>(1, (256 << 10) / (panel * experts));
    int64_t tile = single ? 8 : panels;
    int64_t expert = panel * panels;
    int64_t calls =
        single ? int64_t(memory.bytes) / threads / (expert * choices) : 1;
    int64_t xRows = combines ? rows * choices : rows;
    int64_t outRows = combines ? rows : rows * choices;
    std::vector<std::vector<uint8_t>> x(threads,
                                        inputRows(activations, xRows, k));
    int64_t xStride = int64_t(x[0].size()) / xRows;
    std::vector<int32_t> ids(rows * choices);
    for (size_t i = 0; i < ids.size(); ++i)
      ids[i] = int32_t(i % size_t(experts));
    std::vector<float> combine(rows * choices, 0.25f);
    std::vector<std::vector<uint8_t>> scratch(threads);
    std::vector<std::vector<float>> out(threads);
    for (int t = 0; t < threads; ++t) {
      scratch[t].resize(expertScratchBytes(rows, choices, experts));
      out[t].resize(outRows * tile * 16);
    }
    double products = double(rows * choices) * double(k * 16 * panels);
    int repeats = single ? 1 : int(std::max(1.0, 2e9 / products));
    double s = best(threads, single ? 12 : 25, [&](int t) {
      for (int i = 0; i < repeats; ++i)
        for (int64_t call = 0; call < calls; ++call)
          for (int64_t p = 0; p + tile <= panels; p += tile)
            run(x[t].data(), xStride, ids.data(), choices * 4,
                combines ? combine.data() : nullptr, choices * 4,
                memory.data + (t * calls + call) * expert * choices + p * panel,
                panel, expert, out[t].data(), tile * 64, rows, choices,
                tile * 16, groups, experts, 0, scratch[t].data());
    });
    double rate = double(calls * choices * expert) * threads / s / 1e9;
    if (single)
      report(name, rate, "GB/s", rate / readRate);
    else
      report(name, 2 * products * threads * repeats / s / 1e9, "GOP/s");
  }

  void attention(Encoding cache, int64_t rows, int64_t past, int64_t headDim,
                 int64_t group, int64_t kvHeads) {
    KernelKey key{Kernel::Attention};
    key.cache = cache;
    std::string name = kernelName(key, Isa::AVX2) + " rows " +
                       std::to_string(rows) + " past " + std::to_string(past) +
                       " heads " + std::to_string(group) + "x" +
                       std::to_string(headDim);
    if (!wants(name))
      return;
    CompiledKernels compiled(key, Isa::AVX2, false);
    auto *run = compiled.get<AttentionFn>(key);
    int64_t size = cache == Encoding::F32 ? 4 : 2;
    int64_t capacity = (past + rows + 63) / 64 * 64;
    int64_t layerBytes = capacity * kvHeads * headDim * 2 * size;
    Memory memory(layerBytes * threads);
    std::vector<int32_t> position(rows), pasts(rows, int32_t(past)),
        cacheRow(rows);
    std::vector<uint8_t *> kv(rows, memory.data);
    for (int64_t r = 0; r < rows; ++r)
      position[r] = cacheRow[r] = int32_t(past + r);
    espalier_step_args args = {};
    args.rows = uint32_t(rows);
    args.position = position.data();
    args.past = pasts.data();
    args.cache_row = cacheRow.data();
    args.kv = kv.data();
    args.kv_capacity = uint64_t(capacity);
    int64_t stride = group * headDim * 4;
    std::vector<float> q(rows * group * headDim, 0.01f);
    std::vector<std::vector<float>> out(threads, q);
    std::vector<std::vector<uint64_t>> scratch(
        threads,
        std::vector<uint64_t>(attentionScratchBytes(rows, group, headDim) / 8));
    double s = best(threads, 15, [&](int t) {
      for (int64_t h = 0; h < kvHeads; ++h)
        run(&args, 0, q.data(), stride, out[t].data(), stride, rows, h * group,
            group, t, kvHeads, group, headDim, 0.1f, noWindow, 0, nullptr,
            scratch[t].data(), nullptr);
    });
    if (rows == 1) {
      double rate = double(layerBytes) * threads / s / 1e9;
      report(name, rate, "GB/s", rate / readRate);
      return;
    }
    double products = 0;
    for (int32_t p : position)
      products += 4.0 * (p + 1) * headDim * group * kvHeads;
    report(name, products * threads / s / 1e9, "GFLOP/s");
  }

  /// GB/s of rows read and written, for the kernels on rows.
  void rowKernels() {
    if (!wants("xf_glu") && !wants("xf_rms_norm") && !wants("xf_quantize"))
      return;
    KernelKey glu{Kernel::Glu}, norm{Kernel::RmsNorm},
        quantize{Kernel::Quantize};
    CompiledKernels compiled({glu, norm, quantize}, Isa::AVX2, false);
    auto *runGlu = compiled.get<GluFn>(glu);
    auto *runNorm = compiled.get<RmsNormFn>(norm);
    auto *runQuantize = compiled.get<QuantizeFn>(quantize);
    constexpr int64_t n = 2048, rows = 8, repeats = 2000;
    std::vector<std::vector<float>> x(threads,
                                      std::vector<float>(n * rows, 0.3f)),
        out(x);
    auto rate = [&](double s) {
      return double(n) * rows * repeats * threads / s / 1e9;
    };
    report("xf_glu",
           rate(best(threads, 5,
                     [&](int t) {
                       for (int i = 0; i < repeats; ++i)
                         runGlu(x[t].data(), n * 4, x[t].data(), n * 4,
                                out[t].data(), n * 4, rows, n);
                     })),
           "10^9 elements/s");
    report("xf_rms_norm",
           rate(best(threads, 5,
                     [&](int t) {
                       for (int i = 0; i < repeats; ++i)
                         runNorm(x[t].data(), n * 4, x[t].data(), 0,
                                 out[t].data(), n * 4, rows, n, n, 0, 1e-5f);
                     })),
           "10^9 elements/s");
    report("xf_quantize",
           rate(best(threads, 5,
                     [&](int t) {
                       for (int i = 0; i < repeats; ++i)
                         runQuantize(x[t].data(), n * 4, out[t].data(),
                                     n / 32 * a8::bytes, rows, n / 32, nullptr);
                     })),
           "10^9 elements/s");
  }
};

std::vector<KernelKey> linearAndAttention() {
  std::vector<KernelKey> keys;
  for (Encoding weights : {Encoding::F32, Encoding::F16, Encoding::BF16,
                           Encoding::Q8_0, Encoding::Q4_0, Encoding::Q4_1})
    for (Encoding x : {Encoding::F32, Encoding::A8}) {
      KernelKey key{Kernel::Linear};
      key.weights = weights;
      key.activations = x;
      if (x == Encoding::F32 || isBlockEncoding(weights))
        keys.push_back(key);
    }
  for (Encoding cache : {Encoding::F32, Encoding::F16, Encoding::BF16}) {
    KernelKey key{Kernel::Attention};
    key.cache = cache;
    keys.push_back(key);
  }
  return keys;
}

/// The kernels of a model with q4_1 weights, for both instruction sets.
void compileTime() {
  auto weights = [](Kernel kernel, Encoding encoding) {
    KernelKey key{kernel};
    key.weights = encoding;
    if (kernel == Kernel::Linear)
      key.activations = Encoding::A8;
    return key;
  };
  std::vector<KernelKey> keys = {weights(Kernel::Linear, Encoding::Q4_1),
                                 weights(Kernel::Linear, Encoding::Q8_0),
                                 weights(Kernel::Embedding, Encoding::Q8_0)};
  for (Kernel kernel :
       {Kernel::RmsNorm, Kernel::Quantize, Kernel::Rope, Kernel::AppendKeys,
        Kernel::AppendValues, Kernel::Attention, Kernel::Glu,
        Kernel::SelectRows, Kernel::Tap})
    keys.push_back({kernel});
  double total = 0;
  for (const KernelKey &key : keys) {
    double s = best(1, 3, [&](int) {
      for (Isa isa : {Isa::AVX2, Isa::AVX512})
        CompiledKernels(key, isa, false);
    });
    total += s;
    std::printf("compiling twice  %-34s %8.3f s\n",
                kernelName(key, Isa::AVX2).c_str(), s);
  }
  std::printf("compiling the kernels of a q4_1 model twice: %.2f s\n", total);
}

} // namespace

int main(int argc, char **argv) {
  if (argc > 2 && !std::strcmp(argv[1], "--asm")) {
    for (const KernelKey &key : linearAndAttention())
      for (Isa isa : {Isa::AVX2, Isa::AVX512})
        if (kernelName(key, isa) == argv[2])
          std::fputs(assembly(key, isa, false).c_str(), stdout);
    return 0;
  }
  if (argc > 1 && !std::strcmp(argv[1], "--compile")) {
    compileTime();
    return 0;
  }
  Memory memory(size_t(512) << 20);
  constexpr Encoding f32 = Encoding::F32, a8 = Encoding::A8;
  for (int threads = 1; threads <= 2; ++threads) {
    Bench bench{threads, argc > 1 ? argv[1] : nullptr};
    bench.read(memory);
    for (Encoding e : {Encoding::Q4_0, Encoding::Q4_1, Encoding::Q8_0})
      for (int64_t rows : {1, 2, 8, 32})
        bench.linear(memory, e, a8, rows, 2048);
    for (Encoding e : {Encoding::Q4_1, Encoding::Q8_0})
      for (int64_t rows : {1, 32})
        bench.linear(memory, e, a8, rows, 576);
    bench.linear(memory, Encoding::Q4_1, a8, 1, 1536);
    bench.linear(memory, Encoding::BF16, f32, 1, 8192);
    for (Encoding e : {f32, Encoding::BF16, Encoding::F16})
      for (int64_t rows : {1, 6, 36})
        bench.linear(memory, e, f32, rows, 2048);
    for (int64_t rows : {1, 32})
      bench.linear(memory, Encoding::Q4_1, f32, rows, 2048);
    for (Encoding e : {Encoding::Q4_1, Encoding::Q8_0})
      for (int64_t rows : {1, 32})
        for (bool combines : {false, true})
          bench.experts(memory, e, a8, rows, 8, 2048, combines);
    for (int64_t rows : {1, 32})
      bench.experts(memory, Encoding::BF16, f32, rows, 2, 2048, false);
    for (int64_t group : {1, 3, 4})
      bench.attention(Encoding::F16, 1, 16000, 64, group, 32);
    bench.attention(Encoding::F32, 1, 16000, 64, 4, 16);
    bench.attention(Encoding::F16, 64, 448, 64, 3, 3);
    bench.attention(Encoding::F16, 64, 1984, 128, 4, 4);
    bench.rowKernels();
  }
}
