#!/bin/sh
# demo: sample data, imported, mounted, five commands; leaves it mounted. Called by ./bootstrap demo.
set -eu
build=$1
dir=${SPANFS_DEMO_DIR:-${TMPDIR:-/tmp}/spanfs-demo}
mnt=$dir/traces

fusermount3 -uqz "$mnt" 2>/dev/null || :
rm -rf "$dir/store"
mkdir -p "$mnt"

say() {
	printf '\n$ %s\n' "$*"
}
run() {
	say "$*"
	(cd "$mnt" && sh -c "$*")
}

echo "Sample data: a shop of microservices over a day, with an incident."
say "spanctl sample --spans 100000 | spanctl -s $dir/store import -"
"$build/spanctl" sample --spans 100000 --seed 1 | "$build/spanctl" -s "$dir/store" import -
say "spanfs -o now=latest $dir/store $mnt"
"$build/spanfs" -o now=latest "$dir/store" "$mnt"
echo "(now=latest: the newest span in the store is 'now', so that since/1h finds sample data at any time)"

run 'ls service'
run 'cat service/payment/since/6h/status/error/count'
run 'cat duration/gt/1s/sort/duration:desc/limit/5/spans.txt'
run 'cat service/checkout/since/1h/limit/3/spans.jsonl | jq -c "[.start, .name, .duration_ns]"'
run 'cat trace/$(cat service/frontend/status/error/limit/1/select/trace_id/spans.csv | tail -n 1)/tree.txt'

cat <<END

It stays mounted at $mnt: look around with ls, cat, grep and Tab; cat $mnt/README.
Unmount with: fusermount3 -u $mnt
END
