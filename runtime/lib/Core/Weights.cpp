//===- Weights.cpp - The packed weights of a model, mapped ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Weights.h"

#include "Advice.h"

#include "Container.h"
#include "LastError.h"
#include "espalier/Support/Hash.h"

#include <climits>
#include <dlfcn.h>
#include <link.h>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace espalier;
using namespace espalier::runtime;

/// The file that the code or data at `address` was loaded from; "" where it was
/// not loaded from a file.
static std::string imagePath(const void *address) {
  Dl_info info;
  link_map *map = nullptr;
  if (!dladdr1(address, &info, reinterpret_cast<void **>(&map),
               RTLD_DL_LINKMAP))
    return "";
  // The program itself has no name there, and argv[0] may be anything.
  if (!map || !map->l_name || !*map->l_name) {
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
    return size > 0 && size < ssize_t(sizeof(path))
               ? std::string(path, size_t(size))
               : "";
  }
  return map->l_name;
}

espalier_status Weights::use(std::span<const uint8_t> container,
                             const espalier_descriptor &descriptor) {
  Result<std::span<const uint8_t>> data = checkContainer(container, descriptor);
  if (!data)
    return fail(ESPALIER_ERROR_FILE,
                data.takeError().within(mapped.path()).message);
  section = *data;
  return ESPALIER_OK;
}

void Weights::prefetch() const {
  // Whether the kernel does it changes nothing but time. Huge pages of the page
  // cache are mapped as such, and read about a tenth faster than small ones;
  // what is not in memory yet the first step's workers fetch together, by huge
  // pages as well. Fetching it beforehand would bring small pages.
  uintptr_t page = uintptr_t(sysconf(_SC_PAGESIZE));
  uintptr_t begin = uintptr_t(section.data()) / page * page;
  uintptr_t end = uintptr_t(section.data()) + section.size();
  if (begin >= end)
    return;
  auto *pages = reinterpret_cast<void *>(begin);
  if (madvise(pages, end - begin, MADV_HUGEPAGE) != 0)
    madvise(pages, end - begin, MADV_WILLNEED);
}

espalier_status Weights::takeBundle(MappedFile &file,
                                    const espalier_descriptor &descriptor,
                                    bool &found) {
  Result<std::optional<Extent>> bundle = findBundle(file.bytes());
  if (!bundle)
    return fail(ESPALIER_ERROR_FILE,
                bundle.takeError().within(file.path()).message);
  found = bundle->has_value();
  if (!found)
    return ESPALIER_OK;
  const uint64_t *hash = (*bundle)->headerHash;
  if (hash[0] != descriptor.header_hash[0] ||
      hash[1] != descriptor.header_hash[1])
    return failf(ESPALIER_ERROR_FILE,
                 "%s: bundled weights: the footer is damaged, or of another "
                 "model: compile the model again",
                 file.path().c_str());
  mapped = std::move(file);
  return use(mapped.bytes().subspan((*bundle)->offset, (*bundle)->size),
             descriptor);
}

espalier_status Weights::open(const espalier_descriptor &descriptor,
                              const char *path) {
  bool found = false;
  std::string file = path ? path : "";
  if (!path) {
    std::string image = imagePath(&descriptor);
    if (image.empty())
      return failf(ESPALIER_ERROR_FILE,
                   "model '%s': its descriptor lies in no file: give the path "
                   "of its weights, '%s'",
                   descriptor.name, descriptor.weights_file);
    if (Result<MappedFile> opened = MappedFile::open(image)) {
      espalier_status status = takeBundle(*opened, descriptor, found);
      if (found || status != ESPALIER_OK)
        return status;
    }
    file = image.substr(0, image.rfind('/') + 1) + descriptor.weights_file;
  }
  Result<MappedFile> opened = MappedFile::open(file);
  if (!opened)
    return failf(
        ESPALIER_ERROR_FILE, "%s: put the weights of model '%s' there%s",
        opened.error().message.c_str(), descriptor.name, weightsElsewhere);
  espalier_status status = takeBundle(*opened, descriptor, found);
  if (found || status != ESPALIER_OK)
    return status;
  mapped = std::move(*opened);
  return use(mapped.bytes(), descriptor);
}

espalier_status Weights::verify(const espalier_descriptor &descriptor) const {
  if (Status status = mapped.unchanged(); !status)
    return fail(ESPALIER_ERROR_FILE, status.error().message);
  for (uint64_t i = 0; i < descriptor.tensor_count; ++i) {
    const espalier_tensor &tensor = descriptor.tensors[i];
    Hash128 hash = hash128(section.subspan(tensor.offset, tensor.size));
    Hash128 expected = {tensor.hash[0], tensor.hash[1]};
    if (hash != expected)
      return failf(ESPALIER_ERROR_FILE,
                   "%s: tensor '%s': expected hash %s, got %s: the file is "
                   "damaged: compile the model again",
                   mapped.path().c_str(), tensor.name, expected.hex().c_str(),
                   hash.hex().c_str());
  }
  return ESPALIER_OK;
}
