//===- Builder.h - Programs of the tests, by hand ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Machines and programs written out by the tests, without the compiler: what
/// is wrong in one is not repeated in the other.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_SYSTOLIC_BUILDER_H
#define ESPALIER_TEST_UNIT_SYSTOLIC_BUILDER_H

#include "espalier/systolic.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace espalier::test {

/// The figures of a machine that tests change.
struct MachineText {
  unsigned rows = 4, columns = 4, loadRows = 1;
  bool shadow = true;
  unsigned scratchpadKiB = 64, scratchpadBanks = 4, readPorts = 4,
           writePorts = 4;
  unsigned accumulatorKiB = 16, accumulatorBanks = 4, vectorPorts = 4;
  unsigned lanes = 16, map = 3, function = 7, divide = 9, reduce = 5;
  unsigned bandwidth = 16, dramLatency = 10;
  const char *dataflows = "\"weight_stationary\", \"output_stationary\"";
  const char *types = "\"bf16\", \"int8\"";

  std::string text() const {
    auto figure = [](const char *key, double value, const char *unit) {
      return "\"" + std::string(key) +
             "\": {\"value\": " + std::to_string(value) + ", \"unit\": \"" +
             unit + "\", \"source\": \"chosen\"}";
    };
    auto count = [&](const char *key, unsigned value) {
      return "\"" + std::string(key) +
             "\": {\"value\": " + std::to_string(value) +
             ", \"unit\": \"count\", \"source\": \"chosen\"}";
    };
    std::string s = "{\"schema\": \"espalier-machine-1\", \"name\": \"test\", "
                    "\"description\": \"of a test\", \"target\": "
                    "\"systolic\",\n";
    s += figure("clock", 1, "GHz") + ",\n\"array\": {" + count("rows", rows) +
         ", " + count("columns", columns) + ", \"dataflows\": [" + dataflows +
         "], \"overlap\": \"" + (shadow ? "shadow" : "none") + "\", " +
         count("load_rows", loadRows) + "},\n";
    s += "\"scratchpad\": {" + figure("size", scratchpadKiB, "KiB") + ", " +
         count("banks", scratchpadBanks) + ", " +
         count("read_ports", readPorts) + ", " +
         count("write_ports", writePorts) + "},\n";
    s += "\"accumulator\": {" + figure("size", accumulatorKiB, "KiB") + ", " +
         count("banks", accumulatorBanks) + ", " +
         count("vector_ports", vectorPorts) + "},\n";
    s += "\"vector\": {" + count("lanes", lanes) + ", \"latency\": {" +
         figure("map", map, "cycle") + ", " +
         figure("function", function, "cycle") + ", " +
         figure("divide", divide, "cycle") + ", " +
         figure("reduce", reduce, "cycle") + "}},\n";
    s += "\"dram\": {\"model\": \"ideal\", " +
         figure("bandwidth", bandwidth, "B/cycle") + ", " +
         figure("latency", dramLatency, "cycle") + "},\n";
    s += "\"types\": [" + std::string(types) +
         "],\n\"energy\": {\"table\": "
         "\"of a test\", " +
         figure("mac_int8", 0.5, "pJ") + ", " + figure("mac_bf16", 2, "pJ") +
         ", " + figure("vector_op", 3, "pJ") + ", " +
         figure("scratchpad_byte", 1, "pJ") + ", " +
         figure("accumulator_byte", 4, "pJ") + ", " +
         figure("dram_byte", 30, "pJ") + "}}\n";
    return s;
  }
};

using Shape = espalier_systolic_shape;
using Raw = espalier_systolic_instruction;

/// The fields of an instruction besides its shape.
struct Fields {
  uint32_t a = 0, b = 0, c = 0;
  uint8_t flags = 0, aux = 0;
};

class Builder {
public:
  explicit Builder(const MachineText &machine = {}) : machine(machine) {}

