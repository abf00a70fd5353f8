//===- XFOps.td - Operations of the transformer dialect ----*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef XF_OPS
#define XF_OPS

include "XFTypes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"

class XF_Op<string mnemonic, list<Trait> traits = []>
    : Op<XF_Dialect, mnemonic, traits>;

// Activations are tensors before and memrefs after bufferisation.
def XF_Rows2D : AnyTypeOf<[RankedTensorOf<[F32]>, MemRefOf<[F32]>]>;
// The same, or rounded for the accelerator's array.
def XF_Rounded2D : AnyTypeOf<[RankedTensorOf<[F32, BF16]>, MemRefOf<[F32, BF16]>]>;
def XF_Encoded : AnyTypeOf<[AnyRankedTensor, AnyMemRef]>;

include "XFStructureOps.td"
include "XFComputeOps.td"
include "XFExpertOps.td"
include "XFNormOps.td"
include "XFPointwiseOps.td"
include "XFSplitAttentionOps.td"

#endif // XF_OPS
