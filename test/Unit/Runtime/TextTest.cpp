//===- TextTest.cpp - Text in, text out, and the program --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Fixture.h"
#include "espalier/Support/Json.h"
#include "espalier/Support/Utf8.h"

#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

using namespace espalier;

namespace {

std::string programPath() {
  char path[PATH_MAX] = {};
  if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
    abort();
  std::string folder(path);
  return folder.substr(0, folder.rfind('/') + 1) + "espalier-fake-main";
}

struct Finished {
  int status;
  std::string out, err;
};

/// Runs the program with `arguments` through the shell.
Finished runProgram(const std::string &arguments, const char *prefix = "") {
  std::string folder = fake::freshFolder();
  std::string command = prefix + programPath() + " " + arguments + " >" +
                        folder + "out 2>" + folder + "err";
  int status = system(command.c_str());
  auto text = [&](const char *name) {
    std::vector<uint8_t> bytes = fake::readFile(folder + name);
    return std::string(bytes.begin(), bytes.end());
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text("out"),
          text("err")};
}

struct Streamed {
  Tokens tokens;
  std::string text;
};

int collect(void *user, int32_t token, const char *text, size_t bytes) {
  auto &streamed = *static_cast<Streamed *>(user);
  EXPECT_EQ(strlen(text), bytes);
  if (token >= 0)
    streamed.tokens.push_back(token);
  streamed.text.append(text, bytes);
  return 0;
}

std::string weightsOfProgram() {
  static const std::string path = fake::writeFile(
      "fake_main.safetensors", fake::Model("fake_main").container);
  return path;
}

} // namespace

TEST(Text, TokenizeAndBack) {
  Opened m;
  m.fakeModel.addTokenizer();
  ASSERT_EQ(m.open(), ESPALIER_OK) << espalier_last_error();
  int32_t *ids = nullptr;
  size_t count = 0;
  std::string text = "abc \u00e9";
  ASSERT_EQ(
      espalier_tokenize(m.model, text.data(), text.size(), 1, &ids, &count),
      ESPALIER_OK)
      << espalier_last_error();
  EXPECT_EQ(Tokens(ids, ids + count), Tokens({29, 2, 26, 27, 28}));
  char *back = nullptr;
  size_t bytes = 0;
  ASSERT_EQ(espalier_detokenize(m.model, ids, count, 0, &back, &bytes),
            ESPALIER_OK);
  EXPECT_EQ(back, text);
  EXPECT_EQ(bytes, text.size());
  espalier_free(ids);
  espalier_free(back);
  ASSERT_EQ(espalier_tokenize(m.model, nullptr, 0, 0, &ids, &count),
            ESPALIER_OK);
  EXPECT_EQ(count, 0u);
  espalier_free(ids);
  EXPECT_EQ(espalier_tokenize(m.model, "\xff", 1, 0, &ids, &count),
            ESPALIER_ERROR_ARGUMENT);
  int32_t outside = 50;
  EXPECT_EQ(espalier_detokenize(m.model, &outside, 1, 0, &back, &bytes),
            ESPALIER_ERROR_ARGUMENT);
  Tokens special = {0, 49};
  ASSERT_EQ(espalier_detokenize(m.model, special.data(), 2, 1, &back, nullptr),
            ESPALIER_OK);
  EXPECT_STREQ(back, "a<end>");
  espalier_free(back);
}

TEST(Text, DamagedTablesAreRefused) {
  for (size_t at : {size_t(0), size_t(9), size_t(100)}) {
    Opened m;
    m.fakeModel.addTokenizer();
    m.fakeModel.tokenizer[at] ^= 1;
    EXPECT_EQ(m.open(), ESPALIER_ERROR_FILE) << at;
  }
}

TEST(Text, StreamIsTheWholeTextInWholeCharacters) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Opened m;
    m.fakeModel.addTokenizer();
    ASSERT_EQ(m.open(), ESPALIER_OK);
    espalier_generate_options options;
    espalier_generate_options_init(&options);
    options.temperature = 2;
    options.seed = seed;
    options.max_tokens = 1 + uint32_t(seed);
    Streamed streamed;
    int32_t prompt = 3;
    ASSERT_EQ(espalier_generate(m.session, &prompt, 1, &options, collect,
                                &streamed, nullptr),
              ESPALIER_OK);
    char *whole;
    ASSERT_EQ(espalier_detokenize(m.model, streamed.tokens.data(),
                                  streamed.tokens.size(), 0, &whole, nullptr),
              ESPALIER_OK);
    EXPECT_EQ(streamed.text, whole);
    espalier_free(whole);
  }
}

