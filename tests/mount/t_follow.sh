# SPDX-License-Identifier: ISC
# t_follow: follow.jsonl: what is committed while it is open comes through, all of it, once, commit
# by commit and within one in the default order; nothing is lost to who reads slowly, and it ends
# by its limit, by a signal, with the mount.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store
mount_watched -o result_cache.ttl=1ms

n=0
# commit SERVICE COUNT: an import; its lines of $1/spans.jsonl, in order, are added to $T/NAME.want
# for the directories watched.
watched=
commit() {
	n=$((n + 1))
	for d in $watched; do
		query "$d/spans.jsonl" >"$T/before"
		mv "$T/before" "$T/before.$(name_of "$d")"
	done
	make_spans "$1" "$2" $((DATA_START + 7000 + 997 * n)) >"$T/more.jsonl"
	lim 60 "$SPANCTL" -s "$T/store" import "$T/more.jsonl" >/dev/null 2>&1 ||
	    not_ok "import $n" "failed"
	for d in $watched; do
		# Those of this commit alone, in the order that spans.jsonl has.
		query "$d/spans.jsonl" | grep -vxF -f "$T/before.$(name_of "$d")" \
		    >>"$T/want.$(name_of "$d")"
	done
}
name_of() {
	echo "$1" | tr / _
}
# arrives NAME FILE COUNT: so many lines are there within 20 s.
arrives() {
	i=0
	while [ "$(wc -l <"$2")" -lt "$3" ]; do
		i=$((i + 1))
		[ $i -lt 400 ] || break
		sleep 0.05
	done
	is "$1" "$(wc -l <"$2")" "$3"
}
pids=
# follow DIRECTORY FILE: in the background; $! is its process
follow() {
	cat "$M/$1/follow.jsonl" >"$2" 2>"$2.err" &
	pids="$pids $!"
}
# ends NAME PID: of itself, with 0
ends() {
	if gone "$2" 20; then
		is "$1" "$STATUS" 0
	else
		not_ok "$1" "it runs on"
	fi
}
followers() {
	awk '$4 == "following"' "$M/.spanfs/queries" | wc -l
}

# ---- what it is ----

is "it is in no listing" "$(ls -a "$M/limit/9" "$M" | grep -c follow)" 0
is "it has no size" "$(lim 5 stat -c '%s %a' "$M/limit/9/follow.jsonl")" "0 644"
for p in sort/duration offset/2 group/service distinct/service agg/count expect/rows/1 \
    expect/fresh/1h; do
	matches "$p has no meaning for it" "$(lim 5 cat "$M/$p/follow.jsonl" 2>&1)" 'Invalid argument'
done
matches "... which is said in words" "$(cat "$M/.spanfs/errors")" "can't be used with follow.jsonl"
matches "it can't be written" "$(sh -c ": >'$M/follow.jsonl'" 2>&1)" 'Read-only'
is "an open group has none" "$(lim 5 cat "$M/any/status/error/follow.jsonl" 2>&1 | wc -l)" 1

# ---- several followers, and imports ----

watched="status/error service/payment where/http.status_code/eq/500/name/charge%203 limit/90000"
for d in $watched; do
	: >"$T/want.$(name_of "$d")"
	follow "$d" "$T/got.$(name_of "$d")"
done
follow select/service,name,duration "$T/selected"
mkfifo "$T/slow"
follow limit/90000 "$T/slow"	# nobody reads this yet
becomes "all of them are shown as running" followers 5
exec 5<"$T/slow"
becomes "... and the one with a slow reader" followers 6
is "... but take nobody's place" "$(metric spanfs_queries_running)" 0
for i in 1 2; do
	commit payment 200
	commit checkout 300
done
commit cart 4000
for d in $watched; do
	f=$(name_of "$d")
	arrives "$d: as many as were committed" "$T/got.$f" "$(wc -l <"$T/want.$f")"
	is "$d: these, in this order" "$(md5sum <"$T/got.$f")" "$(md5sum <"$T/want.$f")"
done
arrives "select: all of them" "$T/selected" 5000
is "... with its keys" "$(sed -n 1p "$T/selected" | tr -cd ',' | wc -c)" 2

# What could not be held for it comes when it reads.
timeout 20 head -n "$(wc -l <"$T/want.limit_90000")" <&5 >"$T/got.slow"
is "a slow reader has lost nothing" "$(md5sum <"$T/got.slow")" "$(md5sum <"$T/want.limit_90000")"
is "... of more than is held" "$(test "$(wc -c <"$T/got.slow")" -gt 1500000 && echo yes)" yes
exec 5<&-

# ---- it ends ----

