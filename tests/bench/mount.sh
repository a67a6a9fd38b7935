#!/bin/sh
# SPDX-License-Identifier: ISC
# mount: what programs make of a mount's files, and what a mount takes beside a bare one.
#   mount.sh table [OPTION...]     the tools table (mount_table.py)
#   mount.sh ratios [OPTION...]    (mount_ratios.py)
#   mount.sh endure [OPTION...]    readers, imports, interrupts and kills for 10 minutes (endure.py)
#   mount.sh                       the first two
# Called by make bench-mount with BUILD, SPANFS, SPANCTL set; what it makes and installs (DuckDB,
# by npm) is in $BENCH_DIR (default $BUILD/bench), and the stores of make bench are used if there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${BUILD:?the build folder}" "${SPANFS:?the program}" "${SPANCTL:?the program}"
: "${BENCH_DIR:=$BUILD/bench}"
export BENCH_DIR SPANFS SPANCTL
export PYTHONDONTWRITEBYTECODE=1
mkdir -p "$BENCH_DIR/npm" "$BENCH_DIR/bin"
build() {	# name, flags
	name=$1
	shift
	if [ ! -x "$BENCH_DIR/bin/$name" ] || [ "$BENCH_DIR/bin/$name" -ot "$here/$name.c" ]; then
		${CC:-cc} -O2 -std=gnu11 -o "$BENCH_DIR/bin/$name" "$here/$name.c" "$@"
	fi
}
table() {
	if [ ! -d "$BENCH_DIR/npm/node_modules/@duckdb/node-api" ]; then
		(
			cd "$BENCH_DIR/npm"
			[ -f package.json ] || echo '{"private":true}' >package.json
			npm install --no-audit --no-fund @duckdb/node-api@1.5.6-r.1
		) || echo "mount.sh: no DuckDB" >&2
	fi
	build copier -D_GNU_SOURCE
	COPIER=$BENCH_DIR/bin/copier NODE_PATH=$BENCH_DIR/npm/node_modules \
	    python3 "$here/mount_table.py" "$@"
}
beside() {
	build client -lpthread
	# shellcheck disable=SC2046
	build barefs $(pkg-config --cflags --libs fuse3)
}
endure() {
	beside
	CLIENT=$BENCH_DIR/bin/client BAREFS=$BENCH_DIR/bin/barefs python3 "$here/endure.py" "$@"
}
ratios() {
	beside
	[ ! -d "$BENCH_DIR/1m/store" ] || set -- --look-ups "$BENCH_DIR/1m" --big "$BENCH_DIR/1m/store" "$@"
	[ ! -d "$BENCH_DIR/10m/store" ] || set -- --large "$BENCH_DIR/10m" "$@"
	python3 "$here/mount_ratios.py" "$@"
}
case ${1-} in
table | ratios | endure)
	what=$1
	shift
	$what "$@"
	;;
'')
	table
	ratios
	;;
*)
	echo "usage: mount.sh [table|ratios|endure [OPTION...]]" >&2
	exit 2
	;;
esac
