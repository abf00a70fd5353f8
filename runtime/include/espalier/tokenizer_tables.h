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
#define ESPALIER_TOKENIZER_VERSION 2u
/** Ids, bytes of text and merges are below this, so that sums of two fit 32
 * bits. */
#define ESPALIER_TOKENIZER_LIMIT 0x40000000u
/** Each list of steps is at most this long. */
#define ESPALIER_TOKENIZER_STEPS 16u
/** Each text of a step is at most this long. */
#define ESPALIER_TOKENIZER_STEP_TEXT 64u
/** Added tokens, and tokens of a unigram model, are at most this long, which
 *  bounds the time for each character. */
#define ESPALIER_TOKENIZER_TOKEN_TEXT 1024u

/** How the ids of a piece are found. */
enum {
  ESPALIER_MODEL_BPE = 1,    /**< merge the pair of the lowest rank */
  ESPALIER_MODEL_UNIGRAM = 2 /**< the path of the highest sum of scores */
};

/** Steps of the normaliser, applied in turn to what is between added tokens. */
enum {
  ESPALIER_NORMALIZE_NFC = 1,
  ESPALIER_NORMALIZE_NFD = 2,
  ESPALIER_NORMALIZE_NFKC = 3,
  ESPALIER_NORMALIZE_NFKD = 4,
  ESPALIER_NORMALIZE_LOWERCASE = 5,
  /** White space at the beginning (option & 1) and the end (option & 2). */
  ESPALIER_NORMALIZE_STRIP = 6,
  ESPALIER_NORMALIZE_STRIP_ACCENTS = 7, /**< drops the marks */
  ESPALIER_NORMALIZE_NMT = 8, /**< drops controls; some characters to space */
  ESPALIER_NORMALIZE_PREPEND = 9,  /**< `text`, unless there is nothing */
  ESPALIER_NORMALIZE_REPLACE = 10, /**< `text` by `content` */
  /** Two spaces or more by `content`. */
  ESPALIER_NORMALIZE_REPLACE_SPACES = 11,
  ESPALIER_NORMALIZE_CHARSMAP = 12, /**< SentencePiece's compiled map */
  ESPALIER_NORMALIZE_KINDS
};

/** Steps that cut text into pieces, each applied to every piece. */
enum {
  ESPALIER_PIECES_SPLIT = 1, /**< at matches of the expression `option`; flags:
                                  ESPALIER_BEHAVIOR_* */
  ESPALIER_PIECES_PREFIX_SPACE = 2, /**< a space before, unless there is one */
  /** ' ' to `text`, which goes before as well: option ESPALIER_PREPEND_*. */
  ESPALIER_PIECES_METASPACE = 3,
  /** From here on pieces are bytes: only ESPALIER_SPLIT_NUMERIC and
   *  ESPALIER_SPLIT_THREE_DIGITS may follow, and see the bytes as the alphabet
   *  of byte-level BPE shows them. */
  ESPALIER_PIECES_BYTES = 4,
  ESPALIER_PIECES_KINDS
};

enum {
  ESPALIER_PREPEND_NEVER = 0,
  ESPALIER_PREPEND_ALWAYS = 1, /**< unless the piece begins with it */
  ESPALIER_PREPEND_FIRST = 2   /**< only where the text begins */
};

enum {
  ESPALIER_BEHAVIOR_ISOLATED = 0,
  ESPALIER_BEHAVIOR_REMOVED = 1,
  ESPALIER_BEHAVIOR_CONTIGUOUS = 2,
  ESPALIER_BEHAVIOR_PREVIOUS = 3,
  ESPALIER_BEHAVIOR_NEXT = 4,
  ESPALIER_BEHAVIOR_INVERT = 0x100 /**< what does not match is the match */
};

/** Expressions. `L`, `N`, `M`, `P`, `S` are the Unicode categories, `s` is
 *  White_Space; CONTRACTION is 's|'t|'re|'ve|'m|'ll|'d, its case ignored. */
