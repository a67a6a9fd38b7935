# SPDX-License-Identifier: ISC
# t_marks: mark/NAME through a mount: what came with later commits, whatever its start; marks that
# move while the mount has answers of them; mark commit in .spanfs/control.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store

mark() {
	lim 60 "$SPANCTL" -s "$T/store" mark "$@"
}

# add SERVICE COUNT FIRST: one more commit
add() {
	make_spans "$@" >"$T/more.jsonl"
	lim 60 "$SPANCTL" -s "$T/store" import "$T/more.jsonl" >/dev/null 2>"$T/import.log" || {
		not_ok "import" "$(cat "$T/import.log")"
		finish
	}
}

# commit NAME: through the mount
commit() {
	echo "mark commit $1" | tee "$M/.spanfs/control" 2>&1 >/dev/null
}

mount_watched
is "a store without marks lists none" "$(ls "$M/mark/")" ""
matches "an unknown mark is no directory" "$(ls "$M/mark/nightly" 2>&1)" 'No such file or directory'
matches "... in words" "$(cat "$M/.spanfs/errors")" "no mark 'nightly' in the store"
mark set nightly
mark set all 0
becomes "marks that were set are listed" "ls '$M/mark' | tr '\n' ' '" "all nightly "
becomes "... and are there" "cat '$M/mark/nightly/count'" 0
is "a mark before the first commit leaves everything" "$(cat "$M/mark/all/count")" "$(cat "$M/count")"
matches "what was probably meant is said" "$(query /mark/nigthly/count 2>&1)" "did you mean 'nightly'"

# Late: before all that is there.
add late 50 $((DATA_START - 7200))
is "what came later is there, whatever its start" "$(cat "$M/mark/nightly/count")" 50
is "... as rows" "$(cut -d, -f1 "$M/mark/nightly/select/service/spans.csv" | sort -u | tr '\n' ' ')" "late service "
is "... in groups" "$(cat "$M/mark/nightly/group/service/groups.csv")" "service,count
late,50"
is "... and cut by a range, too" "$(cat "$M/mark/nightly/until/2026-11-20T10:00:10Z/count")" 10
is "a span that was there does not come again" "$(lim 60 "$SPANCTL" -s "$T/store" import "$T/cart.jsonl" >/dev/null 2>&1
    cat "$M/mark/nightly/count")" 50
matches "the plan says what is left out" "$(cat "$M/mark/nightly/plan")" 'of no commit after the mark \(rule mark\)'
is "the same bytes without a mount" "$(query /mark/nightly/spans.jsonl | cksum)" \
    "$(cksum <"$M/mark/nightly/spans.jsonl")"
is "the canonical path has it behind the filters" "$(cat "$M/limit/1/mark/nightly/root/query")" \
    /root/mark/nightly/limit/1
for bad in not/mark/nightly/count any/mark/nightly/end/count mark/nightly/mark/all/count; do
	matches "refused: $bad" "$(cat "$M/$bad" 2>&1)" 'Invalid argument'
done

# The answer is kept for a while; a mark that moves makes it another.
before=$(stat -c %Y.%y "$M/mark/nightly/count")
is "before it moves" "$(cat "$M/mark/nightly/count")" 50
sleep 0.01
mark set nightly
is "a mark that moved is seen at once" "$(cat "$M/mark/nightly/count")" 0
holds "... by the time of the file, too" test "$(stat -c %Y.%y "$M/mark/nightly/count")" != "$before"
mark set nightly 1
is "... and when it moves back" "$(cat "$M/mark/nightly/count")" 50

# ---- mark commit ----

