# complete.sh SCRIPT WORDS...: what bash offers for the last of WORDS.
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_espalier
echo "${COMPREPLY[@]}"
