# SPDX-License-Identifier: ISC
# t_semantics: what product.md promises of files: sizes, snapshots, errors and their words,
# attributes, links, writing.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store
mount_watched -o stat_budget=10s

# ---- sizes ----

cd "$M" || exit 1
P=service/checkout/spans.jsonl
n=$(query $P | wc -c)
is "stat of a cheap result is exact" "$(stat -c %s $P)" "$n"
is "st_blocks is the size in 512" "$(stat -c %b $P)" $(((n + 511) / 512))
is "a copy of a file can be written over" "$(stat -c %a $P)" 644
is "... the file can't be" "$(sh -c "echo x >>$P" 2>&1 | grep -c 'Read-only file system')" 1
is "a directory is read-only" "$(stat -Lc %a service/checkout)" 555
is "nlink is 1" "$(stat -c %h $P)" 1
is "files are the mounter's" "$(stat -c %u $P)" "$(id -u)"
is "count is a number and a newline" "$(cat service/checkout/count)" 600
is "count is lines of spans.jsonl" "$(cat service/cart/count)" "$(wc -l <service/cart/spans.jsonl)"
m1=$(stat -c %Y $P)
sleep 1.1
is "mtime is the data's, not now" "$(stat -c %Y $P)" "$m1"
is "an empty answer is an empty file" "$(wc -c <service/checkout/on/2001-01-01/spans.jsonl)" 0
is "... with size 0" "$(stat -c %s service/checkout/on/2001-01-01/spans.jsonl)" 0
is "query is the canonical path" "$(cat limit/5/status/error/service/checkout/query)" \
    "$(query limit/5/status/error/service/checkout/query)"
holds "plan runs nothing and says something" grep -q . service/checkout/plan

# ---- one open is one snapshot ----

exec 8<service/payment/spans.jsonl 9<service/payment/count
head -c 100 <&8 >"$T/out/before"
size=$(stat -Lc %s /proc/self/fd/8)
make_spans payment 50 $((DATA_START + 5400)) >"$T/more.jsonl"
holds "import while mounted" "$SPANCTL" -s "$T/store" import "$T/more.jsonl"
becomes "the next query sees it" 'cat service/payment/limit/1000/count' 250
cat <&8 >>"$T/out/before"
is "an open file stays as it was" "$(wc -c <"$T/out/before") $(wc -l <"$T/out/before")" "$size 200"
becomes "a path that was open is fresh, too" 'cat service/payment/count' 250
is "... while it is still open" "$(cat <&9)" 200
is "both at once, whole" "$(wc -l <service/payment/spans.jsonl)" 250
exec 8<&- 9<&-
is "and afterwards" "$(wc -l <service/payment/spans.jsonl)" 250
make_spans newcomer 3 $((DATA_START + 5500)) >"$T/new.jsonl"
is "an unknown service is not there" "$(cat service/newcomer/count 2>&1)" \
    "cat: service/newcomer/count: No such file or directory"
"$SPANCTL" -s "$T/store" import "$T/new.jsonl" >/dev/null 2>&1
becomes "until its first span comes" 'cat service/newcomer/count' 3
becomes "... and it is listed" 'ls service | grep -c newcomer' 1

# ---- names that a later clause explains ----

cat service/checkout/count >/dev/null	# the names of the store are known now
is "compare's columns may be sorted by before it" \
    "$(cat sort/selection:desc/compare/status/error/end/compare.jsonl)" \
    "$(cat compare/status/error/end/sort/selection:desc/compare.jsonl)"
holds "... and there are rows" grep -q . sort/selection:desc/compare/status/error/end/compare.jsonl
is "without compare they are no fields" "$(cat sort/selection/spans.jsonl 2>&1)" \
    "cat: sort/selection/spans.jsonl: No such file or directory"

# ---- errors in words ----

cat service/checkout/duration/gt/5/count 2>/dev/null
is "a malformed value is EINVAL" "$(cat service/checkout/duration/gt/5/count 2>&1)" \
    "cat: service/checkout/duration/gt/5/count: Invalid argument"
matches ".spanfs/errors has the path" "$(head -n 3 .spanfs/errors)" '/service/checkout/duration/gt/5'
is "... and a caret under the segment" "$(head -n 3 .spanfs/errors |
    awk 'index($0, "/service/checkout/duration/gt/5") { at = index($0, "/gt/5") + 4 }
    /^ *\^ *$/ { print index($0, "^") == at ? "right" : "wrong"; exit }')" right
