//===- Expressions.cpp - Evaluating a template's expressions ----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Characters.h"
#include "Interpreter.h"

#include <ctime>

using namespace espalier;
using namespace espalier::chat;

Value Interpreter::evaluate(const Node *node) {
  Depth guard(*this);
  if (!spend(1))
    return Value();
  line = node->line;
  switch (node->kind) {
  case NodeKind::Constant:
    return node->value;
  case NodeKind::Name:
    return name(*node);
  case NodeKind::List:
  case NodeKind::Tuple:
  case NodeKind::Dict:
    return literal(*node);
  case NodeKind::Member: {
    Value object = evaluate(node->children[0]);
    return failed() ? object : member(object, node->text);
  }
  case NodeKind::Subscript: {
    Value object = evaluate(node->children[0]);
    if (failed())
      return object;
    if (node->children[1]->kind == NodeKind::Slice)
      return slice(object, *node->children[1]);
    Value index = evaluate(node->children[1]);
    return failed() ? index : element(object, index);
  }
  case NodeKind::Call:
    return call(*node);
  case NodeKind::Filter:
    return filter(*node);
  case NodeKind::Test:
    return test(*node);
  case NodeKind::Not: {
    Value value = evaluate(node->children[0]);
    return failed() ? value : Value::of(!truth(value));
  }
  case NodeKind::Negate:
  case NodeKind::Plus: {
    Value value = evaluate(node->children[0]);
    if (failed())
      return value;
    if (node->kind == NodeKind::Negate && value.isNumber() &&
        !value.is(Kind::Real))
      return arithmetic(Operation::Subtract, Value::of(int64_t(0)), value);
    if (value.is(Kind::Real))
      return node->kind == NodeKind::Plus ? value : Value::of(-value.real);
    if (value.isWhole())
      return Value::of(value.whole());
    return fail(value.isUndefined()
                    ? undefinedMessage(value)
                    : "bad operand of a sign: " + std::string(typeName(value)));
  }
  case NodeKind::Binary: {
    Value left = evaluate(node->children[0]);
    Value right = failed() ? Value() : evaluate(node->children[1]);
    line = failed() ? line : node->line;
    return failed() ? right : binary(node->op, left, right);
  }
  case NodeKind::And:
  case NodeKind::Or: {
    Value left = evaluate(node->children[0]);
    if (failed() || truth(left) == (node->kind == NodeKind::Or))
      return left;
    return failed() ? left : evaluate(node->children[1]);
  }
  case NodeKind::Compare:
    return compare(*node);
  case NodeKind::Concat:
    return concat(*node);
  case NodeKind::Conditional: {
    Value condition = evaluate(node->children[0]);
    if (failed())
      return condition;
    if (truth(condition))
      return evaluate(node->children[1]);
    if (node->children[2])
      return evaluate(node->children[2]);
    return Value::undefined("an inline 'if' was false and has no 'else'");
  }
  default:
    return fail("an expression is expected");
  }
}

Value Interpreter::name(const Node &node) {
  uint64_t count = 0;
  for (const Scope *s = scope; s; s = s->parent)
    for (const Scope::Binding *b = s->first; b; b = b->next, ++count)
      if (b->name == node.text) {
        spend(count / 8);
        return b->value;
      }
  spend(count / 8);
  static constexpr const char *functions[] = {
      "range", "dict", "namespace", "raise_exception", "strftime_now"};
  for (unsigned i = 0; i < std::size(functions); ++i)
    if (node.text == functions[i]) {
      Value value;
      value.kind = Kind::Function;
      value.function = i;
      return value;
    }
  return Value::undefined(node.text, Missing::Name);
}

Value Interpreter::literal(const Node &node) {
  if (node.kind == NodeKind::Dict) {
    Dict *made = dict(node.children.size() / 2);
    for (size_t i = 0; !failed() && i < node.children.size(); i += 2) {
      Value key = evaluate(node.children[i]);
      Value value = failed() ? Value() : evaluate(node.children[i + 1]);
      if (!failed())
        insert(made, key, value);
    }
    return failed() ? Value() : Value::of(made);
  }
  Sequence *made = sequence(node.kind == NodeKind::List ? SequenceKind::List
                                                        : SequenceKind::Tuple,
                            node.children.size());
  for (const Node *child : node.children) {
    Value value = failed() ? Value() : evaluate(child);
    if (failed() || !append(made, value))
      return Value();
  }
  return made ? Value::of(made) : Value();
}

