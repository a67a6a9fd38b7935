# SPDX-License-Identifier: ISC
# t_signals: interrupting readers, queries that stop with them, ending the daemon in every
# way. Wants a query that takes a while: SPANFS_TEST_SPANS spans (default 150,000) printed.
# alone: some of what it tells is how soon a reader ends.
. "$(dirname "$0")/lib.sh"
need_programs
setup
SPANS=${SPANFS_TEST_SPANS-150000}
make_spans busy "$SPANS" "$DATA_START" >"$T/busy.jsonl"
holds "import of $SPANS spans" "$SPANCTL" -s "$T/store" import "$T/busy.jsonl"
rm -f "$T/busy.jsonl"
SLOW=service/busy/sort/session:asc/spans.jsonl

# ---- readers that are interrupted while open waits ----

# open answers when all is done, however long that takes, and so does a stat by name.
mount_watched -o query.threads=1
for by in "cat INT" "cat TERM" "cat KILL" "stat INT" "stat KILL"; do
	sig=${by#* }
	lim 10 env --default-signal=INT ${by% *} "$M/limit/$((SPANS - $$ % 1000))/$SLOW" >/dev/null 2>&1 &
	p=$!
	i=0
	until [ "$(running)" = 1 ] || [ $i -ge 200 ]; do
		i=$((i + 1))
	done
	# timeout passes INT and TERM on; for KILL the reader itself is meant.
	reader=$(cat "/proc/$p/task/$p/children" 2>/dev/null)
	t=$(now_ms)
	# shellcheck disable=SC2086
	kill -$sig ${reader:-$p} 2>/dev/null
	wait "$p"
	t=$(($(now_ms) - t))
	[ $t -lt 500 ] && ok "SIG$sig ends a waiting ${by% *} ($t ms)" ||
	    not_ok "SIG$sig ends a waiting ${by% *}" "$t ms"
	becomes "... and its query" running 0
	echo flush >"$M/.spanfs/control"
done

n=$(metric spanfs_queries_cancelled_total)
[ "$n" -ge 1 ] && ok "$n of 5 queries were stopped before their end" ||
    not_ok "queries were stopped before their end" "$n cancelled; is SPANFS_TEST_SPANS too small?"

# A program that handles a signal does not lose its read.
if have perl; then
	is "a handled signal does not end a read" "$(lim 30 perl -e '
	    use Time::HiRes "ualarm"; $SIG{ALRM} = sub { $n++; ualarm(20000) if $n < 5 };
	    ualarm(20000); open F, $ARGV[0] or die "$!"; $l = <F>; print $l =~ /^{/ ? "read" : "lost"' \
	    "$M/service/busy/$SLOW" 2>&1)" read
fi
echo flush >"$M/.spanfs/control"

# ---- a slow reader does not hold the others up ----

cat "$M/offset/1/$SLOW" >/dev/null &
slow=$!
t=$(now_ms)
ls "$M" "$M/service" "$M/service/busy" "$M/offset/1/service/busy/sort/session:asc" >/dev/null
cat "$M/README" >/dev/null
t=$(($(now_ms) - t))
[ $t -lt 500 ] && ok "ls and README beside a slow cat ($t ms)" ||
    not_ok "ls and README beside a slow cat" "$t ms"
kill "$slow" 2>/dev/null
wait "$slow" 2>/dev/null
fusermount3 -u "$M"
gone "$DAEMON" && is "unmounting ends the daemon" "$STATUS" 0

# ---- streams ----

mount_watched -o sizes=lazy,stream_above=64KiB,stream_after=10ms
is "head -1 of a stream" "$(lim 10 head -1 "$M/service/busy/spans.jsonl" | grep -c '^{.*}$')" 1
becomes "... stops the query" running 0
lim 10 env --default-signal=INT cat "$M/service/busy/otlp.jsonl" 2>/dev/null | {
	head -c 100000 >/dev/null
	sleep 0.3
} &
p=$!
sleep 0.1
becomes "cat into a pipe that closes: the query stops" running 0
wait "$p"
is "a stream read to its end is complete" "$(lim 60 wc -l <"$M/service/busy/spans.jsonl")" "$SPANS"

# ---- cancel ----

(
	exec 7<"$M/limit/149999/service/busy/otlp.jsonl"
	head -c 10 <&7 >/dev/null
	id=$(awk 'NR == 2 { print $1 }' "$M/.spanfs/queries")
	[ -n "$id" ] || exit 0
	echo "cancel $id" >"$M/.spanfs/control" || exit 1
	cat <&7 >/dev/null 2>"$T/err" && exit 2
	grep -q 'canceled' "$T/err"
)
case $? in
0) ok "cancel ID ends a query with an error, not a short file" ;;
*) not_ok "cancel ID ends a query with an error, not a short file" "$(cat "$T/err")" ;;
esac

# ---- ends of the daemon ----

exec 7<"$M/README"
matches "a busy mount is not unmounted" "$(fusermount3 -u "$M" 2>&1)" 'busy'
kill -TERM "$DAEMON"
i=0
while is_mounted && [ $i -lt 100 ]; do
	sleep 0.05
	i=$((i + 1))
done
is_mounted && not_ok "SIGTERM detaches a busy mount" || ok "SIGTERM detaches a busy mount"
kill -0 "$DAEMON" && ok "... and serves its open files" || not_ok "... and serves its open files"
is "... which can still be read" "$(wc -c <&7)" "$(stat -Lc %s /proc/self/fd/7)"
exec 7<&-
gone "$DAEMON" 5 && is "... until they are closed" "$STATUS" 0 || not_ok "... until they are closed"

mount_watched
kill -INT "$DAEMON"
gone "$DAEMON" 5 && is "SIGINT ends an idle mount" "$STATUS" 0 || not_ok "SIGINT ends an idle mount"
is_mounted && not_ok "... and unmounts" || ok "... and unmounts"

mount_watched
exec 7<"$M/service/busy/spans.jsonl"
kill -TERM "$DAEMON"
sleep 0.2
kill -TERM "$DAEMON"
gone "$DAEMON" 5 && is "a second SIGTERM does not wait" "$STATUS" 0 ||
    not_ok "a second SIGTERM does not wait"
exec 7<&-

mount_watched
kill -HUP "$DAEMON"
holds "SIGHUP is survived" cat "$M/README"
kill -KILL "$DAEMON"
gone "$DAEMON"
matches "a killed daemon leaves a dead mount" "$(lim 5 ls "$M" 2>&1)" 'not connected'
mount_watched
holds "which the next start clears away" cat "$M/service/busy/limit/1/spans.jsonl"
is "... wholly" "$(grep -c " $M .* - fuse" /proc/self/mountinfo)" 1
fusermount3 -u "$M"
gone "$DAEMON"

mount_store
holds "in the background it answers at once" cat "$M/README"
holds "and is unmounted" fusermount3 -u "$M"

# ---- wrong starts ----

wrong() {
	lim 10 "$SPANFS" "$2" "$3" >"$T/err" 2>&1
	rc=$?
	[ $rc -ne 0 ] && [ $rc -lt 120 ] && ok "$1 ($(tail -n 1 "$T/err" | cut -c 1-80))" ||
	    not_ok "$1" "status $rc" "$(cat "$T/err")"
}
wrong "a mountpoint that is not there" "$T/store" "$T/nowhere"
wrong "a mountpoint that is a file" "$T/store" "$T/err"
mkdir -p "$T/store/inside"
wrong "a mountpoint inside the store" "$T/store" "$T/store/inside"
wrong "a store inside the mountpoint" "$T/store" "$T"
rmdir "$T/store/inside"
finish
