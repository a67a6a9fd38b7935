# SPDX-License-Identifier: ISC
# t_import: spanctl import as people call it: what it takes and tells by content, what it
# refuses and in which words, its exit status, and what a store is after it was cut off.
. "$(dirname "$0")/lib.sh"
need_programs
setup
cd "$T" || exit 1

# takes NAME STATUS PATTERN ARGUMENT...: import's exit status and words
takes() {
	name=$1 status=$2 pattern=$3
	shift 3
	out=$(lim 60 "$SPANCTL" -s store import "$@" </dev/null 2>&1)
	is "$name: exit status" $? "$status"
	matches "$name: says so" "$out" "$pattern"
}

# in_store NAME COUNT [STORE [PATH]]
in_store() {
	is "$1" "$("$SPANCTL" -s "${3:-store}" query "${4:-/count}" 2>&1)" "$2"
}

make_spans alpha 200 "$DATA_START" >good.jsonl
make_spans beta 100 "$DATA_START" >beta.jsonl

# ---- what a file is, is told by its content ----

takes "nothing yet" 0 '^imported 0 spans' /dev/null
takes "lines" 0 '^imported 200 spans;' good.jsonl
is "a store is its owner's" "$(stat -c %a store)" 700
takes "the same file again adds nothing" 0 '^imported 0 spans, 200 duplicates' good.jsonl
gzip -c good.jsonl >zipped.json
takes "gzip under another name" 0 '^imported 0 spans, 200 duplicates' zipped.json
sed 's/$/\r/' good.jsonl >crlf
takes "lines that end in CR LF" 0 '^imported 0 spans, 200 duplicates' crlf
if have zstd; then
	zstd -q good.jsonl -o frames.bin
	takes "zstd" 0 '^imported 0 spans, 200 duplicates' frames.bin
	zstd -q beta.jsonl -o cut.zst
	truncate -s -50 cut.zst
	takes "zstd, cut" 1 'cut.zst: zstd data: the input ends in the middle' cut.zst
fi
out=$("$SPANCTL" -s store import - <good.jsonl 2>&1)
matches "standard input" "$out" '^imported 0 spans, 200 duplicates'
ln -s good.jsonl link
takes "a symbolic link" 0 '200 duplicates' link
mkfifo pipe
cat good.jsonl >pipe &
takes "a FIFO" 0 '200 duplicates' pipe
{ printf '\357\273\277'; make_spans bom 1 "$DATA_START"; } >bom.json
takes "a byte order mark" 0 '^imported 1 spans' bom.json
mkdir -p dir/sub none
make_spans dir 1 "$DATA_START" >dir/one
make_spans dir 2 $((DATA_START + 100)) >dir/sub/two.json
takes "a directory, all below it" 0 '^imported 3 spans|^imported 2 spans, 1 dup' dir
takes "an empty directory" 0 '^imported 0 spans' none

# Protobuf: a span without a resource, alone and length-prefixed.
{
	printf '\n\054\022\052\022\050\n\020AAAAAAAAAAAAAAAA\022\010BBBBBBBB*\001n'
	printf '9\000\000\062\264\221\324\263\030'
} >one.pb
takes "one protobuf request" 0 '^imported 1 spans' one.pb
{ printf '\000\000\000\056'; cat one.pb; } >prefixed.pb
takes "length-prefixed requests" 0 '^imported 0 spans, 1 dup' prefixed.pb
{ cat prefixed.pb; head -c 20 prefixed.pb; } >cut.pb
takes "... cut" 1 'cut.pb: record 2 is cut short' cut.pb

# Texts that are not UTF-8: the names n<FF> and na, one answer to each spelling of a pattern.
{
	printf '\n\207\001\n\025\n\023\n\014service.name\022\003\n\001s\022n\n\000\0224'
	printf '\n\020AAAAAAAAAAAAAAAA\022\010CCCCCCCC*\002n\3770\0009\000\300\034\301\310\273y\030A'
	printf '\350\303\034\301\310\273y\030\0224\n\020AAAAAAAAAAAAAAAA\022\010DDDDDDDD*\002na0\0009'
	printf '\000\300\034\301\310\273y\030A\350\303\034\301\310\273y\030'
} >raw.pb
out=$("$SPANCTL" -s raw import raw.pb 2>&1)
matches "texts that are not UTF-8 are counted" "$out" ' 1 repaired, 1 texts were not UTF-8'
for q in re/n.\* re/n.+ 're/(?s:n.*)' 're/n[^x]*' starts/n nre/m.+; do
	in_store "... and $q sees U+FFFD" 2 raw "/where/name/$q/count"
