//===- Cpu.cpp - Which code the CPU can run ---------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Cpu.h"

#include "LastError.h"

#include <cstring>
#include <iterator>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

using namespace espalier;
using namespace espalier::runtime;

namespace {

enum Register : uint8_t { EAX, EBX, ECX, EDX };

/// Where CPUID shows a feature, what the operating system must save for it
/// (bits of XCR0), and the first level that needs it.
struct Feature {
  const char *name;
  uint32_t leaf;
  Register reg;
  uint8_t bit;
  uint8_t savedState;
  uint8_t isa;
};

constexpr uint8_t ymmState = 0x06, zmmState = 0xe6;

constexpr Feature features[] = {
    {"cx16", 1, ECX, 13, 0, ESPALIER_ISA_AVX2},
    {"lahf", 0x80000001, ECX, 0, 0, ESPALIER_ISA_AVX2},
    {"popcnt", 1, ECX, 23, 0, ESPALIER_ISA_AVX2},
    {"sse3", 1, ECX, 0, 0, ESPALIER_ISA_AVX2},
    {"ssse3", 1, ECX, 9, 0, ESPALIER_ISA_AVX2},
    {"sse4.1", 1, ECX, 19, 0, ESPALIER_ISA_AVX2},
    {"sse4.2", 1, ECX, 20, 0, ESPALIER_ISA_AVX2},
    {"osxsave", 1, ECX, 27, 0, ESPALIER_ISA_AVX2},
    {"movbe", 1, ECX, 22, 0, ESPALIER_ISA_AVX2},
    {"avx", 1, ECX, 28, ymmState, ESPALIER_ISA_AVX2},
    {"f16c", 1, ECX, 29, ymmState, ESPALIER_ISA_AVX2},
    {"fma", 1, ECX, 12, ymmState, ESPALIER_ISA_AVX2},
    {"bmi1", 7, EBX, 3, 0, ESPALIER_ISA_AVX2},
    {"avx2", 7, EBX, 5, ymmState, ESPALIER_ISA_AVX2},
    {"bmi2", 7, EBX, 8, 0, ESPALIER_ISA_AVX2},
    {"lzcnt", 0x80000001, ECX, 5, 0, ESPALIER_ISA_AVX2},
    {"avx512f", 7, EBX, 16, zmmState, ESPALIER_ISA_AVX512},
    {"avx512dq", 7, EBX, 17, zmmState, ESPALIER_ISA_AVX512},
    {"avx512cd", 7, EBX, 28, zmmState, ESPALIER_ISA_AVX512},
    {"avx512bw", 7, EBX, 30, zmmState, ESPALIER_ISA_AVX512},
    {"avx512vl", 7, EBX, 31, zmmState, ESPALIER_ISA_AVX512},
    {"avx512vnni", 7, ECX, 11, zmmState, ESPALIER_ISA_AVX512},
};

constexpr uint64_t bitOf(const Feature &feature) {
  return uint64_t(1) << (&feature - features);
}

constexpr uint64_t aarch64Bit = uint64_t(1) << std::size(features);

} // namespace

CpuFeatures runtime::detectCpuFeatures() {
  CpuFeatures result;
#if defined(__x86_64__)
  auto word = [](uint32_t leaf, Register reg) -> uint32_t {
    uint32_t words[4];
    if (!__get_cpuid_count(leaf, 0, &words[0], &words[1], &words[2], &words[3]))
      return 0;
    return words[reg];
  };
  uint32_t saved = 0;
  if (word(1, ECX) & (1u << 27)) { // XGETBV exists
    uint32_t high;
    asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  }
  for (const Feature &feature : features)
    if ((word(feature.leaf, feature.reg) >> feature.bit & 1) &&
        (saved & feature.savedState) == feature.savedState)
      result.present |= bitOf(feature);
#elif defined(__aarch64__)
  result.present = aarch64Bit;
#endif
  return result;
}

CpuFeatures runtime::featuresOf(uint32_t isa) {
  CpuFeatures result;
  if (isa == ESPALIER_ISA_AARCH64)
    result.present = aarch64Bit;
  if (isa == ESPALIER_ISA_AVX2 || isa == ESPALIER_ISA_AVX512)
    for (const Feature &feature : features)
      if (feature.isa <= isa)
        result.present |= bitOf(feature);
  return result;
}

const char *runtime::isaName(uint32_t isa) {
  switch (isa) {
  case ESPALIER_ISA_AVX2:
    return "avx2";
  case ESPALIER_ISA_AVX512:
    return "avx512";
  case ESPALIER_ISA_AARCH64:
    return "aarch64";
  }
  return nullptr;
}

std::string runtime::missingFeatures(uint32_t isa, const CpuFeatures &cpu) {
  uint64_t missing = featuresOf(isa).present & ~cpu.present;
  std::string names;
  auto add = [&](const char *name) {
    names += names.empty() ? "" : ", ";
    names += name;
  };
  for (const Feature &feature : features)
    if (missing & bitOf(feature))
      add(feature.name);
  if (missing & aarch64Bit)
    add("aarch64");
  return names;
}

espalier_status runtime::chooseIsa(const espalier_isa_entry *isas,
                                   uint32_t count, const char *forced,
                                   const CpuFeatures &cpu,
                                   const espalier_isa_entry **chosen) {
  *chosen = nullptr;
  if (forced && *forced) {
    if (strcmp(forced, "avx2") != 0 && strcmp(forced, "avx512") != 0)
      return failf(ESPALIER_ERROR_ARGUMENT,
                   "ESPALIER_ISA: expected avx2 or avx512, got '%.40s'",
                   forced);
    for (uint32_t i = 0; i < count; ++i)
      if (strcmp(isaName(isas[i].isa), forced) == 0)
        *chosen = &isas[i];
    if (!*chosen)
      return failf(ESPALIER_ERROR_CPU,
                   "ESPALIER_ISA=%s: the model was compiled without code for "
                   "it: unset ESPALIER_ISA",
                   forced);
    std::string missing = missingFeatures((*chosen)->isa, cpu);
    if (!missing.empty())
      return failf(ESPALIER_ERROR_CPU,
                   "ESPALIER_ISA=%s: this CPU lacks %s: unset ESPALIER_ISA",
                   forced, missing.c_str());
    return ESPALIER_OK;
  }
  for (uint32_t i = 0; i < count; ++i)
    if (missingFeatures(isas[i].isa, cpu).empty())
      *chosen = &isas[i];
  if (!*chosen)
    return failf(ESPALIER_ERROR_CPU,
                 "the model was compiled for %s and better, and this CPU lacks "
                 "%s: compile it for this machine",
                 isaName(isas[0].isa),
                 missingFeatures(isas[0].isa, cpu).c_str());
  return ESPALIER_OK;
}
