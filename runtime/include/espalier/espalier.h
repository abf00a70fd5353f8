/*===- espalier.h - Run a compiled model --------------------------*- C -*-===*\
|* Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.      *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/**
 * \file
 * The C API. No function aborts, throws or prints. A function that can fail
 * returns an espalier_status; espalier_last_error() says why, per thread, until
 * the thread's next call. Strings and arrays passed in are copied or only used
 * during the call. Objects are used by one thread at a time, except
 * espalier_cancel, which any thread may call.
 */
#ifndef ESPALIER_H
#define ESPALIER_H

#include "espalier/descriptor.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(ESPALIER_BUILDING_LIBRARY)
#define ESPALIER_API __attribute__((visibility("default")))
#else
#define ESPALIER_API
#endif

typedef enum espalier_status {
  ESPALIER_OK = 0,
  ESPALIER_CANCELLED = 1, /**< espalier_cancel, or the callback said stop */
  ESPALIER_ERROR_ARGUMENT = 2, /**< a value that the function does not take */
  ESPALIER_ERROR_FILE = 3, /**< weights missing, damaged or of another model */
  ESPALIER_ERROR_MEMORY = 4,  /**< does not fit; the message has the figures */
  ESPALIER_ERROR_CONTEXT = 5, /**< the session's context is full */
  ESPALIER_ERROR_CPU = 6, /**< the CPU lacks what the model was compiled for */
  ESPALIER_ERROR_UNSUPPORTED =
      7 /**< e.g. text on a model without a tokenizer */
} espalier_status;

/** Why the calling thread's last failing call failed; "" when none did. */
ESPALIER_API const char *espalier_last_error(void);
/** "0.1.0". */
ESPALIER_API const char *espalier_version(void);

/*--- Team of workers ------------------------------------------------------*/

/** The threads that run steps. It crosses library borders as this struct, so
 *  that one library's team, or the application's own threads, serve another's
 *  model. Calls on one team are serialised by lock and unlock. */
typedef struct espalier_team {
  uint32_t size;    /**< sizeof(espalier_team) */
  uint32_t version; /**< 1 */
  uint32_t workers; /**< 1 or more */
  uint32_t reserved;
  /** Calls fn(ctx, worker) for worker 0 .. workers-1, all at the same time
   * (they meet at barriers), and returns when all have returned. Called with
   * the team locked. */
  void (*run)(struct espalier_team *team,
              void (*fn)(void *ctx, uint32_t worker), void *ctx);
  void (*lock)(struct espalier_team *team);
  void (*unlock)(struct espalier_team *team);
  void *context;
} espalier_team;

/** Starts `workers` - 1 threads (the caller is worker 0); 0: one worker for
 * each CPU that the process may use. */
ESPALIER_API espalier_status espalier_team_create(uint32_t workers,
                                                  espalier_team **team);
/** Ends the threads. No model may use the team any more. NULL is allowed. */
ESPALIER_API void espalier_team_destroy(espalier_team *team);

/*--- Model ----------------------------------------------------------------*/

typedef struct espalier_model espalier_model;

typedef struct espalier_open_options {
  uint32_t size;    /**< sizeof(espalier_open_options) */
  uint32_t context; /**< tokens a session holds; 0: the smaller of the model's
                       and 4096, and, where the model's rotation depends on the
                       context (longrope, dynamic), at most the context up to
                       which its short form counts; at most the model's */
  uint32_t threads; /**< used when `team` is NULL; 0: every CPU */
  uint32_t reserved;
  espalier_team
      *team; /**< must outlive the model; NULL: the library's own, one for each
                  number of threads, shared by the models that ask for it */
  const char *weights; /**< path of the container, or of an artefact that it is
                          bundled with; NULL: bundled in the image that holds
                          the descriptor, else beside it */
} espalier_open_options;

/** Fills in the defaults. */
ESPALIER_API void espalier_open_options_init(espalier_open_options *options);

/** Checks descriptor, CPU and container (header hash and bounds), refuses what
 *  does not fit into memory, and maps the weights. `options` may be NULL. The
 *  descriptor must outlive the model. The environment variable ESPALIER_ISA
 *  (avx2, avx512) forces an instruction set. Sessions of one model may be used
 *  by different threads at once. */
ESPALIER_API espalier_status
espalier_open(const espalier_descriptor *descriptor,
              const espalier_open_options *options, espalier_model **model);
/** Loads a shared library made by `espalier compile`, and opens the model in
 * it. */
ESPALIER_API espalier_status
espalier_open_library(const char *path, const espalier_open_options *options,
                      espalier_model **model);
