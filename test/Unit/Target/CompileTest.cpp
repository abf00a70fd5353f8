//===- CompileTest.cpp - A small step program as each kind of file *- C++
//-*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Target/CPU.h"

#include "espalier/Dialect/CPU/CPU.h"
#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Dialect/XF/XF.h"
#include "espalier/InitAll.h"
#include "espalier/espalier.h"

#include "mlir/IR/OwningOpRef.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace espalier;
using namespace mlir;

namespace {

/// Float32 weights that are small and not regular; block weights with scales of
/// 1/64 come out of the same bytes.
std::string dataSection(const WeightLayout &layout) {
  std::string data(layout.bytes, '\0');
  uint32_t state = 1;
  for (size_t i = 0; i + 4 <= data.size(); i += 4) {
    state = state * 1664525u + 1013904223u;
    float value = float(int32_t(state) >> 16) / 32768.0f;
    std::memcpy(&data[i], &value, 4);
  }
  // Panels of q4_1: codes as they are, scales 1/64 and minima 0.
  for (const WeightPlacement &weight : layout.weights) {
    if (weight.bytes % 320 != 0 || weight.layers == 1)
      continue;
    uint64_t end = weight.offset + weight.layers * weight.stride;
    for (uint64_t panel = weight.offset; panel + 320 <= end; panel += 320)
      for (int c = 0; c < 16; ++c) {
        uint16_t scale = 0x2400, minimum = 0;
        std::memcpy(&data[panel + 256 + 2 * c], &scale, 2);
        std::memcpy(&data[panel + 288 + 2 * c], &minimum, 2);
      }
  }
  return data;
}

Result<PackedContainer> pack(ModuleOp, const WeightLayout &layout,
                             const std::string &path) {
  std::string data = dataSection(layout);
  PackedContainer container;
  std::string json = "{";
  for (const WeightPlacement &weight : layout.weights) {
    uint64_t size = weight.stride * weight.layers;
    container.tensors.push_back(
        {weight.symbol.str(), weight.offset, size,
         hash128(std::string_view(data).substr(weight.offset, size))});
    json += (json.size() > 1 ? ",\"" : "\"") + weight.symbol.str() +
            "\":{\"dtype\":\"U8\",\"shape\":[" + std::to_string(size) +
            "],\"data_offsets\":[" + std::to_string(weight.offset) + "," +
            std::to_string(weight.offset + size) + "]}";
  }
  json += "}";
  json.resize((json.size() + 8 + 63) / 64 * 64 - 8, ' ');
  uint64_t length = json.size();
  std::string header(reinterpret_cast<const char *>(&length), 8);
  header += json;
  container.headerBytes = header.size();
  container.dataBytes = data.size();
  container.headerHash = hash128(header);
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  stream << header << data;
  return container;
}

class Compile : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("espalier-target", path));
    folder = std::string(path);
    DialectRegistry registry;
    registerAllDialects(registry);
    registerAllExtensions(registry);
    registerEspalierDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  Result<CompileReport> compile(const std::string &name, EmitKind emit,
                                bool bundle = false) {
    auto module = parseSourceFile<ModuleOp>(ESPALIER_STEP_MODULE, &context);
    if (change)
      change(*module);
    CompileOptions options;
    options.output = folder + "/" + name;
    options.emit = emit;
    options.bundle = bundle;
    options.compiler = "test";
    options.tokenizerMissing = "the test has none";
    options.executable = ESPALIER_BINARY_DIR "/bin/espalier";
    options.pack =
        failPacking ? [](ModuleOp, const WeightLayout &,
                         const std::string &) -> Result<PackedContainer> {
      return Error{"no weights"};
    }
    : PackFunction(pack);
    return compileCPU(*module, options);
  }

  std::vector<std::string> listFolder() {
    std::vector<std::string> names;
    std::error_code code;
    for (llvm::sys::fs::directory_iterator i(folder, code), end; i != end;
         i.increment(code))
      names.push_back(i->path());
    return names;
  }

  /// Logits of all rows of a prompt, in chunks of `chunk` rows.
  std::vector<float> logits(const std::string &library, uint32_t threads,
                            uint32_t chunk) {
    espalier_open_options options;
    espalier_open_options_init(&options);
    espalier_team *team = nullptr;
    EXPECT_EQ(espalier_team_create(threads, &team), ESPALIER_OK);
    options.team = team;
    espalier_model *model = nullptr;
    espalier_status status =
        espalier_open_library(library.c_str(), &options, &model);
    EXPECT_EQ(status, ESPALIER_OK) << espalier_last_error();
    if (status)
      return {};
    espalier_session *session = nullptr;
    EXPECT_EQ(espalier_session_create(model, &session), ESPALIER_OK)
        << espalier_last_error();
    const int32_t tokens[] = {3, 99, 0, 41, 41, 7, 12, 58};
    std::vector<float> result(8 * 100, NAN);
    for (uint32_t begin = 0; begin < 8; begin += chunk) {
      uint32_t wanted[8];
      for (uint32_t i = 0; i < chunk; ++i)
        wanted[i] = i;
      espalier_step_request request = {};
      request.size = sizeof(request);
      request.count = chunk;
      request.tokens = tokens + begin;
      request.wanted_count = chunk;
      request.wanted = wanted;
      request.logits = result.data() + 100 * begin;
      EXPECT_EQ(espalier_step(session, &request), ESPALIER_OK)
          << espalier_last_error();
    }
    espalier_session_destroy(session);
    espalier_close(model);
    espalier_team_destroy(team);
    return result;
  }

  std::string folder;
  MLIRContext context;
  bool failPacking = false;
  std::function<void(ModuleOp)> change;
};

