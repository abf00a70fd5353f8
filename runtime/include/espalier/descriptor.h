/*===- descriptor.h - What an emitted model exports ---------------*- C -*-===*\
|* Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.      *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/**
 * \file
 * The contract between emitted code and the runtime. A model object exports one
 * symbol, `espalier_model_NAME`, an espalier_descriptor. Everything is reached
 * from it by pointer. It is also what the compiler, which knows the runtime
 * only through its C headers, fills in.
 *
 * Rule of change: a new field goes at the end of its struct and the version is
 * raised; the runtime refuses a version that it does not know.
 */
#ifndef ESPALIER_DESCRIPTOR_H
#define ESPALIER_DESCRIPTOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESPALIER_DESCRIPTOR_MAGIC 0x5245494c41505345ull /* "ESPALIER" */
#define ESPALIER_DESCRIPTOR_VERSION 3u

/** The order of sums of CPU code is "cpu-" and this number: the one that
 *  docs/numerics.md defines. The runtime refuses code of another. */
#define ESPALIER_CPU_ORDER_VERSION 2u

/** Rows of one call, and where its data are: what every worker of a step reads.
 *  "Row" is one token of one sequence; rows of a slot stand together, parents
 *  before children. All arrays are read-only to the step. */
typedef struct espalier_step_args {
  uint32_t size;         /**< sizeof(espalier_step_args) */
  uint32_t rows;         /**< 1 .. the variant's max_rows */
  uint32_t wanted_count; /**< rows whose logits are wanted, 0 .. rows */
  uint32_t tree;         /**< 1: `path` is used; 0: every row is on a chain */
  const int32_t
      *token; /**< [rows] token id; out of range is the caller's error */
  const int32_t *position; /**< [rows] absolute position: past + depth */
  const int32_t *past; /**< [rows] tokens of the row's slot before this call */
  const int32_t
      *cache_row;     /**< [rows] cache row that takes the row's key and
                           value; -1: a padding row, which writes nothing */
  uint8_t *const *kv; /**< [rows] the KV cache of the row's slot */
  const int32_t
      *path_begin; /**< [rows] tree only: row r sees, at positions past,
                        past + 1, ..., position[r], the cache rows
                        path[path_begin[r] + 0], [+ 1], ..., its own last */
  const int32_t *path;
  const int32_t *wanted;  /**< [wanted_count] ascending row indices */
  uint64_t kv_capacity;   /**< cache rows per slot, a multiple of 64 */
  const uint8_t *weights; /**< data section of the packed weights */
  const float *rope; /**< [positions][width]: of each of the descriptor's ropes
                          cos of dim / 2, then sin; width: sum of the dims */
  uint8_t *shared; /**< shared arena, the variant's shared_bytes, 64-aligned */
  float *logits;   /**< [wanted_count][vocab] */
  float *hidden;   /**< [layers + 1][rows][hidden], or NULL: not wanted */
  /** Meets all workers; all that any of them wrote before is seen by all after.
   *  The last to arrive sets *claim to 0 before it lets the others go. */
  void (*barrier)(void *barrier_context, uint32_t worker);
  void *barrier_context;
  uint32_t *claim;      /**< next tile of a claimed phase; 0 at each barrier */
  uint64_t block_count; /**< blocks of 64 positions that the rows see: largest
                             position / 64 + 1; 0: all rows are padding */
  uint8_t *blocks; /**< arena of the variant's block_bytes for each block of 64
                        cache rows of kv_capacity, 64-aligned */
} espalier_step_args;

/** One worker's part of a step. `scratch` is that worker's private arena
 *  (private_bytes, 64-aligned). Called by each worker once a step, with
 *  MXCSR at its default (round to nearest, subnormals kept). */
typedef void (*espalier_step_fn)(const espalier_step_args *args,
                                 uint8_t *scratch, uint32_t worker,
                                 uint32_t workers);

/** `step` compiled for a range of rows. The runtime takes the first variant
 * with max_rows >= rows; the last one's max_rows bounds a call. */
typedef struct espalier_variant {
  uint32_t max_rows;
  uint32_t reserved;
  uint64_t shared_bytes;
  uint64_t private_bytes;
  uint64_t block_bytes; /**< for each 64 cache rows, shared by the workers */
} espalier_variant;

/** Instruction-set levels, best last. A level is used when the CPU has every
 *  feature that the names stand for. */
enum {
  ESPALIER_ISA_AVX2 = 1,   /**< x86-64-v3 */
  ESPALIER_ISA_AVX512 = 2, /**< x86-64-v4 with AVX512-VNNI */
  ESPALIER_ISA_AARCH64 = 3 /**< Armv8-A */
};

typedef struct espalier_isa_entry {
  uint32_t isa; /**< ESPALIER_ISA_* */
  uint32_t reserved;
  const espalier_step_fn *steps; /**< [variant_count], in the variants' order */
} espalier_isa_entry;

