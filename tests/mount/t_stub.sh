# SPDX-License-Identifier: ISC
# t_stub: the mount alone, over an engine whose results are as slow, dear, endless or changing
# as their path says (stub_engine.c). Exact where t_signals can only try to be in time.
# alone: some of what it tells is how soon an answer comes.
. "$(dirname "$0")/lib.sh"
: "${STUB:=${BUILD-.}/tests/mount/stub_engine}"
[ -x "$STUB" ] || skip_all "stub_engine not built"
setup
mkdir "$T/store"
start() {
	"$STUB" "$T/store" "$M" "$@" >"$T/mount.log" 2>&1 &
	DAEMON=$!
	daemons="$daemons $DAEMON"
	wait_mounted || {
		not_ok "mount" "$(cat "$T/mount.log")"
		finish
	}
}
queries() {
	awk '/^running/ { print $2 }' "$M/.spanfs/queries"
}
# within NAME MS COMMAND...
within() {
	name=$1
	max=$2
	shift 2
	t=$(now_ms)
	"$@" >"$T/out/x" 2>"$T/err"
	t=$(($(now_ms) - t))
	[ $t -le "$max" ] && ok "$name ($t ms)" || not_ok "$name" "$t ms"
}
start
cd "$M" || exit 1

# ---- stat by name, and in listings ----

listed() {
	ls -l "service/$1/" | awk '$NF == "count" { print $5 }'
}
is "a dear result is waited for by name" "$(stat -c %s service/slow300/count)" \
    "$(cat service/slow300/count | wc -c)"
is "... and none in a listing" "$(listed slow60000)" 0
is "... nor started" "$(queries)" 0
env --default-signal=INT stat service/slow60000/count 2>/dev/null &
p=$!
becomes "a stat waits" queries 1
within "Ctrl-C ends it" 300 sh -c "kill -INT $p; while kill -0 $p 2>/dev/null &&
    ! grep -q ' Z ' /proc/$p/stat; do sleep 0.01; done"
wait $p 2>/dev/null
becomes "... and the query" queries 0
matches "a failing result fails a stat by name" "$(stat service/fail10/count 2>&1)" 'Connection timed out'
is "... and is 0 in a listing" "$(listed fail10)" 0
within "ls -l of a directory spends one budget" 400 ls -l service/cheap80/
is "... and sizes beyond it are 0" "$(awk '/^-/ && $5 == 0' "$T/out/x" | grep -c .)" 1
cd / && unmount
gone "$DAEMON"

# ---- stat where sizes are lazy ----

start lazy
cd "$M" || exit 1
is "a cheap result has a size" "$(stat -c %s service/cheap20/count)" "$(cat service/cheap20/count | wc -c)"
is "a dear one has none" "$(stat -c %s service/slow60000/count)" 0
is "... and was not started by stat" "$(queries)" 0
within "ls -l of a directory spends one budget" 400 ls -l service/cheap80/
is "... and sizes beyond it are 0" "$(awk '/^-/ && $5 == 0' "$T/out/x" | grep -c .)" 1
is "a failing result fails to open, too late for stat" "$(stat -c %s service/fail10/count)" 0
matches "... with its errno" "$(cat service/fail10/count 2>&1)" 'Connection timed out'
is "no service: no file" "$(stat service/gone/count 2>&1 | sed 's/.*: //')" 'No such file or directory'
is "a large result is whole" "$(md5sum <service/big3/count)" "$(cat service/big3/plan | md5sum)"
is "... and its size true" "$(wc -c <service/big3/count)" "$(cat service/big3/count | wc -c)"

# ---- interrupts ----

for sig in INT TERM KILL; do
	env --default-signal=INT cat service/slow60000/plan 2>/dev/null &
	p=$!
	becomes "a slow open runs" queries 1
	within "SIG$sig ends its reader" 300 sh -c "kill -$sig $p; while kill -0 $p 2>/dev/null &&
	    ! grep -q ' Z ' /proc/$p/stat; do sleep 0.01; done"
	wait $p 2>/dev/null
	becomes "... and the query" queries 0
done
env --default-signal=INT cat service/stream60000/plan &
p=$!
sleep 0.2
within "Ctrl-C ends a reader of a silent stream" 300 sh -c "kill -INT $p; while kill -0 $p \
    2>/dev/null && ! grep -q ' Z ' /proc/$p/stat; do sleep 0.01; done"
wait $p 2>/dev/null
becomes "... and the stream" queries 0
is "head -1 gets its line" "$(head -1 service/stream10/plan | wc -l)" 1
becomes "... and the stream ends" queries 0
if have perl; then
	is "a handled signal is no reason to give up" "$(perl -e 'use Time::HiRes "ualarm";
	    $SIG{ALRM} = sub {}; ualarm(100000); open F, "service/slow500/count" or die "$!";
	    print length <F>')" 28
	perl -e 'use Time::HiRes "ualarm"; $SIG{ALRM} = sub {}; ualarm(100000);
	    open F, "service/slow60000/count"' &
	p=$!
	sleep 0.3
	within "but a later SIGTERM is" 500 sh -c "kill -TERM $p; while kill -0 $p 2>/dev/null &&
	    ! grep -q ' Z ' /proc/$p/stat; do sleep 0.01; done"
	wait $p 2>/dev/null
	becomes "... and ends the query" queries 0
