//===- MachineReader.h - Checked values of machine files --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What the readers of machine files share: objects with known keys, figures
/// with unit and source, errors that name the key and what is allowed.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_HARDWARE_MACHINEREADER_H
#define ESPALIER_LIB_HARDWARE_MACHINEREADER_H

#include "espalier/Support/Json.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace espalier::hardware {

struct Unit {
  std::string_view name;
  double scale;
};

inline constexpr Unit byteUnits[] = {
    {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};
inline constexpr Unit clockUnits[] = {{"GHz", 1e9}, {"MHz", 1e6}};
inline constexpr Unit timeUnits[] = {{"ns", 1e-9}, {"us", 1e-6}};
inline constexpr Unit countUnits[] = {{"count", 1}};
inline constexpr Unit bitUnits[] = {{"bit", 1}};
inline constexpr Unit issueUnits[] = {{"ops/cycle", 1}};

/// Reads one description; the first error stays, and later reads give zeros.
class Reader {
public:
  Reader(const std::string &file) : file(file) {}

  void fail(const std::string &key, const std::string &message) {
    if (!failure)
      failure = Error{file + ": key '" + key + "': " + message};
  }

  /// Refuses members other than `allowed`, and demands each of them.
  bool keys(const json::Value &object, const std::string &path,
            std::initializer_list<std::string_view> allowed) {
    const json::Object *members = object.asObject();
    if (!members) {
      fail(path.empty() ? "(the whole file)" : path,
           "expected an object, got " +
               std::string(json::kindName(object.kind())));
      return false;
    }
    std::string list;
    for (std::string_view name : allowed)
      list += (list.empty() ? "" : ", ") + std::string(name);
    for (auto &[name, value] : members->members())
      if (std::find(allowed.begin(), allowed.end(), name) == allowed.end())
        fail(join(path, name), "unknown; allowed here: " + list);
    for (std::string_view name : allowed)
      if (!members->find(name))
        fail(join(path, name), "missing");
    return !failure;
  }

  std::string text(const json::Value &object, const std::string &path,
                   std::string_view key) {
    const json::Value *value = object.find(key);
    const std::string *string = value ? value->asString() : nullptr;
    if (!string || string->empty()) {
      fail(join(path, key), "expected a string that is not empty");
      return "";
    }
    return *string;
  }

  std::string choice(const json::Value &object, const std::string &path,
                     std::string_view key,
                     std::initializer_list<std::string_view> allowed) {
    std::string got = text(object, path, key);
    check(got, join(path, key), allowed);
    return got;
  }

  void check(const std::string &got, const std::string &key,
             std::initializer_list<std::string_view> allowed) {
    if (std::find(allowed.begin(), allowed.end(), got) != allowed.end())
      return;
    std::string list;
    for (std::string_view name : allowed)
      list += (list.empty() ? "'" : ", '") + std::string(name) + "'";
    fail(key, "got '" + got + "'; allowed: " + list);
  }

  /// A value with its unit and source, in basic units, of `least` to `most`.
  double quantity(const json::Value &object, const std::string &path,
                  std::string_view key, std::span<const Unit> units,
                  double least, double most, bool whole = false) {
    const json::Value *entry = object.find(key);
    std::string here = join(path, key);
    if (failure || !entry || !keys(*entry, here, {"value", "unit", "source"}))
      return 0;
    text(*entry, here, "source");
    std::string unit = text(*entry, here, "unit");
    auto known = std::find_if(units.begin(), units.end(),
                              [&](const Unit &u) { return u.name == unit; });
    if (known == units.end()) {
      std::string list;
      for (const Unit &u : units)
        list += (list.empty() ? "'" : ", '") + std::string(u.name) + "'";
      fail(join(here, "unit"), "got '" + unit + "'; allowed: " + list);
      return 0;
    }
    std::optional<double> number = entry->find("value")->asDouble();
    // "B/cycle" has scale 0: it is the clock that makes it a rate.
    double scale = known->scale == 0 ? clock : known->scale;
    double value = number ? *number * scale : NAN;
    if (!(value >= least && value <= most) ||
        (whole && value != std::floor(value))) {
      char range[96];
      snprintf(range, sizeof(range), "expected %s of %.6g to %.6g %s",
               whole ? "a whole number" : "a number", least / scale,
               most / scale, unit.c_str());
      fail(join(here, "value"), range);
      return 0;
    }
    return value;
  }

  static std::string join(const std::string &path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }

  const std::string &file;
  double clock = 0;
  std::optional<Error> failure;
};

} // namespace espalier::hardware

#endif // ESPALIER_LIB_HARDWARE_MACHINEREADER_H
