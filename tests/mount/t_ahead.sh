# SPDX-License-Identifier: ISC
# t_ahead: a large spans.jsonl has its size before a line of it is made. Its bytes follow as they
# are read, wherever that begins, in bounded memory; who leaves stops the work, who comes again
# finds the same file; and what goes wrong on the way is an error, never a file cut short.
# SPANFS_TEST_SPANS spans (default 250,000, which are 200 MB; 60,000 with a sanitizer).
. "$(dirname "$0")/lib.sh"
need_programs
setup
SPANS=250000
SANITIZED=
if nm "$SPANFS" 2>/dev/null | grep -q '__[at]san_init'; then
	SPANS=60000
	SANITIZED=yes
fi
SPANS=${SPANFS_TEST_SPANS-$SPANS}
"$SPANCTL" sample --spans "$SPANS" --end 2026-11-20T18:00:00Z -o "$T/x.jsonl" &&
    lim 120 "$SPANCTL" -s "$T/store" import "$T/x.jsonl" >"$T/import.log" 2>&1 || {
	not_ok "the store" "$(cat "$T/import.log")"
	finish
}
rm "$T/x.jsonl"
R=$T/ref/spans.jsonl
query spans.jsonl >"$R"
SIZE=$(stat -c %s "$R")
HALF=$((SIZE / 2097152))
SUM=$(md5sum <"$R")
OPTS="spill_dir=$T,query.threads=2"

# Whether the daemon does next to nothing for half a second.
rests() {
	before=$(awk '{ print $14 + $15 }' "/proc/$DAEMON/stat")
	sleep 0.5
	[ $(($(awk '{ print $14 + $15 }' "/proc/$DAEMON/stat") - before)) -lt 8 ] && echo rests
}

# ---- the size, and nothing else ----

mount_watched -o "$OPTS"
is "stat tells the size" "$(stat -c %s "$M/spans.jsonl")" "$SIZE"
is "... by lengths" "$(metric spanfs_results_sized_total)" 1
is "... of no row that was put together" "$(metric spanfs_rows_fetched_total) $(metric spanfs_queries_streamed_total)" "0 0"
is "... and nothing goes on" "$(running)" 0
is "a page of it has its size" "$(stat -c %s "$M/offset/7/limit/$((SPANS - 20000))/spans.jsonl")" \
    "$(query offset/7/limit/$((SPANS - 20000))/spans.jsonl | wc -c)"
is "... a filter, too" "$(stat -c %s "$M/duration/gt/1ms/spans.jsonl")" \
    "$(query duration/gt/1ms/spans.jsonl | wc -c)"
is "... sorted, too" "$(stat -c %s "$M/sort/duration/spans.jsonl")" "$SIZE"
is "... all of these by lengths" "$(metric spanfs_results_sized_total) $(metric spanfs_rows_fetched_total)" "4 0"
fusermount3 -u "$M"
gone "$DAEMON"

# ---- bytes that follow ----

# each NAME COMMAND WANTED: on a file that nobody has asked for; the daemon's most memory.
each() {
	mount_watched -o "$OPTS"
	got=$(cd "$M" && lim 120 sh -c "$2" 2>&1)
	most=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$DAEMON/status")
	is "$1" "$got" "$3"
	if [ -n "$SANITIZED" ]; then
		skip "... in bounded memory" "a sanitizer's memory"
	elif [ "$most" -lt 160000 ]; then
		ok "... in bounded memory"
	else
		not_ok "... in bounded memory" "$most KiB"
	fi
	fusermount3 -u "$M"
	gone "$DAEMON"
}

each "cat" "md5sum <spans.jsonl" "$SUM"
each "cp" "cp spans.jsonl '$T/out/x' && md5sum <'$T/out/x'" "$SUM"
each "tar" "tar cf - spans.jsonl | tar xOf - | md5sum" "$SUM"
each "tail -c" "tail -c 1000 spans.jsonl | md5sum" "$(tail -c 1000 "$R" | md5sum)"
each "dd with skip" "dd if=spans.jsonl bs=1M skip=$HALF count=1 status=none | md5sum" \
    "$(dd if="$R" bs=1M skip=$HALF count=1 status=none | md5sum)"