/** A packed tensor in the container's data section. */
typedef struct espalier_tensor {
  const char *name;
  uint64_t offset, size; /**< bytes; offset a multiple of 64 */
  uint64_t hash[2];      /**< XXH3-128 of its bytes, low and high half */
} espalier_tensor;

/** Element types of the KV cache. */
enum { ESPALIER_F32 = 0, ESPALIER_F16 = 1, ESPALIER_BF16 = 2 };

/** The KV cache of one slot: layers x { keys, values }, each layer
 *  kv_heads x capacity rows x head_dim elements in the layout's order.
 *  Keys:   [layer][head][row / 16][head_dim][row % 16]
 *  Values: [layer][head][row][value_dim], value_dim = head_dim rounded up to 16
 *  Layer l's keys start at l * capacity * layer_row_bytes, its values
 *  kv_heads * capacity * head_dim * element size later. */
typedef struct espalier_kv_layout {
  uint32_t layers, kv_heads, head_dim, value_dim;
  uint32_t element_type; /**< ESPALIER_F32 ... */
  uint32_t element_bytes;
  uint64_t
      layer_row_bytes; /**< kv_heads * (head_dim + value_dim) * element_bytes */
} espalier_kv_layout;

/** What the model is, for people and for limits. */
typedef struct espalier_model_card {
  const char *family;      /**< "llama", ... */
  const char *source;      /**< file name of the model, without its folder */
  const char *target;      /**< "cpu" */
  const char *order;       /**< order of sums: "cpu-2" */
  const char *activations; /**< "int8" where any linear quantises them, "f32" */
  const char *compiler;    /**< name and version of the compiler */
  uint32_t layers, hidden, heads, kv_heads, head_dim, ffn, vocab;
  uint32_t max_positions; /**< the model's trained context */
  uint64_t parameters;
  uint64_t weight_bytes_per_token; /**< weights that one decoded token reads */
  int32_t bos_token;               /**< -1: none */
  uint32_t eos_count;
  const int32_t *eos_tokens;
} espalier_model_card;

/** RoPE: the table row of position p is cos(p * freq[i]) * factor for every i,
 *  then the sines. Built at open by the functions of docs/numerics.md. */
typedef struct espalier_rope {
  uint32_t dim; /**< rotated elements of a head; even, positive */
  float attention_factor;
  const float *frequencies; /**< [dim / 2] */
  /** Above 0: a model that is opened for a context of more tokens takes
   *  long_frequencies, or, where they are NULL, those that follow from the
   *  context, dynamic_theta and dynamic_factor. */
  uint32_t switch_position;
  uint32_t reserved;
  const float *long_frequencies; /**< [dim / 2] */
  double dynamic_theta, dynamic_factor;
} espalier_rope;

/** A text that the chat template is given: bos_token, eos_token, ... */
typedef struct espalier_chat_variable {
  const char *name, *text; /**< UTF-8 */
} espalier_chat_variable;

typedef struct espalier_descriptor {
  uint64_t magic;
  uint32_t version;
  uint32_t size; /**< sizeof(espalier_descriptor) */
  const char *name;
  const espalier_model_card *card;
  uint32_t variant_count;
  uint32_t isa_count;
  const espalier_variant *variants; /**< ascending max_rows */
  const espalier_isa_entry *isas;   /**< ascending isa */
  espalier_kv_layout kv;
  uint64_t rope_count; /**< 0: no RoPE */
  const espalier_rope *ropes;
  /** The container: `weights_file` beside the artefact, or bundled after it. */
  const char *weights_file;
  uint64_t header_bytes; /**< 8 + N of the safetensors header */
  uint64_t data_bytes;
  uint64_t
      header_hash[2]; /**< XXH3-128 of the header_bytes, low and high half */
  uint64_t tensor_count;
  const espalier_tensor *tensors;
  /** Tokenizer tables (runtime/lib/Text reads them), or NULL and why not. */
  const uint8_t *tokenizer;
  uint64_t tokenizer_bytes;
  const char *tokenizer_missing;
  const char *chat_template; /**< Jinja source, or NULL */
  /** The plan that `espalier explain` prints, as JSON text. */
  const char *plan;
  /** What the chat template knows by name. */
  uint32_t chat_variable_count;
  uint32_t reserved;
  const espalier_chat_variable *chat_variables;
} espalier_descriptor;

/** A bundle's last 64 bytes, little-endian. */
#define ESPALIER_BUNDLE_MAGIC "ESPALIERBUNDLE\0\1"
typedef struct espalier_bundle_footer {
  uint64_t offset; /**< of the container, a multiple of 4096 */
  uint64_t size;   /**< of the container */
  uint64_t header_hash[2];
  uint32_t version;     /**< 1 */
  uint32_t reserved[3]; /**< 0 */
  char magic[16];
} espalier_bundle_footer;

#ifdef __cplusplus
}
#endif
#endif /* ESPALIER_DESCRIPTOR_H */
