//===- TokenizerModel.cpp - What both kinds of file share -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerModel.h"

#include <algorithm>

namespace espalier::tokenizer {

bool TokenizerModel::byteLevel() const {
  return std::any_of(pieces.begin(), pieces.end(), [](const Step &step) {
    return step.kind == ESPALIER_PIECES_BYTES;
  });
}

void addByteLevel(TokenizerModel &model, uint32_t expression,
                  bool everyNumber) {
  if (everyNumber)
    model.pieces.push_back({ESPALIER_PIECES_SPLIT, ESPALIER_SPLIT_NUMERIC});
  model.pieces.push_back({ESPALIER_PIECES_SPLIT, expression});
  model.pieces.push_back({ESPALIER_PIECES_BYTES});
  model.decoder.push_back({ESPALIER_DECODE_BYTES});
}

void addSentencePieceDecoder(TokenizerModel &model, bool stripsFirst) {
  model.decoder.push_back({ESPALIER_DECODE_REPLACE, 0, 0, spaceMark, " "});
  model.decoder.push_back({ESPALIER_DECODE_BYTE_FALLBACK});
  model.decoder.push_back({ESPALIER_DECODE_FUSE});
  if (stripsFirst)
    model.decoder.push_back({ESPALIER_DECODE_STRIP, 1, 0, " "});
}

ImportedTokenizer notSupported(const std::string &what) {
  ImportedTokenizer result;
  result.missing = "tokenizer not supported yet: " + what;
  return result;
}

std::string quoted(std::string_view text) {
  constexpr size_t longest = 80;
  if (text.size() <= longest)
    return json::quote(text);
  return json::quote(text.substr(0, longest)) + "...";
}

} // namespace espalier::tokenizer
