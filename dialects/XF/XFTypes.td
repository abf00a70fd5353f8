//===- XFTypes.td - Types of the transformer dialect -------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef XF_TYPES
#define XF_TYPES

include "XFAttrs.td"
include "mlir/IR/BuiltinTypeInterfaces.td"
include "mlir/Interfaces/DataLayoutInterfaces.td"

class XF_Type<string name, string typeMnemonic, list<Trait> traits = []>
    : TypeDef<XF_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def XF_RowsType : XF_Type<"Rows", "rows"> {
  let summary = "the rows of one call of the step";
  let description = [{
    Row metadata: for each sequence slot, its rows in topological order (a parent
    before its children), how many tokens it has in the cache (*past*); for each
    row token, position, parent (an earlier row of the slot, or none: the last
    cached token), slot (none: a padding row, which writes nothing) and whether its
    logits are wanted. Position = past + depth. A row's key and value go to cache
    row past + index within the slot. A row sees the cached tokens, its ancestors
    among the rows and itself, at positions 0 .. its own.

    ```
    slot 0, past 5         row  parent  position  cache row  sees rows
                            0     -1       5          5       0
         0                  1      0       6          6       0 1
        / \                 2      0       6          7       0 2
       1   2                3      2       7          8       0 2 3
           |
           3
    ```
  }];
}

def XF_KVCacheType : XF_Type<"KVCache", "kv_cache"> {
  let summary = "the keys and values of the sequences, as a value";
  let description = [{
    `layers` x {keys, values}, each `heads` x cache rows x `dim` elements. Elements
    are rounded once, when they are appended. The layout says where an element
    lies; `unassigned` until `xf-select-kv-layout` has chosen.

    `tiles16`: keys in tiles of 16 cache rows, so that a vector holds one element
    of 16 keys and a score needs no sum across lanes; values row by row, the row
    padded to a multiple of 16 elements:

    ```
    keys of a head   [row / 16][dim][row % 16]       values of a head  [row][dim]

       tile 0:  d=0: k0 k1 .. k15                     row 0: v0 v1 .. v(dim-1)
                d=1: k0 k1 .. k15                     row 1: v0 v1 .. v(dim-1)
                ...                                   ...
       tile 1:  d=0: k16 .. k31
    ```

    `rows` is the accelerator's: keys and values of a head lie [row][dim].

    Constraints: (C1) layers, heads and dim are positive; (C2) dim is even; (C3)
    the element type is f32, f16 or bf16.

    `!xf.kv_cache<30 x 3 x 64, f16, tiles16>`
  }];
  let parameters = (ins "int64_t":$layers, "int64_t":$heads, "int64_t":$dim,
                        "::mlir::Type":$elementType,
                        EnumParameter<XF_KVLayout>:$layout);
  let assemblyFormat = [{
    `<` $layers `x` $heads `x` $dim `,` $elementType `,` $layout `>`
  }];
  let genVerifyDecl = 1;
}

def XF_PanelType : XF_Type<"Panel", "panel",
    [MemRefElementTypeInterface,
     DeclareTypeInterfaceMethods<DataLayoutTypeInterface>]> {
  let summary = "columns x k-group of an encoded matrix, a fixed number of bytes";
  let description = [{
    The element of an encoded tensor. `espalier/Support/Encodings.h` gives the
    bytes of each encoding. A checkpoint's matrix [N, K] in blocks of 32 is
    `tensor<N x K/32 x !xf.panel<1 x 32, q4_1>>`; packed for the CPU it is
    `tensor<N/16 x K/32 x !xf.panel<16 x 32, q4_1>>`; rows of quantised activations
    are `tensor<? x K/32 x !xf.panel<1 x 32, a8>>`.

    ```
    !xf.panel<16 x 32, q4_0>:   bytes 0..255  nibbles   k/4 = 0: 32 bytes
                                                        k/4 = 1: 32 bytes ...
        one byte:  high nibble column c + 8 | low nibble column c
        one 32-byte step:  c0: k0 k1 k2 k3 | c1: k0 k1 k2 k3 | ... | c7: ...
                                bytes 256..287  16 x f16 scale d
    ```

    Constraints: (C1) the encoding has panels of that shape.
  }];
  let parameters = (ins "unsigned":$columns, "unsigned":$group,
                        "::espalier::Encoding":$encoding);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Size in bytes.
    uint64_t getBytes() const;
  }];
}

#endif // XF_TYPES
