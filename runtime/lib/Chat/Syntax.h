//===- Syntax.h - A template as tokens and as a tree ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CHAT_SYNTAX_H
#define ESPALIER_RUNTIME_CHAT_SYNTAX_H

#include "Value.h"
#include "espalier/Support/Result.h"

#include <deque>
#include <string>
#include <vector>

namespace espalier::chat {

enum class TokenKind : uint8_t {
  Data,
  VariableBegin,
  VariableEnd,
  BlockBegin,
  BlockEnd,
  Name,
  Text,
  Integer,
  Real,
  Operator,
  End
};

struct Token {
  TokenKind kind = TokenKind::End;
  uint32_t line = 0;
  std::string_view text; ///< data, name, value of a text, operator
  int64_t integer = 0;
  double real = 0;
};

enum class NodeKind : uint8_t {
  // Expressions; the children in brackets.
  Constant,
  Name,
  List,
  Tuple,
  Dict,        ///< [key, value, key, value, ...]
  Member,      ///< [object] . text
  Subscript,   ///< [object, index]
  Slice,       ///< [begin, end, step], each may be null
  Call,        ///< [callee, arguments...] and keywords
  Filter,      ///< [input, arguments...]; null input: the block's text
  Test,        ///< [input, arguments...]
  Not,         ///< [x]
  Negate,      ///< [x]
  Plus,        ///< [x]
  Binary,      ///< [x, y], op
  And,         ///< [x, y]
  Or,          ///< [x, y]
  Compare,     ///< [x, y, z, ...], ops between them
  Concat,      ///< [x, y, ...]
  Conditional, ///< [condition, then, else or null]
  // Statements.
  Data,
  Output,      ///< [x]
  Set,         ///< [target, value]
  SetBlock,    ///< [target, filter or null], body
  If,          ///< [branches...]
  Branch,      ///< [condition or null], body
  For,         ///< [target, items, condition or null], body, otherwise
  Macro,       ///< text, parameters, body
  CallBlock,   ///< [call], parameters, body
  FilterBlock, ///< [filter], body
  With,        ///< [target, value, target, value, ...], body
  Generation,  ///< body
  Break,
  Continue
};

/// Operators of Binary and Compare.
enum class Operation : uint8_t {
  Add,
  Subtract,
  Multiply,
  Divide,
  FloorDivide,
  Modulo,
  Power,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  In,
  NotIn
};

struct Node;

/// A keyword argument, or a parameter with its default (or null).
struct Keyword {
  std::string_view name;
  Node *value;
};

/// What a macro's body refers to beyond its parameters.
enum : uint8_t { UsesCaller = 1, UsesKeywords = 2, UsesRest = 4 };

struct Node {
  NodeKind kind;
  Operation op = Operation::Add;
  uint8_t uses = 0;     ///< of Macro and CallBlock
  uint16_t builtin = 0; ///< of Filter and Test: index into their table
  uint16_t height = 1;
  uint32_t line = 0;
  std::string_view text;
  Value value; ///< of Constant
  std::vector<Node *> children;
  std::vector<Operation> ops;
  std::vector<Keyword> keywords; ///< or parameters
  std::vector<Node *> body, otherwise;
};

/// A parsed template and all that its tree refers to.
struct Program {
  std::deque<std::string> texts;
  std::deque<Node> nodes;
  std::vector<Node *> body;

  std::string_view keep(std::string text) {
    texts.push_back(std::move(text));
    return texts.back();
  }
};

constexpr size_t maxNodes = 100'000;
constexpr unsigned maxHeight = 250;  ///< of the tree
constexpr unsigned maxNesting = 150; ///< of brackets and blocks in the source

/// Splits the template into tokens. Keeps what they refer to in `program`.
Status tokenize(std::string_view source, Program &program,
                std::vector<Token> &tokens);

/// Parses the tokens into `program`.
Status parseTokens(const std::vector<Token> &tokens, Program &program);

/// The place of a filter or test in its table, or -1; `known`: it is Jinja's,
/// though not built here.
int findFilter(std::string_view name, bool &known);
int findTest(std::string_view name, bool &known);
/// Whether `name` is a method that some value has; `known` as above.
bool isMethod(std::string_view name, bool &known);

/// "line N: message".
inline Error errorAt(uint32_t line, const std::string &message) {
  return Error{"line " + std::to_string(line) + ": " + message};
}

} // namespace espalier::chat

#endif // ESPALIER_RUNTIME_CHAT_SYNTAX_H