for p in $pids; do
	# A shell has its background ignore SIGINT.
	kill -TERM "$p" 2>/dev/null
done
t0=$(now_ms)
for p in $pids; do
	wait "$p"
done
[ $(($(now_ms) - t0)) -lt 1000 ] && ok "interrupted readers end at once" ||
    not_ok "interrupted readers end at once" "$(($(now_ms) - t0)) ms"
becomes "... and are gone from the queries" followers 0
pids=
watched=
follow limit/7/service/cart "$T/limited"
limited=$!
becomes "one with a limit waits" followers 1
commit cart 5
arrives "... gives what there is" "$T/limited" 5
commit cart 5
ends "... and ends when it is full" "$limited"
is "... with so many lines" "$(wc -l <"$T/limited")" 7
is "limit/0 is at its end" "$(lim 5 cat "$M/limit/0/follow.jsonl" | wc -c)" 0
follow service/cart "$T/killed"
killed=$!
becomes "one that is killed" followers 1
kill -KILL "$killed"
wait "$killed" 2>/dev/null
becomes "... leaves" followers 0
follow service/cart "$T/cancelled"
becomes "one that is cancelled by its number" followers 1
awk '$4 == "following" { print "cancel " $1 }' "$M/.spanfs/queries" >"$M/.spanfs/control"
wait $!
matches "... hears of it" "$(cat "$T/cancelled.err")" 'canceled|cancelled'

# Its thread waits for a reader, not for a commit.
mkfifo "$T/still"
follow service/cart "$T/still"
still=$!
exec 5<"$T/still"
becomes "one whose reader stands still" followers 1
commit cart 4000
sleep 1
awk '$4 == "following" { print "cancel " $1 }' "$M/.spanfs/queries" >"$M/.spanfs/control"
becomes "... is cancelled all the same" followers 0
timeout 20 cat <&5 >"$T/still.got"
exec 5<&-
wait "$still"
matches "... and hears of it" "$(cat "$T/still.err")" 'canceled|cancelled'
is "... after whole lines" "$(tail -c 1 "$T/still.got" | od -An -c | tr -d ' ')" '\n'
is "... that were made" "$(test "$(wc -c <"$T/still.got")" -gt 100000 && echo yes)" yes

# Long lines: a batch of them is many times what is held, which is all that is made ahead.
mkfifo "$T/long"
follow service/cart "$T/long"
long=$!
exec 5<"$T/long"
becomes "one of long lines" followers 1
make_spans cart 600 $((DATA_START + 95000)) |
    awk 'BEGIN { for (x = "x"; length(x) < 32768; x = x x); }
	{ gsub(/"s[0-9]*-/, "\"" x "-"); print }' >"$T/long.jsonl"
lim 60 "$SPANCTL" -s "$T/store" import "$T/long.jsonl" >/dev/null 2>&1 ||
    not_ok "import of long lines" "failed"
sleep 2
made=$(awk '$4 == "following" { print $7 }' "$M/.spanfs/queries")
[ "$made" -lt 4000000 ] && ok "... is not made ahead" || not_ok "... is not made ahead" "$made bytes"
timeout 20 head -n 600 <&5 >"$T/long.got"
is "... and loses nothing" "$(md5sum <"$T/long.got")" \
    "$(query service/cart/spans.jsonl | awk 'length > 30000' | md5sum)"
exec 5<&-
kill -TERM "$long" 2>/dev/null
wait "$long"
becomes "... and leaves" followers 0

# ---- poll, O_NONBLOCK, a shell's read ----

if have python3; then
	cat >"$T/poll.py" <<'END'
import errno, os, select, subprocess, sys, time
path, imports = sys.argv[1], sys.argv[2:]
fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
def again():
    try:
        return len(os.read(fd, 4096))
    except OSError as e:
        return errno.errorcode[e.errno]
