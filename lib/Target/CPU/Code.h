//===- Code.h - The parts of the CPU target -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_TARGET_CPU_CODE_H
#define ESPALIER_LIB_TARGET_CPU_CODE_H

#include "Interrupt.h"
#include "espalier/Lowering/CPU/KernelDeclarations.h"
#include "espalier/Target/CPU.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <memory>
#include <string>
#include <vector>

namespace espalier::cpu {

/// An LLVM module and the context that it lives in.
struct CodeModule {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
};

/// What the descriptor says about the step program; read before lowering.
struct ProgramFacts {
  struct Variant {
    std::string step; ///< the function's name
    uint32_t maxRows;
    uint64_t sharedBytes, privateBytes, blockBytes;
  };
  std::vector<Variant> variants; ///< ascending maxRows
  uint32_t kvLayers = 0, kvHeads = 0, headDim = 0;
  uint32_t kvElementType = 0, kvElementBytes = 0;
  struct Rope {
    std::vector<float> frequencies, longFrequencies;
    float factor = 1;
    uint32_t switchPosition = 0;
    double dynamicTheta = 0, dynamicFactor = 0;
  };
  std::vector<Rope> ropes;
  std::string family, source, order, activations;
  uint32_t layers = 0, hidden = 0, heads = 0, ffn = 0, vocab = 0;
  uint32_t maxPositions = 0;
  uint64_t parameters = 0, weightBytesPerToken = 0;
  int32_t bos = -1;
  std::vector<int32_t> eos;
};

/// Facts but for the variants' private bytes, which the lowering raises.
Result<ProgramFacts> readFacts(mlir::ModuleOp module,
                               const WeightLayout &layout);
/// Reads the variants from the lowered step functions.
Status readVariants(mlir::ModuleOp lowered, ProgramFacts &facts);

/// The instruction sets of x86-64 that a model is compiled for, ascending.
inline constexpr Isa allIsas[] = {Isa::AVX2, Isa::AVX512};
/// "avx2", "avx512".
std::string_view isaName(Isa isa);
/// The symbol of a step function.
std::string stepSymbol(std::string_view model, std::string_view step, Isa isa);

/// The step functions of `lowered` for one instruction set, with the kernels
/// that they call, as LLVM IR. `wideKernels`: the steps are AVX2's, the kernels
/// those of AVX-512 with their product of bytes expanded.
Result<CodeModule> makeIsaModule(mlir::ModuleOp lowered, std::string_view model,
                                 Isa isa, bool wideKernels = false);

/// The descriptor as LLVM IR that refers to the step functions.
Result<CodeModule> makeDescriptorModule(const ProgramFacts &facts,
                                        const PackedContainer &container,
                                        std::string_view model,
                                        std::string_view weightsFile,
                                        const CompileOptions &options);

/// Optimises (unless it holds data only).
Status optimize(llvm::Module &module);
/// Machine code or assembly text.
Result<std::string> generate(llvm::Module &module, bool assembly);

/// One relocatable object with one global symbol, the descriptor, out of
/// several.
Result<std::string> mergeObjects(const std::vector<std::string> &objects,
                                 const std::string &scratchFolder);

/// The archives of the runtime and what they need of the system.
struct LinkFiles {
  std::vector<std::string> runtime; ///< core, text, support, Unicode tables
  std::string main;                 ///< archive with the program around a model
  std::vector<std::string> before;  ///< crt files that begin the link
  std::vector<std::string> after;   ///< libraries and crt files that end it
  std::string startExecutable;      ///< Scrt1.o
  std::string dynamicLinker;
};
Result<LinkFiles> findLinkFiles(const std::string &executable);

/// The object and the runtime's members as one archive.
Status writeStatic(const std::string &object, const LinkFiles &files,
                   const std::string &memberName, const std::string &output);
/// Links the object at `object`.
Status linkImage(const std::string &object, const LinkFiles &files,
                 EmitKind kind, std::string_view model,
                 const std::string &soname, const std::string &output,
                 const std::string &scratchFolder);
/// Appends the container and the footer to a linked image.
Status appendBundle(const std::string &image, const std::string &container,
                    const PackedContainer &packed);

/// A folder and files beside the output that vanish unless they are committed,
/// also where Ctrl-C ends the process. Where it was killed, the next
/// compilation into the same folder removes what is left.
class OutputFiles {
public:
  ~OutputFiles();
  /// A folder of its own in the folder of `output`. `temporaryFolder`, if not
  /// empty, is made first, and is what a signal removes.
  Status begin(const std::string &output, const std::string &temporaryFolder);
  /// The path of a temporary file that becomes `final` at commit.
  std::string add(const std::string &final);
  const std::string &scratch() const { return folder; }
  /// The error, with final names for temporary ones.
  Error renamed(Error error) const;
  /// Renames in the order in which files were added. Where one cannot be
  /// renamed, those before it are put back as they were.
  Status commit();

private:
  struct Entry {
    std::string temporary, final;
    std::string backup; ///< of what was there; empty: nothing was
  };
  Status makeFolder(const std::string &parent, bool guarded);
  Status keepBackup(Entry &entry, size_t number);

  std::string folder;
  int lock = -1; ///< on the folder, while this process uses it
  std::vector<Entry> entries;
  InterruptGuard interrupts;
};

Status writeFile(const std::string &path, std::string_view bytes);

/// Whether `file`, which a compilation to `emit` is about to write, may take
/// the place of what is there: nothing, or what a compilation has made.
Status mayReplace(const std::string &file, EmitKind emit);

} // namespace espalier::cpu

#endif // ESPALIER_LIB_TARGET_CPU_CODE_H