Value Interpreter::compare(const Node &node) {
  Value left = evaluate(node.children[0]);
  for (size_t i = 0; !failed() && i < node.ops.size(); ++i) {
    Value right = evaluate(node.children[i + 1]);
    if (failed())
      break;
    line = node.line;
    if (!decide(node.ops[i], left, right))
      return Value::of(false);
    left = right;
  }
  return Value::of(true);
}

Value Interpreter::concat(const Node &node) {
  std::string joined;
  for (const Node *child : node.children) {
    Value value = evaluate(child);
    if (failed() || !write(joined, value))
      return Value();
  }
  return text(joined);
}

//===--- Calls ------------------------------------------------------------===//

bool Interpreter::arguments(const Node &node, Arguments &out) {
  out.values.reserve(node.children.size());
  for (size_t i = 1; i < node.children.size(); ++i) {
    out.values.push_back(evaluate(node.children[i]));
    if (failed())
      return false;
  }
  out.named.reserve(node.keywords.size() + 1);
  for (const Keyword &keyword : node.keywords) {
    out.named.push_back({keyword.name, evaluate(keyword.value)});
    if (failed())
      return false;
  }
  return true;
}

Value Interpreter::call(const Node &node, const Value *caller) {
  const Node &callee = *node.children[0];
  Arguments given;
  if (callee.kind == NodeKind::Member) {
    Value object = evaluate(callee.children[0]);
    if (failed())
      return object;
    if (hasMethod(object, callee.text)) {
      if (!arguments(node, given))
        return Value();
      line = node.line;
      return callMethod(object, callee.text, given);
    }
    Value function = member(object, callee.text);
    if (failed() || !arguments(node, given))
      return Value();
    if (caller)
      given.named.push_back({"caller", *caller});
    line = node.line;
    return callValue(function, given);
  }
  Value function = evaluate(&callee);
  if (failed() || !arguments(node, given))
    return Value();
  if (caller)
    given.named.push_back({"caller", *caller});
  line = node.line;
  return callValue(function, given);
}

Value Interpreter::callValue(const Value &callee, Arguments &arguments) {
  switch (callee.kind) {
  case Kind::Macro:
    return callMacro(*callee.macro, arguments);
  case Kind::Function:
    return callFunction(Function(callee.function), arguments);
  case Kind::Method:
    return callMethod(callee.method->self, callee.method->name, arguments);
  case Kind::Undefined:
    return fail(undefinedMessage(callee));
  case Kind::Loop:
    return fail("a recursive loop is not supported");
  default:
    return fail(std::string(typeName(callee)) + " cannot be called");
  }
}

