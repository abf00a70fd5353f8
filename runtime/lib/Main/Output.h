//===- Output.h - What an answer prints -------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_MAIN_OUTPUT_H
#define ESPALIER_RUNTIME_MAIN_OUTPUT_H

#include "Options.h"

namespace espalier::program {

/// Prints one answer as it comes: its text, or one JSON object a line.
class Output {
public:
  Output(const espalier_model *model, const Options &options)
      : model(model), json(options.json),
        logprobs(options.generate.logprobs != 0) {}

  /// False: nobody reads any more.
  bool print(const espalier_event &event);
  /// The end of the answer. `reused` tokens of the prompt were not computed.
  void finish(const espalier_timing &timing, uint32_t reused);

private:
  std::string textOf(int32_t token) const;

  const espalier_model *model;
  bool json, logprobs;
};

/// `text`, which is UTF-8, as a JSON string with its quotes.
std::string quoteJson(std::string_view text);

} // namespace espalier::program

#endif // ESPALIER_RUNTIME_MAIN_OUTPUT_H
