# SPDX-License-Identifier: ISC
# t_stats: what the optimizer knows, on a real mount: .spanfs/stats is there soon after the
# mount, agrees with the answers of queries, and follows an import once analyze is written.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store

# rows FILE [WORD]: the sum of its column of that name, of lines that begin with WORD.
rows() {
	awk -F '\t' -v w="${2-}" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "rows") c = i; next }
	    w == "" || $1 == w { n += $c } END { print n + 0 }' "$M/.spanfs/stats/$1"
}

mount_watched
becomes "statistics are made without being asked for" \
    "grep -c '^# not made' $M/.spanfs/stats/services" 0
is "files" "$(ls "$M/.spanfs/stats" | tr '\n' ' ')" "cells fields services values "
is "rows of all services" "$(rows services)" "$(cat "$M/count")"
is "rows of one" "$(rows services checkout)" "$(cat "$M/service/checkout/count")"
is "pairs of service and name have all rows" "$(rows cells)" "$(cat "$M/count")"
matches "fields have types, distinct values" "$(cat "$M/.spanfs/stats/fields")" \
    '^name	intrinsic	1500	[1-9]'
cat "$M/.spanfs/stats/nothing" 2>/dev/null && not_ok "no other file" || ok "no other file"

"$SPANCTL" sample --spans 300 --end 2026-11-21T00:00:00Z --seed 9 >"$T/more.jsonl" 2>/dev/null &&
    "$SPANCTL" -s "$T/store" import "$T/more.jsonl" >"$T/got" 2>&1 || not_ok "import" "$(cat "$T/got")"
echo analyze >"$M/.spanfs/control" && ok "analyze" || not_ok "analyze"
becomes "... takes in what was imported" \
    "awk -F '\\t' 'NR > 1 { n += \$2 } END { print n }' $M/.spanfs/stats/services" \
    "$(cat "$M/count")"

unmount
gone "$DAEMON"
is "exit" "$STATUS" 0
finish
