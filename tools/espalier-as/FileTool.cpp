//===- FileTool.cpp - A tool that turns one file into another -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FileTool.h"
#include "espalier/Support/MappedFile.h"
#include "espalier/Support/Npy.h"

#include <cstdio>
#include <string_view>
#include <sys/stat.h>

using namespace espalier;

namespace {

struct Options {
  std::string input, output;
  bool help = false;
};

Result<Options> readOptions(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      options.help = true;
      return options;
    }
    if (argument == "-o") {
      if (++i == argc || !*argv[i])
        return Error{"-o: expected a file behind it"};
      if (!options.output.empty())
        return Error{"-o: given twice"};
      options.output = argv[i];
    } else if (argument.starts_with("-")) {
      return Error{std::string(argument) +
                   ": unknown option; --help lists those there are"};
    } else if (!options.input.empty()) {
      return Error{"'" + std::string(argument) +
                   "': one file is enough, and '" + options.input +
                   "' was given before"};
    } else {
      options.input = argument;
    }
  }
  if (options.input.empty())
    return Error{"expected a file; --help tells more"};
  return options;
}

/// What is written takes the place of an ordinary file that is not read.
Status checkOutput(const Options &options) {
  struct stat in, out;
  if (stat(options.output.c_str(), &out) != 0)
    return {};
  if (!S_ISREG(out.st_mode))
    return Error{options.output +
                 ": is no ordinary file; give the name of a file"};
  if (stat(options.input.c_str(), &in) == 0 && in.st_dev == out.st_dev &&
      in.st_ino == out.st_ino)
    return Error{options.output +
                 ": is read by this command; give another name"};
  return {};
}

Status write(const Options &options, const std::string &bytes) {
  if (!options.output.empty())
    return writeFile(options.output, bytes);
  if (fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() ||
      fflush(stdout) != 0)
    return Error{"standard output: cannot write"};
  return {};
}

} // namespace

int tool::runFileTool(
    int argc, char **argv, const char *help,
    const std::function<Result<std::string>(std::span<const uint8_t>,
                                            const std::string &)> &transform) {
  auto run = [&]() -> Status {
    Result<Options> options = readOptions(argc, argv);
    if (!options)
      return options.takeError();
    if (options->help) {
      fputs(help, stdout);
      return {};
    }
    Result<MappedFile> file = MappedFile::open(options->input);
    if (!file)
      return file.takeError();
    if (!options->output.empty())
      if (Status status = checkOutput(*options); !status)
        return status;
    Result<std::string> made = transform(file->bytes(), options->input);
    if (!made)
      return made.takeError();
    return write(*options, *made);
  };
  Status status = run();
  if (status)
    return 0;
  fprintf(stderr, "error: %s\n", status.error().message.c_str());
  return 1;
}
