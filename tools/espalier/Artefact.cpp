//===- Artefact.cpp - Models and what they were compiled to ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Artefact.h"
#include "Compiler.h"
#include "Core/Advice.h"
#include "Core/Container.h"
#include "Core/DescriptorCheck.h"
#include "espalier/Support/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace espalier;
using namespace espalier::tool;

void ModelOptions::declare(CommandLine &line, bool cached) {
  line.choice("--target", target, {"cpu"}, "what it is compiled for");
  line.text("--machine", machine, "NAME|FILE",
            "description of the machine: a name of the\ncatalogue or a JSON "
            "file (default: x86-64-v3)");
  line.choice("--activations", activations, {"auto", "f32"},
              "auto: 8-bit integers where weights are\nquantised; f32: never");
  line.choice("--kv-type", kvType, {"f32", "f16", "bf16"},
              "elements of the KV cache (default: f16, and\nf32 for float32 "
              "models)");
  line.flag("--random-weights", randomWeights,
            "weights are made up; a config.json is enough");
  if (cached)
    line.flag("--no-cache", noCache,
              "compile the model anew, and keep nothing");
}

std::optional<std::string> ModelOptions::given(const CommandLine &line) {
  for (const char *name : {"--target", "--machine", "--activations",
                           "--kv-type", "--random-weights", "--no-cache"})
    if (line.given(name))
      return std::string(name);
  return std::nullopt;
}

Result<InputKind> tool::inputKind(const std::string &path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return Error{path + ": " + strerror(errno) +
                 ": expected a Hugging Face folder, a GGUF file, or what "
                 "`espalier compile` made"};
  if (S_ISDIR(info.st_mode))
    return InputKind::Model;
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  std::string_view bytes(reinterpret_cast<const char *>(file->bytes().data()),
                         file->bytes().size());
  if (bytes.starts_with(ELFMAG))
    return InputKind::Artefact;
  if (bytes.starts_with("version https://git-lfs"))
    return Error{path + ": a git-lfs pointer, not the file itself: run `git "
                        "lfs pull` in its folder"};
  if (bytes.starts_with("GGUF") || path.ends_with(".json") ||
      path.ends_with(".safetensors") || path.ends_with(".gguf"))
    return InputKind::Model;
  if (bytes.starts_with("!<arch>\n"))
    return Error{path + ": a static library: link it into a program first, or "
                        "compile with --emit shared"};
  return Error{path + ": expected a model (a Hugging Face folder or a GGUF "
                      "file) or what `espalier compile` makes of one"};
}

Result<std::string> tool::artefactFor(const std::string &path,
                                      const ModelOptions &options,
                                      const CommandLine &line) {
  Result<InputKind> kind = inputKind(path);
  if (!kind)
    return kind.takeError();
  if (*kind == InputKind::Model)
    return compileToCache(path, options);
  if (std::optional<std::string> name = ModelOptions::given(line))
    return Error{*name + ": " + path +
                 " is compiled already; give the model itself"};
  return path;
}

namespace {

/// File offset of the value of DT_FLAGS_1 in a checked image, where that says
/// that the image is a program; else 0.
size_t programFlag(std::span<const uint8_t> file) {
  Elf64_Ehdr header;
  memcpy(&header, file.data(), sizeof(header));
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    memcpy(&segment, file.data() + header.e_phoff + i * sizeof(segment),
           sizeof(segment));
    if (segment.p_type != PT_DYNAMIC)
      continue;
    for (size_t at = 0; at + sizeof(Elf64_Dyn) <= segment.p_filesz;
         at += sizeof(Elf64_Dyn)) {
      Elf64_Dyn entry;
      size_t offset = segment.p_offset + at;
      memcpy(&entry, file.data() + offset, sizeof(entry));
      if (entry.d_tag == DT_NULL)
        break;
      if (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_PIE))
        return offset + offsetof(Elf64_Dyn, d_un);
    }
  }
  return 0;
}

/// The dynamic loader refuses to load programs. A copy in memory that does not
/// call itself one is a library like any other.
Result<std::string> copyAsLibrary(std::span<const uint8_t> file, size_t flag,
                                  uint64_t imageBytes) {
  int fd = memfd_create("espalier-artefact", MFD_CLOEXEC);
  if (fd < 0)
    return Error{std::string("no memory for a copy: ") + strerror(errno)};
  for (uint64_t done = 0; done < imageBytes;) {
    ssize_t got = write(fd, file.data() + done, imageBytes - done);
    if (got <= 0) {
      close(fd);
      return Error{std::string("no memory for a copy: ") + strerror(errno)};
    }
    done += uint64_t(got);
  }
  uint64_t flags;
  memcpy(&flags, file.data() + flag, sizeof(flags));
  flags &= ~uint64_t(DF_1_PIE);
  if (pwrite(fd, &flags, sizeof(flags), off_t(flag)) != sizeof(flags)) {
    close(fd);
    return Error{std::string("no memory for a copy: ") + strerror(errno)};
  }
  return "/proc/self/fd/" + std::to_string(fd);
}

