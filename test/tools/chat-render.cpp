//===- chat-render.cpp - Renders chat templates -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Each line of standard input is an object with `template` and `variables`;
/// each line of standard output is one with `text`, or with `error` and
/// `raised`, or with `refused` where the template cannot be parsed. What
/// test/Generators/chat_differential.py compares with Jinja.
///
//===----------------------------------------------------------------------===//
#include "JsonData.h"

#include <iostream>

using namespace espalier;

static std::string render(const std::string &line) {
  Result<json::Value> job = json::parse(line);
  if (!job)
    return "{\"refused\": " + json::quote(job.error().message) + "}";
  const json::Value *source = job->find("template");
  const json::Value *variables = job->find("variables");
  if (!source || !source->asString() || !variables || !variables->asObject())
    return "{\"refused\": \"a line needs template and variables\"}";
  Result<chat::Template> parsed = chat::Template::parse(*source->asString());
  if (!parsed)
    return "{\"refused\": " + json::quote(parsed.error().message) + "}";
  std::string text;
  chat::Failure failure;
  if (parsed->render(dataOf(*variables), 1700000000, text, failure))
    return "{\"text\": " + json::quote(text) + "}";
  return "{\"error\": " + json::quote(failure.message) +
         ", \"raised\": " + (failure.raised ? "true" : "false") +
         ", \"line\": " + std::to_string(failure.line) + "}";
}

int main() {
  std::string line;
  while (std::getline(std::cin, line))
    std::cout << render(line) << '\n';
  return 0;
}
