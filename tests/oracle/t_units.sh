# SPDX-License-Identifier: ISC
# t_units: the evaluator's own tests, and that the comparison catches planted faults.
set -u
here=$(dirname "$0")
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
python3 "$here/units.py" || bad=1
python3 "$here/planted.py" || bad=1
exit ${bad-0}
