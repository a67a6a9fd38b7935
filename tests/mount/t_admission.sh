# SPDX-License-Identifier: ISC
# t_admission: two users who ask much at once, with little memory and two places. All answers are
# right; the short questions of one are through while long ones of the other still wait, though they
# came later; names are looked up meanwhile; memory is what the settings say; afterwards nothing moves.
. "$(dirname "$0")/lib.sh"
need_programs
setup
chmod 755 "$T"
mkdir "$T/a" "$T/b"
chmod 777 "$T/a" "$T/b"
{ lim 60 "$SPANCTL" sample --spans 15000 --end 2026-11-20T14:00:00Z |
    lim 60 "$SPANCTL" -s "$T/store" import -; } >"$T/import.log" 2>&1 || {
	not_ok "import of the test data" "$(cat "$T/import.log")"
	finish
}
N=50
TOTAL_MIB=80
CACHES="store.cache=8MiB,decision_cache.max_bytes=4MiB,result_cache.max_bytes=16MiB"
long_of() {
	case $(($1 % 3)) in
	0) echo sort/self_duration:desc,name/spans.csv ;;
	1) echo otlp.jsonl ;;
	*) echo sort/trace_duration:desc/traces.jsonl ;;
	esac
}
SHORT=limit/20/spans.jsonl
for i in 0 1 2; do
	query "$(long_of $i)" | md5sum >"$T/ref/long$i"
done
query $SHORT | md5sum >"$T/ref/short"
mount_watched -o "allow_other,query.timeout=10m,query.max_concurrent=2,$CACHES" \
    -o "query.total_memory=${TOTAL_MIB}MiB,result_cache.entry_max_bytes=8MiB,spill_dir=$T"
WATCHED=$DAEMON

if [ "$(id -u)" = 0 ] && have setpriv; then
	A=65533 B=65534
	as() {
		user=$1
		shift
		setpriv --reuid="$user" --regid="$user" --clear-groups "$@"
	}
else
	A=$(id -u) B=$(id -u)
	as() {
		shift
		"$@"
	}
fi
# ask USER DIR I PATH: the sum of one answer, or of none, in the file I; names are new each time.
ask() {
	as "$1" sh -c 'md5sum <"$1" >"$2.new"; mv "$2.new" "$2"' sh \
	    "$M/not/name/none$2$3/$4" "$T/$2/$3" 2>>"$T/err" &
	pids="$pids $!"
}
done_of() {
	find "$T/$1" -name '[0-9]*' ! -name '*.new' | wc -l
}
wait_all() {
	for p in $pids; do
		wait "$p"
	done
	pids=
}

# ---- A has asked, and waits ----

pids=
i=0
while [ $i -lt $N ]; do
	ask $A a $i "$(long_of $i)"
	i=$((i + 1))
done
first=$pids
# states STATE: how many of A's are in it, in what was read last
states() {
	awk -F '\t' -v u=$A -v s="$1" '$2 == u && $4 ~ s { n++ } END { print n + 0 }' "$T/queries"
}
i=0
most=0
both=
while [ -z "$both" ] && [ $i -lt 200 ]; do
	cat "$M/.spanfs/queries" >"$T/queries"
	[ "$(states running)" -gt $most ] && most=$(states running)
	[ "$(states queued)" -ge $((N / 2)) ] && [ "$(states 'running|planning|streaming')" -gt 0 ] &&
	    both=yes
	sleep 0.02
	i=$((i + 1))
done
is "queries that wait for a turn are shown, and those that run" "$both" yes
holds "... at most as many as may" [ $most -le 2 ]

# ---- B asks what is short, and names are looked up ----

pids=
i=0
while [ $i -lt $N ]; do
	ask $B b $i $SHORT
	i=$((i + 1))
done
i=0
while [ $i -lt $N ]; do
	stat "$M/kind/server/not/name/new$i" "$M/service/checkout/name/other$i" >/dev/null ||
	    not_ok "look-up $i" "failed"
	i=$((i + 1))
done
looked=$(done_of a)
wait_all
passed=$(done_of a)
ls "$M" "$M/service/checkout" "$M/.service" >/dev/null
pids=$first
wait_all
echo "# of $N long answers $looked were there after $N look-ups, $passed after $N short answers"
holds "names are looked up while they wait" [ "$looked" -lt $N ]
holds "what is short passes most of what is long" [ "$passed" -lt $((N * 3 / 4)) ]
is "... and nobody is forgotten" "$(done_of a) $(done_of b)" "$N $N"
is "... nor told anything but answers" "$(cat "$T/err")" ""
for i in 0 1 2; do
	n=0
	k=$i
	while [ $k -lt $N ]; do
		cmp -s "$T/a/$k" "$T/ref/long$i" && n=$((n + 1))
		k=$((k + 3))
	done
	is "right: $(long_of $i)" $n $(((N - i + 2) / 3))
done
is "right: $SHORT" "$(cat "$T"/b/* | sort -u)" "$(cat "$T/ref/short")"

# ---- what it took ----

most=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$WATCHED/status")
echo "# at most $((most / 1024)) MiB in memory, of $TOTAL_MIB + 64"
if nm "$SPANFS" 2>/dev/null | grep -q '__[at]san_init'; then
	skip "memory" "a sanitizer's"
else
	holds "memory is what the settings say" [ "$most" -le $(((TOTAL_MIB + 64) * 1024)) ]
fi
becomes "nothing runs any more" running 0
# What is idle goes within some seconds; then no thread is scheduled but for a tick now and then.
ticks() {
	awk '{ print $14 + $15 }' "/proc/$WATCHED/stat"
}
switches() {
	cat "/proc/$WATCHED"/task/*/status | awk '/_ctxt_switches/ { n += $2 } END { print n }'
}
still() {
	t=$(ticks)
	s=$(switches)
	sleep 2
	moved="$(($(ticks) - t)) $((($(switches) - s) > 8))"
}
if nm "$SPANFS" 2>/dev/null | grep -q '__tsan_init'; then
	skip "... and nothing moves" "a sanitizer's own thread"
else
	i=0
	moved=
	while [ "$moved" != "0 0" ] && [ $i -lt 10 ]; do
		still
		i=$((i + 1))
	done
	is "... and nothing moves: ticks, threads that are woken" "$moved" "0 0"
fi
is "nothing is left in the spill directory" "$(ls "$T" | grep -c '^spanfs-')" 0
unmount
gone "$WATCHED"
is "exit" "$STATUS" 0
finish
