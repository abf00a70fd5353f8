//===- Check.cpp - Whether a program is one -------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Forms.h"
#include "espalier/Target/Systolic/Decode.h"

#include <algorithm>
#include <cstring>
#include <set>

using namespace espalier;
using namespace espalier::systolic;

namespace {

constexpr uint32_t most24 = (1u << 24) - 1;
constexpr uint64_t mostBytes = (uint64_t(1) << 48) - 1;
constexpr uint32_t mostColumns = 1u << 24;

std::string number(uint64_t value) { return std::to_string(value); }

bool isBlocks(uint8_t type) {
  return type >= ESPALIER_SYSTOLIC_Q8_0 && type <= ESPALIER_SYSTOLIC_Q4_1;
}
bool isElement(uint8_t type) { return type <= ESPALIER_SYSTOLIC_F32; }

uint64_t bytesOf(uint8_t type) {
  constexpr uint64_t bytes[] = {1, 4, 2, 4, 34, 18, 20};
  return bytes[type];
}

/// An open loop of a queue.
struct Loop {
  uint32_t times, from;
  uint64_t cycles = 0;
};

/// What must be alike in all queues: a loop that opens, or one that closes.
struct LoopEvent {
  bool opens;
  uint64_t cycle; ///< Since the beginning of what is around the loop, or of it.
  uint64_t times = 0, from = 0;
  bool operator==(const LoopEvent &) const = default;
};

/// What all places of a symbol have in common.
struct SymbolFacts {
  uint64_t room = UINT64_MAX;       ///< Least bytes from one to a region's end.
  uint64_t tightest = 0;            ///< The address that has them.
  const Region *readOnly = nullptr; ///< A region that is, with one of them.
};

/// One queue. Messages name the instruction.
class QueueChecker {
public:
  QueueChecker(const Program &program, const std::vector<SymbolFacts> &symbols,
               unsigned queue)
      : program(program), symbols(symbols), queue(queue) {}

  Status check();
  const std::vector<LoopEvent> &loopEvents() const { return events; }

private:
  Error complaint(const std::string &text) const {
    const Instruction &in = program.queues[queue][at];
    const char *name = formOf(in.opcode).name;
    return Error{std::string("queue ") + queueName(queue) + ", instruction " +
                 number(at) + (name ? std::string(" (") + name + ")" : "") +
                 ": " + text};
  }
  Status expect(bool holds, const std::string &text) const {
    return holds ? Status() : Status(complaint(text));
  }
  /// `value` is one of `least` to `most`.
  Status range(const char *what, uint64_t value, uint64_t least,
               uint64_t most) const {
    return expect(value >= least && value <= most,
                  std::string(what) + ": expected " + number(least) + " to " +
                      number(most) + ", got " + number(value));
  }

  Status checkFields(const Instruction &in);
  Status checkControl(const Instruction &in);
  Status checkTime(const Instruction &in);
  Status checkShape(const Instruction &in, const Shape &shape);
  Status checkTransfer(const Instruction &in, const Shape &shape);
  Status checkPlace(const Instruction &in, const Shape &shape);
  Status checkArray(const Instruction &in, const Shape &shape);
  Status checkVector(const Instruction &in, const Shape &shape);
  Status checkWritten(const Instruction &in, const Shape &shape);

