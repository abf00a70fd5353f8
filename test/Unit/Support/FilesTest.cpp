//===- FilesTest.cpp - Mapped files and hashes ----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Hash.h"
#include "espalier/Support/MappedFile.h"
#include "espalier/Support/ShortenedFiles.h"

#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace espalier;

namespace {

class Files : public testing::Test {
protected:
  void SetUp() override {
    std::string form = testing::TempDir() + "espalier-files-XXXXXX";
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    folder = form;
  }
  void TearDown() override {
    for (const std::string &name : names)
      ::unlink(name.c_str());
    ::rmdir(folder.c_str());
  }
  std::string name(const char *leaf) {
    names.push_back(folder + "/" + leaf);
    return names.back();
  }
  static void write(const std::string &path, std::string_view text,
                    int flags = O_TRUNC) {
    int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | flags, 0600);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(::write(fd, text.data(), text.size()), ssize_t(text.size()));
    ::close(fd);
  }

  std::string folder;
  std::vector<std::string> names;
};

std::string failure(const std::string &path) {
  auto file = MappedFile::open(path);
  return file ? "" : file.error().message;
}

} // namespace

TEST_F(Files, MapsARegularFile) {
  std::string path = name("a");
  write(path, "hello");
  auto file = MappedFile::open(path);
  ASSERT_TRUE(bool(file));
  MappedFile moved = std::move(*file);
  ASSERT_EQ(moved.bytes().size(), 5u);
  EXPECT_EQ(moved.bytes()[4], 'o');
  EXPECT_EQ(moved.path(), path);
  EXPECT_EQ(moved.identity().size, 5u);
  EXPECT_TRUE(bool(moved.unchanged()));
  moved.release(0, SIZE_MAX);
  moved.release(99, 1);
  EXPECT_EQ(moved.bytes()[0], 'h');
  write(path, " again", O_APPEND);
  Status changed = moved.unchanged();
  ASSERT_FALSE(bool(changed));
  EXPECT_NE(changed.error().message.find("changed while"), std::string::npos);
}

TEST_F(Files, AnEmptyFileHasNoBytes) {
  std::string path = name("empty");
  write(path, "");
  auto file = MappedFile::open(path);
  ASSERT_TRUE(bool(file));
  EXPECT_TRUE(file->bytes().empty());
}

TEST_F(Files, RefusesWhatIsNoRegularFile) {
  EXPECT_EQ(failure(folder),
            folder + ": expected a regular file, got a directory");
  std::string fifo = name("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  // No writer: a plain open would wait for ever.
  EXPECT_EQ(failure(fifo), fifo + ": expected a regular file, got a FIFO");
  EXPECT_EQ(failure("/dev/zero"),
            "/dev/zero: expected a regular file, got a device");
  std::string missing = folder + "/missing";
  EXPECT_EQ(failure(missing),
            missing + ": cannot open: No such file or directory");
  EXPECT_NE(failure(std::string("a\0b", 3)), "");
}

TEST_F(Files, ReleaseIsHarmless) {
  std::string path = name("big");
  std::string text(300000, 'x');
  write(path, text);
  auto file = MappedFile::open(path);
  ASSERT_TRUE(bool(file));
  file->release(1, 200000);
  file->release(5000, 299000);
  for (uint8_t byte : file->bytes())
    ASSERT_EQ(byte, 'x');
}

// Under a guard the part that was cut off reads as zeros, once, and the file
// counts as changed for good, also where it has its old size again.
TEST_F(Files, ShortenedWhileMapped) {
  std::string path = name("shortened");
  write(path, std::string(100000, 'x'));
  auto file = MappedFile::open(path);
  ASSERT_TRUE(bool(file));
  {
    ShortenedFileGuard guard;
    EXPECT_TRUE(bool(file->unchanged()));
    ASSERT_EQ(::truncate(path.c_str(), 4096), 0);
    EXPECT_EQ(file->bytes()[0], 'x');
    EXPECT_FALSE(ShortenedFileGuard::lost());
    EXPECT_EQ(file->bytes()[50000], 0);
    EXPECT_EQ(file->bytes()[99999], 0);
    EXPECT_TRUE(ShortenedFileGuard::lost());
    EXPECT_FALSE(bool(file->unchanged()));
  }
  ShortenedFileGuard guard;
  EXPECT_FALSE(ShortenedFileGuard::lost());
}

TEST(Hash, KnownValues) {
  // XXH3-128 of nothing, as its specification's reference gives it.
  EXPECT_EQ(hash128("").hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_NE(hash128("a"), hash128("b"));
}

TEST(Hash, AStreamHashesAsOnePiece) {
  std::string text;
  for (int i = 0; i < 100000; ++i)
    text += char(i * 37 + (i >> 8));
  Hasher hasher;
  for (size_t at = 0, step = 1; at < text.size(); at += step, step += 97)
    hasher.update(std::string_view(text).substr(at, step));
  hasher.update("");
  EXPECT_EQ(hasher.finish(), hash128(text));
  Hasher moved = std::move(hasher);
  EXPECT_EQ(moved.finish().hex(), hash128(text).hex());
}
