//===- Statements.cpp - Running a template's statements ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include <optional>

using namespace espalier;
using namespace espalier::chat;

bool Interpreter::emit(std::string_view text) {
  if (!spendBytes(text.size()))
    return false;
  if (text.size() > limits.output - emitted) {
    failFatally("the template makes more than " +
                std::to_string(limits.output >> 20) + " MB of text");
    return false;
  }
  emitted += text.size();
  out->append(text);
  return true;
}

Scope *Interpreter::newScope(Scope *parent) {
  auto *made = make<Scope>();
  if (made)
    *made = {parent, nullptr};
  return made;
}

/// Sets a name in the scope at hand.
void Interpreter::bind(std::string_view name, Value value) {
  uint64_t count = 1;
  for (Scope::Binding *b = scope->first; b; b = b->next, ++count)
    if (b->name == name) {
      b->value = value;
      return;
    }
  if (!spend(count))
    return;
  auto *made = make<Scope::Binding>();
  if (!made)
    return;
  *made = {name, value, scope->first};
  scope->first = made;
}

void Interpreter::assign(const Node &target, Value value) {
  line = target.line;
  if (target.kind == NodeKind::Name) {
    bind(target.text, value);
    return;
  }
  if (target.kind == NodeKind::Member) {
    Value object = evaluate(target.children[0]);
    if (failed())
      return;
    if (!object.is(Kind::Namespace)) {
      fail("cannot set '" + std::string(target.text) +
           "' of what is not a namespace");
      return;
    }
    if (!target.text.empty() && target.text[0] == '_') {
      fail("a name in a namespace may not begin with '_'");
      return;
    }
    insert(object.dict, Value::of(target.text), value);
    return;
  }
  const Sequence *items = walk(value);
  if (!items)
    return;
  if (items->size != target.children.size()) {
    fail("cannot assign " + std::to_string(items->size) + " values to " +
         std::to_string(target.children.size()) + " names");
    return;
  }
  for (size_t i = 0; i < items->size && !failed(); ++i)
    assign(*target.children[i], items->items[i]);
}

/// The text that `body` makes, in a scope of its own.
Value Interpreter::capture(const std::vector<Node *> &body, Flow *flow) {
  Scope *around = scope;
  std::string *to = out;
  std::string text;
  if (!(scope = newScope(around))) {
    scope = around;
    return Value();
  }
  out = &text;
  Flow result = execute(body);
  if (flow)
    *flow = result;
  out = to;
  scope = around;
  return failed() ? Value() : this->text(text);
}

/// What the filters of a block, where there are any, make of its text.
Value Interpreter::captured(const Node *filters, Value text) {
  return filters && !failed() ? filter(*filters, &text) : text;
}

Interpreter::Flow Interpreter::execute(const std::vector<Node *> &body) {
  for (const Node *node : body) {
    Flow flow = statement(*node);
    if (failed() || flow != Flow::Next)
      return flow;
  }
  return Flow::Next;
}

Interpreter::Flow Interpreter::statement(const Node &node) {
  Depth guard(*this);
  if (!spend(1))
    return Flow::Next;
  line = node.line;
  switch (node.kind) {
  case NodeKind::Data:
    emit(node.text);
    break;
  case NodeKind::Output: {
    Value value = evaluate(node.children[0]);
    if (failed())
      break;
    line = node.line;
    if (value.isText()) {
      emit(value.text());
      break;
    }
    std::string text;
    if (write(text, value))
      emit(text);
    break;
  }
  case NodeKind::Set: {
    Value value = evaluate(node.children[1]);
    if (!failed())
      assign(*node.children[0], value);
    break;
  }
  case NodeKind::SetBlock: {
    Flow flow = Flow::Next;
    Value text = captured(node.children[1], capture(node.body, &flow));
    if (failed() || flow != Flow::Next)
      return flow;
    assign(*node.children[0], text);
    break;
  }
  case NodeKind::If:
    for (const Node *branch : node.children) {
      const Node *condition = branch->children[0];
      if (condition) {
        Value value = evaluate(condition);
        if (failed())
          return Flow::Next;
        if (!truth(value))
          continue;
      }
      return execute(branch->body);
    }
    break;
  case NodeKind::For:
    return forLoop(node);
  case NodeKind::Macro: {
    auto *macro = make<Macro>();
    if (!macro)
      break;
    *macro = {&node, scope};
    Value value;
    value.kind = Kind::Macro;
    value.macro = macro;
    bind(node.text, value);
    break;
  }
  case NodeKind::CallBlock:
    callBlock(node);
    break;
  case NodeKind::FilterBlock: {
    Flow flow = Flow::Next;
    Value text = captured(node.children[0], capture(node.body, &flow));
    std::string written;
    if (!failed() && write(written, text))
      emit(written);
    return flow;
  }
  case NodeKind::With: {
    Scope *around = scope, *inner = newScope(around);
    for (size_t i = 0; inner && i < node.children.size(); i += 2) {
      scope = around;
      Value value = evaluate(node.children[i + 1]);
      scope = inner;
      if (!failed())
        assign(*node.children[i], value);
    }
    Flow flow = failed() ? Flow::Next : execute(node.body);
    scope = around;
    return flow;
  }
  case NodeKind::Generation: {
    Scope *around = scope, *inner = newScope(around);
    if (inner) {
      scope = inner;
      execute(node.body);
      scope = around;
    }
    break;
  }
  case NodeKind::Break:
    return Flow::Break;
  case NodeKind::Continue:
    return Flow::Continue;
  default:
    fail("a statement is expected");
    break;
  }
  return Flow::Next;
}

