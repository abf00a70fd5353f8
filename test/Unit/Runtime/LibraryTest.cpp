//===- LibraryTest.cpp - Models in shared libraries -------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Core/Container.h"
#include "Fixture.h"
#include "espalier/model.h"

#include <climits>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <thread>
#include <unistd.h>
#include <utility>

using namespace espalier::runtime;

ESPALIER_DECLARE_MODEL(fake_a);

namespace {

std::vector<uint8_t> libraryBytes(const char *name) {
  char path[PATH_MAX] = {};
  if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
    abort();
  std::string folder(path);
  folder.resize(folder.rfind('/') + 1);
  return fake::readFile(folder + "libespalier-" + name + ".so");
}

/// The functions that a library has under its own name, of the types that
/// model.h declares.
struct Api {
  decltype(&fake_a_open) open;
  decltype(&fake_a_close) close;
  decltype(&fake_a_team_create) team_create;
  decltype(&fake_a_team_destroy) team_destroy;
  decltype(&fake_a_session_create) session_create;
  decltype(&fake_a_session_destroy) session_destroy;
  decltype(&fake_a_step) step;
  void *handle;

  Api(const std::string &path, const std::string &name)
      : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    auto get = [&](auto &function, const char *suffix) {
      void *address = handle ? dlsym(handle, (name + suffix).c_str()) : nullptr;
      EXPECT_NE(address, nullptr) << name << suffix;
      memcpy(&function, &address, sizeof(address));
    };
    EXPECT_NE(handle, nullptr) << dlerror();
    get(open, "_open");
    get(close, "_close");
    get(team_create, "_team_create");
    get(team_destroy, "_team_destroy");
    get(session_create, "_session_create");
    get(session_destroy, "_session_destroy");
    get(step, "_step");
  }
};

/// Steps `tokens` one by one in a library's model on `team`.
bool stepsAreRight(const Api &api, const fake::Model &definition,
                   espalier_team *team, const Tokens &tokens) {
  espalier_open_options options = {};
  options.size = sizeof(options);
  options.team = team;
  espalier_model *model;
  espalier_session *session;
  if (api.open(&options, &model) || api.session_create(model, &session))
    return false;
  bool right = true;
  for (size_t i = 0; i < tokens.size(); ++i) {
    std::vector<float> logits(fake::vocab);
    uint32_t wanted = 0;
    espalier_step_request request = {};
    request.size = sizeof(request);
    request.count = request.wanted_count = 1;
    request.tokens = &tokens[i];
    request.wanted = &wanted;
    request.logits = logits.data();
    right = right && api.step(session, &request) == ESPALIER_OK &&
            logits == definition.logitsAfter(prefix(tokens, i + 1));
  }
  api.session_destroy(session);
  api.close(model);
  return right;
}

} // namespace

TEST(Library, TwoLibrariesShareATeam) {
  std::string folder = fake::freshFolder();
  fake::Model a("fake_a"), b("fake_b");
  fake::writeFile(folder + "fake_a.safetensors", a.container);
  fake::writeFile(folder + "fake_b.safetensors", b.container);
  Api apiA(fake::writeFile(folder + "a.so", libraryBytes("fake-a")), "fake_a");
  Api apiB(fake::writeFile(folder + "b.so", libraryBytes("fake-b")), "fake_b");
  ASSERT_TRUE(apiA.step && apiB.step);
  EXPECT_NE(apiA.step, apiB.step) << "each has a runtime of its own";
  espalier_team *team;
  ASSERT_EQ(apiA.team_create(2, &team), ESPALIER_OK);
  bool rightA = false;
  std::thread other(
      [&] { rightA = stepsAreRight(apiA, a, team, someTokens(50)); });
  EXPECT_TRUE(stepsAreRight(apiB, b, team, someTokens(50, 3)));
  other.join();
  EXPECT_TRUE(rightA);
  apiA.team_destroy(team);
  // What was local stays local.
  EXPECT_EQ(dlsym(apiA.handle, "espalier_step"),
            dlsym(RTLD_DEFAULT, "espalier_step"));
}

