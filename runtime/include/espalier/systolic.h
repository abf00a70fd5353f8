/*===- systolic.h - Programs of the systolic accelerator ----------*- C -*-===*\
|* Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.      *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/**
 * \file
 * The binary program of the systolic accelerator: what the compiler writes and
 * the simulator reads. This header holds encodings only. What an instruction
 * does and how long it takes is said in docs/Systolic.md; compiler and
 * simulator implement that text independently of each other.
 *
 * A program is one block of little-endian bytes:
 *
 *   espalier_systolic_header
 *   espalier_systolic_region  [regions]
 *   espalier_systolic_shape   [shapes]
 *   float                     [constants]    (section padded to 8 bytes)
 *   espalier_systolic_symbol  [symbols]
 *   uint64_t                  [addresses]
 *   espalier_systolic_instruction [instructions[0]] ... [instructions[4]]
 *   uint32_t                  [marks]        offsets into the strings
 *   char                      [string_bytes] zero-terminated names
 *   uint8_t                   [data_bytes]   initial contents of regions
 *
 * Sections follow each other without gaps but the one named, and end the file:
 * header.file_bytes is the exact sum.
 */
#ifndef ESPALIER_SYSTOLIC_H
#define ESPALIER_SYSTOLIC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESPALIER_SYSTOLIC_MAGIC 0x31305359534c5053ull /* "SPLSYS01" */
#define ESPALIER_SYSTOLIC_VERSION 1u

/** Addresses in the scratchpad and the accumulator, and all strides in them,
 *  count granules of so many bytes. */
#define ESPALIER_SYSTOLIC_GRANULE 16u

/** Largest values of what a program may hold; a reader refuses more. */
#define ESPALIER_SYSTOLIC_MAX_SHAPES 65536u
#define ESPALIER_SYSTOLIC_MAX_SEMAPHORES 256u
#define ESPALIER_SYSTOLIC_MAX_ROWS 65536u /**< rows of one shape */
#define ESPALIER_SYSTOLIC_MAX_LOOP_DEPTH 2u

/** In-order queues. Each issues at most one instruction that takes time per
 *  cycle, the array a LOAD_WEIGHTS behind a MATMUL in one; control
 *  instructions take none. */
enum espalier_systolic_queue {
  ESPALIER_QUEUE_DMA_IN = 0,  /**< DRAM to scratchpad */
  ESPALIER_QUEUE_DMA_OUT = 1, /**< scratchpad to DRAM */
  ESPALIER_QUEUE_ARRAY = 2,   /**< the array of processing elements */
  ESPALIER_QUEUE_VECTOR_A = 3,
  ESPALIER_QUEUE_VECTOR_B = 4,
  ESPALIER_QUEUES = 5
};

enum espalier_systolic_opcode {
  /* Control: in any queue. */
  ESPALIER_OP_DELAY = 0x01,  /**< b: cycles */
  ESPALIER_OP_REPEAT = 0x02, /**< a: first layer, b: times (at least 1) */
  ESPALIER_OP_END_REPEAT = 0x03,
  ESPALIER_OP_SIGNAL = 0x04, /**< aux: semaphore */
  ESPALIER_OP_WAIT = 0x05,   /**< aux: semaphore, b: count (at least 1) */
  ESPALIER_OP_MARK = 0x06,   /**< b: number of the mark */
  ESPALIER_OP_END = 0x07,    /**< last of every queue, and only there */
  /* DMA in. a: scratchpad, b: symbol, c: offset in granules from it. */
  ESPALIER_OP_LOAD = 0x10,
  ESPALIER_OP_GATHER = 0x11, /**< aux: argument that holds the rows */
  /* DMA out. a: scratchpad, b: symbol, c: offset in granules from it. */
  ESPALIER_OP_STORE = 0x18,
  ESPALIER_OP_SCATTER = 0x19, /**< aux: argument that holds the rows */
  /* Array. */
  ESPALIER_OP_LOAD_WEIGHTS = 0x20, /**< a: scratchpad, weights */
  ESPALIER_OP_MATMUL = 0x21,       /**< a: scratchpad, rows; c: accumulator */
  ESPALIER_OP_MATMUL_OS = 0x22,    /**< a: scratchpad, M x K; b: scratchpad,
                                        K x N; c: accumulator, M x N */
  /* Vector. a, b: sources; c: destination; aux: kind. */
  ESPALIER_OP_MAP = 0x30,    /**< c = f(a); aux: espalier_systolic_map */
  ESPALIER_OP_BINARY = 0x31, /**< c = a op b; aux: espalier_systolic_binary */
  ESPALIER_OP_REDUCE = 0x32, /**< c[row] = over a's row; aux: .._reduce */
  ESPALIER_OP_MASK = 0x33,   /**< c = visible ? a : -inf; b: key of column 0 */
  ESPALIER_OP_ROPE = 0x34,   /**< a: heads, b: table of cos and sin */
  ESPALIER_OP_ARGMAX = 0x35  /**< c[row] = (value, column); b: column 0 */
};

