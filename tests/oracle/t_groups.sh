# SPDX-License-Identifier: ISC
# t_groups: groups of spans, against the evaluator: 100 paths on nasty data.
set -u
here=$(dirname "$0")
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
exec python3 "$here/run.py" --spanctl "$SPANCTL" -n "${SPANFS_ORACLE_GROUPS-100}" --groups 1 \
	--nasty 60 --plain 40 --seed "${SPANFS_ORACLE_SEED-5}" --tap
