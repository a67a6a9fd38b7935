# SPDX-License-Identifier: ISC
# t_cache: .spanfs/cache, forgetting by level and by path, and lists of paths that are warmed.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store

# hits FILE: of the line of a path; nothing if it is not there. paths: all that there are.
hits() {
	awk -F '\t' -v p="$1" '$8 == p { print $2 }' "$M/.spanfs/cache"
}
paths() {
	awk -F '\t' '$1 == "l1" { print $8 }' "$M/.spanfs/cache" | sort | tr '\n' ' '
}
says() {
	name=$1 status=$2 pattern=$3
	shift 3
	got=$(lim 60 "$@" 2>&1)
	is "$name: exit" $? "$status"
	matches "$name" "$got" "$pattern"
}

mount_watched -o allow_other
chmod 755 "$T"
cat "$M/service/cart/count" "$M/service/cart/status/error/count" >/dev/null
cat "$M/status/error/service/cart/limit/5/spans.jsonl" "$M/service/checkout/count" >/dev/null
is "it is listed" "$(ls "$M/.spanfs" | tr '\n' ' ')" \
    "cache config control decisions errors metrics queries shadow slow stats "
is "results in canonical form" "$(paths)" \
    "/service/cart/count /service/cart/status/error/count /service/cart/status/error/limit/5/spans.jsonl /service/checkout/count "
cat "$M/status/error/service/cart/count" >/dev/null
matches "another spelling is a hit of it" "$(hits /service/cart/status/error/count)" '^[1-9]'
is "columns" "$(grep '^level' "$M/.spanfs/cache" | tr '\t' ' ')" \
    "level hits bytes cost_ms saved_ms age_s version path"
matches "totals of a level" "$(cat "$M/.spanfs/cache")" \
    '^# l1: 4 results, [0-9]+ bytes of at most 268435456; [0-9]+ hits, 4 misses, [0-9.]+ %$'
matches "... of the others" "$(cat "$M/.spanfs/cache")" '^# chunks: [1-9][0-9]* decoded parts'
matches "... of what shards gave" "$(cat "$M/.spanfs/cache")" '^# part: [0-9]+ groups, counts and comparisons of shards, rows of hours, '
matches "a version is told" "$(grep /service/checkout "$M/.spanfs/cache" | cut -f 7)" '^[0-9a-f]{16}$'
matches "metrics have hits by level" "$(cat "$M/.spanfs/metrics")" \
    '^spanfs_cache_misses_total\{level="l1"\} 4$'
matches "... and rates" "$(cat "$M/.spanfs/metrics")" '^spanfs_cache_hit_ratio\{level="l1"\} 0\.[0-9]+$'
is "spanctl shows the same" "$("$SPANCTL" cache "$M" | cut -f 8 | sort | tail -n +1 | grep -c ^/)" 4

# ---- of other users ----

if [ "$(id -u)" = 0 ] && have setpriv; then
	other() {
		lim 20 setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	}
	other cat "$M/name/charge%202/count" >/dev/null
	is "each user sees what was his own" "$(other cat "$M/.spanfs/cache" | grep '^l1' | cut -f 8)" \
	    "/name/charge 2/count"
	matches "... root all" "$(paths)" '/name/charge 2/count .*/service/cart/count'
	echo "drop-caches /service/cart" | other tee "$M/.spanfs/control" >/dev/null 2>&1
	matches "nobody drops what is another's" "$(paths)" '/service/cart/count'
	echo "drop-caches /name" >"$M/.spanfs/control"
else
	skip "each user sees what was his own" "not root, or no setpriv"
fi

# ---- forgetting ----