Interpreter::Flow Interpreter::forLoop(const Node &node) {
  const Node &target = *node.children[0];
  Value from = evaluate(node.children[1]);
  if (failed())
    return Flow::Next;
  // What fails behind the first items, while they are made or chosen, fails
  // when the loop gets there: it may be left before.
  std::optional<Failure> pending;
  if (from.is(Kind::Sequence) && from.sequence->error) {
    Sequence &failing = *from.sequence;
    pending = Failure{std::string(failing.error, failing.errorSize), line};
    failing.error = nullptr;
  }
  const Sequence *items = walk(from);
  if (!items)
    return Flow::Next;
  Scope *around = scope;
  if (const Node *condition = node.children[2]) {
    Sequence *chosen = sequence(SequenceKind::List, 0);
    for (size_t i = 0; !failed() && i < items->size; ++i) {
      if (!(scope = newScope(around)))
        break;
      assign(target, items->items[i]);
      Value value = failed() ? Value() : evaluate(condition);
      if (!failed() && truth(value))
        append(chosen, items->items[i]);
    }
    scope = around;
    if (failed() && (isFatal || !chosen))
      return Flow::Next;
    if (failed()) {
      pending = std::move(failure);
      failure = Failure();
      hasFailed = false;
    }
    items = chosen;
  }
  Loop *loop = make<Loop>();
  if (!loop)
    return Flow::Next;
  *loop = {items, 0, 0, nullptr};
  Value loopValue;
  loopValue.kind = Kind::Loop;
  loopValue.loop = loop;
  // As in Jinja, an iteration that was left by continue or break does not
  // count for else.
  bool wasThrough = false, wasLeft = false;
  for (; loop->index0 < items->size; ++loop->index0) {
    if (!spend(1) || !(scope = newScope(around)))
      break;
    bind("loop", loopValue);
    assign(target, items->items[loop->index0]);
    Flow flow = failed() ? Flow::Next : execute(node.body);
    wasLeft = flow == Flow::Break;
    if (failed() || wasLeft)
      break;
    wasThrough |= flow == Flow::Next;
  }
  scope = around;
  if (pending && !failed() && !wasLeft) {
    fail(pending->message);
    failure = std::move(*pending);
  }
  if (failed() || wasThrough || node.otherwise.empty())
    return Flow::Next;
  Scope *inner = newScope(around);
  if (!inner)
    return Flow::Next;
  scope = inner;
  Flow flow = execute(node.otherwise);
  scope = around;
  return flow;
}

//===--- Macros -----------------------------------------------------------===//

Value Interpreter::callMacro(const Macro &macro, Arguments &arguments) {
  Depth guard(*this);
  const Node &node = *macro.node;
  std::string name = node.kind == NodeKind::Macro ? std::string(node.text)
                                                  : std::string("caller");
  uint32_t calledAt = line;
  Scope *around = scope, *inner = newScope(macro.scope);
  if (failed())
    return Value();
  scope = inner;
  size_t byPlace = std::min(arguments.values.size(), node.keywords.size());
  std::vector<bool> used(arguments.named.size());
  for (size_t i = 0; i < node.keywords.size() && !failed(); ++i) {
    const Keyword &parameter = node.keywords[i];
    if (i < byPlace) {
      bind(parameter.name, arguments.values[i]);
      continue;
    }
    bool found = false;
    for (size_t k = 0; k < arguments.named.size() && !found; ++k)
      if (arguments.named[k].name == parameter.name) {
        bind(parameter.name, arguments.named[k].value);
        used[k] = found = true;
      }
    if (found)
      continue;
    if (parameter.value)
      bind(parameter.name, evaluate(parameter.value));
    else
      bind(parameter.name,
           Value::undefined(keep("parameter '" + std::string(parameter.name) +
                                 "' was not provided")));
  }
  Value caller = Value::undefined("no caller is defined");
  Dict *rest = dict(0);
  for (size_t k = 0; k < arguments.named.size() && !failed(); ++k) {
    if (used[k])
      continue;
    const NamedValue &one = arguments.named[k];
    if (one.name == "caller" && (node.uses & UsesCaller))
      caller = one.value;
    else if (node.uses & UsesKeywords)
      insert(rest, Value::of(one.name), one.value);
    else
      fail("macro '" + name + "' takes no argument '" + std::string(one.name) +
           "'");
  }
  if (!failed() && (node.uses & UsesCaller))
    bind("caller", caller);
  if (!failed() && (node.uses & UsesKeywords))
    bind("kwargs", Value::of(rest));
  if (!failed() && (node.uses & UsesRest)) {
    Sequence *more = sequence(SequenceKind::Tuple, 0);
    for (size_t i = byPlace; i < arguments.values.size(); ++i)
      append(more, arguments.values[i]);
    if (more)
      bind("varargs", Value::of(more));
  } else if (!failed() && byPlace < arguments.values.size()) {
    fail("macro '" + name + "' takes at most " +
         std::to_string(node.keywords.size()) + " arguments");
  }
  Value result = failed() ? Value() : capture(node.body);
  scope = around;
  if (!failed())
    line = calledAt;
  return result;
}

void Interpreter::callBlock(const Node &node) {
  auto *macro = make<Macro>();
  if (!macro)
    return;
  *macro = {&node, scope};
  Value caller;
  caller.kind = Kind::Macro;
  caller.macro = macro;
  Value result = call(*node.children[0], &caller);
  std::string text;
  if (!failed() && write(text, result))
    emit(text);
}