matches "nothing read, nothing committed" "$(mark commit nightly 2>&1)" 'nothing has been read'
matches "... through the mount, neither" "$(commit other)" 'No data available'
holds "read to its end" cp "$M/mark/nightly/spans.jsonl" "$T/out/first"
is "... it may be committed" "$(commit nightly)" ""
is "... then nothing is behind it" "$(cat "$M/mark/nightly/count")" 0
add b 30 $((DATA_START + 10))
cat "$M/mark/nightly/spans.jsonl" >"$T/out/second"
add c 20 $((DATA_START + 20))
is "what came after the reading is not passed over" "$(commit nightly)$(cat "$M/mark/nightly/count")" 20
holds "read once more" cp "$M/mark/nightly/spans.jsonl" "$T/out/third"
is "... and committed" "$(commit nightly)$(cat "$M/mark/nightly/count")" 0
is "the three have each span once" "$(cat "$T"/out/first "$T"/out/second "$T"/out/third | sort | uniq | wc -l)" 100
add e 5 $((DATA_START + 25))
cat "$M/mark/nightly/select/span_id/spans.csv" >"$T/out/report"
add f 7 $((DATA_START + 26))
is "somebody who looks later moves it no further" "$(cat "$M/mark/nightly/count") $(commit nightly)$(cat "$M/mark/nightly/count")" "12 7"
cat "$M/mark/nightly/spans.jsonl" >"$T/out/report"
commit nightly
: >"$T/out/empty"
cat "$M/mark/nightly/spans.jsonl" >"$T/out/empty"
is "an empty answer may be committed, too" "$(commit nightly)$(wc -c <"$T/out/empty")" 0
matches "... but nothing twice that moved" "$(mark set nightly 0; commit nightly)" '[Bb]usy'
is "no name of a mark" "$(mark set nightly; cat "$M/mark/nightly/spans.jsonl"
    commit ../x | grep -c 'Invalid argument')" 1

# Without the mount.
mark set alone 1
query /mark/alone/spans.jsonl >"$T/out/alone"
add d 10 $((DATA_START + 30))
is "spanctl query remembers what it read" "$(mark commit alone; query /mark/alone/count)" 10
query /mark/alone/spans.jsonl >"$T/out/alone"
add g 4 $((DATA_START + 31))
is "... and the one that ended first" "$(query /mark/alone/count; mark commit alone; query /mark/alone/count)" "14
4"
matches "the list says where each stands" "$(mark list)" '^alone	[0-9]+	1	4	2'

# ---- while others write; damage ----

lim 60 "$SPANCTL" sample --spans 30000 --end 2026-11-20T14:00:00Z >"$T/big.jsonl"
lim 60 "$SPANCTL" -s "$T/store" import "$T/big.jsonl" >/dev/null 2>&1 &
big=$!
daemons="$daemons $big"
n=0
while kill -0 $big 2>/dev/null && [ $n -lt 20 ]; do
	mark set during || break
	n=$((n + 1))
done
holds "a mark moves while an import runs" test $n -ge 1
gone $big 60
# The end must have been reached; an open, or a look at its beginning or end, is no read.
mark set part 0
holds "a large answer" test "$(wc -c <"$M/mark/part/spans.jsonl")" -gt 2000000
dd if="$M/mark/part/spans.jsonl" of=/dev/null bs=4096 count=1 2>/dev/null
matches "one read at its beginning commits nothing" "$(commit part)" 'No data available'
tail -c 100 "$M/mark/part/spans.jsonl" >/dev/null
matches "... nor one at its end" "$(commit part)" 'No data available'
cat "$M/mark/part/spans.jsonl" >"$T/out/part"
is "... read as a whole it may be" "$(commit part)$(cat "$M/mark/part/count")" 0
holds "the store is good" "$SPANCTL" -s "$T/store" check

printf 'damaged' >"$T/store/marks/alone.mark"
matches "a damaged mark is an error" "$(cat "$M/mark/alone/count" 2>&1)" 'Input/output error'
matches "... that names the file" "$(cat "$M/.spanfs/errors")" 'marks/alone.mark'
matches "check finds it" "$("$SPANCTL" -s "$T/store" check 2>&1)" '^marks/alone.mark'
matches "... and so does the list" "$(mark list 2>&1)" '^alone	\?.*marks/alone.mark'
is "others go on" "$(cat "$M/mark/nightly/count" >/dev/null && echo yes)" yes
mkdir "$T/older"
lim 60 "$SPANCTL" -s "$T/older" import "$T/cart.jsonl" >/dev/null 2>&1
mkdir -p "$T/older/marks"
mark set ahead
cp "$T/store/marks/ahead.mark" "$T/older/marks/"
matches "a mark beyond the store's last commit is an error" \
    "$("$SPANCTL" -s "$T/older" query /mark/ahead/count 2>&1)" 'replaced by an older one'
mark delete alone
becomes "one that is deleted is gone" "cat '$M/mark/alone/count' 2>&1 | grep -c 'No such file'" 1
unmount
finish
