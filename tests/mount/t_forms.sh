# SPDX-License-Identifier: ISC
# t_forms: every file of tests/data/forms through import: what it gives (FILE.want, which is
# spans.jsonl as it must come out), its exit status and words (table.tsv), and that neither the
# file again nor the otlp.jsonl made from it adds anything. The files were written for this: a
# form, and what goes wrong with it, each.
. "$(dirname "$0")/lib.sh"
need_programs
setup
cd "$T" || exit 1
forms=${SRC:?}/tests/data/forms
taken=
tab=$(printf '\t')

# one FILE STATUS SPANS WORDS
one() {
	rm -rf s
	out=$(lim 60 "$SPANCTL" -s s -o store.sync=no import "$forms/$1" 2>&1)
	status=$?
	n=$(printf '%s\n' "$out" | sed -n 's/^imported \([0-9]*\) spans.*/\1/p')
	[ "$3" -lt 0 ] && n=$3
	if [ "$status $n" != "$2 $3" ]; then
		not_ok "$1" "got:    exit status $status, ${n:-no} spans: $out" \
		    "wanted: exit status $2, $3 spans"
		return
	fi
	[ "$4" = - ] || printf '%s\n' "$out" | grep -qE -e "$4" || {
		not_ok "$1" "got:     $out" "pattern: $4"
		return
	}
	if [ "$3" -gt 0 ]; then
		"$SPANCTL" -s s query /spans.jsonl >got 2>&1
		cmp -s got "$forms/$1.want" || {
			not_ok "$1" "$(diff got "$forms/$1.want")"
			return
		}
		taken="$taken $forms/$1"
	fi
	ok "$1"
}

while IFS=$tab read -r file status spans words; do
	case $file in
	'#'*) ;;
	*) one "$file" "$status" "$spans" "$words" ;;
	esac
done <"$forms/table.tsv"

# All of them in one store: neither they again nor what comes out adds anything.
out=$(lim 60 "$SPANCTL" -s all -o store.sync=no import $taken 2>/dev/null)
matches "all that are taken, together" "$out" '^imported [1-9][0-9] spans, '
out=$(lim 60 "$SPANCTL" -s all -o store.sync=no import $taken 2>/dev/null)
matches "... again" "$out" '^imported 0 spans, [1-9]'
"$SPANCTL" -s all query /otlp.jsonl >otlp.jsonl
out=$(lim 60 "$SPANCTL" -s all -o store.sync=no import otlp.jsonl 2>&1)
matches "... as otlp.jsonl" "$out" "^imported 0 spans, $("$SPANCTL" -s all query /count) duplicates left out;"
is "each file is in the table" "$(ls "$forms" | grep -vc -e '\.want$' -e '^table.tsv$')" \
    "$(grep -vc '^#' "$forms/table.tsv")"
finish
