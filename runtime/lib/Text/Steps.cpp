//===- Steps.cpp - What lists of steps must hold --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Steps.h"
#include "Characters.h"

#include "espalier/Support/Utf8.h"

#include <string>

namespace espalier::text {

namespace {

Error wrong(const char *list, size_t index, const char *what) {
  return Error{std::string(list) + " step " + std::to_string(index) + ": " +
               what};
}

/// The texts of a step are in bounds, short and UTF-8.
Status checkStep(const char *list, Steps steps, size_t index, uint32_t kinds,
                 std::string_view stepText) {
  const espalier_tokenizer_step &step = steps[index];
  if (step.kind == 0 || step.kind >= kinds)
    return wrong(list, index, "it is not known");
  for (auto [begin, bytes] :
       {std::pair{step.text_begin, step.text_bytes},
        std::pair{step.content_begin, step.content_bytes}}) {
    if (begin > stepText.size() || bytes > stepText.size() - begin)
      return wrong(list, index, "its text is out of bounds");
    if (bytes > ESPALIER_TOKENIZER_STEP_TEXT)
      return wrong(list, index, "its text is too long");
    if (!isValidUtf8(stepText.substr(begin, bytes)))
      return wrong(list, index, "its text is not UTF-8");
  }
  return {};
}

Status checkList(const char *list, Steps steps, uint32_t kinds,
                 std::string_view stepText) {
  if (steps.size() > ESPALIER_TOKENIZER_STEPS)
    return Error{std::string(list) + ": there are too many steps"};
  for (size_t i = 0; i < steps.size(); ++i)
    if (Status status = checkStep(list, steps, i, kinds, stepText); !status)
      return status;
  return {};
}

bool isOneCharacter(const espalier_tokenizer_step &step,
                    std::string_view stepText) {
  std::string_view text = stepText.substr(step.text_begin, step.text_bytes);
  return !text.empty() && scalarAt(text, 0).length == text.size();
}

} // namespace

Status checkNormalizer(Steps steps, std::string_view stepText) {
  const char *list = "normaliser";
  if (Status status =
          checkList(list, steps, ESPALIER_NORMALIZE_KINDS, stepText);
      !status)
    return status;
  for (size_t i = 0; i < steps.size(); ++i)
    if (steps[i].kind == ESPALIER_NORMALIZE_REPLACE && steps[i].text_bytes == 0)
      return wrong(list, i, "there is nothing to replace");
  return {};
}

Status checkPieces(Steps steps, std::string_view stepText) {
  const char *list = "pre-tokenizer";
  if (Status status = checkList(list, steps, ESPALIER_PIECES_KINDS, stepText);
      !status)
    return status;
  bool bytes = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    const espalier_tokenizer_step &step = steps[i];
    if (step.kind == ESPALIER_PIECES_SPLIT) {
      if (step.option == 0 || step.option >= ESPALIER_SPLIT_KINDS)
        return wrong(list, i, "its expression is not known");
      if ((step.flags & ~uint32_t(ESPALIER_BEHAVIOR_INVERT)) >
          ESPALIER_BEHAVIOR_NEXT)
        return wrong(list, i, "its behaviour is not known");
      if (step.option == ESPALIER_SPLIT_LITERAL && step.text_bytes == 0)
        return wrong(list, i, "its text is empty");
      if (bytes && step.option != ESPALIER_SPLIT_NUMERIC &&
          step.option != ESPALIER_SPLIT_THREE_DIGITS)
        return wrong(list, i, "its expression does not work on bytes");
      continue;
    }
    if (bytes)
      return wrong(list, i, "it does not work on bytes");
    if (step.kind == ESPALIER_PIECES_METASPACE &&
        (!isOneCharacter(step, stepText) ||
         step.option > ESPALIER_PREPEND_FIRST))
      return wrong(list, i, "its replacement is not one character");
    bytes = step.kind == ESPALIER_PIECES_BYTES;
  }
  return {};
}

Status checkDecoder(Steps steps, std::string_view stepText) {
  const char *list = "decoder";
  if (Status status = checkList(list, steps, ESPALIER_DECODE_KINDS, stepText);
      !status)
    return status;
  bool fallback = false, fused = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    const espalier_tokenizer_step &step = steps[i];
    bool ordered = true;
    switch (step.kind) {
    case ESPALIER_DECODE_BYTES:
    case ESPALIER_DECODE_JOIN:
      ordered = i == 0 &&
                (steps.size() == 1 ||
                 (steps.size() == 2 && steps[1].kind == ESPALIER_DECODE_FUSE));
      break;
    case ESPALIER_DECODE_BYTE_FALLBACK:
      ordered = !fallback && !fused;
      fallback = true;
      break;
    case ESPALIER_DECODE_FUSE:
      ordered = step.option == 0;
      fused = true;
      break;
    case ESPALIER_DECODE_STRIP:
      ordered = isOneCharacter(step, stepText) && !(fused && step.flags != 0);
      break;
    default: // REPLACE, METASPACE
      ordered = !fused && step.text_bytes != 0;
      break;
    }
    if (!ordered)
      return wrong(list, i, "it is not known at this place");
  }
  return {};
}

} // namespace espalier::text