done
in_store "... as does nre" 0 raw '/where/name/nre/n.+/count'
in_store "... as does eq" 1 raw '/where/name/eq/n%EF%BF%BD/count'
"$SPANCTL" -s raw query /otlp.jsonl >raw.jsonl
out=$("$SPANCTL" -s raw import raw.jsonl 2>&1)
matches "... and otlp.jsonl adds nothing" "$out" '^imported 0 spans, 2 duplicates'

# ---- what it refuses ----

printf 'this is\nnot JSON\n' >text
takes "text" 1 'text: neither OTLP JSON nor OTLP protobuf' text
head -c 3000 /bin/sh >binary
takes "a program" 1 'binary: neither OTLP JSON nor OTLP protobuf' binary
head -c 100000 /dev/zero >zeros
takes "zeros" 1 'zeros: neither' zeros
takes "a file that is not there" 1 'missing: No such file or directory' missing
takes "... does not keep others out" 1 '^imported 100 spans' missing beta.jsonl
head -c -100 zipped.json >cut.gz
takes "gzip, cut" 1 'cut.gz: gzip data: the input ends in the middle' cut.gz
head -c -300 good.jsonl >cut.jsonl
takes "a line, cut: the rest of the file is taken" 0 'cut.jsonl:2: .*what follows is lost' cut.jsonl
takes "... unless --strict" 1 'cut.jsonl:2: ' --strict cut.jsonl
echo '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}' >logs
takes "other signals are skipped and counted" 0 ' 1 records of other signals' logs

# A request over the limit names the setting, costs itself and fails the import.
{
	printf '{"resourceSpans":[],"pad":"'
	head -c 70000 /dev/zero | tr '\000' x
	echo '"}'
	cat beta.jsonl
} >large.jsonl
out=$("$SPANCTL" -s large -o ingest.max_request=64KiB import large.jsonl 2>&1)
is "a request over max_request: exit status" $? 1
matches "... names the setting" "$out" '^large.jsonl:1: a record of 7[0-9]+ bytes is over \[ingest\] max_request, 65536 bytes'
matches "... and the others are taken" "$out" '^imported 100 spans'

# Directories: hidden files are named, what a link leads to is read once.
mkdir -p tree/sub
make_spans tree 5 "$DATA_START" >tree/sub/a.jsonl
cp tree/sub/a.jsonl tree/.hidden
ln -s a.jsonl tree/sub/b.jsonl
ln -s .. tree/sub/up
out=$("$SPANCTL" -s trees import tree 2>&1)
is "links to what is read: exit status" $? 0
matches "... are left out" "$out" 'tree/sub/(a|b).jsonl: leads to what is read already: left out'
matches "... those to directories too" "$out" 'tree/sub/up: leads to what is read already: left out'
matches "hidden files are named" "$out" 'tree/.hidden: hidden: left out'
matches "... and what there is is read once" "$out" '^imported 5 spans;'

# Names and texts in messages can't write to a terminal.
odd=$(printf 'odd\033[31m.jsonl')
printf 'not JSON\n{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"\033[2J"}]}]}]}\n' >"$odd"
out=$("$SPANCTL" -s trees import "$odd" 2>&1)
is "escape sequences in names and texts" "$(printf '%s' "$out" | tr -d '\n' | tr -d '[:print:]' | wc -c)" 0
matches "... are shown" "$out" '^odd\\x1b\[31m.jsonl:1: not a JSON object'

# One bad span costs that span.
{
	make_spans gamma 3 "$DATA_START" | sed 's/"spanId":"[0-9a-f]*02"/"spanId":"xyz"/'
	echo 'not JSON'
	make_spans delta 1 "$DATA_START"
} >partly
takes "one bad span" 0 '^partly:1: span .*spanId' partly
out=$("$SPANCTL" -s store query /service/gamma,delta/count)
is "... costs that span" "$out" 3
takes "a bad line is reported with its number" 0 '^partly:2: not a JSON object' partly
takes "--strict" 1 '^partly:1: ' --strict partly
# Reading the memory of a process from its start fails, of whatever user.
if [ -e /proc/self/mem ]; then
	make_spans after 3 "$DATA_START" >after.jsonl
	takes "one that can't be read, and the next" 1 '^spanctl: /proc/self/mem: reading: ' \
	    /proc/self/mem after.jsonl
	matches "... which is taken" "$out" '^imported 3 spans'
fi
awk 'BEGIN {
	printf "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"a\",\"value\":"
	for (i = 0; i < 20000; i++) printf "{\"arrayValue\":{\"values\":["
	for (i = 0; i < 20000; i++) printf "]}}"
	print "}]}}]}"
}' >deep
takes "deep nesting" 1 'nested' deep

