#!/bin/sh
# chdb: where ClickHouse's engine for the tests is: libchdb.so of npm's chdb.
#   chdb.sh		prints its path; exits 1 if it is not there
#   chdb.sh get		installs it with npm into $BUILD/chdb first, if it is not there
# SPANFS_CHDB names one that is somewhere else; that of the bench is taken, too.
set -u
: "${BUILD:?}"
of_npm=node_modules/@chdb/lib-linux-x64-gnu/libchdb.so

find_it() {
	# A sanitizer's build stands inside another.
	for f in "${SPANFS_CHDB-}" "$BUILD/chdb/$of_npm" "$BUILD/../chdb/$of_npm" \
	    "${BENCH_DIR-$BUILD/bench}/npm/$of_npm"; do
		[ -n "$f" ] && [ -f "$f" ] || continue
		echo "$f"
		exit 0
	done
}

find_it
[ "${1-}" = get ] || exit 1
command -v npm >/dev/null || {
	echo "chdb.sh: no npm" >&2
	exit 1
}
mkdir -p "$BUILD/chdb" && cd "$BUILD/chdb" || exit 1
[ -f package.json ] || echo '{"private":true}' >package.json
npm install --no-audit --no-fund --ignore-scripts chdb@3.4.0 >&2 || exit 1
find_it
exit 1
