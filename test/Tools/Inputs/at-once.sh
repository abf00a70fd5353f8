# at-once.sh CACHE COMMAND...: runs it four times at once with an empty cache, and
# prints what they say. The first has begun before the others; it is stopped while
# they come, so that they must wait for it.
export XDG_CACHE_HOME=$1
shift
"$@" 2>"$XDG_CACHE_HOME.1" >/dev/null &
first=$!
until ls "$XDG_CACHE_HOME"/espalier/models/*.lock >/dev/null 2>&1; do
  kill -0 "$first" || exit 1
done
kill -STOP "$first"
others=
for i in 2 3 4; do
  "$@" 2>"$XDG_CACHE_HOME.$i" >/dev/null &
  others="$others $!"
done
for i in 2 3 4; do
  for tries in $(seq 400); do
    grep -q waiting "$XDG_CACHE_HOME.$i" && break
    sleep 0.05
  done
done
kill -CONT "$first"
wait $first $others
cat "$XDG_CACHE_HOME".?
