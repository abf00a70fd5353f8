//===- InstructionForm.cpp - What instructions have in their fields -===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Systolic/InstructionForm.h"

#include "espalier/systolic.h"

using namespace espalier;
using namespace espalier::systolic;

InstructionForm systolic::formOf(uint8_t opcode) {
  constexpr uint8_t all = 31, in = 1, out = 2, array = 4, vector = 24;
  switch (opcode) {
  case ESPALIER_OP_DELAY:
    return {"DELAY", all, 0, 0, false, true, false, false};
  case ESPALIER_OP_REPEAT:
    return {"REPEAT", all, 0, 0, true, true, false, false};
  case ESPALIER_OP_END_REPEAT:
    return {"END_REPEAT", all};
  case ESPALIER_OP_SIGNAL:
    return {"SIGNAL", all, 0, 255};
  case ESPALIER_OP_WAIT:
    return {"WAIT", all, 0, 255, false, true, false, false};
  case ESPALIER_OP_MARK:
    return {"MARK", all, 0, 0, false, true, false, false};
  case ESPALIER_OP_END:
    return {"END", all};
  case ESPALIER_OP_LOAD:
    return {"LOAD", in, ESPALIER_FLAG_LIMIT, 0, true, true, true, true};
  case ESPALIER_OP_GATHER:
    return {"GATHER", in, 0, ESPALIER_ARGUMENT_ARRAYS, true, true, true, true};
  case ESPALIER_OP_STORE:
    return {"STORE", out, 0, 0, true, true, true, true};
  case ESPALIER_OP_SCATTER:
    return {"SCATTER", out,  0,    ESPALIER_ARGUMENT_ARRAYS,
            true,      true, true, true};
  case ESPALIER_OP_LOAD_WEIGHTS:
    return {"LOAD_WEIGHTS", array, ESPALIER_FLAG_TRANSPOSED, 0, true, false,
            false,          true};
  case ESPALIER_OP_MATMUL:
    return {"MATMUL", array, ESPALIER_FLAG_SWAP | ESPALIER_FLAG_ACCUMULATE,
            0,        true,  false,
            true,     true};
  case ESPALIER_OP_MATMUL_OS:
    return {"MATMUL_OS", array, ESPALIER_FLAG_ACCUMULATE, 0, true, true,
            true,        true};
  case ESPALIER_OP_MAP:
    return {"MAP", vector, 0, ESPALIER_MAPS, true, false, true, true};
  case ESPALIER_OP_BINARY:
    return {"BINARY",
            vector,
            ESPALIER_FLAG_ROW | ESPALIER_FLAG_COLUMN | ESPALIER_FLAG_CONSTANT,
            ESPALIER_BINARIES,
            true,
            true,
            true,
            true};
  case ESPALIER_OP_REDUCE:
    return {"REDUCE", vector, 0, ESPALIER_REDUCES, true, false, true, true};
  case ESPALIER_OP_MASK:
    return {"MASK", vector, ESPALIER_FLAG_WINDOW, 0, true, true, true, true};
  case ESPALIER_OP_ROPE:
    return {"ROPE", vector, 0, 0, true, true, true, true};
  case ESPALIER_OP_ARGMAX:
    return {"ARGMAX", vector, ESPALIER_FLAG_ACCUMULATE, 0, true, true,
            true,     true};
  default:
    return {};
  }
}
