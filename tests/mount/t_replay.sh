# SPDX-License-Identifier: ISC
# t_replay: some seconds of what `make bench-cache` replays: dashboards and questions beside imports, of a
# mount with the cache of results and of one without it: no answer is stale, and rows are saved.
# alone: it counts what is saved between imports that come by the clock.
. "$(dirname "$0")/lib.sh"
need_programs
have python3 || skip_all "no python3"
setup
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
: "${REPLAY=--queries 300 --every 0.2 --apart 50 --spans 100}"
# shellcheck disable=SC2086
lim 200 python3 "$(dirname "$0")/../bench/replay.py" --quick --work "$T/mnt-replay" $REPLAY \
    >"$T/said" 2>&1
status=$?
grep -E '^(not )?ok - ' "$T/said" >"$T/lines"
while read -r line; do
	case $line in
	"ok - "*) ok "${line#ok - }" ;;
	*) not_ok "${line#not ok - }" "$(grep '^#' "$T/said")" ;;
	esac
done <"$T/lines"
is "it came to its end" "$status $(wc -l <"$T/lines")" "0 4"
[ "$status" -eq 0 ] || tail -n 20 "$T/said" | sed 's/^/# /'
finish
