//===- Output.cpp - What an answer prints -----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Output.h"

#include <cmath>
#include <cstdio>

using namespace espalier;
using namespace espalier::program;

std::string program::quoteJson(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    char escape[8];
    switch (c) {
    case '"':
    case '\\':
      out += '\\';
      out += c;
      break;
    case '\n':
      out += "\\n";
      break;
    case '\t':
      out += "\\t";
      break;
    case '\r':
      out += "\\r";
      break;
    default:
      if (uint8_t(c) >= 0x20 && c != 0x7f) {
        out += c;
        break;
      }
      snprintf(escape, sizeof(escape), "\\u%04x", unsigned(uint8_t(c)));
      out += escape;
    }
  }
  return out + '"';
}

/// The shortest digits that give the same number again.
static std::string number(double value, int digits) {
  char text[40];
  if (!std::isfinite(value))
    return "null";
  snprintf(text, sizeof(text), "%.*g", digits, value);
  return text;
}

std::string Output::textOf(int32_t token) const {
  char *text;
  size_t bytes;
  if (espalier_detokenize(model, &token, 1, 1, &text, &bytes) != ESPALIER_OK)
    return "";
  std::string copy(text, bytes);
  espalier_free(text);
  return copy;
}

bool Output::print(const espalier_event &event) {
  std::string line;
  if (!json) {
    line.assign(event.text, event.bytes);
  } else {
    line = "{\"token\":" +
           (event.token < 0 ? "null" : std::to_string(event.token)) +
           ",\"text\":" + quoteJson({event.text, event.bytes});
    if (logprobs && event.token >= 0) {
      line += ",\"logprob\":" + number(double(event.logprob), 9) +
              ",\"top_logprobs\":[";
      for (uint32_t i = 0; i < event.top_count; ++i) {
        const espalier_logprob &one = event.top[i];
        line += (i ? ",{" : "{") + std::string("\"token\":") +
                std::to_string(one.token) +
                ",\"text\":" + quoteJson(textOf(one.token)) +
                ",\"logprob\":" + number(double(one.logprob), 9) + "}";
      }
      line += "]";
    }
    line += "}\n";
  }
  return fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
         fflush(stdout) == 0;
}

static const char *nameOf(uint32_t finish) {
  switch (finish) {
  case ESPALIER_FINISH_END:
    return "end";
  case ESPALIER_FINISH_STOP:
    return "stop";
  case ESPALIER_FINISH_LENGTH:
    return "length";
  case ESPALIER_FINISH_CONTEXT:
    return "context";
  case ESPALIER_FINISH_CANCELLED:
    return "cancelled";
  default:
    return "failed";
  }
}

void Output::finish(const espalier_timing &timing, uint32_t reused) {
  auto rate = [](uint32_t tokens, double seconds) {
    return seconds > 0 ? double(tokens) / seconds : 0.0;
  };
  // The first new token comes out of the prompt's step.
  uint32_t decoded = timing.new_tokens > 0 ? timing.new_tokens - 1 : 0;
  double promptRate = rate(timing.prompt_tokens, timing.prompt_seconds);
  double answerRate = rate(decoded, timing.decode_seconds);
  uint32_t prompt = timing.prompt_tokens + reused;
  if (json) {
    printf("{\"finish\":\"%s\",\"prompt_tokens\":%u,\"reused_tokens\":%u,"
           "\"new_tokens\":%u,\"prompt_seconds\":%s,\"decode_seconds\":%s,"
           "\"prompt_tokens_per_second\":%s,\"new_tokens_per_second\":%s}\n",
           nameOf(timing.finish), prompt, reused, timing.new_tokens,
           number(timing.prompt_seconds, 6).c_str(),
           number(timing.decode_seconds, 6).c_str(),
           number(promptRate, 6).c_str(), number(answerRate, 6).c_str());
    fflush(stdout);
    return;
  }
  fputc('\n', stdout);
  fflush(stdout);
  std::string more =
      reused ? " (" + std::to_string(reused) + " of them reused)" : "";
  auto plural = [](uint32_t tokens) { return tokens == 1 ? "" : "s"; };
  fprintf(stderr,
          "prompt: %u token%s%s in %.3f s (%.1f tokens/s), answer: %u token%s "
          "in %.3f s (%.1f tokens/s)\n",
          prompt, plural(prompt), more.c_str(), timing.prompt_seconds,
          promptRate, timing.new_tokens, plural(timing.new_tokens),
          timing.decode_seconds, answerRate);
}
