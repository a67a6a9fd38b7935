#!/bin/sh
# SPDX-License-Identifier: ISC
# cache: a day of queries replayed beside imports, with the cache of results and without (replay.py).
#   cache.sh SIZE [OPTION...]    1m, 10m, 100k...: the store of make bench if that is there, else made
# Called by make bench-cache with BUILD, SPANFS, SPANCTL set. What it makes is in $BENCH_DIR (default
# $BUILD/bench); the replay has a copy of the store. Needs a C compiler, python3 and /dev/fuse.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${BUILD:?the build folder}" "${SPANFS:?the program}" "${SPANCTL:?the program}"
: "${BENCH_DIR:=$BUILD/bench}"
export BENCH_DIR SPANFS SPANCTL
export PYTHONDONTWRITEBYTECODE=1
size=${1:?a size such as 1m}
shift
dir=$BENCH_DIR/$size
if [ ! -d "$dir/store" ]; then
	n=$(echo "$size" | sed 's/k$/000/; s/m$/000000/')
	mkdir -p "$dir" "$BENCH_DIR/bin"
	${CC:-cc} -O2 -std=gnu11 -o "$BENCH_DIR/bin/tracegen" "$here/tracegen.c" -lm
	[ -f "$dir/truth.json" ] || "$BENCH_DIR/bin/tracegen" --spans "$n" --seed 42 --hours 48 \
	    --out "$dir/data" --truth "$dir/truth.json"
	rm -rf "$dir/store.new"
	"$SPANCTL" -s "$dir/store.new" import "$dir/data"
	mv "$dir/store.new" "$dir/store"
fi
work=$(mktemp -d "$BENCH_DIR/replay.XXXXXX")
redis=
end() {
	[ -z "$redis" ] || kill "$redis" 2>/dev/null
	rm -rf "$work"
}
trap end EXIT
start_redis() {
	redis-server --port 0 --unixsocket "$work/redis.sock" --save '' --maxmemory 1gb \
	    --maxmemory-policy allkeys-lru --dir "$work" >/dev/null &
	redis=$!
	i=0
	until [ -S "$work/redis.sock" ]; do
		i=$((i + 1))
		[ $i -lt 200 ] || { echo "cache.sh: redis-server does not start" >&2; exit 1; }
		sleep 0.05
	done
}
stop_redis() {
	kill "$redis"
	wait "$redis" 2>/dev/null || true
	rm -f "$work/redis.sock"
	redis=
}
build() {	# NAME [LIBRARY...]
	name=$1
	shift
	${CC:-cc} -O2 -std=gnu11 -o "$BENCH_DIR/bin/$name" "$here/$name.c" "$@"
}
# What a hit takes, of each level that there is.
hits() {
	pkg-config --exists fuse3 || { echo "# hits: no fuse3 to build barefs with"; return; }
	mkdir -p "$BENCH_DIR/bin"
	build client -lpthread
	# shellcheck disable=SC2046
	build barefs $(pkg-config --cflags --libs fuse3)
	cp -R "$dir/store" "$work/store"
	if command -v redis-server >/dev/null; then
		start_redis
		python3 "$here/hits.py" "$work/store" "$work" "$work/redis.sock" || failed=1
		stop_redis
	else
		python3 "$here/hits.py" "$work/store" "$work" || failed=1
	fi
}
for form in ${FORMS:-l1 l2 both hits}; do
	more=
	if [ "$form" = hits ]; then
		echo "# ---- hits"
		hits
		continue
	fi
	if [ "$form" != l1 ]; then
		command -v redis-server >/dev/null || { echo "# $form: no redis-server"; continue; }
		start_redis
		more="--options redis.url=unix://$work/redis.sock"
		[ "$form" = both ] || more="$more --fresh 100"
	fi
	echo "# ---- $form"
	# shellcheck disable=SC2086
	python3 "$here/replay.py" --store "$dir/store" --work "$work/$form" $more "$@" || failed=1
	rm -rf "${work:?}/$form"
	[ -z "$redis" ] || stop_redis
done
exit "${failed:-0}"
