//===- Passes.td - From xf to what a machine runs ----------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ESPALIER_LOWERING_PASSES
#define ESPALIER_LOWERING_PASSES

include "mlir/Pass/PassBase.td"

def XFPartition : Pass<"xf-partition", "::mlir::ModuleOp"> {
  let summary = "split a step into phases and their work into tiles";
  let description = [{
    Makes of `@step` one function for each variant, `@step_few` (tiles over columns;
    the norms and roundings of activations before a linear are repeated by every
    worker) and `@step_many` (tiles over blocks of rows, with everything that a phase
    computes inside), each with the attribute `xf.max_rows`, and erases `@step`.

    An op stands in the earliest phase in which all it needs was written before, or
    is made by the same worker. For a layer of the llama family that gives five
    phases:

    ```
    norm, quantize | q, k, v; rope; append
    attention
    quantize       | output projection + residual
    norm, quantize | gate, up; activation
    quantize       | down projection + residual
    ```

    Phases that project onto the vocabulary are tiled over columns in both variants:
    they have few rows.

    Fails on an op that it does not know how to place, by name.
  }];
  let options = [
    Option<"fewRows", "few-rows", "int64_t", "64", "rows that @step_few takes">,
    Option<"manyRows", "many-rows", "int64_t", "512", "rows that @step_many takes">,
    Option<"rowBlock", "row-block", "int64_t", "16", "rows of a tile of @step_many">,
    Option<"tilesPerPhase", "tiles", "int64_t", "32",
           "tiles that a phase of @step_few is cut into, about">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::espalier::spmd::SPMDDialect"];
  let statistics = [Statistic<"numPhases", "phases", "phases made">];
}

def XFLowerRepeat : Pass<"xf-lower-repeat", "::mlir::ModuleOp"> {
  let summary = "turn the loop over layers into control flow";
  let description = [{
    `xf.repeat` becomes an `scf.for` over the layers. With several kinds its body is an
    `scf.index_switch` on a constant table layer -> kind, and another table gives the
    layer's number within its kind.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def SPMDPlanBuffers : Pass<"spmd-plan-buffers", "::mlir::func::FuncOp"> {
  let summary = "give every allocation a place in an arena";
  let description = [{
    Replaces `memref.alloc` by `spmd.buffer`: in the worker's private arena inside a
    phase, in the shared one outside. Dynamic sizes count with their upper bound
    (`xf.max_rows`). Buffers of the same arena overlap only where they are never live
    at the same time. The sizes of the arenas become the attributes
    `spmd.shared_bytes` and `spmd.private_bytes`.

    Fails on an allocation whose size has no constant bound.
  }];
  let dependentDialects = ["::espalier::spmd::SPMDDialect"];
}

def SPMDMaterializeBarriers : Pass<"spmd-materialize-barriers", "::mlir::func::FuncOp"> {
  let summary = "put barriers between phases that conflict";
  let description = [{
    Two phases conflict when one writes a shared buffer or a cache that the other reads
    or writes. A barrier stands before a phase that conflicts with any phase since the
    last barrier, around a loop's back edge too.
  }];
  let dependentDialects = ["::espalier::spmd::SPMDDialect"];
  let statistics = [Statistic<"numBarriers", "barriers", "barriers placed">];
}

#endif // ESPALIER_LOWERING_PASSES
