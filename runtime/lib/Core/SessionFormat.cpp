//===- SessionFormat.cpp - Saved sessions -----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "SessionFormat.h"

#include "KvCache.h"
#include "Session.h"
#include "espalier/Support/Hash.h"

#include <bit>
#include <cstring>
#include <utility>

using namespace espalier;
using namespace espalier::runtime;

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian and read as it is");

//===--- What a session is bound to ---------------------------------------===//

static void put(uint64_t (&to)[2], const Hash128 &hash) {
  to[0] = hash.low;
  to[1] = hash.high;
}

/// What decides a row's bits, beside weights, layout and rotations. The header
/// of the weights, which has a hash of its own, says what the model computes.
static Hash128 hashModel(const espalier_model_card &card) {
  Hasher hasher;
  for (const char *text : {card.compiler, card.family, card.target, card.order,
                           card.activations}) {
    std::string_view view = text ? text : "";
    hasher.update(view);
    hasher.update(std::string_view("", 1));
  }
  uint32_t numbers[] = {card.layers,   card.hidden,       card.heads,
                        card.kv_heads, card.head_dim,     card.ffn,
                        card.vocab,    card.max_positions};
  hasher.update(std::span<const uint8_t>(
      reinterpret_cast<const uint8_t *>(numbers), sizeof(numbers)));
  return hasher.finish();
}

static uint64_t tokenBytes(uint64_t length) {
  return (length * sizeof(int32_t) + 63) / 64 * 64;
}

/// A session's length is at most its context, and a cache of at least as many
/// rows, rounded up to tiles, was counted when the model was opened.
static uint64_t bytesOf(const espalier_kv_layout &layout, uint64_t length) {
  uint64_t keyElements = (length + 15) / 16 * 16 * layout.head_dim;
  uint64_t valueElements = length * layout.value_dim;
  return sizeof(SessionHeader) + tokenBytes(length) +
         uint64_t(layout.layers) * layout.kv_heads *
             (keyElements + valueElements) * layout.element_bytes;
}

uint64_t runtime::sessionBytes(const espalier_session &session) {
  return bytesOf(session.model.descriptor->kv, session.length());
}

/// The header that a session of this model, of `length` tokens, has; the hash
/// of the content is still 0.
static SessionHeader headerFor(const espalier_model &model, uint32_t length) {
  const espalier_descriptor &d = *model.descriptor;
  SessionHeader header = {};
  memcpy(header.magic, sessionMagic, sizeof(header.magic));
  header.version = sessionVersion;
  header.headerBytes = sizeof(header);
  header.bytes = bytesOf(d.kv, length);
  header.weightsHash[0] = d.header_hash[0];
  header.weightsHash[1] = d.header_hash[1];
  put(header.modelHash, hashModel(*d.card));
  put(header.rotationsHash, model.hashRotations(length));
  header.layers = d.kv.layers;
  header.kvHeads = d.kv.kv_heads;
  header.headDim = d.kv.head_dim;
  header.valueDim = d.kv.value_dim;
  header.elementType = d.kv.element_type;
  header.vocabulary = d.card->vocab;
  header.context = model.context;
  header.length = length;
  return header;
}

//===--- Writing ----------------------------------------------------------===//

namespace {

class Writer {
public:
  explicit Writer(ByteSink &sink) : sink(sink) {}
  void write(const void *data, size_t bytes) {
    if (!status)
      return;
    hasher.update({static_cast<const uint8_t *>(data), bytes});
    status = sink.write(data, bytes);
  }
  Status status;
  Hasher hasher;

private:
  ByteSink &sink;
};

} // namespace

/// A run of keys, whose last tile may be used in part.
static void writeKeys(Writer &writer, const uint8_t *keys, uint64_t bytes,
                      const espalier_kv_layout &layout, uint32_t length) {
  uint64_t element = layout.element_bytes;
  uint64_t used = length % 16;
  uint64_t tile = 16 * layout.head_dim * element;
  if (used == 0)
    return writer.write(keys, bytes);
  writer.write(keys, bytes - tile);
  std::vector<uint8_t> last(tile);
  for (uint64_t d = 0; d < layout.head_dim; ++d)
    memcpy(last.data() + d * 16 * element,
           keys + bytes - tile + d * 16 * element, used * element);
  writer.write(last.data(), tile);
}

Status runtime::writeSession(const espalier_session &session, ByteSink &sink) {
  const espalier_kv_layout &layout = session.model.descriptor->kv;
  SessionHeader header = headerFor(session.model, session.length());
  Writer writer(sink);
  writer.write(&header, sizeof(header));
  size_t tokens = session.tokens.size() * sizeof(int32_t);
  static constexpr uint8_t zeros[64] = {};
  writer.write(session.tokens.data(), tokens);
  writer.write(zeros, tokenBytes(session.length()) - tokens);
  forEachCacheRun(layout, session.model.cacheRows, session.length(),
                  [&](uint64_t offset, uint64_t bytes, bool isKeys) {
                    const uint8_t *run = session.cache.data() + offset;
                    if (isKeys)
                      writeKeys(writer, run, bytes, layout, session.length());
                    else
                      writer.write(run, bytes);
                  });
  if (!writer.status)
    return std::move(writer.status);
  put(header.contentHash, writer.hasher.finish());
  return sink.rewrite(&header, sizeof(header));
}