cat service/checkout/service/chekout/count 2>/dev/null
matches "an unknown service is explained" "$(head -n 3 .spanfs/errors)" "no service 'chekout' in the store; did you mean 'checkout'"
is "... with a caret" "$(head -n 3 .spanfs/errors |
    awk 'index($0, "/service/checkout/service/chekout") { at = index($0, "chekout") }
    /^ *\^ *$/ { print index($0, "^") == at ? "right" : "wrong"; exit }')" right
cat limit/5/where/durration/gt/1s/spans.csv 2>/dev/null
matches "... and an unknown field" "$(head -n 3 .spanfs/errors)" "did you mean 'duration'"
cat limit/18446744073709551616/spans.csv any/service/cart/end/end/count 2>/dev/null
cat .git .hidden service/checkout/.gitignore 2>/dev/null
is "probes leave no errors" "$(grep -c '\.git\|hidden' .spanfs/errors)" 0
cat servce/x 2>/dev/null
matches "a misspelt keyword is explained" "$(head -n 3 .spanfs/errors)" servce
holds "spanctl explain says it, too" sh -c "'$SPANCTL' -s '$T/store' explain servce/x 2>&1 | grep -q servce"

# ---- extended attributes ----

if have getfattr; then
	cat $P >/dev/null
	x() {
		getfattr --only-values -n "user.spanfs.$1" "$2" 2>&1
	}
	is "user.spanfs.query" "$(x query $P)" "$(cat service/checkout/query)"
	is "user.spanfs.rows" "$(x rows $P)" 600
	is "user.spanfs.generation" "$(x generation service/checkout/limit/599/count)" \
	    "$(awk '$1 == "spanfs_store_generation" { print $2 }' .spanfs/metrics)"
	is "user.spanfs.complete" "$(x complete $P)" yes
	matches "user.spanfs.cache" "$(x cache $P)" '^[a-z]+$'
	matches "user.spanfs.note" "$(cat since/1ms/until/now/service/checkout/spans.jsonl >/dev/null
	    x note since/1ms/until/now/service/checkout/spans.jsonl)" '2026-11-20|No such attribute'
	matches "no such attribute: ENODATA" "$(x nosuch $P)" 'No such attribute'
	matches "... of what compare leaves out" \
	    "$(cat compare/kind/server/end/compare.txt >/dev/null
	    x note compare/kind/server/end/compare.txt)" '^left out: .*trace_id, span_id'
	matches "... of another namespace" "$(getfattr -n user.foo $P 2>&1)" 'No such attribute'
	matches "... of a directory" "$(x query service/checkout)" 'No such attribute'
	matches "listxattr" "$(getfattr -d $P 2>&1)" 'user.spanfs.rows="600"'
	matches "after a failure they still answer" "$(getfattr -d $P 2>&1)" 'user.spanfs.query'
	matches "setting one is EROFS" "$(setfattr -n user.x -v 1 $P 2>&1)" 'Read-only file system'
else
	skip "extended attributes" "no getfattr"
fi

# ---- directories and links ----

is "ls of values" "$(ls service | tr '\n' ' ')" "cart checkout frontend newcomer payment "
is "ls of a value's directory has its files" "$(ls service/checkout | grep -c '^spans.jsonl$')" 1
is "... and its keywords" "$(ls service/checkout | grep -c '^status$')" 1
is "values under the query so far" "$(ls service/cart/service | grep -c .)" \
    "$("$SPANCTL" -s "$T/store" -o mount.now=latest ls service/cart/service | grep -c .)"
is "the kinds" "$(ls kind | tr '\n' ' ')" "client consumer internal producer server unspecified "
is "dot and link are one query" "$(cat .service/checkout/.status/error/count)" \
    "$(cat service/checkout/status/error/count)"
is "pwd -P can be typed back" "$(cd -P where/http.status_code/eq/500 && cat "$(pwd -P)/count")" \
    "$(cat where/http.status_code/eq/500/count)"
is "spanctl takes the dotted path" "$(query .where/http.status_code/.eq/.=500/count)" \
    "$(cat where/http.status_code/eq/500/count)"
is "cd .. of a link is logical" "$(cd service/checkout/status/error && cd ../.. && cat count)" 600
is "every listed name resolves" "$(cd service/checkout && ls -A | while read -r f; do
	[ -e "$f" ] || [ -L "$f" ] || echo "$f"
done)" ""
is "a slash in a name is %2F" "$(ls service/frontend/name | grep -c '^%2F')" 14
is "... can be typed back" "$(for n in service/frontend/name/*; do cat "$n/count"; done |
    awk '{ s += $1 } END { print s }')" 400
