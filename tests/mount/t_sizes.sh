# SPDX-License-Identifier: ISC
# t_sizes: every size is true before the first byte is read, whatever stat may take, however
# little a stream would wait, in memory or spilled, on first touch, beside a load. Each tool has
# a path that nobody asked for before, and gives what it gives on a plain file.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store
R=$T/ref/spans.jsonl
query spans.jsonl >"$R"
query spans.csv >"$T/ref/spans.csv"
n=0

# The directory of the same rows under a name that is new.
fresh() {
	n=$((n + 1))
	D=$M/limit/$((100000 + n))
}

# tool NAME COMMAND: in a fresh directory and beside the plain files. $OUT is an empty directory.
tool() {
	have "$1" || {
		skip "$MODE: $2" "no $1"
		return
	}
	fresh
	for side in mnt ref; do
		dir=$D
		[ $side = ref ] && dir=$T/ref
		OUT=$T/out/$side
		export OUT
		rm -rf "$OUT"
		mkdir "$OUT"
		(cd "$dir" && lim 30 sh -c "$2" </dev/null) >"$T/out.$side" 2>"$T/err.$side"
		echo "status $?" >>"$T/out.$side"
	done
	if cmp -s "$T/out.mnt" "$T/out.ref"; then
		ok "$MODE: $2"
	else
		not_ok "$MODE: $2" "mount: $(tail -c 200 "$T/out.mnt")" "$(cat "$T/err.mnt")" \
		    "plain: $(tail -c 200 "$T/out.ref")"
	fi
}

py() {
	have python3 || {
		skip "$MODE: $1" "no python3"
		return
	}
	printf '%s\n' 'import mmap, os, sys' "$2" >"$T/x.py"
	tool python3 "python3 $T/x.py # $1"
}

# DuckDB, by its package for node.
cat >"$T/duck.js" <<'END'
const { DuckDBInstance } = require("@duckdb/node-api");
(async () => {
	const c = await (await DuckDBInstance.create(":memory:")).connect();
	for (const q of ["select count(*)::int n, sum(duration_ns)::varchar s from read_json('spans.jsonl')",
	    "select count(*)::int n from read_csv('spans.csv')",
	    "select length(content)::int n from read_text('spans.jsonl')"])
		console.log(JSON.stringify((await c.runAndReadAll(q)).getRows()));
})();
END
NODE_PATH=$(sh "$SRC/tests/npm.sh" modules) && export NODE_PATH
duck() {
	if [ -n "$NODE_PATH" ]; then
		tool node "node $T/duck.js"
	else
		skip "$MODE: DuckDB" "no package of it for node (tests/npm.sh get)"
	fi
}

