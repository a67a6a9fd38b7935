#!/bin/sh
# run: runs families of tests and counts. Called by make with BUILD, SRC, SPANFS, SPANCTL set.
#   run.sh [need] [lint] [unit PROGRAM... --] [diff PROGRAM... --] [fault ...] [fuzz ...] [oracle]
#       [clickhouse ...] [mount] [all]
# A family's programs follow its name up to "--" or the end. "need" wants what tests use to be
# there; "all", at the end, that every program and script of the tree has run, except fault's.
# Programs and scripts of all families run side by side, as many as there are processors, but for
# scripts that say `# alone: WHY` at their head. They are counted when all have run.
# Without /dev/fuse the scripts of mount can't run, which fails, unless SPANFS_TEST_NO_FUSE=yes
# says that it is known. With SPANFS_TEST_THREADS=only, for the thread sanitizer, programs that
# can't start a thread are left out. SPANFS_TEST_TIMEOUT: after how many seconds one fails (300).
# The last line is "N passed, N failed"; the exit status says whether all passed.
set -u
: "${BUILD:?}" "${SRC:?}"
passed=0
failed=0
skipped=0
programs=0
lone=0
whole=
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
SPANFS_CHDB=$(sh "$SRC/tests/npm.sh" chdb)
export SPANFS_CHDB
rm -f "$log"/asan.* "$log"/ubsan.* "$log"/tsan.* "$log"/*.time "$log"/*.status

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
# What is to run, in the order in which it is counted: KIND PATH a line, as one.sh takes them.
jobs=$log/jobs
: >"$jobs"
add() {
	kind=$1
	shift
	for j in "$@"; do
		if [ $kind != script ] && left_out "$j"; then
			lone=$((lone + 1))
		else
			echo "$kind $j" >>"$jobs"
		fi
	done
}
# A script with a line "# alone: WHY" at its head judges by the clock.
is_alone() {
	[ "$1" = script ] && head -n 12 "$2" | grep -q '^# alone: '
}
# Runs all jobs, side by side, as many as there are processors; those of tests/longest first, so
# that no long one is alone at the end. Then those that have to be alone.
run_jobs() {
	: >"$log/beside"
	: >"$log/alone"
	while read -r kind path; do
		where=beside
		is_alone "$kind" "$path" && where=alone
		rank=$(grep -nx "$(basename "$path")" "$SRC/tests/longest" | cut -d : -f 1)
		echo "${rank:-999} $kind $path" >>"$log/$where"
	done <"$jobs"
	export LIMIT=$limit LOG=$log
	for where in beside alone; do
		n=1
		[ $where = alone ] || n=$(nproc)
		sort -sn "$log/$where" | cut -d ' ' -f 2- | xargs -r -d '\n' -P "$n" -n 1 sh "$SRC/tests/one.sh"
	done
}
# Counts one that has run.
count() {
	kind=$1
	path=$2
	name=$(basename "$path")
	out=$log/$name.log
	status=$(cat "$out.status" 2>/dev/null) || status=none
	rm -f "$out.status"
	case $kind in
	program)
		count_cmocka "$out"
		[ "$status" = 0 ] && return
		failed=$((failed + 1))
		;;
	replay)
		programs=$((programs + 1))
		passed=$((passed + 1))
		[ "$status" = 0 ] && return
		passed=$((passed - 1))
		failed=$((failed + 1))
		;;
	script)
		if [ "$status" = 77 ]; then
			skipped=$((skipped + 1))
			echo "SKIP $path: $(tail -n 1 "$out")"
			return
		fi
		scripts=$((scripts + 1))
		passed=$((passed + $(grep -c '^ok' "$out")))
		n=$(grep -c '^not ok' "$out")
		[ "$status" = 0 ] && [ "$n" -eq 0 ] && return
		[ "$n" -ne 0 ] || n=1
		failed=$((failed + n))
		;;
	esac
	echo "FAIL $kind $path (status $status)"
	grep -A 3 '^not ok' "$out" || tail -n 40 "$out"
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
	for name in $(grep -v '^#' "$SRC/tests/longest"); do
		[ -n "$(find "$SRC/tests" -name "$name" -o -name "$name.c")" ] && continue
		failed=$((failed + 1))
		echo "FAIL tests/longest: there is no $name"
	done
	if [ "$programs" -lt "$there" ] || [ "$scripts" -lt "$there_scripts" ]; then
		failed=$((failed + 1))
		echo "FAIL not all ran"
	fi
}

while [ $# -gt 0 ]; do
	family=$1
	shift
	list=
	case $family in
	unit | diff | fault | fuzz | clickhouse)
		while [ $# -gt 0 ] && [ "$1" != -- ]; do
			list="$list $1"
			shift
		done
		[ $# -gt 0 ] && shift
		;;
	esac
	case $family in
	need)
		sh "$SRC/tests/need.sh" || {
			echo "$passed passed, $((failed + 1)) failed"
			exit 1
		}
		;;
	all)
		whole=yes
		;;
	lint)
		for s in "$SRC"/tests/lint/*.sh "$SRC/tests/oracle/t_units.sh"; do
			add script "$s"
			linted=$((linted + 1))
		done
		;;
	clickhouse)
		if [ -f "$SPANFS_CHDB" ]; then
			add program $list
			add script "$SRC"/tests/clickhouse/t_*.sh
		else
			echo "SKIP tests/clickhouse: no libchdb (tests/npm.sh get)"
		fi
		;;
	mount)
		add script "$SRC"/tests/mount/t_*.sh
		;;
	oracle)
		for s in "$SRC"/tests/oracle/t_*.sh; do
			[ "$s" = "$SRC/tests/oracle/t_units.sh" ] || add script "$s"
		done
		;;
	unit | diff | fault)
		add program $list
		;;
	fuzz)
		add replay $list
		;;
	*)
		echo "run.sh: unknown family $family" >&2
		exit 2
		;;
	esac
done
run_jobs
while read -r kind path; do
	count "$kind" "$path"
done <"$jobs"
[ -z "$whole" ] || all_ran
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
