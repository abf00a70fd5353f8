// damage FILE OFFSET: changes one byte.
#include <cstdio>
#include <cstdlib>
int main(int, char **argv) {
  FILE *file = fopen(argv[1], "r+b");
  if (!file || fseek(file, atol(argv[2]), SEEK_SET))
    return 1;
  int byte = fgetc(file);
  fseek(file, atol(argv[2]), SEEK_SET);
  fputc(byte ^ 1, file);
  return fclose(file);
}