TEST(Program, AnswersAsTheLibraryDoes) {
  Opened m;
  fake::Model definition("fake_main");
  definition.addTokenizer();
  std::string weights = weightsOfProgram();
  Tokens seen = {29, 2}; // "abc"
  std::string expected;
  for (int i = 0; i < 7; ++i) {
    int32_t token = definition.greedyAfter(seen);
    ASSERT_LT(token, 49);
    seen.push_back(token);
  }
  definition.descriptor.weights_file = "none";
  m.options.weights = weights.c_str();
  espalier_model *model;
  ASSERT_EQ(espalier_open(&definition.descriptor, &m.options, &model),
            ESPALIER_OK)
      << espalier_last_error();
  char *text;
  espalier_detokenize(model, seen.data() + 2, 7, 0, &text, nullptr);
  expected = text;
  espalier_free(text);
  espalier_close(model);
  std::string options = " -n 7 -t 2 -c 100 --weights " + weights;
  Finished run = runProgram("-p abc" + options);
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, expected + "\n");
  EXPECT_EQ(run.err.find("prompt: 2 tokens in "), 0u) << run.err;
  run = runProgram("-p -" + options, "printf abc | ");
  EXPECT_EQ(run.out, expected + "\n");
  // The same seed gives the same text.
  std::string sampled =
      "-p abc --temp 1.5 --top-k 40 --top-p 0.9 --seed 11" + options;
  EXPECT_EQ(runProgram(sampled).out, runProgram(sampled).out);
}

