#include "espalier/espalier.h"
#include <stdio.h>

int main(int argc, char **argv) {
  espalier_model *model;
  if (argc != 2 || espalier_open_library(argv[1], NULL, &model))
    return fprintf(stderr, "error: %s\n", espalier_last_error()), 1;
  espalier_close(model);
  return 0;
}
