/*===- tokenizer_tables.h - A compiled tokenizer ------------------*- C -*-===*\
|* Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.      *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/**
 * \file
 * The layout of the tokenizer tables that a descriptor points to: written by
 * the compiler, read in place by the runtime. Little-endian. The block begins
 * at a multiple of 8 with the header; each section begins at a multiple of 8
 * after it, in the order of the enumeration, the gaps zero.
 */
#ifndef ESPALIER_TOKENIZER_TABLES_H
#define ESPALIER_TOKENIZER_TABLES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESPALIER_TOKENIZER_MAGIC 0x4e454b4f54505345ull /* "ESPTOKEN" */
#define ESPALIER_TOKENIZER_VERSION 1u
/** Ids, bytes of text and merges are below this, so that sums of two fit 32
 * bits. */
#define ESPALIER_TOKENIZER_LIMIT 0x40000000u

/** How text is cut into pieces before merging. `L` and `N` are the Unicode
 *  categories, `s` is White_Space. */
enum {
  /** 's|'t|'re|'ve|'m|'ll|'d| ?L+| ?N+| ?[^sLN]+|s+(?!S)|s+ */
  ESPALIER_SPLIT_GPT2 = 1,
  /** (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\nLN]?L+|N{1,3}|
     ?[^sLN]+[\r\n]*|s*[\r\n]+|s+(?!S)|s+ */
  ESPALIER_SPLIT_LLAMA3 = 2,
  /** As LLAMA3, with N for N{1,3}. */
  ESPALIER_SPLIT_QWEN2 = 3,
  /** Every N is a piece; what is between them is cut as GPT2. */
  ESPALIER_SPLIT_SMOLLM = 4
};

enum { ESPALIER_NORMALIZE_NONE = 0, ESPALIER_NORMALIZE_NFC = 1 };

/** Header flags. */
enum {
  /** A piece that is a token as a whole is that token, whatever the merges say.
   */
  ESPALIER_TOKENIZER_IGNORE_MERGES = 1
};

/** Token flags. */
enum {
  ESPALIER_TOKEN_PRESENT = 1, /**< the id stands for something */
  ESPALIER_TOKEN_SPECIAL = 2  /**< left out of decoded text, unless asked for */
};

enum {
  ESPALIER_TOKENS_BEGIN, /**< u32[vocabulary + 1] into TOKENS_TEXT, ascending */
  ESPALIER_TOKENS_FLAGS, /**< u8[vocabulary] ESPALIER_TOKEN_* */
  ESPALIER_TOKENS_TEXT,  /**< the bytes that each token stands for */
  ESPALIER_TOKENS_SORTED, /**< u32[]: ids that IGNORE_MERGES finds, ascending by
                               their bytes; empty without that flag */
  ESPALIER_MERGES_BEGIN,  /**< u32[vocabulary + 1] into MERGES: those whose left
                             is  the id, ascending */
  ESPALIER_MERGES, /**< espalier_tokenizer_merge[], ascending by right within
                        one left */
  ESPALIER_BYTE_TOKENS, /**< i32[256]: the token of a byte, -1: dropped */
  ESPALIER_RAW_BEGIN,   /**< u32[n + 1] into RAW_TEXT, ascending: added tokens,
                             sought in the text as it is, sorted by their bytes */
  ESPALIER_RAW_ID,      /**< u32[n] */
  ESPALIER_RAW_TEXT,
  ESPALIER_NORMALIZED_BEGIN, /**< the same, sought in the normalised text */
  ESPALIER_NORMALIZED_ID,
  ESPALIER_NORMALIZED_TEXT,
  ESPALIER_PREFIX, /**< i32[]: ids that the post-processor puts before */
  ESPALIER_SUFFIX, /**< i32[]: and after the text */
  ESPALIER_TOKENIZER_SECTIONS
};

typedef struct espalier_tokenizer_section {
  uint64_t offset; /**< from the start of the block, a multiple of 8 */
  uint64_t bytes;
} espalier_tokenizer_section;

typedef struct espalier_tokenizer_merge {
  uint32_t right;
  uint32_t rank; /**< the lowest is merged first */
  uint32_t result;
} espalier_tokenizer_merge;

typedef struct espalier_tokenizer_header {
  uint64_t magic;
  uint32_t version;
  uint32_t header_bytes; /**< sizeof(espalier_tokenizer_header) */
  uint64_t bytes;        /**< of the whole block */
  uint64_t hash[2]; /**< XXH3-128 of all after this field, low and high half */
  uint32_t split;   /**< ESPALIER_SPLIT_* */
  uint32_t normalizer; /**< ESPALIER_NORMALIZE_* */
  uint32_t flags;      /**< ESPALIER_TOKENIZER_* */
  uint32_t vocabulary; /**< ids are 0 .. vocabulary - 1 */
  int32_t bos, eos;    /**< -1: none */
  espalier_tokenizer_section sections[ESPALIER_TOKENIZER_SECTIONS];
} espalier_tokenizer_header;

#ifdef __cplusplus
}
#endif
#endif /* ESPALIER_TOKENIZER_TABLES_H */
