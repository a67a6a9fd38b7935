# SPDX-License-Identifier: ISC
# t_kept: what a mount worked out it leaves beside the store: the next one plans as it did, from its
# first query on; damage there costs nothing but that.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store

Q='name/GET%20%2F%200/status/error'
# plan: of the query through the mount, but for the line of the decision; decision: that line
plan() {
	grep -v '^decision ' "$M/$Q/plan"
}
decision() {
	sed -n 's/^decision \([a-z]*\).*/\1/p' "$M/$Q/plan"
}

mount_watched
becomes "statistics are made" "grep -c '^# not made' $M/.spanfs/stats/services" 0
is "the first mount decides" "$(decision)" computed
plan >"$T/first"
services=$(cat "$M/.spanfs/stats/services")
unmount
gone "$DAEMON"
is "what is kept is the owner's alone" "$(stat -c '%n %a' "$T"/store/cache/* | sed 's|.*/||' |
    tr '\n' ' ')" "decisions 600 summary 600 "
matches "the store is good" "$("$SPANCTL" -s "$T/store" check)" ': good$'

mount_watched
is "the second mount decides nothing anew" "$(decision)" hit
plan >"$T/second"
holds "... and plans as the first did" cmp "$T/first" "$T/second"
is "statistics are there at once" "$(cat "$M/.spanfs/stats/services")" "$services"
matches "its age is that of the first mount's" "$(cat "$M/.spanfs/decisions")" 'GET|name eq'
# Killed: what it keeps is the one before's.
kill -KILL "$DAEMON"
gone "$DAEMON"
fusermount3 -uz "$M"

for f in summary decisions; do
	printf x | dd of="$T/store/cache/$f" bs=1 seek=100 conv=notrunc 2>/dev/null
done
got=$("$SPANCTL" -s "$T/store" check)
is "damage there is no damage to the store" "$?" 0
matches "... but said" "$got" '^notice: cache/summary: wrong checksum at offset [0-9]+: it is not used'
matches "... of both" "$got" '^notice: cache/decisions: '
mount_watched
is "what is damaged is not used" "$(decision)" computed
becomes "... and made anew" "grep -c '^# not made' $M/.spanfs/stats/services" 0
unmount
gone "$DAEMON"
is "exit" "$STATUS" 0
matches "all is good again" "$("$SPANCTL" -s "$T/store" check | grep -c notice)" '^0$'

# Nowhere to keep it: said once, and that is all.
rm -rf "$T/store/cache" && : >"$T/store/cache"
mount_watched
is "a mount that can keep nothing answers" "$(cat "$M/count")" 1500
is "... and decides" "$(decision)" computed
echo analyze >"$M/.spanfs/control"
echo analyze >"$M/.spanfs/control"
unmount
gone "$DAEMON"
is "exit" "$STATUS" 0
is "the log has it once" "$(grep -c 'is not kept for the next start' "$T/mount.log")" 1
finish
