/* Opens the model of an object or a static library: it is in the program. */
#include "espalier/espalier.h"
#include "stories.h"
#include <stdio.h>

int main(void) {
  espalier_model *model;
  if (espalier_open(&espalier_model_stories, NULL, &model))
    return fprintf(stderr, "error: %s\n", espalier_last_error()), 1;
  puts("opened");
  espalier_close(model);
  return 0;
}
