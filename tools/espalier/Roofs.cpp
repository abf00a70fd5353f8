//===- Roofs.cpp - What the machine can do at most ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Roofs.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <sys/mman.h>
#include <vector>

using namespace espalier::tool;

#if defined(__x86_64__)
#include <immintrin.h>

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Results end up here, so that no measurement is optimised away.
volatile int64_t sink;

/// Keeps a register's value unknown to the compiler.
#define KEEP(x) asm volatile("" : "+v"(x))

/// Ten chains of dependent operations hide the latency of every multiplier
/// here; they are written one by one so that they stay in registers.
#define CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
constexpr unsigned chains = 10;

#define START_PS256(i) __m256 a##i = _mm256_set1_ps(1.0f);
#define FMA256(i)                                                              \
  a##i = _mm256_fmadd_ps(a##i, m, c);                                          \
  KEEP(a##i);
__attribute__((target("avx2,fma"))) void fma256(uint64_t rounds) {
  __m256 m = _mm256_set1_ps(0.999f), c = _mm256_set1_ps(1e-3f);
  CHAINS(START_PS256)
  for (uint64_t i = 0; i < rounds; ++i) {
    CHAINS(FMA256)
  }
  sink = int64_t(a0[0]);
}

#define START_SI256(i) __m256i a##i = _mm256_setzero_si256();
#define DOT256(i)                                                              \
  {                                                                            \
    KEEP(s); /* else the product is computed once */                           \
    __m256i p = _mm256_maddubs_epi16(u, s);                                    \
    KEEP(p);                                                                   \
    a##i = _mm256_add_epi32(a##i, _mm256_madd_epi16(p, one));                  \
    KEEP(a##i);                                                                \
  }
__attribute__((target("avx2"))) void dot256(uint64_t rounds) {
  __m256i u = _mm256_set1_epi8(3), s = _mm256_set1_epi8(-5);
  __m256i one = _mm256_set1_epi16(1);
  KEEP(u);
  KEEP(one);
  CHAINS(START_SI256)
  for (uint64_t i = 0; i < rounds; ++i) {
    CHAINS(DOT256)
  }
  sink = _mm256_extract_epi64(a0, 0);
}

#define START_PS512(i) __m512 a##i = _mm512_set1_ps(1.0f);
#define FMA512(i)                                                              \
  a##i = _mm512_fmadd_ps(a##i, m, c);                                          \
  KEEP(a##i);
__attribute__((target("avx512f"))) void fma512(uint64_t rounds) {
  __m512 m = _mm512_set1_ps(0.999f), c = _mm512_set1_ps(1e-3f);
  CHAINS(START_PS512)
  for (uint64_t i = 0; i < rounds; ++i) {
    CHAINS(FMA512)
  }
  sink = int64_t(a0[0]);
}

#define START_SI512(i) __m512i a##i = _mm512_setzero_si512();
#define DOT512(i)                                                              \
  a##i = _mm512_dpbusd_epi32(a##i, u, s);                                      \
  KEEP(a##i);
__attribute__((target("avx512f,avx512vnni"))) void dot512(uint64_t rounds) {
  __m512i u = _mm512_set1_epi8(3), s = _mm512_set1_epi8(-5);
  KEEP(u);
  CHAINS(START_SI512)
  for (uint64_t i = 0; i < rounds; ++i) {
    CHAINS(DOT512)
  }
  sink = _mm512_reduce_add_epi64(a0);
}

/// Reads a part as two streams side by side, which some prefetchers need.
__attribute__((target("avx2"))) void readPart(const uint8_t *data,
                                              size_t bytes) {
  size_t half = bytes / 2 / 256 * 256;
  __m256i sums[8];
  for (__m256i &sum : sums)
    sum = _mm256_setzero_si256();
  for (size_t at = 0; at < half; at += 128)
    for (unsigned i = 0; i < 4; ++i) {
      auto *near = reinterpret_cast<const __m256i *>(data + at) + i;
      auto *far = reinterpret_cast<const __m256i *>(data + half + at) + i;
      sums[i] = _mm256_add_epi64(sums[i], _mm256_load_si256(near));
      sums[4 + i] = _mm256_add_epi64(sums[4 + i], _mm256_load_si256(far));
    }
  for (unsigned i = 1; i < 8; ++i)
    sums[0] = _mm256_add_epi64(sums[0], sums[i]);
  sink = _mm256_extract_epi64(sums[0], 0);
}

/// One measurement of a team: what each worker does, how often, and how long
/// the slowest took.
struct Job {
  void (*arithmetic)(uint64_t) = nullptr;
  uint64_t rounds = 0;
  uint8_t *data = nullptr;
  size_t part = 0;
  bool fill = false;
  std::vector<double> seconds;

  static void work(void *context, uint32_t worker) {
    Job &job = *static_cast<Job *>(context);
    Clock::time_point start = Clock::now();
    if (job.arithmetic)
      job.arithmetic(job.rounds);
    else if (job.fill)
      memset(job.data + worker * job.part, int(worker + 1), job.part);
    else
      readPart(job.data + worker * job.part, job.part);
    job.seconds[worker] = secondsSince(start);
  }

  double run(espalier_team *team) {
    seconds.assign(team->workers, 0);
    team->lock(team);
    team->run(team, work, this);
    team->unlock(team);
    return *std::max_element(seconds.begin(), seconds.end());
  }
};

/// Operations a second of a function that makes `perRound` in each round.
double arithmeticRate(espalier_team *team, void (*function)(uint64_t),
                      double perRound) {
  Job job;
  job.arithmetic = function;
  job.rounds = 1 << 20;
  job.run(team);
  double best = 0;
  // Some 20 ms a run; interrupted runs are slower, so the best one counts.
  job.rounds = 5u << 20;
  for (unsigned i = 0; i < 4; ++i)
    best = std::max(best, double(job.rounds) * perRound * team->workers /
                              job.run(team));
  return best;
}

double readRate(espalier_team *team) {
  constexpr size_t bytes = 512u << 20;
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return 0;
  madvise(memory, bytes, MADV_HUGEPAGE);
  Job job;
  job.data = static_cast<uint8_t *>(memory);
  job.part = bytes / team->workers / 4096 * 4096;
  job.fill = true;
  job.run(team);
  job.fill = false;
  double best = 0;
  for (unsigned i = 0; i < 5; ++i)
    best = std::max(best, double(job.part) * team->workers / job.run(team));
  munmap(memory, bytes);
  return best;
}

} // namespace

Roofs espalier::tool::measureRoofs(espalier_team *team, bool wide) {
  Roofs roofs;
  roofs.readBytes = readRate(team);
  roofs.fmaOps = wide ? arithmeticRate(team, fma512, chains * 16.0 * 2)
                      : arithmeticRate(team, fma256, chains * 8.0 * 2);
  roofs.int8Ops = wide ? arithmeticRate(team, dot512, chains * 64.0 * 2)
                       : arithmeticRate(team, dot256, chains * 32.0 * 2);
  return roofs;
}

#else

Roofs espalier::tool::measureRoofs(espalier_team *, bool) { return {}; }

#endif
