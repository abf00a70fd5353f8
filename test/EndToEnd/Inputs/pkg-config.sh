# pkg-config.sh FOLDER CC INPUTS: a program that opens a library by its path, built
# with what pkg-config says.
set -e
export PKG_CONFIG_PATH=$1/prefix/lib/pkgconfig
"$2" $(pkg-config --cflags espalier) "$3/Inputs/library.c" $(pkg-config --libs espalier) -o "$1/library"
LD_LIBRARY_PATH=$1/prefix/lib "$1/library" "$1/models/libstories.so"
