# SPDX-License-Identifier: ISC
# t_cron: reports. The lines for cron and systemd in spanctl(1), as they are run; what an extract
# says when it can't; and a rehearsal: extractions over a mark while imports go on, with late
# spans and spans that come again, killed and starved of disk at their writes, beside a mount that
# dies. What was fetched, all together, has each span once.
# SPANFS_REHEARSAL=300 makes it long (9).
. "$(dirname "$0")/lib.sh"
need_programs
setup
MAN=$(cd "$(dirname "$0")/../../man" && pwd)/spanctl.1
ROUNDS=${SPANFS_REHEARSAL:-9}
OUT=$T/out
mkdir "$T/reports"

sp() {
	lim 60 "$SPANCTL" -s "$T/store" "$@"
}

# add SERVICE COUNT FIRST: one more commit
add() {
	make_spans "$@" >"$T/more.jsonl"
	sp import "$T/more.jsonl" >/dev/null 2>"$T/import.log" || {
		not_ok "import" "$(cat "$T/import.log")"
		finish
	}
}

# says NAME PATTERN COMMAND...: it fails with one line on stderr, and with nothing beside the file
says() {
	name=$1 pattern=$2
	shift 2
	out=$("$@" 2>&1 >/dev/null)
	status=$?
	if [ $status -ne 0 ] && [ "$(printf '%s\n' "$out" | wc -l)" -eq 1 ] &&
	    printf '%s\n' "$out" | grep -qE -e "$pattern"; then
		ok "$name"
	else
		not_ok "$name" "status $status: $out" "pattern: $pattern"
	fi
}

make_store

# ---- the manual's lines, in the environment that cron gives ----

# A program of that name in front, on this store.
mkdir "$T/bin"
printf '#!/bin/sh\nexec "%s" -s "%s" "$@"\n' "$SPANCTL" "$T/store" >"$T/bin/spanctl"
chmod +x "$T/bin/spanctl"
as_cron() {
	sed "s|/srv/reports/|$T/reports/|g" >"$T/line"
	(cd / && env -i PATH="$T/bin:/usr/bin:/bin" HOME="$T" LOGNAME=x SHELL=/bin/sh /bin/sh "$T/line" 2>&1)
}

# Five fields of time, then a command in which \% is a percent sign; roff writes \e for a backslash.
grep -E '^[0-9*]+ [0-9*]+ [*] [*] [*] ' "$MAN" | sed 's/\\e/\\/g; s/^\([^ ]* \)\{5\}//; s/\\%/%/g' >"$T/crontab"
is "lines for crontab in the manual" "$(wc -l <"$T/crontab")" 2
matches "without its mark the report fails" "$(sed -n 1p "$T/crontab" | as_cron)" "no mark 'nightly'"
sp mark set nightly 0
is "with it, it says nothing" "$(sed -n 1p "$T/crontab" | as_cron)" ""
is "... and has every error" "$(tail -n +2 "$T/reports/errors-$(date -u +%F).csv" | wc -l)" "$(query /status/error/count)"
matches "the stale one of the hour fails, in words" "$(sed -n 2p "$T/crontab" | as_cron)" 'expected a span newer than 2h'
is "... and makes no file" "$(ls "$T/reports" | grep -c services)" 0
# Spans of now, so that it holds.
add now 30 "$(date +%s)"
is "with fresh spans it says nothing" "$(sed -n 2p "$T/crontab" | as_cron)" ""
matches "... and is there" "$(cat "$T/reports/services.csv")" '^now,30,'

grep '^ExecStart=' "$MAN" | sed 's/^ExecStart=//; s/%%/%/g' >"$T/exec"
is "a unit in the manual" "$(wc -l <"$T/exec")" 1
sp mark set timer 0
is "its command says nothing" "$(as_cron <"$T/exec")" ""
is "... and its file has the errors" "$(cat "$T"/reports/night-*.csv | tail -n +2 | wc -l)" "$(query /status/error/count)"
is "nothing new: no file" "$(sleep 1; as_cron <"$T/exec"; ls "$T"/reports/night-* | wc -l)" 1
if have systemd-analyze; then
	when=$(sed -n 's/^OnCalendar=//p' "$MAN")
	holds "systemd reads the timer's $when" systemd-analyze calendar "$when"
else
	skip "systemd reads the timer" "no systemd-analyze"
fi

# ---- what it says ----

says "no store" 'no store there' "$SPANCTL" -s "$T/nowhere" extract /count "$OUT/x"
says "no directory" 'No such file or directory' sp extract /count "$T/nowhere/x"
says "a path that is none" 'did you mean' sp extract /servce/x/count "$OUT/x"
says "an expectation" 'expected a count of' sp extract /expect/rows/99999999/count "$OUT/x"
says "a device" 'not a regular file' sp extract /count /dev/full
says "a result that can't be made" 'query. max_rows' sp -o query.max_rows=10 extract /spans.csv "$OUT/x"
says "an empty one that must not be" 'nothing came' sp extract --if-empty=fail /name/none/spans.csv "$OUT/x"
says "a file without an end" 'has no end' sp extract /follow.jsonl "$OUT/x"
says "two marks" 'is to move' sp extract --mark nightly /mark/timer/count "$OUT/x"
says "a name that no file can have" 'has 300 bytes' sp extract --mark nightly /count "$OUT/$(printf %0300d 0)"
is "... and nothing was begun" "$(sp mark list | grep -c 'cut off')" 0
is "none of them left a file" "$(ls "$OUT")" ""
matches "--check says what it would do" "$(sp extract --check --mark nightly --keep 2 /count "$OUT/c-%F")" \
    '^mark nightly moves from commit'
