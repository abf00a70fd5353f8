//===- SequenceTest.cpp - Any sequence, scheduled -------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Random sequences of instructions of every kind, on few granules so that they
/// conflict all the time. Scheduled, strict mode takes them in the predicted
/// cycles, and they compute what they compute one after the other, each in a
/// loop of one turn by itself.
///
//===----------------------------------------------------------------------===//
#include "Simulated.h"

using namespace espalier;
using namespace espalier::systolic;
using simulator::Mode;

namespace {

constexpr uint32_t padGranules = 256, sumGranules = 128;
constexpr uint32_t regionBytes = 4096, outBytes = 8192;
constexpr uint8_t f32 = ESPALIER_SYSTOLIC_F32, bf16 = ESPALIER_SYSTOLIC_BF16;

class Generator {
public:
  Generator(const SystolicMachine &machine, uint64_t seed)
      : machine(machine), random(seed) {}

  Sequence run(unsigned instructions);

private:
  struct Operand {
    uint32_t at, stride;
    bool sums;
    uint64_t granules(uint32_t rows, uint32_t bytes) const {
      return uint64_t(rows - 1) * stride + (bytes + 15) / 16;
    }
  };

  unsigned upTo(unsigned most) { return unsigned(random() % most) + 1; }
  bool chance(unsigned of) { return random() % of == 0; }
  bool room(uint32_t rows, uint32_t bytes, uint32_t stride, bool sums) {
    return uint64_t(rows - 1) * stride + (bytes + 15) / 16 <=
           (sums ? sumGranules : padGranules);
  }
  Operand operand(uint32_t rows, uint32_t bytes, int space = -1) {
    Operand o;
    o.sums = space < 0 ? chance(3) : space == 1;
    o.stride = (bytes + 15) / 16 + (chance(3) ? 1 : 0);
    uint64_t need = o.granules(rows, bytes);
    uint32_t all = o.sums ? sumGranules : padGranules;
    o.at = uint32_t(random() % (all - need + 1));
    return o;
  }
  /// A destination that overlaps none of the sources.
  Operand apart(uint32_t rows, uint32_t bytes,
                std::initializer_list<std::pair<Operand, uint64_t>> sources,
                int space = -1) {
    while (true) {
      Operand c = operand(rows, bytes, space);
      uint64_t need = c.granules(rows, bytes);
      bool free = true;
      for (auto &[source, granules] : sources)
        free &= source.sums != c.sums || source.at + granules <= c.at ||
                c.at + need <= source.at;
      if (free)
        return c;
    }
  }
  void put(unsigned queue, Instruction in, const Shape &shape) {
    sequence.frame.shapes.push_back(shape);
    in.shape = uint16_t(sequence.frame.shapes.size() - 1);
    sequence.body.push_back({espalier_systolic_queue(queue), in});
  }
  void control(uint8_t opcode, uint32_t a, uint32_t b) {
    Instruction in;
    in.opcode = opcode;
    in.a = a;
    in.b = b;
    sequence.body.push_back({ESPALIER_QUEUE_DMA_IN, in});
  }
  unsigned vectorUnit() { return ESPALIER_QUEUE_VECTOR_A + random() % 2; }

  void dma();
  void transfer(uint8_t opcode, uint32_t rows, uint32_t a, uint32_t symbol,
                uint32_t offset);
  void copyRows(uint32_t from, bool fromSums, uint32_t to, bool toSums,
                uint32_t rows);
  void elementwise();
  void reduce();
  void matmul();
  void matmulOs();

