//===- ParseExpressions.cpp - Expressions of templates ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Parser.h"

using namespace espalier;
using namespace espalier::chat;

//===--- Primaries --------------------------------------------------------===//

Node *Parser::primary() {
  const Token &from = token();
  auto constant = [&](Value value) -> Node * {
    Node *node = make(NodeKind::Constant, from.line);
    if (node)
      node->value = value;
    return node;
  };
  switch (from.kind) {
  case TokenKind::Name: {
    next();
    if (from.text == "true" || from.text == "True")
      return constant(Value::of(true));
    if (from.text == "false" || from.text == "False")
      return constant(Value::of(false));
    if (from.text == "none" || from.text == "None")
      return constant(Value::none());
    for (const char *absent : {"lipsum", "cycler", "joiner", "self", "super"})
      if (from.text == absent)
        return fail("'" + std::string(absent) + "' is not supported",
                    from.line);
    uint8_t use = from.text == "caller"    ? UsesCaller
                  : from.text == "kwargs"  ? UsesKeywords
                  : from.text == "varargs" ? UsesRest
                                           : 0;
    for (Node *macro : macros)
      macro->uses |= use;
    Node *node = make(NodeKind::Name, from.line);
    if (node)
      node->text = from.text;
    return node;
  }
  case TokenKind::Text: {
    next();
    if (token().kind != TokenKind::Text)
      return constant(Value::of(from.text));
    std::string joined(from.text);
    for (; token().kind == TokenKind::Text; next())
      joined += token().text;
    return constant(Value::of(program.keep(std::move(joined))));
  }
  case TokenKind::Integer:
    next();
    return constant(Value::of(from.integer));
  case TokenKind::Real:
    next();
    return constant(Value::of(from.real));
  default:
    break;
  }
  if (skipOperator("(")) {
    Node *node = tuple(true, nullptr, true);
    return node && expectOperator(")") ? node : nullptr;
  }
  if (isOperator("["))
    return list();
  if (isOperator("{"))
    return dict();
  return fail("expected an expression, got " + described());
}

Node *Parser::tuple(bool withConditional, const char *endName,
                    bool isBracketed) {
  uint32_t line = token().line;
  std::vector<Node *> items;
  bool isTuple = false;
  for (;;) {
    if (token().kind == TokenKind::VariableEnd ||
        token().kind == TokenKind::BlockEnd || isOperator(")") ||
        (endName && isName(endName)))
      break;
    Node *item = expression(withConditional);
    if (!item)
      return nullptr;
    items.push_back(item);
    if (!skipOperator(","))
      break;
    isTuple = true;
  }
  if (!isTuple && !items.empty())
    return items[0];
  if (items.empty() && !isBracketed)
    return fail("expected an expression, got " + described());
  Node *node = make(NodeKind::Tuple, line);
  for (Node *item : items)
    if (!add(node, item))
      return nullptr;
  return node;
}

Node *Parser::list() {
  Node *node = make(NodeKind::List, token().line);
  next();
  while (node && !isOperator("]")) {
    if (!add(node, expression()))
      return nullptr;
    if (!isOperator("]") && !expectOperator(","))
      return nullptr;
  }
  next();
  return node;
}

Node *Parser::dict() {
  Node *node = make(NodeKind::Dict, token().line);
  next();
  while (node && !isOperator("}")) {
    if (!add(node, expression()) || !expectOperator(":") ||
        !add(node, expression()))
      return nullptr;
    if (!isOperator("}") && !expectOperator(","))
      return nullptr;
  }
  next();
  return node;
}

//===--- What follows a primary -------------------------------------------===//

Node *Parser::postfix(Node *node) {
  while (node) {
    if (isOperator(".") || isOperator("["))
      node = subscript(node);
    else if (isOperator("("))
      node = call(node);
    else
      break;
  }
  return node;
}

Node *Parser::filtersAndTests(Node *node) {
  while (node) {
    if (isOperator("|"))
      node = filter(node);
    else if (isName("is"))
      node = test(node);
    else if (isOperator("("))
      node = call(node);
    else
      break;
  }
  return node;
}

Node *Parser::subscript(Node *object) {
  uint32_t line = token().line;
  if (skipOperator(".")) {
    const Token &name = token();
    next();
    if (name.kind == TokenKind::Name) {
      Node *node = make(NodeKind::Member, line);
      if (!add(node, object))
        return nullptr;
      node->text = name.text;
      return node;
    }
    if (name.kind != TokenKind::Integer)
      return fail("expected a name or a number behind '.'", name.line);
    Node *node = make(NodeKind::Subscript, line);
    Node *number = make(NodeKind::Constant, name.line);
    if (!add(node, object) || !add(node, number))
      return nullptr;
    number->value = Value::of(name.integer);
    return node;
  }
  next();
  Node *node = make(NodeKind::Subscript, line);
  if (!add(node, object) || !add(node, index()))
    return nullptr;
  if (isOperator(","))
    return fail("a subscript of several parts is not supported");
  return expectOperator("]") ? node : nullptr;
}