enum espalier_systolic_flag {
  /* LOAD: rows from the argument ESPALIER_ARGUMENT_LIMIT on, counted from
     row 0 of the symbol's matrix, become zeros; `extra` of the shape is the
     number of the first row that is loaded. */
  ESPALIER_FLAG_LIMIT = 0x01,
  /* LOAD_WEIGHTS: the scratchpad holds the tile as columns x rows. */
  ESPALIER_FLAG_TRANSPOSED = 0x01,
  /* MATMUL: begin with the weights that LOAD_WEIGHTS brought last. */
  ESPALIER_FLAG_SWAP = 0x01,
  /* MATMUL, MATMUL_OS, ARGMAX: add to (compare with) what c holds. */
  ESPALIER_FLAG_ACCUMULATE = 0x02,
  /* BINARY: what b is. None of them: a matrix as large as a. */
  ESPALIER_FLAG_ROW = 0x04,      /**< one row, for all rows */
  ESPALIER_FLAG_COLUMN = 0x08,   /**< one element for each row */
  ESPALIER_FLAG_CONSTANT = 0x10, /**< b is the number of a constant */
  /* MASK: only keys above position - `extra` of the shape are visible. */
  ESPALIER_FLAG_WINDOW = 0x20
};

enum espalier_systolic_map {
  ESPALIER_MAP_COPY = 0,
  ESPALIER_MAP_RELU = 1,
  ESPALIER_MAP_RELU_SQUARED = 2,
  ESPALIER_MAP_RECIPROCAL = 3, /**< fl(1 / x) */
  ESPALIER_MAP_SQRT = 4,
  ESPALIER_MAP_EXP2 = 5,
  ESPALIER_MAP_TANH = 6,
  ESPALIER_MAP_SILU = 7,
  ESPALIER_MAP_GELU = 8,
  ESPALIER_MAP_GELU_TANH = 9,
  ESPALIER_MAPS = 10
};

enum espalier_systolic_binary {
  ESPALIER_BINARY_ADD = 0,
  ESPALIER_BINARY_SUBTRACT = 1, /**< fl(a - b) */
  ESPALIER_BINARY_MULTIPLY = 2,
  ESPALIER_BINARY_DIVIDE = 3,  /**< fl(a / b) */
  ESPALIER_BINARY_MAXIMUM = 4, /**< b > a ? b : a */
  ESPALIER_BINARIES = 5
};

enum espalier_systolic_reduce {
  ESPALIER_REDUCE_SUM = 0,     /**< sum16 */
  ESPALIER_REDUCE_SQUARES = 1, /**< sum16 of fl(x * x) */
  ESPALIER_REDUCE_MAXIMUM = 2, /**< from -inf: x > m ? x : m, ascending */
  ESPALIER_REDUCES = 3
};

/** What a step is told: arrays with an element for each row of the bucket. A
 *  GATHER or SCATTER reads element `extra` of the shape for its first row. */
enum espalier_systolic_argument {
  ESPALIER_ARGUMENT_TOKEN = 0,     /**< token of the row; -1: padding */
  ESPALIER_ARGUMENT_POSITION = 1,  /**< position of the row; -1: padding */
  ESPALIER_ARGUMENT_CACHE_ROW = 2, /**< cache row it writes; -1: padding */
  ESPALIER_ARGUMENT_WANTED = 3,    /**< row whose logits are wanted; -1: none */
  ESPALIER_ARGUMENT_ARRAYS = 4,
  ESPALIER_ARGUMENT_LIMIT = 4 /**< past + rows: cache rows in use */
};

