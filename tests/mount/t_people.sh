# SPDX-License-Identifier: ISC
# t_people: thirty things that people do: on call, in pipelines and in cron. (Tab is t_tab.sh's,
# mistakes and starts are t_words.sh's and t_start.sh's, the demo's story t_demo.sh's.)
# What is right is computed from the imported lines themselves, with jq.
. "$(dirname "$0")/lib.sh"
need_programs
setup
have jq || skip_all "no jq"

END=2026-11-20T14:00:00Z
lim 60 "$SPANCTL" sample --spans 8000 --end $END >"$T/sample.jsonl"
lim 60 "$SPANCTL" -s "$T/store" import "$T/sample.jsonl" >"$T/import.log" 2>&1 ||
    not_ok "import" "$(cat "$T/import.log")"
# Every span in one flat line: service, name, start, end, status, trace, span, user, version.
jq -c '.resourceSpans[] | (.resource.attributes | map({ (.key): .value.stringValue }) | add) as $r |
    .scopeSpans[].spans[] | { service: $r["service.name"], version: $r["service.version"], name,
    start: .startTimeUnixNano, ns: ((.endTimeUnixNano[5:] | tonumber) - (.startTimeUnixNano[5:] | tonumber)),
    s: (.startTimeUnixNano[0:10] | tonumber), error: (.status.code == 2), trace: .traceId, span: .spanId,
    root: (has("parentSpanId") | not),
    user: ((.attributes // []) | map(select(.key == "user.id").value.stringValue) | first) }' \
    "$T/sample.jsonl" >"$T/flat"
flat() {
	jq -r "$@" "$T/flat"
}
count_of() {
	flat "select($1) | .span" | wc -l
}
NOW=$(flat .s | sort -n | tail -n 1)
mount_store
cd "$M" || exit 1

# ---- on call ----

is "1 which services are there" "$(ls service | tr '\n' ' ')" "$(flat .service | sort -u | tr '\n' ' ')"
is "2 how many errors in the last hours" "$(cat since/3h/status/error/count)" \
    "$(count_of ".error and .s > $NOW - 10800")"
is "3 which service has most of them" \
    "$(cat since/3h/status/error/spans.jsonl | jq -r .service | sort | uniq -c | sort -rn |
    awk 'NR == 1 { print $2 }')" \
    "$(flat "select(.error and .s > $NOW - 10800) | .service" | sort | uniq -c | sort -rn |
    awk 'NR == 1 { print $2 }')"
matches "4 what went wrong, counted" "$(cat service/payment/errors.txt)" \
    ' [1-9][0-9]*  payment +charge card .*GatewayTimeoutError: the card issuer did not answer within 3000 ms$'
is "5 ... all of them are counted" "$(tail -n +2 errors.txt | awk '{ n += $2 } END { print n }')" \
    "$(count_of .error)"
is "6 which versions run" "$(ls service/payment/where/resource.service.version/eq | tr '\n' ' ')" \
    "$(flat 'select(.service == "payment") | .version' | sort -u | tr '\n' ' ')"
is "7 since when the new one" \
    "$(cat service/payment/where/resource.service.version/eq/2.5.0/sort/start/limit/1/select/start/spans.csv |
    tail -n 1 | cut -c 1-19)" \
    "$(date -u -d "@$(flat 'select(.service == "payment" and .version == "2.5.0") | .s' | sort -n |
    head -n 1)" +%Y-%m-%dT%H:%M:%S)"
is "8 whom it hits" "$(cat service/checkout/status/error/has/user.id/select/user.id/spans.csv |
    tail -n +2 | sort -u)" "$(flat 'select(.error and .service == "checkout" and .user) | .user' | sort -u)"
is "9 the slowest request" \
    "$(cat service/frontend/kind/server/sort/duration:desc/limit/1/select/duration/spans.csv | tail -n 1)" \
    "$(flat 'select(.service == "frontend" and .root) | .ns' | sort -rn | head -n 1)"
trace=$(cat service/payment/status/error/limit/1/select/trace_id/spans.csv | tail -n 1)
is "10 one trace as a tree, every span of it" "$(tail -n +2 "trace/$trace/tree.txt" | wc -l)" \
    "$(count_of ".trace == \"$trace\"")"
is "11 a word, wherever it stands" "$(cat text/greylisted/count)" "$(grep -o Greylisted "$T/sample.jsonl" |
    wc -l | awk '{ print $1 / 2 }')"
is "12 one customer" "$(cat "where/user.id/eq/$(flat 'select(.user) | .user' | head -n 1)/count")" \
    "$(count_of ".user == \"$(flat 'select(.user) | .user' | head -n 1)\"")"
matches "13 lines fit the terminal" "$(cat status/error/limit/50/spans.txt traces.txt |
    jq -Rrs 'split("\n") | map(length) | max')" '^([0-9]|[0-9][0-9]|1[01][0-9]|120)$'
matches "14 why is it slow" "$(cat service/payment/since/3h/plan)" 'outside the time range'
cat service/paiment/count 2>/dev/null
matches "15 what have I mistyped, from where I stand" "$(cd service/payment && cat .spanfs/errors)" \
    "did you mean 'payment'"

# ---- pipelines ----

