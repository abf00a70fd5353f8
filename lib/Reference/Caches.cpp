//===- Caches.cpp - What reads and writes the cache -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Evaluator.h"

#include <algorithm>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

/// Entry 10.
Status append(Evaluator &e, xf::KVAppendOp op) {
  Cache cache = e.get<Cache>(op.getCache());
  CacheStorage &storage = *cache.storage;
  TRY(cache.check());
  if (op.getResult())
    TRY(require(!cache.inPhase, "in a phase an append has no result"));
  else
    TRY(require(cache.writable,
                "expected a cache that is an output of the phase"));
  const Rows &rows = e.get<Rows>(op.getRows());
  TRY_LET(x, e.input(op.getX()));
  int64_t dim = storage.getType().getDim(), heads = x.shape[1] / dim;
  int64_t layer = e.integer(op.getLayer()),
          first = e.integer(op.getFirstHead());
  TRY(require(x.shape[0] == rows.size && x.shape[1] % dim == 0 && first >= 0 &&
                  first + heads <= storage.getType().getHeads() && layer >= 0 &&
                  layer < storage.getType().getLayers(),
              "x does not fit the rows or the cache"));
  for (int64_t r = 0; r < rows.size; ++r) {
    const Row &row = rows[r];
    if (row.cacheRow < 0)
      continue;
    for (int64_t h = 0; h < heads; ++h) {
      if (PhaseState *phase = e.watched(); phase && cache.inPhase)
        TRY(storage.shadow(row.slot).write(
            *phase,
            storage.place(layer, op.getPart(), first + h, row.cacheRow)));
      float *into =
          storage.grow(layer, op.getPart(), row.slot, first + h, row.cacheRow);
      const float *from = x.data() + (r * heads + h) * dim;
      for (int64_t d = 0; d < dim; ++d)
        into[d] = roundToCache(storage.getElement(), from[d]);
    }
  }
  if (op.getResult()) {
    cache.version = ++storage.version;
    e.set(op.getResult(), cache);
  }
  return {};
}

/// The cached elements that one row sees in one head, by position; null before
/// position `begin`.
Status gather(Evaluator &e, const Cache &cache, int64_t layer,
              xf::CachePart part, const Row &row, int64_t head, size_t begin,
              std::vector<const float *> &out) {
  CacheStorage &storage = *cache.storage;
  out.assign(begin, nullptr);
  for (size_t position = begin; position < row.path.size(); ++position) {
    int32_t at = row.path[position];
    if (PhaseState *phase = e.watched(); phase && cache.inPhase)
      TRY(storage.shadow(row.slot).read(*phase,
                                        storage.place(layer, part, head, at)));
    out.push_back(storage.find(layer, part, row.slot, head, at));
    if (!out.back())
      return Error{"layer " + std::to_string(layer) + ", head " +
                   std::to_string(head) + ": cache row " + std::to_string(at) +
                   " of slot " + std::to_string(row.slot) +
                   " is visible but was never written"};
  }
  return {};
}