  uint32_t region(uint32_t kind, const char *name, uint64_t bytes,
                  const std::vector<uint8_t> &contents = {}) {
    espalier_systolic_region r = {};
    r.kind = kind;
    r.name = uint32_t(strings.size());
    r.bytes = bytes;
    r.data = data.size();
    r.data_bytes = contents.size();
    strings.append(name).push_back('\0');
    data.insert(data.end(), contents.begin(), contents.end());
    regions.push_back(r);
    return uint32_t(regions.size() - 1);
  }
  uint32_t symbol(const std::vector<uint64_t> &places) {
    symbols.push_back({uint32_t(addresses.size()), uint32_t(places.size())});
    addresses.insert(addresses.end(), places.begin(), places.end());
    return uint32_t(symbols.size() - 1);
  }
  /// A region with a symbol at its beginning.
  uint32_t place(uint32_t kind, const char *name, uint64_t bytes,
                 const std::vector<uint8_t> &contents = {}) {
    return symbol(
        {ESPALIER_SYSTOLIC_ADDRESS(region(kind, name, bytes, contents), 0)});
  }
  uint16_t shape(const Shape &s) {
    shapes.push_back(s);
    return uint16_t(shapes.size() - 1);
  }
  uint32_t constant(float value) {
    constants.push_back(value);
    return uint32_t(constants.size() - 1);
  }
  uint32_t mark(const char *name) {
    marks.push_back(uint32_t(strings.size()));
    strings.append(name).push_back('\0');
    return uint32_t(marks.size() - 1);
  }

  /// An instruction that issues in `cycle`; those of a queue come in order.
  void add(unsigned queue, uint64_t cycle, uint8_t opcode, uint16_t shape,
           const Fields &f = {}) {
    uint64_t dt = cycle - last[queue];
    last[queue] = cycle;
    while (dt > 0xffff) {
      uint64_t part = dt - 0xffff < 0xffffff ? dt - 0xffff : 0xffffff;
      push(queue, ESPALIER_OP_DELAY, 0, 0, {0, uint32_t(part)});
      dt -= part;
    }
    push(queue, opcode, uint16_t(dt), shape, f);
  }
  void add(unsigned queue, uint64_t cycle, uint8_t opcode, const Shape &s,
           const Fields &f = {}) {
    add(queue, cycle, opcode, shape(s), f);
  }
  void control(unsigned queue, uint64_t cycle, uint8_t opcode,
               const Fields &f = {}) {
    add(queue, cycle, opcode, uint16_t(0), f);
  }
  /// SIGNAL behind what `from` has, WAIT before what `to` gets next.
  void order(unsigned from, unsigned to, uint64_t cycle) {
    uint8_t semaphore = uint8_t(semaphores++);
    control(from, last[from], ESPALIER_OP_SIGNAL, {0, 0, 0, 0, semaphore});
    control(to, cycle, ESPALIER_OP_WAIT, {0, 1, 0, 0, semaphore});
  }
  /// REPEAT or END_REPEAT, in all queues.
  void loop(uint64_t cycle, uint32_t first, uint32_t times) {
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
      control(q, cycle, ESPALIER_OP_REPEAT, {first, times});
  }
  void endLoop(uint64_t cycle) {
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
      control(q, cycle, ESPALIER_OP_END_REPEAT);
  }

