# SPDX-License-Identifier: ISC
# t_table: a small part of the tools table (tests/bench/mount_table.py; make bench-mount has all of
# it): a result of 1 KiB under names that are new, and where nothing may wait, for the tools that
# Debian's packages bring.
. "$(dirname "$0")/lib.sh"
need_programs
have python3 || skip_all "no python3"
setup
if [ -x "${BUILD-.}/tests/bench/copier" ]; then
	COPIER=$BUILD/tests/bench/copier
	export COPIER
fi
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
lim 200 python3 "$(dirname "$0")/../bench/mount_table.py" --few --sizes 1k \
    --modes first,stream_after=1ms --work "$T" >"$T/table" 2>&1
is "every tool is right or says that it is not" "$?" 0
is "... at both" "$(grep -c 'first *stream_after=1ms' "$T/table")" 1
[ "$(sed -n 's/^\([0-9]*\) right.*/\1/p' "$T/table")" -ge 20 ] &&
    ok "... and most are right" || not_ok "... and most are right" "$(tail -n 30 "$T/table")"
finish
