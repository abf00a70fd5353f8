//===- Filters.h - The filters of templates ---------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CHAT_FILTERS_H
#define ESPALIER_RUNTIME_CHAT_FILTERS_H

#include "Interpreter.h"

namespace espalier::chat {

/// Each as Builtin says. A filter that Jinja makes a generator of gives an
/// iterator, which is true, has no length and can be walked through once.
struct FilterTable {
#define ESPALIER_CHAT_FILTERS(X, ALIAS)                                        \
  X("abs", abs)                                                                \
  X("attr", attr)                                                              \
  X("batch", batch)                                                            \
  X("capitalize", capitalize)                                                  \
  X("count", length)                                                           \
  X("d", defaulted)                                                            \
  ALIAS("default", defaulted)                                                  \
  X("dictsort", dictsort)                                                      \
  X("e", escape)                                                               \
  ALIAS("escape", escape)                                                      \
  X("first", first)                                                            \
  X("float", real)                                                             \
  X("forceescape", forceEscape)                                                \
  X("format", format)                                                          \
  X("indent", indent)                                                          \
  X("int", integer)                                                            \
  X("items", items)                                                            \
  X("join", join)                                                              \
  X("last", last)                                                              \
  ALIAS("length", length)                                                      \
  X("list", list)                                                              \
  X("lower", lower)                                                            \
  X("map", map)                                                                \
  X("max", max)                                                                \
  X("min", min)                                                                \
  X("reject", reject)                                                          \
  X("rejectattr", rejectAttr)                                                  \
  X("replace", replace)                                                        \
  X("reverse", reverse)                                                        \
  X("round", round)                                                            \
  X("safe", safe)                                                              \
  X("select", select)                                                          \
  X("selectattr", selectAttr)                                                  \
  X("sort", sort)                                                              \
  X("string", string)                                                          \
  X("sum", sum)                                                                \
  X("title", title)                                                            \
  X("tojson", toJson)                                                          \
  X("trim", trim)                                                              \
  X("unique", unique)                                                          \
  X("upper", upper)
#define ESPALIER_CHAT_DECLARE(NAME, FUNCTION)                                  \
  static Value FUNCTION(Interpreter &in, const Value &input, Arguments &given);
#define ESPALIER_CHAT_NOTHING(NAME, FUNCTION)
  ESPALIER_CHAT_FILTERS(ESPALIER_CHAT_DECLARE, ESPALIER_CHAT_NOTHING)
#undef ESPALIER_CHAT_DECLARE
#undef ESPALIER_CHAT_NOTHING

  static Value makeText(Interpreter &in, std::string_view text, bool markup);
  static Value choose(Interpreter &in, const Value &input, Arguments &given,
                      bool withAttribute, bool wanted);
  static Value extreme(Interpreter &in, const Value &input, Arguments &given,
                       bool largest);
  static Value sortKey(Interpreter &in, const Value &item,
                       const Value &attribute, bool caseSensitive);
  static void sortBy(Interpreter &in, Sequence &items, const Value *keys,
                     bool reverse, bool areLists);
};

} // namespace espalier::chat

#endif // ESPALIER_RUNTIME_CHAT_FILTERS_H
