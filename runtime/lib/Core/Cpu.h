//===- Cpu.h - Which code the CPU can run -----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_CPU_H
#define ESPALIER_RUNTIME_CORE_CPU_H

#include "espalier/espalier.h"

#include <cstdint>
#include <string>

namespace espalier::runtime {

/// What CPUID and XGETBV say, as bit sets over the table in Cpu.cpp.
struct CpuFeatures {
  uint64_t present = 0;
};

/// Of this machine.
CpuFeatures detectCpuFeatures();

/// All features that `isa` (ESPALIER_ISA_*) stands for.
CpuFeatures featuresOf(uint32_t isa);

/// "avx2", "avx512", "aarch64"; nullptr: no such level.
const char *isaName(uint32_t isa);

/// The features of `isa` that `cpu` lacks, as "avx2, fma"; "": none. A level of
/// another architecture lacks its own name.
std::string missingFeatures(uint32_t isa, const CpuFeatures &cpu);

/// The best level among the model's that the CPU has, or the one that `forced`
/// (the value of ESPALIER_ISA, or nullptr) names.
espalier_status chooseIsa(const espalier_isa_entry *isas, uint32_t count,
                          const char *forced, const CpuFeatures &cpu,
                          const espalier_isa_entry **chosen);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_CPU_H
