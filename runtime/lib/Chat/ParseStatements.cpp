//===- ParseStatements.cpp - Statements of templates ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Parser.h"

using namespace espalier;
using namespace espalier::chat;

bool Parser::isAny(Words words) const {
  for (const char *word : words)
    if (isName(word))
      return true;
  return false;
}

bool Parser::expectBlockEnd() {
  if (token().kind == TokenKind::BlockEnd) {
    next();
    return true;
  }
  fail("expected '%}', got " + described());
  return false;
}

/// Statements up to a tag of `end`, whose name is then the current token.
bool Parser::statements(std::vector<Node *> &body, Words end) {
  Nest nest(*this);
  if (tooDeep())
    return false;
  while (!error) {
    const Token &from = token();
    switch (from.kind) {
    case TokenKind::Data: {
      Node *node = make(NodeKind::Data, from.line);
      if (!node)
        return false;
      node->text = from.text;
      body.push_back(node);
      next();
      break;
    }
    case TokenKind::VariableBegin: {
      next();
      Node *node = make(NodeKind::Output, from.line);
      if (!add(node, tuple(true)))
        return false;
      if (token().kind != TokenKind::VariableEnd) {
        fail("expected '}}', got " + described());
        return false;
      }
      next();
      body.push_back(node);
      break;
    }
    case TokenKind::BlockBegin: {
      next();
      if (isAny(end))
        return true;
      Node *node = statement();
      if (!node || !expectBlockEnd())
        return false;
      body.push_back(node);
      break;
    }
    default:
      if (!open.empty())
        fail("the template ends inside of '" + open.back() + "'");
      return !error && end.size() == 0;
    }
  }
  return false;
}

/// The end of the tag at hand, then statements up to one of `end`.
bool Parser::addBody(Node *parent, std::vector<Node *> &body, Words end) {
  skipOperator(":");
  if (!parent || !expectBlockEnd() || !statements(body, end))
    return false;
  for (const Node *node : body)
    raise(parent, node);
  return !error;
}

Node *Parser::statement() {
  const Token &tag = token();
  if (tag.kind != TokenKind::Name)
    return fail("expected the name of a block, got " + described());
  struct Entry {
    const char *name;
    Node *(Parser::*parse)();
  };
  static constexpr Entry entries[] = {
      {"set", &Parser::set},        {"for", &Parser::forLoop},
      {"if", &Parser::ifChain},     {"macro", &Parser::macro},
      {"call", &Parser::callBlock}, {"filter", &Parser::filterBlock},
      {"with", &Parser::with},      {"generation", &Parser::generation}};
  for (const Entry &entry : entries)
    if (tag.text == entry.name) {
      next();
      open.push_back(entry.name);
      Node *node = (this->*entry.parse)();
      open.pop_back();
      return error ? nullptr : node;
    }
  if (tag.text == "break" || tag.text == "continue") {
    next();
    if (loops == 0)
      return fail("'" + std::string(tag.text) + "' stands outside of a loop",
                  tag.line);
    return make(tag.text == "break" ? NodeKind::Break : NodeKind::Continue,
                tag.line);
  }
  for (const char *known : {"include", "import", "from", "extends", "block",
                            "autoescape", "print", "do", "trans", "debug"})
    if (tag.text == known)
      return fail("block '" + std::string(known) + "' is not supported");
  if (!open.empty() && (tag.text.substr(0, 3) == "end" || tag.text == "else" ||
                        tag.text == "elif"))
    return fail("'" + std::string(tag.text.substr(0, 40)) +
                "' stands inside of '" + open.back() + "'");
  return fail("unknown block '" + std::string(tag.text.substr(0, 40)) + "'");
}

//===--- Targets ----------------------------------------------------------===//

Node *Parser::targetItem(bool withNamespace) {
  if (skipOperator("(")) {
    Node *node = target(nullptr, withNamespace);
    return node && expectOperator(")") ? node : nullptr;
  }
  const Token &name = token();
  if (name.kind != TokenKind::Name)
    return fail("expected a name to assign to, got " + described());
  for (const char *word : {"true", "false", "none", "True", "False", "None"})
    if (name.text == word)
      return fail("cannot assign to '" + std::string(word) + "'");
  next();
  Node *node = make(NodeKind::Name, name.line);
  if (!node)
    return nullptr;
  node->text = name.text;
  if (!withNamespace || !skipOperator("."))
    return node;
  Node *member = make(NodeKind::Member, name.line);
  if (!add(member, node))
    return nullptr;
  if (token().kind != TokenKind::Name)
    return fail("expected a name behind '.', got " + described());
  member->text = token().text;
  next();
  return member;
}

/// One name or several; `endName` ends the list.
Node *Parser::target(const char *endName, bool withNamespace) {
  Nest nest(*this);
  if (tooDeep())
    return nullptr;
  uint32_t line = token().line;
  Node *first = targetItem(withNamespace);
  if (!first || !isOperator(","))
    return first;
  Node *node = make(NodeKind::Tuple, line);
  if (!add(node, first))
    return nullptr;
  while (skipOperator(",")) {
    if (isOperator("=") || isOperator(")") || (endName && isName(endName)))
      break;
    if (!add(node, targetItem(withNamespace)))
      return nullptr;
  }
  return node;
}

