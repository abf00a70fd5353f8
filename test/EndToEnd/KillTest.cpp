//===- KillTest.cpp - Compilations that are ended at any moment -----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Models.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace espalier;
using namespace espalier::e2e;

namespace fs = std::filesystem;

extern char **environ;

namespace {

/// `espalier compile` of a small model, as a process.
pid_t start(const std::string &output, const char *kvType) {
  std::string program = ESPALIER_BINARY_DIR "/bin/espalier";
  std::string model = modelPath("gguf-q4_1");
  std::vector<std::string> arguments = {"espalier", "compile",   model,
                                        "-o",       output,      "--emit",
                                        "shared",   "--kv-type", kvType};
  std::vector<char *> argv;
  for (std::string &one : arguments)
    argv.push_back(one.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  int status = posix_spawn(&pid, program.c_str(), &actions, nullptr,
                           argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return status == 0 ? pid : -1;
}

struct Outputs {
  std::string library, weights, header;
  bool operator==(const Outputs &) const = default;
};

Outputs outputsIn(const std::string &folder) {
  auto read = [&](const char *name) {
    Result<std::string> bytes = readFile(folder + "/" + name);
    return bytes ? *bytes : std::string();
  };
  return {read("model.so"), read("model.safetensors"), read("model.h")};
}

std::vector<std::string> hiddenIn(const std::string &folder) {
  std::vector<std::string> names;
  for (const auto &entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("."))
      names.push_back(entry.path());
  return names;
}

void makeWhole(const std::string &folder, const char *kvType) {
  fs::create_directories(folder);
  pid_t pid = start(folder + "/model.so", kvType);
  ASSERT_GT(pid, 0);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  ASSERT_EQ(status, 0);
}

// Whatever the moment: each output is not there, or as it was before, or whole.
// A signal that can be handled leaves nothing else behind either.
TEST(Kill, LeavesNoPartialOutput) {
  std::string base = scratchFolder() + "/kill";
  makeWhole(base + "/old", "f32");
  auto begin = std::chrono::steady_clock::now();
  makeWhole(base + "/new", "f16");
  std::chrono::duration<double> whole =
      std::chrono::steady_clock::now() - begin;
  const Outputs before = outputsIn(base + "/old");
  const Outputs after = outputsIn(base + "/new");
  ASSERT_FALSE(after.library.empty());
  ASSERT_NE(before.library, after.library);

  std::mt19937 random(1);
  std::uniform_real_distribution<double> moment(0, 1.05 * whole.count());
  unsigned finished = 0, untouched = 0;
  for (unsigned i = 0; i < 100; ++i) {
    std::string folder = base + "/" + std::to_string(i);
    fs::create_directories(folder);
    bool overOld = i % 2, gently = i % 4 >= 2;
    if (overOld)
      for (const char *name : {"model.so", "model.safetensors", "model.h"})
        fs::copy_file(base + "/old/" + name, folder + "/" + name);
    pid_t pid = start(folder + "/model.so", "f16");
    ASSERT_GT(pid, 0);
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    kill(pid, gently ? SIGTERM : SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    Outputs got = outputsIn(folder);
    const Outputs none, &kept = overOld ? before : none;
    EXPECT_TRUE(got.library == kept.library || got.library == after.library);
    EXPECT_TRUE(got.weights == kept.weights || got.weights == after.weights);
    EXPECT_TRUE(got.header == kept.header || got.header == after.header);
    // The output comes last: where it is new, all is.
    if (got.library == after.library) {
      EXPECT_TRUE(got == after);
      ++finished;
    }
    untouched += got == kept;
    if (gently)
      EXPECT_EQ(hiddenIn(folder), std::vector<std::string>()) << i;
    fs::remove_all(folder);
  }
  // The moments did lie before and after the end.
  EXPECT_GT(untouched, 20u);
  RecordProperty("finished", int(finished));
}

} // namespace