TEST(Program, Errors) {
  auto expectError = [](const std::string &arguments, const char *message) {
    Finished run = runProgram(arguments);
    EXPECT_EQ(run.status, 1) << arguments;
    EXPECT_EQ(run.out, "") << arguments;
    EXPECT_EQ(run.err.find(std::string("error: ") + message), 0u) << run.err;
  };
  expectError("", "no prompt: give -p TEXT, or -p - for standard input");
  expectError("-p", "-p: expected a value, got none");
  expectError("-p a -n x", "-n: expected a whole number of 0 to 4294967295, "
                           "got 'x'");
  expectError("-p a -n -2", "-n: expected a whole number");
  expectError("-p a --temp hot", "--temp: expected a number, got 'hot'");
  expectError("--promise a", "unknown option '--promise': see --help");
  expectError("--tmp 1", "unknown option '--tmp': did you mean '--temp'?");
  // Habits from other programs.
  expectError("--prompt a", "unknown option '--prompt': did you mean '-p'?");
  expectError("-x 1", "unknown option '-x': see --help");
  expectError("-m x.gguf",
              "unknown option '-m': the model's path stands alone");
  expectError("-f x", "unknown option '-f': -p - < FILE reads the prompt");
  expectError("-ngl 99", "unknown option '-ngl': where a model runs is decided "
                         "when it is compiled");
  expectError("-cnv", "unknown option '-cnv': did you mean '--chat'?");
  expectError("-p a --weights /no/such", "/no/such");
  expectError("-p a -n 1 -n 2", "-n: given twice");
  // Before the weights are sought.
  expectError("-p a --min-p 2", "--min-p: expected 0 to 1, got '2'");
  expectError("-p a --top-p 0",
              "--top-p: expected more than 0 and at most 1, got '0'");
  expectError("-p a --temp -1", "--temp: expected 0 or more, got '-1'");
  expectError("-p a --repeat-penalty 0",
              "--repeat-penalty: expected more than 0, got '0'");
  expectError("-p a --dry-base 0.5", "--dry-base: expected 1 or more");
  expectError("-p a --dry-allowed-length 0",
              "--dry-allowed-length: expected a whole number of 1 to");
  expectError("-p a -t 1025", "-t: expected a whole number of 0 to 1024");
  expectError("-p a --stop-token 50",
              "--stop-token: expected an id of 0 to 49, got 50");
  expectError("-p a --logit-bias 50+1",
              "--logit-bias: expected an id of 0 to 49, got 50");
  expectError("-p a --json --logprobs 51",
              "--logprobs: expected at most the vocabulary's 50, got 51");
  expectError("-p a --repeat-last-n -2", "--repeat-last-n: expected");
  expectError("-p a --logit-bias 3", "--logit-bias: expected ID+NUMBER, "
                                     "ID-NUMBER or ID-inf, got '3'");
  expectError("-p a --logit-bias 3+inf", "--logit-bias: expected");
  expectError("-p a --logit-bias=3+1", "unknown option");
  expectError("-p a --logprobs 2", "--logprobs: needs --json");
  expectError("-p a --stop ''",
              "--stop: expected a text of 1 to 1024 bytes, got 0");
  expectError("-p a --stop \"$(printf '\\377')\"",
              "--stop: expected a text in UTF-8, got other bytes");
  std::string stops;
  for (int i = 0; i < 65; ++i)
    stops += " --stop x";
  expectError("-p a" + stops, "--stop: expected at most 64 of them, got 65");
  expectError("-p a -c 501", "-c: expected at most the 500 tokens that model "
                             "'fake_main' was made for, got 501");
  expectError("-p abcabc -c 2 --weights " + weightsOfProgram(),
              "4 tokens do not fit into the context: it holds 2, and 0 are "
              "used: give a larger context (-c)");
  Finished help = runProgram("--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.out.find("--top-p P"), std::string::npos);
}

TEST(Program, StandardOutputThatCannotBeWritten) {
  std::string weights = " -n 3 -t 2 -c 100 --weights " + weightsOfProgram();
  for (const char *arguments : {"--help", "-p abc", "-p abc --json"})
    for (const char *output : {"/dev/full", "&-"}) {
      std::string help = strcmp(arguments, "--help") == 0 ? "" : weights;
      std::string folder = fake::freshFolder();
      std::string command = programPath() + " " + arguments + help + " >" +
                            output + " 2>" + folder + "err";
      int status = system(command.c_str());
      EXPECT_EQ(WEXITSTATUS(status), 1) << command;
      std::vector<uint8_t> err = fake::readFile(folder + "err");
      EXPECT_NE(std::string(err.begin(), err.end())
                    .find("error: standard output cannot be written"),
                std::string::npos)
          << command;
    }
}

// Before an answer is computed: the weights have not been sought yet.
TEST(Program, SessionsThatCannotBeKept) {
  auto expectError = [](const std::string &path, const std::string &message) {
    Finished run = runProgram("-p a --session " + path);
    EXPECT_EQ(run.status, 1) << path;
    EXPECT_EQ(run.err.find("error: --session: " + message), 0u) << run.err;
  };
  std::string folder = fake::freshFolder();
  expectError("''", "expected the name of a file, got ''");
  expectError(folder, folder + " is a folder; give the name of a file");
  expectError("/dev/null", "/dev/null is no ordinary file");
  expectError(folder + "none/kept",
              folder + "none/kept: there is no folder " + folder + "none");
  expectError("/proc/kept", "/proc/kept: cannot be created: ");
}

TEST(Program, AHintWhereAChatModelAnswersNothing) {
  std::string end = std::to_string(fake::vocab - 1);
  std::string run = "-p abc -t 2 -c 100 --logit-bias " + end +
                    "+1000 --weights " + weightsOfProgram();
  EXPECT_NE(runProgram(run, "FAKE_CHAT=x ").err.find("note: "),
            std::string::npos);
  EXPECT_EQ(runProgram(run).err.find("note: "), std::string::npos);
  EXPECT_EQ(
      runProgram(run + " --ignore-eos -n 2", "FAKE_CHAT=x ").err.find("note: "),
      std::string::npos);
}

TEST(Program, MinusOneIsNoLimit) {
  std::string options = " -t 2 -c 20 --weights " + weightsOfProgram();
  Finished all = runProgram("-p abc" + options);
  EXPECT_EQ(runProgram("-p abc -n -1" + options).out, all.out) << all.err;
}

TEST(Program, JsonLines) {
  std::string options = " -t 2 -c 100 --weights " + weightsOfProgram();
  Finished text = runProgram("-p abc -n 6" + options);
  Finished run = runProgram("-p abc -n 6 --json --logprobs 2" + options);
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.err, "");
  std::vector<json::Value> lines;
  for (size_t at = 0; at < run.out.size();) {
    size_t end = run.out.find('\n', at);
    Result<json::Value> value = json::parse(run.out.substr(at, end - at));
    ASSERT_TRUE(value) << run.out.substr(at, end - at);
    lines.push_back(std::move(*value));
    at = end + 1;
  }
  ASSERT_GE(lines.size(), 7u);
  std::string joined;
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    joined += *lines[i].find("text")->asString();
    if (lines[i].find("token")->isNull())
      continue;
    const json::Array &top = *lines[i].find("top_logprobs")->asArray();
    ASSERT_EQ(top.size(), 2u);
    EXPECT_EQ(top[0].find("token")->asInteger(),
              lines[i].find("token")->asInteger());
    EXPECT_EQ(top[0].find("logprob")->asDouble(),
              lines[i].find("logprob")->asDouble());
  }
  EXPECT_EQ(joined + "\n", text.out);
  EXPECT_EQ(*lines.back().find("finish")->asString(), "length");
  EXPECT_EQ(lines.back().find("prompt_tokens")->asInteger(), 2);
  EXPECT_EQ(lines.back().find("new_tokens")->asInteger(), 6);
}

