# SPDX-License-Identifier: ISC
# t_demo: the story that ./bootstrap demo tells: every command finds what it says, in few lines;
# and every example of the README finds something in sample data.
. "$(dirname "$0")/lib.sh"
need_programs
setup
top=$(cd "$(dirname "$0")/../.." && pwd)
rmdir "$M"
mkdir "$T/mnt-demo"

# ---- the demo ----

SPANFS_DEMO_DIR=$T/mnt-demo lim 120 sh "$top/etc/demo.sh" "$(dirname "$SPANCTL")" >"$T/demo" 2>&1
is "the demo ends well" $? 0
# bootstrap's own: the log's name, installing (its packages take up to four lines), building.
n=$(awk '{ n += 1 + int((length($0) - 1) / 200) } END { print n }' "$T/demo")
[ "$n" -le 54 ] && ok "within 54 lines ($n)" || not_ok "within 54 lines" "$n" "$(cat "$T/demo")"
# after COMMAND: the lines that its answer has
after() {
	awk -v c="$1" '/^[$#]/ || $0 == "" { on = 0 } on { print } index($0, "$ " c) == 1 { on = 1 }' \
	    "$T/demo"
}
matches "what went wrong" "$(after 'cat since/2h/errors.txt' | head -n 1)" \
    'payment charge card .*GatewayTimeoutError: the card issuer did not answer'
matches "the bad version" "$(grep '^resource.service.version  *2.5.0 ' "$T/demo")" \
    '2\.5\.0 +[5-9][0-9]\.[0-9]% +[0-9.]+% +\+[4-9][0-9]\.[0-9]%  █'
matches "since when" "$(after 'cat service/payment/where' | sed -n 2p)" '^20..-..-..T.*Z,node-'
matches "how many customers" "$(after 'cat service/checkout')" '^[1-9][0-9]+$'
matches "a trace as a tree" "$(after 'cat trace/')" 'payment: charge card .*ERROR: the card issuer'
matches "what it cost" "$(after 'grep -E')" '^access .* of [0-9]+ shards'
! grep -iE 'no such file|invalid|error:.*spanfs' "$T/demo" >"$T/bad" && ok "no command fails" ||
    not_ok "no command fails" "$(cat "$T/bad")"

# ---- the README: indented lines that begin with cat or ls, on the same mount ----

cd "$T/mnt-demo/traces" || exit 1
sed -n 's/^    \(\(cat\|ls\) [^#]*\).*/\1/p' "$top/README.md" >"$T/examples"
n=$(wc -l <"$T/examples")
[ "$n" -ge 8 ] && ok "examples of the README: $n" || not_ok "examples of the README" "$n"
while IFS= read -r line; do
	# Those of another place begin at the root there.
	line=$(printf '%s' "$line" | sed 's|/mnt/traces/||g; s|/mnt/traces||')
	out=$(lim 60 sh -c "$line" 2>&1)
	rc=$?
	case $line in
	*.csv* | *.txt*) least=2 ;;
	*) least=1 ;;
	esac
	[ $rc -eq 0 ] && [ "$(printf '%s\n' "$out" | grep -c .)" -ge $least ] && ok "$line" ||
	    not_ok "$line" "status $rc" "$out"
done <"$T/examples"
cd /
fusermount3 -u "$T/mnt-demo/traces"
finish
