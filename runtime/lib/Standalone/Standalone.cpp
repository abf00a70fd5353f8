//===- Standalone.cpp - What is used of the C++ runtime library -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// libespalier.a and libespalier.so need nothing but the C library, so that the
/// compiler links emitted libraries without a C++ tool chain, and C programs
/// link them with cc. The few functions of libstdc++ that code without
/// exceptions refers to are therefore defined here; the merged objects keep
/// them to themselves, so that they never stand in for an application's own.
///
/// What throws elsewhere ends the process here: a checked access out of range
/// is a mistake in the runtime, and small allocations do not fail on Linux.
/// Large ones (cache, arenas, tables) do not come from here: they are reserved
/// and checked.
///
//===----------------------------------------------------------------------===//
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace std {
const nothrow_t nothrow{};

[[noreturn]] void __throw_bad_alloc() { abort(); }
[[noreturn]] void __throw_bad_array_new_length() { abort(); }
[[noreturn]] void __throw_logic_error(const char *) { abort(); }
[[noreturn]] void __throw_length_error(const char *) { abort(); }
[[noreturn]] void __throw_out_of_range(const char *) { abort(); }
[[noreturn]] void __throw_out_of_range_fmt(const char *, ...) { abort(); }
[[noreturn]] void __throw_bad_function_call() { abort(); }
} // namespace std

extern "C" [[noreturn]] void __cxa_pure_virtual() { abort(); }

static void *allocate(size_t bytes, size_t alignment) noexcept {
  if (bytes == 0)
    bytes = 1;
  if (alignment <= alignof(max_align_t))
    return malloc(bytes);
  if (bytes > SIZE_MAX - alignment)
    return nullptr;
  return aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
}

static void *allocateOrAbort(size_t bytes, size_t alignment) {
  void *memory = allocate(bytes, alignment);
  if (!memory)
    abort();
  return memory;
}

void *operator new(size_t bytes) { return allocateOrAbort(bytes, 1); }
void *operator new[](size_t bytes) { return allocateOrAbort(bytes, 1); }
void *operator new(size_t bytes, std::align_val_t alignment) {
  return allocateOrAbort(bytes, size_t(alignment));
}
void *operator new[](size_t bytes, std::align_val_t alignment) {
  return allocateOrAbort(bytes, size_t(alignment));
}
void *operator new(size_t bytes, const std::nothrow_t &) noexcept {
  return allocate(bytes, 1);
}
void *operator new[](size_t bytes, const std::nothrow_t &) noexcept {
  return allocate(bytes, 1);
}
void *operator new(size_t bytes, std::align_val_t alignment,
                   const std::nothrow_t &) noexcept {
  return allocate(bytes, size_t(alignment));
}
void operator delete(void *memory) noexcept { free(memory); }
void operator delete[](void *memory) noexcept { free(memory); }
void operator delete(void *memory, size_t) noexcept { free(memory); }
void operator delete[](void *memory, size_t) noexcept { free(memory); }
void operator delete(void *memory, std::align_val_t) noexcept { free(memory); }
void operator delete(void *memory, size_t, std::align_val_t) noexcept {
  free(memory);
}
void operator delete[](void *memory, std::align_val_t) noexcept {
  free(memory);
}
void operator delete[](void *memory, size_t, std::align_val_t) noexcept {
  free(memory);
}