p = select.poll()
p.register(fd, select.POLLIN)
e = select.epoll()
e.register(fd, select.EPOLLIN)
print("read:", again(), "poll:", p.poll(100), "epoll:", e.poll(0.1))
subprocess.run(imports, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print("poll:", [x[1] for x in p.poll(10000)], "epoll:", [x[1] for x in e.poll(10)],
    "select:", len(select.select([fd], [], [], 10)[0]))
got = b""
while (n := again()) != "EAGAIN" or got.count(b"\n") < 3:
    if isinstance(n, str):
        p.poll(10000)
    if n == 0:
        break
    got += os.read(fd, 0)
    # again() took them: only their number is known
    if isinstance(n, int):
        got += b"\n" * 3
print("poll:", p.poll(100))
try:
    os.lseek(fd, 0, os.SEEK_SET)
except OSError as x:
    print("lseek:", errno.errorcode[x.errno])
END
	cat >"$T/alarm.py" <<'END'
import os, signal, subprocess, sys
class Late(Exception):
    pass
def late(*_):
    raise Late
fd = os.open(sys.argv[1], os.O_RDONLY)
for sig in signal.SIGALRM, signal.SIGUSR1:
    signal.signal(sig, late)
    killer = subprocess.Popen(["sh", "-c", "sleep 0.3; kill -%d %d" % (sig, os.getpid())])
    try:
        print("read", os.read(fd, 4096))
    except Late:
        print(sig.name, flush=True)
    killer.wait()
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
got = b""
while got.count(b"\n") < 3:
    got += os.read(fd, 4096)
print(got.count(b"\n"))
END
	make_spans cart 3 $((DATA_START + 80000)) >"$T/three.jsonl"
	is "a signal that is handled ends the wait, and nothing is lost" \
	    "$(lim 20 python3 "$T/alarm.py" "$M/service/cart/follow.jsonl" "$SPANCTL" -s "$T/store" \
	    import "$T/three.jsonl" 2>&1 | tr '\n' ' ')" "SIGALRM SIGUSR1 3 "
	make_spans cart 3 $((DATA_START + 90000)) >"$T/three.jsonl"
	is "poll, epoll and select tell; without waiting it is EAGAIN; it can't seek" \
	    "$(lim 40 python3 "$T/poll.py" "$M/service/cart/follow.jsonl" "$SPANCTL" -s "$T/store" \
	    import "$T/three.jsonl" 2>&1)" "read: EAGAIN poll: [] epoll: []
poll: [1] epoll: [1] select: 1
poll: []
lseek: ESPIPE"
else
	skip "poll" "no python3"
fi
sh -c "while read -r line; do echo \"\$line\" | cut -c 1-20; [ \$((i += 1)) -lt 4 ] || break; done \
    <'$M/service/cart/limit/4/follow.jsonl'" >"$T/lines" &
reader=$!
becomes "a shell's read" followers 1
commit cart 9
wait "$reader"
is "... has each line once" "$(cut -c 1-13 <"$T/lines" | uniq -c | tr -s ' ')" ' 4 {"trace_id":"'

# ---- spanctl ----

# waits NAME PID: it has come to the store as it is, and looks at what comes.
waits() {
	becomes "$1" "grep -ls '^inotify wd' /proc/$2/fdinfo/* | wc -l" 1
}
"$SPANCTL" -s "$T/store" query service/cart/limit/12/follow.jsonl >"$T/ctl" 2>&1 &
ctl=$!
watched=service/cart
: >"$T/want.service_cart"
waits "a follower without a mount waits" "$ctl"
commit cart 6
commit cart 6
ends "spanctl query follows, too" "$ctl"
is "... with the same bytes" "$(md5sum <"$T/ctl")" "$(md5sum <"$T/want.service_cart")"
watched=
is "... and is not verified" "$(lim 20 "$SPANCTL" -s "$T/store" query --verify follow.jsonl \
    >/dev/null 2>&1; echo $?)" 2
"$SPANCTL" -s "$T/store" mark set here >/dev/null
"$SPANCTL" -s "$T/store" query mark/here/limit/3/follow.jsonl >"$T/ctl" 2>&1 &
ctl=$!
waits "one from a mark on waits" "$ctl"
commit cart 3
ends "... from a mark on, too" "$ctl"
is "... what came after" "$(wc -l <"$T/ctl")" 3
"$SPANCTL" -s "$T/store" query follow.jsonl >/dev/null 2>&1 &
ctl=$!
sleep 0.3
kill -TERM "$ctl"
gone "$ctl" 5 && ok "... until it is interrupted" || not_ok "... until it is interrupted" "runs on"

# ---- with the mount ----

pids=
follow service/cart "$T/end"
p=$!
becomes "one more" followers 1
commit cart 4
arrives "... has its lines" "$T/end" 4
fusermount3 -uz "$M"
gone "$p" 10 && is "an unmount is its end" "$STATUS $(cat "$T/end.err")" "0 " ||
    not_ok "an unmount is its end" "it reads on"
gone "$DAEMON" 10 && ok "... and the daemon's" || not_ok "... and the daemon's" "it is there"
mount_watched
follow service/cart "$T/end"
p=$!
becomes "and one more" followers 1
kill -TERM "$DAEMON"
gone "$p" 10 && is "so is the daemon's end" "$STATUS $(cat "$T/end.err")" "0 " ||
    not_ok "so is the daemon's end" "it reads on"
gone "$DAEMON" 10 && is "... which is a clean one" "$STATUS" 0
finish
