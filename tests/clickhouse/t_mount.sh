# SPDX-License-Identifier: ISC
# t_mount: a mount over a ClickHouse server: listings, files, errors, readers that go away, a server
# that goes and comes back.
# shellcheck source=tests/mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"
need_programs
: "${SRC:?}" "${BUILD:?}"
SPANFS_CHDB=$(sh "$SRC/tests/npm.sh" chdb) || skip_all "libchdb is not there (tests/npm.sh get)"
setup
SECRET=s3cret-Pa55word

# server NAME OPTION...: its port in $PORT. Each is a child, with a pipe that ends with this script.
server() {
	dir=$T/$1
	shift
	mkfifo "$dir.hold"
	python3 -B "$SRC/tests/clickhouse/server.py" "$SPANFS_CHDB" "$dir.db" --seconds 280 "$@" \
	    <"$dir.hold" >"$dir.port" 2>"$dir.err" &
	daemons="$daemons $!"
	# Opened for both, which waits for nobody.
	exec 9<>"$dir.hold"
	i=0
	until [ -s "$dir.port" ] || [ $i -ge 400 ]; do
		i=$((i + 1))
		sleep 0.05
	done
	PORT=$(cat "$dir.port")
}

# ask SQL: of the server, without spanfs; ask "" PATH: what server.py takes.
ask() {
	lim 20 python3 -B -c 'import sys, urllib.request
r = urllib.request.Request(sys.argv[1], data=sys.argv[2].encode(), method="POST")
print(urllib.request.urlopen(r).read().decode(), end="")' "http://127.0.0.1:$PLAIN${2-/}" "$1"
}

make_store
server plain --user "u:$SECRET"
PLAIN=$PORT
printf '%s\n' "$SECRET" >"$T/password"
chmod 600 "$T/password"
set -- -o "clickhouse.url=http://127.0.0.1:$PLAIN" -o clickhouse.user=u -o "clickhouse.password_file=$T/password" \
    -o "log.query_log=$T/queries"
holds "the store's spans go to the server" "$SPANCTL" -s "$T/store" "$@" export --create /

# at PATH: of the server, without the mount.
at() {
	lim 60 "$SPANCTL" -s clickhouse -o mount.now=latest "$@"
}

"$SPANFS" -f "$@" -o now=latest -o result_cache.ttl=0s clickhouse "$M" >"$T/mount.log" 2>&1 &
DAEMON=$!
daemons="$daemons $DAEMON"
wait_mounted && ok "a server is mounted" || {
	not_ok "a server is mounted" "$(cat "$T/mount.log")"
	finish
}

# ---- listings ----

is "services" "$(ls "$M/service" | tr '\n' ' ')" "cart checkout frontend payment "
is "Tab behind a letter" "$(bash -c 'compgen -f "$1/service/c"' bash "$M" | sed 's|.*/||' | sort | tr '\n' ' ')" \
    "cart checkout "
matches "files of a directory" "$(ls "$M/service/cart")" '^spans\.jsonl$'
matches "fields" "$(ls "$M/where")" 'http\.status_code'
is "values of an attribute" "$(ls "$M/where/http.status_code/eq" | tr '\n' ' ')" "200 500 "
holds "df" df "$M"
holds "ls -l of the root" ls -l "$M"

# ---- files ----

for f in count service/cart/count service/cart/status/error/select/span_id,name,duration/spans.csv \
    group/service/agg/count,max:duration/groups.jsonl status/error/limit/20/traces.txt \
    since/1h/group/service/bucket/7m/agg/count,p50:duration,p99.9:duration/versus/50m/groups.jsonl \
    group/name/bucket/month/agg/p95:duration/groups.jsonl group/kind/bucket/week/agg/p95:duration/groups.jsonl \
    sort/duration:desc/limit/7/select/span_id/spans.csv where/http.status_code/eq/500/count; do
	query "$f" >"$T/ref/x" 2>&1
	lim 60 cat "$M/$f" >"$T/out/x" 2>&1
	at "$@" query "$f" >"$T/out/y" 2>&1
	cmp -s "$T/ref/x" "$T/out/x" && cmp -s "$T/ref/x" "$T/out/y" && [ -s "$T/out/x" ] &&
	    ok "$f as of the store" ||
	    not_ok "$f as of the store" "$(head -n 3 "$T/ref/x")" "$(head -n 3 "$T/out/x")" "$(head -n 3 "$T/out/y")"
done
is "the size is exact" "$(stat -c %s "$M/service/cart/spans.jsonl")" "$(cat "$M/service/cart/spans.jsonl" | wc -c | tr -d ' ')"
n=$(metric spanfs_clickhouse_queries_total)
[ "${n:-0}" -gt 5 ] && ok "metrics count queries" || not_ok "metrics count queries" "$n"
n=$(metric spanfs_clickhouse_read_rows_total)
[ "${n:-0}" -gt 0 ] && ok "... and rows that the server read" || not_ok "... and rows that the server read" "$n"

# ---- errors ----