  const SystolicMachine &machine;
  std::mt19937_64 random;
  Sequence sequence;
};

/// Rows of one granule.
void Generator::transfer(uint8_t opcode, uint32_t rows, uint32_t a,
                         uint32_t symbol, uint32_t offset) {
  Shape shape = {};
  shape.rows = rows;
  shape.columns = 4;
  shape.stride_a = 1;
  shape.stride_b = 16;
  shape.type_a = shape.type_b = f32;
  Instruction in;
  in.opcode = opcode;
  in.a = a;
  in.b = symbol;
  in.c = offset;
  put(opcode < ESPALIER_OP_STORE ? ESPALIER_QUEUE_DMA_IN
                                 : ESPALIER_QUEUE_DMA_OUT,
      in, shape);
}

void Generator::copyRows(uint32_t from, bool fromSums, uint32_t to, bool toSums,
                         uint32_t rows) {
  Shape shape = {};
  shape.rows = rows;
  shape.columns = 4;
  shape.stride_a = shape.stride_c = 1;
  shape.type_a = shape.type_c = f32;
  shape.spaces = uint8_t(fromSums | toSums << 2);
  Instruction in;
  in.opcode = ESPALIER_OP_MAP;
  in.a = from;
  in.c = to;
  put(vectorUnit(), in, shape);
}

void Generator::dma() {
  bool out = chance(3);
  bool indexed = chance(4);
  Shape shape = {};
  shape.rows = indexed ? upTo(4) : upTo(8);
  shape.columns = upTo(8);
  shape.type_a = shape.type_b = f32;
  if (!out && !indexed && chance(4))
    shape.type_a = bf16;
  uint32_t bytes = shape.columns * (shape.type_a == f32 ? 4 : 2);
  Operand a = operand(shape.rows, bytes, 0);
  shape.stride_a = a.stride;
  shape.stride_b = 4 * shape.columns + (chance(2) ? 16 : 0);
  if (indexed)
    shape.extra = uint32_t(random() % 4);
  Instruction in;
  in.a = a.at;
  // Symbols: 0 in, 1 both, 2 both by layers.
  in.b = out ? 1 + uint32_t(random() % 2) : uint32_t(random() % 3);
  in.c = uint32_t(random() % 60);
  if (out) {
    in.opcode = indexed ? ESPALIER_OP_SCATTER : ESPALIER_OP_STORE;
  } else {
    in.opcode = indexed ? ESPALIER_OP_GATHER : ESPALIER_OP_LOAD;
  }
  if (indexed)
    in.aux = out ? ESPALIER_ARGUMENT_CACHE_ROW : ESPALIER_ARGUMENT_TOKEN;
  if (in.opcode == ESPALIER_OP_LOAD && chance(4))
    in.flags = ESPALIER_FLAG_LIMIT;
  put(out ? ESPALIER_QUEUE_DMA_OUT : ESPALIER_QUEUE_DMA_IN, in, shape);
}

void Generator::elementwise() {
  Shape shape = {};
  shape.rows = upTo(8);
  shape.columns = upTo(12);
  shape.type_a = chance(4) ? bf16 : f32;
  shape.type_b = f32;
  shape.type_c = chance(4) ? bf16 : f32;
  uint32_t wideA = shape.columns * (shape.type_a == f32 ? 4 : 2);
  uint32_t wideC = shape.columns * (shape.type_c == f32 ? 4 : 2);
  Operand a = operand(shape.rows, wideA);
  Operand b = {0, 0, false};
  uint64_t granulesB = 0;
  Instruction in;
  switch (random() % 4) {
  case 0:
    in.opcode = ESPALIER_OP_MAP;
    in.aux = uint8_t(random() % ESPALIER_MAPS);
    break;
  case 1:
    in.opcode = ESPALIER_OP_MASK;
    in.b = uint32_t(random() % 4);
    if (chance(2)) {
      in.flags = ESPALIER_FLAG_WINDOW;
      shape.extra = 3;
    }
    break;
  default: {
    in.opcode = ESPALIER_OP_BINARY;
    in.aux = uint8_t(random() % ESPALIER_BINARIES);
    unsigned kind = unsigned(random() % 4);
    in.flags = kind == 0   ? uint8_t(ESPALIER_FLAG_CONSTANT)
               : kind == 1 ? uint8_t(ESPALIER_FLAG_ROW)
               : kind == 2 ? uint8_t(ESPALIER_FLAG_COLUMN)
                           : uint8_t(0);
    if (kind == 0)
      break;
    uint32_t rows = kind == 1 ? 1 : shape.rows;
    uint32_t bytes = kind == 2 ? 4 : shape.columns * 4;
    b = operand(rows, bytes);
    granulesB = b.granules(rows, bytes);
    in.b = b.at;
    break;
  }
  }
  Operand c = a;
  bool inPlace = shape.type_a == shape.type_c && granulesB == 0 && chance(3);
  if (!inPlace)
    c = apart(shape.rows, wideC,
              {{a, a.granules(shape.rows, wideA)}, {b, granulesB}});
  in.a = a.at;
  in.c = c.at;
  shape.stride_a = a.stride;
  shape.stride_b = b.stride;
  shape.stride_c = c.stride;
  shape.spaces = uint8_t(a.sums | b.sums << 1 | c.sums << 2);
  put(vectorUnit(), in, shape);
}

void Generator::reduce() {
  Shape shape = {};
  shape.rows = upTo(8);
  shape.columns = upTo(40);
  shape.type_a = shape.type_c = f32;
  while (
      !room(shape.rows, shape.columns * 4, (shape.columns + 3) / 4 + 1, true))
    shape.rows = upTo(shape.rows);
  Operand a = operand(shape.rows, shape.columns * 4);
  bool argmax = chance(3);
  Operand c =
      apart(shape.rows, 8, {{a, a.granules(shape.rows, shape.columns * 4)}});
  Instruction in;
  in.opcode = argmax ? ESPALIER_OP_ARGMAX : ESPALIER_OP_REDUCE;
  in.aux = argmax ? 0 : uint8_t(random() % ESPALIER_REDUCES);
  if (argmax && chance(2))
    in.flags = ESPALIER_FLAG_ACCUMULATE;
  in.a = a.at;
  in.c = c.at;
  shape.stride_a = a.stride;
  shape.stride_c = c.stride;
  shape.spaces = uint8_t(a.sums | c.sums << 2);
  put(vectorUnit(), in, shape);
}

/// A tile and one to three matmuls with it; with overlap, the last of them may
/// come after the next tile's load, which another call makes.
void Generator::matmul() {
  bool transposed = chance(3);
  uint32_t k = upTo(machine.rows), n = upTo(machine.columns);
  Shape tile = {};
  tile.rows = transposed ? n : k;
  tile.columns = transposed ? k : n;
  tile.type_a = bf16;
  Operand w = operand(tile.rows, tile.columns * 2, 0);
  tile.stride_a = w.stride;
  Instruction in;
  in.opcode = ESPALIER_OP_LOAD_WEIGHTS;
  in.flags = transposed ? uint8_t(ESPALIER_FLAG_TRANSPOSED) : uint8_t(0);
  in.a = w.at;
  put(ESPALIER_QUEUE_ARRAY, in, tile);
  unsigned count = upTo(3);
  for (unsigned i = 0; i < count; ++i) {
    Shape shape = {};
    shape.rows = upTo(9);
    shape.columns = k;
    shape.extra = upTo(n);
    shape.type_a = bf16;
    shape.type_c = f32;
    shape.spaces = 4;
    Operand a = operand(shape.rows, k * 2, 0);
    Operand c = operand(shape.rows, shape.extra * 4, 1);
    shape.stride_a = a.stride;
    shape.stride_c = c.stride;
    in = {};
    in.opcode = ESPALIER_OP_MATMUL;
    in.flags = uint8_t((i == 0 ? ESPALIER_FLAG_SWAP : 0) |
                       (chance(2) ? ESPALIER_FLAG_ACCUMULATE : 0));
    in.a = a.at;
    in.c = c.at;
    put(ESPALIER_QUEUE_ARRAY, in, shape);
  }
}

void Generator::matmulOs() {
  Shape shape = {};
  shape.rows = upTo(machine.rows);
  shape.columns = upTo(12);
  shape.extra = upTo(machine.columns);
  shape.type_a = shape.type_b = bf16;
  shape.type_c = f32;
  shape.spaces = 4;
  Operand a = operand(shape.rows, shape.columns * 2, 0);
  Operand b = operand(shape.columns, shape.extra * 2, 0);
  Operand c = operand(shape.rows, shape.extra * 4, 1);
  shape.stride_a = a.stride;
  shape.stride_b = b.stride;
  shape.stride_c = c.stride;
  Instruction in;
  in.opcode = ESPALIER_OP_MATMUL_OS;
  in.flags = chance(2) ? uint8_t(ESPALIER_FLAG_ACCUMULATE) : uint8_t(0);
  in.a = a.at;
  in.b = b.at;
  in.c = c.at;
  put(ESPALIER_QUEUE_ARRAY, in, shape);
}

Sequence Generator::run(unsigned instructions) {
  Program &frame = sequence.frame;
  frame.bucketRows = 8;
  frame.regions = {{ESPALIER_REGION_WEIGHTS, "in", regionBytes, {}},
                   {ESPALIER_REGION_CACHE, "both", regionBytes, {}},
                   {ESPALIER_REGION_OUTPUT, "out", outBytes, {}}};
  auto at = [](uint64_t region, uint64_t byte) {
    return ESPALIER_SYSTOLIC_ADDRESS(region, byte);
  };
  frame.symbols = {{"in", {at(0, 0)}},
                   {"both", {at(1, 0)}},
                   {"layers", {at(1, 0), at(1, 512), at(1, 1024)}},
                   {"out", {at(2, 0)}}};
  frame.constants = {0.75f};
  frame.shapes.push_back({});
  transfer(ESPALIER_OP_LOAD, padGranules, 0, 0, 0);
  copyRows(0, false, 0, true, sumGranules);
  bool open = false;
  for (unsigned i = 0; i < instructions; ++i) {
    if (chance(12)) {
      if (open)
        control(ESPALIER_OP_END_REPEAT, 0, 0);
      else
        control(ESPALIER_OP_REPEAT, uint32_t(random() % 2), upTo(2));
      open = !open;
    }
    switch (random() % 8) {
    case 0:
    case 1:
      dma();
      break;
    case 2:
      reduce();
      break;
    case 3:
    case 4:
      matmul();
      break;
    case 5:
      matmulOs();
      break;
    default:
      elementwise();
    }
  }
  if (open)
    control(ESPALIER_OP_END_REPEAT, 0, 0);
  transfer(ESPALIER_OP_STORE, padGranules, 0, 3, 0);
  copyRows(0, true, 0, false, sumGranules);
  transfer(ESPALIER_OP_STORE, sumGranules, 0, 3, padGranules);
  return std::move(sequence);
}

/// Each instruction in a loop of its own.
Sequence isolated(const Sequence &from) {
  Sequence to;
  to.frame = from.frame;
  Instruction begin, end;
  begin.opcode = ESPALIER_OP_REPEAT;
  begin.b = 1;
  end.opcode = ESPALIER_OP_END_REPEAT;
  // The counter of the outermost loop is the layer: the same inside and out.
  for (auto &each : from.body) {
    bool control = isControl(each.second.opcode);
    if (!control)
      to.body.push_back({ESPALIER_QUEUE_DMA_IN, begin});
    to.body.push_back(each);
    if (!control)
      to.body.push_back({ESPALIER_QUEUE_DMA_IN, end});
  }
  return to;
}

struct Observed {
  std::string error;
  uint64_t cycles = 0;
  std::vector<uint8_t> both, out;
};

Observed runProgram(const Program &program, const std::string &machine,
                    const std::vector<uint8_t> &in, Mode mode) {
  Observed result;
  result.both = in;
  std::reverse(result.both.begin(), result.both.end());
  result.out.resize(outBytes);
  Result<std::vector<uint8_t>> bytes = encode(program);
  if (!bytes) {
    result.error = bytes.error().message;
    return result;
  }
  auto simulator = simulator::Simulator::open(*bytes, machine, "machine");
  if (!simulator) {
    result.error = simulator.error().message;
    return result;
  }
  EXPECT_TRUE(bool(simulator->bind(0, std::span<const uint8_t>(in))));
  EXPECT_TRUE(bool(simulator->bind(1, std::span<uint8_t>(result.both))));
  EXPECT_TRUE(bool(simulator->bind(2, std::span<uint8_t>(result.out))));
  const int32_t token[8] = {3, 0, -1, 7, 7, 2, -1, 1};
  const int32_t position[8] = {0, 1, 2, 3, 3, 4, -1, 9};
  const int32_t row[8] = {5, -1, 0, 6, 1, 2, -1, 4};
  const int32_t wanted[8] = {};
  simulator::Arguments arguments;
  arguments.arrays[ESPALIER_ARGUMENT_TOKEN] = token;
  arguments.arrays[ESPALIER_ARGUMENT_POSITION] = position;
  arguments.arrays[ESPALIER_ARGUMENT_CACHE_ROW] = row;
  arguments.arrays[ESPALIER_ARGUMENT_WANTED] = wanted;
  arguments.limit = 4;
  Result<simulator::Report> report = simulator->run(arguments, mode);
  if (!report)
    result.error = report.error().message;
  else
    result.cycles = report->cycles;
  return result;
}

std::vector<uint8_t> randomRegion(std::mt19937_64 &random) {
  std::vector<uint8_t> in(regionBytes);
  for (size_t i = 0; i < regionBytes; i += 4) {
    float value = float(int32_t(random())) * 0x1p-30f;
    memcpy(&in[i], &value, 4);
  }
  return in;
}

SystolicMachine sequenceMachine(std::mt19937_64 &random) {
  SystolicMachine m = randomMachine(random);
  m.rows = unsigned(random() % 6) + 1;
  m.columns = unsigned(random() % 6) + 1;
  m.loadRows = unsigned(random() % m.rows) + 1;
  m.scratchpadBanks = 4;
  m.scratchpadBytes = padGranules * 16;
  // One instruction may use a bank for two sources, and for its result.
  m.readPorts = 2 + unsigned(random() % 2);
  m.accumulatorBanks = 2;
  m.accumulatorBytes = sumGranules * 16;
  m.vectorPorts = 3 + unsigned(random() % 2);
  m.weightStationary = m.outputStationary = m.bf16 = true;
  return m;
}

} // namespace

