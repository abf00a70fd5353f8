//===- Parser.h - A template's tokens to a tree -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CHAT_PARSER_H
#define ESPALIER_RUNTIME_CHAT_PARSER_H

#include "Syntax.h"

#include <initializer_list>
#include <optional>

namespace espalier::chat {

/// Recursive descent, in the shape of Jinja's own grammar. A function that
/// fails returns null or false, and the first error stays.
class Parser {
public:
  Parser(const std::vector<Token> &tokens, Program &program)
      : tokens(tokens), program(program) {}

  Status run();

private:
  using Words = std::initializer_list<const char *>;

  // Tokens.
  const Token &token() const { return tokens[at]; }
  const Token &look() const {
    return tokens[at + 1 < tokens.size() ? at + 1 : at];
  }
  void next() {
    if (at + 1 < tokens.size())
      ++at;
  }
  bool isOperator(const char *text) const {
    return token().kind == TokenKind::Operator && token().text == text;
  }
  bool isName(const char *text) const {
    return token().kind == TokenKind::Name && token().text == text;
  }
  bool isAny(Words words) const;
  bool skipOperator(const char *text);
  bool skipName(const char *text);
  bool expectOperator(const char *text);
  bool expectName(const char *text);
  bool expectBlockEnd();
  std::string described() const;

  std::nullptr_t fail(const std::string &message) {
    return fail(message, token().line);
  }
  std::nullptr_t fail(const std::string &message, uint32_t line);

  /// A node of the current token's line, or of `line`.
  Node *make(NodeKind kind, uint32_t line);
  /// Adds a child, which may not be null, and keeps the height.
  bool add(Node *parent, Node *child);
  bool addBody(Node *parent, std::vector<Node *> &body, Words end);
  void raise(Node *parent, const Node *child);

  // Expressions (ParseOperators.cpp, ParseExpressions.cpp).
  Node *expression(bool withConditional = true);
  Node *conditional();
  Node *either();
  Node *both();
  Node *negation();
  Node *comparison();
  Node *sum();
  Node *concatenation();
  Node *product();
  Node *power();
  Node *unary(bool withFilter);
  Node *primary();
  Node *binary(Operation op, Node *left, Node *right, uint32_t line);
  Node *tuple(bool withConditional, const char *endName = nullptr,
              bool isBracketed = false);
  Node *list();
  Node *dict();
  Node *postfix(Node *node);
  Node *filtersAndTests(Node *node);
  Node *subscript(Node *node);
  Node *index();
  Node *call(Node *callee);
  bool arguments(Node *node);
  Node *filter(Node *input, bool isFirst = false);
  Node *test(Node *input);
  bool checkCall(const Node *callee, uint32_t line);

  // Statements (ParseStatements.cpp).
  bool statements(std::vector<Node *> &body, Words end);
  Node *statement();
  Node *set();
  Node *forLoop();
  Node *ifChain();
  Node *macro();
  Node *callBlock();
  Node *filterBlock();
  Node *with();
  Node *generation();
  Node *target(const char *endName, bool withNamespace);
  Node *targetItem(bool withNamespace);
  bool parameters(Node *node);

  /// Counts how deeply the source is nested.
  struct Nest {
    explicit Nest(Parser &parser) : parser(parser) { ++parser.depth; }
    ~Nest() { --parser.depth; }
    Parser &parser;
  };
  bool tooDeep();

  const std::vector<Token> &tokens;
  Program &program;
  size_t at = 0;
  unsigned depth = 0;
  unsigned loops = 0;            ///< around, in this macro
  std::vector<Node *> macros;    ///< around
  std::vector<std::string> open; ///< blocks to be closed, for messages
  std::optional<Error> error;
};

} // namespace espalier::chat

#endif // ESPALIER_RUNTIME_CHAT_PARSER_H
