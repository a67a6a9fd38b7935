# SPDX-License-Identifier: ISC
# t_shadow: what watches queries on a real mount: second runs with the plain plan, the query
# log and its rotation, slow queries, metrics; settings that SIGHUP changes while it is mounted;
# and what spanctl has of it: query --verify, explain --compare.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store

# settings SAMPLE_RATE RANDOM_PAGE_COST SLOW
settings() {
	cat >"$T/spanfs.ini" <<-END
	[shadow]
	sample_rate=$1
	[cost_model]
	random_page_cost=$2
	[log]
	query_log=$T/query.log
	slow_query=$3
	END
}

hup() {
	kill -HUP "$DAEMON"
}

# shadow WORD: a count of .spanfs/shadow
shadow() {
	awk -v w="$1" '$1 == w { print $2 }' "$M/.spanfs/shadow"
}

settings 1 1.1 1ns
mount_watched -c "$T/spanfs.ini"

# ---- second runs ----

for f in service/checkout/spans.jsonl status/error/spans.csv traces.jsonl \
    service/cart,payment/sort/duration/limit/20/otlp.jsonl not/service/cart/count; do
	query "$f" >"$T/want"
	cmp "$M/$f" "$T/want" >"$T/got" 2>&1 || not_ok "bytes of $f" "$(cat "$T/got")"
done
becomes "five queries are run again" "shadow same" 5
is "... none differs" "$(shadow different) $(shadow undecided) $(shadow dropped)" "0 0 0"
is "... as the metrics say" "$(metric 'spanfs_shadow_runs_total{verdict="same"}')" 5
is "... nor counted as a query" "$(metric spanfs_queries_total)" 5
cat "$M/service/checkout/plan" "$M/service/checkout/query" >"$T/got"
cat "$M/service/checkout/spans.jsonl" >"$T/got"
is "plans and kept results are not run again" "$(shadow sampled)" 5

# ---- the query log ----

is "a line a query" "$(wc -l <"$T/query.log")" 5
is "... for its owner alone" "$(stat -c %a "$T/query.log")" 600
grep -q '"path":"/service/checkout/spans.jsonl","query":"/service/checkout","uid":'"$(id -u)," \
    "$T/query.log" && ok "... with path and uid" ||
    not_ok "... with path and uid" "$(cat "$T/query.log")"
if have jq; then
	is "... each a JSON object" "$(jq -r '.result + " " + (.rows | tostring)' "$T/query.log" |
	    sort -u | head -n 3 | tr '\n' ',')" "ok 1,ok 150,ok 20,"
fi
mv "$T/query.log" "$T/query.log.1"
cat "$M/limit/1/spans.csv" >"$T/got"
is "a moved log is written on" "$(wc -l <"$T/query.log.1")" 6
hup
becomes "... until SIGHUP" "test -e $T/query.log && echo there" there
cat "$M/limit/2/spans.csv" >"$T/got"
becomes "... then the new one" "wc -l <$T/query.log" 1
is "... alone" "$(wc -l <"$T/query.log.1")" 6

# ---- slow queries ----

matches "slow queries have path and plan" "$(cat "$M/.spanfs/slow")" \
    '^  /limit/2/spans.csv$'
is "... newest first" "$(grep -c . "$M/.spanfs/slow") $(sed -n 2p "$M/.spanfs/slow")" \
    "21   /limit/2/spans.csv"

# ---- SIGHUP ----

cost() {
	sed 's/.*"estimated_cost":\([0-9.]*\),"rows_scanned.*/\1/' "$1"
}
cost "$M/limit/3/profile.json" >"$T/cost.1"
settings 1 40 1ns
hup
becomes "a changed cost setting moves its version" "metric spanfs_cost_settings_version" 1
cost "$M/limit/4/profile.json" >"$T/cost.2"
[ "$(cat "$T/cost.1")" != "$(cat "$T/cost.2")" ] && ok "... and the estimates of queries" ||
    not_ok "... and the estimates of queries" "$(cat "$T/cost.1" "$T/cost.2")"
matches "... which say so" "$(cat "$M/limit/5/profile.json")" '"cost_settings_version":1'
settings 0 40 1h
hup
becomes "others do not" "grep -c 'shadow.sample_rate=0' $M/.spanfs/config" 1
is "... move it" "$(metric spanfs_cost_settings_version)" 1
n=$(shadow sampled)
s=$(grep -c . "$M/.spanfs/slow")
cat "$M/limit/6/spans.csv" >"$T/got"
is "no query is run again any more" "$(shadow sampled)" "$n"
is "nor slow" "$(grep -c . "$M/.spanfs/slow")" "$s"
printf '[shadow]\nsample_rate=2\n' >"$T/spanfs.ini"
hup
becomes "a wrong setting is refused" "grep -c 'settings not reloaded.*sample_rate' $T/mount.log" 1
is "... and all stays as it was" "$(grep -c 'sample_rate=0' "$M/.spanfs/config")" 1
unmount
gone "$DAEMON" && is "unmounting ends the daemon" "$STATUS" 0

# A second run that is at work does not hold up the end.
settings 1 1 0
mount_watched -c "$T/spanfs.ini"
for i in 1 2 3 4 5 6 7 8; do
	cat "$M/limit/$i/service/checkout/spans.jsonl" >"$T/got"
done
unmount
gone "$DAEMON" && is "unmounting does not wait for second runs" "$STATUS" 0

# ---- spanctl ----

ctl() {
	lim 60 "$SPANCTL" -s "$T/store" -o mount.now=latest "$@" >"$T/got" 2>"$T/err"
}
ctl query --verify service/checkout/status/error/spans.jsonl
is "query --verify" "$? $(cat "$T/err")" "0 spanctl: verified: the plain plan gives the same bytes"
query service/checkout/status/error/spans.jsonl | cmp -s - "$T/got" &&
    ok "... prints what query prints" || not_ok "... prints what query prints"
ctl query --verify service/nobody/count
is "... a refused path" $? 2
ctl query --verify limit/1/plan
is "... nothing to verify" $? 2
ctl query --verify
is "... no path" $? 2
ctl explain --compare limit/1/spans.csv limit/2/spans.csv
is "explain --compare" "$? $(grep -c '^[-+] query' "$T/got")" "0 2"
ctl explain --compare -o cost_model.cpu_tuple_cost=9 spans.csv
is "... of two settings" "$? $(grep -c '^[-+] estimate' "$T/got")" "0 2"
ctl explain --compare -o cost_model.nothing=9 spans.csv
is "... of a setting that is none" $? 2
ctl explain --compare spans.csv
is "... of one path" $? 2
ctl explain service/chekout/count
matches "a mistyped service" "$? $(cat "$T/got")" "did you mean 'checkout'"
finish
