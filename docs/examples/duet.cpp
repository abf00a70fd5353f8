// Two models in one process, each in a library of its own, on one team of
// threads: both continue the same words.
#include "libdraft.h"
#include "libstories.h"

#include <cstdio>
#include <string>
#include <string_view>

static int append(void *user, int32_t, const char *text, size_t bytes) {
  static_cast<std::string *>(user)->append(text, bytes);
  return 0;
}

// The functions of the two libraries differ in their names alone.
#define TELL(NAME, TEAM, PROMPT, OUT)                                          \
  [&] {                                                                        \
    espalier_open_options open;                                                \
    NAME##_open_options_init(&open);                                           \
    open.team = TEAM;                                                          \
    espalier_generate_options options;                                         \
    NAME##_generate_options_init(&options);                                    \
    options.max_tokens = 24;                                                   \
    espalier_model *model;                                                     \
    espalier_session *session;                                                 \
    int32_t *ids;                                                              \
    size_t count;                                                              \
    if (NAME##_open(&open, &model) ||                                          \
        NAME##_session_create(model, &session) ||                              \
        NAME##_tokenize(model, PROMPT.data(), PROMPT.size(), 1, &ids,          \
                        &count) ||                                             \
        NAME##_generate(session, ids, count, &options, append, &OUT, nullptr)) \
      return false;                                                            \
    NAME##_free(ids);                                                          \
    NAME##_session_destroy(session);                                           \
    NAME##_close(model);                                                       \
    return true;                                                               \
  }()

int main() {
  std::string_view prompt = "The old king";
  std::string large, small;
  espalier_team *team;
  if (stories_team_create(2, &team)) {
    std::fprintf(stderr, "error: %s\n", stories_last_error());
    return 1;
  }
  if (!TELL(stories, team, prompt, large)) {
    std::fprintf(stderr, "error: %s\n", stories_last_error());
    return 1;
  }
  if (!TELL(draft, team, prompt, small)) {
    std::fprintf(stderr, "error: %s\n", draft_last_error());
    return 1;
  }
  stories_team_destroy(team);
  std::printf("stories:%s\ndraft:%s\n", large.c_str(), small.c_str());
}
