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
    computes inside), each with the attribute `xf.max_rows`, and erases `@step`. Where
    the cost model expects it to be faster, a third one for the fewest rows comes
    first, `@step_split`: there attention is split along the positions as well
    (`xf.attention_partials`: a tile is one block of 64 positions and the heads of one
    key/value head), and what the blocks give is merged by every worker before the
    output projection. The bits are the same.

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

    A phase that projects onto the vocabulary is tiled over columns in both variants:
    as a rule the logits of few rows are wanted. Sizes of tiles come from the machine that the module carries
    (`docs/Machines.md`), and never change a bit of a result.

    Fails on an op that it does not know how to place, by name.
  }];
  let options = [
    Option<"splitRows", "split-rows", "int64_t", "8",
           "rows that @step_split takes; not below few-rows, or 0: it is not made">,
    Option<"alwaysSplit", "always-split", "bool", "false",
           "make @step_split whatever the cost model expects">,
    Option<"fewRows", "few-rows", "int64_t", "64", "rows that @step_few takes">,
    Option<"manyRows", "many-rows", "int64_t", "512", "rows that @step_many takes">,
    Option<"rowBlock", "row-block", "int64_t", "0",
           "rows of a tile of @step_many; 0: the cost model of the machine decides">,
    Option<"panelsPerTile", "panels-per-tile", "int64_t", "0",
           "panels of 16 columns of a tile of @step_few; 0: the cost model decides">
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
    or writes; buffers that overlap in the arena are one. A barrier stands before a
    phase that conflicts with any phase since the last barrier, around a loop's back
    edge too.

    Fails on an op outside phases, in a function that has some, which touches memory
    other than constants, and on a shared buffer whose size has no constant bound.
  }];
  let dependentDialects = ["::espalier::spmd::SPMDDialect"];
  let statistics = [Statistic<"numBarriers", "barriers", "barriers placed">];
}