matches "a malformed value" "$(cat "$M/duration/gt/fast/count" 2>&1)" "Invalid argument"
matches "an unknown keyword" "$(cat "$M/nonsense/count" 2>&1)" "No such file"
matches "errors in words" "$(cat "$M/.spanfs/errors")" "fast"

# ---- readers that go away ----

ask "CREATE VIEW heavy AS SELECT o.* FROM otel_traces AS o CROSS JOIN numbers(100000000000) AS n WHERE sipHash64(o.SpanId, n.number) = 1"
heavy() {
	ask "SELECT count() FROM system.processes WHERE match(query, 'FROM .?heavy') AND position(query, 'processes') = 0"
}
is "no heavy query yet" "$(heavy)" 0
lim 60 env --default-signal=INT "$SPANCTL" "$@" -o clickhouse.table=heavy -s clickhouse query count >/dev/null 2>&1 &
p=$!
becomes "spanctl's query runs on the server" heavy 1
kill -INT "$p"
wait "$p"
becomes "... and is stopped with it" heavy 0

mkdir "$T/mnt2"
first=$M
M=$T/mnt2
"$SPANFS" -f "$@" -o clickhouse.table=heavy clickhouse "$M" >>"$T/mount.log" 2>&1 &
SECOND=$!
daemons="$daemons $SECOND"
DAEMON=$SECOND
wait_mounted && ok "a view is mounted" || not_ok "a view is mounted" "$(cat "$T/mount.log")"
for sig in INT KILL; do
	lim 60 env --default-signal=INT cat "$M/count" >/dev/null 2>&1 &
	p=$!
	becomes "a reader's query runs on the server" heavy 1
	reader=$(cat "/proc/$p/task/$p/children" 2>/dev/null)
	# shellcheck disable=SC2086
	kill -$sig ${reader:-$p}
	wait "$p"
	becomes "... and is stopped with SIG$sig of the reader" heavy 0
done
lim 60 cat "$M/kind/server/count" >/dev/null 2>"$T/out/cancelled" &
p=$!
becomes "another one" heavy 1
id=$(awk -F '\t' 'NR == 2 { print $1 }' "$M/.spanfs/queries")
matches "it is among the running queries" "$id" '^[0-9]+$'
echo "cancel $id" >"$M/.spanfs/control"
wait "$p" && not_ok "a cancelled reader is told" "exit 0" || ok "a cancelled reader is told"
becomes "... and its query is stopped" heavy 0
n=$(metric spanfs_clickhouse_kills_total)
[ "${n:-0}" -ge 3 ] && ok "metrics count them" || not_ok "metrics count them" "$n"
unmount
gone "$SECOND" && ok "the second mount ends" || not_ok "the second mount ends"
M=$first

# ---- gone and back ----

ask "" /test/gone/1 >/dev/null
cat "$M/kind/server/count" >"$T/out/gone" 2>&1 && not_ok "a server that is gone" "exit 0" ||
    matches "a server that is gone is EIO" "$(cat "$T/out/gone")" "Input/output error"
matches "... with words" "$(cat "$M/.spanfs/errors")" "out of reach"
is "known listings stay" "$(lim 20 ls "$M/service" | tr '\n' ' ')" "cart checkout frontend payment "
holds "df without it" df "$M"
holds "ls of the root without it" ls "$M"
ask "" /test/gone/0 >/dev/null
becomes "it is back, without a new mount" "cat '$M/kind/server/count'" "$(query kind/server/count)"

# ---- TLS ----

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$T/key" -out "$T/pem" -days 2 \
    -subj /CN=elsewhere -addext subjectAltName=DNS:elsewhere >/dev/null 2>&1
server tls --tls "$T/pem" "$T/key"
for ca in "$T/pem" ""; do
	why=$(lim 20 "$SPANCTL" -s clickhouse -o "clickhouse.url=https://127.0.0.1:$PORT" -o "clickhouse.ca_file=$ca" \
	    query count 2>&1) && not_ok "a certificate of another name" "exit 0" ||
	    matches "a certificate of another name, or of nobody known, is refused" "$why" "out of reach.*(certificate|SSL)"
done

# ---- secrets ----

printf 'wrong-%s\n' "$SECRET" >"$T/wrong"
chmod 600 "$T/wrong"
why=$(lim 20 "$SPANCTL" -s clickhouse "$@" -o "clickhouse.password_file=$T/wrong" query count 2>&1) &&
    not_ok "a wrong password" "exit 0" || matches "a wrong password is told" "$why" "password_file"
printf '%s\n' "$why" >"$T/out/words"
for f in config errors metrics queries slow cache decisions; do
	cat "$M/.spanfs/$f" >"$T/out/of-$f" 2>&1
done
cat "$M/service/cart/plan" "$M/service/cart/plan.json" "$M/service/cart/profile.json" >"$T/out/plans" 2>&1
matches "the plan shows the SQL" "$(cat "$T/out/plans")" "SELECT"
is "the password is nowhere" "$(grep -rl -e "$SECRET" "$T/out" "$T/mount.log" "$T/queries")" ""
[ -s "$T/queries" ] && ok "queries were logged" || not_ok "queries were logged"
unmount
gone "$DAEMON"
finish