/** Sessions of the model must be closed before. NULL is allowed. */
ESPALIER_API void espalier_close(espalier_model *model);
ESPALIER_API const espalier_descriptor *
espalier_model_descriptor(const espalier_model *model);
/** "avx2", "avx512", "aarch64": the code that runs. */
ESPALIER_API const char *espalier_model_isa(const espalier_model *model);
ESPALIER_API uint32_t espalier_model_context(const espalier_model *model);
/** Reads all weights and compares every tensor's hash with the descriptor's. */
ESPALIER_API espalier_status espalier_verify(espalier_model *model);

/*--- Session: one sequence and its KV cache -------------------------------*/

typedef struct espalier_session espalier_session;

/** Reserves the KV cache for the model's context; memory is touched as it
 * fills. */
ESPALIER_API espalier_status
espalier_session_create(espalier_model *model, espalier_session **session);
ESPALIER_API void espalier_session_destroy(espalier_session *session);
/** Tokens in the cache. */
ESPALIER_API uint32_t espalier_session_length(const espalier_session *session);
/** Their ids, [espalier_session_length]; valid until the session changes. */
ESPALIER_API const int32_t *
espalier_session_tokens(const espalier_session *session);
/** Keeps the first `length` tokens. */
ESPALIER_API espalier_status
espalier_session_truncate(espalier_session *session, uint32_t length);
/** A second session of the model with the same tokens, whose cache rows are
 * copied. A tree that was not committed is not part of the copy. */
ESPALIER_API espalier_status
espalier_session_fork(const espalier_session *session, espalier_session **copy);

/** Writes the tokens and their cache to `path`, under another name first, so
 * that the file is whole or as it was. A tree that was not committed is left
 * out. The same tokens give the same bytes. */
ESPALIER_API espalier_status
espalier_session_save(const espalier_session *session, const char *path);
/** Makes the session what was saved: no token is computed again, and what
 * follows has the same bits. The file must be of the same weights, computed in
 * the same way (activations, order of sums, type of the cache, rotations), and
 * fit into the context, which may be another than it was saved from. On failure
 * the session is as it was. */
ESPALIER_API espalier_status espalier_session_restore(espalier_session *session,
                                                      const char *path);
/** The same in memory. *data is freed with espalier_free. */
ESPALIER_API espalier_status espalier_session_save_bytes(
    const espalier_session *session, void **data, size_t *bytes);
ESPALIER_API espalier_status espalier_session_restore_bytes(
    espalier_session *session, const void *data, size_t bytes);

/** What one espalier_step computes, beyond filling the cache. */
typedef struct espalier_step_request {
  uint32_t size;         /**< sizeof(espalier_step_request) */
  uint32_t count;        /**< rows */
  const int32_t *tokens; /**< [count] */
  /** NULL: a chain. Else [count] index of the parent row, smaller than the
   * row's own, or -1: the last cached token. Rows of a tree are not committed.
   */
  const int32_t *parents;
  uint32_t wanted_count; /**< rows whose logits are wanted */
  uint32_t reserved;
  const uint32_t
      *wanted;   /**< [wanted_count] ascending; NULL with wanted_count 0 */
  float *logits; /**< [wanted_count][vocab] */
  float *
      hidden; /**< [layers + 1][count][hidden] before the final norm, or NULL */
} espalier_step_request;

/** Runs the rows, in chunks where they are many. A chain advances the session.
 * A step that fails or is cancelled leaves the session as long as it was. A
 * tree that was not committed is dropped by the next step. */
ESPALIER_API espalier_status
espalier_step(espalier_session *session, const espalier_step_request *request);
/** One step of several sequences: requests[i] is that of sessions[i]. Each gets
 * the bits that it would get alone; chains and trees may stand side by side.
 * The weights are read once for all rows that fit into one call of the compiled
 * step. All sessions are of `model`, each given once. A step that fails, or
 * that any of the sessions was cancelled in, leaves all as long as they were.
 */
ESPALIER_API espalier_status
espalier_step_batch(espalier_model *model, espalier_session *const *sessions,
                    const espalier_step_request *requests, uint32_t count);
/** After a tree step: keeps the path that ends in row `row` of that tree (-1:
 *  none of it) and advances the session by its length. */
ESPALIER_API espalier_status espalier_commit(espalier_session *session,
                                             int32_t row);
/** Makes a running espalier_step or espalier_generate of the session return
 *  ESPALIER_CANCELLED after the chunk or token at hand; the session stays
 * usable. Without a running call it does nothing. Callable from any thread and
 * from a signal handler. */
ESPALIER_API void espalier_cancel(espalier_session *session);

/*--- Text -----------------------------------------------------------------*/

/** Encodes UTF-8 text; `special` adds the tokens of the model's post-processor.
 *  *ids is freed with espalier_free. */
ESPALIER_API espalier_status espalier_tokenize(const espalier_model *model,
                                               const char *text, size_t bytes,
                                               int special, int32_t **ids,
                                               size_t *count);
