//===- TargetSpecTest.cpp - The machine on a module -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Hardware/TargetSpec.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace espalier::hardware;
using namespace mlir;

TEST(TargetSpec, RoundTripsThroughTheModuleAndItsText) {
  MLIRContext context;
  context.loadDialect<DLTIDialect>();
  for (std::string_view name : machineNames()) {
    auto machine = findMachine(std::string(name));
    OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
    attachMachine(*module, *machine);
    FailureOr<Machine> got = machineOf(*module);
    ASSERT_TRUE(succeeded(got));
    EXPECT_EQ(*got, *machine);

    std::string text;
    llvm::raw_string_ostream(text) << *module;
    auto reparsed = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(bool(reparsed)) << text;
    got = machineOf(*reparsed);
    ASSERT_TRUE(succeeded(got));
    EXPECT_EQ(*got, *machine);
  }
}

TEST(TargetSpec, DefaultMachineWithoutAttribute) {
  MLIRContext context;
  context.loadDialect<DLTIDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  FailureOr<Machine> got = machineOf(*module);
  ASSERT_TRUE(succeeded(got));
  EXPECT_EQ(got->name, defaultMachine);
}

TEST(TargetSpec, SaysWhatIsMissing) {
  MLIRContext context;
  context.loadDialect<DLTIDialect>();
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  auto module = parseSourceString<ModuleOp>(
      R"(module attributes {dlti.target_system_spec =
        #dlti.target_system_spec<"CPU" = #dlti.target_device_spec<
          "espalier.name" = "m">>} {})",
      &context);
  ASSERT_TRUE(bool(module));
  EXPECT_TRUE(failed(machineOf(*module)));
  EXPECT_EQ(message, "dlti.target_system_spec: device 'CPU' lacks a valid "
                     "'espalier.memory'");
}