  std::vector<uint8_t> bytes() const {
    espalier_systolic_header h = {};
    h.magic = ESPALIER_SYSTOLIC_MAGIC;
    h.version = ESPALIER_SYSTOLIC_VERSION;
    h.header_bytes = sizeof(h);
    h.data_bytes = data.size();
    h.regions = uint32_t(regions.size());
    h.shapes = uint32_t(shapes.size());
    h.constants = uint32_t(constants.size());
    h.symbols = uint32_t(symbols.size());
    h.addresses = uint32_t(addresses.size());
    h.semaphores = semaphores;
    h.marks = uint32_t(marks.size());
    h.string_bytes = uint32_t(strings.size());
    h.bucket_rows = bucketRows;
    h.array_rows = machine.rows;
    h.array_columns = machine.columns;
    std::vector<uint8_t> out(sizeof(h));
    append(out, regions);
    append(out, shapes);
    append(out, constants);
    if (constants.size() % 2)
      out.insert(out.end(), 4, 0);
    append(out, symbols);
    append(out, addresses);
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
      std::vector<Raw> all = queues[q];
      if (ends)
        all.push_back(raw(ESPALIER_OP_END, 0, 0, {}));
      h.instructions[q] = uint32_t(all.size());
      append(out, all);
    }
    append(out, marks);
    out.insert(out.end(), strings.begin(), strings.end());
    out.insert(out.end(), data.begin(), data.end());
    h.file_bytes = out.size();
    memcpy(out.data(), &h, sizeof(h));
    return out;
  }

  MachineText machine;
  uint32_t bucketRows = 0, semaphores = 0;
  bool ends = true; ///< END is added to every queue
  std::vector<Raw> queues[ESPALIER_QUEUES];
  std::vector<espalier_systolic_region> regions;
  std::vector<Shape> shapes;
  std::vector<espalier_systolic_symbol> symbols;
  std::vector<uint64_t> addresses;
  std::string strings;

  static Raw raw(uint8_t opcode, uint16_t dt, uint16_t shape, const Fields &f) {
    Raw r = {};
    r.opcode = opcode;
    r.flags = f.flags;
    r.dt = dt;
    for (unsigned i = 0; i < 3; ++i) {
      r.a[i] = uint8_t(f.a >> 8 * i);
      r.b[i] = uint8_t(f.b >> 8 * i);
      r.c[i] = uint8_t(f.c >> 8 * i);
    }
    r.aux = f.aux;
    r.shape = shape;
    return r;
  }

private:
  void push(unsigned queue, uint8_t opcode, uint16_t dt, uint16_t shape,
            const Fields &f) {
    queues[queue].push_back(raw(opcode, dt, shape, f));
  }
  template <typename T>
  static void append(std::vector<uint8_t> &out, const std::vector<T> &values) {
    auto *begin = reinterpret_cast<const uint8_t *>(values.data());
    if (!values.empty())
      out.insert(out.end(), begin, begin + values.size() * sizeof(T));
  }

  uint64_t last[ESPALIER_QUEUES] = {};
  std::vector<float> constants;
  std::vector<uint32_t> marks;
  std::vector<uint8_t> data;
};

/// A shape with all of its fields.
inline Shape makeShape(uint32_t rows, uint32_t columns, uint32_t strideA,
                       uint32_t strideB, uint32_t strideC, uint32_t extra,
                       uint8_t typeA, uint8_t typeB, uint8_t typeC,
                       uint8_t spaces) {
  Shape s = {};
  s.rows = rows;
  s.columns = columns;
  s.stride_a = strideA;
  s.stride_b = strideB;
  s.stride_c = strideC;
  s.extra = extra;
  s.type_a = typeA;
  s.type_b = typeB;
  s.type_c = typeC;
  s.spaces = spaces;
  return s;
}

inline constexpr uint8_t I8 = ESPALIER_SYSTOLIC_I8, I32 = ESPALIER_SYSTOLIC_I32,
                         BF16 = ESPALIER_SYSTOLIC_BF16,
                         F32 = ESPALIER_SYSTOLIC_F32;
inline constexpr unsigned DmaIn = ESPALIER_QUEUE_DMA_IN,
                          DmaOut = ESPALIER_QUEUE_DMA_OUT,
                          Array = ESPALIER_QUEUE_ARRAY,
                          VectorA = ESPALIER_QUEUE_VECTOR_A,
                          VectorB = ESPALIER_QUEUE_VECTOR_B;

} // namespace espalier::test

#endif // ESPALIER_TEST_UNIT_SYSTOLIC_BUILDER_H