p=; i=0
while [ $i -lt 41 ]; do p=${p}status/unset/ i=$((i + 1)); done
matches "41 links are ELOOP" "$(cat "${p}count" 2>&1)" 'Too many levels of symbolic links'
p=; i=0
while [ $i -lt 64 ]; do p=$p.status/unset/ i=$((i + 1)); done
is "64 clauses spelled with dots work" "$(cat "${p}count")" "$(cat status/unset/count)"
matches "65 are too many" "$(cat "${p}.status/unset/count" 2>&1)" 'Argument list too long'
matches "statfs says how long a name may be" "$(getconf NAME_MAX .)" '^(4095|1024)$'
stat service/cart/name/a >/dev/null
used() {
	echo $(($(stat -fc %c .) - $(stat -fc %d .)))
}
held=$(used)
stat service/cart/name/a service/cart/name/b service/cart/name/c >/dev/null
is "... and how many names the kernel holds" "$(($(used) - held))" 2
day=$(ls shards | head -n 1)
is "shards by day" "$day" 2026-11-20
is "... and hour" "$(ls "shards/$day" | tr '\n' ' ')" "12 13 "
holds "... with info.json" grep -q '"spans":' "shards/$day/12/info.json"
is "... each a query confined to its hour" "$(cat "shards/$day/12/count" "shards/$day/13/count" | awk '{ s += $1 } END { print s }')" \
    "$(cat count)"
is "mtime of a directory is set" "$([ "$(stat -Lc %Y service/checkout)" -gt 1700000000 ] && echo yes)" yes

# ---- writing ----

erofs() {
	matches "$1 is EROFS" "$(lim 5 sh -c "$2" 2>&1 | tail -n 1)" 'Read-only file system'
}
erofs "a new file" 'echo x >nosuch'
erofs "writing to a result" 'echo x >service/checkout/count'
erofs "appending" 'echo x >>service/checkout/count'
erofs "writing README" 'echo x >README'
erofs mkdir 'mkdir foo'
erofs rm 'rm README'
erofs rmdir 'rmdir shards'
erofs mv 'mv README README2'
erofs ln 'ln README x'
erofs "ln -s" 'ln -s a b'
erofs touch 'touch README'
erofs chmod 'chmod 644 README'
erofs truncate 'truncate -s 0 README'
is "control takes commands" "$(echo flush >.spanfs/control && echo done)" done
is "... also without a newline" "$(printf drop-caches >.spanfs/control && echo done)" done
matches "... and refuses others" "$(sh -c '/bin/echo explode >.spanfs/control' 2>&1)" 'Invalid argument'
is "control reads as empty" "$(cat .spanfs/control)" ""

# ---- .spanfs ----

for f in config metrics queries errors; do
	holds ".spanfs/$f is readable" cat ".spanfs/$f"
	is "wc -c of .spanfs/$f is its bytes" "$(wc -c <".spanfs/$f" | wc -w)" 1
done
matches "config says where a setting came from" "$(grep stat_budget .spanfs/config)" '10s'
is "README" "$(wc -c <README)" "$(stat -c %s README)"
holds "tar of .spanfs" tar cf "$T/out/x.tar" .spanfs
cd /
holds "unmount" fusermount3 -u "$M"
gone "$DAEMON" && is "the daemon ends well" "$STATUS" 0

# ---- dear results ----

mount_watched -o sizes=lazy,stat_budget=0
cd "$M" || exit 1
is "a dear result is 0 to stat" "$(stat -c %s service/checkout/spans.jsonl)" 0
is "... but exact once open" "$(exec 7<service/checkout/spans.jsonl; stat -Lc %s /proc/self/fd/7)" "$n"
is "... and complete" "$(cat service/checkout/spans.jsonl | wc -c)" "$n"
is "... so tools that open first see it" "$(wc -c <service/checkout/spans.jsonl)" "$n"
cd / && unmount
gone "$DAEMON"

mount_watched -o sizes=lazy,stream_above=4KiB,stream_after=0
cd "$M" || exit 1
is "streamed bytes are the same" "$(sha256sum <service/checkout/spans.jsonl)" "$(query $P | sha256sum)"
is "a stream can be sought in" "$(tail -c +5000 service/checkout/spans.jsonl | sha256sum)" \
    "$(query $P | tail -c +5000 | sha256sum)"
cd / && unmount
gone "$DAEMON"
finish