tools() {
	tool stat 'stat -c %s spans.jsonl'
	tool tar 'tar cf - spans.jsonl spans.csv | tar xOf - | md5sum'
	tool rsync 'rsync -a spans.jsonl $OUT/ && rsync -a spans.jsonl $OUT/ && md5sum <$OUT/spans.jsonl'
	tool cp 'cp spans.jsonl $OUT/x && md5sum <$OUT/x'
	tool cp 'cp -a spans.jsonl $OUT/x && md5sum <$OUT/x'
	tool dd 'dd if=spans.jsonl bs=4096 status=none | md5sum'
	tool dd 'dd if=spans.jsonl bs=1M iflag=direct status=none | md5sum'
	tool cat 'cat spans.jsonl | md5sum'
	tool wc 'wc -c spans.jsonl'
	tool wc 'wc -c <spans.jsonl'
	tool tail 'tail -c 99 spans.jsonl'
	tool tail 'tail -n 3 spans.csv'
	tool head 'head -n -3 spans.jsonl | md5sum'
	tool head 'head -n 1 spans.jsonl'
	tool split 'split -n 3 spans.jsonl $OUT/x && cat $OUT/x* | md5sum'
	tool gzip 'gzip -c spans.jsonl | zcat | md5sum'
	tool zstd 'zstd -qc spans.jsonl | zstd -dc | md5sum'
	tool xz 'xz -0c spans.jsonl | xz -dc | md5sum'
	tool find 'find spans.jsonl -size +0'
	tool sh '[ -s spans.csv ] && echo there'
	tool git 'git hash-object spans.jsonl'
	tool perl 'perl -e "print -s q(spans.jsonl)"'
	tool node 'node -e "const fs = require(\"fs\"); fs.copyFileSync(\"spans.jsonl\", process.env.OUT + \"/x\");
	    process.stdout.write(fs.readFileSync(process.env.OUT + \"/x\"))" | md5sum'
	tool node 'node -e "require(\"fs\").createReadStream(\"spans.jsonl\").pipe(process.stdout)" | md5sum'
	duck
	py 'http.server' 'import functools, http.server, threading, urllib.request
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a):
        pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
threading.Thread(target=s.serve_forever, daemon=True).start()
r = urllib.request.urlopen("http://127.0.0.1:%d/spans.jsonl" % s.server_port)
b = r.read()
print(r.headers["Content-Length"], len(b), b[-60:])'
	py mmap 'f = open("spans.jsonl", "rb")
m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
print(len(m), m[-50:], m.count(b"\n") if hasattr(m, "count") else m[:].count(b"\n"))'
	py 'sendfile without fstat' 'i = os.open("spans.jsonl", os.O_RDONLY)
o = os.open(os.environ["OUT"] + "/x", os.O_CREAT | os.O_WRONLY)
n = 0
while (k := os.sendfile(o, i, n, 1 << 20)) > 0:
    n += k
print(n, open(os.environ["OUT"] + "/x", "rb").read()[-60:])'
	py 'splice without fstat' 'i = os.open("spans.csv", os.O_RDONLY)
r, w = os.pipe()
n = h = 0
while hasattr(os, "splice") and (k := os.splice(i, w, 65536)) > 0:
    n += k
    while k > 0:
        b = os.read(r, k)
        k -= len(b)
        h = hash(b)
print(n)'
	py 'copy_file_range' 'i = os.open("spans.jsonl", os.O_RDONLY)
o = os.open(os.environ["OUT"] + "/x", os.O_CREAT | os.O_WRONLY)
try:
    while os.copy_file_range(i, o, 1 << 20) > 0:
        pass
except OSError:     # another file system
    while b := os.read(i, 65536):
        os.write(o, b)
print(os.path.getsize(os.environ["OUT"] + "/x"))'
	py 'seek to the end' 'i = os.open("spans.jsonl", os.O_RDONLY)
n = os.lseek(i, 0, os.SEEK_END)
print(n, os.pread(i, 40, n - 40))'
}

# ---- as it is, with as little time as can be ----

MODE=memory
mount_watched -o stat_budget=0,stream_after=1ms,stream_above=4KiB
tools

# Who opened it shows a size at once, and who stats it while it is open, too.
fresh
exec 7<"$D/spans.jsonl"
is "an open file has its size" "$(stat -Lc %s /proc/self/fd/7) $(stat -c %s "$D/spans.jsonl")" \
    "$(stat -c %s "$R") $(stat -c %s "$R")"
exec 7<&-

# ---- listings ----

fresh
is "files that are only listed read 0 past the budget" \
    "$(ls -l "$D/" | awk '$NF == "spans.jsonl" { print $5 }')" 0
is "... until one is asked for by name" "$(stat -c %s "$D/spans.jsonl")" "$(stat -c %s "$R")"
is "... from then on in listings, too" \
    "$(ls -l "$D/" | awk '$NF == "spans.jsonl" { print $5 }')" "$(stat -c %s "$R")"
fresh
if have python3; then
	is "who listed and stats is one process, in any thread" "$(python3 -c '
import os, sys, threading
def size(out):
    out.append(os.stat(sys.argv[1] + "/spans.jsonl").st_size)
os.listdir(sys.argv[1])
out = []
t = threading.Thread(target=size, args=(out,)); t.start(); t.join()
size(out)
print(out)' "$D")" "[0, 0]"
	is "... and no other" "$(python3 -c '
import os, subprocess, sys
os.listdir(sys.argv[1])
print(subprocess.check_output(["stat", "-c", "%s", sys.argv[1] + "/spans.jsonl"]).decode())' "$D")" \
	    "$(stat -c %s "$R")"
fi
fresh
holds "tar of a directory takes what it has" sh -c "tar cf '$T/out/x.tar' -C '$D' ./query && \
    tar xOf '$T/out/x.tar' ./query | grep -q limit"

# ---- failures are stat's and open's ----

fails() {
	matches "$1" "$(lim 20 sh -c "$2" 2>&1 >/dev/null; echo "status $?")" "$3"
}
fails "expect: stat fails" "stat '$M/expect/rows/99999999/spans.jsonl'" 'No data available'
fails "expect: tar fails" "tar cf /dev/null '$M/expect/rows/99999998/spans.jsonl'" 'status 2'
fails "expect: open fails" "cat '$M/expect/rows/99999997/spans.jsonl'" 'No data available'
fusermount3 -u "$M"
gone "$DAEMON"

# ---- spilled, and past the spill ----

MODE=spilled
mount_watched -o "stat_budget=0,stream_after=1ms,result_cache.entry_max_bytes=8KiB,result_cache.max_bytes=0,spill_dir=$T"
tools
is "nothing is left in the spill directory" "$(ls "$T" | grep -c '^spanfs-')" 0
fusermount3 -u "$M"
gone "$DAEMON"

mount_watched -o "stat_budget=0,result_cache.entry_max_bytes=8KiB,spill_max=16KiB,spill_dir=$T"
fails "spill_max: open fails" "cat '$M/spans.jsonl'" 'No space left'
fails "... and stat" "stat '$M/limit/5000/spans.jsonl'" 'No space left'
fails "... and tar" "tar cf /dev/null '$M/limit/5001/spans.jsonl'" 'status 2'
holds "... while what fits is there" cat "$M/limit/3/spans.jsonl"
fusermount3 -u "$M"
gone "$DAEMON"

# ---- beside a load, with streams that would begin at once ----

MODE=loaded
mount_watched -o stat_budget=1ms,stream_after=0,query.threads=1,result_cache.enabled=no
busy=
for i in 1 2 3 4; do
	timeout 60 sh -c 'while :; do :; done' &
	busy="$busy $!"
done
tools
for p in $busy; do
	kill "$p" 2>/dev/null
done
fusermount3 -u "$M"
gone "$DAEMON"

# ---- lazy is what it says ----

mount_watched -o sizes=lazy,stat_budget=0,stream_after=1m
fresh
is "lazy: a dear result is 0 to stat" "$(stat -c %s "$D/spans.jsonl")" 0
is "... and exact once open" "$(exec 7<"$D/spans.jsonl"; stat -Lc %s /proc/self/fd/7)" \
    "$(stat -c %s "$R")"
fusermount3 -u "$M"
gone "$DAEMON"
mount_watched -o sizes=lazy,stream_after=0,stream_above=4KiB,stat_budget=0
fresh
is "lazy: a stream has all its bytes" "$(md5sum <"$D/spans.jsonl")" "$(md5sum <"$R")"
fusermount3 -u "$M"
gone "$DAEMON"

# ---- results of several commits, all open ----

MODE=commits
mount_watched -o result_cache.ttl=1ms
N=$M/service/payment/spans.jsonl
: >"$T/commits.got"
: >"$T/commits.want"
commit() {
	make_spans payment 20 $((DATA_START + 5400 + $1)) >"$T/more.jsonl"
	"$SPANCTL" -s "$T/store" import "$T/more.jsonl" >/dev/null 2>&1 ||
	    not_ok "import $1" "failed"
	sleep 0.1
	query service/payment/spans.jsonl | wc -c >"$T/commit.size"
	c=$(cat "$T/commit.size")
	echo "$c $c $c $c" >>"$T/commits.want"
}
# The sizes of an open file and its bytes, then of another open and its bytes.
sizes() {
	echo "$(stat -Lc %s "/proc/self/fd/$1") $(wc -c <"/proc/self/fd/$1")" \
	    "$(exec 3<"$N"; stat -Lc %s /proc/self/fd/3) $(cat "$N" | wc -c)"
}
commit 1
exec 5<"$N"
sizes 5 >>"$T/commits.got"
commit 2
exec 6<"$N"
sizes 6 >>"$T/commits.got"
commit 3
exec 7<"$N"
sizes 7 >>"$T/commits.got"
commit 4
exec 8<"$N"
sizes 8 >>"$T/commits.got"
is "each open has its own size and bytes" "$(cat "$T/commits.got")" "$(cat "$T/commits.want")"
is "... for as long as it is open" "$(for i in 5 6 7 8; do
	stat -Lc %s "/proc/self/fd/$i"
	cat <&"$i" | wc -c
done)" "$(awk '{ print $1; print $1 }' "$T/commits.want")"
exec 5<&- 6<&- 7<&- 8<&-
fusermount3 -u "$M"
gone "$DAEMON"
mount_watched -o result_cache.ttl=1ms,entry_timeout=100ms
exec 5<"$N"
commit 5
sleep 0.2
is "a name is not bound to what somebody has open" "$(stat -c %s "$N")" "$(cat "$T/commit.size")"
is "... who reads on what it was" "$(stat -Lc %s /proc/self/fd/5)" "$(wc -c <&5)"
exec 5<&-
fusermount3 -u "$M"
gone "$DAEMON"
finish
