# SPDX-License-Identifier: ISC
# t_shared: two mounts of one store and a real Redis: the second answers from what the first made;
# and a Redis that is killed, stopped, or wants another password costs nothing but that.
. "$(dirname "$0")/lib.sh"
need_programs
have redis-server || skip_all "no redis-server"
setup
make_store

sock=$T/redis.sock
redis=
start_redis() {
	redis-server --port 0 --unixsocket "$sock" --save '' --requirepass open-sesame \
	    --dir "$T" >/dev/null 2>&1 &
	redis=$!
	daemons="$daemons $redis"
	i=0
	until [ -S "$sock" ]; do
		i=$((i + 1))
		[ $i -lt 400 ] || { not_ok "redis starts"; finish; }
		sleep 0.05
	done
}
kill_redis() {
	kill -KILL "$redis"
	wait "$redis" 2>/dev/null
	rm -f "$sock"
}
# mount_at DIR [OPTION...]: a daemon of its own, $DAEMON
mount_at() {
	M=$1
	shift
	mkdir -p "$M"
	mount_watched -o redis.url="unix://$sock" -o redis.password_file="$T/password" \
	    -o redis.timeout=2s "$@"
}
# level FILE: where the one that reads it has it from
level() {
	exec 3<"$1"
	cat <&3 >/dev/null
	getfattr --only-values -n user.spanfs.cache /proc/self/fd/3 2>/dev/null
	exec 3<&-
}
fact() {
	awk -F '\t' -v n="# $2" '$1 == n { print $2 }' "$1/.spanfs/cache"
}
q=group/service/agg/count,p95:duration/groups.jsonl

start_redis
printf 'open-sesame\n' >"$T/password"
chmod 600 "$T/password"
one=$T/mnt
two=$T/mnt2
mount_at "$one"
mount_at "$two"
second=$DAEMON
is "it is not used before it is needed" "$(fact "$one" l2.state)" idle
want=$(query "/$q")
is "the first makes it itself" "$(level "$one/$q")" miss
is "... as it is without a mount" "$(cat "$one/$q")" "$want"
becomes "... and puts it there, and the groups of the shard" "fact '$one' l2.written" 2
is "the second has it from there" "$(level "$two/$q")" l2
is "... the same" "$(cat "$two/$q")" "$want"
is "... and then from its memory" "$(level "$two/$q")" l1
is "... which is counted" "$(fact "$two" l2.hits)" 1
is "... in metrics, too" "$(metric 'spanfs_shared_cache_gets_total{outcome="hit"}')" 1
# cache FILE: where profile.json says that an answer stands
cache() {
	sed 's/.*"cache":"\([a-z0-9]*\)".*/\1/' "$1"
}
g=group/service/agg/count,p95:duration
is "profile.json says that it is in memory" "$(cache "$two/$g/profile.json")" l1
echo drop-caches >"$two/.spanfs/control"
is "... and when it is not, in Redis" "$(cache "$two/$g/profile.json")" l2
is "a query without a mount has it from there" "$("$SPANCTL" -s "$T/store" -o mount.now=latest \
    -o redis.url="unix://$sock" -o redis.password_file="$T/password" -o redis.timeout=10s \
    -o log.query_log="$T/log" \
    query "/$q")" "$want"
is "... as its log says" "$(cache "$T/log")" l2
"$SPANCTL" -s "$T/store" -o redis.url="unix://$sock" -o redis.password_file="$T/password" \
    -o redis.timeout=10s query "/kind/client/$q" >/dev/null
is "... and puts there what it makes" "$(level "$two/kind/client/$q")" l2
"$SPANCTL" cache "$two" drop l2
echo drop-caches >"$two/.spanfs/control"
is "forgotten, it is made again" "$(level "$two/$q")" miss
is "it is connected" "$(fact "$two" l2.state)" connected
matches "no file tells the password" "$(cat "$two/.spanfs/config" "$two/.spanfs/cache" "$T/mount.log" |
    grep -c sesame)" '^0$'
is "the store's identity is its owner's alone" "$(stat -c %a "$T/store/IDENTITY")" 600

mkdir "$T/other"
matches "a password file that is not there stops the start" "$("$SPANFS" -o redis.url="unix://$sock" \
    -o redis.password_file="$T/none" "$T/store" "$T/other" 2>&1)" 'password_file: .*none'
chmod 644 "$T/password"
matches "... and so does one that everybody may read" "$("$SPANFS" -o redis.url="unix://$sock" \
    -o redis.password_file="$T/password" "$T/store" "$T/other" 2>&1)" 'can be read by everybody'
chmod 600 "$T/password"

# It goes, and comes again.
kill -STOP "$redis"
echo flush >"$two/.spanfs/control"
is "stopped: the answer is made here" "$(level "$two/status/error/$q")" miss
is "... the same" "$(cat "$two/status/error/$q")" "$(query "/status/error/$q")"
is "the breaker is open" "$(fact "$two" l2.opened)" 1
begin=$(now_ms)
is "... and nobody waits any more" "$(cat "$two/kind/server/$q")" "$(query "/kind/server/$q")"
holds "... not for a moment" [ $(($(now_ms) - begin)) -lt 2000 ]
kill -CONT "$redis"
becomes "going on: it is found again" "fact '$two' l2.state" connected
kill_redis
is "killed: the answer is the same" "$(cat "$two/root/$q")" "$(query "/root/$q")"
start_redis
becomes "started again: it is found" "cat '$two/root/name/x/$q' >/dev/null; fact '$two' l2.state" connected
printf 'open-barley\n' >"$T/password"
kill -HUP "$second"
becomes "another password is read" "cat '$two/not/root/$q' >/dev/null; fact '$two' l2.last_failure" \
    "the password: refused (WRONGPASS)"
is "... and the answers are the same" "$(cat "$two/not/root/$q")" "$(query "/not/root/$q")"
matches "a url that is none stops the start, without its password" \
    "$("$SPANFS" -o redis.url=redis://:barley@host:port "$T/store" "$T/other" 2>&1)" \
    '^spanfs: -o: \[redis\] url: no port from 1 to 65535'
fusermount3 -u "$two"
fusermount3 -u "$one"
kill_redis
finish
