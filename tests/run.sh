#!/bin/sh
# run: runs families of tests and counts. Called by make with BUILD, SRC, SPANFS, SPANCTL set.
#   run.sh [need] [lint] [unit PROGRAM... --] [diff PROGRAM... --] [fault ...] [fuzz ...] [oracle]
#       [clickhouse ...] [mount] [all]
# A family's programs follow its name up to "--" or the end. "need" wants what tests use to be
# there; "all", at the end, that every program and script of the tree has run, except fault's.
# Without /dev/fuse the scripts of mount can't run, which fails, unless SPANFS_TEST_NO_FUSE=yes
# says that it is known. With SPANFS_TEST_THREADS=only, for the thread sanitizer, programs that
# can't start a thread are left out. The last line is "N passed, N failed"; the exit status says
# whether all passed.
set -u
: "${BUILD:?}" "${SRC:?}"
passed=0
failed=0
skipped=0
programs=0
lone=0
scripts=0
log=$BUILD/test-logs
mkdir -p "$log"
limit=${SPANFS_TEST_TIMEOUT-300}
# lint is what no compiled program takes part in: once is enough, whatever they are built with.
linted=0
# For the sanitizer builds. A daemon's report would be lost: it goes to the logs.
export LSAN_OPTIONS="suppressions=$SRC/tests/lsan.supp:print_suppressions=0"
export ASAN_OPTIONS="${ASAN_OPTIONS-}${ASAN_OPTIONS:+:}log_path=$log/asan"
export UBSAN_OPTIONS="print_stacktrace=1:log_path=$log/ubsan"
export TSAN_OPTIONS="log_path=$log/tsan"
SPANFS_CHDB=$(sh "$SRC/tests/clickhouse/chdb.sh")
export SPANFS_CHDB
rm -f "$log"/asan.* "$log"/ubsan.* "$log"/tsan.* "$log"/*.time

# Counts the cmocka lines of a log.
count_cmocka() {
	p=$(grep -c '^\[       OK \]' "$1")
	f=$(grep -c '^\[  FAILED  \] [a-zA-Z_]' "$1")
	passed=$((passed + p))
	[ $((p + f)) -eq 0 ] || programs=$((programs + 1))
}
# Whether nothing that is linked into a program starts threads, where only those are wanted.
left_out() {
	[ "${SPANFS_TEST_THREADS-}" = only ] && ! nm "$BUILD/$1" | grep -q ' U pthread_create'
}
# Runs programs side by side, as many as there are processors.
run_programs() {
	[ $# -gt 0 ] || return 0
	printf '%s\n' "$@" | LIMIT=$limit LOG=$log xargs -P "$(nproc)" -n 1 sh -c '
		out=$LOG/$(basename "$1").log
		begin=$(date +%s)
		timeout -k 10 "$LIMIT" "$BUILD/$1" >"$out" 2>&1
		echo $? >"$out.status"
		echo "$(($(date +%s) - begin)) s $1" >"$out.time"' sh
}
# Counts one that has run.
program() {
	name=$(basename "$1")
	out=$log/$name.log
	status=$(cat "$out.status")
	rm -f "$out.status"
	count_cmocka "$out"
	if [ $status -ne 0 ]; then
		failed=$((failed + 1))
		echo "FAIL $1 (status $status)"
		tail -n 40 "$out"
	fi
}
replay() {
	name=$(basename "$1")
	corpus=$SRC/tests/fuzz/corpus/${name#fuzz_}
	out=$log/$name.log
	if left_out "$1"; then
		lone=$((lone + 1))
		return
	fi
	if timeout -k 10 "$limit" "$BUILD/$1" "$corpus" >"$out" 2>&1; then
		passed=$((passed + 1))
		programs=$((programs + 1))
	else
		failed=$((failed + 1))
		echo "FAIL replay of $name"
		tail -n 40 "$out"
	fi
}
script() {
	out=$log/$(basename "$1").log
	begin=$(date +%s)
	timeout -k 10 "$limit" sh "$1" >"$out" 2>&1
	status=$?
	echo "$(($(date +%s) - begin)) s $(basename "$1")" >"$out.time"
	if [ $status -eq 77 ]; then
		skipped=$((skipped + 1))
		echo "SKIP $1: $(tail -n 1 "$out")"
		return
	fi
	scripts=$((scripts + 1))
	passed=$((passed + $(grep -c '^ok' "$out")))
	n=$(grep -c '^not ok' "$out")
	[ $status -ne 0 ] && [ "$n" -eq 0 ] && n=1
	if [ "$n" -ne 0 ]; then
		failed=$((failed + n))
		echo "FAIL $1 (status $status)"
		grep -A 3 '^not ok' "$out" || tail -n 30 "$out"
	fi
}

# What ran beside what there is: fewer is a failure, by name of none, since a list is at fault.
all_ran() {
	there=$(find "$SRC"/tests/unit "$SRC"/tests/golden "$SRC"/tests/diff "$SRC"/tests/fuzz \
	    -name 'test_*.c' -o -name 'fuzz_*.c' | wc -l)
	there_scripts=$(find "$SRC"/tests/mount "$SRC"/tests/oracle -name 't_*.sh' ! -name t_units.sh | wc -l)
	there_scripts=$((there_scripts + linted))
	if [ -f "$SPANFS_CHDB" ]; then
		there=$((there + $(ls "$SRC"/tests/clickhouse/test_*.c | wc -l)))
		there_scripts=$((there_scripts + $(ls "$SRC"/tests/clickhouse/t_*.sh | wc -l)))
	fi
	[ $lone -eq 0 ] || echo "left out: $lone programs without threads"
	there=$((there - lone))
	echo "ran $programs of $there programs, $scripts of $there_scripts scripts"
	[ "${SPANFS_TEST_NO_FUSE-}" != yes ] || scripts=$((scripts + skipped))
	if [ "$programs" -lt "$there" ] || [ "$scripts" -lt "$there_scripts" ]; then
		failed=$((failed + 1))
		echo "FAIL not all ran"
	fi
}

while [ $# -gt 0 ]; do
	family=$1
	shift
	case $family in
	need)
		sh "$SRC/tests/need.sh" || {
			echo "$passed passed, $((failed + 1)) failed"
			exit 1
		}
		;;
	all)
		all_ran
		;;
	lint)
		for s in "$SRC"/tests/lint/*.sh "$SRC/tests/oracle/t_units.sh"; do
			script "$s"
			linted=$((linted + 1))
		done
		;;
	clickhouse)
		list=
		while [ $# -gt 0 ] && [ "$1" != -- ]; do
			list="$list $1"
			shift
		done
		[ $# -gt 0 ] && shift
		if [ -f "$SPANFS_CHDB" ]; then
			run_programs $list
			for p in $list; do program "$p"; done
			for s in "$SRC"/tests/clickhouse/t_*.sh; do script "$s"; done
		else
			echo "SKIP tests/clickhouse: no libchdb (tests/clickhouse/chdb.sh get)"
		fi
		;;
	mount)
		for s in "$SRC"/tests/mount/t_*.sh; do script "$s"; done
		;;
	oracle)
		for s in "$SRC"/tests/oracle/t_*.sh; do
			[ "$s" = "$SRC/tests/oracle/t_units.sh" ] || script "$s"
		done
		;;
	unit | diff | fault)
		list=
		for p in "$@"; do
			[ "$p" != -- ] || break
			if left_out "$p"; then
				lone=$((lone + 1))
			else
				list="$list $p"
			fi
		done
		run_programs $list
		for p in $list; do program "$p"; done
		while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
		[ $# -gt 0 ] && shift
		;;
	fuzz)
		while [ $# -gt 0 ] && [ "$1" != -- ]; do
			replay "$1"
			shift
		done
		[ $# -gt 0 ] && shift
		;;
	*)
		echo "run.sh: unknown family $family" >&2
		exit 2
		;;
	esac
done
for f in "$log"/asan.* "$log"/ubsan.* "$log"/tsan.*; do
	[ -s "$f" ] || continue
	failed=$((failed + 1))
	echo "FAIL sanitizer report $f"
	head -n 40 "$f"
done
cat "$log"/*.time 2>/dev/null | sort -rn | head -n 5 | sed 's/^/slowest: /'
[ "$skipped" -eq 0 ] || echo "skipped: $skipped scripts"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
