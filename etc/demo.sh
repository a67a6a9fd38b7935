#!/bin/sh
# demo: sample data, imported and mounted, and the story of the incident in it; leaves it mounted.
# Called by ./bootstrap demo. With what that prints it is to stay within 60 lines of a terminal.
set -eu
build=$1
dir=${SPANFS_DEMO_DIR:-${TMPDIR:-/tmp}/spanfs-demo}
mnt=$dir/traces

fusermount3 -uqz "$mnt" 2>/dev/null || :
# An earlier mount may still be writing down what it learned.
n=0
until rm -rf "$dir/store" 2>/dev/null; do
	[ $((n += 1)) -lt 50 ] || { echo "demo: $dir/store can't be removed" >&2; exit 1; }
	sleep 0.2
done
mkdir -p "$mnt"

tell() {
	printf '\n# %s\n' "$*"
}
run() {
	echo "\$ $*"
	(cd "$mnt" && sh -c "$*")
}

echo "# A shop of a dozen services over a day, until now; its newest span is 'now'."
echo "\$ spanctl sample --spans 100000 | spanctl -s $dir/store import -"
"$build/spanctl" sample --spans 100000 | "$build/spanctl" -s "$dir/store" import -
echo "\$ spanfs -o now=latest $dir/store $mnt; cd $mnt"
"$build/spanfs" -o now=latest "$dir/store" "$mnt"

bad=service/payment/where/resource.service.version/eq/2.5.0
tell 'Customers cannot pay. What went wrong in the last two hours, the most frequent first?'
run 'cat since/2h/errors.txt | sort -rnk2 | head -n 3 | tr -s " " | cut -d " " -f 2-'
tell 'Payment it is. What do its failed spans have that the others have not?'
run 'cat service/payment/compare/status/error/end/limit/4/compare.txt | grep resource'
tell 'Since when is the new one there? And how many customers did it hit?'
run "cat $bad/sort/start/limit/1/select/start,host.name/spans.csv"
run 'cat service/checkout/since/3h/status/error/has/user.id/select/user.id/spans.csv |' \
	'tail -n +2 | sort -u | wc -l'
tell 'One of their orders, the shortest.'
run "cat trace/\$(cat $bad/status/error/sort/trace_spans/limit/1/select/trace_id/spans.csv |" \
	'tail -n 1)/tree.txt'
tell 'What did it take to find that out? Every query has its plan.'
run "grep -E '^(query|access|estimate)' since/3h/$bad/status/error/plan"

cat <<END

It stays mounted: cd $mnt; cat README; ls and Tab show what may follow
(for one Tab a keyword: . $(cd "$(dirname "$0")" && pwd)/completions/spanfs-tab).
Unmount with: fusermount3 -u $mnt
END