enum {
  /** 's|'t|'re|'ve|'m|'ll|'d| ?L+| ?N+| ?[^sLN]+|s+(?!S)|s+ */
  ESPALIER_SPLIT_GPT2 = 1,
  /** CONTRACTION|[^\r\nLN]?L+|N{1,3}| ?[^sLN]+[\r\n]*|s*[\r\n]+|s+(?!S)|s+ */
  ESPALIER_SPLIT_LLAMA3 = 2,
  /** As LLAMA3, with N for N{1,3}. */
  ESPALIER_SPLIT_QWEN2 = 3,
  /** As QWEN2, with marks among the letters, but not among [^\r\nLN]. */
  ESPALIER_SPLIT_QWEN35 = 4,
  /** [^\r\nLN]?[LuLtLmLoM]*[LlLmLoM]+(CONTRACTION)?|
   *  [^\r\nLN]?[LuLtLmLoM]+[LlLmLoM]*(CONTRACTION)?|
   *  N{1,3}| ?[^sLN]+[\r\n/]*|s*[\r\n]+|s+(?!S)|s+ */
  ESPALIER_SPLIT_O200K = 5,
  /** As O200K, without contractions, with N for N{1,3}. */
  ESPALIER_SPLIT_TEKKEN = 6,
  /** [ASCII punctuation][A-Za-z]+|[^\r\nLPS]?[LM]+| ?[PS]+[\r\n]*|s*[\r\n]+|
   *  s+(?!S)|s+ */
  ESPALIER_SPLIT_DEEPSEEK3 = 7,
  ESPALIER_SPLIT_BLOOM = 8, /**< " ?" and one or more of all but s, parentheses,
                                 | and .,!?, of four scripts */
  ESPALIER_SPLIT_NUMBERS_3 = 9,          /**< N{1,3} */
  ESPALIER_SPLIT_NUMBER = 10,            /**< N */
  ESPALIER_SPLIT_CJK_KANA = 11,          /**< [4E00-9FA5 3040-30FF]+ */
  ESPALIER_SPLIT_CJK_HANGUL = 12,        /**< [0800-9FA5 AC00-D7FF]+ */
  ESPALIER_SPLIT_LINE_END = 13,          /**< [\r\n] */
  ESPALIER_SPLIT_SPACE_LETTERS = 14,     /**< s?L+ */
  ESPALIER_SPLIT_SPACE_PUNCTUATION = 15, /**< s?P+ */
  ESPALIER_SPLIT_THREE_DIGITS = 16,      /**< [0-9][0-9][0-9] */
  ESPALIER_SPLIT_NUMERIC = 17,           /**< one character of N */
  ESPALIER_SPLIT_PUNCTUATION = 18,       /**< one of P or ASCII punctuation */
  ESPALIER_SPLIT_WHITE_SPACE = 19,       /**< one of s */
  ESPALIER_SPLIT_WORDS = 20,             /**< \w+|[^\ws]+ */
  ESPALIER_SPLIT_LITERAL = 21,           /**< `text` */
  ESPALIER_SPLIT_KINDS
};

/** Steps of the decoder. Either BYTES, or JOIN, or: REPLACE, STRIP and
 *  METASPACE, at most one BYTE_FALLBACK between them, then perhaps FUSE, then
 *  perhaps STRIPs that cut nothing at the end. */
enum {
  ESPALIER_DECODE_BYTES = 1,         /**< tokens stand for bytes */
  ESPALIER_DECODE_JOIN = 2,          /**< a space between tokens */
  ESPALIER_DECODE_REPLACE = 3,       /**< `text` by `content` */
  ESPALIER_DECODE_BYTE_FALLBACK = 4, /**< <0x0A> is a byte */
  ESPALIER_DECODE_FUSE = 5,          /**< what follows sees one token */
  /** Up to `option` times `text`, a character, at the beginning, up to `flags`
   *  times at the end. */
  ESPALIER_DECODE_STRIP = 6,
  /** `text` to ' '; option 1: dropped in the first token. */
  ESPALIER_DECODE_METASPACE = 7,
  ESPALIER_DECODE_KINDS
};

/** Header flags. */
enum {
  /** A piece that is a token as a whole is that token, whatever the merges say.
   */
  ESPALIER_TOKENIZER_IGNORE_MERGES = 1,
  /** BPE: unknown characters in a row become one unknown token. */
  ESPALIER_TOKENIZER_FUSE_UNKNOWN = 2
};

/** Token flags. */
enum {
  ESPALIER_TOKEN_PRESENT = 1, /**< the id stands for something */
  ESPALIER_TOKEN_SPECIAL = 2, /**< left out of decoded text, unless asked for */
  ESPALIER_TOKEN_NORMALIZED = 4 /**< its text is in NORMALIZED_TEXT */
};

