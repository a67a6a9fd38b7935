#!/bin/sh
# npm: what the tests take from npm: ClickHouse's engine (libchdb) and DuckDB.
#   npm.sh get		installs both into $NPM_DIR, or else $BUILD/npm, if they are not there
#   npm.sh chdb		prints the path of libchdb.so; exits 1 if it is not there
#   npm.sh duckdb		the same of libduckdb.so
#   npm.sh modules	prints the node_modules that hold DuckDB's package for node
# SPANFS_CHDB names a libchdb that is somewhere else; what the bench got is taken, too.
set -u
: "${BUILD:?}"
chdb=@chdb/lib-linux-x64-gnu/libchdb.so
duckdb=@duckdb/node-bindings-linux-x64/libduckdb.so

# find_it FILE [ELSEWHERE]: prints where it is.
find_it() {
	[ -n "${2-}" ] && [ -f "$2" ] && {
		echo "$2"
		return
	}
	# A sanitizer's build stands inside another.
	for d in ${NPM_DIR:+"$NPM_DIR"} "$BUILD/npm" "$BUILD/../npm" "${BENCH_DIR-$BUILD/bench}/npm"; do
		[ -f "$d/node_modules/$1" ] || continue
		echo "$d/node_modules/$1"
		return
	done
	return 1
}

case ${1-} in
chdb)
	find_it $chdb "${SPANFS_CHDB-}"
	;;
duckdb)
	find_it $duckdb
	;;
modules)
	found=$(find_it $duckdb) && echo "${found%/$duckdb}"
	;;
get)
	find_it $chdb "${SPANFS_CHDB-}" >/dev/null && find_it $duckdb >/dev/null && exit
	command -v npm >/dev/null || {
		echo "npm.sh: no npm" >&2
		exit 1
	}
	dir=${NPM_DIR:-$BUILD/npm}
	mkdir -p "$dir" && cd "$dir" || exit 1
	[ -f package.json ] || echo '{"private":true}' >package.json
	npm install --no-audit --no-fund --ignore-scripts chdb@3.4.0 @duckdb/node-api@1.5.6-r.1 >&2 ||
		exit 1
	[ -f "node_modules/$chdb" ] && [ -f "node_modules/$duckdb" ]
	;;
*)
	echo "usage: npm.sh get|chdb|duckdb|modules" >&2
	exit 2
	;;
esac
