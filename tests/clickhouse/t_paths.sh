#!/bin/sh
# What the evaluator says of spans that lie in a ClickHouse: paths of all kinds, with groups; many of fields of
# parents, over spans of which no two bear one id (else the server leaves them to the rows).
# SPANFS_ORACLE_PATHS sets how many.
set -u
: "${SRC:?}" "${BUILD:?}" "${SPANCTL:?}" "${SPANFS:?}"
SPANFS_CHDB=$(sh "$SRC/tests/npm.sh" chdb) || {
	echo "libchdb is not there (tests/npm.sh get)"
	exit 77
}
dir=$(mktemp -d)
trap 'exec 3>&-; wait; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
mkfifo "$dir/hold"
# It ends when the other end of the pipe does.
python3 -B "$SRC/tests/clickhouse/server.py" "$SPANFS_CHDB" "$dir/db" --seconds 280 <"$dir/hold" \
	>"$dir/port" &
exec 3>"$dir/hold"
n=0
until [ -s "$dir/port" ]; do
	n=$((n + 1))
	[ $n -lt 600 ] || { echo "not ok the server does not start"; exit 1; }
	sleep 0.1
done
[ -c /dev/fuse ] && set -- --mount "$SPANFS" || set --
ask() {
	python3 -B "$SRC/tests/oracle/run.py" --spanctl "$SPANCTL" --tap \
		--clickhouse "http://127.0.0.1:$(cat "$dir/port")" --groups 0.35 "$@"
}
n=${SPANFS_ORACLE_PATHS-150}
ask "$@" -n "$n" --seed 3 && ask "$@" -n $((n / 3)) --seed 4 --json &&
	ask "$@" -n $((n / 3)) --seed 6 --nasty 0 --plain 120 --groups 1 --parents 0.85
