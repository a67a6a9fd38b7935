#!/bin/sh
# SPDX-License-Identifier: ISC
# clickhouse: a mount over a ClickHouse server beside SQL written by hand, asked of the same server.
#   clickhouse.sh SIZE [OPTION...]     (clickhouse.py)
# Called by make bench-clickhouse with BUILD, SPANFS, SPANCTL set; the spans are those of make bench,
# in $BENCH_DIR (default $BUILD/bench), which is also where the server keeps them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${BUILD:?the build folder}" "${SPANFS:?the program}" "${SPANCTL:?the program}"
: "${BENCH_DIR:=$BUILD/bench}"
export BENCH_DIR SPANFS SPANCTL
export PYTHONDONTWRITEBYTECODE=1
size=${1:?the set of spans, as 1m}
shift
[ -d "$BENCH_DIR/$size/store" ] || {
	echo "clickhouse.sh: no spans in $BENCH_DIR/$size; make bench makes them" >&2
	exit 2
}
mkdir -p "$BENCH_DIR/npm" "$BENCH_DIR/bin"
NPM_DIR=$BENCH_DIR/npm sh "$here/../npm.sh" get
SPANFS_CHDB=$(NPM_DIR=$BENCH_DIR/npm sh "$here/../npm.sh" chdb)
export SPANFS_CHDB
if [ ! -x "$BENCH_DIR/bin/client" ] || [ "$BENCH_DIR/bin/client" -ot "$here/client.c" ]; then
	${CC:-cc} -O2 -std=gnu11 -o "$BENCH_DIR/bin/client" "$here/client.c" -lpthread
fi
exec python3 "$here/clickhouse.py" "$size" "$@"