/** Decodes; `keep_special` keeps special tokens. *text is NUL-terminated and
 * freed with espalier_free. */
ESPALIER_API espalier_status espalier_detokenize(const espalier_model *model,
                                                 const int32_t *ids,
                                                 size_t count, int keep_special,
                                                 char **text, size_t *bytes);
ESPALIER_API void espalier_free(void *memory);

/*--- Generation -----------------------------------------------------------*/

/** A number that is added to a token's logit. */
typedef struct espalier_logit_bias {
  int32_t token;
  float bias; /**< -infinity: never this token */
} espalier_logit_bias;

/** The natural logarithm of a token's probability. */
typedef struct espalier_logprob {
  int32_t token;
  float logprob;
} espalier_logprob;

/** One step of a generation, as espalier_event_callback gets it. */
typedef struct espalier_event {
  uint32_t size;    /**< sizeof(espalier_event) */
  int32_t token;    /**< -1: text that was held back, and no token */
  const char *text; /**< NUL-terminated; as the token callback gets it */
  size_t bytes;
  /** With options.logprobs: by the softmax of the model's own logits, before
   * biases, penalties and temperature. Else 0 and none. */
  float logprob;
  uint32_t top_count;
  const espalier_logprob *top; /**< the largest first, of equals the lower id */
} espalier_event;

/** As espalier_token_callback, with more to know. */
typedef int (*espalier_event_callback)(void *user, const espalier_event *event);

/** What the samplers do, in which order and by which formula:
 *  docs/generation.md. Values out of range are errors. */
typedef struct espalier_generate_options {
  uint32_t size;       /**< sizeof(espalier_generate_options) */
  uint32_t max_tokens; /**< 0: until the end of text or of the context */
  float temperature;   /**< 0: greedy */
  uint32_t top_k;      /**< 0: off */
  float top_p;         /**< 1: off */
  uint32_t ignore_eos; /**< 1: end-of-text tokens do not end it */
  uint64_t
      seed;    /**< same seed, options and prompt: same tokens on any machine */
  float min_p; /**< 0: off */
  float typical_p;         /**< 1: off */
  float repeat_penalty;    /**< 1: off */
  float frequency_penalty; /**< 0: off */
  float presence_penalty;  /**< 0: off */
  int32_t repeat_last_n;   /**< tokens that the three look back at, those before
                              the prompt included; 0: off; -1: all */
  float dry_multiplier;    /**< 0: off */
  float dry_base;
  uint32_t dry_allowed_length;
  int32_t dry_last_n; /**< tokens that DRY looks back at; 0: off; -1: all */
  /** Texts that a repetition does not go over; NULL: newline, colon, double
   * quote and asterisk. */
  const char *const *dry_breakers;
  const espalier_logit_bias *logit_bias; /**< [logit_bias_count] */
  const char *const *stops;              /**< [stop_count] UTF-8 texts */
  const int32_t *end_tokens; /**< [end_token_count] tokens that end it, beside
                                the model's */
  uint32_t dry_breaker_count, logit_bias_count, stop_count, end_token_count;
  uint32_t logprobs; /**< most likely tokens that events tell of; 0: off */
  uint32_t reserved;
  espalier_event_callback event; /**< called in place of the token callback,
                                    where it is not NULL */
} espalier_generate_options;

/** Greedy, until the end of text. */
ESPALIER_API void
espalier_generate_options_init(espalier_generate_options *options);

/** One new token. `text` holds the characters that are certain after it (whole
 *  UTF-8 characters, perhaps none; "" without a tokenizer). What may be the
 *  beginning of a stop text is held back until that is decided; a stop text and
 *  what follows it are never shown. `token` -1: no token, but text that the end
 *  of the text decided: what was held back, or the rest of a character, as
 *  U+FFFD. End-of-text tokens are not delivered, unless they are ignored.
 *  Return 0 to go on. The callback may call espalier_cancel, but not step the
 *  session. */
typedef int (*espalier_token_callback)(void *user, int32_t token,
                                       const char *text, size_t bytes);

/** What ended a generation. */
enum {
  ESPALIER_FINISH_FAILED = 0,
  ESPALIER_FINISH_END = 1,     /**< an end-of-text token */
  ESPALIER_FINISH_STOP = 2,    /**< a stop text */
  ESPALIER_FINISH_LENGTH = 3,  /**< max_tokens */
  ESPALIER_FINISH_CONTEXT = 4, /**< the context is full */
  ESPALIER_FINISH_CANCELLED = 5
};

