//===- CompileCPU.cpp - The stages from a step program to files *- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Code.h"

#include "espalier/Lowering/Passes.h"
#include "espalier/Support/ShortenedFiles.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <chrono>
#include <thread>

using namespace mlir;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace espalier {

static constexpr std::pair<std::string_view, EmitKind> emitKinds[] = {
    {"exe", EmitKind::Executable}, {"shared", EmitKind::Shared},
    {"static", EmitKind::Static},  {"object", EmitKind::Object},
    {"mlir", EmitKind::MLIR},      {"llvm", EmitKind::LLVM},
    {"asm", EmitKind::Assembly}};

std::optional<EmitKind> emitKindFromName(std::string_view name) {
  for (const auto &[text, kind] : emitKinds)
    if (text == name)
      return kind;
  return std::nullopt;
}

static constexpr std::pair<std::string_view, EmitKind> suffixes[] = {
    {".so", EmitKind::Shared}, {".a", EmitKind::Static},
    {".o", EmitKind::Object},  {".mlir", EmitKind::MLIR},
    {".ll", EmitKind::LLVM},   {".s", EmitKind::Assembly}};

EmitKind emitKindFromPath(std::string_view file) {
  for (const auto &[suffix, kind] : suffixes)
    if (file.ends_with(suffix))
      return kind;
  return EmitKind::Executable;
}

/// The file name without a suffix that says what it is.
static llvm::StringRef stemOf(llvm::StringRef file) {
  llvm::StringRef name = path::filename(file);
  for (const auto &[suffix, kind] : suffixes)
    if (name.size() > suffix.size() && name.ends_with(suffix))
      return name.drop_back(suffix.size());
  return name;
}

std::string modelNameFromPath(std::string_view file) {
  llvm::StringRef stem = stemOf(file);
  if (stem.size() > 3)
    stem.consume_front("lib");
  std::string name;
  for (char c : stem)
    name += llvm::isAlnum(c) ? c : '_';
  if (name.empty() || llvm::isDigit(name[0]))
    name.insert(name.begin(), '_');
  return name;
}

namespace cpu {
namespace {

double secondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}

class Compilation {
public:
  Compilation(ModuleOp module, const CompileOptions &options)
      : module(module), options(options) {}

  Result<CompileReport> run();

private:
  Status checkName();
  Status keepInputs() const;
  Status lower();
  Status translate();
  Status generateCode();
  Status emitText();
  Status packWeights();
  Status emitDescriptor();
  Status emitOutput();
  Status writeHeader();
  Status emitFiles();
  std::string planWithCode() const;
  /// An error about the model begins with its path.
  Status ofModel(Status status) const {
    if (status || options.model.empty())
      return status;
    return status.takeError().within(options.model);
  }
  void progress(std::string_view stage) {
    if (options.progress)
      options.progress(stage, 0, 0);
  }
  bool isText() const {
    return options.emit == EmitKind::MLIR || options.emit == EmitKind::LLVM ||
           options.emit == EmitKind::Assembly;
  }
  /// Runs on several threads; gives the first error.
  Status forEachModule(llvm::function_ref<Status(size_t)> body);

  ModuleOp module;
  const CompileOptions &options;
  CompileReport report;
  WeightLayout layout;
  ProgramFacts facts;
  std::vector<CodeModule> modules;
  std::vector<std::string> objects;
  PackedContainer container;
  LinkFiles linkFiles;
  OutputFiles files;
  std::string weightsFile;
  std::string temporaryOutput, temporaryWeights;
};

Status Compilation::checkName() {
  report.name =
      options.name.empty() ? modelNameFromPath(options.output) : options.name;
  llvm::StringRef name = report.name;
  bool isIdentifier =
      !name.empty() && !llvm::isDigit(name[0]) &&
      llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  if (!isIdentifier || name == "espalier")
    return Error{"--name: expected an identifier of C other than 'espalier', "
                 "got '" +
                 report.name + "'"};
  if (options.bundle && options.emit != EmitKind::Executable &&
      options.emit != EmitKind::Shared)
    return Error{"--bundle needs an executable or a shared library: only these "
                 "can carry weights behind them"};
  return {};
}

/// `model.safetensors -o model` would put the packed weights where the model
/// is. Nor are other files replaced that are not ours.
Status Compilation::keepInputs() const {
  for (const std::string &file : report.files)
    for (const std::string &input : options.inputs)
      if (fs::equivalent(file, input))
        return Error{file + ": would replace a file of the model itself: give "
                            "-o another name or folder"};
  if (!options.force)
    for (const std::string &file : report.files)
      if (Status status = mayReplace(file, options.emit); !status)
        return status;
  return {};
}

Status Compilation::lower() {
  auto begin = std::chrono::steady_clock::now();
  auto computed = computeWeightLayout(module);
  if (failed(computed))
    return Error{"the weights have no layout"};
  layout = std::move(*computed);
  auto read = readFacts(module, layout);
  if (!read)
    return read.takeError();
  facts = std::move(*read);
  module->setAttr(weightLayoutAttrName,
                  weightLayoutAttr(module.getContext(), layout));
  PassManager passes(module.getContext());
  buildCPULoweringPipeline(passes);
  if (failed(passes.run(module)))
    return Error{"the program cannot be lowered"};
  if (Status status = readVariants(module, facts); !status)
    return status;
  report.lowerSeconds = secondsSince(begin);
  return {};
}

Status Compilation::translate() {
  auto begin = std::chrono::steady_clock::now();
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    report.kernels += declaredKernel(function).has_value();
  for (Isa isa : allIsas) {
    bool wideKernels = isa == Isa::AVX2 && options.wideKernelsForAVX2;
    auto code = makeIsaModule(module, report.name, isa, wideKernels);
    if (!code)
      return code.takeError();
    modules.push_back(std::move(*code));
  }
  report.lowerSeconds += secondsSince(begin);
  return {};
}

Status Compilation::forEachModule(llvm::function_ref<Status(size_t)> body) {
  std::vector<Status> results(modules.size());
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next.fetch_add(1)) < modules.size();)
      results[i] = body(i);
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::min<size_t>(options.threads, modules.size());
       ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
  for (Status &result : results)
    if (!result)
      return result.takeError();
  return {};
}

