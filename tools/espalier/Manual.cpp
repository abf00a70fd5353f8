//===- Manual.cpp - Manual pages and completion, from --help --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What `--help` prints of each command is the one table of options; the pages
/// and the scripts are made from it.
///
//===----------------------------------------------------------------------===//
#include "Manual.h"
#include "CommandLine.h"

#include <cstdio>

using namespace espalier;
using namespace espalier::tool;

namespace {

struct OptionText {
  std::string name, placeholder, help;

  /// "a|b|c", else nothing.
  std::vector<std::string> values() const {
    std::vector<std::string> out;
    if (placeholder.find('|') == std::string::npos)
      return out;
    for (size_t at = 0; at <= placeholder.size();) {
      size_t bar = std::min(placeholder.find('|', at), placeholder.size());
      std::string one = placeholder.substr(at, bar - at);
      // Words that stand for something else are in capitals.
      if (!one.empty() && !(one[0] >= 'A' && one[0] <= 'Z') && one != "-")
        out.push_back(one);
      at = bar + 1;
    }
    return out;
  }
};

struct CommandText {
  std::string usage, description;
  std::vector<OptionText> options;
};

/// The lines of a text.
std::vector<std::string> linesOf(const std::string &text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// "  --name PLACE   help": whether the line is one, and its parts.
bool readOption(const std::string &line, OptionText &option) {
  if (line.size() < 4 || line.compare(0, 2, "  ") != 0 || line[2] != '-')
    return false;
  size_t gap = line.find("  ", 2);
  std::string left = line.substr(2, gap == std::string::npos ? gap : gap - 2);
  size_t space = left.find(' ');
  option.name = left.substr(0, space);
  option.placeholder = space == std::string::npos ? "" : left.substr(space + 1);
  size_t help =
      gap == std::string::npos ? gap : line.find_first_not_of(' ', gap);
  option.help = help == std::string::npos ? "" : line.substr(help);
  return true;
}

Result<CommandText> textOf(const Command &command) {
  std::string help;
  CommandLine::capturedHelp = &help;
  Result<int> done = command.run({"--help"});
  CommandLine::capturedHelp = nullptr;
  if (!done)
    return done.takeError();
  CommandText text;
  for (const std::string &line : linesOf(help)) {
    OptionText option;
    if (line.starts_with("usage: ")) {
      text.usage = line.substr(7);
    } else if (readOption(line, option)) {
      text.options.push_back(std::move(option));
    } else if (line.starts_with("        ") && !text.options.empty()) {
      std::string &before = text.options.back().help;
      before += (before.empty() ? "" : " ") +
                line.substr(line.find_first_not_of(' '));
    } else if (!line.empty() || !text.description.empty()) {
      text.description += line + "\n";
    }
  }
  while (text.description.ends_with("\n"))
    text.description.pop_back();
  return text;
}

//===--- Manual pages -----------------------------------------------------===//

/// Text that troff takes as it is.
std::string troff(const std::string &text) {
  std::string out;
  bool lineStart = true;
  for (char c : text) {
    if (lineStart && (c == '.' || c == '\''))
      out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    lineStart = c == '\n';
  }
  return out;
}

std::string upper(std::string text) {
  for (char &c : text)
    c = c >= 'a' && c <= 'z' ? char(c - 32) : c;
  return text;
}

void pageHead(const std::string &name, const std::string &summary) {
  printf(".TH %s 1 \"\" \"espalier %s\" \"Espalier\"\n.SH NAME\n%s \\- %s\n",
         upper(troff(name)).c_str(), ESPALIER_VERSION, troff(name).c_str(),
         troff(summary).c_str());
}

void pageFoot() {
  fputs(".SH ENVIRONMENT\n"
        ".TP\n.B XDG_CACHE_HOME\ncompiled models are kept in "
        "espalier/models below it (else below ~/.cache)\n"
        ".TP\n.B ESPALIER_CACHE_LIMIT\nGB that they may take (default 20)\n"
        ".TP\n.B ESPALIER_ISA\navx2 or avx512: the code that is run, where "
        "the best that the CPU has is not wanted\n"
        ".SH EXIT STATUS\n0; 1 after an error, which is one line on standard "
        "error; 130 after Ctrl\\-C.\n",
        stdout);
}

Result<int> printPage(const Command &command) {
  Result<CommandText> text = textOf(command);
  if (!text)
    return text.takeError();
  pageHead("espalier-" + std::string(command.name), command.summary);
  printf(".SH SYNOPSIS\n.nf\n%s\n.fi\n.SH DESCRIPTION\n.nf\n%s\n.fi\n",
         troff(text->usage).c_str(), troff(text->description).c_str());
  if (!text->options.empty())
    fputs(".SH OPTIONS\n", stdout);
  for (const OptionText &option : text->options)
    printf(".TP\n.B %s%s%s\n%s\n", troff(option.name).c_str(),
           option.placeholder.empty() ? "" : " ",
           troff(option.placeholder).c_str(), troff(option.help).c_str());
  pageFoot();
  fputs(".SH SEE ALSO\n.BR espalier (1)\n", stdout);
  return 0;
}

void printOverview(std::span<const Command> commands) {
  pageHead("espalier", "compiles transformer models to native programs");
  fputs(".SH SYNOPSIS\n.B espalier\nCOMMAND [arguments]\n.SH DESCRIPTION\n"
        "Compiles a transformer model (a Hugging Face folder or a GGUF file), "
        "ahead of time, to a program or library for that one model, and runs "
        "it. Each command has a page of its own.\n.SH COMMANDS\n",
        stdout);
  for (const Command &command : commands)
    printf(".TP\n.BR espalier\\-%s (1)\n%s\n",
           troff(std::string(command.name)).c_str(),
           troff(command.summary).c_str());
  pageFoot();
}

//===--- Completion -------------------------------------------------------===//

/// A text between single quotes of a shell.
std::string quoted(const std::string &text) {
  std::string out = "'";
  for (char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string joined(const std::vector<std::string> &words) {
  std::string out;
  for (const std::string &word : words)
    out += (out.empty() ? "" : " ") + word;
  return out;
}

using Texts = std::vector<std::pair<const Command *, CommandText>>;

void printBash(const Texts &texts) {
  std::vector<std::string> names;
  for (auto &[command, text] : texts)
    names.emplace_back(command->name);
  names.insert(names.end(), {"completion", "manual", "--help", "--version"});
  printf(
      "# bash completion of espalier\n_espalier() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}"
      " options= values=\n"
      "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n    return\n  fi\n"
      "  case ${COMP_WORDS[1]}:$prev in\n",
      joined(names).c_str());
  for (auto &[command, text] : texts)
    for (const OptionText &option : text.options)
      if (!option.values().empty())
        printf("  %s:%s) values='%s' ;;\n", command->name, option.name.c_str(),
               joined(option.values()).c_str());
  fputs("  esac\n  if [ -n \"$values\" ]; then\n"
        "    COMPREPLY=($(compgen -W \"$values\" -- \"$cur\"))\n    return\n"
        "  fi\n  case ${COMP_WORDS[1]} in\n",
        stdout);
  for (auto &[command, text] : texts) {
    std::vector<std::string> options;
    for (const OptionText &option : text.options)
      options.push_back(option.name);
    printf("  %s) options='%s' ;;\n", command->name, joined(options).c_str());
  }
  fputs("  esac\n  case $cur in\n"
        "  -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n"
        "  *) compopt -o filenames 2>/dev/null; "
        "COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
        "  esac\n}\ncomplete -F _espalier espalier\n",
        stdout);
}

void printZsh(const Texts &texts) {
  fputs("#compdef espalier\n_espalier() {\n  local -a commands\n  commands=(\n",
        stdout);
  for (auto &[command, text] : texts)
    printf("    %s\n",
           quoted(std::string(command->name) + ":" + command->summary).c_str());
  fputs("  )\n  if (( CURRENT == 2 )); then\n"
        "    _describe command commands\n    return\n  fi\n"
        "  case $words[2] in\n",
        stdout);
  for (auto &[command, text] : texts) {
    printf("  %s) _arguments", command->name);
    for (const OptionText &option : text.options) {
      std::string help;
      for (char c : option.help) // brackets and colons would end it
        help += c == '[' || c == ']' || c == ':' ? ' ' : c;
      std::string spec = option.name + "[" + help + "]";
      if (!option.values().empty())
        spec += ":value:(" + joined(option.values()) + ")";
      else if (!option.placeholder.empty())
        spec += ":value:_files";
      printf(" \\\n    %s", quoted(spec).c_str());
    }
    fputs(" \\\n    '*:file:_files' ;;\n", stdout);
  }
  fputs("  esac\n}\n_espalier \"$@\"\n", stdout);
}

void printFish(const Texts &texts) {
  fputs("# fish completion of espalier\n", stdout);
  for (auto &[command, text] : texts)
    printf("complete -c espalier -n __fish_use_subcommand -f -a %s -d %s\n",
           command->name, quoted(command->summary).c_str());
  for (auto &[command, text] : texts)
    for (const OptionText &option : text.options) {
      bool isLong = option.name.starts_with("--");
      bool isShort = !isLong && option.name.size() == 2;
      printf("complete -c espalier -n '__fish_seen_subcommand_from %s' -%s %s",
             command->name,
             isLong    ? "l"
             : isShort ? "s"
                       : "o",
             option.name.substr(isLong ? 2 : 1).c_str());
      if (!option.values().empty())
        printf(" -x -a '%s'", joined(option.values()).c_str());
      else if (!option.placeholder.empty())
        fputs(" -r", stdout);
      printf(" -d %s\n", quoted(option.help).c_str());
    }
}

} // namespace

Result<int> tool::printManual(std::span<const Command> commands,
                              const Arguments &arguments) {
  if (arguments.empty()) {
    printOverview(commands);
    return 0;
  }
  for (const Command &command : commands)
    if (arguments.size() == 1 && command.name == arguments[0])
      return printPage(command);
  return Error{"manual: expected the name of a command, got '" + arguments[0] +
               "'"};
}

Result<int> tool::printCompletion(std::span<const Command> commands,
                                  const Arguments &arguments) {
  std::string shell = arguments.size() == 1 ? arguments[0] : "";
  if (shell == "--help" || shell == "-h") {
    puts("usage: espalier completion bash|zsh|fish\n\nPrints a script that "
         "completes commands and options:\n  source <(espalier completion "
         "bash)");
    return 0;
  }
  Texts texts;
  for (const Command &command : commands) {
    Result<CommandText> text = textOf(command);
    if (!text)
      return text.takeError();
    texts.emplace_back(&command, std::move(*text));
  }
  if (shell == "bash")
    printBash(texts);
  else if (shell == "zsh")
    printZsh(texts);
  else if (shell == "fish")
    printFish(texts);
  else
    return Error{"completion: expected bash|zsh|fish" +
                 (shell.empty() ? std::string(", one of them")
                                : ", got '" + shell + "'")};
  return 0;
}