echo "drop-caches /service/cart/status/" >"$M/.spanfs/control"
is "by path, segment by segment" "$(paths)" "/service/cart/count /service/checkout/count "
echo "drop-caches /service/car" >"$M/.spanfs/control"
is "... and no less than a segment" "$(paths)" "/service/cart/count /service/checkout/count "
says "spanctl does it" 0 '^$' "$SPANCTL" cache "$M/" drop /service/checkout
is "... alike" "$(paths)" "/service/cart/count "
echo "drop-caches decisions" >"$M/.spanfs/control"
matches "by level" "$(cat "$M/.spanfs/cache")" '^# decisions: 0 decisions'
is "... and no other" "$(paths)" "/service/cart/count "
says "an unknown level" 2 "expected l1, l2, part, decisions, chunks, or a path .* got 'l9'" \
    "$SPANCTL" cache "$M" drop l9
says "of a Redis, where there is none" 2 "no Redis is in use" "$SPANCTL" cache "$M" drop l2
says "what is no mount" 1 "spanfs is not mounted there" "$SPANCTL" cache "$T/out"
says "what else" 2 "^usage: spanctl cache" "$SPANCTL" cache "$M" forget

# ---- warming ----

cat >"$T/list" <<-END
	# what the morning's dashboard asks

	/service/payment/group/name/groups.csv
	  service/frontend/limit/100/spans.jsonl
	$M/service/frontend/count
END
says "a list is warmed" 0 '^$' "$SPANCTL" warm "$T/list" "$M"
matches "... and its answers are there" "$(paths)" \
    '/service/frontend/count .*/service/frontend/limit/100/spans.jsonl .*/service/payment/group/name/groups.csv'
before=$(metric spanfs_result_cache_misses_total)
cat "$M/service/frontend/limit/100/spans.jsonl" >"$T/got"
is "... for whoever asks next" "$(metric spanfs_result_cache_misses_total)" "$before"
is "... whole" "$(wc -l <"$T/got")" 100
printf '/service/cart/count\r\n/sevrice/cart/count\n/service/cart/follow.jsonl\n/service/cart\n' >"$T/list"
says "what fails is told" 1 "^spanctl: /sevrice/cart/count: No such file" "$SPANCTL" warm "$T/list" "$M"
is "... a line each" "$(lim 60 "$SPANCTL" warm - "$M" <"$T/list" 2>&1 | wc -l)" 3
says "a list on the store" 1 "^spanctl: /sevrice/cart/count: .*did you mean 'service'" \
    "$SPANCTL" -s "$T/store" warm "$T/list"
is "... a line each" "$(lim 60 "$SPANCTL" -s "$T/store" warm - <"$T/list" 2>&1 | wc -l)" 3
echo /service/cart/count | lim 60 "$SPANCTL" -s "$T/store" warm - && ok "... or none" || not_ok "... or none"
says "no such list" 1 "nothing-here" "$SPANCTL" warm "$T/nothing-here" "$M"
says "no mount" 1 "spanfs is not mounted there" "$SPANCTL" warm "$T/list" "$T/out"

unmount
gone "$DAEMON"
is "exit" "$STATUS" 0

# ---- without the cache: plans serve again, answers don't ----

kept='spanfs_decisions_total{outcome="kept"}'
mount_watched -o result_cache.enabled=no
for i in 1 2 3 4 5; do
	cat "$M/service/cart/count" "$M/since/10m/count" >"$T/got"
done
holds "a path that is asked again is not planned again" test "$(metric "$kept")" -ge 2
is "... and what moves with the clock is" "$(cat "$T/got")" \
    "$(query service/cart/count; query since/10m/count)"
make_spans cart 50 $((DATA_START + 9000)) >"$T/more.jsonl"
lim 60 "$SPANCTL" -s "$T/store" import "$T/more.jsonl" >/dev/null 2>&1
is "an import is seen at once" "$(cat "$M/service/cart/count")" 350
is "... by a range back from now, too" "$(cat "$M/since/10m/count")" 50
for i in 1 2 3; do
	cat "$M/service/cart/count" >"$T/got"
done
before=$(metric "$kept")
echo "drop-caches decisions" >"$M/.spanfs/control"
cat "$M/service/cart/count" >"$T/got"
is "what is dropped does not serve" "$(metric "$kept")" "$before"
is "... nor is it wanted" "$(cat "$T/got")" 350
unmount
gone "$DAEMON"
finish
