//===- WeightPacker.cpp - Streams packed weights into a container ---------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Work is cut into chunks of a few megabytes of output. Each thread packs the
/// next chunk into a buffer of its own, waits for its turn to extend the hash,
/// and hands the buffer to the file.
///
//===----------------------------------------------------------------------===//
#include "WeightPacker.h"
#include "BlockWriter.h"
#include "WeightRows.h"

#include "espalier/Support/Json.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <thread>
#include <unistd.h>

namespace espalier {
namespace {

constexpr uint64_t chunkBytes = 4u << 20;
constexpr uint64_t dataAlignment = 4096;
constexpr unsigned panelColumns = 16;

/// A run of panels of one matrix, or a whole vector; `size` includes the zeros
/// up to the next layer, in a layer's last chunk.
struct Chunk {
  size_t weight, layer, expert;
  uint64_t panelBegin, panelEnd;
  uint64_t offset, size; ///< in the data section
};

uint64_t panelsOf(const PackWeight &weight) {
  return weight.isVector ? 1 : (weight.rows + panelColumns - 1) / panelColumns;
}

std::vector<Chunk> chunksOf(const PackPlan &plan) {
  std::vector<Chunk> chunks;
  for (size_t w = 0; w < plan.weights.size(); ++w) {
    const PackWeight &weight = plan.weights[w];
    uint64_t panels = panelsOf(weight), matrices = weight.matrices();
    uint64_t matrix = weight.bytes / matrices, panelRow = matrix / panels;
    uint64_t step = std::max<uint64_t>(1, chunkBytes / panelRow);
    for (size_t layer = 0; layer < weight.layers.size(); ++layer)
      for (uint64_t expert = 0; expert < matrices; ++expert)
        for (uint64_t p = 0; p < panels; p += step) {
          uint64_t end = std::min(panels, p + step);
          uint64_t begin = expert * matrix + p * panelRow;
          bool isLast = end == panels && expert + 1 == matrices;
          uint64_t stop =
              isLast ? weight.stride : expert * matrix + end * panelRow;
          chunks.push_back({w, layer, expert, p, end,
                            weight.offset + layer * weight.stride + begin,
                            stop - begin});
        }
  }
  return chunks;
}

bool isFiniteHalf(const uint8_t *at) { return (at[1] & 0x7c) != 0x7c; }

/// A scale that is not finite would poison every output that meets it.
Status checkScales(const PackWeight &weight, const WeightRows &rows,
                   uint64_t row, const uint8_t *block, uint64_t index) {
  bool fine = isFiniteHalf(block) &&
              (weight.encoding != Encoding::Q4_1 || isFiniteHalf(block + 2));
  if (fine)
    return {};
  WeightRows::Origin from = rows.origin(row);
  return Error{"tensor '" + from.tensor->name + "': row " +
               std::to_string(from.row) + ", block " + std::to_string(index) +
               ": expected a finite scale, got an infinite one or NaN; the "
               "file is damaged"};
}

/// Whether an element is infinite or no number.
bool isFinite(Encoding encoding, const uint8_t *at) {
  if (encoding == Encoding::F32) {
    uint32_t bits;
    std::memcpy(&bits, at, 4);
    return (bits & 0x7f800000) != 0x7f800000;
  }
  uint16_t bits;
  std::memcpy(&bits, at, 2);
  uint16_t exponent = encoding == Encoding::F16 ? 0x7c00 : 0x7f80;
  return (bits & exponent) != exponent;
}

/// `count` elements of a row of floats.
Status checkValues(const PackWeight &weight, const WeightRows &rows,
                   uint64_t row, const uint8_t *line, uint64_t count) {
  size_t bytes = *panelBytes(weight.encoding, 1, 1);
  for (uint64_t k = 0; k < count; ++k) {
    if (isFinite(weight.encoding, line + k * bytes))
      continue;
    WeightRows::Origin from = rows.origin(row);
    return Error{"tensor '" + from.tensor->name + "': row " +
                 std::to_string(from.row) + ", element " + std::to_string(k) +
                 ": expected a finite number, got an infinite one or NaN"};
  }
  return {};
}

Status packPanels(const PackWeight &weight, const WeightRows &rows, bool check,
                  const TensorSource &source, const Chunk &chunk,
                  std::array<WeightRows::Scratch, panelColumns> &scratch,
                  uint8_t *out) {
  uint64_t groups = weight.columns / weight.group;
  size_t bytes = *panelBytes(weight.encoding, panelColumns, weight.group);
  size_t step = *panelBytes(weight.encoding, 1, weight.group);
  bool blocks = isBlockEncoding(weight.encoding);
  for (uint64_t p = chunk.panelBegin; p < chunk.panelEnd; ++p) {
    uint64_t first = p * panelColumns;
    const uint8_t *lines[panelColumns] = {};
    for (unsigned c = 0; c < panelColumns && first + c < weight.rows; ++c) {
      lines[c] = rows.read(source, first + c, scratch[c]);
      if (check && !blocks)
        if (Status s =
                checkValues(weight, rows, first + c, lines[c], weight.columns);
            !s)
          return s;
    }
    for (uint64_t g = 0; g < groups; ++g, out += bytes) {
      std::array<const uint8_t *, panelColumns> sources = {};
      for (unsigned c = 0; c < panelColumns && lines[c]; ++c) {
        sources[c] = lines[c] + g * step;
        if (blocks)
          if (Status s = checkScales(weight, rows, first + c, sources[c], g);
              !s)
            return s;
      }
      Status packed =
          packPanel16(weight.encoding, weight.group,
                      std::span<const uint8_t *const, 16>(sources), out);
      if (!packed) {
        WeightRows::Origin from = rows.origin(first);
        return packed.takeError().within(
            "tensor '" + from.tensor->name + "': panel from row " +
            std::to_string(from.row) + ", block " + std::to_string(g));
      }
    }
  }
  rows.release(source, chunk.panelBegin * panelColumns,
               std::min(chunk.panelEnd * panelColumns, weight.rows) -
                   chunk.panelBegin * panelColumns);
  return {};
}

Status packVector(const PackWeight &weight, const WeightRows &rows, bool check,
                  const TensorSource &source, WeightRows::Scratch &scratch,
                  uint8_t *out) {
  size_t bytes = *panelBytes(weight.encoding, 1, 1);
  for (uint64_t row = 0; row < weight.rows; ++row) {
    const uint8_t *element = rows.read(source, row, scratch);
    if (check)
      if (Status s = checkValues(weight, rows, row, element, 1); !s)
        return s;
    std::memcpy(out + row * bytes, element, bytes);
  }
  return {};
}

/// The header: `hashes` in the order of the weights. Its size does not depend
/// on their values.
std::string headerOf(const PackPlan &plan, const std::vector<Hash128> &hashes) {
  std::string text = "{\"__metadata__\":{\"format\":\"espalier-packed-1\"";
  auto entry = [&](const std::string &key, const std::string &value) {
    text += "," + json::quote(key) + ":" + json::quote(value);
  };
  for (const auto &[key, value] : plan.metadata)
    entry(key, value);
  for (size_t i = 0; i < plan.weights.size(); ++i) {
    entry("packing/" + plan.weights[i].name, plan.weights[i].packing);
    entry("xxh3/" + plan.weights[i].name, hashes[i].hex());
  }
  text += "}";
  for (const PackWeight &weight : plan.weights) {
    uint64_t layers = weight.layers.size();
    text += "," + json::quote(weight.name) + ":{\"dtype\":\"U8\",\"shape\":[" +
            (layers > 1 ? std::to_string(layers) + "," : "") +
            std::to_string(weight.stride) + "],\"data_offsets\":[" +
            std::to_string(weight.offset) + "," +
            std::to_string(weight.offset + layers * weight.stride) + "]}";
  }
  text += "}";
  uint64_t whole =
      (8 + text.size() + dataAlignment - 1) / dataAlignment * dataAlignment;
  text.append(whole - 8 - text.size(), ' ');
  std::string header(8, '\0');
  uint64_t length = text.size();
  std::memcpy(header.data(), &length, 8);
  return header + text;
}

class Packer {
public:
  Packer(const PackPlan &plan, const TensorSource &source, BlockWriter &writer,
         uint64_t dataStart, const PackOptions &options)
      : plan(plan), source(source), writer(writer), dataStart(dataStart),
        options(options), chunks(chunksOf(plan)) {}