  const Program &program;
  const std::vector<SymbolFacts> &symbols;
  unsigned queue;
  size_t at = 0;
  uint64_t cycles = 0;
  std::vector<Loop> loops;
  std::vector<LoopEvent> events;
};

Status QueueChecker::check() {
  const std::vector<Instruction> &instructions = program.queues[queue];
  if (instructions.empty())
    return Error{std::string("queue ") + queueName(queue) +
                 ": expected END, got no instruction"};
  for (at = 0; at < instructions.size(); ++at) {
    const Instruction &in = instructions[at];
    Status status = checkFields(in);
    if (status)
      status = checkTime(in);
    if (status)
      status = isControl(in.opcode) ? checkControl(in)
                                    : checkShape(in, program.shapes[in.shape]);
    if (!status)
      return status;
  }
  return {};
}

Status QueueChecker::checkFields(const Instruction &in) {
  InstructionForm form = formOf(in.opcode);
  if (!form.name)
    return complaint("there is no opcode " + number(in.opcode));
  if (!(form.queues >> queue & 1))
    return complaint("this queue does not take it");
  if (in.flags & ~form.flags)
    return complaint("flags: expected only those of " + number(form.flags) +
                     ", got " + number(in.flags));
  bool semaphore =
      in.opcode == ESPALIER_OP_SIGNAL || in.opcode == ESPALIER_OP_WAIT;
  uint64_t kinds = semaphore ? program.semaphores : form.kinds;
  if (in.aux >= std::max<uint64_t>(kinds, 1) || (semaphore && kinds == 0))
    return complaint("aux: expected less than " + number(kinds) + ", got " +
                     number(in.aux));
  if ((!form.a && in.a) || (!form.b && in.b) || (!form.c && in.c))
    return complaint("an operand that it does not have is not 0");
  if (std::max({in.a, in.b, in.c}) > most24)
    return complaint("an operand exceeds 24 bits");
  if (!form.shape)
    return expect(in.shape == 0, "it has no shape, got " + number(in.shape));
  return expect(in.shape < program.shapes.size(),
                "shape: expected less than " + number(program.shapes.size()) +
                    ", got " + number(in.shape));
}

/// Adds what passes until its issue, so that the bodies of loops can be
/// compared.
Status QueueChecker::checkTime(const Instruction &in) {
  uint64_t &sum = loops.empty() ? cycles : loops.back().cycles;
  uint64_t more = uint64_t(in.dt) + (in.opcode == ESPALIER_OP_DELAY ? in.b : 0);
  return expect(!__builtin_add_overflow(sum, more, &sum),
                "more than 2^64 cycles");
}

Status QueueChecker::checkControl(const Instruction &in) {
  bool last = at + 1 == program.queues[queue].size();
  if ((in.opcode == ESPALIER_OP_END) != last)
    return complaint(last ? "expected END as the last instruction"
                          : "expected END only as the last instruction");
  switch (in.opcode) {
  case ESPALIER_OP_REPEAT:
    if (in.b == 0)
      return complaint("times: expected at least 1, got 0");
    if (uint64_t(in.a) + in.b - 1 > most24)
      return complaint("the last layer exceeds 24 bits");
    if (loops.size() == ESPALIER_SYSTOLIC_MAX_LOOP_DEPTH)
      return complaint("loops are at most two deep");
    events.push_back(
        {true, loops.empty() ? cycles : loops.back().cycles, in.b, in.a});
    loops.push_back({in.b, in.a});
    return {};
  case ESPALIER_OP_END_REPEAT: {
    if (loops.empty())
      return complaint("there is no loop to end");
    Loop loop = loops.back();
    loops.pop_back();
    events.push_back({false, loop.cycles});
    uint64_t &sum = loops.empty() ? cycles : loops.back().cycles;
    uint64_t all;
    return expect(!__builtin_mul_overflow(loop.cycles, loop.times, &all) &&
                      !__builtin_add_overflow(sum, all, &sum),
                  "more than 2^64 cycles");
  }
  case ESPALIER_OP_WAIT:
    return expect(in.b != 0, "count: expected at least 1, got 0");
  case ESPALIER_OP_MARK:
    return expect(in.b < program.marks.size(),
                  "mark: expected less than " + number(program.marks.size()) +
                      ", got " + number(in.b));
  case ESPALIER_OP_END:
    return expect(loops.empty(), "a loop has no end");
  default:
    return {};
  }
}

Status QueueChecker::checkShape(const Instruction &in, const Shape &shape) {
  if (at + 1 == program.queues[queue].size())
    return complaint("expected END as the last instruction");
  if (Status status = range("rows", shape.rows, 1, ESPALIER_SYSTOLIC_MAX_ROWS);
      !status)
    return status;
  if (Status status = range("columns", shape.columns, 1, mostColumns); !status)
    return status;
  if (shape.reserved || shape.spaces > 7)
    return complaint("expected 0 in what is reserved of a shape");
  Status status = (in.opcode & 0xf0) == 0x10   ? checkTransfer(in, shape)
                  : (in.opcode & 0xf0) == 0x20 ? checkArray(in, shape)
                                               : checkVector(in, shape);
  return status ? checkWritten(in, shape) : status;
}

/// Rows that are written do not overlap.
Status QueueChecker::checkWritten(const Instruction &in, const Shape &shape) {
  uint64_t rows = shape.rows, columns = shape.columns;
  uint64_t stride = shape.stride_c;
  uint8_t type = shape.type_c;
  switch (in.opcode) {
  case ESPALIER_OP_STORE:
  case ESPALIER_OP_SCATTER:
  case ESPALIER_OP_LOAD_WEIGHTS:
    return {};
  case ESPALIER_OP_LOAD:
  case ESPALIER_OP_GATHER:
    rows *= isBlocks(shape.type_b) ? 32 : 1;
    stride = shape.stride_a, type = shape.type_a;
    break;
  case ESPALIER_OP_MATMUL:
  case ESPALIER_OP_MATMUL_OS:
    columns = shape.extra;
    break;
  case ESPALIER_OP_REDUCE:
    columns = 1;
    break;
  case ESPALIER_OP_ARGMAX:
    columns = 2;
    break;
  default:
    break;
  }
  stride *= ESPALIER_SYSTOLIC_GRANULE;
  uint64_t bytes = columns * bytesOf(type);
  return expect(rows == 1 || stride >= bytes,
                "writes rows that overlap: expected a stride of at least " +
                    number(bytes) + " bytes, got " + number(stride));
}

Status QueueChecker::checkTransfer(const Instruction &in, const Shape &shape) {
  bool load = in.opcode == ESPALIER_OP_LOAD;
  bool in_ = load || in.opcode == ESPALIER_OP_GATHER;
  if (shape.spaces & 3)
    return complaint("expected the scratchpad, got the accumulator");
  bool legal = isElement(shape.type_a) && shape.type_a == shape.type_b;
  if (in_ && shape.type_a == ESPALIER_SYSTOLIC_BF16)
    legal |= shape.type_b == ESPALIER_SYSTOLIC_F32 ||
             (load && isBlocks(shape.type_b));
  if (!legal)
    return complaint("cannot move between types " + number(shape.type_b) +
                     " and " + number(shape.type_a));
  if (isBlocks(shape.type_b))
    if (Status status = range("rows of blocks", shape.rows, 1,
                              ESPALIER_SYSTOLIC_MAX_ROWS / 32);
        !status)
      return status;
  if (in.opcode == ESPALIER_OP_GATHER || in.opcode == ESPALIER_OP_SCATTER)
    if (uint64_t(shape.extra) + shape.rows > program.bucketRows)
      return complaint("expected rows within the " +
                       number(program.bucketRows) + " of the bucket, got " +
                       number(shape.rows) + " from " + number(shape.extra) +
                       " on");
  return checkPlace(in, shape);
}

/// At each address of its symbol, what it moves lies in a region, and what it
/// writes may be written; each layer in which it runs has an address. Of the
/// rows that an argument names, one must fit.
Status QueueChecker::checkPlace(const Instruction &in, const Shape &shape) {
  if (in.b >= program.symbols.size())
    return complaint("symbol: expected less than " +
                     number(program.symbols.size()) + ", got " + number(in.b));
  const std::vector<uint64_t> &addresses = program.symbols[in.b].addresses;
  uint64_t first = loops.empty() ? 0 : loops.front().from;
  uint64_t count = loops.empty() ? 1 : loops.front().times;
  if (addresses.size() == 1)
    first = 0, count = 1;
  if (first + count > addresses.size())
    return complaint(
        "symbol " + number(in.b) + " has " + number(addresses.size()) +
        " addresses, but is used in layer " + number(first + count - 1));
  bool all = in.opcode == ESPALIER_OP_LOAD || in.opcode == ESPALIER_OP_STORE;
  bool writes =
      in.opcode == ESPALIER_OP_STORE || in.opcode == ESPALIER_OP_SCATTER;
  // Below 2^48 + 2^33: no sum overflows.
  uint64_t extent = (all ? uint64_t(shape.rows - 1) * shape.stride_b : 0) +
                    shape.columns * bytesOf(shape.type_b) +
                    uint64_t(in.c) * ESPALIER_SYSTOLIC_GRANULE;
  const SymbolFacts &facts = symbols[in.b];
  if (extent > facts.room) {
    const Region &region = program.regions[facts.tightest >> 48];
    return complaint("expected a place within the " + number(region.bytes) +
                     " bytes of region '" + region.name + "', got " +
                     number(extent) + " from " +
                     number(facts.tightest & mostBytes) + " on");
  }
  return expect(!writes || !facts.readOnly,
                "region '" + (facts.readOnly ? facts.readOnly->name : "") +
                    "' is read only");
}

Status QueueChecker::checkArray(const Instruction &in, const Shape &shape) {
  bool os = in.opcode == ESPALIER_OP_MATMUL_OS;
  if (shape.type_a != ESPALIER_SYSTOLIC_I8 &&
      shape.type_a != ESPALIER_SYSTOLIC_BF16)
    return complaint("type of a: expected i8 or bf16, got " +
                     number(shape.type_a));
  if (shape.spaces & 3)
    return complaint("expected a and b in the scratchpad");
  uint64_t rows = program.arrayRows, columns = program.arrayColumns;
  if (in.opcode == ESPALIER_OP_LOAD_WEIGHTS) {
    bool transposed = in.flags & ESPALIER_FLAG_TRANSPOSED;
    if (Status status =
            range("k", transposed ? shape.columns : shape.rows, 1, rows);
        !status)
      return status;
    return range("n", transposed ? shape.rows : shape.columns, 1, columns);
  }
  if (!(shape.spaces & 4))
    return complaint("expected c in the accumulator");
  uint8_t result = shape.type_a == ESPALIER_SYSTOLIC_I8 ? ESPALIER_SYSTOLIC_I32
                                                        : ESPALIER_SYSTOLIC_F32;
  if (shape.type_c != result || (os && shape.type_b != shape.type_a))
    return complaint("types: expected i8 and i32, or bf16 and f32, got " +
                     number(shape.type_a) + " and " + number(shape.type_c));
  if (Status status = os ? range("rows", shape.rows, 1, rows)
                         : range("k", shape.columns, 1, rows);
      !status)
    return status;
  return range("n", shape.extra, 1, columns);
}

Status QueueChecker::checkVector(const Instruction &in, const Shape &shape) {
  bool b = in.opcode == ESPALIER_OP_ROPE || in.opcode == ESPALIER_OP_BINARY;
  if (!isElement(shape.type_a) || !isElement(shape.type_c) ||
      (b && !isElement(shape.type_b)))
    return complaint("types: expected i8, i32, bf16 or f32");
  switch (in.opcode) {
  case ESPALIER_OP_BINARY: {
    if (in.flags & (in.flags - 1))
      return complaint("flags: expected one of row, column and constant, got " +
                       number(in.flags));
    if (in.flags & ESPALIER_FLAG_CONSTANT)
      return expect(in.b < program.constants.size(),
                    "constant: expected less than " +
                        number(program.constants.size()) + ", got " +
                        number(in.b));
    return {};
  }
  case ESPALIER_OP_REDUCE:
  case ESPALIER_OP_ARGMAX:
    return expect(shape.type_c == ESPALIER_SYSTOLIC_F32,
                  "type of c: expected f32, got " + number(shape.type_c));
  case ESPALIER_OP_MASK:
    if ((in.flags & ESPALIER_FLAG_WINDOW) && shape.extra == 0)
      return complaint("window: expected at least 1, got 0");
    return range("rows", shape.rows, 1, program.bucketRows);
  case ESPALIER_OP_ROPE: {
    uint32_t head = shape.extra & 0xffff, rotated = shape.extra >> 16;
    if (head == 0 || shape.columns % head)
      return complaint("expected heads that fill the " + number(shape.columns) +
                       " columns, got " + number(head));
    return expect(rotated >= 2 && rotated <= head && rotated % 2 == 0,
                  "expected an even number of rotated elements, at most " +
                      number(head) + ", got " + number(rotated));
  }
  default:
    return {};
  }
}

/// What instructions name.
Status checkTables(const Program &program) {
  auto size = [](const char *what, uint64_t value, uint64_t most) -> Status {
    if (value >= 1 && value <= most)
      return {};
    return Error{std::string(what) + ": expected 1 to " + number(most) +
                 ", got " + number(value)};
  };
  if (Status status = size("rows of the array", program.arrayRows, 65536);
      !status)
    return status;
  if (Status status = size("columns of the array", program.arrayColumns, 65536);
      !status)
    return status;
  if (Status status = size("rows of the bucket", program.bucketRows, 65536);
      !status)
    return status;
  if (program.semaphores > ESPALIER_SYSTOLIC_MAX_SEMAPHORES)
    return Error{"expected at most 256 semaphores, got " +
                 number(program.semaphores)};
  if (program.regions.size() > 65536)
    return Error{"expected at most 65536 regions, got " +
                 number(program.regions.size())};
  std::set<std::string> names;
  for (const Region &region : program.regions) {
    if (region.name.empty() || region.name.size() > 255 ||
        region.name.find('\0') != std::string::npos ||
        !names.insert(region.name).second)
      return Error{"region '" + region.name +
                   "': expected a name of its own, of 1 to 255 bytes"};
    if (region.kind >= ESPALIER_REGION_KINDS)
      return Error{"region '" + region.name + "': there is no kind " +
                   number(region.kind)};
    if (region.bytes < 1 || region.bytes > mostBytes)
      return Error{"region '" + region.name +
                   "': expected 1 to 2^48 - 1 bytes, got " +
                   number(region.bytes)};
    if (!region.data.empty() && region.data.size() != region.bytes)
      return Error{"region '" + region.name + "': expected contents of " +
                   number(region.bytes) + " bytes, got " +
                   number(region.data.size())};
  }
  for (size_t i = 0; i < program.symbols.size(); ++i) {
    const std::vector<uint64_t> &addresses = program.symbols[i].addresses;
    if (addresses.empty())
      return Error{"symbol " + number(i) + ": expected an address"};
    for (uint64_t address : addresses)
      if ((address >> 48) >= program.regions.size() ||
          (address & mostBytes) >= program.regions[address >> 48].bytes)
        return Error{"symbol " + number(i) + ": byte " +
                     number(address & mostBytes) + " of region " +
                     number(address >> 48) + " does not exist"};
  }
  for (const std::string &mark : program.marks)
    if (mark.empty() || mark.size() > 255 ||
        mark.find('\0') != std::string::npos)
      return Error{"a mark: expected a name of 1 to 255 bytes, got " +
                   number(mark.size())};
  return {};
}

/// Of a program whose tables are right.
std::vector<SymbolFacts> factsOf(const Program &program) {
  std::vector<SymbolFacts> all;
  for (const Symbol &symbol : program.symbols) {
    SymbolFacts &facts = all.emplace_back();
    for (uint64_t address : symbol.addresses) {
      const Region &region = program.regions[address >> 48];
      uint64_t room = region.bytes - (address & mostBytes);
      if (room < facts.room) {
        facts.room = room;
        facts.tightest = address;
      }
      if (region.kind == ESPALIER_REGION_WEIGHTS ||
          region.kind == ESPALIER_REGION_TABLE)
        facts.readOnly = &region;
    }
  }
  return all;
}

} // namespace

Status systolic::checkProgram(const Program &program) {
  if (Status status = checkTables(program); !status)
    return status;
  std::vector<SymbolFacts> symbols = factsOf(program);
  std::vector<LoopEvent> first;
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
    QueueChecker checker(program, symbols, q);
    if (Status status = checker.check(); !status)
      return status;
    if (q == 0)
      first = checker.loopEvents();
    else if (checker.loopEvents() != first)
      return Error{
          std::string("queue ") + queueName(q) +
          ": expected the loops of queue dma_in, with the same counts, "
          "in the same cycles"};
  }
  return {};
}
