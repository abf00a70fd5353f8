# full.sh COMMAND...: runs it with a standard output that is full, and with one that
# is closed. Status 1 where both end with status 1.
first=0 second=0
echo text | "$@" >/dev/full || first=$?
echo text | "$@" >&- || second=$?
[ "$first $second" != "1 1" ]
