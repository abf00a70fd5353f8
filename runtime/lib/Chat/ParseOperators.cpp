//===- ParseOperators.cpp - Operators of templates --------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Parser.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::chat;

//===--- Nodes ------------------------------------------------------------===//

std::nullptr_t Parser::fail(const std::string &message, uint32_t line) {
  if (!error)
    error = errorAt(line, message);
  return nullptr;
}

bool Parser::tooDeep() {
  if (depth <= maxNesting)
    return false;
  fail("expressions or blocks are nested more than " +
       std::to_string(maxNesting) + " deep");
  return true;
}

Node *Parser::make(NodeKind kind, uint32_t line) {
  if (program.nodes.size() >= maxNodes)
    return fail("the template is too large");
  Node &node = program.nodes.emplace_back();
  node.kind = kind;
  node.line = line;
  return &node;
}

void Parser::raise(Node *parent, const Node *child) {
  unsigned height = child->height + 1u;
  if (height > maxHeight)
    fail("an expression or block is more than " + std::to_string(maxHeight) +
         " levels high");
  parent->height = uint16_t(std::max<unsigned>(parent->height, height));
}

bool Parser::add(Node *parent, Node *child) {
  if (!parent || !child)
    return false;
  raise(parent, child);
  parent->children.push_back(child);
  return !error;
}

std::string Parser::described() const {
  switch (token().kind) {
  case TokenKind::Name:
  case TokenKind::Operator:
    return "'" + std::string(token().text.substr(0, 40)) + "'";
  case TokenKind::Text:
    return "a text";
  case TokenKind::Integer:
  case TokenKind::Real:
    return "a number";
  case TokenKind::BlockEnd:
    return "'%}'";
  case TokenKind::VariableEnd:
    return "'}}'";
  default:
    return "the end of the template";
  }
}

bool Parser::skipOperator(const char *text) {
  if (!isOperator(text))
    return false;
  next();
  return true;
}

bool Parser::skipName(const char *text) {
  if (!isName(text))
    return false;
  next();
  return true;
}

bool Parser::expectOperator(const char *text) {
  if (skipOperator(text))
    return true;
  fail(std::string("expected '") + text + "', got " + described());
  return false;
}

bool Parser::expectName(const char *text) {
  if (skipName(text))
    return true;
  fail(std::string("expected '") + text + "', got " + described());
  return false;
}

//===--- Operators --------------------------------------------------------===//

Node *Parser::expression(bool withConditional) {
  return withConditional ? conditional() : either();
}

Node *Parser::conditional() {
  Nest nest(*this);
  if (tooDeep())
    return nullptr;
  uint32_t line = token().line;
  Node *value = either();
  while (value && skipName("if")) {
    Node *node = make(NodeKind::Conditional, line);
    Node *condition = either();
    Node *otherwise = nullptr;
    if (!condition)
      return nullptr;
    if (skipName("else") && !(otherwise = conditional()))
      return nullptr;
    if (!add(node, condition) || !add(node, value))
      return nullptr;
    if (otherwise)
      raise(node, otherwise);
    node->children.push_back(otherwise);
    value = node;
    line = token().line;
  }
  return error ? nullptr : value;
}

Node *Parser::either() {
  uint32_t line = token().line;
  Node *left = both();
  while (left && skipName("or")) {
    Node *node = make(NodeKind::Or, line);
    Node *right = both();
    if (!add(node, left) || !add(node, right))
      return nullptr;
    left = node;
    line = token().line;
  }
  return left;
}

Node *Parser::both() {
  uint32_t line = token().line;
  Node *left = negation();
  while (left && skipName("and")) {
    Node *node = make(NodeKind::And, line);
    Node *right = negation();
    if (!add(node, left) || !add(node, right))
      return nullptr;
    left = node;
    line = token().line;
  }
  return left;
}

Node *Parser::negation() {
  Nest nest(*this);
  if (tooDeep())
    return nullptr;
  uint32_t line = token().line;
  if (!skipName("not"))
    return comparison();
  Node *node = make(NodeKind::Not, line);
  return add(node, negation()) ? node : nullptr;
}

Node *Parser::comparison() {
  struct Sign {
    const char *text;
    Operation op;
  };
  static constexpr Sign signs[] = {
      {"==", Operation::Equal},  {"!=", Operation::NotEqual},
      {"<", Operation::Less},    {"<=", Operation::LessEqual},
      {">", Operation::Greater}, {">=", Operation::GreaterEqual}};
  uint32_t line = token().line;
  Node *left = sum();
  Node *node = nullptr;
  for (;;) {
    if (!left)
      return nullptr;
    std::optional<Operation> op;
    for (const Sign &sign : signs)
      if (isOperator(sign.text))
        op = sign.op;
    if (op) {
      next();
    } else if (skipName("in")) {
      op = Operation::In;
    } else if (isName("not") && look().kind == TokenKind::Name &&
               look().text == "in") {
      next();
      next();
      op = Operation::NotIn;
    }
    if (!op)
      return node ? node : left;
    if (!node) {
      node = make(NodeKind::Compare, line);
      if (!add(node, left))
        return nullptr;
    }
    node->ops.push_back(*op);
    left = sum();
    if (!add(node, left))
      return nullptr;
  }
}

Node *Parser::binary(Operation op, Node *left, Node *right, uint32_t line) {
  Node *node = make(NodeKind::Binary, line);
  if (!node)
    return nullptr;
  node->op = op;
  return add(node, left) && add(node, right) ? node : nullptr;
}

Node *Parser::sum() {
  uint32_t line = token().line;
  Node *left = concatenation();
  while (left && (isOperator("+") || isOperator("-"))) {
    Operation op = isOperator("+") ? Operation::Add : Operation::Subtract;
    next();
    left = binary(op, left, concatenation(), line);
    line = token().line;
  }
  return left;
}

Node *Parser::concatenation() {
  uint32_t line = token().line;
  Node *first = product();
  if (!first || !isOperator("~"))
    return first;
  Node *node = make(NodeKind::Concat, line);
  if (!add(node, first))
    return nullptr;
  while (skipOperator("~"))
    if (!add(node, product()))
      return nullptr;
  return node;
}

Node *Parser::product() {
  uint32_t line = token().line;
  Node *left = power();
  for (;;) {
    if (!left)
      return nullptr;
    Operation op;
    if (isOperator("*"))
      op = Operation::Multiply;
    else if (isOperator("/"))
      op = Operation::Divide;
    else if (isOperator("//"))
      op = Operation::FloorDivide;
    else if (isOperator("%"))
      op = Operation::Modulo;
    else
      return left;
    next();
    left = binary(op, left, power(), line);
    line = token().line;
  }
}

Node *Parser::power() {
  uint32_t line = token().line;
  Node *left = unary(true);
  while (left && skipOperator("**")) {
    left = binary(Operation::Power, left, unary(true), line);
    line = token().line;
  }
  return left;
}

Node *Parser::unary(bool withFilter) {
  Nest nest(*this);
  if (tooDeep())
    return nullptr;
  uint32_t line = token().line;
  Node *node;
  if (isOperator("-") || isOperator("+")) {
    node = make(isOperator("-") ? NodeKind::Negate : NodeKind::Plus, line);
    next();
    if (!add(node, unary(false)))
      return nullptr;
  } else {
    node = primary();
  }
  node = postfix(node);
  return withFilter ? filtersAndTests(node) : node;
}
