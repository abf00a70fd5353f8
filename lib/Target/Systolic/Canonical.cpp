//===- Canonical.cpp - One form for equal programs ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Forms.h"
#include "espalier/Target/Systolic/Decode.h"

#include <bit>
#include <cstring>
#include <map>
#include <string_view>

using namespace espalier;
using namespace espalier::systolic;

const char *systolic::queueName(unsigned queue) {
  constexpr const char *names[] = {"dma_in", "dma_out", "array", "vector_a",
                                   "vector_b"};
  return names[queue];
}

Shape systolic::canonicalShape(const Instruction &instruction, Shape shape) {
  bool b = false, c = true, extra = false;
  switch (instruction.opcode) {
  case ESPALIER_OP_LOAD:
    b = true, c = false;
    extra = instruction.flags & ESPALIER_FLAG_LIMIT;
    break;
  case ESPALIER_OP_GATHER:
  case ESPALIER_OP_SCATTER:
    b = extra = true, c = false;
    break;
  case ESPALIER_OP_STORE:
    b = true, c = false;
    break;
  case ESPALIER_OP_LOAD_WEIGHTS:
    c = false;
    break;
  case ESPALIER_OP_MATMUL:
    extra = true;
    break;
  case ESPALIER_OP_MATMUL_OS:
    b = extra = true;
    shape.type_b = shape.type_a;
    break;
  case ESPALIER_OP_BINARY:
    b = !(instruction.flags & ESPALIER_FLAG_CONSTANT);
    break;
  case ESPALIER_OP_REDUCE:
  case ESPALIER_OP_ARGMAX:
    shape.type_c = ESPALIER_SYSTOLIC_F32;
    break;
  case ESPALIER_OP_MASK:
    extra = instruction.flags & ESPALIER_FLAG_WINDOW;
    break;
  case ESPALIER_OP_ROPE:
    b = extra = true;
    break;
  default:
    break;
  }
  if (!b) {
    shape.stride_b = 0;
    shape.type_b = 0;
    shape.spaces &= ~2u;
  }
  if (!c) {
    shape.stride_c = 0;
    shape.type_c = 0;
    shape.spaces &= ~4u;
  }
  if (!extra)
    shape.extra = 0;
  return shape;
}

namespace {

/// Numbers things in the order in which they come.
template <typename Key, typename Value> class Numbering {
public:
  explicit Numbering(std::vector<Value> &values) : values(values) {}
  uint32_t number(const Key &key, const Value &value) {
    auto [entry, isNew] = numbers.try_emplace(key, uint32_t(values.size()));
    if (isNew)
      values.push_back(value);
    return entry->second;
  }

private:
  std::vector<Value> &values;
  std::map<Key, uint32_t> numbers;
};

} // namespace

Result<Program> systolic::canonicalProgram(const Program &program) {
  Program out = program;
  out.shapes.clear();
  out.constants.clear();
  out.marks.clear();
  Numbering<std::string, Shape> shapes(out.shapes);
  Numbering<uint32_t, float> constants(out.constants);
  Numbering<std::string, std::string> marks(out.marks);
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
    for (size_t i = 0; i < out.queues[q].size(); ++i) {
      Instruction &in = out.queues[q][i];
      auto missing = [&](const char *what, uint64_t number) {
        return Error{std::string("queue ") + queueName(q) + ", instruction " +
                     std::to_string(i) + ": there is no " + what + " " +
                     std::to_string(number)};
      };
      if (formOf(in.opcode).shape) {
        if (in.shape >= program.shapes.size())
          return missing("shape", in.shape);
        Shape shape = canonicalShape(in, program.shapes[in.shape]);
        std::string key(reinterpret_cast<const char *>(&shape), sizeof(shape));
        uint32_t number = shapes.number(key, shape);
        if (number >= ESPALIER_SYSTOLIC_MAX_SHAPES)
          return Error{"more than 65536 shapes"};
        in.shape = uint16_t(number);
      }
      if (in.opcode == ESPALIER_OP_BINARY &&
          (in.flags & ESPALIER_FLAG_CONSTANT)) {
        if (in.b >= program.constants.size())
          return missing("constant", in.b);
        float value = program.constants[in.b];
        in.b = constants.number(std::bit_cast<uint32_t>(value), value);
      }
      if (in.opcode == ESPALIER_OP_MARK) {
        if (in.b >= program.marks.size())
          return missing("mark", in.b);
        in.b = marks.number(program.marks[in.b], program.marks[in.b]);
      }
    }
  return out;
}
