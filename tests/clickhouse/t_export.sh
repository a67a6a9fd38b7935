#!/bin/sh
# spanctl export as people use it: what it says, where, and with which exit status.
set -u
: "${SRC:?}" "${BUILD:?}" "${SPANCTL:?}"
SPANFS_CHDB=$(sh "$SRC/tests/npm.sh" chdb) || {
	echo "libchdb is not there (tests/npm.sh get)"
	exit 77
}
dir=$(mktemp -d) || exit 1
bad=0
mkfifo "$dir/hold"
python3 -B "$SRC/tests/clickhouse/server.py" "$SPANFS_CHDB" "$dir/db" --user writer:s3cret --seconds 200 \
	<"$dir/hold" >"$dir/port" &
server=$!
exec 3>"$dir/hold"	# it ends when this is closed
trap 'exec 3>&-; wait "$server"; rm -rf "$dir"' EXIT
i=0
while [ ! -s "$dir/port" ] && [ $i -lt 600 ]; do
	sleep 0.1
	i=$((i + 1))
done
url=http://127.0.0.1:$(cat "$dir/port")

# expect NAME STATUS WORDS COMMAND...: its exit status, and words that stand in what it prints
expect() {
	name=$1 status=$2 words=$3
	shift 3
	"$@" >"$dir/out" 2>&1
	got=$?
	if [ "$got" = "$status" ] && grep -qF -- "$words" "$dir/out"; then
		echo "ok $name"
	else
		echo "not ok $name: status $got"
		cat "$dir/out"
		bad=1
	fi
}
ctl() {
	"$SPANCTL" -c /dev/null -s "$dir/store" "$@"
}
export_to() {
	ctl -o clickhouse.url="$url" -o clickhouse.database=otel -o clickhouse.user=writer \
		-o clickhouse.password_file="$dir/password" export "$@"
}

"$SPANCTL" sample --spans 12000 --end 2026-11-20T14:00:00Z -o "$dir/sample.jsonl" &&
	ctl import "$dir/sample.jsonl" >/dev/null || exit 1
spans=$(ctl query /count)
(umask 077 && echo s3cret >"$dir/password")

expect "without a server" 2 "[clickhouse] url: not set" ctl export /
expect "without a path" 2 "usage: spanctl export" export_to
expect "an option that there is not" 2 "usage: spanctl export" export_to --never /
expect "a file" 2 "a path without a file" export_to /service/cart/spans.jsonl
expect "no table" 1 "Database otel does not exist" export_to /
expect "an unknown service" 2 "no service 'nothing'" export_to --create /service/nothing
expect "all of it" 0 "exported $spans spans in 1 batches" export_to --create /
expect "again" 0 "exported 0 spans in 1 batches, $spans were there" export_to /
expect "a part of it" 0 "exported 0 spans" export_to --missing /service/cart/since/30d
chmod 644 "$dir/password"
expect "a password that all can read" 1 "can be read by everybody" export_to /
chmod 600 "$dir/password"
echo wrong >"$dir/password"
expect "a wrong password" 1 "[clickhouse] user and password_file" export_to /
grep -q wrong "$dir/out" && {
	echo "not ok the password is shown"
	bad=1
}
expect "a server that is not there" 1 "ClickHouse is out of reach" \
	ctl -o clickhouse.url=http://127.0.0.1:1 export /
expect "the store is as it was" 0 "good" ctl check
exit $bad