TEST(Program, StopsAndBiases) {
  std::string options = " -n 12 -t 2 -c 100 --weights " + weightsOfProgram();
  std::string all = runProgram("-p abc" + options).out;
  std::string stop = all.substr(4, 2);
  ASSERT_TRUE(isValidUtf8(stop));
  Finished run =
      runProgram("-p abc --stop xyz --stop '" + stop + "'" + options);
  EXPECT_EQ(run.out, all.substr(0, all.find(stop)) + "\n") << run.err;
  // A token that is always the best, and then never is.
  run = runProgram("-p abc --logit-bias 3+100" + options);
  EXPECT_EQ(run.out, "dddddddddddd\n") << run.err;
  run = runProgram("-p abc --logit-bias 3+100 --logit-bias 3-inf" + options);
  EXPECT_EQ(run.out.find('d'), std::string::npos);
}

TEST(Program, SessionsAreKeptFromRunToRun) {
  std::string options = " -n 5 -t 2 -c 100 --weights " + weightsOfProgram();
  std::string file = fake::freshFolder() + "kept";
  std::string with = " --session " + file + options;
  std::string first = runProgram("-p abcdefgh" + options).out;
  Finished run = runProgram("-p abcdefgh" + with);
  EXPECT_EQ(run.out, first) << run.err;
  EXPECT_EQ(run.err.find("prompt: 7 tokens in"), 0u) << run.err;
  // All but the last token was there.
  run = runProgram("-p abcdefgh" + with);
  EXPECT_EQ(run.out, first);
  EXPECT_EQ(run.err.find("prompt: 7 tokens (6 of them reused)"), 0u) << run.err;
  // Another end: the beginning in common is taken.
  std::string other = runProgram("-p abcdxyz" + options).out;
  run = runProgram("-p abcdxyz --json" + with);
  EXPECT_NE(run.out.find("\"prompt_tokens\":6,\"reused_tokens\":3"),
            std::string::npos)
      << run.out;
  run = runProgram("-p abcdxyz" + with);
  EXPECT_EQ(run.out, other);
  // What is not a session is refused and stays.
  std::vector<uint8_t> text(5000, 'x');
  fake::writeFile(file, text);
  run = runProgram("-p abc" + with);
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.err, "error: " + file + ": not a saved session\n");
  EXPECT_EQ(fake::readFile(file), text);
}

TEST(Program, CtrlCEndsItCleanly) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  std::string path = programPath(), weights = weightsOfProgram();
  pid_t child = fork();
  if (child == 0) {
    dup2(pipe[1], STDOUT_FILENO);
    close(pipe[0]);
    close(pipe[1]);
    freopen("/dev/null", "w", stderr);
    setenv("FAKE_MILLISECONDS", "10", 1);
    execl(path.c_str(), path.c_str(), "-p", "abc", "-t", "2", "--seed", "3",
          "--temp", "0.2", "--weights", weights.c_str(), nullptr);
    _exit(99);
  }
  close(pipe[1]);
  char byte;
  ASSERT_EQ(read(pipe[0], &byte, 1), 1); // it streams
  kill(child, SIGINT);
  std::string rest(1, byte);
  while (read(pipe[0], &byte, 1) == 1)
    rest += byte;
  close(pipe[0]);
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_EQ(rest.back(), '\n');
}
