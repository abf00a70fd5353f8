/*===- model.h - The functions of a compiled model ----------------*- C -*-===*\
|* Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.      *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
\*===----------------------------------------------------------------------===*/
/**
 * \file
 * A shared library made by `espalier compile` exports its descriptor,
 * espalier_model_NAME, and the whole API of espalier.h under its own name:
 * NAME_open(options, &model) opens its model, and NAME_step is espalier_step of
 * the runtime inside that library, and so on. Several such libraries live in
 * one process without meeting. ESPALIER_DECLARE_MODEL(NAME) declares all of it;
 * the header that the compiler writes beside the library is this one line.
 *
 * An object of one library's runtime (model, session) is given to that
 * library's functions only; a team is given to any.
 */
#ifndef ESPALIER_MODEL_H
#define ESPALIER_MODEL_H

#include "espalier/espalier.h"

#ifdef __cplusplus
#define ESPALIER_EXTERN_C extern "C"
#else
#define ESPALIER_EXTERN_C extern
#endif

/** X(function) for every function of espalier.h that keeps its meaning under
 *  another name: all but espalier_open, whose model is known. */
#define ESPALIER_API_FUNCTIONS(X)                                              \
  X(last_error)                                                                \
  X(version)                                                                   \
  X(team_create)                                                               \
  X(team_destroy)                                                              \
  X(open_options_init)                                                         \
  X(open_library)                                                              \
  X(close)                                                                     \
  X(model_descriptor)                                                          \
  X(model_isa)                                                                 \
  X(model_context)                                                             \
  X(verify)                                                                    \
  X(session_create)                                                            \
  X(session_destroy)                                                           \
  X(session_length)                                                            \
  X(session_tokens)                                                            \
  X(session_truncate)                                                          \
  X(session_fork)                                                              \
  X(session_save)                                                              \
  X(session_restore)                                                           \
  X(session_save_bytes)                                                        \
  X(session_restore_bytes)                                                     \
  X(step)                                                                      \
  X(step_batch)                                                                \
  X(commit)                                                                    \
  X(cancel)                                                                    \
  X(tokenize)                                                                  \
  X(detokenize)                                                                \
  X(free)                                                                      \
  X(generate_options_init)                                                     \
  X(generate)                                                                  \
  X(generate_batch)                                                            \
  X(chat_create)                                                               \
  X(chat_destroy)                                                              \
  X(chat_add)                                                                  \
  X(chat_remove)                                                               \
  X(chat_count)                                                                \
  X(chat_set_flag)                                                             \
  X(chat_render)                                                               \
  X(chat_generate)