each "dd past the page cache" "dd if=spans.jsonl bs=300k iflag=direct status=none | md5sum" "$SUM"
each "six at once" "for i in 1 2 3 4 5 6; do md5sum <spans.jsonl & done; wait" \
    "$(for i in 1 2 3 4 5 6; do echo "$SUM"; done)"
if have python3; then
	cat >"$T/x.py" <<'EOF'
import mmap, os, random, sys
f = open(sys.argv[1], "rb")
m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
n = len(m)
print(n, m[n - 40:], m[:40])
r = random.Random(4)
for i in range(200):
    at = r.randrange(n - 100)
    print(m[at:at + 100])
    print(os.pread(f.fileno(), 5000, n - 1 - at)[:60])
EOF
	cat >"$T/y.py" <<'EOF'
import os, sys
i = os.open(sys.argv[1], os.O_RDONLY)
o = os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY)
n = 0
while (k := os.sendfile(o, i, n, 1 << 20)) > 0:
    n += k
EOF
	each "sendfile without fstat" "python3 '$T/y.py' spans.jsonl '$T/out/y' && md5sum <'$T/out/y'" "$SUM"
	each "mmap and pread, here and there" "python3 '$T/x.py' spans.jsonl | md5sum" \
	    "$(python3 "$T/x.py" "$R" | md5sum)"
fi

# ---- who leaves early, and comes again ----

mount_watched -o "$OPTS"
is "head has its line" "$(head -n 1 "$M/spans.jsonl" | md5sum)" "$(head -n 1 "$R" | md5sum)"
becomes "... and stops the work" running 0
becomes "... for good" rests rests
is "the whole is there for the next" "$(md5sum <"$M/spans.jsonl")" "$SUM"
becomes "... and nothing goes on" running 0
exec 7<"$M/limit/$((SPANS - 1))/spans.jsonl"
dd bs=64k count=1 status=none <&7 >/dev/null
becomes "a reader that rests costs nothing" rests rests
is "... and reads on" "$(cat <&7 | tail -c 1000 | md5sum)" \
    "$(query limit/$((SPANS - 1))/spans.jsonl | tail -c 1000 | md5sum)"
exec 7<&-
fusermount3 -u "$M"
gone "$DAEMON"

# ---- what is not kept ----

# Larger than what is kept, and than what may be spilled: it needs neither.
mount_watched -o "$OPTS,result_cache.entry_max_bytes=1MiB,spill_max=${HALF}MiB"
is "larger than spill_max, it is whole" "$(md5sum <"$M/spans.jsonl")" "$SUM"
becomes "... and its rows are counted" running 0
before=$(metric spanfs_rows_fetched_total)
is "its end" "$(tail -c 1000 "$M/limit/$((SPANS + 1000))/spans.jsonl" | md5sum)" \
    "$(tail -c 1000 "$R" | md5sum)"
becomes "... and nothing goes on" running 0
more=$(($(metric spanfs_rows_fetched_total) - before))
if [ "$more" -lt 5000 ]; then
	ok "... is not all that lies before it"
else
	not_ok "... is not all that lies before it" "$more rows were put together"
fi
fusermount3 -u "$M"
gone "$DAEMON"

# ---- failures ----

# A shard that turns bad once the size is told: the oldest one, which is read last.
mount_watched -o "$OPTS"
exec 7<"$M/spans.jsonl"
bad=$(find "$T/store/shards" -type f | sort | head -n 1)
dd if=/dev/zero of="$bad" bs=1k seek=20 count=50 conv=notrunc status=none
lim 120 cat <&7 >"$T/out/x" 2>"$T/out/err"
is "a damage on the way fails the reader" $? 1
matches "... with a reason" "$(cat "$T/out/err")" 'Input/output error'
n=$(stat -c %s "$T/out/x")
holds "... and what came is right" cmp -n "$n" "$T/out/x" "$R"
# Of a small store all is looked for at once, so that nothing may come.
[ "$SPANS" -lt 250000 ] || holds "... and much" [ "$n" -gt $((SIZE / 2)) ]
is "... the size stays what it was" "$(stat -Lc %s /proc/self/fd/7)" "$SIZE"
exec 7<&-
matches "the next open is told" "$(cat "$M/spans.jsonl" 2>&1 >/dev/null)" 'Input/output error'
fusermount3 -u "$M"
gone "$DAEMON"
finish
