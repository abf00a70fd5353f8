//===- CheckpointTest.cpp - Hostile shard indices and folders -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/Checkpoint.h"
#include "Build.h"
#include "espalier/Import/GGUF.h"

#include <cstdio>
#include <cstdlib>
#include <ftw.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace espalier;
using namespace espalier::test;

namespace {

bool says(const std::string &message, std::string_view part) {
  return message.find(part) != std::string::npos;
}

#define EXPECT_SAYS(message, part)                                             \
  EXPECT_PRED2(says, message, std::string_view(part))

int removeOne(const char *path, const struct stat *, int, struct FTW *) {
  return ::remove(path);
}

class Folder : public testing::Test {
protected:
  void SetUp() override {
    std::string form = testing::TempDir() + "espalier-checkpoint-XXXXXX";
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    top = form;
    model = top + "/model";
    ASSERT_EQ(::mkdir(model.c_str(), 0700), 0);
  }
  void TearDown() override {
    ::nftw(top.c_str(), removeOne, 8, FTW_DEPTH | FTW_PHYS);
  }
  static void write(const std::string &path, const std::string &text) {
    std::FILE *f = std::fopen(path.c_str(), "wb");
    ASSERT_NE(f, nullptr);
    ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), f), text.size());
    std::fclose(f);
  }
  void link(const std::string &target, const std::string &at) {
    ASSERT_EQ(::symlink(target.c_str(), at.c_str()), 0);
  }
  void writeIndex(const std::string &map) {
    write(model + "/model.safetensors.index.json",
          "{\"metadata\":{\"total_size\":1},\"weight_map\":{" + map + "}}");
  }
  std::string failure() {
    auto checkpoint = Checkpoint::open(model);
    return checkpoint ? "" : checkpoint.error().message;
  }
  static std::string shard(const std::string &tensor) {
    return safetensors("{" + entry(tensor, "U8", "3", "0,3") + "}", 3);
  }

  std::string top, model;
};

std::string indexFailure(const std::string &text) {
  auto index = parseSafeTensorsIndex(text);
  return index ? "" : index.error().message;
}

} // namespace

TEST(Index, RefusesNamesThatAreNoPlainFileNames) {
  for (const char *name :
       {"/etc/passwd.safetensors", "../x.safetensors", "a/../x.safetensors",
        "a/b.safetensors", "..", ".", "", "a\\\\b.safetensors",
        "x\\u0000.safetensors", "x\\n.safetensors", "x.bin",
        "model.safetensors.index.json"})
    EXPECT_SAYS(
        indexFailure("{\"weight_map\":{\"t\":\"" + std::string(name) + "\"}}"),
        "weight_map: tensor 't': shard: ")
        << name;
  EXPECT_NE(indexFailure("{\"weight_map\":{\"t\":\"" + std::string(300, 'a') +
                         ".safetensors\"}}"),
            "");
  EXPECT_EQ(indexFailure("{\"weight_map\":{\"t\":\"a..b.safetensors\"}}"), "");
}

TEST(Index, RefusesOtherShapes) {
  EXPECT_NE(indexFailure(""), "");
  EXPECT_SAYS(indexFailure("[]"), "expected an object weight_map");
  EXPECT_SAYS(indexFailure("{}"), "expected an object weight_map");
  EXPECT_SAYS(indexFailure("{\"weight_map\":[]}"), "expected an object");
  EXPECT_SAYS(indexFailure("{\"weight_map\":{\"t\":1}}"), "expected a string");
  EXPECT_SAYS(indexFailure("{\"weight_map\":{\"t\":\"a.safetensors\","
                           "\"t\":\"b.safetensors\"}}"),
              "appears twice");
  EXPECT_SAYS(indexFailure("{\"weight_map\":{\"\":\"a.safetensors\"}}"),
              "empty");
  std::string map;
  for (int i = 0; i < 4097; ++i)
    map += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"" +
           std::to_string(i) + ".safetensors\"";
  EXPECT_SAYS(indexFailure("{\"weight_map\":{" + map + "}}"), "shards");
}

TEST_F(Folder, OpensShards) {
  write(model + "/a.safetensors", shard("x"));
  write(model + "/b.safetensors", shard("y"));
  writeIndex("\"x\":\"a.safetensors\",\"y\":\"b.safetensors\"");
  auto checkpoint = Checkpoint::open(model);
  ASSERT_TRUE(bool(checkpoint)) << checkpoint.error().message;
  Checkpoint moved = std::move(*checkpoint);
  ASSERT_EQ(moved.tensors().size(), 2u);
  const CheckpointTensor *y = moved.find("y");
  ASSERT_NE(y, nullptr);
  EXPECT_EQ(y->shape, std::vector<uint64_t>{3});
  EXPECT_EQ(y->bytes.size(), 3u);
  EXPECT_EQ(y->bytes[2], 7);
  EXPECT_EQ(y->offset, shard("y").size() - 3);
  EXPECT_EQ(moved.files().size(), 2u);
  EXPECT_TRUE(bool(moved.unchanged()));
  write(model + "/b.safetensors", shard("y") + "more");
  EXPECT_SAYS(moved.unchanged().error().message, "changed while");
}

TEST_F(Folder, OpensASingleFile) {
  EXPECT_SAYS(failure(), "expected model.safetensors or");
  write(model + "/model.safetensors", shard("x"));
  EXPECT_EQ(failure(), "");
  auto file = Checkpoint::open(model + "/model.safetensors");
  ASSERT_TRUE(bool(file));
  EXPECT_NE(file->find("x"), nullptr);
  EXPECT_FALSE(bool(Checkpoint::open(top + "/missing")));
}

