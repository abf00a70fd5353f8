//===- SavedSessionTest.cpp - Sessions that go on later ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Fixture.h"
#include "SavedBytes.h"

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace espalier;
using namespace espalier::runtime;

namespace {

std::vector<uint8_t> savedBytes(const espalier_session *session) {
  std::vector<uint8_t> bytes = fake::savedBytes(session);
  EXPECT_FALSE(bytes.empty()) << espalier_last_error();
  return bytes;
}

espalier_status restore(Opened &m, const std::vector<uint8_t> &bytes) {
  return espalier_session_restore_bytes(m.session, bytes.data(), bytes.size());
}

Tokens tokensOf(const espalier_session *session) {
  const int32_t *tokens = espalier_session_tokens(session);
  return Tokens(tokens, tokens + espalier_session_length(session));
}

/// That the session goes on as one that computed `seen`.
void expectGoesOn(Opened &m, Tokens seen) {
  ASSERT_EQ(tokensOf(m.session), seen);
  fake::stepCount = 0;
  seen.push_back(42);
  EXPECT_EQ(m.step({42}), m.fakeModel.logitsAfter(seen));
  EXPECT_EQ(fake::stepCount, 1u); // nothing else was computed
}

} // namespace

TEST(SavedSession, GoesOnWithTheSameBits) {
  for (uint32_t type : {ESPALIER_F32, ESPALIER_F16, ESPALIER_BF16})
    for (uint32_t length : {0u, 1u, 15u, 16u, 17u, 70u})
      for (uint32_t context : {71u, 100u, 400u}) {
        Opened from(type), to(type);
        to.options.context = context;
        ASSERT_EQ(from.open(), ESPALIER_OK);
        ASSERT_EQ(to.open(), ESPALIER_OK);
        Tokens tokens = someTokens(length);
        if (length != 0)
          from.step(tokens);
        to.step(someTokens(33, 9)); // something else was there
        std::string path = fake::freshFolder() + "saved";
        ASSERT_EQ(espalier_session_save(from.session, path.c_str()),
                  ESPALIER_OK)
            << espalier_last_error();
        EXPECT_EQ(fake::readFile(path), savedBytes(from.session));
        ASSERT_EQ(espalier_session_restore(to.session, path.c_str()),
                  ESPALIER_OK)
            << espalier_last_error();
        // The same again from there, though the rest of the cache is another.
        EXPECT_EQ(savedBytes(to.session).size(),
                  savedBytes(from.session).size());
        expectGoesOn(to, tokens);
      }
}

TEST(SavedSession, BytesDependOnTheTokensAlone) {
  Opened plain, used;
  ASSERT_EQ(plain.open(), ESPALIER_OK);
  ASSERT_EQ(used.open(), ESPALIER_OK);
  Tokens tokens = someTokens(21);
  plain.step(tokens);
  used.step(tokens);
  used.step(someTokens(30, 4)); // truncated: not to be found in the file
  espalier_session_truncate(used.session, 21);
  Tokens tree = {1, 2}, parents = {-1, 0};
  used.step(tree, &parents); // not committed
  EXPECT_EQ(savedBytes(used.session), savedBytes(plain.session));
  // Saving does not drop the tree.
  EXPECT_EQ(espalier_commit(used.session, 1), ESPALIER_OK);
}

TEST(SavedSession, ForkGoesItsOwnWay) {
  for (uint32_t length : {0u, 1u, 16u, 37u}) {
    Opened m;
    ASSERT_EQ(m.open(), ESPALIER_OK);
    Tokens tokens = someTokens(length);
    if (length != 0)
      m.step(tokens);
    espalier_session *copy = nullptr;
    ASSERT_EQ(espalier_session_fork(m.session, &copy), ESPALIER_OK);
    EXPECT_EQ(tokensOf(copy), tokens);
    Tokens left = tokens, right = tokens;
    for (int32_t i = 0; i < 20; ++i) {
      left.push_back(i);
      EXPECT_EQ(m.step({i}), m.fakeModel.logitsAfter(left));
      std::swap(m.session, copy);
      right.push_back(49 - i);
      EXPECT_EQ(m.step({49 - i}), m.fakeModel.logitsAfter(right));
      std::swap(m.session, copy);
    }
    espalier_session_destroy(copy);
  }
}