// All files are put in place or none: where the place of the last one is taken
// by a folder, those before it stay as they were.
TEST_F(Compile, AllOutputsOrNone) {
  auto first = compile("libm.so", EmitKind::Shared);
  ASSERT_TRUE(first) << first.error().message;
  auto read = [&](const std::string &name) {
    auto buffer = llvm::MemoryBuffer::getFile(folder + "/" + name);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  };
  std::string library = read("libm.so"), header = read("libm.h");
  ASSERT_FALSE(llvm::sys::fs::remove(folder + "/libm.safetensors"));
  ASSERT_FALSE(llvm::sys::fs::create_directory(folder + "/libm.safetensors"));
  auto second = compile("libm.so", EmitKind::Shared);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            folder + "/libm.safetensors: is a folder; give another name");
  EXPECT_EQ(read("libm.so"), library);
  EXPECT_EQ(read("libm.h"), header);
  EXPECT_EQ(listFolder().size(), 3u);
}

// What a killed compilation has left goes with the next one, once it is old.
TEST_F(Compile, RemovesLeftovers) {
  std::string old = folder + "/.espalier-0123456700",
              young = folder + "/.espalier-0123456701";
  for (const std::string &path : {old, young}) {
    ASSERT_FALSE(llvm::sys::fs::create_directory(path));
    std::error_code code;
    llvm::raw_fd_ostream(path + "/weights", code) << "half";
  }
  timespec then[2] = {{1000000000, 0}, {1000000000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, old.c_str(), then, 0), 0);
  auto report = compile("libm.so", EmitKind::Shared);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(llvm::sys::fs::exists(old));
  EXPECT_TRUE(llvm::sys::fs::exists(young + "/weights"));
}

/// Names that other images see.
std::vector<std::string> globals(const std::string &file, bool dynamic) {
  auto buffer = llvm::MemoryBuffer::getFile(file);
  auto object = llvm::object::ObjectFile::createELFObjectFile(
      (*buffer)->getMemBufferRef());
  std::vector<std::string> names;
  auto *elf = llvm::cast<llvm::object::ELFObjectFileBase>(object->get());
  auto add = [&](const llvm::object::ELFSymbolRef &symbol) {
    uint32_t flags = llvm::cantFail(symbol.getFlags());
    if ((flags & llvm::object::SymbolRef::SF_Global) &&
        !(flags & llvm::object::SymbolRef::SF_Undefined))
      names.push_back(llvm::cantFail(symbol.getName()).str());
  };
  if (dynamic)
    for (const auto &symbol : elf->getDynamicSymbolIterators())
      add(symbol);
  else
    for (const auto &symbol : elf->symbols())
      add(symbol);
  return names;
}