#define ESPALIER_DECLARE_MODEL(NAME)                                           \
  ESPALIER_EXTERN_C const espalier_descriptor espalier_model_##NAME;           \
  ESPALIER_EXTERN_C espalier_status NAME##_open(                               \
      const espalier_open_options *options, espalier_model **model);           \
  ESPALIER_EXTERN_C const char *NAME##_last_error(void);                       \
  ESPALIER_EXTERN_C const char *NAME##_version(void);                          \
  ESPALIER_EXTERN_C espalier_status NAME##_team_create(uint32_t workers,       \
                                                       espalier_team **team);  \
  ESPALIER_EXTERN_C void NAME##_team_destroy(espalier_team *team);             \
  ESPALIER_EXTERN_C void NAME##_open_options_init(                             \
      espalier_open_options *options);                                         \
  ESPALIER_EXTERN_C espalier_status NAME##_open_library(                       \
      const char *path, const espalier_open_options *options,                  \
      espalier_model **model);                                                 \
  ESPALIER_EXTERN_C void NAME##_close(espalier_model *model);                  \
  ESPALIER_EXTERN_C const espalier_descriptor *NAME##_model_descriptor(        \
      const espalier_model *model);                                            \
  ESPALIER_EXTERN_C const char *NAME##_model_isa(const espalier_model *model); \
  ESPALIER_EXTERN_C uint32_t NAME##_model_context(                             \
      const espalier_model *model);                                            \
  ESPALIER_EXTERN_C espalier_status NAME##_verify(espalier_model *model);      \
  ESPALIER_EXTERN_C espalier_status NAME##_session_create(                     \
      espalier_model *model, espalier_session **session);                      \
  ESPALIER_EXTERN_C void NAME##_session_destroy(espalier_session *session);    \
  ESPALIER_EXTERN_C uint32_t NAME##_session_length(                            \
      const espalier_session *session);                                        \
  ESPALIER_EXTERN_C const int32_t *NAME##_session_tokens(                      \
      const espalier_session *session);                                        \
  ESPALIER_EXTERN_C espalier_status NAME##_session_truncate(                   \
      espalier_session *session, uint32_t length);                             \
  ESPALIER_EXTERN_C espalier_status NAME##_session_fork(                       \
      const espalier_session *session, espalier_session **copy);               \
  ESPALIER_EXTERN_C espalier_status NAME##_session_save(                       \
      const espalier_session *session, const char *path);                      \
  ESPALIER_EXTERN_C espalier_status NAME##_session_restore(                    \
      espalier_session *session, const char *path);                            \
  ESPALIER_EXTERN_C espalier_status NAME##_session_save_bytes(                 \
      const espalier_session *session, void **data, size_t *bytes);            \
  ESPALIER_EXTERN_C espalier_status NAME##_session_restore_bytes(              \
      espalier_session *session, const void *data, size_t bytes);              \
  ESPALIER_EXTERN_C espalier_status NAME##_step(                               \
      espalier_session *session, const espalier_step_request *request);        \
  ESPALIER_EXTERN_C espalier_status NAME##_step_batch(                         \
      espalier_model *model, espalier_session *const *sessions,                \
      const espalier_step_request *requests, uint32_t count);                  \
  ESPALIER_EXTERN_C espalier_status NAME##_commit(espalier_session *session,   \
                                                  int32_t row);                \
  ESPALIER_EXTERN_C void NAME##_cancel(espalier_session *session);             \
  ESPALIER_EXTERN_C espalier_status NAME##_tokenize(                           \
      const espalier_model *model, const char *text, size_t bytes,             \
      int special, int32_t **ids, size_t *count);                              \
  ESPALIER_EXTERN_C espalier_status NAME##_detokenize(                         \
      const espalier_model *model, const int32_t *ids, size_t count,           \
      int keep_special, char **text, size_t *bytes);                           \
  ESPALIER_EXTERN_C void NAME##_free(void *memory);                            \
  ESPALIER_EXTERN_C void NAME##_generate_options_init(                         \
      espalier_generate_options *options);                                     \
  ESPALIER_EXTERN_C espalier_status NAME##_generate(                           \
      espalier_session *session, const int32_t *prompt, size_t prompt_count,   \
      const espalier_generate_options *options,                                \
      espalier_token_callback callback, void *user, espalier_timing *timing);  \
  ESPALIER_EXTERN_C espalier_status NAME##_generate_batch(                     \
      espalier_model *model, espalier_sequence *sequences, uint32_t count);    \
  ESPALIER_EXTERN_C espalier_status NAME##_chat_create(                        \
      espalier_session *session, espalier_chat **chat);                        \
  ESPALIER_EXTERN_C void NAME##_chat_destroy(espalier_chat *chat);             \
  ESPALIER_EXTERN_C espalier_status NAME##_chat_add(                           \
      espalier_chat *chat, const char *role, const char *content,              \
      size_t bytes);                                                           \
  ESPALIER_EXTERN_C espalier_status NAME##_chat_remove(espalier_chat *chat,    \
                                                       uint32_t count);        \
  ESPALIER_EXTERN_C uint32_t NAME##_chat_count(const espalier_chat *chat);     \
  ESPALIER_EXTERN_C espalier_status NAME##_chat_set_flag(                      \
      espalier_chat *chat, const char *name, int value);                       \
  ESPALIER_EXTERN_C espalier_status NAME##_chat_render(                        \
      const espalier_chat *chat, int answer, char **text, size_t *bytes);      \
  ESPALIER_EXTERN_C espalier_status NAME##_chat_generate(                      \
      espalier_chat *chat, const espalier_generate_options *options,           \
      espalier_token_callback callback, void *user, espalier_timing *timing)

/*--- For programs linked from a model object and the static runtime ---------*/

/** The program's model, where one of the two functions below is linked: the
 *  linker is told --defsym=espalier_bound_model=espalier_model_NAME. */
ESPALIER_EXTERN_C const espalier_descriptor espalier_bound_model;

/** espalier_open of espalier_bound_model; what NAME_open is another name of. */
ESPALIER_EXTERN_C ESPALIER_API espalier_status espalier_bound_open(
    const espalier_open_options *options, espalier_model **model);

/** The command line of an emitted executable; libespalier-main.a also has the
 *  main that calls it for espalier_bound_model. Returns the exit status. */
ESPALIER_EXTERN_C int espalier_main(const espalier_descriptor *descriptor,
                                    int argc, char **argv);

#endif /* ESPALIER_MODEL_H */
