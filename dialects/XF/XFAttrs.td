//===- XFAttrs.td - Attributes of the transformer dialect --*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef XF_ATTRS
#define XF_ATTRS

include "XFDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class XF_Attr<string name, string attrMnemonic> : AttrDef<XF_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def XF_OrderKind : I32EnumAttr<"OrderKind", "family of sum orders", [
  I32EnumAttrCase<"CPU", 0, "cpu">,
  I32EnumAttrCase<"Systolic", 1, "systolic">,
  I32EnumAttrCase<"Fast", 2, "fast">
]> {
  let cppNamespace = "::espalier::xf";
  let genSpecializedAttr = 0;
}

def XF_OrderAttr : XF_Attr<"Order", "order"> {
  let summary = "the order in which every op of the module sums";
  let description = [{
    Stands on the module as `xf.order`. It is set once for a target, is run by the
    reference interpreter and is printed in the artefact. `docs/numerics.md` defines
    `cpu, 2`, and `systolic, 1`, whose products are summed in runs of `rows`
    consecutive elements: the rows of the accelerator's array. Another version, an
    earlier one too, is refused.

    Constraints: (C1) the version is 2 for `cpu`, else 1; (C2) `systolic` has 1 to
    65536 rows, no other kind has any.

    ```mlir
    module attributes {xf.order = #xf.order<cpu, 2>} {}
    module attributes {xf.order = #xf.order<systolic, 1, rows 128>} {}
    ```
  }];
  let parameters = (ins EnumParameter<XF_OrderKind>:$kind, "unsigned":$version,
                        DefaultValuedParameter<"unsigned", "0">:$rows);
  let assemblyFormat = "`<` $kind `,` $version (`,` `rows` $rows^)? `>`";
  let genVerifyDecl = 1;
}

def XF_RecipeKind : I32EnumAttr<"RecipeKind", "step of a weight recipe", [
  I32EnumAttrCase<"Transpose", 0, "transpose">,
  I32EnumAttrCase<"UnpermuteHeads", 1, "unpermute_heads">,
  I32EnumAttrCase<"AddOne", 2, "add_one">,
  I32EnumAttrCase<"SliceRows", 3, "slice_rows">,
  I32EnumAttrCase<"ToF32", 4, "to_f32">,
  I32EnumAttrCase<"SliceGroups", 5, "slice_groups">
]> {
  let cppNamespace = "::espalier::xf";
  let genSpecializedAttr = 0;
}

def XF_RecipeStepAttr : XF_Attr<"RecipeStep", "recipe"> {
  let summary = "one thing that is done to a checkpoint tensor when it is packed";
  let description = [{
    | step | arguments | meaning |
    | --- | --- | --- |
    | `transpose` | | [in, out] as stored becomes [out, in]; float types only |
    | `unpermute_heads` | heads, and rotary where it is less than dim | the first `rotary` rows of each head, stored for interleaved RoPE (pairs 2j, 2j + 1), are put back to half-split order (j, j + rotary/2): row j of a head comes from row 2j, row j + rotary/2 from row 2j + 1; the others stay |
    | `add_one` | | 1 is added to every element, in float32 |
    | `slice_rows` | begin, end | rows begin .. end - 1 |
    | `slice_groups` | groups, begin, count | the rows are `groups` groups of equal size: rows begin .. begin + count - 1 of each, one group after the other |
    | `to_f32` | | any float type is widened to float32, exactly |

    A vector (a bias, a norm's weight) takes the same steps as a matrix of one column.

    `#xf.recipe<unpermute_heads, 9>`, `#xf.recipe<slice_rows, 0, 576>`
  }];
  let parameters = (ins EnumParameter<XF_RecipeKind>:$kind,
                        OptionalArrayRefParameter<"int64_t">:$arguments);
  let assemblyFormat = "`<` $kind (`,` $arguments^)? `>`";
  let genVerifyDecl = 1;
}

def XF_CachePart : I32EnumAttr<"CachePart", "keys or values", [
  I32EnumAttrCase<"Keys", 0, "keys">,
  I32EnumAttrCase<"Values", 1, "values">
]> {
  let cppNamespace = "::espalier::xf";
  let genSpecializedAttr = 0;
}
def XF_CachePartAttr : EnumAttr<XF_Dialect, XF_CachePart, "part"> {
  let assemblyFormat = "$value";
}

def XF_Activation : I32EnumAttr<"Activation", "activation function", [
  I32EnumAttrCase<"Silu", 0, "silu">,
  I32EnumAttrCase<"Gelu", 1, "gelu">,
  I32EnumAttrCase<"GeluTanh", 2, "gelu_tanh">,
  I32EnumAttrCase<"Relu", 3, "relu">,
  I32EnumAttrCase<"ReluSquared", 4, "relu_squared">
]> {
  let cppNamespace = "::espalier::xf";
  let genSpecializedAttr = 0;
}
def XF_ActivationAttr : EnumAttr<XF_Dialect, XF_Activation, "activation"> {
  let assemblyFormat = "$value";
}

def XF_KVLayout : I32EnumAttr<"KVLayout", "layout of a KV cache", [
  I32EnumAttrCase<"Unassigned", 0, "unassigned">,
  I32EnumAttrCase<"Tiles16", 1, "tiles16">,
  I32EnumAttrCase<"Rows", 2, "rows">
]> {
  let cppNamespace = "::espalier::xf";
  let genSpecializedAttr = 0;
}

#endif // XF_ATTRS
