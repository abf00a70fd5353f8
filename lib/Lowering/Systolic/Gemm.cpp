//===- Gemm.cpp - Matmuls for the accelerator -----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Systolic/Gemm.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <tuple>

using namespace espalier;
using namespace espalier::systolic;

namespace {

constexpr uint64_t granule = ESPALIER_SYSTOLIC_GRANULE;
/// A symbol reaches 2^24 granules; each gets half of that.
constexpr uint64_t symbolReach = granule << 23;
/// More weights in flight than this help nothing.
constexpr uint64_t mostBuffers = 256;
constexpr uint64_t mostDimension = 1u << 24;
/// Slots of results on their way to DRAM.
constexpr uint64_t stagingSlots = 4;

uint64_t ceilDiv(uint64_t a, uint64_t b) { return (a + b - 1) / b; }
uint64_t granulesOf(uint64_t bytes) { return ceilDiv(bytes, granule); }

/// Sizes of the parts that a dimension is cut into.
struct Parts {
  uint64_t whole, part;
  uint64_t count() const { return ceilDiv(whole, part); }
  uint64_t begin(uint64_t i) const { return i * part; }
  uint64_t size(uint64_t i) const { return std::min(part, whole - i * part); }
};

BlockedMatrix blocked(const Parts &rows, const Parts &columns, uint64_t bytes,
                      bool columnsFirst) {
  BlockedMatrix matrix;
  matrix.rows = rows.whole;
  matrix.columns = columns.whole;
  matrix.elementBytes = bytes;
  uint64_t outer = columnsFirst ? columns.count() : rows.count();
  uint64_t inner = columnsFirst ? rows.count() : columns.count();
  for (uint64_t o = 0; o < outer; ++o)
    for (uint64_t i = 0; i < inner; ++i) {
      uint64_t r = columnsFirst ? i : o, c = columnsFirst ? o : i;
      BlockedMatrix::Block block = {rows.begin(r), rows.size(r),
                                    columns.begin(c), columns.size(c),
                                    matrix.bytes};
      matrix.blocks.push_back(block);
      matrix.bytes += granulesOf(block.rows * block.columns * bytes) * granule;
    }
  return matrix;
}

/// Places in one memory, in granules.
struct Area {
  uint64_t begin = 0, slot = 0, slots = 0;
  uint32_t at(uint64_t number) const {
    return uint32_t(begin + (number % slots) * slot);
  }
};

class Builder {
public:
  Builder(const GemmSpec &spec, const SystolicMachine &machine)
      : machine(machine) {
    gemm.spec = spec;
    size = spec.int8 ? 1 : 2;
    type = spec.int8 ? ESPALIER_SYSTOLIC_I8 : ESPALIER_SYSTOLIC_BF16;
    wide = spec.int8 ? ESPALIER_SYSTOLIC_I32 : ESPALIER_SYSTOLIC_F32;
  }

  Result<Gemm> run();

private:
  Status check() const;
  Status plan();
  bool place(bool aligned, uint64_t staging);
  void describe();
  void bringRows(uint64_t chunk, uint64_t part);
  void bringWeights(unsigned linear, uint64_t tile, uint64_t slot);
  void compute(unsigned linear, uint64_t chunk, uint64_t column, uint64_t part,
               uint64_t slot);
  void drain(unsigned linear, uint64_t chunk, uint64_t column, uint64_t block);
  void emitLinear(unsigned linear);
  uint64_t drainDepth() const;
  void drainUntil(uint64_t fold, uint64_t block);
  void barrier(uint8_t opcode);

  uint16_t shape(const Shape &shape);
  std::pair<uint32_t, uint32_t> dramPlace(unsigned region, uint64_t byte);
  void put(unsigned queue, Instruction in) {
    gemm.sequence.body.push_back({espalier_systolic_queue(queue), in});
  }
  void mark(unsigned queue, uint32_t number) {
    Instruction in;
    in.opcode = ESPALIER_OP_MARK;
    in.b = number;
    put(queue, in);
  }

