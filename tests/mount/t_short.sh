# SPDX-License-Identifier: ISC
# t_short: groups that need more than [query] memory: approximate and said to be so, or refused in
# words; and the mount goes on.
. "$(dirname "$0")/lib.sh"
need_programs
setup
{ lim 60 "$SPANCTL" sample --spans 120000 --end 2026-11-20T14:00:00Z |
    lim 60 "$SPANCTL" -s "$T/store" import -; } >"$T/import.log" 2>&1 || {
	not_ok "import of the test data" "$(cat "$T/import.log")"
	finish
}
A=agg/count,sum:duration,p50:duration,p99:duration,distinct:span_id,distinct:service
B=group/service/$A/groups.csv
A=$A/groups.csv
MANY=group/span_id/agg/p50:duration/groups.csv

attr() {
	getfattr --absolute-names --only-values -n "user.spanfs.$1" "$2" 2>&1
}

# refused NAME FILE: with ENOMEM
refused() {
	out=$(lim 20 cat "$2" 2>&1)
	matches "$1" "$out" 'Cannot allocate memory'
}

# near NAME GOT WANTED: the columns that may be approximate within what is promised, others the same
near() {
	printf '%s\n' "$3" >"$T/wanted"
	out=$(printf '%s\n' "$2" | awk -F, '
	function far(a, b, most) {
		return a - b > most * b || b - a > most * b
	}
	NR == FNR { want[FNR] = $0; n = FNR; next }
	FNR == 1 { split($0, name, ",") }
	{
		if (split(want[FNR], w, ",") != NF)
			print "line " FNR " is " $0 ", not " want[FNR]
		for (i = 1; FNR > 1 && i <= NF; i++) {
			most = name[i] ~ /^p/ ? 0.01 : name[i] ~ /^distinct/ ? 0.02 : -1
			if (most < 0 ? $i != w[i] : far($i, w[i], most))
				print name[i] " is " $i ", not " w[i] ", in line " FNR
		}
	}
	END { if (FNR != n) print FNR " lines, not " n }' "$T/wanted" -)
	is "$1" "$out" ""
}

query "/$A" >"$T/all"
query "/$B" >"$T/by_service"

mkdir "$T/spill"
mount_store -o "query.memory=1MiB,mount.spill_dir=$T/spill"
near "short of memory values are near" "$(cat "$M/$A")" "$(cat "$T/all")"
if have getfattr; then
	is "... and user.spanfs.exact says so" "$(attr exact "$M/$A")" no
	is "a result that is exact says that" "$(cat "$M/agg/count/groups.csv" >/dev/null
	    attr exact "$M/agg/count/groups.csv")" yes
	matches "it is among the attributes" "$(getfattr -d "$M/$A" 2>&1)" 'user.spanfs.exact="no"'
fi
matches "... and profile.json" "$(cat "$M/${A%/*}/profile.json")" '"exact":false,"complete":true'
matches "profile.json of one that is exact" "$(cat "$M/agg/count/profile.json")" '"exact":true'
matches "plan says that it may be so" "$(cat "$M/${A%/*}/plan")" 'exact unless memory gets short'
near "by groups, too" "$(cat "$M/$B")" "$(cat "$T/by_service")"
is "groups by the thousand go to a file" "$(md5sum <"$M/$MANY")" "$(query "/$MANY" | md5sum)"
matches "... and profile.json says so" "$(cat "$M/${MANY%/*}/profile.json")" '"spilled_bytes":[1-9]'
matches "... of others, that nothing did" "$(cat "$M/agg/count/profile.json")" '"spilled_bytes":0'
matches "plan says from when on" "$(cat "$M/${MANY%/*}/plan")" 'past 917504 bytes groups go to \[mount\] spill_dir'
matches "... plan.json too" "$(cat "$M/${MANY%/*}/plan.json")" '"spill_from":917504'
is "nothing is left of it" "$(ls -A "$T/spill")" ""
rmdir "$T/spill"
out=$(lim 20 cat "$M/group/trace_id,span_id/groups.csv" 2>&1)
matches "a spill_dir that went is an error" "$out" 'Input/output error'
matches "... by its name" "$(head -n 1 "$M/.spanfs/errors")" '\[mount\] spill_dir .*/spill'
mkdir "$T/spill"
is "... until it is there again" "$(md5sum <"$M/$MANY")" "$(query "/$MANY" | md5sum)"
is "the mount goes on" "$(cat "$M/agg/count/groups.csv")" "$(query /agg/count/groups.csv)"
unmount

mount_store -o "query.memory=1MiB,mount.spill_dir=$T/spill,mount.spill_max=1MiB"
out=$(lim 20 cat "$M/$MANY" 2>&1)
matches "past spill_max is an error" "$out" 'No space left on device'
matches "... by its name" "$(head -n 1 "$M/.spanfs/errors")" '\[mount\] spill_max'
is "the mount goes on" "$(cat "$M/agg/count/groups.csv")" "$(query /agg/count/groups.csv)"
unmount
"$SPANCTL" -s "$T/store" -o query.memory=1MiB -o "mount.spill_dir=$T/spill" query "/$MANY" >/dev/null &
sleep 1
kill -9 $! 2>/dev/null
wait $! 2>/dev/null
is "killed, it leaves nothing" "$(ls -A "$T/spill")" ""

mount_store -o query.memory=1MiB,query.aggregates=exact
refused "aggregates=exact: an error" "$M/$A"
matches "... that names it" "$(head -n 1 "$M/.spanfs/errors")" '\[query\] memory.*\[query\] aggregates=exact'
! grep -q 'memory gets short' "$M/${A%/*}/plan" && ok "plan says exact" || not_ok "plan says exact"
is "the mount goes on, exact" "$(cat "$M/agg/count/groups.csv")" "$(query /agg/count/groups.csv)"
unmount

mount_store -o query.memory=64MiB
is "with memory all is exact" "$(cat "$M/$A")" "$(cat "$T/all")"
is "... by groups" "$(cat "$M/$B")" "$(cat "$T/by_service")"
have getfattr && is "... and says so" "$(attr exact "$M/$A")" yes
unmount

out=$(lim 60 "$SPANCTL" -s "$T/store" -o query.memory=1MiB query --verify "/$A" 2>&1 >/dev/null)
matches "what is approximate is not verified" "$out" 'not verified: memory was short'
out=$(lim 60 "$SPANCTL" -s "$T/store" -o query.aggregates=some query "/$A" 2>&1)
matches "a word that is none is refused" "$out" 'auto.*exact'
finish
