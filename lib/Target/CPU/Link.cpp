//===- Link.cpp - Objects, archives and images, in process ----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Code.h"

#include "espalier/model.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ObjCopy/CommonConfig.h"
#include "llvm/ObjCopy/ELF/ELFConfig.h"
#include "llvm/ObjCopy/ELF/ELFObjcopy.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace espalier::cpu {

/// Runs LLD, which has state of its own and one run at a time.
static Status runLinker(const std::vector<std::string> &arguments) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  std::vector<const char *> argv = {"ld.lld"};
  for (const std::string &argument : arguments)
    argv.push_back(argument.c_str());
  std::string out, err;
  llvm::raw_string_ostream outStream(out), errStream(err);
  const lld::DriverDef drivers[] = {{lld::Gnu, &lld::elf::link}};
  lld::Result result = lld::lldMain(argv, outStream, errStream, drivers);
  if (result.retCode != 0)
    return Error{"the linker failed: " + llvm::StringRef(err).trim().str()};
  return {};
}

/// Hidden symbols become local, so that the descriptor alone is left.
static Result<std::string> localizeHidden(llvm::MemoryBufferRef buffer) {
  auto object = llvm::object::ObjectFile::createELFObjectFile(buffer);
  if (!object)
    return Error{llvm::toString(object.takeError())};
  llvm::objcopy::CommonConfig common;
  llvm::objcopy::ELFConfig elf;
  elf.LocalizeHidden = true;
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  if (auto error = llvm::objcopy::elf::executeObjcopyOnBinary(
          common, elf,
          *llvm::cast<llvm::object::ELFObjectFileBase>(object->get()), stream))
    return Error{llvm::toString(std::move(error))};
  return bytes;
}

Result<std::string> mergeObjects(const std::vector<std::string> &objects,
                                 const std::string &folder) {
  std::string merged = folder + "/merged.o";
  std::vector<std::string> arguments = {"-r", "-o", merged};
  for (size_t i = 0; i < objects.size(); ++i) {
    std::string file = folder + "/part" + std::to_string(i) + ".o";
    if (Status status = writeFile(file, objects[i]); !status)
      return status.takeError();
    arguments.push_back(file);
  }
  if (Status status = runLinker(arguments); !status)
    return status.takeError();
  auto buffer = llvm::MemoryBuffer::getFile(merged);
  if (!buffer)
    return Error{merged + ": " + buffer.getError().message()};
  return localizeHidden((*buffer)->getMemBufferRef());
}

//===--- What the system and the build provide
//------------------------------===//

/// The first of `folders` that has `name`, with the name; empty: none.
static std::string findIn(llvm::ArrayRef<std::string> folders,
                          llvm::StringRef name) {
  for (const std::string &folder : folders)
    if (std::string file = folder + "/" + name.str(); fs::exists(file))
      return file;
  return {};
}

/// Folders of GCC's start files, the newest first.
static std::vector<std::string> gccFolders() {
  std::vector<std::pair<int, std::string>> found;
  for (const char *base :
       {"/usr/lib/gcc/x86_64-linux-gnu", "/usr/lib/gcc/x86_64-redhat-linux",
        "/usr/lib/gcc/x86_64-pc-linux-gnu"}) {
    std::error_code code;
    for (fs::directory_iterator i(base, code), end; !code && i != end;
         i.increment(code)) {
      int version = 0;
      llvm::StringRef name = path::filename(i->path());
      if (!name.split('.').first.getAsInteger(10, version))
        found.push_back({version, i->path()});
    }
  }
  llvm::sort(found, std::greater<>());
  std::vector<std::string> folders;
  for (auto &[version, folder] : found)
    folders.push_back(folder);
  return folders;
}

Result<LinkFiles> findLinkFiles(const std::string &executable) {
  LinkFiles files;
  std::string bin = path::parent_path(executable).str();
  std::string prefix = path::parent_path(bin).str();
  std::vector<std::string> runtime = {
      prefix + "/lib", prefix + "/lib/x86_64-linux-gnu", prefix + "/lib64"};
  std::string core = findIn(runtime, "libespalier.a");
  files.main = findIn(runtime, "libespalier-main.a");
  if (core.empty() || files.main.empty())
    return Error{"libespalier.a and libespalier-main.a are not in " +
                 runtime[0] + "; build or install the runtime"};
  files.runtime = {core};

  std::vector<std::string> system = {"/usr/lib/x86_64-linux-gnu",
                                     "/lib/x86_64-linux-gnu",
                                     "/usr/lib64",
                                     "/lib64",
                                     "/usr/lib",
                                     "/lib"};
  auto require = [&](llvm::StringRef name) -> Result<std::string> {
    std::string file = findIn(system, name);
    if (file.empty())
      return Error{name.str() + " is in none of the system's library folders; "
                                "install the C library's development files "
                                "(libc6-dev)"};
    return file;
  };
  auto scrt = require("Scrt1.o"), crti = require("crti.o"),
       crtn = require("crtn.o"), libc = require("libc.so"),
       libm = require("libm.so.6"), loader = require("ld-linux-x86-64.so.2");
  for (auto *file : {&scrt, &crti, &crtn, &libc, &libm, &loader})
    if (!*file)
      return file->takeError();
  files.startExecutable = *scrt;
  files.dynamicLinker = "/lib64/ld-linux-x86-64.so.2";
  files.before = {*crti};
  files.after = {*libm, *libc};
  std::vector<std::string> gcc = gccFolders();
  if (auto begin = findIn(gcc, "crtbeginS.o"); !begin.empty())
    files.before.push_back(begin);
  if (auto library = findIn(gcc, "libgcc.a"); !library.empty())
    files.after.push_back(library);
  if (auto end = findIn(gcc, "crtendS.o"); !end.empty())
    files.after.push_back(end);
  files.after.push_back(*crtn);
  return files;
}