  Result<std::vector<Hash128>> run() {
    unsigned count = std::clamp(options.threads, 1u, 64u);
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < count; ++i)
      threads.emplace_back([this] { work(); });
    work();
    for (std::thread &thread : threads)
      thread.join();
    if (failed)
      return std::move(failure);
    return std::move(hashes);
  }

private:
  void work() {
    std::vector<uint8_t> buffer;
    std::array<WeightRows::Scratch, panelColumns> scratch;
    while (true) {
      size_t index = next.fetch_add(1);
      if (index >= chunks.size())
        return;
      const Chunk &chunk = chunks[index];
      Status status = pack(chunk, scratch, buffer);
      if (status)
        status = takeTurn(index, buffer);
      if (status)
        status = ofOutput(writer.write(buffer, dataStart + chunk.offset));
      if (!status)
        fail(status.takeError());
      if (stopped.load())
        return;
    }
  }

  Status ofOutput(Status status) const {
    if (status)
      return status;
    return status.takeError().within(options.output);
  }

  Status pack(const Chunk &chunk,
              std::array<WeightRows::Scratch, panelColumns> &scratch,
              std::vector<uint8_t> &buffer) {
    const PackWeight &weight = plan.weights[chunk.weight];
    Result<WeightRows> rows =
        WeightRows::make(weight, chunk.layer, chunk.expert);
    if (!rows)
      return rows.takeError();
    buffer.resize(chunk.size);
    uint64_t packed =
        weight.isVector
            ? weight.bytes
            : (chunk.panelEnd - chunk.panelBegin) *
                  (weight.bytes / weight.matrices() / panelsOf(weight));
    std::memset(buffer.data() + packed, 0, chunk.size - packed);
    if (weight.isVector)
      return packVector(weight, *rows, options.checkValues, source, scratch[0],
                        buffer.data());
    return packPanels(weight, *rows, options.checkValues, source, chunk,
                      scratch, buffer.data());
  }

