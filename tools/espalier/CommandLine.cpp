//===- CommandLine.cpp - Strict parsing of options ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CommandLine.h"
#include "Main/Hints.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

using namespace espalier;
using namespace espalier::tool;

Result<uint64_t> tool::parseInteger(const std::string &text, uint64_t least,
                                    uint64_t most) {
  char *end = nullptr;
  errno = 0;
  unsigned long long value = strtoull(text.c_str(), &end, 10);
  if (text.empty() || text[0] < '0' || text[0] > '9' || *end || errno ||
      value < least || value > most)
    return Error{"expected a whole number of " + std::to_string(least) +
                 " to " + std::to_string(most) + ", got '" + text + "'"};
  return uint64_t(value);
}

void CommandLine::positional(std::string &value, std::string name) {
  argument = &value;
  argumentName = std::move(name);
}

void CommandLine::flag(std::string name, bool &value, std::string help) {
  options.push_back({std::move(name), "", std::move(help), nullptr, &value});
}

void CommandLine::text(std::string name, std::optional<std::string> &value,
                       std::string placeholder, std::string help) {
  options.push_back({std::move(name), std::move(placeholder), std::move(help),
                     [&value](const std::string &got) -> Status {
                       value = got;
                       return {};
                     }});
}

void CommandLine::integer(std::string name, uint64_t &value, uint64_t least,
                          uint64_t most, std::string placeholder,
                          std::string help) {
  options.push_back({std::move(name), std::move(placeholder), std::move(help),
                     [&value, least, most](const std::string &got) -> Status {
                       Result<uint64_t> number = parseInteger(got, least, most);
                       if (!number)
                         return number.takeError();
                       value = *number;
                       return {};
                     }});
}

void CommandLine::choice(std::string name, std::string &value,
                         std::vector<std::string> allowed, std::string help) {
  std::string list;
  for (const std::string &one : allowed)
    list += (list.empty() ? "" : "|") + one;
  options.push_back(
      {std::move(name), list, std::move(help),
       [&value, allowed = std::move(allowed),
        list](const std::string &got) -> Status {
         if (std::find(allowed.begin(), allowed.end(), got) == allowed.end())
           return Error{"expected " + list + ", got '" + got + "'"};
         value = got;
         return {};
       }});
}

void CommandLine::passOn(std::string name, std::string placeholder,
                         std::string help, bool repeats) {
  Option option;
  option.name = std::move(name);
  option.placeholder = std::move(placeholder);
  option.help = std::move(help);
  option.passedOn = true;
  option.repeats = repeats;
  options.push_back(std::move(option));
}

CommandLine::Option *CommandLine::find(std::string_view name) {
  for (Option &option : options)
    if (option.name == name)
      return &option;
  return nullptr;
}

bool CommandLine::given(std::string_view name) const {
  for (const Option &option : options)
    if (option.name == name)
      return option.seen;
  return false;
}

Status CommandLine::takeOption(const std::vector<std::string> &arguments,
                               size_t &at, std::vector<std::string> *rest) {
  std::string name = arguments[at];
  std::optional<std::string> value;
  size_t equals = name.find('=');
  if (name.starts_with("--") && equals != std::string::npos) {
    value = name.substr(equals + 1);
    name.resize(equals);
  }
  Option *option = find(name);
  if (!option) {
    std::vector<std::string> names;
    names.reserve(options.size());
    for (const Option &one : options)
      names.push_back(one.name);
    std::string near = program::foreignOption(name, names);
    if (near.empty())
      near = program::suggestion(name, names);
    if (near.empty())
      near = ": see espalier " + usage.substr(0, usage.find(' ')) + " --help";
    return Error{"unknown option '" + name + "'" + near};
  }
  if (option->seen && !option->repeats)
    return Error{name + ": given twice"};
  option->seen = true;
  bool takesValue =
      option->passedOn ? !option->placeholder.empty() : bool(option->set);
  if (!takesValue) {
    if (value)
      return Error{name + ": takes no value"};
    if (option->passedOn)
      rest->push_back(name);
    else
      *option->flag = true;
    return {};
  }
  if (!value) {
    if (at + 1 == arguments.size())
      return Error{name + ": expected a value, got none"};
    value = arguments[++at];
  }
  if (option->passedOn) {
    rest->push_back(name);
    rest->push_back(*value);
    return {};
  }
  if (Status status = option->set(*value); !status)
    return status.takeError().within(name);
  return {};
}

Result<bool> CommandLine::parse(const std::vector<std::string> &arguments,
                                std::vector<std::string> *rest) {
  for (const std::string &one : arguments)
    if (one == "--help" || one == "-h") {
      if (capturedHelp)
        *capturedHelp = help();
      else
        fputs(help().c_str(), stdout);
      return false;
    }
  for (size_t at = 0; at < arguments.size(); ++at) {
    const std::string &one = arguments[at];
    if (one.size() > 1 && one[0] == '-') {
      if (Status status = takeOption(arguments, at, rest); !status)
        return status.takeError();
      continue;
    }
    if (!argument || argumentSeen)
      return Error{"unexpected argument '" + one + "'"};
    *argument = one;
    argumentSeen = true;
  }
  if (argument && !argumentSeen)
    return Error{argumentName + " is missing: usage: espalier " + usage};
  return true;
}

std::string CommandLine::help() const {
  std::string out = "usage: espalier " + usage + "\n\n" + summary + "\n";
  if (options.empty())
    return out;
  out += "\n";
  constexpr size_t column = 26;
  for (const Option &option : options) {
    std::string left = "  " + option.name;
    if (!option.placeholder.empty())
      left += " " + option.placeholder;
    if (left.size() + 2 > column)
      out += left + "\n" + std::string(column, ' ');
    else
      out += left + std::string(column - left.size(), ' ');
    for (char c : option.help) {
      out += c;
      if (c == '\n')
        out += std::string(column, ' ');
    }
    out += "\n";
  }
  return out;
}
