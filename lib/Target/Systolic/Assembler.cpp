//===- Assembler.cpp - Programs as text -----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Target/Systolic/Assembler.h"
#include "espalier/Target/Systolic/Decode.h"
#include "espalier/Target/Systolic/Encode.h"
#include "espalier/Target/Systolic/Translate.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::systolic;

namespace {

/// A context for text of the dialect alone. It keeps the first error.
class Session {
public:
  explicit Session(const std::string &name)
      : name(name), context(MLIRContext::Threading::DISABLED),
        handler(&context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
              message.empty())
            keep(diagnostic);
          return success();
        }) {
    context.loadDialect<SystolicDialect>();
  }

  MLIRContext &getContext() { return context; }
  Error fail() const { return Error{message}; }
  Error fail(const std::string &text) const {
    return Error{name + ": " + text};
  }

private:
  void keep(Diagnostic &diagnostic) {
    message = name + ":";
    if (auto loc = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
      message += std::to_string(loc.getLine()) + ":" +
                 std::to_string(loc.getColumn()) + ":";
    message += " " + diagnostic.str();
  }

  std::string name, message;
  MLIRContext context;
  ScopedDiagnosticHandler handler;
};

} // namespace

Result<std::vector<uint8_t>> systolic::assemble(std::string_view text,
                                                const std::string &name) {
  Session session(name);
  std::string terminated(text); // The lexer looks at the byte behind the text.
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(terminated, &session.getContext(), name);
  if (!module)
    return session.fail();
  Block &body = *module->getBody();
  if (!llvm::hasSingleElement(body))
    return session.fail("expected one systolic.program");
  if (isa<SequenceOp>(body.front()))
    return session.fail("expected a systolic.program, got a systolic.sequence: "
                        "`espalier-opt --systolic-schedule` makes one of it");
  auto op = dyn_cast<ProgramOp>(body.front());
  if (!op)
    return session.fail("expected a systolic.program");
  FailureOr<Program> program = exportProgram(op);
  if (failed(program))
    return session.fail();
  Result<std::vector<uint8_t>> bytes = encode(*program);
  if (!bytes)
    return bytes.takeError().within(name);
  return bytes;
}

Result<std::string> systolic::disassemble(std::span<const uint8_t> bytes,
                                          const std::string &name) {
  Result<Program> program = decode(bytes);
  if (!program)
    return program.takeError().within(name);
  Session session(name);
  OpBuilder builder(&session.getContext());
  OwningOpRef<ProgramOp> op =
      importProgram(builder, builder.getUnknownLoc(), "program", *program);
  if (failed(verify(*op)))
    return session.fail();
  std::string text;
  llvm::raw_string_ostream stream(text);
  op->print(stream);
  stream << '\n';
  return text;
}