/// A subscript's expression or slice.
Node *Parser::index() {
  uint32_t line = token().line;
  Node *parts[3] = {};
  if (!isOperator(":")) {
    parts[0] = expression();
    if (!parts[0] || !isOperator(":"))
      return parts[0];
  }
  for (int i = 1; i < 3 && skipOperator(":"); ++i)
    if (!isOperator(":") && !isOperator("]") && !isOperator(","))
      if (!(parts[i] = expression()))
        return nullptr;
  Node *node = make(NodeKind::Slice, line);
  if (!node)
    return nullptr;
  for (Node *part : parts) {
    if (part)
      raise(node, part);
    node->children.push_back(part);
  }
  return error ? nullptr : node;
}

bool Parser::arguments(Node *node) {
  if (!node || !expectOperator("("))
    return false;
  bool first = true;
  while (!isOperator(")")) {
    if (!first && !expectOperator(","))
      return false;
    if (!first && isOperator(")"))
      break;
    first = false;
    if (isOperator("*") || isOperator("**")) {
      fail("arguments out of a list or dict ('*', '**') are not supported");
      return false;
    }
    if (token().kind == TokenKind::Name && look().kind == TokenKind::Operator &&
        look().text == "=") {
      std::string_view name = token().text;
      for (const Keyword &keyword : node->keywords)
        if (keyword.name == name) {
          fail("argument '" + std::string(name) + "' is given twice");
          return false;
        }
      next();
      next();
      Node *value = expression();
      if (!value)
        return false;
      raise(node, value);
      node->keywords.push_back({name, value});
      continue;
    }
    if (!node->keywords.empty()) {
      fail("an argument without a name stands behind one with a name");
      return false;
    }
    if (!add(node, expression()))
      return false;
  }
  next();
  return !error;
}

/// Refuses methods that Python has and we do not.
bool Parser::checkCall(const Node *callee, uint32_t line) {
  if (!callee || callee->kind != NodeKind::Member)
    return callee != nullptr;
  bool known = false;
  if (isMethod(callee->text, known) || !known)
    return true;
  fail("method '" + std::string(callee->text) + "' is not supported", line);
  return false;
}

Node *Parser::call(Node *callee) {
  Nest nest(*this);
  uint32_t line = token().line;
  if (tooDeep() || !checkCall(callee, line))
    return nullptr;
  Node *node = make(NodeKind::Call, line);
  return add(node, callee) && arguments(node) ? node : nullptr;
}

Node *Parser::filter(Node *input, bool isFirst) {
  while (isOperator("|") || isFirst) {
    if (!isFirst)
      next();
    isFirst = false;
    const Token &name = token();
    if (name.kind != TokenKind::Name)
      return fail("expected a filter's name, got " + described());
    next();
    bool known = false;
    int found = findFilter(name.text, known);
    if (found < 0)
      return fail((known ? "filter '" : "unknown filter '") +
                      std::string(name.text.substr(0, 40)) +
                      (known ? "' is not supported" : "'"),
                  name.line);
    Node *node = make(NodeKind::Filter, name.line);
    if (!node)
      return nullptr;
    node->text = name.text;
    node->builtin = uint16_t(found);
    if (input)
      raise(node, input);
    node->children.push_back(input);
    if (isOperator("(") && !arguments(node))
      return nullptr;
    input = node;
  }
  return error ? nullptr : input;
}

Node *Parser::test(Node *input) {
  next();
  uint32_t line = token().line;
  bool isNegated = skipName("not");
  const Token &name = token();
  if (name.kind != TokenKind::Name)
    return fail("expected a test's name, got " + described());
  next();
  bool known = false;
  int found = findTest(name.text, known);
  if (found < 0)
    return fail((known ? "test '" : "unknown test '") +
                    std::string(name.text.substr(0, 40)) +
                    (known ? "' is not supported" : "'"),
                name.line);
  Node *node = make(NodeKind::Test, name.line);
  if (!add(node, input))
    return nullptr;
  node->text = name.text;
  node->builtin = uint16_t(found);
  if (isOperator("(")) {
    if (!arguments(node))
      return nullptr;
  } else if (((token().kind == TokenKind::Name && !isName("else") &&
               !isName("or") && !isName("and")) ||
              token().kind == TokenKind::Text ||
              token().kind == TokenKind::Integer ||
              token().kind == TokenKind::Real || isOperator("[") ||
              isOperator("{"))) {
    if (isName("is"))
      return fail("tests cannot be chained with 'is'");
    // `x is test if ...`, `x is test in ...` and the like: Jinja reads a name
    // here as the test's argument too.
    if (!add(node, postfix(primary())))
      return nullptr;
  }
  if (!isNegated)
    return node;
  Node *negated = make(NodeKind::Not, line);
  return add(negated, node) ? negated : nullptr;
}