TEST_F(Compile, SharedLibraryRuns) {
  auto report = compile("libsmall.so", EmitKind::Shared);
  ASSERT_TRUE(bool(report)) << report.error().message;
  EXPECT_EQ(report->name, "small");
  EXPECT_EQ(listFolder().size(), 3u); // library, weights, header
  std::vector<std::string> names = globals(folder + "/libsmall.so", true);
  EXPECT_EQ(names.size(), 41u); // the descriptor and the functions
  for (const std::string &name : names)
    EXPECT_TRUE(name == "espalier_model_small" || name.starts_with("small_"))
        << name;

  std::vector<float> whole = logits(folder + "/libsmall.so", 1, 8);
  ASSERT_EQ(whole.size(), 800u);
  float least = whole[0], most = whole[0];
  for (float value : whole) {
    ASSERT_TRUE(std::isfinite(value));
    least = std::min(least, value);
    most = std::max(most, value);
  }
  EXPECT_GT(most - least, 0.1f);
  // The same bits for any number of workers and any cut of the prompt.
  for (uint32_t threads : {1, 2, 3})
    for (uint32_t chunk : {1, 2, 4, 8}) {
      std::vector<float> other =
          logits(folder + "/libsmall.so", threads, chunk);
      ASSERT_EQ(other.size(), whole.size());
      EXPECT_EQ(std::memcmp(other.data(), whole.data(), 4 * whole.size()), 0)
          << threads << " threads, chunks of " << chunk;
    }
}

TEST_F(Compile, BundleNeedsNoOtherFile) {
  auto report = compile("small.so", EmitKind::Shared, true);
  ASSERT_TRUE(bool(report)) << report.error().message;
  EXPECT_EQ(listFolder().size(), 2u); // library, header
  EXPECT_EQ(logits(folder + "/small.so", 1, 8).size(), 800u);
}

TEST_F(Compile, ObjectHasOneGlobal) {
  auto report = compile("small.o", EmitKind::Object);
  ASSERT_TRUE(bool(report)) << report.error().message;
  EXPECT_EQ(globals(folder + "/small.o", false),
            std::vector<std::string>{"espalier_model_small"});
}

TEST_F(Compile, StaticLibraryHoldsTheRuntime) {
  auto report = compile("libsmall.a", EmitKind::Static);
  ASSERT_TRUE(bool(report)) << report.error().message;
  auto buffer = llvm::MemoryBuffer::getFile(folder + "/libsmall.a");
  auto archive = llvm::object::Archive::create((*buffer)->getMemBufferRef());
  ASSERT_TRUE(bool(archive));
  for (const char *name : {"espalier_model_small", "espalier_generate"}) {
    auto found = (*archive)->findSym(name);
    EXPECT_TRUE(found && found->has_value()) << name;
  }
}

TEST_F(Compile, ExecutableIsLinked) {
  auto report = compile("small", EmitKind::Executable);
  ASSERT_TRUE(bool(report)) << report.error().message;
  EXPECT_TRUE(llvm::sys::fs::can_execute(folder + "/small"));
}

TEST_F(Compile, TextsOfEachStage) {
  const std::pair<const char *, const char *> expected[] = {
      {"small.mlir", "spmd.phase"},
      {"small.ll", "define hidden void @espalier_small_step_few.avx512"},
      {"small.s", "vfmadd"}};
  for (auto [name, text] : expected) {
    auto report = compile(name, emitKindFromPath(name));
    ASSERT_TRUE(bool(report)) << report.error().message;
    auto buffer = llvm::MemoryBuffer::getFile(folder + "/" + name);
    ASSERT_TRUE(bool(buffer));
    EXPECT_TRUE((*buffer)->getBuffer().contains(text)) << name;
  }
  EXPECT_EQ(listFolder().size(), 3u); // no weights, no headers
}

TEST_F(Compile, FailureLeavesNothing) {
  failPacking = true;
  auto report = compile("small", EmitKind::Executable);
  ASSERT_FALSE(bool(report));
  EXPECT_EQ(report.error().message, "no weights");
  EXPECT_TRUE(listFolder().empty());
}

/// Callers size their memory by the card.
TEST_F(Compile, CardAgreesWithTheStep) {
  change = [](ModuleOp module) {
    NamedAttrList card(module->getAttrOfType<DictionaryAttr>("xf.model"));
    card.set("vocab", Builder(module.getContext()).getI64IntegerAttr(99));
    module->setAttr("xf.model", card.getDictionary(module.getContext()));
  };
  auto report = compile("small", EmitKind::Executable);
  ASSERT_FALSE(bool(report));
  EXPECT_EQ(report.error().message,
            "logits: expected 99 columns, as 'xf.model' says, got 100");
  EXPECT_TRUE(listFolder().empty());
}

TEST_F(Compile, NamesFromPaths) {
  EXPECT_EQ(modelNameFromPath("/a/libsmol-lm2.so"), "smol_lm2");
  EXPECT_EQ(modelNameFromPath("2b.o"), "_2b");
  EXPECT_EQ(emitKindFromPath("x.a"), EmitKind::Static);
  EXPECT_EQ(emitKindFromPath("smollm2-1.7b"), EmitKind::Executable);
}

} // namespace