def ConvertSPMDToSCF : Pass<"convert-spmd-to-scf", "::mlir::ModuleOp"> {
  let summary = "deal the tiles of each phase to the workers";
  let description = [{
    Every function with phases, or with the attribute `xf.max_rows`, gets two more
    arguments, the worker and the number of workers, both `index`. Phases are
    inlined; a loop mapped by `#spmd.tiles<static, cost>` becomes an `scf.for` over
    the tiles of this worker, by the rule of that attribute; `claim` becomes an
    `scf.while` around `spmd.claim`.

    Fails on a module that is not bufferised, on a loop of more than one dimension,
    and where the number of tiles of a phase's loop depends on what the phase
    computes with side effects.

    ```mlir
    spmd.phase ins(%a = %x : memref<64xf32>) outs() {
      scf.forall (%t) in (8) { ... } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield
    }
    ```
    becomes, on worker w of W,
    ```mlir
    scf.for %t = (w * 8 / W) to ((w + 1) * 8 / W) step 1 { ... }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::espalier::spmd::SPMDDialect"];
}

def PrefetchWeights : Pass<"xf-prefetch-weights", "::mlir::ModuleOp"> {
  let summary = "prefetch a worker's next weights beside work that needs none";
  let description = [{
    After `convert-spmd-to-scf`. Which weights a worker reads in a phase does not
    depend on what the phases before it compute. So a `cpu.expect` stands before the
    barrier in front of each phase whose dealt loops read slices of weights by their
    tiles; where the phase before it reads no weights (attention), before the barrier
    in front of that one. `xf.quantize_activations`, `xf.attention` and
    `xf.attention_partials` from there on get the attribute `prefetch`, and their
    micro-kernels prefetch part of it beside their own work.

    What is expected is the worker's share of the phase's first matrix (of a loop
    that reads several matrices, the first tile), at most half the private cache.
    The window is 16 bytes at the end of the private arena (`spmd.private_bytes`).
  }];
  let dependentDialects = ["::espalier::cpu::CPUDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

def MergeTiles : Pass<"xf-merge-tiles", "::mlir::ModuleOp"> {
  let summary = "one product for all tiles that a worker has of it";
  let description = [{
    After `convert-spmd-to-scf`. A worker's tiles of a phase follow each other. Where a
    tile is nothing but one `xf.linear` or `xf.logits` over columns, the loop becomes
    that product over the columns of all tiles of the loop (none, where the worker has
    none). The micro-kernel then reads long runs of weights, while the tiles stay as
    small as any number of workers needs. No bit of a result depends on it.

    ```mlir
    scf.for %t = %from to %to step %c1 {
      %c = arith.muli %t, %c32 : index
      %p = affine.apply affine_map<(d0) -> (d0 floordiv 16)>(%c)
      %w2 = memref.subview %w[%p, 0] [2, 18] [1, 1]
      %o2 = memref.subview %o[0, %c] [%rows, 32] [1, 1]
      xf.linear ins(%x, %w2) outs(%o2)
    }
    ```
    becomes, with `n = max(to, from) - from`,
    ```mlir
    %w2 = memref.subview %w[from * 2, 0] [n * 2, 18] [1, 1]
    %o2 = memref.subview %o[0, from * 32] [%rows, n * 32] [1, 1]
    xf.linear ins(%x, %w2) outs(%o2)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
  let statistics = [Statistic<"numMerged", "merged", "loops that became one product">];
}

def PlanScratch : Pass<"xf-plan-scratch", "::mlir::ModuleOp"> {
  let summary = "reserve what micro-kernels of attention and experts work in";
  let description = [{
    Sets the attribute `scratch` on every bufferised `xf.attention`,
    `xf.attention_partials` and `xf.grouped_linear`: the byte in the worker's private
    arena where the micro-kernel's working memory begins; and raises the function's
    `spmd.private_bytes`. One region serves all, since a worker
    runs one tile at a time. Fails where neither the rows of a tile nor the function
    (`xf.max_rows`) are bounded.
  }];
}

def ConvertXFToLLVM : Pass<"convert-xf-to-llvm", "::mlir::ModuleOp"> {
  let summary = "turn step functions into LLVM functions that call micro-kernels";
  let description = [{
    A function whose first argument is `!xf.rows`,

    `@step(%rows: !xf.rows, %cache: !xf.kv_cache<...>, %logits: memref<?xVxf32>, %worker: index, %workers: index)`,

    becomes `llvm.func @step(%args: !llvm.ptr, %scratch: !llvm.ptr, %worker: i32, %workers: i32)`
    (espalier_step_fn of espalier/descriptor.h). Every `xf` op on memrefs becomes a
    call of the micro-kernel of MicroKernels.h, which is declared with the attribute
    `espalier.kernel`; rows become the number of their first row; `xf.weight_ref`
    becomes an address by the module's `xf.weight_layout`; `spmd.buffer` becomes an
    address in the arenas, barriers and claims go through the arguments. `scf`, `cf`,
    `arith`, `index` and `memref` ops are converted by upstream's patterns. Functions
    that only commit a path are the runtime's and are erased.

    Needs `memref-expand-strided-metadata`, `lower-affine` and
    `xf-plan-scratch` before it. Fails on weights that are not in panels of
    16 columns, and on memory whose innermost stride is not one.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def SystolicSchedule : Pass<"systolic-schedule", "::mlir::ModuleOp"> {
  let summary = "give the instructions of sequences their times";
  let description = [{
    Makes a `systolic.program` of each `systolic.sequence`: every instruction issues in
    the earliest cycle that its queue, its unit, ports, and the rows that it reads and
    writes allow; between two queues that conflict stand a signal and a wait. The
    program computes what the sequence says, done one after the other.

    ```mlir
    systolic.load %x to %a : ...
    systolic.map on a relu %a to %b : ...
    ```

    becomes

    ```mlir
    systolic.queue dma_in {
      systolic.load dt 0 %x to %a : ...
      systolic.signal dt 0 %sem
      systolic.end dt 0
    }
    systolic.queue vector_a {
      systolic.wait dt 104 %sem count 1
      systolic.map dt 0 relu %a to %b : ...
      systolic.end dt 0
    }
    ```

    Fails on an operand that does not lie in its memory, on what is read and was never
    written, on more uses of a bank than it has ports, and on an array that is not the
    machine's.
  }];
  let options = [
    Option<"machine", "machine", "std::string", "\"systolic-128\"",
           "accelerator of the catalogue, or a machine file">
  ];
  let statistics = [Statistic<"numPrograms", "programs", "programs made">];
  let dependentDialects = ["::espalier::systolic::SystolicDialect"];
}

#endif // ESPALIER_LOWERING_PASSES
