//===- Interpreter.h - One rendering of a template --------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A function that fails calls fail() and returns anything; who called it looks
/// at failed() before it goes on. Values are made in the arena and live until
/// the rendering ends, so nothing is counted or freed.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CHAT_INTERPRETER_H
#define ESPALIER_RUNTIME_CHAT_INTERPRETER_H

#include "Syntax.h"
#include "Template.h"

#include <span>
#include <type_traits>

namespace espalier::chat {

/// Names in scope; a macro keeps the scope that it stands in.
struct Scope {
  struct Binding {
    std::string_view name;
    Value value;
    Binding *next;
  };
  Scope *parent;
  Binding *first;
};

struct Macro {
  const Node *node; ///< Macro or CallBlock
  Scope *scope;
};

/// The functions that need no object.
enum class Function : unsigned {
  Range,
  Dict,
  Namespace,
  RaiseException,
  StrftimeNow
};

struct NamedValue {
  std::string_view name;
  Value value;
};

/// The arguments of a call. What is taken is marked, so that finish() can
/// refuse the rest.
class Arguments {
public:
  std::vector<Value> values;
  std::vector<NamedValue> named;

  /// The argument at `index` or with that name; null: not given.
  const Value *find(size_t index, std::string_view name);
  size_t positional = 0; ///< taken by place
  size_t byName = 0;
};

class Interpreter {
public:
  Interpreter(const Program &program, const Limits &limits, int64_t now)
      : program(program), limits(limits), now(now), arena(limits.memory) {}

  /// False: see `failure`.
  bool run(const Data &variables, std::string &text);
  Failure failure;

private:
  friend struct FilterTable;
  friend struct TestTable;
  friend struct MethodTable;

  // Failing, and what it may cost (Interpreter.cpp).
  bool failed() const { return hasFailed; }
  Value fail(const std::string &message);
  Value failFatally(const std::string &message);
  /// Counts steps; false: too many, or failed before.
  bool spend(uint64_t count);
  bool spendBytes(size_t bytes) { return spend(1 + bytes / 16); }
  struct Depth {
    explicit Depth(Interpreter &in) : in(in) {
      if (++in.depth > in.limits.depth)
        in.failFatally("the template goes deeper than " +
                       std::to_string(in.limits.depth) + " levels");
    }
    ~Depth() { --in.depth; }
    Interpreter &in;
  };
  template <typename T> T *make(size_t count = 1) {
    static_assert(std::is_trivially_destructible_v<T>);
    size_t bytes;
    void *memory = __builtin_mul_overflow(count, sizeof(T), &bytes)
                       ? nullptr
                       : arena.allocate(bytes);
    if (!memory)
      failFatally("the template needs more than " +
                  std::to_string(limits.memory >> 20) + " MB for its values");
    return static_cast<T *>(memory);
  }

  // Making values (Interpreter.cpp).
  std::string_view keep(std::string_view text);
  Value text(std::string_view text, bool markup = false);
  Sequence *sequence(SequenceKind kind, size_t capacity);
  bool append(Sequence *sequence, Value value);
  Value iterator(Sequence *items);
  /// The same; what failed meanwhile fails when the iterator gets there, as
  /// with a generator.
  Value lazily(Sequence *items);
  Value pair(Value first, Value second);
  Dict *dict(size_t capacity);
  bool insert(Dict *dict, Value key, Value value);
  static bool isHashable(const Value &value);
  /// Null: not there, or failed.
  Value *find(const Dict *dict, const Value &key);
  Value fromData(const Data &data);

  // Statements (Statements.cpp).
  enum class Flow { Next, Break, Continue };
  Flow execute(const std::vector<Node *> &body);
  Flow statement(const Node &node);
  Flow forLoop(const Node &node);
  bool emit(std::string_view text);
  Value capture(const std::vector<Node *> &body, Flow *flow = nullptr);
  Value captured(const Node *filters, Value text);
  void assign(const Node &target, Value value);
  void bind(std::string_view name, Value value);
  Scope *newScope(Scope *parent);
  Value callMacro(const Macro &macro, Arguments &arguments);
  void callBlock(const Node &node);

