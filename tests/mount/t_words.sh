# SPDX-License-Identifier: ISC
# t_words: what a user is told: .spanfs where one stands, to each user own paths only, help of
# every command, and messages that say what was expected.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store

# says NAME STATUS PATTERN COMMAND...
says() {
	name=$1 status=$2 pattern=$3
	shift 3
	out=$(lim 20 "$@" 2>&1)
	is "$name: exit status" $? "$status"
	matches "$name: says so" "$out" "$pattern"
}

# ---- .spanfs in every directory ----

chmod 755 "$T"
mount_store -o allow_other,log.slow_query=1us
cat "$M/service/cart/durration/x" 2>/dev/null
for d in . service service/cart service/cart/since/1h where/session/eq shards; do
	matches "errors from $d" "$(cd "$M/$d" && cat .spanfs/errors)" 'durration'
done
is "it is not listed there" "$(ls -A "$M/service/cart" | grep -c spanfs)" 0
is "but in the root" "$(ls -A "$M" | grep -c '^.spanfs$')" 1
is "it has its directory" "$(ls "$M/service/cart/.spanfs/stats" | head -n 1)" cells
echo flush >"$M/service/.spanfs/control" && ok "its control" || not_ok "its control"

# ---- each user own paths ----

if [ "$(id -u)" = 0 ] && have setpriv; then
	other() {
		lim 20 setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	}
	other cat "$M/status/nobodys/count" >/dev/null 2>&1
	out=$(other cat "$M/.spanfs/errors")
	matches "another user sees own errors" "$out" 'nobodys'
	! printf '%s' "$out" | grep -q durration && ok "... and no others" || not_ok "... and no others" "$out"
	matches "root sees all" "$(cat "$M/.spanfs/errors")" 'nobodys'
	matches "... all" "$(cat "$M/.spanfs/errors")" 'durration'
	is "another user reads results" "$(other cat "$M/service/cart/count")" \
	    "$(cat "$M/service/cart/count")"
	other cat "$M/kind/server/count" >/dev/null
	cat "$M/kind/client/count" >/dev/null
	out=$(other cat "$M/.spanfs/slow")
	matches "... sees own slow queries" "$out" 'kind/server'
	! printf '%s' "$out" | grep -q kind/client && ok "... and no others" || not_ok "... and no others" "$out"
	matches "root sees all of these too" "$(cat "$M/.spanfs/slow")" 'kind/server'
	# One that runs until it is left: root's, then theirs.
	( exec 7<"$M/sort/name/spans.jsonl"; other cat "$M/.spanfs/queries" >"$T/theirs" )
	! grep -q sort/name "$T/theirs" && ok "... nor queries of others" || \
	    not_ok "... nor queries of others" "$(cat "$T/theirs")"
	is "their size is theirs" "$(other stat -c %s "$M/.spanfs/errors")" \
	    "$(other cat "$M/.spanfs/errors" | wc -c)"
else
	skip "each user own paths" "not root"
fi
unmount

# ---- an empty range says how old the data is ----

if have getfattr; then
	lim 30 "$SPANFS" "$T/store" "$M"
	cat "$M/since/15m/spans.jsonl"
	matches "an empty range has a note" \
	    "$(getfattr --only-values -n user.spanfs.note "$M/since/15m/spans.jsonl" 2>&1)" \
	    'no span in this range; the newest in the store is of 2026-11-20T1[0-9:.]*Z, [0-9]+[smhdw] ago'
	unmount
fi

# ---- spanctl ----

for c in import query explain ls info analyze cache warm check sample help; do
	says "$c --help" 0 "^usage: spanctl $c" "$SPANCTL" "$c" --help
done
for o in --force --strict --wait=TIME DIRECTORY; do
	matches "import --help explains $o" "$("$SPANCTL" import --help)" "^  $o "
done
for o in --spans --seed --hours --end -o; do
	matches "sample --help explains $o" "$("$SPANCTL" sample --help)" "^  $o "
done
for o in -s -c -o; do
	matches "--help explains $o" "$("$SPANCTL" --help)" "^  $o "
done
version=$(sed -n 's/^AC_INIT(\[spanfs\], \[\(.*\)\])$/\1/p' "$(dirname "$0")/../../configure.ac")
is "both programs have the tarball's version" "$("$SPANFS" --version), $("$SPANCTL" --version)" \
    "spanfs $version, spanctl $version"
says "a mistyped command" 2 "no command 'qurey'; did you mean query" "$SPANCTL" qurey /count
says "sample --end" 2 "^spanctl sample: --end: expected a time such as .*, got 'tomorrow'" \
    "$SPANCTL" sample --end tomorrow
says "sample --hours" 2 "--hours: expected whole hours from 1 to 87600, got '0'" \
    "$SPANCTL" sample --hours 0
out=$(lim 20 "$SPANCTL" sample --spans 100000 2>&1 >/dev/full)
is "sample to a full disk: told once" "$out" "spanctl sample: write: No space left on device"
lim 20 "$SPANCTL" sample --spans 100000 2>"$T/told" | head -c 1 >/dev/null
is "sample to a reader that leaves: not told" "$(cat "$T/told")" ""
says "a setting without a value" 2 \
    'query.timeout=VALUE, with a duration such as 30s or 100ms, from 1ms to 10000d' \
    "$SPANCTL" -o query.timeout info
says "a size out of range" 2 "expected a size such as 64MiB, from 1MiB to 1PiB, got '1KiB'" \
    "$SPANCTL" -o store.cache=1KiB info
says "a mistyped key" 2 "unknown key 'timout' in .query.; did you mean timeout" \
    "$SPANCTL" -o query.timout=3s info
says "a mistyped section" 2 "unknown section .qurey.; did you mean query" \
    "$SPANCTL" -o qurey.timeout=3s info
esc=$(printf '\033')
echo '{"traceId":"1","id":"1","name":"x","timestamp":1764000000000000,"tags":{"ke\u001by":"v"}}' |
	"$SPANCTL" -s "$T/hostile" import - >/dev/null
says "what data holds is told escaped" 2 "did you mean 'ke.x1by'" \
    "$SPANCTL" -s "$T/hostile" query /where/key/eq/v/count
! printf '%s' "$out" | grep -q "$esc" && ok "... and not as it is" || not_ok "... and not as it is"
says "spanfs: a setting without a value" 2 'query.timeout=VALUE, with a duration' \
    "$SPANFS" -o query.timeout "$T/store" "$M"
says "spanfs: an unknown word" 2 'unknown option; expected' "$SPANFS" -o bogus "$T/store" "$M"
finish
