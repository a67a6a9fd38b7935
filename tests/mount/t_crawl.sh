# SPDX-License-Identifier: ISC
# t_crawl: walks of the mount end, and what only lists runs no query. Recursion into links is
# not followed by most tools; those that do follow see a loop by inode numbers.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store
mount_store
cd "$M" || exit 1
queries=$(metric spanfs_queries_total)

# crawl COMMAND: ends within 10 s, whatever its status
crawl() {
	have "${1%% *}" || {
		skip "$1" "no ${1%% *}"
		return
	}
	t=$(now_ms)
	lim 10 sh -c "$1" >"$T/out/walk" 2>"$T/err" </dev/null
	rc=$?
	t=$(($(now_ms) - t))
	if [ $rc -eq 124 ] || [ $rc -eq 137 ]; then
		not_ok "$1 ends" "still going after 10 s" "$(tail -n 3 "$T/out/walk")"
	else
		ok "$1 ends (${t} ms, $(wc -l <"$T/out/walk") lines)"
	fi
}

for top in . service/checkout service .service; do
	crawl "ls -R $top"
	crawl "find $top"
	crawl "find $top/ -maxdepth 1"
done
crawl "find . -xdev -name zzz"
crawl "python3 -c 'import os; print(sum(1 for _ in os.walk(\".\")))'"
crawl "node -e 'const fs=require(\"fs\"); console.log(fs.readdirSync(\"service/cart\").length)'"
crawl "rg --no-config --files service/cart"
is "listing ran no query" "$(metric spanfs_queries_total)" "$queries"
# bash asks for the status of each name, and a status may run a cheap query.
crawl "bash -c 'shopt -s globstar; echo **'"

# These ask for sizes, or read.
for top in . service/checkout service .service; do
	crawl "find -L $top"
	crawl "tree $top"
done
crawl "tree -l service/checkout"
crawl "bash -c 'compgen -f service/'"
crawl "bash -c 'compgen -f service/checkout/'"
crawl "ls --color=always service/checkout"

crawl "ls -lR ."
crawl "ls -lR service/checkout"
crawl "du -a ."
crawl "du -aL service/checkout"
crawl "ls -LR service/checkout"
crawl "tar cf $T/out/x.tar ."
crawl "rsync -a ./ $T/out/rsync/"
crawl "cp -r . $T/out/cp"
crawl "grep -r zzz-nowhere ."
crawl "grep -R zzz-nowhere service/cart/limit/1"
crawl "rg --no-config zzz-nowhere ."
crawl "rg --no-config -L zzz-nowhere service/cart/limit/1"
crawl "git -C service/checkout status"
crawl "zip -qry $T/out/x.zip service/cart/limit/1"
crawl "updatedb --require-visibility 0 -o $T/out/db -U ."

n=$(ls -A | wc -l)
[ "$n" -lt 60 ] && ok "the root lists $n names" || not_ok "the root lists $n names"
is "no result file is listed in the root" "$(ls | grep -c '\.jsonl$')" 0
holds "... but resolves there" stat count
is ".K is never listed" "$(ls -A service/checkout | grep -c '^\.')" 0
is "a keyword is a link" "$(readlink service)" .service
is "... to a directory with its query directory's number" "$(stat -c %i .service)" "$(stat -c %i .)"
is "... below as well" "$(stat -c %i service/checkout/.status)" "$(stat -Lc %i service/checkout)"
is "values are real directories" "$(find -L service -maxdepth 1 -name checkout -type d | wc -l)" 1
is "later arguments are links" "$(readlink where/http.status_code/eq)" .eq
is "... whose values are links, too" "$(readlink where/http.status_code/eq/500)" .=500
is "... which are the query's directory" "$(stat -c %i where/http.status_code/eq/.=500)" \
    "$(stat -Lc %i where/http.status_code/eq)"
is "a value with a dot is itself" "$(readlink where/http.status_code/eq/.env)" .=.env
is "... and no file of the crawlers" "$(stat -Lc %F where/http.status_code/eq/.gitignore)" directory
is ".spanfs stands in every directory" "$(cat service/checkout/.spanfs/config | head -n 1)" \
    "$(head -n 1 .spanfs/config)"
is "shards/ is a real directory" "$(stat -c %F shards)" directory
before=$(stat -Lc %i service/cart service/cart/count service shards)
cd / && unmount && mount_store
is "inode numbers are the same after a remount" "$before" \
    "$(cd "$M" && stat -Lc %i service/cart service/cart/count service shards)"
finish
