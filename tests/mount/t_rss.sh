# SPDX-License-Identifier: ISC
# t_rss: what is kept of answers takes no more memory than [result_cache] max_bytes says, by the process's own
# resident set: that of a mount whose table is full, beside that of one that keeps nothing and was asked the same.
. "$(dirname "$0")/lib.sh"
need_programs
setup
"$SPANCTL" -s "$T/store" sample --spans 20000 --hours 2 --seed 3 --end 2026-03-04T00:00:00Z -o "$T/s.jsonl" &&
    "$SPANCTL" -s "$T/store" import "$T/s.jsonl" >/dev/null || exit 1

MAX_KIB=49152
# Rows of large results, and groups, whose parts are kept beside them.
ask_all() {
	for i in 0 1 2 3 4 5 6 7 8 9; do
		for s in frontend checkout cart payment product-catalog shipping; do
			cat "$M/service/$s/duration/gt/${i}us/spans.jsonl"
			cat "$M/service/$s/duration/gt/${i}us/group/name/bucket/1m/agg/count,p99:duration/groups.jsonl"
		done
	done >/dev/null
}
# What a reader held goes a moment after it has closed the file.
kept_of_nothing() {
	cat "$M/.spanfs/metrics" >"$T/metrics"
	echo "$(of spanfs_result_cache_bytes) $(of spanfs_parts_bytes)"
}
rss_kib() {
	sed -n 's/^VmRSS:[ \t]*\([0-9]*\) kB/\1/p' "/proc/$DAEMON/status"
}
run() {	# max_bytes
	mount_watched -o "result_cache.max_bytes=$1,stat_budget=0"
	ask_all
	cat "$M/.spanfs/metrics" >"$T/metrics"
}
of() {
	awk -v n="$1" '$1 == n { printf "%d\n", $2 / 1024 }' "$T/metrics"
}

run 0
becomes "nothing is kept" kept_of_nothing "0 0"
bare=$(rss_kib)
unmount
gone "$DAEMON"
run $((MAX_KIB * 1024))
kept=$(($(of spanfs_result_cache_memory_bytes) + $(of spanfs_parts_bytes)))
holds "the table is full" [ "$kept" -ge $((MAX_KIB * 3 / 4)) ]
holds "... and no fuller than it may be" [ "$kept" -le "$MAX_KIB" ]
# A while after the last answer free memory goes back; the allocator keeps some in between.
grown() {
	echo $((($(rss_kib) - bare) > MAX_KIB * 5 / 4))
}
if nm "$SPANFS" 2>/dev/null | grep -q '__[at]san_init'; then
	skip "the process has grown by no more" "a sanitizer's memory"
else
	becomes "the process has grown by no more" grown 0
fi
echo "# $(rss_kib) KiB with $kept KiB of answers, of $MAX_KIB; $bare KiB without"
unmount
gone "$DAEMON"
is "exit" "$STATUS" 0
finish
