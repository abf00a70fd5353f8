//===- ElfImage.cpp - Shared libraries, before they are loaded --*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Container.h"

#include <cstring>
#include <elf.h>
#include <type_traits>

using namespace espalier;
using namespace espalier::runtime;

namespace {

#if defined(__x86_64__)
constexpr uint16_t machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t machine = EM_AARCH64;
#endif

bool isWithin(uint64_t offset, uint64_t size, uint64_t total) {
  return offset <= total && size <= total - offset;
}

/// Entry `index` of a table whose extent has been checked.
template <typename T>
T entryAt(std::span<const uint8_t> file, uint64_t table, uint64_t index) {
  static_assert(std::is_trivially_copyable_v<T>);
  T entry;
  memcpy(&entry, file.data() + table + index * sizeof(T), sizeof(T));
  return entry;
}

Result<Elf64_Ehdr> readHeader(std::span<const uint8_t> file) {
  if (file.size() < sizeof(Elf64_Ehdr))
    return Error{"expected a shared library, got " +
                 std::to_string(file.size()) + " bytes"};
  auto header = entryAt<Elf64_Ehdr>(file, 0, 0);
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return Error{"expected a shared library, got no ELF file"};
  if (header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != machine)
    return Error{"expected a shared library for this machine, got one for "
                 "machine type " +
                 std::to_string(header.e_machine)};
  return header;
}

/// Magic, version and size, which are read before anything else is trusted.
constexpr uint64_t smallestDescriptor = 16;

/// Whether a segment of the image has the memory at [address, address + size).
bool isLoaded(std::span<const uint8_t> file, const Elf64_Ehdr &header,
              uint64_t address, uint64_t size) {
  uint64_t tableBytes = uint64_t(header.e_phnum) * sizeof(Elf64_Phdr);
  if (header.e_phentsize != sizeof(Elf64_Phdr) ||
      !isWithin(header.e_phoff, tableBytes, file.size()))
    return false;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    auto segment = entryAt<Elf64_Phdr>(file, header.e_phoff, i);
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
        isWithin(address - segment.p_vaddr, size, segment.p_memsz))
      return true;
  }
  return false;
}

} // namespace

Status runtime::checkElfImage(std::span<const uint8_t> file) {
  Result<Elf64_Ehdr> header = readHeader(file);
  if (!header)
    return header.takeError();
  if (header->e_type != ET_DYN)
    return Error{"expected a shared library, got ELF type " +
                 std::to_string(header->e_type)};
  uint64_t tableBytes = uint64_t(header->e_phnum) * sizeof(Elf64_Phdr);
  if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
      !isWithin(header->e_phoff, tableBytes, file.size()))
    return Error{"damaged library: program headers lie outside of the file"};
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    auto segment = entryAt<Elf64_Phdr>(file, header->e_phoff, i);
    if (!isWithin(segment.p_offset, segment.p_filesz, file.size()))
      return Error{"damaged library: segment " + std::to_string(i) +
                   " lies outside of the file: it is truncated"};
  }
  return {};
}

Result<std::string> runtime::findModelSymbol(std::span<const uint8_t> file) {
  Result<Elf64_Ehdr> header = readHeader(file);
  if (!header)
    return header.takeError();
  uint64_t tableBytes = uint64_t(header->e_shnum) * sizeof(Elf64_Shdr);
  if (header->e_shnum == 0 || header->e_shentsize != sizeof(Elf64_Shdr) ||
      !isWithin(header->e_shoff, tableBytes, file.size()))
    return Error{"the library has no section headers: they were stripped, or "
                 "the file is damaged"};
  std::string found;
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    auto symbols = entryAt<Elf64_Shdr>(file, header->e_shoff, i);
    if (symbols.sh_type != SHT_DYNSYM)
      continue;
    if (symbols.sh_link >= header->e_shnum)
      return Error{"damaged library: symbols without names"};
    auto names = entryAt<Elf64_Shdr>(file, header->e_shoff, symbols.sh_link);
    if (!isWithin(symbols.sh_offset, symbols.sh_size, file.size()) ||
        !isWithin(names.sh_offset, names.sh_size, file.size()))
      return Error{"damaged library: symbols lie outside of the file"};
    std::string_view text(
        reinterpret_cast<const char *>(file.data() + names.sh_offset),
        names.sh_size);
    for (uint64_t s = 0; s < symbols.sh_size / sizeof(Elf64_Sym); ++s) {
      auto symbol = entryAt<Elf64_Sym>(file, symbols.sh_offset, s);
      // Functions of the API begin with the same letters.
      if (ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT ||
          symbol.st_shndx == SHN_UNDEF || symbol.st_name >= text.size())
        continue;
      std::string_view name = text.substr(symbol.st_name);
      size_t end = name.find('\0');
      if (end == std::string_view::npos)
        continue;
      name = name.substr(0, end);
      if (!name.starts_with("espalier_model_"))
        continue;
      if (symbol.st_size < smallestDescriptor ||
          !isLoaded(file, *header, symbol.st_value, symbol.st_size))
        return Error{"damaged library: symbol '" + std::string(name) +
                     "' is no descriptor"};
      if (!found.empty() && found != name)
        return Error{"expected one model, got '" + found + "' and '" +
                     std::string(name) + "': open each by its descriptor"};
      found = name;
    }
  }
  if (found.empty())
    return Error{"the library exports no model: expected a symbol "
                 "espalier_model_NAME, as `espalier compile` makes it"};
  return found;
}