/// What `xf.attention` and `xf.attention_partials` have in common: each row and
/// head that is not padding, with what it sees.
template <typename OpTy>
Status
forEachHead(Evaluator &e, OpTy op, const Tensor &q,
            llvm::function_ref<void(int64_t row, int64_t head,
                                    const std::vector<const float *> &keys,
                                    const std::vector<const float *> &values,
                                    const AttentionParameters &parameters)>
                visit) {
  const Cache &cache = e.get<Cache>(op.getCache());
  TRY(cache.check());
  const Rows &rows = e.get<Rows>(op.getRows());
  xf::KVCacheType type = cache.storage->getType();
  int64_t dim = type.getDim(), heads = q.shape[1] / dim;
  int64_t layer = e.integer(op.getLayer()),
          first = e.integer(op.getFirstHead());
  int64_t group = op.getGroup();
  TRY(require(q.shape[0] == rows.size && q.shape[1] % dim == 0 && first >= 0 &&
                  first + heads <= group * type.getHeads() && layer >= 0 &&
                  layer < type.getLayers(),
              "q and init do not fit the rows or the cache"));
  AttentionParameters parameters;
  parameters.scale = op.getScale().convertToFloat();
  if (op.getSoftCap())
    parameters.cap = op.getSoftCap()->convertToFloat();
  for (int64_t r = 0; r < rows.size; ++r) {
    if (rows[r].cacheRow < 0)
      continue;
    std::vector<std::vector<const float *>> keys(heads), values(heads);
    size_t count = rows[r].path.size();
    parameters.first =
        op.getWindow() && *op.getWindow() < count ? count - *op.getWindow() : 0;
    for (int64_t h = 0; h < heads; ++h) {
      int64_t from = (first + h) / group;
      TRY(gather(e, cache, layer, xf::CachePart::Keys, rows[r], from,
                 parameters.first, keys[h]));
      TRY(gather(e, cache, layer, xf::CachePart::Values, rows[r], from,
                 parameters.first, values[h]));
    }
    splitWork(e.options.threads, heads, 1,
              heads * dim * rows[r].path.size() * 4,
              [&](size_t begin, size_t end) {
                for (size_t h = begin; h < end; ++h) {
                  AttentionParameters own = parameters;
                  if (op.getAlibi())
                    own.slope = (*op.getAlibi())[first + h];
                  visit(r, int64_t(h), keys[h], values[h], own);
                }
              });
  }
  return {};
}

/// Entries 11 and 29. Padding rows, whose results nobody uses, give zeros.
Status attentionOp(Evaluator &e, xf::AttentionOp op) {
  TRY_LET(q, e.inputFloats(op.getQ()));
  TRY(e.checkProduct(cast<ShapedType>(op.getQ().getType()).getElementType(),
                     e.get<Cache>(op.getCache()).storage->getElement()));
  TRY_LET(y, e.output(op.getInit()));
  TRY(require(q.shape == y.shape, "q and init do not fit each other"));
  int64_t dim = op.getCache().getType().getDim();
  std::fill(y.data(), y.data() + y.size(), 0.0f);
  TRY(forEachHead(e, op, q,
                  [&](int64_t row, int64_t head, const auto &keys,
                      const auto &values, const auto &parameters) {
                    size_t at = row * q.shape[1] + head * dim;
                    if (e.run())
                      attentionInRuns(q.data() + at, dim, keys, values,
                                      parameters, e.run(), y.data() + at);
                    else
                      attention(q.data() + at, dim, keys, values, parameters,
                                y.data() + at);
                  }));
  e.set(op.getResult(0), y);
  return {};
}

Status blockCount(Evaluator &e, xf::BlockCountOp op) {
  int64_t blocks = 0;
  for (const Row &row : *e.get<Rows>(op.getRows()).all)
    if (row.cacheRow >= 0)
      blocks = std::max<int64_t>(blocks, row.position / 64 + 1);
  e.set(op.getResult(), blocks);
  return {};
}

/// Entry 11, block by block. What has no meaning keeps all bits set.
Status attentionPartials(Evaluator &e, xf::AttentionPartialsOp op) {
  TRY(e.requireCpuOrder());
  TRY_LET(q, e.input(op.getQ()));
  TRY_LET(y, e.output(op.getInit()));
  int64_t dim = op.getCache().getType().getDim();
  int64_t stride = xf::AttentionPartialsOp::getStride(dim);
  int64_t firstBlock = e.integer(op.getFirstBlock());
  TRY(require(firstBlock >= 0 && y.shape[1] == q.shape[0] &&
                  y.shape[2] == q.shape[1] / dim * stride,
              "q and init do not fit each other"));
  TRY(forEachHead(
      e, op, q,
      [&](int64_t row, int64_t head, const auto &keys, const auto &values,
          const auto &parameters) {
        for (int64_t b = 0; b < y.shape[0]; ++b) {
          size_t start = size_t(firstBlock + b) * 64;
          if (start >= keys.size() || start + 64 <= parameters.first)
            continue;
          attentionPartial(q.data() + row * q.shape[1] + head * dim, dim, keys,
                           values, parameters, size_t(firstBlock + b),
                           y.data() + (b * y.shape[1] + row) * y.shape[2] +
                               head * stride);
        }
      }));
  e.set(op.getResult(0), y);
  return {};
}