bool Parser::parameters(Node *node) {
  if (!node || !expectOperator("("))
    return false;
  while (!isOperator(")")) {
    if (!node->keywords.empty() && !expectOperator(","))
      return false;
    if (isOperator(")"))
      break;
    const Token &name = token();
    if (name.kind != TokenKind::Name) {
      fail("expected a parameter's name, got " + described());
      return false;
    }
    next();
    for (const Keyword &other : node->keywords)
      if (other.name == name.text) {
        fail("parameter '" + std::string(name.text) + "' stands twice");
        return false;
      }
    Node *value = nullptr;
    if (skipOperator("=")) {
      if (!(value = expression()))
        return false;
      raise(node, value);
    } else if (!node->keywords.empty() && node->keywords.back().value) {
      fail("a parameter without a default stands behind one with a default");
      return false;
    }
    node->keywords.push_back({name.text, value});
  }
  next();
  return !error;
}

//===--- Statements -------------------------------------------------------===//

Node *Parser::set() {
  uint32_t line = token().line;
  Node *assigned = target(nullptr, /*withNamespace=*/true);
  if (!assigned)
    return nullptr;
  if (skipOperator("=")) {
    Node *node = make(NodeKind::Set, line);
    return add(node, assigned) && add(node, tuple(true)) ? node : nullptr;
  }
  Node *node = make(NodeKind::SetBlock, line);
  if (!add(node, assigned))
    return nullptr;
  Node *filters = nullptr;
  if (isOperator("|")) {
    if (!(filters = filter(nullptr)))
      return nullptr;
    raise(node, filters);
  }
  node->children.push_back(filters);
  if (!addBody(node, node->body, {"endset"}))
    return nullptr;
  next();
  return node;
}

Node *Parser::forLoop() {
  Node *node = make(NodeKind::For, token().line);
  if (!add(node, target("in", false)) || !expectName("in") ||
      !add(node, tuple(false, "recursive")))
    return nullptr;
  Node *condition = nullptr;
  if (skipName("if")) {
    if (!(condition = expression()))
      return nullptr;
    raise(node, condition);
  }
  node->children.push_back(condition);
  if (isName("recursive"))
    return fail("a recursive loop is not supported");
  ++loops;
  bool good = addBody(node, node->body, {"endfor", "else"});
  --loops;
  if (!good)
    return nullptr;
  bool hasElse = isName("else");
  next();
  if (!hasElse)
    return node;
  if (!addBody(node, node->otherwise, {"endfor"}))
    return nullptr;
  next();
  return node;
}

Node *Parser::ifChain() {
  Node *node = make(NodeKind::If, token().line);
  for (;;) {
    Node *branch = make(NodeKind::Branch, token().line);
    if (!add(branch, tuple(false)) ||
        !addBody(branch, branch->body, {"elif", "else", "endif"}) ||
        !add(node, branch))
      return nullptr;
    if (!skipName("elif"))
      break;
  }
  if (skipName("else")) {
    Node *branch = make(NodeKind::Branch, token().line);
    if (!branch)
      return nullptr;
    branch->children.push_back(nullptr);
    if (!addBody(branch, branch->body, {"endif"}) || !add(node, branch))
      return nullptr;
  }
  next(); // endif
  return node;
}

Node *Parser::macro() {
  Node *node = make(NodeKind::Macro, token().line);
  const Token &name = token();
  if (name.kind != TokenKind::Name)
    return fail("expected a macro's name, got " + described());
  next();
  if (!node)
    return nullptr;
  node->text = name.text;
  unsigned around = loops;
  loops = 0;
  macros.push_back(node);
  bool good = parameters(node) && addBody(node, node->body, {"endmacro"});
  macros.pop_back();
  loops = around;
  if (!good)
    return nullptr;
  next();
  return node;
}

Node *Parser::callBlock() {
  Node *node = make(NodeKind::CallBlock, token().line);
  if (isOperator("(") && !parameters(node))
    return nullptr;
  Node *called = expression();
  if (!called)
    return nullptr;
  if (called->kind != NodeKind::Call)
    return fail("expected a call behind 'call'", called->line);
  unsigned around = loops;
  loops = 0;
  bool good = add(node, called) && addBody(node, node->body, {"endcall"});
  loops = around;
  if (!good)
    return nullptr;
  next();
  return node;
}

Node *Parser::filterBlock() {
  Node *node = make(NodeKind::FilterBlock, token().line);
  if (!add(node, filter(nullptr, /*isFirst=*/true)) ||
      !addBody(node, node->body, {"endfilter"}))
    return nullptr;
  next();
  return node;
}

Node *Parser::with() {
  Node *node = make(NodeKind::With, token().line);
  if (!node)
    return nullptr;
  while (token().kind != TokenKind::BlockEnd) {
    if (!node->children.empty() && !expectOperator(","))
      return nullptr;
    if (!add(node, targetItem(false)) || !expectOperator("=") ||
        !add(node, expression()))
      return nullptr;
  }
  if (!addBody(node, node->body, {"endwith"}))
    return nullptr;
  next();
  return node;
}

/// Marks what the model says; the text is the body's.
Node *Parser::generation() {
  Node *node = make(NodeKind::Generation, token().line);
  unsigned around = loops;
  loops = 0;
  bool good = addBody(node, node->body, {"endgeneration"});
  loops = around;
  if (!good)
    return nullptr;
  next();
  return node;
}

//===----------------------------------------------------------------------===//

Status Parser::run() {
  bool good = statements(program.body, {});
  if (error)
    return std::move(*error);
  if (!good)
    return Error{"the template cannot be parsed"};
  return {};
}

Status chat::parseTokens(const std::vector<Token> &tokens, Program &program) {
  return Parser(tokens, program).run();
}