  // Expressions (Expressions.cpp).
  Value evaluate(const Node *node);
  Value name(const Node &node);
  Value literal(const Node &node);
  Value call(const Node &node, const Value *caller = nullptr);
  Value callValue(const Value &callee, Arguments &arguments);
  Value callFunction(Function function, Arguments &arguments);
  Value filter(const Node &node, const Value *block = nullptr);
  Value test(const Node &node);
  bool arguments(const Node &node, Arguments &out);
  Value compare(const Node &node);
  Value concat(const Node &node);

  // Operators (Operators.cpp).
  Value binary(Operation op, const Value &left, const Value &right);
  Value arithmetic(Operation op, const Value &left, const Value &right);
  Value repeat(const Value &value, int64_t count);
  Value format(std::string_view pattern, std::span<const Value> values,
               bool mayRest = false);
  bool truth(const Value &value);
  bool equal(const Value &left, const Value &right);
  /// Below 0, 0 or above 0; fails where the kinds have no order.
  int order(const Value &left, const Value &right, const char *sign);
  bool contains(const Value &container, const Value &item);
  bool decide(Operation op, const Value &left, const Value &right);
  /// What a value is walked through as, or null after a failure.
  const Sequence *walk(const Value &value);
  std::string undefinedMessage(const Value &value);

  // Members (Members.cpp).
  Value member(const Value &object, std::string_view name);
  Value element(const Value &object, const Value &index);
  Value slice(const Value &object, const Node &node);
  Value loopMember(const Loop &loop, std::string_view name);
  Value attribute(const Value &object, const Value &path);
  bool hasMethod(const Value &object, std::string_view name);

  // Methods (Methods.cpp): of texts, dicts, lists and loops.
  Value callMethod(const Value &self, std::string_view name,
                   Arguments &arguments);
  Value textMethod(const Value &self, std::string_view name,
                   Arguments &arguments);
  Value dictMethod(const Value &self, std::string_view name,
                   Arguments &arguments);
  Value split(const Value &self, bool fromRight, Arguments &arguments);
  Value strip(const Value &self, bool left, bool right, const Value *chars);
  Value replaced(std::string_view text, std::string_view from,
                 std::string_view to, int64_t count, bool markup);
  Value joined(std::string_view separator, const Sequence &items);

  // Arguments.
  Value take(Arguments &arguments, size_t index, const char *name,
             Value otherwise);
  bool require(Arguments &arguments, size_t index, const char *name,
               Value &out);
  /// Refuses arguments that nobody took.
  bool finish(const Arguments &arguments, std::string_view what);
  bool wantText(const Value &value, std::string_view what,
                std::string_view &out);
  bool wantInteger(const Value &value, std::string_view what, int64_t &out);

  // Writing values (Write.cpp). Appends to `out`.
  bool write(std::string &out, const Value &value);
  bool writeRepr(std::string &out, const Value &value);
  bool writeJson(std::string &out, const Value &value, const struct JsonStyle &,
                 unsigned level);
  /// str(value), as a view that lives as long as the rendering.
  Value asText(const Value &value);
  /// The text itself with its markup, or str(value).
  Value softText(const Value &value);
  Value escaped(const Value &value);
  bool tooLong(size_t bytes);

  const Program &program;
  const Limits &limits;
  int64_t now;
  Arena arena;
  std::string *out = nullptr;
  Scope *scope = nullptr;
  uint32_t line = 0;
  uint32_t depth = 0;
  uint64_t steps = 0, emitted = 0;
  bool hasFailed = false;
  bool isFatal = false; ///< a limit: nothing goes on behind it
};

/// "str", "int", ...: Python's name of a value's type.
std::string_view typeName(const Value &value);

using Builtin = Value (*)(Interpreter &, const Value &input, Arguments &);
Builtin filterAt(unsigned index);
Builtin testAt(unsigned index);

} // namespace espalier::chat

#endif // ESPALIER_RUNTIME_CHAT_INTERPRETER_H
