//===- Container.cpp - Files of packed weights, untrusted -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Container.h"

#include "espalier/Support/Hash.h"

#include <bit>
#include <cstring>

using namespace espalier;
using namespace espalier::runtime;

static_assert(std::endian::native == std::endian::little,
              "the formats are little-endian and read as they are");

static std::string number(uint64_t value) { return std::to_string(value); }

static bool isEqual(const Hash128 &hash, const uint64_t (&expected)[2]) {
  return hash.low == expected[0] && hash.high == expected[1];
}

Result<std::optional<Extent>>
runtime::findBundle(std::span<const uint8_t> file) {
  espalier_bundle_footer footer;
  static_assert(sizeof(footer) == 64, "the footer is part of the format");
  static_assert(sizeof(ESPALIER_BUNDLE_MAGIC) - 1 == sizeof(footer.magic),
                "the magic fills its field");
  if (file.size() < sizeof(footer))
    return std::optional<Extent>();
  uint64_t end = file.size() - sizeof(footer);
  memcpy(&footer, file.data() + end, sizeof(footer));
  if (memcmp(footer.magic, ESPALIER_BUNDLE_MAGIC, sizeof(footer.magic)) != 0)
    return std::optional<Extent>();
  if (footer.version != 1)
    return Error{"bundled weights: expected version 1, got " +
                 number(footer.version) + ": use a newer runtime"};
  if (footer.reserved[0] || footer.reserved[1] || footer.reserved[2])
    return Error{"bundled weights: damaged footer: reserved fields are not 0"};
  if (footer.offset % 4096 != 0)
    return Error{"bundled weights: expected an offset that is a multiple of "
                 "4096, got " +
                 number(footer.offset)};
  if (footer.offset > end || footer.size > end - footer.offset)
    return Error{"bundled weights: expected an end within " + number(end) +
                 " bytes, got offset " + number(footer.offset) + " and size " +
                 number(footer.size) + ": the file is truncated or damaged"};
  return std::optional<Extent>(
      {footer.offset,
       footer.size,
       {footer.header_hash[0], footer.header_hash[1]}});
}

Result<std::span<const uint8_t>>
runtime::checkContainer(std::span<const uint8_t> container,
                        const espalier_descriptor &d) {
  uint64_t total = d.header_bytes + d.data_bytes; // checked: no overflow
  if (container.size() != total)
    return Error{"expected " + number(total) + " bytes, got " +
                 number(container.size()) +
                 ": the file is truncated, or of another model"};
  uint64_t length;
  memcpy(&length, container.data(), sizeof(length)); // header_bytes >= 64
  if (length != d.header_bytes - 8)
    return Error{"expected a header of " + number(d.header_bytes - 8) +
                 " bytes, got " + number(length) +
                 ": the file is of another model"};
  std::span<const uint8_t> header = container.first(d.header_bytes);
  Hash128 hash = hash128(header);
  if (!isEqual(hash, d.header_hash))
    return Error{"expected a header with hash " +
                 Hash128{d.header_hash[0], d.header_hash[1]}.hex() + ", got " +
                 hash.hex() +
                 ": the file is damaged, or of another model or compilation"};
  return container.subspan(d.header_bytes);
}