Value Interpreter::callFunction(Function function, Arguments &arguments) {
  switch (function) {
  case Function::Range: {
    Value first;
    int64_t from = 0, to = 0, by = 1;
    if (!require(arguments, 0, "start", first) ||
        !wantInteger(first, "range", from))
      return Value();
    to = from;
    from = 0;
    if (const Value *given = arguments.find(1, "stop")) {
      from = to;
      if (!wantInteger(*given, "range", to))
        return Value();
    }
    if (const Value *given = arguments.find(2, "step"))
      if (!wantInteger(*given, "range", by))
        return Value();
    if (!finish(arguments, "range"))
      return Value();
    if (by == 0)
      return fail("range: the step may not be 0");
    // The distance of two numbers fits into 64 bits without sign.
    uint64_t count = 0;
    if (by > 0 && to > from)
      count = (uint64_t(to) - uint64_t(from) - 1) / uint64_t(by) + 1;
    if (by < 0 && to < from)
      count = (uint64_t(from) - uint64_t(to) - 1) / (0 - uint64_t(by)) + 1;
    if (count > 100'000)
      return fail("range: more than 100000 numbers");
    Sequence *made = sequence(SequenceKind::Range, size_t(count));
    for (uint64_t i = 0; i < count; ++i)
      append(made, Value::of(int64_t(uint64_t(from) + i * uint64_t(by))));
    return made ? Value::of(made) : Value();
  }
  case Function::Dict:
  case Function::Namespace: {
    Dict *made = dict(arguments.named.size());
    if (!arguments.values.empty()) {
      const Value &from = arguments.values[0];
      arguments.positional = 1;
      if (from.is(Kind::Dict)) {
        for (size_t i = 0; i < from.dict->size; ++i)
          insert(made, from.dict->keys[i], from.dict->values[i]);
      } else {
        const Sequence *pairs = walk(from);
        for (size_t i = 0; pairs && i < pairs->size && !failed(); ++i) {
          const Sequence *one = walk(pairs->items[i]);
          if (one && one->size != 2)
            fail("dict: expected pairs");
          if (one && !failed())
            insert(made, one->items[0], one->items[1]);
        }
      }
    }
    for (const NamedValue &one : arguments.named)
      insert(made, Value::of(one.name), one.value);
    arguments.byName = arguments.named.size();
    bool isNamespace = function == Function::Namespace;
    for (size_t i = 0; isNamespace && !failed() && i < made->size; ++i)
      if (made->keys[i].isText() && made->keys[i].size &&
          made->keys[i].data[0] == '_')
        fail("a name in a namespace may not begin with '_'");
    if (!finish(arguments, isNamespace ? "namespace" : "dict"))
      return Value();
    return Value::of(made, isNamespace ? Kind::Namespace : Kind::Dict);
  }
  case Function::RaiseException: {
    Value message;
    if (!require(arguments, 0, "message", message) ||
        !finish(arguments, "raise_exception"))
      return Value();
    std::string text;
    if (!write(text, message))
      return Value();
    if (!failed())
      failure.raised = true;
    return fail(text);
  }
  case Function::StrftimeNow: {
    Value pattern;
    std::string_view text;
    if (!require(arguments, 0, "format", pattern) ||
        !finish(arguments, "strftime_now") ||
        !wantText(pattern, "strftime_now", text))
      return Value();
    if (text.size() > 1000)
      return fail("strftime_now: the format is too long");
    // Python tells no zone here, and knows %f besides.
    std::string format;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == 0)
        return fail("strftime_now: the format holds a NUL");
      if (text[i] != '%' || i + 1 == text.size()) {
        format += text[i];
        continue;
      }
      char c = text[++i];
      if (c == 'f')
        format += "000000";
      else if (c != 'z' && c != 'Z')
        format += {'%', c};
    }
    if (format.empty())
      return Value::of(std::string_view());
    time_t seconds = time_t(now);
    tm parts = {};
    if (!localtime_r(&seconds, &parts))
      return fail("strftime_now: the time cannot be told");
    char buffer[8192];
    // A blank in front tells an empty result from one that does not fit.
    size_t size =
        strftime(buffer, sizeof(buffer), (" " + format).c_str(), &parts);
    if (size == 0)
      return fail("strftime_now: the text is too long");
    return this->text(std::string_view(buffer + 1, size - 1));
  }
  }
  return Value();
}

//===--- Filters and tests ------------------------------------------------===//

Value Interpreter::filter(const Node &node, const Value *block) {
  Depth guard(*this);
  const Node *from = node.children[0];
  Value input;
  if (!from)
    input = block ? *block : Value();
  else if (block && from->kind == NodeKind::Filter)
    input = filter(*from, block);
  else
    input = evaluate(from);
  Arguments given;
  if (failed() || !arguments(node, given))
    return Value();
  line = node.line;
  Value result = filterAt(node.builtin)(*this, input, given);
  return finish(given, node.text) ? result : Value();
}

Value Interpreter::test(const Node &node) {
  Value input = evaluate(node.children[0]);
  Arguments given;
  if (failed() || !arguments(node, given))
    return Value();
  line = node.line;
  Value result = testAt(node.builtin)(*this, input, given);
  return finish(given, node.text) ? result : Value();
}