//===--- Archives and images
//------------------------------------------------===//

Status writeStatic(const std::string &object, const LinkFiles &files,
                   const std::string &memberName, const std::string &output) {
  std::vector<llvm::NewArchiveMember> members;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> buffers;
  std::vector<std::unique_ptr<llvm::object::Archive>> archives;
  members.emplace_back(llvm::MemoryBufferRef(object, memberName));
  for (const std::string &file : files.runtime) {
    auto buffer = llvm::MemoryBuffer::getFile(file);
    if (!buffer)
      return Error{file + ": " + buffer.getError().message()};
    buffers.push_back(std::move(*buffer));
    auto archive =
        llvm::object::Archive::create(buffers.back()->getMemBufferRef());
    if (!archive)
      return Error{file + ": " + llvm::toString(archive.takeError())};
    archives.push_back(std::move(*archive));
    llvm::Error error = llvm::Error::success();
    for (const auto &child : archives.back()->children(error)) {
      auto member = llvm::NewArchiveMember::getOldMember(child, true);
      if (!member) {
        llvm::consumeError(std::move(error));
        return Error{file + ": " + llvm::toString(member.takeError())};
      }
      members.push_back(std::move(*member));
    }
    if (error)
      return Error{file + ": " + llvm::toString(std::move(error))};
  }
  if (auto error = llvm::writeArchive(
          output, members, llvm::SymtabWritingMode::NormalSymtab,
          llvm::object::Archive::K_GNU, true, false))
    return Error{output + ": " + llvm::toString(std::move(error))};
  return {};
}

/// NAME_open and the rest are other names of the runtime's functions.
static std::vector<std::pair<std::string, std::string>>
aliases(const std::string &model) {
  std::vector<std::pair<std::string, std::string>> names = {
      {model + "_open", "espalier_bound_open"}};
#define ESPALIER_ALIAS(function)                                               \
  names.push_back({model + "_" #function, "espalier_" #function});
  ESPALIER_API_FUNCTIONS(ESPALIER_ALIAS)
#undef ESPALIER_ALIAS
  return names;
}

static Status writeVersionScript(const std::string &file,
                                 const std::string &model) {
  std::string text = "{ global: espalier_model_" + model + ";";
  for (const auto &[name, target] : aliases(model))
    text += " " + name + ";";
  return writeFile(file, text + " local: *; };\n");
}

Status linkImage(const std::string &object, const LinkFiles &files,
                 EmitKind kind, std::string_view modelView,
                 const std::string &soname, const std::string &output,
                 const std::string &folder) {
  std::string model(modelView);
  std::vector<std::string> arguments = {
      "-o",
      output,
      "--eh-frame-hdr",
      "--hash-style=gnu",
      "--build-id=none",
      "-z",
      "relro",
      "-z",
      "now",
      "-z",
      "noexecstack",
      "-z",
      "defs",
      "--gc-sections",
      "--strip-debug",
      "--as-needed",
      "--defsym=espalier_bound_model=espalier_model_" + model};
  if (kind == EmitKind::Shared) {
    std::string script = folder + "/exports.map";
    if (Status status = writeVersionScript(script, model); !status)
      return status;
    arguments.insert(arguments.end(), {"-shared", "-soname", soname,
                                       "--version-script=" + script});
    for (const auto &[name, target] : aliases(model))
      arguments.push_back("--defsym=" + name + "=" + target);
  } else {
    arguments.insert(arguments.end(),
                     {"-pie", "-dynamic-linker", files.dynamicLinker,
                      // Tools that are given the program find its model.
                      "--export-dynamic-symbol=espalier_model_" + model,
                      files.startExecutable});
  }
  auto append = [&](const std::vector<std::string> &more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  };
  append(files.before);
  arguments.push_back(object);
  if (kind == EmitKind::Executable)
    arguments.push_back(files.main);
  append(files.runtime);
  append(files.after);
  return runLinker(arguments);
}

} // namespace espalier::cpu
