#!/bin/sh
# What a table doesn't keep (spanfs(1), CLICKHOUSE), class by class: what each makes of an answer, in a
# store and in ClickHouse. And what a store gives that has the same spans less what is lost, by another
# program's account of it (tests/bench/there_lost.py): the same as ClickHouse, to the byte.
set -u
: "${SRC:?}" "${BUILD:?}" "${SPANCTL:?}"
SPANFS_CHDB=$(sh "$SRC/tests/npm.sh" chdb) || {
	echo "libchdb is not there (tests/npm.sh get)"
	exit 77
}
dir=$(mktemp -d) || exit 1
bad=0
mkfifo "$dir/hold"
python3 -B "$SRC/tests/clickhouse/server.py" "$SPANFS_CHDB" "$dir/db" --seconds 200 <"$dir/hold" >"$dir/port" &
server=$!
exec 3>"$dir/hold"	# it ends when this is closed
trap 'exec 3>&-; wait "$server"; rm -rf "$dir"' EXIT
i=0
while [ ! -s "$dir/port" ] && [ $i -lt 600 ]; do
	sleep 0.1
	i=$((i + 1))
done

store() {
	what=$1
	shift
	"$SPANCTL" -c /dev/null -s "$dir/$what" -o browse.strict_names=no "$@"
}
there() {
	"$SPANCTL" -c /dev/null -s clickhouse -o clickhouse.url="http://127.0.0.1:$(cat "$dir/port")" \
	    -o browse.strict_names=no "$@"
}

# span ID MORE: one a second, with what is said
span() {
	echo "{\"traceId\":\"0123456789abcdef0123456789abcdef\",\"spanId\":\"000000000000000$1\",\"name\":\"op\",
	    \"startTimeUnixNano\":\"177260000${1}000000000\",\"endTimeUnixNano\":\"177260000${1}000000005\"$2}"
}
attribute() {
	echo ",\"attributes\":[{\"key\":\"k\",\"value\":$1}]"
}
{
	echo '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}],
	    "droppedAttributesCount":7},"schemaUrl":"https://example.org/a","scopeSpans":[{"schemaUrl":"https://example.org/b",
	    "scope":{"name":"lib","attributes":[{"key":"of","value":{"stringValue":"scope"}}]},"spans":['
	span 1 "$(attribute '{"stringValue":"200"}')"
	echo ,
	span 2 "$(attribute '{"intValue":"200"}')"
	echo ,
	span 3 "$(attribute '{"stringValue":"1.5"}')"
	echo ,
	span 4 "$(attribute '{"stringValue":"true"}')"
	echo ,
	span 5 "$(attribute '{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"}]}}')"
	echo ,
	span 6 "$(attribute '{"kvlistValue":{"values":[{"key":"in","value":{"doubleValue":0.5}}]}}')"
	echo ,
	span 7 "$(attribute '{"bytesValue":"AAEC"}')"
	echo ,
	span 8 "$(attribute '{}')"
	echo ,
	span 9 ',"flags":257,"droppedAttributesCount":1,"droppedEventsCount":2,"droppedLinksCount":3'
	echo ']}]}]}'
} | tr -d '\n' >"$dir/in.jsonl"
store all import "$dir/in.jsonl" >/dev/null &&
	python3 -B "$SRC/tests/bench/there_lost.py" "$dir/in.jsonl" >"$dir/less.jsonl" &&
	store less import "$dir/less.jsonl" >/dev/null &&
	store all -o clickhouse.url="http://127.0.0.1:$(cat "$dir/port")" export --create / >/dev/null || exit 1

# see CLASS PATH HERE THERE: the lines, one behind the other with spaces between
see() {
	here=$(store all query "$2" | tr '\n' ' ')
	there query "$2" >"$dir/there"
	store less query "$2" >"$dir/less.out"
	if [ "$here" = "$3 " ] && [ "$(tr '\n' ' ' <"$dir/there")" = "$4 " ] && cmp -s "$dir/there" "$dir/less.out"; then
		echo "ok $1: $2"
	else
		echo "not ok $1: $2"
		echo "here  $here"
		echo "there $(cat "$dir/there")"
		echo "less  $(cat "$dir/less.out")"
		bad=1
	fi
}

see "a text is a number" /span/1/select/span.k/spans.jsonl '{"span.k":"200"}' '{"span.k":200}'
see "a text is a number" /where/k/ge/100/count 1 2
see "a text is a number" /where/k/contains/00/count 1 0
see "a text is a number" /where/k/re/2.0/count 1 0
see "a text is a number" /where/k/eq/200/count 2 2
see "a text is a number" /where/k/gt/1.2/count 1 3
see "a text is a boolean" /span/4/select/span.k/spans.jsonl '{"span.k":"true"}' '{"span.k":true}'
see "a text is a boolean" /where/k/starts/tr/count 1 0
see "an array is a text" /span/5/select/span.k/spans.jsonl '{"span.k":["a",1]}' '{"span.k":"[\"a\",1]"}'
see "an array is a text" /where/k/eq/a/count 1 0
see "an array is a text" '/where/k/starts/[%22a/count' 0 1
see "a map is a text" /span/6/select/span.k/spans.jsonl '{"span.k":{"in":0.5}}' '{"span.k":"{\"in\":0.5}"}'
see "bytes are a text" /span/7/select/span.k/spans.jsonl '{"span.k":{"@bytes":"AAEC"}}' '{"span.k":"AAEC"}'
see "nothing is an empty text" /span/8/select/span.k/spans.jsonl '{"span.k":null}' '{"span.k":""}'
see "nothing is an empty text" /where/k/eq/%/count 0 1
see "groups of what is lost" /has/k/group/k/groups.csv \
	'k,count 1,1 200,1 1.5,1 200,1 a,1 true,1 "{""@bytes"":""AAEC""}",1 "{""in"":0.5}",1 ,1' \
	'k,count 1.5,1 200,2 ,1 AAEC,1 "[""a"",1]",1 "{""in"":0.5}",1 true,1'
see "figures of what is lost" /agg/distinct:k,max:k,sum:k/groups.jsonl \
	'{"distinct_k":8,"max_k":200,"sum_k":201}' '{"distinct_k":7,"max_k":200,"sum_k":401.5}'
one() {
	echo "{\"field\":\"span.k\",\"value\":$1,\"selection\":1,\"selection_share\":1.0,\"baseline\":0,\"baseline_share\":0.0,\"difference\":1.0}"
}
see "comparisons of what is lost" "/has/k/compare/span/5/end/sort/difference:desc,field:desc/limit/1/compare.jsonl" \
	"$(one 1)" "$(one '"[\"a\",1]"')"
see "flags" /span/9/select/flags/spans.jsonl '{"flags":257}' '{}'
see "flags" /where/flags/eq/257/count 1 0
see "attributes of scopes" /has/scope.of/count 9 0
head='trace_id,span_id,parent_span_id,name,kind,service,start,duration_ns,status,status_message,attributes,resource,scope,'
head=${head}events,links,trace_state,flags,dropped
row='0123456789abcdef0123456789abcdef,0000000000000009,,op,unspecified,s,2026-03-04T04:53:29.000000000Z,5,unset,,,'
row=$row'"{""service.name"":""s""}","{""name"":""lib""'
see "what was dropped" /span/9/spans.csv \
	"$head $row"',""attributes"":{""of"":""scope""}}",,,,257,"{""attributes"":1,""events"":2,""links"":3}"' \
	"$head $row"'}",,,,,'
exit $bad