/** How it went. */
typedef struct espalier_timing {
  uint32_t size;          /**< sizeof(espalier_timing) */
  uint32_t prompt_tokens; /**< computed: the tokens given */
  uint32_t new_tokens;
  uint32_t cached_tokens; /**< that the session held before them */
  double prompt_seconds;
  double decode_seconds; /**< of the steps after the first token */
  uint32_t finish;       /**< ESPALIER_FINISH_... */
  uint32_t reserved;
} espalier_timing;

/** Feeds `prompt` after what the session holds, then samples token by token
 * until the end of text, a stop text, `max_tokens`, or the end of the context.
 * Afterwards the session holds the prompt and the tokens delivered, without the
 * last one where something else than the end of text stopped it: a text is gone
 * on with by a prompt that begins with that token (espalier_session_length
 * tells). `options`, `callback` and `timing` may be NULL. */
ESPALIER_API espalier_status espalier_generate(
    espalier_session *session, const int32_t *prompt, size_t prompt_count,
    const espalier_generate_options *options, espalier_token_callback callback,
    void *user, espalier_timing *timing);

/** One of the sequences of espalier_generate_batch: the arguments of
 *  espalier_generate, and what became of it. */
typedef struct espalier_sequence {
  uint32_t size;          /**< sizeof(espalier_sequence) */
  espalier_status status; /**< set by the call */
  espalier_session *session;
  const int32_t *prompt;
  size_t prompt_count;
  const espalier_generate_options *options;
  espalier_token_callback callback;
  void *user;
  espalier_timing *timing;
} espalier_sequence;

/** espalier_generate of several sequences at once: each step feeds one token of
 *  every sequence that has not ended, so that the weights are read once for all
 *  of them. Each gets the text that it would get alone. What one sequence's
 *  callback, or espalier_cancel, ends is that sequence. All sessions are of
 *  `model`, each given once. Nothing is run where an argument is wrong. Returns
 *  the first status of a sequence that is an error, else OK: sequences that
 *  were cancelled tell so in theirs. */
ESPALIER_API espalier_status espalier_generate_batch(
    espalier_model *model, espalier_sequence *sequences, uint32_t count);

/*--- Chat -----------------------------------------------------------------*/

/** A conversation in a session. The model's chat template, which is compiled
 *  into it, makes a text of all messages, and that text is what the model gets.
 *  What the session's cache holds of its beginning is not computed again, the
 *  model's own answers among it; what it holds beyond is dropped. The session
 *  may be used otherwise between two calls, and outlives the chat. */
typedef struct espalier_chat espalier_chat;

/** ESPALIER_ERROR_UNSUPPORTED: the model has no tokenizer, or no chat template,
 * or one with a construct that is not supported; the message names it. */
ESPALIER_API espalier_status espalier_chat_create(espalier_session *session,
                                                  espalier_chat **chat);
/** NULL is allowed. */
ESPALIER_API void espalier_chat_destroy(espalier_chat *chat);
/** Adds a message of "system", "user", "assistant" or what else the template
 *  knows; `content` is UTF-8 of `bytes` bytes. */
ESPALIER_API espalier_status espalier_chat_add(espalier_chat *chat,
                                               const char *role,
                                               const char *content,
                                               size_t bytes);
/** Removes the last `count` messages, of which there may be fewer. */
ESPALIER_API espalier_status espalier_chat_remove(espalier_chat *chat,
                                                  uint32_t count);
/** The number of messages. */
ESPALIER_API uint32_t espalier_chat_count(const espalier_chat *chat);
/** Sets a variable of the template to true or false, such as enable_thinking of
 *  some families. `messages` and `add_generation_prompt` are refused: they
 *  follow from the conversation. */
ESPALIER_API espalier_status espalier_chat_set_flag(espalier_chat *chat,
                                                    const char *name,
                                                    int value);
/** The text of the messages; `answer` 1: with what makes the model answer, as
 * espalier_chat_generate gets it. It holds its special tokens, so it is
 * tokenized with `special` 0. *text is NUL-terminated and freed with
 * espalier_free. */
ESPALIER_API espalier_status espalier_chat_render(const espalier_chat *chat,
                                                  int answer, char **text,
                                                  size_t *bytes);
/** Lets the model answer, as espalier_generate does, and adds the answer to the
 *  messages, also one that was cancelled or cut. It ends at the tokenizer's
 *  end-of-text token too. In `timing`, cached_tokens were taken from the cache
 *  and prompt_tokens computed. ESPALIER_ERROR_CONTEXT: the conversation, or the
 *  end of the answer, does not fit into the context. Where the template refuses
 *  the conversation, the message has its words. */
ESPALIER_API espalier_status espalier_chat_generate(
    espalier_chat *chat, const espalier_generate_options *options,
    espalier_token_callback callback, void *user, espalier_timing *timing);

#ifdef __cplusplus
}
#endif
#endif /* ESPALIER_H */