enum espalier_systolic_type {
  ESPALIER_SYSTOLIC_I8 = 0,
  ESPALIER_SYSTOLIC_I32 = 1,
  ESPALIER_SYSTOLIC_BF16 = 2,
  ESPALIER_SYSTOLIC_F32 = 3,
  /* In DRAM only: LOAD decodes them to bf16. */
  ESPALIER_SYSTOLIC_Q8_0 = 4,
  ESPALIER_SYSTOLIC_Q4_0 = 5,
  ESPALIER_SYSTOLIC_Q4_1 = 6,
  ESPALIER_SYSTOLIC_TYPES = 7
};

enum espalier_systolic_space {
  ESPALIER_SPACE_SCRATCHPAD = 0,
  ESPALIER_SPACE_ACCUMULATOR = 1
};

enum espalier_systolic_region_kind {
  ESPALIER_REGION_WEIGHTS = 0, /**< read only */
  ESPALIER_REGION_TABLE = 1,   /**< read only: rope */
  ESPALIER_REGION_CACHE = 2,   /**< kept from step to step */
  ESPALIER_REGION_ARENA = 3,   /**< written before it is read, in each step */
  ESPALIER_REGION_OUTPUT = 4,  /**< logits, hidden states */
  ESPALIER_REGION_KINDS = 5
};

/** 16 bytes. `dt`: cycles since the queue's previous instruction was issued;
 *  of its first one, since cycle 0. */
typedef struct espalier_systolic_instruction {
  uint8_t opcode;
  uint8_t flags;
  uint16_t dt;
  uint8_t a[3]; /**< 24 bits, little-endian */
  uint8_t b[3];
  uint8_t c[3];
  uint8_t aux;
  uint16_t shape; /**< number of the shape; 0 where the opcode has none */
} espalier_systolic_instruction;

/** The form of the operands of an instruction, 32 bytes; immutable. */
typedef struct espalier_systolic_shape {
  uint32_t rows;
  uint32_t columns;
  uint32_t stride_a; /**< granules from row to row */
  uint32_t stride_b; /**< likewise; of a DMA: bytes from row to row in DRAM */
  uint32_t stride_c;
  uint32_t extra; /**< as the opcode says */
  uint8_t type_a; /**< espalier_systolic_type; of a DMA: in the scratchpad */
  uint8_t type_b; /**< of a DMA: in DRAM */
  uint8_t type_c;
  uint8_t spaces;    /**< bit 0: space of a, bit 1: of b, bit 2: of c */
  uint32_t reserved; /**< 0 */
} espalier_systolic_shape;

/** A name for places in DRAM: addresses[first + layer], or addresses[first]
 *  for every layer where count is 1. The layer is the counter of the outermost
 *  REPEAT, and 0 outside. */
typedef struct espalier_systolic_symbol {
  uint32_t first;
  uint32_t count;
} espalier_systolic_symbol;

/** An address in DRAM: the region's number and the byte in it. */
#define ESPALIER_SYSTOLIC_ADDRESS(region, offset)                              \
  (((uint64_t)(region) << 48) | (uint64_t)(offset))

typedef struct espalier_systolic_region {
  uint32_t kind; /**< espalier_systolic_region_kind */
  uint32_t name; /**< offset into the strings */
  uint64_t bytes;
  uint64_t data; /**< offset of the initial contents in the data section */
  uint64_t data_bytes; /**< 0 (none: zeros) or `bytes` */
} espalier_systolic_region;

typedef struct espalier_systolic_header {
  uint64_t magic;
  uint32_t version;
  uint32_t header_bytes; /**< sizeof(espalier_systolic_header) */
  uint64_t file_bytes;
  uint64_t data_bytes;
  uint32_t regions, shapes, constants, symbols, addresses;
  uint32_t instructions[ESPALIER_QUEUES];
  uint32_t semaphores; /**< numbers 0 .. semaphores - 1 are used */
  uint32_t marks;
  uint32_t string_bytes;
  uint32_t bucket_rows; /**< rows of a step; elements of the argument arrays */
  uint32_t array_rows;  /**< of the machine it was compiled for: checked */
  uint32_t array_columns;
} espalier_systolic_header;

#ifdef __cplusplus
}
#endif

#endif /* ESPALIER_SYSTOLIC_H */