TEST(SavedSession, DamageIsFoundAndChangesNothing) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  m.step(someTokens(19));
  std::vector<uint8_t> good = savedBytes(m.session);
  espalier_session_truncate(m.session, 0);
  Tokens mine = someTokens(7, 3);
  m.step(mine);
  // Every byte of the header and of the tokens, then some.
  for (size_t at = 0; at < good.size(); at += at < 300 ? 1 : 97) {
    std::vector<uint8_t> bad = good;
    bad[at] ^= 0x10;
    ASSERT_NE(restore(m, bad), ESPALIER_OK) << at;
    ASSERT_EQ(tokensOf(m.session), mine);
  }
  for (size_t size = 0; size < good.size(); size += size < 300 ? 1 : 97) {
    std::vector<uint8_t> bad(good.begin(), good.begin() + ptrdiff_t(size));
    ASSERT_EQ(restore(m, bad), ESPALIER_ERROR_FILE) << size;
  }
  std::vector<uint8_t> longer = good;
  longer.push_back(0);
  EXPECT_EQ(restore(m, longer), ESPALIER_ERROR_FILE);
  expectGoesOn(m, mine);
  EXPECT_EQ(restore(m, good), ESPALIER_OK);
}

TEST(SavedSession, HeadersThatLie) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  m.step(someTokens(19));
  std::vector<uint8_t> good = savedBytes(m.session);
  Tokens mine = tokensOf(m.session);
  auto put = [&](size_t offset, uint32_t value, const char *message) {
    std::vector<uint8_t> bad = good;
    memcpy(bad.data() + offset, &value, 4);
    fake::rehash(bad);
    EXPECT_NE(restore(m, bad), ESPALIER_OK) << message;
    EXPECT_NE(std::string(espalier_last_error()).find(message),
              std::string::npos)
        << espalier_last_error();
  };
  put(offsetof(SessionHeader, magic), 0, "not a saved session");
  put(offsetof(SessionHeader, version), 2, "version: expected 1, got 2");
  put(offsetof(SessionHeader, headerBytes), 0, "header size: expected 144");
  put(offsetof(SessionHeader, bytes), 0, "truncated or damaged");
  put(offsetof(SessionHeader, layers), 0, "layers: expected 3, got 0");
  put(offsetof(SessionHeader, kvHeads), 1u << 31, "heads: expected 2");
  put(offsetof(SessionHeader, headDim), 9, "size of a key: expected 8");
  put(offsetof(SessionHeader, valueDim), 9, "size of a value: expected 16");
  put(offsetof(SessionHeader, elementType), 0, "type of the cache: expected 1");
  put(offsetof(SessionHeader, vocabulary), 51, "vocabulary: expected 50");
  put(offsetof(SessionHeader, reserved), 1, "reserved fields are not 0");
  for (uint32_t length : {0u, 18u, 20u, 32u})
    put(offsetof(SessionHeader, length), length, "saved session: ");
  for (uint32_t length : {1u << 31, UINT32_MAX, 501u})
    put(offsetof(SessionHeader, length), length, "do not fit into the context");
  put(sizeof(SessionHeader) + 4, 50, "token 1: expected an id of 0 to 49");
  put(sizeof(SessionHeader) + 4, UINT32_MAX, "token 1: expected an id");
  expectGoesOn(m, mine);
}