  Parts inner(unsigned linear) const {
    return {gemm.spec.linears[linear].k, kPart};
  }
  Parts outer(unsigned linear) const {
    return {gemm.spec.linears[linear].n, machine.columns};
  }
  uint64_t widest() const {
    uint64_t n = 0;
    for (auto &linear : gemm.spec.linears)
      n = std::max(n, linear.n);
    return std::min<uint64_t>(n, machine.columns);
  }
  /// Granules of one chunk of the rows of a linear: a block for each part of k.
  uint64_t rowGranules(uint64_t k) const {
    Parts parts = {k, kPart};
    uint64_t sum = 0;
    for (uint64_t i = 0; i < parts.count(); ++i)
      sum += granulesOf(parts.size(i) * size);
    return sum;
  }
  bool single() const { return gemm.spec.linears.size() == 1; }

  const SystolicMachine &machine;
  Gemm gemm;
  uint64_t size;
  uint8_t type, wide;
  uint64_t kPart = 1, chunkRows = 1, drainRows = 1;
  Area rowArea, weightArea, stagingArea, sumArea;
  bool keepWeights = false; ///< Each tile has a slot of its own.
  bool keepSums = false;    ///< So has each block of results.
  /// Blocks of results that are not drained yet.
  struct Pending {
    unsigned linear;
    uint64_t chunk, column, block, due;
  };
  std::deque<Pending> pending;
  uint64_t weightSlot = 0, stagingSlot = 0, sumSlot = 0, vectorTurn = 0;
  std::map<std::array<uint64_t, 5>, uint16_t> shapes;
  std::map<std::pair<unsigned, uint64_t>, uint32_t> symbols;
};

Status Builder::check() const {
  const GemmSpec &spec = gemm.spec;
  if (spec.linears.empty())
    return Error{"no matmul was given"};
  for (auto &linear : spec.linears)
    for (uint64_t value : {spec.m, linear.k, linear.n})
      if (value == 0 || value > mostDimension)
        return Error{"expected dimensions of 1 to " +
                     std::to_string(mostDimension) + ", got " +
                     std::to_string(value)};
  if (!(spec.int8 ? machine.int8 : machine.bf16))
    return Error{"machine '" + machine.name + "' does not multiply " +
                 (spec.int8 ? "int8" : "bf16")};
  if (!(spec.outputStationary ? machine.outputStationary
                              : machine.weightStationary))
    return Error{"machine '" + machine.name + "' is not " +
                 (spec.outputStationary ? "output" : "weight") + "-stationary"};
  if (!single() && (spec.outputStationary || machine.rows != machine.columns ||
                    spec.operands == Operands::Scratchpad))
    return Error{"several matmuls are built weight-stationary, with weights "
                 "in DRAM, for a square array"};
  for (size_t i = 1; i < spec.linears.size(); ++i)
    if (spec.linears[i].k % machine.rows &&
        spec.linears[i].k != spec.linears[i - 1].n)
      return Error{"matmul " + std::to_string(i) +
                   " must take all results of the one before it, or whole "
                   "tiles of them"};
    else if (spec.linears[i].k > spec.linears[i - 1].n)
      return Error{"matmul " + std::to_string(i) + " needs " +
                   std::to_string(spec.linears[i].k) +
                   " results of the one before it, which has " +
                   std::to_string(spec.linears[i - 1].n)};
  return {};
}

/// Lays out the scratchpad for the current sizes; false: it does not fit.
bool Builder::place(bool aligned, uint64_t staging) {
  const GemmSpec &spec = gemm.spec;
  uint64_t bank = machine.scratchpadBytes / machine.scratchpadBanks / granule;
  uint64_t total = machine.scratchpadBytes / granule;
  uint64_t at = 0;
  auto align = [&] {
    if (aligned)
      at = ceilDiv(at, bank) * bank;
  };
  Parts chunks = {spec.m, chunkRows};
  uint64_t row = 0;
  for (size_t i = 0; i < spec.linears.size(); ++i) {
    row = std::max(row, rowGranules(spec.linears[i].k));
    if (i + 1 < spec.linears.size())
      row = std::max(row, rowGranules(spec.linears[i].n));
  }
  rowArea = {at, chunkRows * row,
             spec.operands == Operands::Dram
                 ? std::min<uint64_t>(2, single() ? chunks.count() : 2)
                 : std::max<uint64_t>(chunks.count(), single() ? 1 : 2)};
  at += rowArea.slot * rowArea.slots;
  align();
  stagingArea = {at, drainRows * granulesOf(widest() * 4), staging};
  at += stagingArea.slot * stagingArea.slots;
  align();

  uint64_t deep = 0, tiles = 0;
  for (unsigned i = 0; i < spec.linears.size(); ++i) {
    deep = std::max(deep, std::min(spec.linears[i].k, kPart));
    tiles += inner(i).count() * outer(i).count();
  }
  weightArea = {at, deep * granulesOf(widest() * size), 0};
  if (at + weightArea.slot > total)
    return false;
  weightArea.slots = std::min(tiles, (total - at) / weightArea.slot);
  if (weightArea.slots < tiles)
    weightArea.slots = std::min(weightArea.slots, mostBuffers);
  keepWeights = weightArea.slots == tiles && single();
  if (spec.operands == Operands::Scratchpad)
    return keepWeights;
  // Two at least, so that one loads while the other is read.
  return weightArea.slots >= std::min<uint64_t>(2, tiles);
}

/// Chooses sizes of parts from the largest sensible ones down.
Status Builder::plan() {
  const GemmSpec &spec = gemm.spec;
  uint64_t sumRow = granulesOf(widest() * 4);
  uint64_t sums = machine.accumulatorBytes / granule;
  uint64_t most = sums / sumRow;
  uint64_t longest = 0;
  for (auto &linear : spec.linears)
    longest = std::max(longest, linear.k);
  kPart =
      spec.outputStationary ? std::min<uint64_t>(longest, 65536) : machine.rows;
  chunkRows = std::min<uint64_t>(
      {spec.m, 65536, spec.outputStationary ? machine.rows : spec.m});
  if (most == 0)
    return Error{"a row of results does not fit the accumulator"};
  uint64_t blocks = 0;
  auto countBlocks = [&] {
    blocks = 0;
    for (unsigned i = 0; i < spec.linears.size(); ++i)
      blocks += ceilDiv(spec.m, chunkRows) * outer(i).count();
  };
  countBlocks();
  if (blocks * chunkRows > most) // one is drained while another is filled
    chunkRows = std::min(chunkRows, std::max<uint64_t>(1, most / 2));
  while (true) {
    Parts even = {spec.m, chunkRows};
    if (!spec.outputStationary)
      chunkRows = ceilDiv(spec.m, even.count());
    countBlocks();
    sumArea = {0, chunkRows * sumRow, std::min(blocks, most / chunkRows)};
    keepSums = sumArea.slots == blocks && single();
    // A slot takes a sixteenth of the scratchpad at most. Rows stand without
    // gaps in DRAM: four of them fill granules, whatever their length.
    uint64_t slotRows = machine.scratchpadBytes / granule / 16 / sumRow;
    drainRows = std::min(chunkRows, std::max<uint64_t>(4, slotRows / 4 * 4));
    for (uint64_t slots : {stagingSlots, uint64_t(2), uint64_t(1)})
      for (bool aligned : {true, false})
        if (place(aligned, slots))
          return {};
    // Smaller chunks of rows, then shorter chains of OS.
    if (chunkRows > 1 && single())
      chunkRows = ceilDiv(chunkRows, 2);
    else if (spec.outputStationary && kPart > 1 &&
             spec.operands != Operands::Scratchpad) {
      kPart = ceilDiv(kPart, 2);
      chunkRows = std::min<uint64_t>(spec.m, machine.rows);
    } else {
      break;
    }
  }
  return Error{"the operands do not fit the " +
               std::to_string(machine.scratchpadBytes) +
               " bytes of scratchpad of machine '" + machine.name + "'" +
               (spec.operands == Operands::Scratchpad
                    ? "; let them come from DRAM (--operands dram)"
                    : "")};
}

uint16_t Builder::shape(const Shape &shape) {
  std::array<uint64_t, 5> key;
  static_assert(sizeof(key) >= sizeof(Shape));
  key.fill(0);
  memcpy(key.data(), &shape, sizeof(Shape));
  auto [at, fresh] =
      shapes.try_emplace(key, uint16_t(gemm.sequence.frame.shapes.size()));
  if (fresh)
    gemm.sequence.frame.shapes.push_back(shape);
  return at->second;
}

std::pair<uint32_t, uint32_t> Builder::dramPlace(unsigned region,
                                                 uint64_t byte) {
  auto [at, fresh] =
      symbols.try_emplace({region, byte / symbolReach},
                          uint32_t(gemm.sequence.frame.symbols.size()));
  if (fresh) {
    uint64_t base = byte / symbolReach * symbolReach;
    gemm.sequence.frame.symbols.push_back(
        {gemm.sequence.frame.regions[region].name + "+" + std::to_string(base),
         {ESPALIER_SYSTOLIC_ADDRESS(region, base)}});
  }
  return {at->second, uint32_t(byte % symbolReach / granule)};
}

void Builder::describe() {
  const GemmSpec &spec = gemm.spec;
  Program &frame = gemm.sequence.frame;
  frame.bucketRows = 1;
  frame.arrayRows = machine.rows;
  frame.arrayColumns = machine.columns;
  frame.shapes.push_back({}); // 0: of none
  if (!single())
    frame.constants.push_back(spec.scale);
  frame.marks = {"begin", "end"};
  Parts chunks = {spec.m, chunkRows};
  unsigned last = unsigned(spec.linears.size()) - 1;
  gemm.input = blocked(chunks, inner(0), size, false);
  gemm.output = blocked(chunks, outer(last), 4, false);
  frame.regions.push_back(
      {ESPALIER_REGION_WEIGHTS, "rows", gemm.input.bytes, {}});
  frame.regions.push_back(
      {ESPALIER_REGION_OUTPUT, "results", gemm.output.bytes, {}});
  for (unsigned i = 0; i <= last; ++i) {
    gemm.weights.push_back(blocked(inner(i), outer(i), size, true));
    frame.regions.push_back({ESPALIER_REGION_WEIGHTS,
                             "weights" + std::to_string(i),
                             gemm.weights[i].bytes,
                             {}});
  }
  gemm.chain = kPart;
}

/// From DRAM: part `part` of k of a chunk of the rows.
void Builder::bringRows(uint64_t chunk, uint64_t part) {
  Parts parts = inner(0);
  const BlockedMatrix::Block &block =
      gemm.input.blocks[chunk * parts.count() + part];
  Shape form = {};
  form.rows = uint32_t(block.rows);
  form.columns = uint32_t(block.columns);
  form.stride_a = uint32_t(granulesOf(block.columns * size));
  form.stride_b = uint32_t(block.columns * size);
  form.type_a = form.type_b = type;
  Instruction in;
  in.opcode = ESPALIER_OP_LOAD;
  in.a =
      rowArea.at(chunk) + uint32_t(part * granulesOf(kPart * size) * chunkRows);
  std::tie(in.b, in.c) = dramPlace(Gemm::inputRegion, block.offset);
  in.shape = shape(form);
  put(ESPALIER_QUEUE_DMA_IN, in);
}

void Builder::bringWeights(unsigned linear, uint64_t tile, uint64_t slot) {
  const BlockedMatrix::Block &block = gemm.weights[linear].blocks[tile];
  Shape form = {};
  form.rows = uint32_t(block.rows);
  form.columns = uint32_t(block.columns);
  form.stride_a = uint32_t(granulesOf(block.columns * size));
  form.stride_b = uint32_t(block.columns * size);
  form.type_a = form.type_b = type;
  Instruction in;
  in.opcode = ESPALIER_OP_LOAD;
  in.a = weightArea.at(slot);
  std::tie(in.b, in.c) =
      dramPlace(Gemm::firstWeightsRegion + linear, block.offset);
  in.shape = shape(form);
  put(ESPALIER_QUEUE_DMA_IN, in);
}

void Builder::compute(unsigned linear, uint64_t chunk, uint64_t column,
                      uint64_t part, uint64_t slot) {
  uint64_t k = inner(linear).size(part), n = outer(linear).size(column);
  uint64_t rows = Parts{gemm.spec.m, chunkRows}.size(chunk);
  uint32_t rowsAt = rowArea.at(single() ? chunk : linear) +
                    uint32_t(part * granulesOf(kPart * size) * chunkRows);
  Shape form = {};
  form.columns = uint32_t(k);
  form.stride_a = uint32_t(granulesOf(n * size));
  form.type_a = type;
  Instruction in;
  if (!gemm.spec.outputStationary) {
    form.rows = uint32_t(k);
    form.columns = uint32_t(n);
    in.opcode = ESPALIER_OP_LOAD_WEIGHTS;
    in.a = weightArea.at(slot);
    in.shape = shape(form);
    put(ESPALIER_QUEUE_ARRAY, in);
  }
  form = {};
  form.rows = uint32_t(rows);
  form.columns = uint32_t(k);
  form.stride_a = uint32_t(granulesOf(k * size));
  form.stride_c = uint32_t(granulesOf(n * 4));
  form.extra = uint32_t(n);
  form.type_a = type;
  form.type_c = wide;
  form.spaces = 4;
  in = {};
  in.opcode = ESPALIER_OP_MATMUL;
  in.a = rowsAt;
  in.c = sumArea.at(sumSlot);
  if (gemm.spec.outputStationary) {
    in.opcode = ESPALIER_OP_MATMUL_OS;
    in.b = weightArea.at(slot);
    form.stride_b = uint32_t(granulesOf(n * size));
    form.type_b = type;
  } else {
    in.flags = ESPALIER_FLAG_SWAP;
  }
  if (part > 0)
    in.flags |= ESPALIER_FLAG_ACCUMULATE;
  in.shape = shape(form);
  put(ESPALIER_QUEUE_ARRAY, in);
}

/// Results of one block: to the rows of the next matmul, or to DRAM.
void Builder::drain(unsigned linear, uint64_t chunk, uint64_t column,
                    uint64_t block) {
  uint64_t n = outer(linear).size(column);
  uint64_t rows = Parts{gemm.spec.m, chunkRows}.size(chunk);
  bool last = linear + 1 == gemm.spec.linears.size();
  Shape form = {};
  form.columns = uint32_t(n);
  form.stride_a = uint32_t(granulesOf(n * 4));
  form.type_a = wide;
  form.spaces = 1;
  auto unit = [&] { return ESPALIER_QUEUE_VECTOR_A + (vectorTurn++ & 1); };
  if (!last) {
    form.rows = uint32_t(rows);
    form.type_c = type;
    form.stride_c = uint32_t(granulesOf(n * size));
    Instruction in;
    in.opcode = ESPALIER_OP_BINARY;
    in.aux = ESPALIER_BINARY_MULTIPLY;
    in.flags = ESPALIER_FLAG_CONSTANT;
    in.a = sumArea.at(block);
    in.c = rowArea.at(linear + 1) +
           uint32_t(column * granulesOf(kPart * size) * chunkRows);
    in.shape = shape(form);
    put(unit(), in);
    return;
  }
  const BlockedMatrix::Block &place =
      gemm.output.blocks[chunk * outer(linear).count() + column];
  Parts pieces = {rows, drainRows};
  for (uint64_t i = 0; i < pieces.count(); ++i) {
    uint32_t slot = stagingArea.at(stagingSlot++);
    form.rows = uint32_t(pieces.size(i));
    form.stride_c = form.stride_a;
    form.type_c = wide;
    form.spaces = 1;
    form.stride_b = 0;
    form.type_b = 0;
    Instruction in;
    in.opcode = ESPALIER_OP_MAP;
    in.aux = ESPALIER_MAP_COPY;
    in.a = sumArea.at(block) + uint32_t(pieces.begin(i) * form.stride_a);
    in.c = slot;
    in.shape = shape(form);
    put(unit(), in);
    Shape out = {};
    out.rows = form.rows;
    out.columns = form.columns;
    out.stride_a = form.stride_a;
    out.stride_b = uint32_t(n * 4);
    out.type_a = out.type_b = wide;
    in = {};
    in.opcode = ESPALIER_OP_STORE;
    in.a = slot;
    std::tie(in.b, in.c) =
        dramPlace(Gemm::outputRegion, place.offset + pieces.begin(i) * n * 4);
    in.shape = shape(out);
    put(ESPALIER_QUEUE_DMA_OUT, in);
  }
}

void Builder::barrier(uint8_t opcode) {
  Instruction in;
  in.opcode = opcode;
  if (opcode == ESPALIER_OP_REPEAT)
    in.b = 1;
  put(ESPALIER_QUEUE_DMA_IN, in);
}

void Builder::emitLinear(unsigned linear) {
  Operands from = gemm.spec.operands;
  uint64_t parts = inner(linear).count(), columns = outer(linear).count();
  uint64_t chunks = ceilDiv(gemm.spec.m, chunkRows);
  for (uint64_t chunk = 0; chunk < chunks; ++chunk)
    for (uint64_t column = 0; column < columns; ++column) {
      // A block whose place is used again has been drained by then.
      drainUntil(gemm.folds,
                 sumSlot + 1 > sumArea.slots ? sumSlot + 1 - sumArea.slots : 0);
      for (uint64_t part = 0; part < parts; ++part) {
        drainUntil(gemm.folds, 0);
        if (from == Operands::Dram && linear == 0 && column == 0)
          bringRows(chunk, part);
        uint64_t tile = column * parts + part;
        uint64_t slot = keepWeights ? tile : weightSlot++;
        if (from != Operands::Scratchpad && (!keepWeights || chunk == 0))
          bringWeights(linear, tile, slot);
        compute(linear, chunk, column, part, slot);
        ++gemm.folds;
      }
      if (from == Operands::Dram || !keepSums)
        pending.push_back(
            {linear, chunk, column, sumSlot, gemm.folds + drainDepth()});
      ++sumSlot;
    }
  drainUntil(UINT64_MAX, UINT64_MAX);
}

/// For how many folds a block's way to DRAM is put off in the sequence. Its
/// STORE takes the bus long after the loads of its weights; what loads between
/// them must come first, or it would have to fit the gaps.
uint64_t Builder::drainDepth() const {
  if (gemm.spec.operands == Operands::Scratchpad)
    return 0;
  uint64_t tile = ceilDiv(weightArea.slot * granule, machine.dramBandwidth);
  uint64_t way = machine.dramLatency + tile + machine.loadCycles() + chunkRows +
                 machine.rows + machine.columns + machine.latencyMap;
  return way / std::max({tile, chunkRows, uint64_t(machine.loadCycles())}) + 2;
}

/// Drains the blocks that are due, and those of numbers below `block`.
void Builder::drainUntil(uint64_t fold, uint64_t block) {
  while (!pending.empty() &&
         (pending.front().due <= fold || pending.front().block < block)) {
    Pending next = pending.front();
    pending.pop_front();
    drain(next.linear, next.chunk, next.column, next.block);
  }
}

Result<Gemm> Builder::run() {
  if (Status status = check(); !status)
    return status.takeError();
  if (Status status = plan(); !status)
    return status.takeError();
  describe();
  const GemmSpec &spec = gemm.spec;
  Parts chunks = {spec.m, chunkRows};
  uint64_t parts = inner(0).count();
  // A loop of one turn separates what comes before and after from the cycles
  // of interest: it begins when everything before it is complete.
  if (spec.operands != Operands::Dram) {
    for (uint64_t chunk = 0; chunk < chunks.count(); ++chunk)
      for (uint64_t part = 0; part < parts; ++part)
        bringRows(chunk, part);
    if (spec.operands == Operands::Scratchpad)
      for (uint64_t tile = 0; tile < gemm.weights[0].blocks.size(); ++tile)
        bringWeights(0, tile, tile);
    barrier(ESPALIER_OP_REPEAT);
  }
  mark(spec.operands == Operands::Scratchpad ? ESPALIER_QUEUE_ARRAY
                                             : ESPALIER_QUEUE_DMA_IN,
       0);
  for (unsigned i = 0; i < spec.linears.size(); ++i)
    emitLinear(i);
  if (spec.operands != Operands::Dram)
    barrier(ESPALIER_OP_END_REPEAT);
  if (spec.operands != Operands::Dram && keepSums)
    for (uint64_t chunk = 0; chunk < chunks.count(); ++chunk)
      for (uint64_t column = 0; column < outer(0).count(); ++column)
        drain(0, chunk, column, chunk * outer(0).count() + column);
  mark(ESPALIER_QUEUE_DMA_OUT, 1);
  return std::move(gemm);
}

} // namespace

Result<Gemm> systolic::buildGemm(const GemmSpec &spec,
                                 const SystolicMachine &machine) {
  return Builder(spec, machine).run();
}
