/* Continues a story with the model that is compiled into libstories.so. */
#include "libstories.h"
#include <stdio.h>

static int print(void *user, int32_t token, const char *text, size_t bytes) {
  return fwrite(text, 1, bytes, stdout) != bytes;
}

int main(void) {
  espalier_model *model;
  espalier_session *session;
  espalier_generate_options options;
  int32_t *ids;
  size_t count;
  stories_generate_options_init(&options);
  options.max_tokens = 32;
  if (stories_open(NULL, &model) || stories_session_create(model, &session) ||
      stories_tokenize(model, "Once upon a time", 16, 1, &ids, &count) ||
      stories_generate(session, ids, count, &options, print, NULL, NULL))
    return fprintf(stderr, "error: %s\n", stories_last_error()), 1;
  puts("");
  stories_free(ids);
  stories_session_destroy(session);
  stories_close(model);
  return 0;
}