TEST(Library, OpenFindsWeightsBesideIt) {
  std::string folder = fake::freshFolder();
  fake::Model a("fake_a");
  std::string path = fake::writeFile(folder + "a.so", libraryBytes("fake-a"));
  espalier_model *model = nullptr;
  EXPECT_EQ(espalier_open_library(path.c_str(), nullptr, &model),
            ESPALIER_ERROR_FILE);
  EXPECT_NE(
      std::string(espalier_last_error()).find(folder + "fake_a.safetensors"),
      std::string::npos)
      << espalier_last_error();
  fake::writeFile(folder + "fake_a.safetensors", a.container);
  ASSERT_EQ(espalier_open_library(path.c_str(), nullptr, &model), ESPALIER_OK)
      << espalier_last_error();
  EXPECT_STREQ(espalier_model_descriptor(model)->name, "fake_a");
  espalier_close(model);
}

TEST(Library, OpenFindsBundledWeights) {
  fake::Model a("fake_a");
  std::vector<uint8_t> bytes = libraryBytes("fake-a");
  espalier_bundle_footer footer = {};
  bytes.resize((bytes.size() + 4095) / 4096 * 4096);
  footer.offset = bytes.size();
  footer.size = a.container.size();
  footer.version = 1;
  memcpy(footer.magic, ESPALIER_BUNDLE_MAGIC, 16);
  memcpy(footer.header_hash, a.descriptor.header_hash, 16);
  bytes.insert(bytes.end(), a.container.begin(), a.container.end());
  auto *end = reinterpret_cast<const uint8_t *>(&footer);
  bytes.insert(bytes.end(), end, end + sizeof(footer));
  std::string path = fake::writeFile("bundle.so", bytes);
  espalier_model *model = nullptr;
  ASSERT_EQ(espalier_open_library(path.c_str(), nullptr, &model), ESPALIER_OK)
      << espalier_last_error();
  EXPECT_EQ(espalier_verify(model), ESPALIER_OK);
  espalier_close(model);
  // The path of the artefact stands for its bundle.
  espalier_open_options options;
  espalier_open_options_init(&options);
  options.weights = path.c_str();
  ASSERT_EQ(espalier_open(&a.descriptor, &options, &model), ESPALIER_OK)
      << espalier_last_error();
  EXPECT_EQ(espalier_verify(model), ESPALIER_OK);
  espalier_close(model);
  bytes[bytes.size() - 64] ^= 1; // the footer's offset
  path = fake::writeFile("damaged.so", bytes);
  EXPECT_EQ(espalier_open_library(path.c_str(), nullptr, &model),
            ESPALIER_ERROR_FILE);
  EXPECT_NE(std::string(espalier_last_error()).find("bundled weights"),
            std::string::npos);
}

TEST(Library, DamagedFilesAreRefused) {
  std::vector<uint8_t> good = libraryBytes("fake-a");
  espalier_model *model = nullptr;
  // The first bytes one by one, then in steps to the end.
  for (size_t size = 0; size < good.size();
       size += size < 1024 ? 61 : good.size() / 20) {
    std::string path = fake::writeFile(
        "cut.so", {good.begin(), good.begin() + ptrdiff_t(size)});
    EXPECT_EQ(espalier_open_library(path.c_str(), nullptr, &model),
              ESPALIER_ERROR_FILE)
        << size;
  }
  EXPECT_EQ(espalier_open_library("/no/such.so", nullptr, &model),
            ESPALIER_ERROR_FILE);
  std::string text = fake::writeFile("text.so", std::vector<uint8_t>(200, 'x'));
  EXPECT_EQ(espalier_open_library(text.c_str(), nullptr, &model),
            ESPALIER_ERROR_FILE);
}

TEST(Library, TheModelsSymbolIsFound) {
  std::vector<uint8_t> good = libraryBytes("fake-a");
  auto symbol = findModelSymbol(good);
  ASSERT_TRUE(symbol) << symbol.error().message;
  EXPECT_EQ(*symbol, "espalier_model_fake_a");
  // Every byte of the section headers is untrusted.
  Elf64_Ehdr header;
  memcpy(&header, good.data(), sizeof(header));
  size_t end = header.e_shoff + header.e_shnum * sizeof(Elf64_Shdr);
  ASSERT_LE(end, good.size());
  for (size_t i = header.e_shoff; i < end; ++i) {
    uint8_t before = std::exchange(good[i], uint8_t(0xff));
    (void)findModelSymbol(good);
    good[i] = before;
  }
}