  /// Chunks enter the hash of their tensor in order.
  Status takeTurn(size_t index, const std::vector<uint8_t> &buffer) {
    std::unique_lock<std::mutex> lock(mutex);
    ready.wait(lock, [&] { return turn == index || stopped.load(); });
    if (stopped.load())
      return {};
    const Chunk &chunk = chunks[index];
    hasher->update(buffer);
    done += buffer.size();
    bool last =
        index + 1 == chunks.size() || chunks[index + 1].weight != chunk.weight;
    if (last) {
      hashes.push_back(hasher->finish());
      hasher.emplace();
    }
    if (options.progress)
      options.progress(
          {hashes.size(), plan.weights.size(), done, plan.dataBytes});
    ++turn;
    ready.notify_all();
    return {};
  }

  void fail(Error error) {
    std::lock_guard<std::mutex> lock(mutex);
    if (!failed)
      failure = std::move(error);
    failed = true;
    stopped.store(true);
    ready.notify_all();
  }

  const PackPlan &plan;
  const TensorSource &source;
  BlockWriter &writer;
  uint64_t dataStart;
  const PackOptions &options;
  std::vector<Chunk> chunks;
  std::atomic<size_t> next = 0;
  std::atomic<bool> stopped = false;

  std::mutex mutex; ///< guards all below
  std::condition_variable ready;
  size_t turn = 0;
  std::optional<Hasher> hasher = Hasher();
  std::vector<Hash128> hashes;
  uint64_t done = 0;
  bool failed = false;
  Error failure;
};

} // namespace

Status checkPlan(const PackPlan &plan) {
  for (const PackWeight &weight : plan.weights)
    for (size_t layer = 0; layer < weight.layers.size(); ++layer)
      for (uint64_t expert = 0; expert < weight.matrices(); ++expert)
        if (Result<WeightRows> rows = WeightRows::make(weight, layer, expert);
            !rows)
          return rows.takeError();
  return {};
}

Result<PackedWeights> writeContainer(const PackPlan &plan,
                                     const TensorSource &source, int fd,
                                     uint64_t offset,
                                     const PackOptions &options) {
  if (Status s = checkPlan(plan); !s)
    return s.takeError();
  PackedWeights out;
  out.headerBytes =
      headerOf(plan, std::vector<Hash128>(plan.weights.size())).size();
  out.dataBytes = plan.dataBytes;
  // Too little space is found now, not after minutes; a file system that
  // cannot reserve says so and is let be.
  if (::fallocate(fd, 0, off_t(offset),
                  off_t(out.headerBytes + out.dataBytes)) != 0 &&
      (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
    return Error{options.output + ": cannot reserve " +
                 std::to_string(out.headerBytes + out.dataBytes) +
                 " bytes for the packed weights: " + std::strerror(errno) +
                 ": make room, or write elsewhere"};

  BlockWriter writer(fd);
  Packer packer(plan, source, writer, offset + out.headerBytes, options);
  Result<std::vector<Hash128>> hashes = packer.run();
  if (!hashes)
    return hashes.takeError();
  std::string header = headerOf(plan, *hashes);
  std::span<const uint8_t> bytes(
      reinterpret_cast<const uint8_t *>(header.data()), header.size());
  if (Status s = writer.write(bytes, offset); !s)
    return s.takeError().within(options.output);
  if (Status s = writer.finish(); !s)
    return s.takeError().within(options.output);
  if (Status s = source.unchanged(); !s)
    return s.takeError();
  out.headerHash = hash128(bytes);
  for (size_t i = 0; i < plan.weights.size(); ++i) {
    const PackWeight &weight = plan.weights[i];
    out.tensors.push_back({weight.name, weight.offset,
                           weight.layers.size() * weight.stride, (*hashes)[i]});
  }
  return out;
}

} // namespace espalier