//===--- Reading ----------------------------------------------------------===//

static Error wrong(const char *what, uint64_t expected, uint64_t got,
                   const char *advice) {
  return Error{std::string(what) + ": expected " + std::to_string(expected) +
               ", got " + std::to_string(got) + advice};
}

static bool differ(const uint64_t (&a)[2], const uint64_t (&b)[2]) {
  return a[0] != b[0] || a[1] != b[1];
}

/// All but the content's hash.
static Status checkHeader(const SessionHeader &header,
                          const espalier_model &model, uint64_t bytes) {
  if (memcmp(header.magic, sessionMagic, sizeof(header.magic)) != 0)
    return Error{"not a saved session"};
  if (header.version != sessionVersion)
    return wrong("version", sessionVersion, header.version,
                 ": it was saved by another version of the runtime");
  if (header.headerBytes != sizeof(header))
    return wrong("header size", sizeof(header), header.headerBytes,
                 ": the file is damaged");
  if (header.length > model.context)
    return Error{"its " + std::to_string(header.length) +
                 " tokens do not fit into the context, which holds " +
                 std::to_string(model.context) + ": " + model.contextAdvice()};
  SessionHeader expected = headerFor(model, header.length);
  if (differ(header.weightsHash, expected.weightsHash))
    return Error{"saved from another model than '" +
                 std::string(model.descriptor->name) +
                 "', from other weights or by another version of the compiler"};
  static constexpr const char *otherModel =
      ": saved from a model that was compiled with other options";
  const std::pair<const char *, uint32_t SessionHeader::*> fields[] = {
      {"layers", &SessionHeader::layers},
      {"heads", &SessionHeader::kvHeads},
      {"size of a key", &SessionHeader::headDim},
      {"size of a value", &SessionHeader::valueDim},
      {"type of the cache", &SessionHeader::elementType},
      {"vocabulary", &SessionHeader::vocabulary}};
  for (auto [name, field] : fields)
    if (header.*field != expected.*field)
      return wrong(name, expected.*field, header.*field, otherModel);
  if (differ(header.modelHash, expected.modelHash))
    return Error{"saved from a model that computes otherwise: activations, "
                 "order of sums or sizes differ"};
  if (differ(header.rotationsHash, expected.rotationsHash))
    return Error{"its positions were rotated otherwise: open the model with "
                 "the context that it was saved from, " +
                 std::to_string(header.context)};
  for (uint64_t reserved : header.reserved)
    if (reserved != 0)
      return Error{"reserved fields are not 0: the file is damaged"};
  if (header.bytes != expected.bytes || bytes != expected.bytes)
    return wrong("size", expected.bytes, bytes,
                 ": the file is truncated or damaged");
  return {};
}

Status runtime::readSession(espalier_session &session, ByteSource &source,
                            espalier_status &status) {
  const espalier_model &model = session.model;
  status = ESPALIER_ERROR_FILE;
  SessionHeader header;
  if (source.size() < sizeof(header))
    return Error{"not a saved session"};
  if (Status read = source.read(&header, sizeof(header)); !read)
    return read;
  if (Status checked = checkHeader(header, model, source.size()); !checked) {
    if (header.length > model.context)
      status = ESPALIER_ERROR_CONTEXT;
    return checked;
  }
  SessionHeader plain = header;
  plain.contentHash[0] = plain.contentHash[1] = 0;
  Hasher hasher;
  auto read = [&](void *to, size_t bytes) -> Status {
    if (Status got = source.read(to, bytes); !got)
      return got;
    hasher.update({static_cast<const uint8_t *>(to), bytes});
    return {};
  };
  hasher.update({reinterpret_cast<const uint8_t *>(&plain), sizeof(plain)});

  // Into new memory: what is there stays until all was read and found good.
  Reservation cache;
  if (espalier_status reserved = session.reserveCache(cache)) {
    status = reserved;
    return Error{espalier_last_error()};
  }
  std::vector<int32_t> tokens(tokenBytes(header.length) / sizeof(int32_t));
  Status done = read(tokens.data(), tokens.size() * sizeof(int32_t));
  forEachCacheRun(model.descriptor->kv, model.cacheRows, header.length,
                  [&](uint64_t offset, uint64_t bytes, bool) {
                    if (done)
                      done = read(cache.data() + offset, bytes);
                  });
  if (!done)
    return done;
  uint64_t hash[2];
  put(hash, hasher.finish());
  if (differ(hash, header.contentHash))
    return Error{"its content does not have the hash that was saved with it: "
                 "the file is damaged"};
  tokens.resize(header.length);
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || uint32_t(tokens[i]) >= header.vocabulary)
      return Error{"token " + std::to_string(i) + ": expected an id of 0 to " +
                   std::to_string(header.vocabulary - 1) + ", got " +
                   std::to_string(tokens[i]) + ": the file is damaged"};
  session.cache = std::move(cache);
  session.tokens = std::move(tokens);
  session.tree.clear();
  status = ESPALIER_OK;
  return {};
}
