//===- ShortenedFiles.cpp - Mapped files that lose bytes ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/ShortenedFiles.h"
#include "espalier/Support/MappedFile.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

namespace espalier {
namespace {

std::mutex mutex; ///< guards the two below
unsigned living = 0;
struct sigaction before;

std::atomic<uintptr_t> pageBytes{4096};

/// Puts a page of zeros where the file's is gone. mmap is one system call, and
/// safe here.
void onBusError(int signal, siginfo_t *info, void *) {
  uintptr_t size = pageBytes.load();
  auto *page = reinterpret_cast<void *>(uintptr_t(info->si_addr) / size * size);
  if (info->si_code == BUS_ADRERR &&
      mmap(page, size, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
    mappedPageLost.store(true);
    return;
  }
  // Not of a file: the access is tried again, and ends the process.
  std::signal(signal, SIG_DFL);
}

} // namespace

ShortenedFileGuard::ShortenedFileGuard() {
  std::lock_guard<std::mutex> lock(mutex);
  if (living++ > 0)
    return;
  mappedPageLost.store(false);
  pageBytes.store(uintptr_t(sysconf(_SC_PAGESIZE)));
  struct sigaction action = {};
  action.sa_sigaction = onBusError;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &before);
}

ShortenedFileGuard::~ShortenedFileGuard() {
  std::lock_guard<std::mutex> lock(mutex);
  if (--living == 0)
    sigaction(SIGBUS, &before, nullptr);
}

bool ShortenedFileGuard::lost() { return mappedPageLost.load(); }

} // namespace espalier