std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

} // namespace

Result<Artefact> Artefact::load(const std::string &path) {
  // The loader would seek a bare name elsewhere.
  char *resolved = realpath(path.c_str(), nullptr);
  std::string absolute = resolved ? resolved : path;
  free(resolved);
  Result<MappedFile> file = MappedFile::open(absolute);
  if (!file)
    return file.takeError();
  std::span<const uint8_t> bytes = file->bytes();
  if (bytes.size() >= sizeof(Elf64_Ehdr) && bytes[EI_CLASS] == ELFCLASS64 &&
      bytes[offsetof(Elf64_Ehdr, e_type)] == ET_REL)
    return Error{path + ": an object file: link it into a program or library "
                        "first, or compile with --emit shared"};
  if (Status status = runtime::checkElfImage(bytes); !status)
    return status.takeError().within(path);
  Result<std::string> symbol = runtime::findModelSymbol(bytes);
  if (!symbol)
    return symbol.takeError().within(path);
  Result<std::optional<runtime::Extent>> bundle = runtime::findBundle(bytes);
  if (!bundle)
    return bundle.takeError().within(path);

  Artefact artefact;
  artefact.path = path;
  std::string image = absolute;
  if (size_t flag = programFlag(bytes)) {
    Result<std::string> copy =
        copyAsLibrary(bytes, flag, *bundle ? (*bundle)->offset : bytes.size());
    if (!copy)
      return copy.takeError().within(path);
    image = *copy;
  }
  void *library = dlopen(image.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return Error{path + ": " + dlerror()};
  artefact.descriptor =
      static_cast<const espalier_descriptor *>(dlsym(library, symbol->c_str()));
  if (!artefact.descriptor)
    return Error{path + ": symbol '" + *symbol + "' is not found"};
  // The first 16 bytes are there (findModelSymbol); the rest once these say so.
  if (artefact.descriptor->magic != ESPALIER_DESCRIPTOR_MAGIC ||
      artefact.descriptor->version != ESPALIER_DESCRIPTOR_VERSION ||
      artefact.descriptor->size != sizeof(espalier_descriptor))
    return Error{path + ": made by another version of espalier: compile the "
                        "model again"};
  Dl_info info;
  const Elf64_Sym *entry = nullptr;
  if (!dladdr1(artefact.descriptor, &info,
               reinterpret_cast<void **>(const_cast<Elf64_Sym **>(&entry)),
               RTLD_DL_SYMENT) ||
      !entry || entry->st_size < sizeof(espalier_descriptor))
    return Error{path + ": symbol '" + *symbol +
                 "' is too small for a descriptor: the file is damaged"};
  if (Status status = runtime::checkDescriptor(*artefact.descriptor); !status)
    return status.takeError().within(path);
  if (image != absolute)
    artefact.weights =
        *bundle ? absolute
                : folderOf(absolute) + "/" + artefact.descriptor->weights_file;
  return artefact;
}

Error tool::lastError() {
  std::string message = espalier_last_error();
  // These commands take no path of weights.
  constexpr std::string_view advice = runtime::weightsElsewhere;
  if (size_t at = message.find(advice); at != std::string::npos)
    message.erase(at, advice.size());
  return Error{std::move(message)};
}

Result<Model> tool::openModel(const Artefact &artefact, uint64_t threads,
                              uint64_t context, espalier_team *team) {
  espalier_open_options options;
  espalier_open_options_init(&options);
  options.threads = uint32_t(threads);
  options.context = uint32_t(context);
  options.team = team;
  if (!artefact.weights.empty())
    options.weights = artefact.weights.c_str();
  espalier_model *model = nullptr;
  if (espalier_open(artefact.descriptor, &options, &model) != ESPALIER_OK)
    return lastError();
  return Model(model);
}

Result<Session> tool::openSession(espalier_model *model) {
  espalier_session *session = nullptr;
  if (espalier_session_create(model, &session) != ESPALIER_OK)
    return lastError();
  return Session(session);
}