TEST(SavedSession, OfAnotherModel) {
  Opened m, f32(ESPALIER_F32);
  ASSERT_EQ(m.open(), ESPALIER_OK);
  ASSERT_EQ(f32.open(), ESPALIER_OK);
  m.step(someTokens(40));
  std::vector<uint8_t> saved = savedBytes(m.session);
  EXPECT_EQ(restore(f32, saved), ESPALIER_ERROR_FILE);
  EXPECT_STREQ(espalier_last_error(),
               "saved session: type of the cache: expected 0, got 1: saved "
               "from a model that was compiled with other options");
  auto refused = [&](auto change, const char *message) {
    Opened other;
    change(other);
    ASSERT_EQ(other.open(), ESPALIER_OK) << espalier_last_error();
    EXPECT_EQ(restore(other, saved), ESPALIER_ERROR_FILE);
    EXPECT_NE(std::string(espalier_last_error()).find(message),
              std::string::npos)
        << espalier_last_error();
  };
  refused([](Opened &o) { o.fakeModel.card.activations = "int8"; },
          "computes otherwise");
  refused([](Opened &o) { o.fakeModel.card.order = "systolic-1"; },
          "computes otherwise");
  refused([](Opened &o) { o.fakeModel.frequencies[2] = 0.26f; },
          "its positions were rotated otherwise");
  refused(
      [](Opened &o) {
        std::vector<uint8_t> &container = o.fakeModel.container;
        container[100] ^= 1;
        Hash128 hash = hash128(std::span<const uint8_t>(
            container.data(), o.fakeModel.descriptor.header_bytes));
        o.fakeModel.descriptor.header_hash[0] = hash.low;
        o.fakeModel.descriptor.header_hash[1] = hash.high;
        fake::writeFile(o.path, container);
      },
      "saved from another model than 'fake', from other weights or by another "
      "version of the compiler");
  Opened small;
  small.options.context = 39;
  ASSERT_EQ(small.open(), ESPALIER_OK);
  EXPECT_EQ(restore(small, saved), ESPALIER_ERROR_CONTEXT);
  EXPECT_STREQ(espalier_last_error(),
               "saved session: its 40 tokens do not fit into the context, "
               "which holds 39: open the model with a larger context");
}

// Beyond position 64 other frequencies count for the whole session.
TEST(SavedSession, RotationsOfTheContext) {
  static const float longer[] = {1.0f, 0.25f, 0.0625f, 0.015625f};
  auto open = [](Opened &m, uint32_t context) {
    m.fakeModel.rope.switch_position = 64;
    m.fakeModel.rope.long_frequencies = longer;
    m.options.context = context;
    return m.open();
  };
  Opened small, sameKind, large;
  ASSERT_EQ(open(small, 40), ESPALIER_OK) << espalier_last_error();
  ASSERT_EQ(open(sameKind, 64), ESPALIER_OK);
  ASSERT_EQ(open(large, 100), ESPALIER_OK);
  small.step(someTokens(20));
  std::vector<uint8_t> saved = savedBytes(small.session);
  EXPECT_EQ(restore(sameKind, saved), ESPALIER_OK) << espalier_last_error();
  EXPECT_EQ(restore(large, saved), ESPALIER_ERROR_FILE);
  EXPECT_STREQ(espalier_last_error(),
               "saved session: its positions were rotated otherwise: open the "
               "model with the context that it was saved from, 40");
}

TEST(SavedSession, Files) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  m.step(someTokens(5));
  std::string folder = fake::freshFolder(), path = folder + "saved";
  auto fails = [&](espalier_status status, const std::string &message) {
    EXPECT_EQ(status, ESPALIER_ERROR_FILE);
    EXPECT_EQ(espalier_last_error(), message);
  };
  fails(espalier_session_restore(m.session, path.c_str()),
        path + ": cannot be opened: No such file or directory");
  fails(espalier_session_save(m.session, (folder + "no/saved").c_str()),
        folder + "no/saved: cannot be created: No such file or directory");
  fails(espalier_session_restore(m.session, folder.c_str()),
        folder + ": not a file");
  fails(espalier_session_save(m.session, folder.c_str()),
        folder + ": not a file");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  fails(espalier_session_restore(m.session, path.c_str()),
        path + ": not a file");
  fails(espalier_session_save(m.session, path.c_str()), path + ": not a file");
  ASSERT_EQ(unlink(path.c_str()), 0);
  // What is there is replaced as a whole, and no other file stays.
  fake::writeFile(path, std::vector<uint8_t>(100000, 'x'));
  ASSERT_EQ(espalier_session_save(m.session, path.c_str()), ESPALIER_OK);
  EXPECT_EQ(fake::readFile(path), savedBytes(m.session));
  size_t files = 0;
  for (auto &entry : std::filesystem::directory_iterator(folder))
    files += entry.is_regular_file();
  EXPECT_EQ(files, 1u);
}
