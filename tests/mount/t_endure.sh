# SPDX-License-Identifier: ISC
# t_endure: for some seconds what tests/bench/endure.py does by hand for as long as one likes: readers
# beside imports, whose checksums are those of the commit that they read; then interrupts, early
# closes and kills, of the daemon too, after which nothing is left over. ENDURE gives other options.
# alone: it tells how soon readers end, and is many at once by itself.
. "$(dirname "$0")/lib.sh"
need_programs
have python3 || skip_all "no python3"
setup
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
: "${ENDURE=--readers 16 --seconds 2 --stops 20 --p99 5000 --spans 3000}"
# shellcheck disable=SC2086
python3 "$(dirname "$0")/../bench/endure.py" --work "$T" $ENDURE >"$T/said" 2>&1
status=$?
grep -E '^(not )?ok - ' "$T/said" >"$T/lines"
while read -r line; do
	case $line in
	"ok - "*) ok "${line#ok - }" ;;
	*) not_ok "${line#not ok - }" "$(grep '^#' "$T/said")" ;;
	esac
done <"$T/lines"
is "it came to its end" "$status $(grep -c left "$T/lines")" "0 3" || cat "$T/said"
[ "$status" -eq 0 ] || tail -n 20 "$T/said" | sed 's/^/# /'
finish