/** Flags of added tokens. */
enum {
  ESPALIER_ADDED_LSTRIP = 1, /**< takes the white space before it */
  ESPALIER_ADDED_RSTRIP = 2, /**< and after it */
  ESPALIER_ADDED_WORD = 4    /**< not beside a letter, digit, mark or _ */
};

enum {
  ESPALIER_TOKENS_BEGIN, /**< u32[vocabulary + 1] into TOKENS_TEXT, ascending */
  ESPALIER_TOKENS_FLAGS, /**< u8[vocabulary] ESPALIER_TOKEN_* */
  ESPALIER_TOKENS_TEXT,  /**< with DECODE_BYTES the bytes that each token stands
                              for, else its text */
  ESPALIER_TOKENS_SORTED, /**< u32[]: ids that IGNORE_MERGES or a unigram model
                               finds, ascending by their text, all different */
  ESPALIER_TOKENS_SCORE,  /**< f64[]: of SORTED, for a unigram model */
  ESPALIER_MERGES_BEGIN,  /**< u32[vocabulary + 1] into MERGES: those whose left
                             is  the id, ascending */
  ESPALIER_MERGES, /**< espalier_tokenizer_merge[], ascending by right within
                        one left */
  ESPALIER_BYTE_TOKENS, /**< i32[256]: the token of a byte, -1: none. With
                             PIECES_BYTES the symbol that merging begins with,
                             else what an unknown character falls back to */
  ESPALIER_CHARACTERS,  /**< espalier_tokenizer_character[], ascending: what
                             merging begins with, without PIECES_BYTES */
  ESPALIER_RAW_BEGIN,   /**< u32[n + 1] into RAW_TEXT, ascending: added tokens,
                             sought in the text as it is, sorted by their bytes */
  ESPALIER_RAW_ID,      /**< u32[n] */
  ESPALIER_RAW_FLAGS,   /**< u8[n] ESPALIER_ADDED_* */
  ESPALIER_RAW_TEXT,
  ESPALIER_NORMALIZED_BEGIN, /**< the same, sought in the normalised text */
  ESPALIER_NORMALIZED_ID,
  ESPALIER_NORMALIZED_FLAGS,
  ESPALIER_NORMALIZED_TEXT,
  ESPALIER_NORMALIZED_ORDER, /**< u32[n]: indices of them, ascending by id */
  ESPALIER_PREFIX,        /**< i32[]: ids that the post-processor puts before */
  ESPALIER_SUFFIX,        /**< i32[]: and after the text */
  ESPALIER_NORMALIZER,    /**< espalier_tokenizer_step[] */
  ESPALIER_PIECES,        /**< espalier_tokenizer_step[] */
  ESPALIER_DECODER,       /**< espalier_tokenizer_step[] */
  ESPALIER_STEP_TEXT,     /**< what steps refer to */
  ESPALIER_CHARSMAP,      /**< u32[]: double array of NORMALIZE_CHARSMAP */
  ESPALIER_CHARSMAP_TEXT, /**< its results, each ends with a zero byte */
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

typedef struct espalier_tokenizer_character {
  uint32_t scalar;
  uint32_t id;
} espalier_tokenizer_character;

typedef struct espalier_tokenizer_step {
  uint32_t kind; /**< ESPALIER_NORMALIZE_*, PIECES_* or DECODE_* */
  uint32_t option, flags;
  uint32_t text_begin, text_bytes; /**< of STEP_TEXT */
  uint32_t content_begin, content_bytes;
} espalier_tokenizer_step;

typedef struct espalier_tokenizer_header {
  uint64_t magic;
  uint32_t version;
  uint32_t header_bytes; /**< sizeof(espalier_tokenizer_header) */
  uint64_t bytes;        /**< of the whole block */
  uint64_t hash[2]; /**< XXH3-128 of all after this field, low and high half */
  uint32_t model;   /**< ESPALIER_MODEL_* */
  uint32_t flags;   /**< ESPALIER_TOKENIZER_* */
  uint32_t vocabulary;  /**< ids are 0 .. vocabulary - 1 */
  int32_t unknown;      /**< for what the vocabulary lacks, -1: dropped */
  int32_t bos, eos;     /**< -1: none */
  double unknown_score; /**< of a unigram model: that of an unknown character */
  espalier_tokenizer_section sections[ESPALIER_TOKENIZER_SECTIONS];
} espalier_tokenizer_header;

#ifdef __cplusplus
}
#endif
#endif /* ESPALIER_TOKENIZER_TABLES_H */
