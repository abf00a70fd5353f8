//===- Normalize.cpp - Normalisation forms --------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Text is cut into segments at characters that are starters, have no
/// decomposition and never combine with what precedes them; only segments that
/// hold another character are decomposed, ordered and composed. The ordering is
/// ours, since utf8proc's own takes quadratic time on long runs of marks.
///
//===----------------------------------------------------------------------===//

#include "Normalize.h"
#include "Characters.h"

#include "espalier/Support/Utf8.h"

#include <algorithm>
#include <cstdint>
#include <utf8proc.h>
#include <vector>

namespace espalier::text {

namespace {

struct Form {
  bool composes, compatible;

  utf8proc_option_t options() const {
    return static_cast<utf8proc_option_t>(
        UTF8PROC_STABLE | (composes ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
        (compatible ? UTF8PROC_COMPAT : 0));
  }
};

unsigned combiningClass(int32_t scalar) {
  return utf8proc_get_property(scalar)->combining_class;
}

/// Whether normalisation can change the character or what stands before it.
bool isActive(Form form, uint32_t scalar) {
  if (scalar < 0x80)
    return false;
  if (form.composes) {
    // All below the combining marks are composed as they stand, and so are the
    // Hangul syllables; the vowels and finals of Hangul compose with what
    // precedes.
    if ((scalar < 0x300 && !form.compatible) ||
        (scalar >= 0xac00 && scalar <= 0xd7a3))
      return false;
    // U+11A7, which stands for no final, does not, though utf8proc would drop
    // it: on its own it begins a segment.
    if ((scalar >= 0x1161 && scalar <= 0x1175) ||
        (scalar >= 0x11a8 && scalar <= 0x11c2))
      return true;
  } else if (scalar >= 0xac00 && scalar <= 0xd7a3) {
    return true;
  }
  const utf8proc_property_t *property =
      utf8proc_get_property(static_cast<utf8proc_int32_t>(scalar));
  bool decomposes = property->decomp_seqindex != UINT16_MAX &&
                    (form.compatible || property->decomp_type == 0);
  bool combinesBackwards = form.composes &&
                           property->comb_index != UINT16_MAX &&
                           property->comb_index >= 0x8000;
  return property->combining_class != 0 || decomposes || combinesBackwards;
}

void decompose(Form form, std::string_view segment, std::vector<int32_t> &out) {
  out.clear();
  for (size_t i = 0; i < segment.size();) {
    Scalar scalar = scalarAt(segment, i);
    i += scalar.length;
    int32_t parts[32];
    utf8proc_ssize_t count =
        utf8proc_decompose_char(static_cast<int32_t>(scalar.value), parts, 32,
                                form.options(), /*last_boundclass=*/nullptr);
    if (count < 0 || count > 32)
      out.push_back(static_cast<int32_t>(scalar.value));
    else
      out.insert(out.end(), parts, parts + count);
  }
}

/// Sorts marks by combining class, equal ones as they stood: by keys of class,
/// position and scalar.
void sortMarks(std::vector<int32_t>::iterator begin,
               std::vector<int32_t>::iterator end) {
  auto before = [](int32_t a, int32_t b) {
    return combiningClass(a) < combiningClass(b);
  };
  if (std::is_sorted(begin, end, before))
    return;
  std::vector<uint64_t> keys;
  for (auto it = begin; it != end; ++it)
    keys.push_back(uint64_t(combiningClass(*it)) << 56 |
                   uint64_t(it - begin) << 21 | uint64_t(*it));
  std::sort(keys.begin(), keys.end());
  std::transform(keys.begin(), keys.end(), begin, [](uint64_t key) {
    return static_cast<int32_t>(key & 0x1fffff);
  });
}

void reorder(std::vector<int32_t> &scalars) {
  for (auto it = scalars.begin(), end = scalars.end(); it != end;) {
    if (combiningClass(*it) == 0) {
      ++it;
      continue;
    }
    auto runEnd = std::find_if(
        it, end, [](int32_t scalar) { return combiningClass(scalar) == 0; });
    sortMarks(it, runEnd);
    it = runEnd;
  }
}

} // namespace

std::string_view normalizeForm(uint32_t kind, std::string_view text,
                               std::string &storage) {
  const Form form = {
      kind == ESPALIER_NORMALIZE_NFC || kind == ESPALIER_NORMALIZE_NFKC,
      kind == ESPALIER_NORMALIZE_NFKC || kind == ESPALIER_NORMALIZE_NFKD};
  std::vector<int32_t> scalars;
  bool changed = false;
  size_t copied = 0;       // text before is in `storage`
  size_t segmentBegin = 0; // the last inactive character
  for (size_t i = 0; i < text.size();) {
    if (static_cast<uint8_t>(text[i]) < 0x80) {
      segmentBegin = i++;
      continue;
    }
    Scalar scalar = scalarAt(text, i);
    if (!isActive(form, scalar.value)) {
      segmentBegin = i;
      i += scalar.length;
      continue;
    }
    do {
      i += scalar.length;
      if (i == text.size())
        break;
      scalar = scalarAt(text, i);
    } while (isActive(form, scalar.value));

    if (!changed)
      storage.clear();
    changed = true;
    storage.append(text.substr(copied, segmentBegin - copied));
    decompose(form, text.substr(segmentBegin, i - segmentBegin), scalars);
    reorder(scalars);
    auto count = static_cast<utf8proc_ssize_t>(scalars.size());
    if (form.composes)
      count = utf8proc_normalize_utf32(scalars.data(), count, form.options());
    for (utf8proc_ssize_t k = 0; k < count; ++k)
      appendUtf8(storage, static_cast<uint32_t>(scalars[k]));
    copied = segmentBegin = i;
  }
  if (!changed)
    return text;
  storage.append(text.substr(copied));
  return storage;
}

} // namespace espalier::text