Status Compilation::generateCode() {
  auto begin = std::chrono::steady_clock::now();
  objects.resize(modules.size());
  Status status = forEachModule([&](size_t i) -> Status {
    if (Status status = optimize(*modules[i].module); !status)
      return status;
    if (options.emit == EmitKind::LLVM)
      return {};
    auto bytes =
        generate(*modules[i].module, options.emit == EmitKind::Assembly);
    if (!bytes)
      return bytes.takeError();
    objects[i] = std::move(*bytes);
    return {};
  });
  report.generateSeconds = secondsSince(begin);
  return status;
}

Status Compilation::emitText() {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (options.emit == EmitKind::MLIR)
    module.print(stream);
  for (size_t i = 0; i < modules.size(); ++i)
    if (options.emit == EmitKind::LLVM)
      modules[i].module->print(stream, nullptr);
    else if (options.emit == EmitKind::Assembly)
      stream << objects[i];
  return writeFile(temporaryOutput, text);
}

Status Compilation::packWeights() {
  auto begin = std::chrono::steady_clock::now();
  auto packed = options.pack(module, layout, temporaryWeights);
  if (!packed) {
    Error error = packed.takeError();
    bool ofOutput = error.message.starts_with(temporaryWeights);
    return ofOutput ? Status(std::move(error)) : ofModel(std::move(error));
  }
  container = std::move(*packed);
  if (container.dataBytes < layout.bytes)
    return Error{"the packed weights are shorter than their layout"};
  report.packSeconds = secondsSince(begin);
  report.weightBytes = container.headerBytes + container.dataBytes;
  return {};
}

/// Sizes of what stands in the text sections of an object: of the functions
/// `names`, in order, and of everything.
std::vector<uint64_t> functionBytes(const std::string &object,
                                    const std::vector<std::string> &names) {
  std::vector<uint64_t> sizes(names.size() + 1);
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(object, "object"));
  if (!file) {
    llvm::consumeError(file.takeError());
    return sizes;
  }
  for (const llvm::object::SectionRef &section : (*file)->sections())
    if (section.isText())
      sizes.back() += section.getSize();
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    if (!name) {
      llvm::consumeError(name.takeError());
      continue;
    }
    auto found = llvm::find(names, *name);
    if (found != names.end())
      sizes[size_t(found - names.begin())] =
          llvm::object::ELFSymbolRef(symbol).getSize();
  }
  return sizes;
}

/// The plan, with the bytes of machine code of each variant and of the kernels
/// that all variants share.
std::string Compilation::planWithCode() const {
  llvm::StringRef plan = llvm::StringRef(options.plan).rtrim();
  if (!plan.consume_back("}"))
    return options.plan;
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << plan << (plan.trim() == "{" ? "" : ",") << "\"code\":{";
  for (size_t i = 0; i < std::size(allIsas); ++i) {
    std::vector<std::string> names;
    for (const ProgramFacts::Variant &variant : facts.variants)
      names.push_back(stepSymbol(report.name, variant.step, allIsas[i]));
    std::vector<uint64_t> sizes = functionBytes(objects[i], names);
    stream << (i ? "," : "") << '"' << isaName(allIsas[i]) << "\":{";
    uint64_t kernels = sizes.back();
    for (size_t v = 0; v < names.size(); ++v) {
      stream << '"' << facts.variants[v].step << "\":" << sizes[v] << ',';
      kernels -= std::min(kernels, sizes[v]);
    }
    stream << "\"kernels\":" << kernels << ",\"all\":" << sizes.back() << '}';
  }
  stream << "}}";
  return text;
}

Status Compilation::emitDescriptor() {
  CompileOptions withPlan = options;
  withPlan.plan = planWithCode();
  auto code = makeDescriptorModule(facts, container, report.name, weightsFile,
                                   withPlan);
  if (!code)
    return code.takeError();
  auto bytes = generate(*code->module, false);
  if (!bytes)
    return bytes.takeError();
  objects.push_back(std::move(*bytes));
  return {};
}

