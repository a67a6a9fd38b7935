# SPDX-License-Identifier: ISC
# t_compare: what spanctl answers, against the evaluator: 300 paths on nasty data.
set -u
here=$(dirname "$0")
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
exec python3 "$here/run.py" --spanctl "$SPANCTL" -n "${SPANFS_ORACLE_PATHS-300}" --batch 150 \
	--seed "${SPANFS_ORACLE_SEED-1}" --sweep "${SPANFS_ORACLE_SWEEP-0.004}" --tap