is "... and does nothing" "$(ls "$OUT")" ""
ln -s "$T/elsewhere" "$OUT/link"
says "a link is not followed or replaced" 'not a regular file' sp extract /count "$OUT/link"
rm "$OUT/link"

# A mount that is dead: cp fails, an extract needs none; a report to a dead directory fails.
mount_watched
kill -KILL "$DAEMON"
gone "$DAEMON"
cp "$M/count" "$OUT/dead" 2>/dev/null
is "cp from a dead mount fails" "$?" 1
says "so does an extract to one" 'not connected' sp extract /count "$M/x"
is "an extract beside it works" "$(sp extract /count "$OUT/alive" && cat "$OUT/alive")" "$(query /count)"
fusermount3 -uz "$M" 2>/dev/null
rm -f "$OUT"/*

# ---- the rehearsal ----

# struck NTH WHAT COMMAND...: the call of that number that changes the disk is not made, and the
# process killed, or told that the disk is full.
WRITES=write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlinkat,mkdirat
if have strace && strace -o /dev/null true 2>/dev/null; then
	struck() {
		nth=$1 what=$2
		shift 2
		# A leak checker does not work beside strace.
		lim 60 env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" \
		    strace -qq -f -o /dev/null -e trace="$WRITES" -e inject="$WRITES:$what:when=$nth" "$@"
	}
else
	# Killed somewhen; no disk is full.
	struck() {
		nth=$1
		shift 2
		"$@" &
		sleep "0.0$((${nth%+} % 10))"
		kill -KILL $! 2>/dev/null
		wait $! 2>/dev/null
	}
fi

# fetch JOB: what an extract that ended well has left, as whoever reads the reports does
fetch() {
	for f in "$OUT/$1"/*; do
		[ -f "$f" ] || continue
		cat "$f" >>"$T/$1.all" && rm "$f"
	done
}

# Two jobs: files with dates, and one that has the same name every time.
for job in dated same; do
	sp mark set $job 0
	mkdir "$OUT/$job"
	: >"$T/$job.all"
done
name_of() {
	case $1 in
	dated) echo "$OUT/dated/r-%F-$i.csv" ;;
	same) echo "$OUT/same/r.csv" ;;
	esac
}
P=/select/service,span_id,start/spans.csv
i=0 failed=0
while [ $i -lt "$ROUNDS" ]; do
	i=$((i + 1))
	# Late by up to two days, a part of it for the second time; and one import beside the extract.
	make_spans "r$((i % 7))" $((i % 5 * 9 + 3)) $((DATA_START - i * 577 % 172800)) >"$T/more.jsonl"
	make_spans beside$i 20 $((DATA_START + i)) >"$T/beside.jsonl"
	sp import "$T/more.jsonl" >/dev/null 2>&1
	sp import "$T/beside.jsonl" >/dev/null 2>&1 &
	beside=$!
	job=dated nth=$((i * 5 % 14 + 1))
	[ $((i % 2)) -eq 0 ] && job=same
	# What stands there is whole: it may be taken at any time.
	[ $job = same ] && fetch $job
	case $((i / 2 % 3)) in
	0) struck $nth signal=KILL "$SPANCTL" -s "$T/store" extract --mark $job $P "$(name_of $job)" ;;
	1) struck $nth+ error=ENOSPC "$SPANCTL" -s "$T/store" extract --mark $job $P "$(name_of $job)" ;;
	*) sp extract --mark $job $P "$(name_of $job)" ;;
	esac >"$T/said" 2>&1 && fetch $job || failed=$((failed + 1))
	wait $beside
done
ok "$ROUNDS extractions, of which $failed failed or were killed"
holds "... some of them" test $failed -ge $((ROUNDS / 4))
query $P | tail -n +2 | sort >"$T/wanted"
holds "there is something to deliver" test "$(wc -l <"$T/wanted")" -gt $((ROUNDS * 20))
for job in dated same; do
	# What is to be finished first, then the rest.
	for n in 1 2; do
		i=last$n
		is "$job: a run in peace, $n" "$(sp extract --mark $job $P "$(name_of $job)" 2>&1)" ""
		fetch $job
	done
	grep -v '^service,span_id,start$' "$T/$job.all" | sort >"$T/delivered"
	is "$job: no span came twice" "$(uniq -d "$T/delivered" | head -n 3)" ""
	holds "$job: each span came" cmp "$T/delivered" "$T/wanted"
done
is "nothing is left to finish" "$(sp mark list | grep -c 'cut off')" 0
holds "the store is good" "$SPANCTL" -s "$T/store" check
finish
