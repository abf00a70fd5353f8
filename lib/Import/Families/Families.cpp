//===- Families.cpp - The families of models ------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

const std::vector<const Family *> &allFamilies() {
  static const std::vector<const Family *> families = {
      &llamaFamily,    &mistralFamily,  &qwen2Family,      &qwen3Family,
      &phi3Family,     &gemmaFamily,    &gemma2Family,     &gemma3TextFamily,
      &gemma3Family,   &olmo2Family,    &smollm3Family,    &graniteFamily,
      &glm4Family,     &cohereFamily,   &starcoder2Family, &gpt2Family,
      &gptNeoXFamily,  &optFamily,      &bloomFamily,      &falconFamily,
      &phiFamily,      &stablelmFamily, &nemotronFamily,   &mixtralFamily,
      &qwen3MoeFamily, &olmoeFamily,
  };
  return families;
}

const Family *findFamily(std::string_view name) {
  for (const Family *family : allFamilies())
    if (family->name == name)
      return family;
  return nullptr;
}

std::string familyNames() {
  std::string names;
  for (const Family *family : allFamilies()) {
    names += names.empty() ? "" : ", ";
    names += family->name;
  }
  return names;
}

std::string familyTable() {
  std::string text = "# Families\n\n"
                     "Printed by `espalier families` from the registry in "
                     "`lib/Import/Families`.\n\n"
                     "| `model_type` | models | from | particular |\n"
                     "| --- | --- | --- | --- |\n";
  for (const Family *family : allFamilies()) {
    text += "| `";
    text += family->name;
    text += "` | ";
    text += family->models;
    text += family->inGGUF ? " | Hugging Face, GGUF | " : " | Hugging Face | ";
    text += family->remarks;
    text += " |\n";
  }
  text +=
      "\n"
      "Rotary embeddings of the types default, linear, llama3, yarn, longrope "
      "and dynamic are read in both spellings (`rope_parameters`; `rope_theta` "
      "and `rope_scaling`). The factors of longrope and dynamic are chosen "
      "once, for the context that a model is opened for (`-c`): up to "
      "the original context, which is the default, the short or plain ones "
      "count, beyond it the long or stretched ones, for every position. Text "
      "beyond the context of an open model is refused, so the choice never "
      "changes under a cache.\n\n"
      "A key of a configuration that changes what a model computes is read or "
      "refused by its name. Quantised checkpoints (`quantization_config`) are "
      "refused; GGUF files may hold Q8_0, Q4_0 and Q4_1.\n";
  return text;
}

} // namespace espalier