# ---- wrong usage, wrong stores ----

"$SPANCTL" -s store import >/dev/null 2>&1
is "no file named" $? 2
"$SPANCTL" -s store import --bogus good.jsonl >/dev/null 2>&1
is "an unknown option" $? 2
takes_store() {
	out=$(lim 20 "$SPANCTL" -s "$2" "$3" $4 2>&1)
	is "$1: exit status" $? 1
	matches "$1: says so" "$out" "$5"
}
cp -r store other
echo "spanfs store 99" >other/STORE
takes_store "another version, import" other import good.jsonl '99.*1'
takes_store "another version, info" other info '' '99.*1'
takes_store "a directory that is no store" dir import good.jsonl 'not a spanfs store'
takes_store "nothing there" nowhere info '' 'no store'
takes_store "a store below nothing" none/such/store import good.jsonl 'No such file'
takes_store "a file as store" good.jsonl import beta.jsonl 'good.jsonl: (Not a directory|File exists)'
cp -r store lost
rm lost/CATALOG
takes_store "no catalog" lost import good.jsonl 'CATALOG'

if [ -c /dev/full ]; then
	for c in info ls help check; do
		"$SPANCTL" -s store $c >/dev/full 2>full.log
		is "a full disk under $c: exit status" $? 1
		matches "... says so" "$(cat full.log)" 'writing: No space left'
	done
fi

# ---- a damaged shard is named, with the place ----

"$SPANCTL" -s damaged import good.jsonl >/dev/null
shard=$(find damaged -name '*.shard' | head -n 1)
chmod u+w "$shard"
head -c 64 /dev/urandom | dd of="$shard" bs=1 seek=64 conv=notrunc 2>/dev/null
out=$("$SPANCTL" -s damaged check 2>&1)
is "check of a damaged shard: exit status" $? 1
matches "... names file and offset" "$out" '^shards/.*\.shard: offset [0-9]+: '
out=$("$SPANCTL" -s damaged query /otlp.jsonl 2>&1 >/dev/null | tr '\n' ' ')
matches "a query names file and offset" "$out" 'shards/.*\.shard: .*at offset [0-9]+ of that file'

# ---- cut off ----

make_spans many 20000 "$DATA_START" >many.jsonl
for when in 0.01 0.03 0.06 0.1; do
	"$SPANCTL" -s killed import many.jsonl >killed.log 2>&1 &
	p=$!
	sleep $when
	kill -KILL $p 2>/dev/null
	wait $p 2>/dev/null
	[ -e killed/STORE ] || continue
	# What the kill left lying is named, and is the only finding.
	out=$("$SPANCTL" -s killed check 2>&1 | grep -vE 'no catalog lists it|: (good|[0-9]+ findings)$')
	is "killed after $when s: the store is good" "$out" ""
done
holds "the next import goes through" "$SPANCTL" -s killed import many.jsonl
in_store "... and all is there once" 20000 killed
holds "... and nothing is left lying" "$SPANCTL" -s killed check

mkfifo slow
"$SPANCTL" -s two import slow >two.log 2>&1 &
p=$!
exec 7>slow
i=0
until [ -e two/CATALOG ] || [ $i -gt 100 ]; do
	i=$((i + 1))
	sleep 0.05
done
out=$(lim 10 "$SPANCTL" -s two import --wait=0 good.jsonl 2>&1)
is "a second writer that may not wait: exit status" $? 1
matches "... says so" "$out" 'two: another writer has the store'
out=$(lim 1 "$SPANCTL" -s two import good.jsonl 2>&1)
is "one that may has no end of it" $? 124
matches "... and says so" "$out" 'two: another writer has the store; waiting for it'
out=$("$SPANCTL" -s two import --wait=300ms good.jsonl 2>&1)
is "... waited for in vain: exit status" $? 1
matches "... says so" "$out" 'two: another writer has the store; waiting for it'
"$SPANCTL" -s two import --wait=1x good.jsonl >/dev/null 2>&1
is "--wait with no time" $? 2
"$SPANCTL" -s two import beta.jsonl >waited.log 2>&1 &
waiting=$!
kill -INT $p
i=0
while kill -0 $p 2>/dev/null && [ $i -lt 100 ]; do
	i=$((i + 1))
	sleep 0.05
done
wait $p
is "Ctrl-C ends an import that waits" $? 1
exec 7>&-
wait $waiting
is "an import waits for another writer" $? 0
matches "... and then goes through" "$(cat waited.log)" '^imported 100 spans'
holds "... and frees the store" "$SPANCTL" -s two import good.jsonl
holds "the store of all this is good" "$SPANCTL" -s store check
finish
