//===- DamageTest.cpp - Artefacts that are not as they were written -------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Compiler.h"
#include "Running.h"
#include "espalier/Support/Npy.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

using namespace espalier;
using namespace espalier::e2e;

namespace fs = std::filesystem;

namespace {

class DamageTest : public testing::Test {
protected:
  void SetUp() override {
    folder = scratchFolder() + "/damage";
    fs::remove_all(folder);
    fs::create_directories(folder);
    library = folder + "/model.so";
    weights = folder + "/model.safetensors";
    bundle = folder + "/bundle.so";
  }

  void compile(const std::string &output, bool bundled,
               const std::string &model = "llama") {
    tool::CompileRequest request;
    request.model = modelPath(model);
    request.output = output;
    request.bundle = bundled;
    Result<tool::CompileSummary> summary = tool::compileModel(request);
    ASSERT_TRUE(summary) << summary.error().message;
  }

  static std::string read(const std::string &path) {
    Result<std::string> bytes = readFile(path);
    EXPECT_TRUE(bytes) << path;
    return bytes ? *bytes : std::string();
  }
  static void write(const std::string &path, const std::string &bytes) {
    fs::remove(path); // a new file: the old one may be mapped
    ASSERT_TRUE(writeFile(path, bytes));
  }

  /// Opening must fail, with a message that names a file of the folder.
  void refused(const std::string &path, const std::string &what) {
    espalier_model *model = nullptr;
    espalier_status status =
        espalier_open_library(path.c_str(), nullptr, &model);
    EXPECT_EQ(status, ESPALIER_ERROR_FILE) << what;
    EXPECT_EQ(model, nullptr) << what;
    std::string message = espalier_last_error();
    EXPECT_NE(message.find(folder), std::string::npos)
        << what << ": " << message;
    EXPECT_LT(message.size(), 600u) << what;
    if (status == ESPALIER_OK)
      espalier_close(model);
  }
  void accepted(const std::string &path) {
    Model model = openLibrary(path, 1);
    ASSERT_TRUE(model);
    EXPECT_EQ(espalier_verify(model.get()), ESPALIER_OK)
        << espalier_last_error();
  }

  std::string folder, library, weights, bundle;
};

TEST_F(DamageTest, WeightsBesideTheLibrary) {
  compile(library, false);
  accepted(library);
  const std::string good = read(weights);
  for (size_t size :
       {size_t(0), size_t(1), size_t(7), size_t(8), size_t(9), size_t(4095),
        size_t(4096), good.size() / 2, good.size() - 1}) {
    write(weights, good.substr(0, size));
    refused(library, "the first " + std::to_string(size) + " bytes");
  }
  write(weights, good + "more");
  refused(library, "bytes behind the end");
  // The header: its length, its text, its padding.
  for (size_t at : {0u, 1u, 3u, 6u, 7u, 8u, 9u, 50u, 500u, 4000u}) {
    std::string bad = good;
    bad[at] = char(bad[at] ^ 0x41);
    write(weights, bad);
    refused(library, "byte " + std::to_string(at));
  }
  write(weights, "");
  refused(library, "no bytes");
  fs::remove(weights);
  refused(library, "no file");
  fs::create_directory(weights);
  refused(library, "a folder");
  fs::remove(weights);
  write(weights, good);
  accepted(library);

  // The bytes of a tensor are not read at open: espalier_verify does that.
  std::string bad = good;
  bad[good.size() - 100] = char(bad[good.size() - 100] ^ 1);
  write(weights, bad);
  Model model = openLibrary(library, 1);
  ASSERT_TRUE(model);
  EXPECT_EQ(espalier_verify(model.get()), ESPALIER_ERROR_FILE);
  std::string message = espalier_last_error();
  EXPECT_NE(message.find(weights + ": tensor '"), std::string::npos) << message;
}

// The same names and sizes, other values: the header's hash tells.
TEST_F(DamageTest, WeightsOfAnotherModel) {
  compile(library, false, "gguf-f32");
  compile(folder + "/other.so", false, "gguf-f16");
  fs::rename(folder + "/other.safetensors", weights);
  refused(library, "another type");
  compile(folder + "/other.so", false, "llama");
  fs::rename(folder + "/other.safetensors", weights);
  refused(library, "another model");
  write(weights, read(modelFolder("llama") + "/model.safetensors"));
  refused(library, "a checkpoint");
}

TEST_F(DamageTest, Bundle) {
  compile(bundle, true);
  accepted(bundle);
  EXPECT_FALSE(fs::exists(folder + "/bundle.safetensors"));
  const std::string good = read(bundle);
  const size_t footer = good.size() - sizeof(espalier_bundle_footer);
  for (size_t cut : {1, 8, 63, 64, 65, 5000}) {
    write(bundle, good.substr(0, good.size() - cut));
    refused(bundle, std::to_string(cut) + " bytes cut off");
  }
  auto withFooter = [&](auto change) {
    espalier_bundle_footer f;
    memcpy(&f, good.data() + footer, sizeof(f));
    change(f);
    std::string bad = good;
    memcpy(bad.data() + footer, &f, sizeof(f));
    return bad;
  };
  using Footer = espalier_bundle_footer;
  write(bundle, withFooter([](Footer &f) { f.offset = ~0ull << 12; }));
  refused(bundle, "an offset past the end");
  write(bundle, withFooter([](Footer &f) { f.offset -= 4096; }));
  refused(bundle, "an offset inside the image");
  write(bundle, withFooter([](Footer &f) { f.offset += 1; }));
  refused(bundle, "an odd offset");
  write(bundle, withFooter([](Footer &f) { f.size = ~0ull; }));
  refused(bundle, "a size past the end");
  write(bundle, withFooter([](Footer &f) { f.size -= 64; }));
  refused(bundle, "a size too small");
  write(bundle, withFooter([](Footer &f) { f.version = 9; }));
  refused(bundle, "another version");
  write(bundle, withFooter([](Footer &f) { f.header_hash[0] ^= 1; }));
  refused(bundle, "another hash");
  write(bundle, withFooter([](Footer &f) { f.magic[0] = 'X'; }));
  refused(bundle, "another magic");
  // A header of another model in the bundle.
  Footer f;
  memcpy(&f, good.data() + footer, sizeof(f));
  std::string bad = good;
  bad[f.offset + 20] = char(bad[f.offset + 20] ^ 1);
  write(bundle, bad);
  refused(bundle, "a damaged header");
  write(bundle, good);
  accepted(bundle);
}

TEST_F(DamageTest, Image) {
  compile(library, false);
  const std::string good = read(library);
  for (size_t size :
       {size_t(0), size_t(3), size_t(16), size_t(63), size_t(64), size_t(200),
        good.size() / 3, good.size() / 2, good.size() - 2000}) {
    write(library, good.substr(0, size));
    refused(library, "the first " + std::to_string(size) + " bytes");
  }
  write(library, "{}");
  refused(library, "text");
  write(library, read(weights));
  refused(library, "weights");
  fs::remove(library);
  refused(library, "no file");
}

} // namespace
