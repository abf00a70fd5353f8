//===- Passes.td - Passes that run the interpreter ---------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ESPALIER_REFERENCE_PASSES
#define ESPALIER_REFERENCE_PASSES

include "mlir/Pass/PassBase.td"

def XFEvaluate : Pass<"xf-evaluate", "::mlir::ModuleOp"> {
  let summary = "run the functions of a test and print their results";
  let description = [{
    Executes each function of the module that has a body (or the one that `function`
    names) in the reference interpreter and prints a line for each result and tap on
    standard output. Weights come from an attribute `data` of the `xf.weight`, or
    from `seed`.

    An argument of type `!xf.rows` is described by attributes: `xf.tokens` and, where
    the rows are not all wanted and on one chain of an empty sequence, `xf.past`,
    `xf.parents`, `xf.wanted`, `xf.slots`. Caches are empty; integers take `xf.value`.

    Fails with the interpreter's message, which names op and reason; a conflict
    between tiles names phase, tiles and element.
  }];
  let options = [
    Option<"function", "function", "std::string", "\"\"", "the only function to run">,
    Option<"seed", "seed", "uint64_t", "1", "of weights and of the order of tiles">,
    Option<"threads", "threads", "unsigned", "1", "threads of the interpreter">
  ];
}

def XFInterpret : Pass<"xf-interpret", "::mlir::ModuleOp"> {
  let summary = "run a step on made-up tokens and print a digest of its results";
  let description = [{
    Runs `rows` rows of a chain through the model's step, in calls of at most `chunk`
    rows, with weights from `seed` and tokens that are multiples of 7, and prints a
    hash of the logits, of the hidden states and of the cache on standard output. Two
    modules that compute the same bits print the same line, however they are
    lowered.
  }];
  let options = [
    Option<"seed", "seed", "uint64_t", "1", "of the weights">,
    Option<"order", "order", "uint64_t", "1", "seed of the order of tiles">,
    Option<"rows", "rows", "uint64_t", "5", "rows in all">,
    Option<"chunk", "chunk", "uint64_t", "0", "rows of a call; 0: all">,
    Option<"tree", "tree", "bool", "false",
           "the rows twice, as a tree of two branches, of which the second is kept">,
    Option<"step", "step", "std::string", "\"\"", "the function to run">,
    Option<"threads", "threads", "unsigned", "1", "threads of the interpreter">
  ];
}

#endif // ESPALIER_REFERENCE_PASSES
