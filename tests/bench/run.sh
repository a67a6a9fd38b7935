#!/bin/sh
# SPDX-License-Identifier: ISC
# run: the bench, from nothing: makes the data, gets the peers, then bench.py for each set.
#   run.sh [1m] [10m] [100k ...]     both by default; about 25 GB for both
#   run.sh report | tables           what the runs so far say
# Called by make with BUILD, SPANFS, SPANCTL set. Everything it makes is in $BENCH_DIR (default
# $BUILD/bench) and is kept: data and peers' stores are made once, spanfs imports anew each run.
# Needs a C compiler, npm, python3, jq, rg, libsqlite3, libfuse3-dev and /dev/fuse.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${BUILD:?the build folder}" "${SPANFS:?the program}" "${SPANCTL:?the program}"
: "${BENCH_DIR:=$BUILD/bench}"
export BENCH_DIR SPANFS SPANCTL
export PYTHONDONTWRITEBYTECODE=1
case ${1-} in
report | tables)
	exec python3 "$here/bench.py" "$@"
	;;
esac
for s in "$@"; do
	case $s in
	[1-9]k | [1-9][0-9]k | [1-9][0-9][0-9]k | [1-9]m | [1-9][0-9]m) ;;
	*)
		echo "run.sh: no set $s" >&2
		exit 2
		;;
	esac
done
mkdir -p "$BENCH_DIR/npm" "$BENCH_DIR/bin"

SPANFS_CHDB= BUILD=$BENCH_DIR NPM_DIR=$BENCH_DIR/npm sh "$here/../npm.sh" get

build() {	# name, flags
	name=$1
	shift
	if [ ! -x "$BENCH_DIR/bin/$name" ] || [ "$BENCH_DIR/bin/$name" -ot "$here/$name.c" ]; then
		${CC:-cc} -O2 -std=gnu11 -o "$BENCH_DIR/bin/$name" "$here/$name.c" "$@"
	fi
}
build tracegen -lm
build host -ldl
build client -lpthread
# shellcheck disable=SC2046
build barefs $(pkg-config --cflags --libs fuse3)

status=0
for s in ${*:-1m 10m}; do
	n=$(echo "$s" | sed 's/k$/000/; s/m$/000000/')
	mkdir -p "$BENCH_DIR/$s"
	[ -f "$BENCH_DIR/$s/truth.json" ] || "$BENCH_DIR/bin/tracegen" --spans "$n" --seed 42 \
	    --hours 48 --out "$BENCH_DIR/$s/data" --truth "$BENCH_DIR/$s/truth.json"
	python3 "$here/bench.py" run "$s" || status=1
done
exit $status