is "16 jq over all" "$(jq -r 'select(.status == "error").span_id' spans.jsonl | sort)" \
    "$(flat 'select(.error) | .span' | sort)"
is "17 awk over CSV" "$(awk -F, 'NR > 1 { n += $2 } END { printf "%.0f", n }' \
    service/cart/select/trace_id,duration/spans.csv)" \
    "$(flat 'select(.service == "cart") | .ns' | awk '{ n += $1 } END { printf "%.0f", n }')"
is "18 sort and uniq" "$(cut -d , -f 2 select/trace_id,service/spans.csv | tail -n +2 | sort | uniq -c)" \
    "$(flat .service | sort | uniq -c)"
is "19 grep counts" "$(grep -c '"status":"error"' spans.jsonl)" "$(count_of .error)"
is "20 head stops it" "$(cat spans.jsonl | head -n 3 | wc -l)" 3
is "21 a header even where nothing is" "$(cat 'name/no such name/spans.csv' | wc -l)" 1
is "22 columns of traces have one name each" "$(head -n 1 traces.txt | tr -s ' ' '\n' | grep -v '^duration$' |
    sort)" "$(head -n 1 traces.csv | tr ',' '\n' | grep -vE '^(services|matched|duration_ns)$' | sort)"
is "23 what comes out goes in again" "$(cat otlp.jsonl | lim 60 "$SPANCTL" -s "$T/copy" import - >/dev/null 2>&1 &&
    "$SPANCTL" -s "$T/copy" -o mount.now=latest query /spans.jsonl | cmp - spans.jsonl && echo same)" same
is "24 two questions joined" \
    "$(cat service/payment/status/error/select/trace_id/spans.csv | tail -n +2 | sort -u >"$T/a"
    cat service/frontend/status/error/select/trace_id/spans.csv | tail -n +2 | sort -u | comm -12 - "$T/a" |
    wc -l)" \
    "$(flat 'select(.error and .service == "payment") | .trace' | sort -u >"$T/a"
    flat 'select(.error and .service == "frontend") | .trace' | sort -u | comm -12 - "$T/a" | wc -l)"

# ---- cron ----

# as_cron COMMAND: as cron runs it: no terminal, little of an environment; a % that has no
# backslash ends it, and a backslash before one goes.
as_cron() {
	line=$(printf '%s' "$1" | sed -e 's/\([^\\]\)%.*/\1/' -e 's/\\%/%/g')
	env -i PATH=/usr/bin:/bin HOME="$T" SHELL=/bin/sh M="$M" T="$T" \
	    /bin/sh -c "$line" </dev/null >"$T/mail" 2>&1
}
as_cron 'cp $M/on/2026-11-20/status/error/spans.csv $T/errors-$(date -d 2026-11-20 +\%F).csv'
is "25 the report of a day" "$? $(cmp "$T/errors-2026-11-20.csv" on/2026-11-20/status/error/spans.csv 2>&1)" "0 "
is "... is of that day" "$(tail -n +2 "$T/errors-2026-11-20.csv" | wc -l)" \
    "$(count_of ".error and .s >= $(date -u -d 2026-11-20 +%s)")"
as_cron 'cp $M/on/2026-11-20/status/error/spans.csv $T/errors-2026-11-20.csv'
is "26 the next night's goes over it" "$?" 0
as_cron 'cat $M/name/GET\%20\%2Fcart/count >>$T/carts'
is "27 a slash in a name" "$? $(cat "$T/carts")" "0 $(count_of '.name == "GET /cart"')"
as_cron 'cp $M/service/chekout/spans.csv $T/none.csv'
is "28 a mistyped service fails" "$?" 1
matches "... and says so by mail" "$(cat "$T/mail")" 'No such file'
[ ! -s "$T/none.csv" ] && ok "... and leaves no report" || not_ok "... and leaves no report"
as_cron 'cat $M/on/2026-11-20/otlp.jsonl | gzip >$T/day.gz && gzip -t $T/day.gz'
is "29 an archive of the day" "$? $(zcat "$T/day.gz" | cmp - on/2026-11-20/otlp.jsonl 2>&1)" "0 "
as_cron 'test "$(cat $M/since/3h/status/error/count)" -lt 5 || echo "errors: $(cat $M/since/3h/status/error/count)"'
matches "30 an alarm" "$(cat "$T/mail")" '^errors: [0-9]+$'

# ---- what models cost ----

is "31 tokens" "$(tail -n 1 agg/sum:tokens:output/groups.csv)" "$(jq -r '.resourceSpans[].scopeSpans[].spans[] |
    (.attributes // [])[] | select(.key == "gen_ai.usage.output_tokens").value.intValue | tonumber' \
    "$T/sample.jsonl" | jq -s add)"
if have getfattr; then
	cat agg/sum:cost/groups.csv >"$T/cost"
	is "32 what has no price is said" "$(getfattr --only-values -n user.spanfs.note agg/sum:cost/groups.csv)" \
	    "$(cat has/tokens:output/count) spans with tokens have no price, see [price MODEL]"
fi
is "33 scores" "$(cat scores.jsonl | wc -l)" "$(grep -o '"gen_ai.evaluation.result"' "$T/sample.jsonl" | wc -l)"
cd /
unmount
finish
