# SPDX-License-Identifier: ISC
# t_scan: a result as large as the store is read through [store] cache, which keeps none of it, and keeps what
# is asked for again: by counts of sections that were read.
. "$(dirname "$0")/lib.sh"
need_programs
setup
"$SPANCTL" -s "$T/store" sample --spans 200000 --hours 24 --seed 5 --end 2026-03-04T00:00:00Z -o "$T/s.jsonl" &&
    "$SPANCTL" -s "$T/store" import "$T/s.jsonl" >/dev/null || exit 1
CACHE=4194304
SMALL="service/frontend/sort/duration:desc/limit/5/select/name,duration/spans.jsonl"

metric() {
	awk -v n="spanfs_$1" '$1 == n { printf "%d\n", $2 }' "$M/.spanfs/metrics"
}
# read_by COMMAND...: how many sections that reads from shards
read_by() {
	before=$(metric chunk_cache_misses_total)
	"$@" >/dev/null
	echo $(($(metric chunk_cache_misses_total) - before))
}

mount_watched -o "store.cache=$CACHE,result_cache.enabled=no,stat_budget=0"
first=$(read_by cat "$M/spans.jsonl")
again=$(read_by cat "$M/spans.jsonl")
holds "a scan reads sections" [ "$first" -gt 100 ]
holds "... of more than the cache holds, again" [ "$again" -gt $((first / 2)) ]
kept=$(metric chunk_cache_kept_bytes)
holds "the cache keeps no more than half of its room for a scan" [ "$kept" -le $((CACHE / 2)) ]
holds "... and is no fuller than it may be" [ "$(metric chunk_cache_bytes)" -le "$CACHE" ]
cat "$M/$SMALL" "$M/$SMALL" >/dev/null
is "a query that runs again reads nothing" "$(read_by cat "$M/$SMALL")" 0
cat "$M/spans.jsonl" >/dev/null
is "... after a scan of all, either" "$(read_by cat "$M/$SMALL")" 0
cat "$M/spans.jsonl" "$M/spans.csv" >/dev/null
is "... after two of them" "$(read_by cat "$M/$SMALL")" 0
unmount
gone "$DAEMON"
is "exit" "$STATUS" 0
finish
