//===- JsonData.h - JSON as what templates are given ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_TOOLS_JSONDATA_H
#define ESPALIER_TEST_TOOLS_JSONDATA_H

#include "Chat/Template.h"
#include "espalier/Support/Json.h"

namespace espalier {

inline chat::Data dataOf(const json::Value &value) {
  if (std::optional<bool> b = value.asBool())
    return chat::Data(*b);
  if (std::optional<int64_t> i = value.asInteger())
    return chat::Data(*i);
  if (std::optional<double> d = value.asDouble())
    return chat::Data(*d);
  if (const std::string *text = value.asString())
    return chat::Data(*text);
  if (const json::Array *array = value.asArray()) {
    chat::Data list = chat::Data::list();
    for (const json::Value &item : *array)
      list.items.push_back(dataOf(item));
    return list;
  }
  if (const json::Object *object = value.asObject()) {
    chat::Data map = chat::Data::map();
    for (const auto &[key, item] : object->members())
      map.add(key, dataOf(item));
    return map;
  }
  return chat::Data();
}

} // namespace espalier

#endif // ESPALIER_TEST_TOOLS_JSONDATA_H
