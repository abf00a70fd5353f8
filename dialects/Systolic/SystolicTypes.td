//===- SystolicTypes.td - Memory, semaphores and kinds ------------ -*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SYSTOLIC_TYPES
#define SYSTOLIC_TYPES

include "SystolicDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

// The numbers are those of runtime/include/espalier/systolic.h.

class Systolic_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::espalier::systolic";
}
def Systolic_Space : Systolic_Enum<"Space", "where a buffer lies", [
  I32EnumAttrCase<"Scratchpad", 0, "scratchpad">,
  I32EnumAttrCase<"Accumulator", 1, "accumulator">,
  I32EnumAttrCase<"Dram", 2, "dram">
]>;

def Systolic_Element : Systolic_Enum<"Element", "type of the elements of a buffer", [
  I32EnumAttrCase<"I8", 0, "i8">, I32EnumAttrCase<"I32", 1, "i32">,
  I32EnumAttrCase<"BF16", 2, "bf16">, I32EnumAttrCase<"F32", 3, "f32">,
  I32EnumAttrCase<"Q8_0", 4, "q8_0">, I32EnumAttrCase<"Q4_0", 5, "q4_0">,
  I32EnumAttrCase<"Q4_1", 6, "q4_1">
]>;

def Systolic_Queue : Systolic_Enum<"Queue", "an in-order queue of the machine", [
  I32EnumAttrCase<"DmaIn", 0, "dma_in">, I32EnumAttrCase<"DmaOut", 1, "dma_out">,
  I32EnumAttrCase<"Array", 2, "array">, I32EnumAttrCase<"VectorA", 3, "vector_a">,
  I32EnumAttrCase<"VectorB", 4, "vector_b">
]>;

def Systolic_Unit : Systolic_Enum<"VectorUnit", "one of the two vector units", [
  I32EnumAttrCase<"A", 0, "a">, I32EnumAttrCase<"B", 1, "b">
]>;

def Systolic_RegionKind : Systolic_Enum<"RegionKind", "what a region of DRAM is for", [
  I32EnumAttrCase<"Weights", 0, "weights">, I32EnumAttrCase<"Table", 1, "table">,
  I32EnumAttrCase<"Cache", 2, "cache">, I32EnumAttrCase<"Arena", 3, "arena">,
  I32EnumAttrCase<"Output", 4, "output">
]>;

def Systolic_Argument : Systolic_Enum<"Argument", "an array that a step is given", [
  I32EnumAttrCase<"Token", 0, "token">, I32EnumAttrCase<"Position", 1, "position">,
  I32EnumAttrCase<"CacheRow", 2, "cache_row">, I32EnumAttrCase<"Wanted", 3, "wanted">
]>;

def Systolic_MapKind : Systolic_Enum<"MapKind", "a function of one element", [
  I32EnumAttrCase<"Copy", 0, "copy">, I32EnumAttrCase<"Relu", 1, "relu">,
  I32EnumAttrCase<"ReluSquared", 2, "relu_squared">,
  I32EnumAttrCase<"Reciprocal", 3, "reciprocal">, I32EnumAttrCase<"Sqrt", 4, "sqrt">,
  I32EnumAttrCase<"Exp2", 5, "exp2">, I32EnumAttrCase<"Tanh", 6, "tanh">,
  I32EnumAttrCase<"Silu", 7, "silu">, I32EnumAttrCase<"Gelu", 8, "gelu">,
  I32EnumAttrCase<"GeluTanh", 9, "gelu_tanh">
]>;

def Systolic_BinaryKind : Systolic_Enum<"BinaryKind", "a function of two elements", [
  I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Subtract", 1, "subtract">,
  I32EnumAttrCase<"Multiply", 2, "multiply">, I32EnumAttrCase<"Divide", 3, "divide">,
  I32EnumAttrCase<"Maximum", 4, "maximum">
]>;

def Systolic_ReduceKind : Systolic_Enum<"ReduceKind", "what becomes of a row", [
  I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Squares", 1, "squares">,
  I32EnumAttrCase<"Maximum", 2, "maximum">
]>;

def Systolic_BufferType : TypeDef<Systolic_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "a matrix at a place of a memory";
  let description = [{
    `rows x columns x element` in scratchpad, accumulator or DRAM. Elements of a row are
    adjacent; rows are a stride apart, which counts granules of 16 bytes in scratchpad
    and accumulator, and bytes in DRAM.

    ```
    !systolic.buffer<scratchpad, 3x4xbf16, stride 2>

    granule   0               1               2               3
              |e00 e01 e02 e03|       -       |e10 e11 e12 e13|       -       |e20 ...
    ```

    `q8_0`, `q4_0` and `q4_1` are blocks of 32 consecutive k in the layout of GGUF (34,
    18 and 20 bytes), one for each column: a buffer of R rows is a matrix of 32 R rows
    once it is loaded.

    Constraints:
    1. (buffer_c1) 1 to 65536 rows and 1 to 16777216 columns, the stride below 2^32;
    2. (buffer_c2) blocks lie in DRAM only.
  }];
  let parameters = (ins "Space":$space, "uint64_t":$rows, "uint64_t":$columns,
                        "Element":$element, "uint64_t":$stride);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes of one row.
    uint64_t getRowBytes() const;
    /// Rows of bf16 that a row of blocks becomes; 1 of all other elements.
    uint64_t getRowsOfRow() const;
  }];
}

def Systolic_SemaphoreType : TypeDef<Systolic_Dialect, "Semaphore"> {
  let mnemonic = "semaphore";
  let summary = "a count by which one queue waits for another";
  let description = [{Begins at 0; see `systolic.signal` and `systolic.wait`.}];
}

#endif // SYSTOLIC_TYPES