uint64_t codeBytes(const std::vector<std::string> &objects) {
  uint64_t bytes = 0;
  for (const std::string &object : objects) {
    auto file = llvm::object::ObjectFile::createObjectFile(
        llvm::MemoryBufferRef(object, "object"));
    if (!file) {
      llvm::consumeError(file.takeError());
      continue;
    }
    for (const llvm::object::SectionRef &section : (*file)->sections())
      if (section.isText())
        bytes += section.getSize();
  }
  return bytes;
}

Status Compilation::writeHeader() {
  std::string final = path::parent_path(options.output).str();
  final =
      (final.empty() ? "" : final + "/") + stemOf(options.output).str() + ".h";
  std::string text = "/* Made by `espalier compile`. */\n";
  if (options.emit == EmitKind::Shared)
    text += "#include \"espalier/model.h\"\n\nESPALIER_DECLARE_MODEL(" +
            report.name + ");\n";
  else
    text += "#include \"espalier/model.h\"\n\nESPALIER_EXTERN_C const "
            "espalier_descriptor espalier_model_" +
            report.name + ";\n";
  report.files.push_back(final);
  return writeFile(files.add(final), text);
}

Status Compilation::emitOutput() {
  auto begin = std::chrono::steady_clock::now();
  report.codeBytes = codeBytes(objects);
  if (Status status = emitDescriptor(); !status)
    return status;
  auto object = mergeObjects(objects, files.scratch());
  if (!object)
    return object.takeError();
  Status status;
  if (options.emit == EmitKind::Object) {
    status = writeFile(temporaryOutput, *object);
  } else if (options.emit == EmitKind::Static) {
    status =
        writeStatic(*object, linkFiles, report.name + ".o", temporaryOutput);
  } else {
    std::string file = files.scratch() + "/model.o";
    status = writeFile(file, *object);
    if (status)
      status = linkImage(file, linkFiles, options.emit, report.name,
                         path::filename(options.output).str(), temporaryOutput,
                         files.scratch());
    if (status && options.bundle)
      status = appendBundle(temporaryOutput, temporaryWeights, container);
  }
  report.linkSeconds = secondsSince(begin);
  return status;
}

Status Compilation::emitFiles() {
  progress("lower");
  if (options.emit == EmitKind::MLIR)
    return emitText();
  if (Status status = lower(); !status)
    return ofModel(std::move(status));
  if (Status status = translate(); !status)
    return ofModel(std::move(status));
  progress("generate");
  if (isText()) {
    if (Status status = generateCode(); !status)
      return ofModel(std::move(status));
    return emitText();
  }
  // Code is generated while the weights stream.
  Status generated;
  std::thread generator([&] { generated = generateCode(); });
  Status packed = packWeights();
  generator.join();
  if (!packed)
    return packed;
  if (!generated)
    return ofModel(std::move(generated));
  progress("link");
  return emitOutput();
}

Result<CompileReport> Compilation::run() {
  if (Status status = checkName(); !status)
    return status.takeError();
  if (Status status = files.begin(options.output, options.temporaryFolder);
      !status)
    return status.takeError();
  bool links = !isText() && options.emit != EmitKind::Object;
  if (links) {
    auto found = findLinkFiles(options.executable);
    if (!found)
      return found.takeError();
    linkFiles = std::move(*found);
  }
  // The weights are put in place first, the output last.
  std::string folder = path::parent_path(options.output).str();
  weightsFile = stemOf(options.output).str() + ".safetensors";
  std::string weightsPath = (folder.empty() ? "" : folder + "/") + weightsFile;
  report.files.push_back(options.output);
  if (!isText()) {
    if (options.bundle) {
      temporaryWeights = files.scratch() + "/weights.safetensors";
    } else {
      temporaryWeights = files.add(weightsPath);
      report.files.push_back(weightsPath);
    }
    if (options.emit != EmitKind::Executable)
      if (Status status = writeHeader(); !status)
        return status.takeError();
  }
  temporaryOutput = files.add(options.output);
  if (Status status = keepInputs(); !status)
    return status.takeError();

  if (Status status = emitFiles(); !status)
    return files.renamed(status.takeError());
  // What was read of a file that lost bytes is not what it held.
  if (ShortenedFileGuard::lost())
    return Error{options.model + ": a file of the model was shortened while it "
                                 "was read; try again once nothing writes to "
                                 "it"};
  uint64_t bytes = 0;
  if (!fs::file_size(temporaryOutput, bytes))
    report.outputBytes = bytes;
  if (Status committed = files.commit(); !committed)
    return committed.takeError();
  return report;
}

} // namespace
} // namespace cpu

Result<CompileReport> compileCPU(ModuleOp module,
                                 const CompileOptions &options) {
  // Diagnostics of passes become the reason.
  std::string reasons;
  ScopedDiagnosticHandler handler(
      module.getContext(), [&](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          return failure();
        if (!reasons.empty())
          reasons += "; ";
        reasons += diagnostic.str();
        return success();
      });
  auto result = cpu::Compilation(module, options).run();
  if (!result && !reasons.empty())
    return Error{result.error().message + ": " + reasons};
  return result;
}

} // namespace espalier
