# SPDX-License-Identifier: ISC
# lib: shared by tests/mount/t_*.sh (POSIX sh). A script sources it, calls `setup`, prints one
# "ok" or "not ok" line a check by ok, is, same..., and ends with `finish`.
#
# Programs come from $SPANFS and $SPANCTL. Without /dev/fuse the script is skipped (77).
# Every script has a directory of its own, $T: store, mnt, ref, out. Leaving, by whatever way,
# unmounts and ends the daemons that it started.

set -u
LC_ALL=C
export LC_ALL
unset LS_COLORS GREP_OPTIONS RIPGREP_CONFIG_PATH TAPE BLOCK_SIZE

n_tests=0
n_failed=0
daemons=
T=

skip_all() {
	echo "1..0 # SKIP $*"
	echo "skipped: $*"
	exit 77
}

cleanup() {
	status=$?
	trap - EXIT INT TERM HUP
	cd /
	if [ -n "$T" ]; then
		[ "$status" -ne 0 ] && [ -s "$T/mount.log" ] && sed 's/^/# log: /' "$T/mount.log" |
		    head -n 60
		for m in "$T"/mnt*; do
			[ -d "$m" ] || [ -L "$m" ] || continue
			while grep -q " $m .* - fuse" /proc/self/mountinfo; do
				fusermount3 -uz "$m" 2>/dev/null || umount -l "$m" || break
			done
		done
		for p in $daemons; do
			kill -KILL "$p" 2>/dev/null
		done
		rm -rf "$T"
	fi
	exit "$status"
}

setup() {
	[ -c /dev/fuse ] && [ -r /dev/fuse ] || skip_all "no /dev/fuse"
	command -v fusermount3 >/dev/null || skip_all "no fusermount3"
	T=$(mktemp -d "${TMPDIR:-/tmp}/spanfs-mount.XXXXXX") || exit 1
	T=$(cd "$T" && pwd -P)
	trap cleanup EXIT
	trap 'exit 130' INT TERM HUP
	mkdir "$T/mnt" "$T/ref" "$T/out"
	M=$T/mnt
}

need_programs() {
	: "${SPANFS:?the program to test}" "${SPANCTL:?the program to test}"
	[ -x "$SPANFS" ] && [ -x "$SPANCTL" ] || skip_all "programs not built"
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# lim SECONDS COMMAND...: 124 or 137 if it takes longer.
lim() {
	timeout -k 2 "$@"
}

# ---- reporting ----

one_line() {
	printf '%s' "$1" | tr '\n' ' '
}

ok() {
	n_tests=$((n_tests + 1))
	echo "ok $n_tests - $(one_line "$1")"
}

not_ok() {
	n_tests=$((n_tests + 1))
	n_failed=$((n_failed + 1))
	echo "not ok $n_tests - $(one_line "$1")"
	shift
	for line in "$@"; do
		printf '%s\n' "$line" | head -n 8 | cut -c 1-300 | sed 's/^/#   /'
	done
}

skip() {
	n_tests=$((n_tests + 1))
	echo "ok $n_tests - $(one_line "$1") # SKIP $2"
}

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got:    $2" "wanted: $3"
	fi
}

# holds NAME COMMAND...: succeeds within 20 s
holds() {
	name=$1
	shift
	if why=$(lim 20 "$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "failed: $*" "$why"
	fi
}

# matches NAME TEXT PATTERN (of grep -E)
matches() {
	if printf '%s\n' "$2" | grep -qE -e "$3"; then
		ok "$1"
	else
		not_ok "$1" "got:     $2" "pattern: $3"
	fi
}

finish() {
	echo "1..$n_tests"
	[ "$n_failed" -eq 0 ]
	exit
}

# ---- data ----

# make_spans SERVICE COUNT FIRST_SECOND: OTLP JSON, a request of at most 100 spans a line; a
# span a second, five to a trace, every tenth an error.
make_spans() {
	awk -v service="$1" -v count="$2" -v first="$3" 'BEGIN {
		split("GET / POST /cart charge render query", w, " ")
		for (i = 1; i <= length(service); i++)
			seed = (seed * 31 + index("abcdefghijklmnopqrstuvwxyz0123456789-",
			    substr(service, i, 1))) % 1000003
		for (i = 0; i < count; i++) {
			if (i % 100 == 0)
				printf "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"%s\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"test\",\"version\":\"1\"},\"spans\":[", service
			else
				printf ","
			printf "{\"traceId\":\"%08x%08x%08x%08x\",", 1, seed, 7, int(i / 5) + 1
			printf "\"spanId\":\"%08x%08x\",", seed + 1, i + 1
			if (i % 5 != 0)
				printf "\"parentSpanId\":\"%08x%08x\",", seed + 1, i - i % 5 + 1
			printf "\"name\":\"%s %d\",\"kind\":%d,", w[i % 5 + 1], i % 7, i % 5 + 1
			printf "\"startTimeUnixNano\":\"%d%09d\",", first + i, i * 1000
			printf "\"endTimeUnixNano\":\"%d%09d\",", first + i, i * 1000 + 1000000 * (i % 50 + 1)
			printf "\"attributes\":[{\"key\":\"http.status_code\",\"value\":{\"intValue\":\"%d\"}},", i % 10 == 0 ? 500 : 200
			printf "{\"key\":\"session\",\"value\":{\"stringValue\":\"s%06d-%d\"}},", (i * 7919) % 1000003, i
			printf "{\"key\":\"amount\",\"value\":{\"doubleValue\":%d.5}}],", i % 100
			printf "\"status\":{\"code\":%d}}", i % 10 == 0 ? 2 : 0
			if (i % 100 == 99 || i == count - 1)
				print "]}]}]}"
		}
	}'
}

