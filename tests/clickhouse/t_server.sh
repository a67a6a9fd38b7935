#!/bin/sh
# The server of the tests answers as ClickHouse does.
set -u
: "${SRC:?}" "${BUILD:?}"
SPANFS_CHDB=$(sh "$SRC/tests/npm.sh" chdb) || {
	echo "libchdb is not there (tests/npm.sh get)"
	exit 77
}
export SPANFS_CHDB
PYTHONDONTWRITEBYTECODE=1 exec timeout -k 5 100 python3 "$SRC/tests/clickhouse/server_test.py"