TEST_F(Folder, ShardThatIsMissingOrLacksItsTensor) {
  write(model + "/a.safetensors", shard("x"));
  writeIndex("\"x\":\"a.safetensors\",\"y\":\"b.safetensors\"");
  EXPECT_SAYS(failure(), model + "/b.safetensors: cannot open: No such file");
  writeIndex("\"x\":\"a.safetensors\",\"z\":\"a.safetensors\"");
  EXPECT_SAYS(failure(),
              "tensor 'z': expected in a.safetensors, which does not hold it");
}

TEST_F(Folder, LinksThatLeaveTheFolder) {
  write(top + "/secret.safetensors", shard("x"));
  writeIndex("\"x\":\"a.safetensors\"");
  link("../secret.safetensors", model + "/a.safetensors");
  EXPECT_SAYS(failure(), "the symbolic link leaves its folder");
  ::unlink((model + "/a.safetensors").c_str());
  // Through a second link inside.
  link(top + "/secret.safetensors", model + "/inner");
  link("inner", model + "/a.safetensors");
  EXPECT_SAYS(failure(), "leaves its folder");
  ::unlink((model + "/a.safetensors").c_str());
  // A folder beside it whose name only begins like it.
  ASSERT_EQ(::mkdir((top + "/model-2").c_str(), 0700), 0);
  write(top + "/model-2/s.safetensors", shard("x"));
  link("../model-2/s.safetensors", model + "/a.safetensors");
  EXPECT_SAYS(failure(), "leaves its folder");
  ::unlink((model + "/a.safetensors").c_str());
  // The index and the single file are held to the same.
  link("../secret.safetensors", model + "/model.safetensors");
  EXPECT_SAYS(failure(), "leaves its folder");
}

TEST_F(Folder, LinksThatStay) {
  write(model + "/real.safetensors", shard("x"));
  link("real.safetensors", model + "/a.safetensors");
  writeIndex("\"x\":\"a.safetensors\"");
  EXPECT_EQ(failure(), "");
  // The folder itself may be reached through a link: its parent is the user's.
  link("model", top + "/alias");
  EXPECT_TRUE(bool(Checkpoint::open(top + "/alias")));
  // A hard link is a regular file of the folder.
  ::unlink((model + "/a.safetensors").c_str());
  write(top + "/outside.safetensors", shard("x"));
  ASSERT_EQ(::link((top + "/outside.safetensors").c_str(),
                   (model + "/a.safetensors").c_str()),
            0);
  EXPECT_EQ(failure(), "");
}

TEST_F(Folder, CyclicLinksAndOtherKinds) {
  writeIndex("\"x\":\"a.safetensors\"");
  std::string path = model + "/a.safetensors";
  link("b.safetensors", path);
  link("a.safetensors", model + "/b.safetensors");
  EXPECT_SAYS(failure(), "Too many levels of symbolic links");
  ::unlink(path.c_str());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_SAYS(failure(), "expected a regular file, got a FIFO");
  ::unlink(path.c_str());
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  EXPECT_SAYS(failure(), "expected a regular file, got a directory");
  ::rmdir(path.c_str());
  link("/dev/zero", path);
  EXPECT_SAYS(failure(), "leaves its folder");
}

TEST_F(Folder, HuggingFaceCache) {
  std::string repo = top + "/models--x";
  for (const char *sub : {"", "/blobs", "/snapshots", "/snapshots/1"})
    ASSERT_EQ(::mkdir((repo + sub).c_str(), 0700), 0);
  write(repo + "/blobs/abc", shard("x"));
  write(repo + "/other", shard("x"));
  model = repo + "/snapshots/1";
  link("../../blobs/abc", model + "/model.safetensors");
  EXPECT_EQ(failure(), "");
  ::unlink((model + "/model.safetensors").c_str());
  link("../../other", model + "/model.safetensors");
  EXPECT_SAYS(failure(), "leaves its folder");
}

TEST_F(Folder, GgufModel) {
  Gguf g;
  g.tensors = {{"t", {2}, 0, 0}};
  g.dataBytes = 8;
  std::string path = model + "/m.gguf";
  write(path, g.bytes());
  auto opened = GgufModel::open(path);
  ASSERT_TRUE(bool(opened)) << opened.error().message;
  GgufModel moved = std::move(*opened);
  EXPECT_EQ(moved.gguf.data(moved.gguf.tensors()[0])->front(), 5);
  g.pairs = {Gguf::pair("split.count", 2, raw(uint16_t(3)))};
  write(path, g.bytes());
  auto split = GgufModel::open(path);
  ASSERT_FALSE(bool(split));
  EXPECT_SAYS(split.error().message, path + ": one part of a split GGUF model");
  EXPECT_FALSE(bool(GgufModel::open(model)));
}

// Files that others wrote: one with all tensors, one in seven shards.
TEST(Checkpoint, OpensGoldens) {
  std::string goldens = ESPALIER_TEST_INPUTS "/goldens/";
  for (auto [name, files] : {std::pair{"llama", 1u}, {"llama3-rope", 7u}}) {
    auto checkpoint = Checkpoint::open(goldens + name);
    ASSERT_TRUE(bool(checkpoint)) << checkpoint.error().message;
    EXPECT_EQ(checkpoint->files().size(), files);
    const CheckpointTensor *embedding =
        checkpoint->find("model.embed_tokens.weight");
    ASSERT_NE(embedding, nullptr);
    ASSERT_EQ(embedding->shape.size(), 2u);
    EXPECT_EQ(embedding->bytes.size() * 8, embedding->shape[0] *
                                               embedding->shape[1] *
                                               dtypeBits(embedding->dtype));
  }
}
