#!/bin/sh
# one: runs one test for run.sh, which counts what it leaves in $LOG: NAME.log is what it said,
# NAME.log.status its exit status, NAME.log.time how long it took, by the clock and of processors.
#   one.sh 'program PATH-BELOW-BUILD' | 'replay PATH-BELOW-BUILD' | 'script PATH'
set -u
: "${BUILD:?}" "${SRC:?}" "${LOG:?}" "${LIMIT:?}"
kind=${1%% *}
path=${1#* }
name=$(basename "$path")
case $kind in
program) set -- "$BUILD/$path" ;;
replay) set -- "$BUILD/$path" "$SRC/tests/fuzz/corpus/${name#fuzz_}" ;;
script) set -- sh "$path" ;;
esac
out=$LOG/$name.log
begin=$(date +%s)
timeout -k 10 "$LIMIT" "$@" >"$out" 2>&1 </dev/null
echo $? >"$out.status"
wall=$(($(date +%s) - begin))
times >"$out.times"
awk -v wall="$wall" -v name="${path#"$SRC/"}" '
	NR == 2 { gsub(/[ms]/, " "); printf "%d s (%d s of CPU) %s\n", wall, $1 * 60 + $2 + $3 * 60 + $4, name }' \
    "$out.times" >"$out.time"
rm -f "$out.times"
