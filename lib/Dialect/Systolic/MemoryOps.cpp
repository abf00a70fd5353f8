//===- MemoryOps.cpp - Transfers of DRAM ----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The numbers in the comments are those of the ops' descriptions.

#include "OpSupport.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::systolic;

/// load_c1, gather_c1, store_c1, scatter_c1
static LogicalResult verifySpaces(Operation *op, Value source, Space from,
                                  Value destination, Space to) {
  return success(succeeded(verifySpace(op, "source", source, from)) &&
                 succeeded(verifySpace(op, "destination", destination, to)));
}

/// gather_c4, scatter_c4
static LogicalResult verifyArgument(Operation *op, int64_t from, Value rows) {
  int64_t bucket = getFrame(op).bucketRows;
  if (from < 0 || from > bucket ||
      int64_t(bufferOf(rows).getRows()) > bucket - from)
    return op->emitOpError("expected rows within the ")
           << bucket << " of the bucket, but got " << bufferOf(rows).getRows()
           << " from " << from << " on";
  return success();
}

/// store_c3, scatter_c3
static LogicalResult verifyEqual(Operation *op, Value source,
                                 Value destination) {
  Element from = bufferOf(source).getElement();
  Element to = bufferOf(destination).getElement();
  if (from != to)
    return op->emitOpError("expected equal types, but got ")
           << stringifyElement(from) << " and " << stringifyElement(to);
  return success();
}

/// store_c4, scatter_c5
static LogicalResult verifyWritable(Operation *op, Value destination,
                                    SymbolTableCollection &tables) {
  auto place = destination.getDefiningOp<DramOp>();
  auto symbol =
      tables.lookupNearestSymbolFrom<SymbolOp>(op, place.getSymbolAttr());
  if (!symbol)
    return success(); // dram_c3 says so.
  for (auto name : symbol.getRegions().getAsRange<FlatSymbolRefAttr>()) {
    auto region = tables.lookupNearestSymbolFrom<RegionOp>(op, name);
    if (region && (region.getKind() == systolic::RegionKind::Weights ||
                   region.getKind() == systolic::RegionKind::Table))
      return op->emitOpError("must not write the region ")
             << name << ", which is read only";
  }
  return success();
}

LogicalResult LoadOp::verify() {
  if (failed(verifySpaces(*this, getSource(), Space::Dram, getDestination(),
                          Space::Scratchpad)))
    return failure();
  BufferType from = bufferOf(getSource()), to = bufferOf(getDestination());
  // load_c2
  uint64_t rows = from.getRows() * from.getRowsOfRow();
  if (rows > ESPALIER_SYSTOLIC_MAX_ROWS)
    return emitOpError("expected at most 2048 rows of blocks, but got ")
           << from.getRows();
  if (failed(verifySize(*this, "destination", getDestination(), rows,
                        from.getColumns())))
    return failure();
  // load_c3
  if (from.getElement() != to.getElement() &&
      (to.getElement() != Element::BF16 || from.getElement() < Element::F32))
    return emitOpError("cannot make ")
           << stringifyElement(to.getElement()) << " of "
           << stringifyElement(from.getElement());
  // load_c4
  if (std::optional<int64_t> limit = getLimit())
    return verifyRange(*this, "limit", *limit, 0, kMax32);
  return success();
}

Encoding LoadOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_LOAD)
      .a(getDestination())
      .dram(getSource())
      .flag(ESPALIER_FLAG_LIMIT, getLimit().has_value())
      .extra(getLimit().value_or(0))
      .encoding;
}

LogicalResult GatherOp::verify() {
  if (failed(verifySpaces(*this, getSource(), Space::Dram, getDestination(),
                          Space::Scratchpad)))
    return failure();
  BufferType from = bufferOf(getSource()), to = bufferOf(getDestination());
  // gather_c2
  if (failed(verifySize(*this, "destination", getDestination(), from.getRows(),
                        from.getColumns())))
    return failure();
  // gather_c3
  if (from.getElement() != to.getElement() &&
      (from.getElement() != Element::F32 || to.getElement() != Element::BF16))
    return emitOpError("cannot make ")
           << stringifyElement(to.getElement()) << " of "
           << stringifyElement(from.getElement());
  return verifyArgument(*this, getFrom(), getSource());
}

Encoding GatherOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_GATHER)
      .a(getDestination())
      .dram(getSource())
      .aux(static_cast<unsigned>(getArgument()))
      .extra(getFrom())
      .encoding;
}

LogicalResult StoreOp::verify() {
  if (failed(verifySpaces(*this, getSource(), Space::Scratchpad,
                          getDestination(), Space::Dram)))
    return failure();
  // store_c2
  BufferType from = bufferOf(getSource());
  if (failed(verifySize(*this, "destination", getDestination(), from.getRows(),
                        from.getColumns())))
    return failure();
  return verifyEqual(*this, getSource(), getDestination());
}

LogicalResult StoreOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyWritable(*this, getDestination(), tables);
}

Encoding StoreOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_STORE)
      .a(getSource())
      .dram(getDestination())
      .encoding;
}

LogicalResult ScatterOp::verify() {
  if (failed(verifySpaces(*this, getSource(), Space::Scratchpad,
                          getDestination(), Space::Dram)))
    return failure();
  // scatter_c2
  BufferType from = bufferOf(getSource());
  if (failed(verifySize(*this, "destination", getDestination(), from.getRows(),
                        from.getColumns())) ||
      failed(verifyEqual(*this, getSource(), getDestination())))
    return failure();
  return verifyArgument(*this, getFrom(), getSource());
}

LogicalResult ScatterOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyWritable(*this, getDestination(), tables);
}

Encoding ScatterOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_SCATTER)
      .a(getSource())
      .dram(getDestination())
      .aux(static_cast<unsigned>(getArgument()))
      .extra(getFrom())
      .encoding;
}
