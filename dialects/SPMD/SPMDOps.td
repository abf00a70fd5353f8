//===- SPMDOps.td - The step program of a team -------------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPMD_OPS
#define SPMD_OPS

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/Dialect/SCF/IR/DeviceMappingInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def SPMD_Dialect : Dialect {
  let name = "spmd";
  let cppNamespace = "::espalier::spmd";
  let summary = "A step as one program that a fixed team of workers runs together";
  let description = [{
    Every worker (CPU thread, thread block, accelerator core) executes the same
    program. It consists of *phases*: what workers write in one phase, others may
    read in a later one, never in the same. Inside a phase the work is cut into
    tiles, upstream `scf.forall` loops whose mapping is `#spmd.tiles`; what stands in
    a phase outside its tiles is repeated by every worker, on memory of its own.

    Phases order by SSA. After bufferisation `spmd-materialize-barriers` puts
    `spmd.barrier` between phases that conflict, and `spmd-plan-buffers` turns every
    allocation into an `spmd.buffer` of the shared or of the worker's private arena.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerOperations();
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect"];
}

def SPMD_Schedule : I32EnumAttr<"Schedule", "how tiles are dealt to workers", [
  I32EnumAttrCase<"Static", 0, "static">,
  I32EnumAttrCase<"Claim", 1, "claim">
]> {
  let cppNamespace = "::espalier::spmd";
  let genSpecializedAttr = 0;
}

def SPMD_TilesAttr : AttrDef<SPMD_Dialect, "Tiles",
    [DeclareAttrInterfaceMethods<DeviceMappingAttrInterface>]> {
  let mnemonic = "tiles";
  let summary = "maps the tiles of an `scf.forall` onto the workers";
  let description = [{
    The mapping of a one-dimensional `scf.forall` inside a phase. `static`: the tile
    spaces of a phase's loops stand one after the other, each tile `cost` units long;
    worker w of W runs the tiles that begin in units [w * total / W, (w + 1) * total / W).
    `claim`: workers take the next tile when they are free, for tiles whose costs
    vary; the only loop of its phase. A tile's bits never depend on who runs it.

    ```
    phase with loops of 9 tiles (cost 2) and 3 tiles (cost 2), two workers: total 24
      units    0 . . . . . . . . . . 12 . . . . . . . . . . 24
      loop 1   [q0][q1][q2][q3][q4][q5][q6][q7][q8]
      loop 2                                       [k0][k1][k2]
      worker   0  0   0   0   0   0   1   1   1    1   1   1
    ```
  }];
  let parameters = (ins EnumParameter<SPMD_Schedule>:$schedule, "int64_t":$cost);
  let assemblyFormat = "`<` $schedule `,` $cost `>`";
  let genVerifyDecl = 1;
}

def SPMD_Space : I32EnumAttr<"Space", "whose memory a buffer is", [
  I32EnumAttrCase<"Shared", 0, "shared">,
  I32EnumAttrCase<"Private", 1, "private">,
  I32EnumAttrCase<"Blocks", 2, "blocks">
]> {
  let cppNamespace = "::espalier::spmd";
  let genSpecializedAttr = 0;
}
def SPMD_SpaceAttr : EnumAttr<SPMD_Dialect, SPMD_Space, "space"> {
  let assemblyFormat = "$value";
}

class SPMD_Op<string mnemonic, list<Trait> traits = []>
    : Op<SPMD_Dialect, mnemonic, traits>;

def SPMD_PhaseOp : SPMD_Op<"phase",
    [IsolatedFromAbove, SingleBlockImplicitTerminator<"YieldOp">, AttrSizedOperandSegments,
     RecursiveMemoryEffects]> {
  let summary = "work between two meetings of the team";
  let description = [{
    Block arguments are the inputs, then the outputs. Outputs are the only memory
    that workers share in a phase: tensors (memrefs after bufferisation) written by
    tiles, and caches. Results are the outputs that are tensors or caches, after the
    phase; `spmd.yield` gives them.

    Constraints:
    - (C1) block arguments have the types of inputs and outputs, in order;
    - (C2) results have the types of the outputs that are no memrefs, and the yield
      gives values of these types;
    - (C3) a loop mapped by `#spmd.tiles` stands at the top level of a phase, has one
      dimension, and a `claim` loop is the only loop of its phase;
    - (C4) the body contains neither a phase nor a barrier;
    - (C5) outside tiles no op writes a shared output;
    - (C6) outside tiles no op reads the memory of a shared output, which another
      worker may be writing.

    ```mlir
    %q, %c1 = spmd.phase ins(%x = %0 : tensor<?x64xf32>) outs(%o = %1 : tensor<?x64xf32>, %kv = %c : !xf.kv_cache<...>) {
      ...
      spmd.yield %r, %kv : tensor<?x64xf32>, !xf.kv_cache<...>
    } -> tensor<?x64xf32>, !xf.kv_cache<...>
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$inputs, Variadic<AnyType>:$outputs,
                       OptionalAttr<StrAttr>:$label);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The block argument of output `i`.
    ::mlir::BlockArgument getOutputArgument(unsigned i) {
      return getBody().getArgument(getInputs().size() + i);
    }
    /// The outputs that have a result, in the order of the results.
    ::llvm::SmallVector<unsigned> getResultOutputs();
  }];
}

def SPMD_YieldOp : SPMD_Op<"yield", [Pure, Terminator, ReturnLike, HasParent<"PhaseOp">]> {
  let summary = "ends a phase";
  let description = [{Gives the phase's results.}];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}

def SPMD_BarrierOp : SPMD_Op<"barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "where the workers of the team meet";
  let description = [{
    What any worker wrote before is seen by all after. The last to arrive resets the
    claim counter.

    Constraints:
    - (C1) not inside a phase: no barrier in control flow that a worker may not reach.
  }];
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def SPMD_ClaimOp : SPMD_Op<"claim", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "takes the next tile of a claimed phase";
  let description = [{
    Gives 0, 1, 2, ... since the last barrier, each number to one worker. Made by
    `convert-spmd-to-scf`; between two claimed phases stands a barrier.

    ```mlir
    %tile = spmd.claim : index
    ```
  }];
  let results = (outs Index:$tile);
  let assemblyFormat = "attr-dict `:` type($tile)";
}

def SPMD_BufferOp : SPMD_Op<"buffer", [MemoryEffects<[MemAlloc]>]> {
  let summary = "memory of the shared, the private or the blocks' arena";
  let description = [{
    `offset` bytes into the arena. Sizes are the dynamic dimensions. `blocks` is shared
    memory that grows with the context: the arena is as large as bytes for each block
    of 64 positions, times the blocks that a cache has room for, and so is the offset.

    Constraints:
    - (C1) the offset is a multiple of 64;
    - (C2) as many sizes as the type has dynamic dimensions, identity layout.
  }];
  let arguments = (ins Variadic<Index>:$sizes, SPMD_SpaceAttr:$space, I64Attr:$offset);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$space `at` $offset `(` $sizes `)` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

#endif // SPMD_OPS