Status attentionMergeOp(Evaluator &e, xf::AttentionMergeOp op) {
  TRY(e.requireCpuOrder());
  const Rows &rows = e.get<Rows>(op.getRows());
  TRY_LET(partials, e.input(op.getPartials()));
  TRY_LET(y, e.output(op.getInit()));
  int64_t dim = op.getHeadDim(), heads = y.shape[1] / dim;
  int64_t stride = xf::AttentionPartialsOp::getStride(dim);
  TRY(require(partials.shape[1] == rows.size && y.shape[0] == rows.size &&
                  partials.shape[2] == heads * stride,
              "partials and init do not fit the rows"));
  std::fill(y.data(), y.data() + y.size(), 0.0f);
  for (int64_t r = 0; r < rows.size; ++r) {
    if (rows[r].cacheRow < 0)
      continue;
    int64_t seen = int64_t(rows[r].path.size());
    int64_t first = op.getWindow() && int64_t(*op.getWindow()) < seen
                        ? (seen - int64_t(*op.getWindow())) / 64
                        : 0;
    int64_t end = (seen + 63) / 64;
    TRY(require(end <= partials.shape[0], "a block of the row is missing"));
    for (int64_t h = 0; h < heads; ++h)
      attentionMerge(partials.data() +
                         (first * rows.size + r) * partials.shape[2] +
                         h * stride,
                     rows.size * partials.shape[2], end - first, dim,
                     y.data() + (r * heads + h) * dim);
  }
  e.set(op.getResult(0), y);
  return {};
}

/// Cache row past + i takes what cache row past + path[i] holds, ascending i.
Status commit(Evaluator &e, xf::KVCommitOp op) {
  Cache cache = e.get<Cache>(op.getCache());
  TRY(cache.check());
  TRY(require(!cache.inPhase, "a commit stands outside phases"));
  TRY_LET(path, e.input(op.getPath()));
  CacheStorage &storage = *cache.storage;
  xf::KVCacheType type = storage.getType();
  int64_t past = e.integer(op.getPast());
  int32_t slot = std::max(cache.slot, 0);
  for (int64_t i = 0; i < path.shape[0]; ++i) {
    int64_t from = past + path.data<int32_t>()[i];
    TRY(require(from >= past + i, "the path does not ascend"));
    for (int64_t layer = 0; layer < type.getLayers(); ++layer)
      for (xf::CachePart part : {xf::CachePart::Keys, xf::CachePart::Values})
        for (int64_t head = 0; head < type.getHeads(); ++head) {
          const float *source = storage.find(layer, part, slot, head, from);
          TRY(require(source, "a row of the path was never written"));
          std::vector<float> row(source, source + type.getDim());
          std::copy(row.begin(), row.end(),
                    storage.grow(layer, part, slot, head, past + i));
        }
  }
  cache.version = ++storage.version;
  e.set(op.getResult(), cache);
  return {};
}

} // namespace

void reference::addCacheHandlers(Handlers &handlers) {
  on<xf::KVAppendOp>(handlers, append);
  on<xf::AttentionOp>(handlers, attentionOp);
  on<xf::BlockCountOp>(handlers, blockCount);
  on<xf::AttentionPartialsOp>(handlers, attentionPartials);
  on<xf::AttentionMergeOp>(handlers, attentionMergeOp);
  on<xf::KVCommitOp>(handlers, commit);
}
