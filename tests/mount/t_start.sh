# SPDX-License-Identifier: ISC
# t_start: what keeps a mount from starting, by name; and what readers are told when the store
# or the spill directory goes away under one.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store

# refused NAME PATTERN ARGUMENT...: spanfs ends with 1 and says so; nothing is mounted.
refused() {
	name=$1 pattern=$2
	shift 2
	out=$(lim 20 "$SPANFS" "$@" 2>&1)
	is "$name: exit status" $? 1
	matches "$name: says so" "$out" "$pattern"
	! is_mounted && ok "$name: nothing is mounted" || not_ok "$name: nothing is mounted"
}

refused "no store there" "$T/mistyped: no store there .*-o create" "$T/mistyped" "$M"
[ ! -e "$T/mistyped" ] && ok "... and none is made" || not_ok "... and none is made"
mkdir "$T/empty"
refused "an empty directory" "$T/empty: no store there" "$T/empty" "$M"
refused "a directory with other things" 'ref.*: not a spanfs store, and not empty .*x' \
    "$(touch "$T/ref/x"; echo "$T/ref")" "$M"
cp -r "$T/store" "$T/other"
echo "spanfs store 99" >"$T/other/STORE"
refused "another version" 'store format 99, this program reads 1' "$T/other" "$M"
refused "no spill directory" 'spill_dir /nonexistent/x: No such file' -o spill_dir=/nonexistent/x \
    "$T/store" "$M"
refused "a spill directory that is a file" 'spill_dir .*import.log: Not a directory' \
    -o spill_dir="$T/import.log" "$T/store" "$M"

# ---- settings whose texts only the engine can judge ----

# wrong SETTING VALUE PATTERN: the start of either program ends with 2, and says where.
wrong() {
	printf '[%s]\n%s=%s\n' "${1%.*}" "${1#*.}" "$2" >"$T/wrong.ini"
	out=$(lim 20 "$SPANFS" -c "$T/wrong.ini" "$T/store" "$M" 2>&1)
	is "$1=$2: exit status" $? 2
	matches "... says where" "$out" "wrong.ini:2: \\[${1%.*}\\] ${1#*.}: $3"
	out=$(lim 20 "$SPANCTL" -s "$T/store" -o "$1=$2" query /count 2>&1)
	is "... of spanctl" $? 2
	matches "... says where" "$out" "-o: \\[${1%.*}\\] ${1#*.}: $3"
	! is_mounted && ok "... nothing is mounted" || not_ok "... nothing is mounted"
}

wrong mount.now someday 'expected wall, latest or a time'
wrong query.rules_off index,nope "no optimizer rule 'nope'; expected"
wrong redis.url http://x 'no such kind of address'
out=$("$SPANCTL" -s "$T/store" analyze nothing 2>&1)
is "no table of statistics of that name: exit status" $? 2

out=$(lim 20 "$SPANFS" -o create "$T/new" "$M" 2>&1)
is "-o create makes a store" "$? $out" "0 "
is "... for its owner alone" "$(stat -c %a "$T/new")" 700
is "... which is empty" "$(cat "$M/count")" 0
unmount

# ---- twice ----

mount_store
out=$(lim 20 "$SPANFS" "$T/store" "$M" 2>&1)
is "a second mount there: exit status" $? 1
matches "... says so" "$out" "$M: spanfs is mounted there already"
is "... the first goes on" "$(cat "$M/count")" 1500
unmount

# ---- the spill directory ----

mkdir "$T/spill"
mount_store -o spill_dir="$T/spill",result_cache.entry_max_bytes=4KiB
is "a result in the spill" "$(wc -l <"$M/spans.jsonl")" 1500
rmdir "$T/spill"
out=$(cat "$M/service/checkout/traces.csv" 2>&1)
is "no spill directory any more: exit status" $? 1
matches "... an I/O error" "$out" 'Input/output error'
matches "... in words" "$(cat "$M/.spanfs/errors")" 'spill_dir .*/spill: No such file'
out=$("$SPANCTL" -s "$T/store" -o mount.spill_dir="$T/spill" \
    -o result_cache.entry_max_bytes=4KiB query /service/checkout/count 2>&1)
is "what needs none is answered" "$? $out" "0 600"
unmount

mount_store -o spill_max=8KiB,result_cache.entry_max_bytes=4KiB
holds "a full spill doesn't fail a listing" ls -l "$M/service/checkout"
out=$(cat "$M/service/checkout/traces.csv" 2>&1 >/dev/null)
is "... open fails" $? 1
matches "... for want of room" "$out" 'No space left'
# By name it is told: tar does not open what has size 0, and would store nothing in silence.
matches "... stat by name, too" "$(stat "$M/service/checkout/traces.csv" 2>&1)" 'No space left'
matches "... and tar" "$(tar -cf "$T/x.tar" -C "$M/service/checkout" traces.csv 2>&1)" 'No space left'
unmount

# ---- the store ----

mount_watched
is "before" "$(cat "$M/service/cart/count")" 300
mv "$T/store" "$T/away"
out=$(cat "$M/service/payment/count" 2>&1)
is "a store that was renamed: exit status" $? 1
matches "... an I/O error" "$out" 'Input/output error'
matches "... in words" "$(cat "$M/.spanfs/errors")" 'store was renamed or removed since'
matches "... and in the log" "$(cat "$T/mount.log")" 'store was renamed or removed since'
lim 20 "$SPANCTL" -s "$T/store" import "$T/cart.jsonl" >/dev/null 2>&1
out=$(cat "$M/service/payment/count" 2>&1)
is "another in its place: exit status" $? 1
matches "... in words" "$(cat "$M/.spanfs/errors")" 'store was replaced by another directory since'
rm -rf "$T/store"
mv "$T/away" "$T/store"
is "back in its place it is the same" "$(cat "$M/service/payment/count")" 200
cp "$T/store/CATALOG" "$T/CATALOG"
lim 20 "$SPANCTL" -s "$T/store" import - >/dev/null 2>&1 <<END
$(make_spans late 1 $((DATA_START + 9000)))
END
is "an import is seen" "$(cat "$M/service/late/count")" 1
cp "$T/CATALOG" "$T/store/CATALOG"
out=$(cat "$M/service/late/spans.jsonl" 2>&1)
is "put back in place: exit status" $? 1
matches "... in words" "$(cat "$M/.spanfs/errors")" 'store was replaced since it was opened'
unmount
gone "$DAEMON"
is "exit" "$STATUS" 0
finish
