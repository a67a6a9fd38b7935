# SPDX-License-Identifier: ISC
# t_roundtrip: otlp.jsonl is lossless. What was imported comes out, imports again into a second
# store, and comes out of that in the same bytes; as a set of spans it is the input. With
# sample data, and with tests/data/awkward.jsonl: every type of value, extremes, NUL bytes,
# events, links, dropped counts, flags, schema URLs, entity references.
. "$(dirname "$0")/lib.sh"
data=$(cd "$(dirname "$0")/../data" && pwd) || exit 1
need_programs
setup

# One line a span with its resource and scope: lists of attributes in order of keys, ids in
# lower case, fields at their defaults left out. Values stay as they are.
cat >"$T/spans.jq" <<'EOF'
def plain:
	if type == "array" then map(plain)
	elif type == "object" then
		with_entries(.key as $k
		    | if ($k | test("^(stringValue|bytesValue|boolValue|intValue|doubleValue|key)$")) then .
		      elif ($k | test("^(traceId|spanId|parentSpanId)$")) then .value |= ascii_downcase
		      elif $k == "attributes" or ($k == "values" and (.value | any(type == "object" and has("key"))))
		      then .value |= (map(plain) | sort_by(.key))
		      else .value |= plain end
		    | select(($k | endswith("Value")) or $k == "key"
		        or ([.value] | inside([null, "", [], {}, 0, "0"]) | not)))
	else . end;
.resourceSpans[] as $r | $r.scopeSpans[] as $s | $s.spans[]
    | [$r.resource, $r.schemaUrl, $s.scope, $s.schemaUrl, .] | map(. // {} | plain)
EOF

spans_of() {
	jq -S -c -f "$T/spans.jq" "$1" | sort -u
}

# round NAME FILE
round() {
	rm -rf "$T/store" "$T/second"
	holds "$1: import" "$SPANCTL" -s "$T/store" import --strict "$2"
	holds "$1: the store is good" "$SPANCTL" -s "$T/store" check
	lim 60 "$SPANCTL" -s "$T/store" query /otlp.jsonl >"$T/out/first" ||
	    not_ok "$1: export"
	holds "$1: import of the export" "$SPANCTL" -s "$T/second" import --strict "$T/out/first"
	lim 60 "$SPANCTL" -s "$T/second" query /otlp.jsonl >"$T/out/again" ||
	    not_ok "$1: export of the import"
	holds "$1: the same bytes again" cmp "$T/out/first" "$T/out/again"
	if have jq; then
		spans_of "$2" >"$T/out/in.spans"
		spans_of "$T/out/first" >"$T/out/out.spans"
		holds "$1: there are spans" test -s "$T/out/in.spans"
		is "$1: the spans of the input, no other" \
		    "$(comm -3 "$T/out/in.spans" "$T/out/out.spans" | cut -c 1-200 | head -n 4)" ""
		is "$1: count" "$(query /count)" "$(wc -l <"$T/out/in.spans")"
	else
		skip "$1: the spans of the input" "no jq"
	fi
	out=$("$SPANCTL" -s "$T/store" import "$T/out/first" 2>&1)
	matches "$1: in the first store all are duplicates" "$out" '^imported 0 spans, [1-9][0-9]* dup'
}

round awkward "$data/awkward.jsonl"
for f in spans.jsonl traces.jsonl events.jsonl links.jsonl; do
	if have jq; then
		is "awkward: $f is JSON" "$(query /$f | jq -c type | sort -u)" '"object"'
	fi
done
is "awkward: no control characters in spans.txt" \
    "$(query /spans.txt | tr -d '\n' | tr -cd '\000-\037\177' | wc -c)" 0
is "awkward: 64 bits of an integer" \
    "$(query /where/imax/eq/9223372036854775807/select/imin/limit/1/spans.jsonl)" \
    '{"imin":-9223372036854775808}'

make_spans shop 300 "$DATA_START" >"$T/shop.jsonl"
round handmade "$T/shop.jsonl"

if "$SPANCTL" sample --spans 2000 --seed 7 --end 2026-11-20T12:00:00Z >"$T/sample.jsonl" 2>/dev/null; then
	round sample "$T/sample.jsonl"
	"$SPANCTL" sample --spans 2000 --seed 7 --end 2026-11-20T12:00:00Z >"$T/again.jsonl"
	holds "sample: the same arguments, the same bytes" cmp "$T/sample.jsonl" "$T/again.jsonl"
else
	not_ok "sample data"
fi
finish