TEST(SystolicSequence, ScheduledIsSequential) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    SystolicMachine machine = sequenceMachine(random);
    std::string text = hardware::systolicMachineText(machine, "random");
    std::vector<uint8_t> in = randomRegion(random);
    Sequence sequence = Generator(machine, seed).run(10 + seed % 50);
    Result<Program> program = schedule(sequence, machine);
    ASSERT_TRUE(bool(program)) << program.error().message;
    Result<Program> single = schedule(isolated(sequence), machine);
    ASSERT_TRUE(bool(single)) << single.error().message;
    Observed strict = runProgram(*program, text, in, Mode::Strict);
    ASSERT_EQ(strict.error, "") << text;
    ASSERT_EQ(strict.cycles, predictCycles(*program, machine));
    Observed wanted = runProgram(*single, text, in, Mode::Strict);
    ASSERT_EQ(wanted.error, "");
    ASSERT_EQ(wanted.cycles, predictCycles(*single, machine));
    EXPECT_GE(wanted.cycles, strict.cycles);
    ASSERT_TRUE(strict.out == wanted.out);
    ASSERT_TRUE(strict.both == wanted.both);
    Observed elastic = runProgram(*program, text, in, Mode::Elastic);
    ASSERT_EQ(elastic.error, "");
    ASSERT_TRUE(elastic.out == wanted.out);
    ASSERT_TRUE(elastic.both == wanted.both);
  }
}

