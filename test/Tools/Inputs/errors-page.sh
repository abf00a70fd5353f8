# errors-page.sh PAGE SOURCE FOLDER: makes the files that docs/Errors.md speaks of in
# FOLDER, runs each command of the page there ("    $ command"), and prints the page
# with what it really says below it. Exit status 1 where a command succeeds.
page=$1 source=$2 folder=$3
set -eu
export LC_ALL=C XDG_CACHE_HOME=$folder/cache TMPDIR=$folder
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
copy() { mkdir "$2" && cp "$1"/* "$2"/ && chmod -R u+w "$2"; }
pointer() {
  printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nsize 1234567\n'
}
stories=$source/tools/models/stories-draft-0.9m goldens=$source/test/Inputs/goldens
copy "$stories" stories
mkdir photos
touch photos/cat.jpg
mkdir config-only && cp stories/config.json config-only/
copy "$stories" pytorch && rm pytorch/model.safetensors && : >pytorch/pytorch_model.bin
copy "$stories" clone && pointer >clone/model.safetensors
pointer >clone.gguf
copy "$stories" half && head -c 900000 stories/model.safetensors >half/model.safetensors
copy "$goldens/llama3-rope" shards && rm shards/model-00003-of-00007.safetensors
copy "$stories" mamba && printf '{"model_type": "mamba", "hidden_size": 64}\n' >mamba/config.json
copy "$stories" edited && printf '{"model_type": "llama",}\n' >edited/config.json
copy "$stories" wrong && sed 's/"hidden_size": [0-9]*/"hidden_size": 100/' stories/config.json >wrong/config.json
copy "$stories" plain && rm plain/tokenizer*.json
head -c 60000 "$goldens/gguf-q4_0/model.gguf" >half.gguf
# A matrix of 16-bit integers, where the file says 16-bit floats.
sed 's/\(blk\.0\.attn_q\.weight\x02\x00\x00\x00.\{16\}\)\x01/\1\x19/' "$goldens/gguf-f16/model.gguf" >integers.gguf
echo "my notes" >notes.txt
echo '[1, 2, 99999]' >ids.json
printf 'word %.0s' $(seq 600) >long.txt
espalier compile stories -o moved.so 2>log || { cat log; exit 1; }
rm moved.safetensors
espalier compile stories -o teller 2>log || { cat log; exit 1; }
espalier compile stories -o stories.o 2>log || { cat log; exit 1; }
ln -s "$(command -v espalier)" espalier

status=0
while IFS= read -r line; do
  case $line in
  '    $ '*)
    printf '%s\n' "$line"
    # What a system calls its errors, a folder of its own, how long a compilation
    # takes and which families there are is not the point.
    if sh -c "${line#????? }" </dev/null >out 2>&1; then
      echo "    (it succeeded)"
      status=1
    fi
    sed -e "s|$folder/||g" -e 's/Operation not permitted\|Read-only file system/Permission denied/' \
      -e '/^compiled in /d' -e 's/is not supported; .* are$/is not supported; ... are/' -e 's/^/    /' out
    ;;
  '    '*) ;; # what the page says it answers
  *) printf '%s\n' "$line" ;;
  esac
done <"$page"
exit $status