# A store with a little of everything: about 1,500 spans within an hour and a half.
DATA_START=$(date -u -d 2026-11-20T12:00:00Z +%s)
make_store() {
	make_spans frontend 400 "$DATA_START" >"$T/frontend.jsonl"
	make_spans checkout 600 $((DATA_START + 60)) >"$T/checkout.jsonl"
	make_spans cart 300 $((DATA_START + 1800)) >"$T/cart.jsonl"
	make_spans payment 200 $((DATA_START + 5000)) >"$T/payment.jsonl"
	lim 60 "$SPANCTL" -s "$T/store" import "$T/frontend.jsonl" "$T/checkout.jsonl" \
	    "$T/cart.jsonl" "$T/payment.jsonl" >"$T/import.log" 2>&1 || {
		not_ok "import of the test data" "$(cat "$T/import.log")"
		finish
	}
}

# The bytes of a path without the mount.
query() {
	lim 60 "$SPANCTL" -s "$T/store" -o mount.now=latest query "$1"
}

# ---- mounting ----

# mount_store [OPTION...]: in the background as users do; returns once mounted.
mount_store() {
	lim 30 "$SPANFS" -o now=latest "$@" "$T/store" "$M" >"$T/mount.log" 2>&1 || {
		not_ok "mount" "$(cat "$T/mount.log")"
		finish
	}
}

# mount_watched [OPTION...]: the daemon is $DAEMON, a child of ours.
mount_watched() {
	"$SPANFS" -f -o now=latest "$@" "$T/store" "$M" >"$T/mount.log" 2>&1 &
	DAEMON=$!
	daemons="$daemons $DAEMON"
	wait_mounted || {
		not_ok "mount" "$(cat "$T/mount.log")"
		finish
	}
}

wait_mounted() {
	i=0
	# A dead mount may be there at first, so it has to answer, too.
	until is_mounted && lim 20 cat "$M/README" >/dev/null 2>&1; do
		kill -0 "$DAEMON" 2>/dev/null || return 1
		i=$((i + 1))
		[ $i -lt 400 ] || return 1
		sleep 0.05
	done
}

is_mounted() {
	grep -q " $M .* - fuse" /proc/self/mountinfo
}

unmount() {
	fusermount3 -u "$M"
}

# gone PID [SECONDS]: waits until a child has ended; its status in $STATUS.
gone() {
	i=0
	while kill -0 "$1" 2>/dev/null; do
		i=$((i + 1))
		[ $i -lt $((${2:-10} * 20)) ] || return 1
		sleep 0.05
		# A zombie of ours still answers kill -0.
		case $(cat "/proc/$1/stat" 2>/dev/null) in
		*') Z '*) break ;;
		esac
	done
	wait "$1" 2>/dev/null
	STATUS=$?
	return 0
}

# metric NAME: a counter of .spanfs/metrics
metric() {
	awk -v n="$1" '$1 == n { print $2 }' "$M/.spanfs/metrics"
}

# running: how many queries run now
running() {
	tail -n +2 "$M/.spanfs/queries" | wc -l
}

# becomes NAME COMMAND WANTED: the command's output is that within 5 s
becomes() {
	i=0
	while got=$(eval "$2" 2>&1); [ "$got" != "$3" ]; do
		i=$((i + 1))
		# As long as a sanitizer build may need for a sort that looks up only at its end.
		if [ $i -gt 600 ]; then
			not_ok "$1" "got:    $got" "wanted: $3"
			return
		fi
		sleep 0.05
	done
	ok "$1"
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}