/// As MutationTest does it with matmuls.
TEST(SystolicSequence, NoTimeIsWrongInSilence) {
  unsigned refused = 0, harmless = 0, critical = 0;
  for (uint64_t seed = 1000; seed < 1040; ++seed) {
    std::mt19937_64 random(seed);
    SystolicMachine machine = sequenceMachine(random);
    std::string text = hardware::systolicMachineText(machine, "random");
    std::vector<uint8_t> in = randomRegion(random);
    std::vector<Placement> placements;
    Result<Program> program =
        schedule(Generator(machine, seed).run(25), machine, &placements);
    ASSERT_TRUE(bool(program)) << program.error().message;
    Observed wanted = runProgram(*program, text, in, Mode::Strict);
    ASSERT_EQ(wanted.error, "");
    for (const Placement &p : placements)
      for (int amount : {-9, -2, -1, 1, 3, 40})
        for (bool compensated : {true, false}) {
          Program moved = *program;
          std::vector<Instruction> &list = moved.queues[p.queue];
          int64_t before = int64_t(list[p.begin].dt) + amount;
          int64_t after = int64_t(list[p.end].dt) - (compensated ? amount : 0);
          if (before < 0 || after < 0)
            continue;
          list[p.begin].dt = uint32_t(before);
          list[p.end].dt = uint32_t(after);
          SCOPED_TRACE(std::to_string(seed) + ", queue " +
                       std::to_string(p.queue) + ", instruction " +
                       std::to_string(p.at) + ", " + std::to_string(amount));
          Observed got = runProgram(moved, text, in, Mode::Strict);
          // Which rows an index names is not known to the scheduler, nor does
          // it look between the rows that a transfer leaves out.
          if (amount == -1 && compensated && p.critical &&
              p.queue >= ESPALIER_QUEUE_ARRAY) {
            ASSERT_NE(got.error, "");
            ++critical;
          }
          if (!got.error.empty()) {
            ++refused;
            continue;
          }
          ++harmless;
          ASSERT_TRUE(got.out == wanted.out);
          ASSERT_TRUE(got.both == wanted.both);
          ASSERT_EQ(got.cycles, predictCycles(moved, machine));
        }
  }
  std::printf("%u refused, %u harmless, %u critical\n", refused, harmless,
              critical);
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(harmless, 100u);
  EXPECT_GT(critical, 100u);
}