fi

# ---- bytes that the kernel asks for ahead: of these it sends no interrupt ----

for sig in INT KILL; do
	env --default-signal=INT cat service/later60000/plan >/dev/null &
	p=$!
	becomes "a reader waits for its bytes" queries 1
	within "SIG$sig ends it" 300 sh -c "kill -$sig $p; while kill -0 $p 2>/dev/null &&
	    ! grep -q ' Z ' /proc/$p/stat; do sleep 0.01; done"
	wait $p 2>/dev/null
	becomes "... and what makes them" queries 0
done
n=$(stat -c %s service/later500/plan)
cat service/later500/plan >/dev/null &
p=$!
cat service/later500/plan >"$T/out/other" &
other=$!
sleep 0.1
kill -KILL $p
wait $p 2>/dev/null
wait $other
is "who reads beside one that is killed reads on" "$? $(wc -c <"$T/out/other")" "0 $n"
if have python3; then
	python3 -c 'import os
fd = os.open("service/later60000/count", os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)'
	becomes "nothing goes on for one that left and asked ahead" queries 0
fi
if have perl; then
	perl -e '$SIG{INT} = sub { exit 3 }; open F, "service/later60000/plan"; sysread F, $x, 999' &
	p=$!
	becomes "one that handles SIGINT waits" queries 1
	within "... and is told of it" 500 sh -c "kill -INT $p; while kill -0 $p 2>/dev/null &&
	    ! grep -q ' Z ' /proc/$p/stat; do sleep 0.01; done"
	wait $p
	is "... so that its handler runs" "$?" 3
	becomes "... and nothing goes on" queries 0
	is "a handled signal that asks nothing leaves the read alone" "$(perl -e '
	    use Time::HiRes "ualarm"; $SIG{ALRM} = sub {}; ualarm(100000);
	    open F, "service/later500/plan" or die "$!"; print sysread F, $x, 99999')" "$n"
fi
cat service/slow2000/count >/dev/null &
p=$!
sleep 0.1
within "nothing waits behind a slow open" 200 ls -l . service service/slow2000 service/checkout
within "... nor another name of its directory" 100 cat service/slow2000/nosuch
kill $p
wait $p 2>/dev/null
is "an error in the middle is an error" "$(cat service/midfail0/plan 2>&1 >/dev/null)" \
    "cat: service/midfail0/plan: Input/output error"
have getfattr && is "... in words" "$(getfattr --only-values -n user.spanfs.error service/midfail0/plan)" \
    "shard 7: damaged"

# ---- snapshots ----

exec 7<service/tick/count
head -c 26 <&7 >/dev/null
size=$(stat -Lc %s /proc/self/fd/7)
echo bump >.spanfs/control
is "a second open sees new content" "$(sort -u service/tick/count)" "generation 1"
is "... whose size is its own" "$(wc -c <service/tick/count) $(stat -c %s service/tick/count)" "1950 1950"
is "the first keeps its own" "$(stat -Lc %s /proc/self/fd/7)" "$size"
is "... and its bytes" "$(cat <&7 | sort -u)" "generation 0"
# A node that is open has one size: another result would be read under it.
is "/proc/self/fd is the file that is open" "$(echo bump >.spanfs/control
    sort -u /proc/self/fd/7)" "generation 0"
is "... and of its size" "$(cat /proc/self/fd/7 | wc -c)" "$(stat -Lc %s /proc/self/fd/7)"
exec 7<&-
for i in 1 2 3 4 5 6 7 8; do
	echo bump >.spanfs/control
	[ $((i % 3)) -eq 0 ] && stat service/tick/count >/dev/null
	out=$(cat service/tick/count)
	[ "$(printf '%s\n' "$out" | sort -u)" = "generation $((i + 2))" ] &&
	    [ "$(printf '%s\n' "$out" | wc -l)" -eq $((100 + 50 * (i + 2))) ] ||
	    not_ok "change $i" "$(printf '%s\n' "$out" | sort | uniq -c)"
done
ok "content that changes between opens is never mixed"
reads() {
	awk '/^reads/ { print $2 }' .spanfs/queries
}
for kind in same turn; do
	first=$(cat service/$kind/count)
	n=$(reads)
	for i in 1 2 3 4 5; do
		[ "$(cat service/$kind/count)" = "$first" ] || not_ok "$kind: the same bytes"
	done
	is "$kind: other results of the same bytes are not read again" "$(reads)" "$n"
done
echo bump >.spanfs/control
first=${first#turn }
is "... other bytes of the same length are" "$(cat service/turn/count)" "turn $(((first + 1) % 10))"
is "... and so again" "$(echo bump >.spanfs/control; cat service/turn/count)" \
    "turn $(((first + 2) % 10))"

# ---- many names ----


(cd name && i=0; while [ $i -lt 200 ]; do printf 'v%d/count ' $((i * 100)) $((i * 100 + 1)); i=$((i + 1)); done |
    xargs stat -c %s >/dev/null) && ok "400 new names" || not_ok "400 new names"
cd /
is "busy" "$(cd "$M" && fusermount3 -u "$M" 2>&1 | grep -c busy)" 1
holds "unmount" fusermount3 -u "$M"
gone "$DAEMON" && is "a clean end" "$STATUS" 0
finish
