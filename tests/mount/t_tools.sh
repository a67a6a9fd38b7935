# SPDX-License-Identifier: ISC
# t_tools: the tools that people use, on a mounted file and on a plain copy of the same bytes
# (from `spanctl query`): output and exit status must agree. Then sizes, and copies.
. "$(dirname "$0")/lib.sh"
need_programs
setup
make_store
Q=service/checkout,cart/where/http.status_code/eq/200/limit/900
mkdir -p "$T/ref/f"
for f in spans.jsonl spans.csv traces.jsonl count query; do
	query "$Q/$f" >"$T/ref/f/$f" 2>"$T/err" || not_ok "spanctl query $f" "$(cat "$T/err")"
done
[ "$(wc -l <"$T/ref/f/spans.jsonl")" -eq 810 ] && ok "the reference has 810 spans" ||
    not_ok "the reference has 810 spans" "$(wc -l "$T/ref/f/spans.jsonl")"
# Everything is cheap enough to have a size.
mount_store -o stat_budget=10s

# tool NAME COMMAND: run in the mounted directory and in the copy's. $OUT is an empty directory.
tool() {
	have "$1" || {
		skip "$2" "no $1"
		return
	}
	for side in mnt ref; do
		dir=$M/$Q
		[ $side = ref ] && dir=$T/ref/f
		OUT=$T/out/$side
		export OUT
		rm -rf "$OUT"
		mkdir "$OUT"
		(cd "$dir" && lim 20 sh -c "$2" </dev/null) >"$T/out.$side" 2>"$T/err.$side"
		echo "status $?" >>"$T/out.$side"
	done
	if cmp -s "$T/out.mnt" "$T/out.ref"; then
		ok "$2"
	else
		not_ok "$2" "mount: $(tail -c 300 "$T/out.mnt")" "$(cat "$T/err.mnt")" \
		    "plain: $(tail -c 300 "$T/out.ref")"
	fi
}

for f in spans.jsonl spans.csv traces.jsonl count query; do
	tool cat "cat $f"
	tool wc "wc -c $f"
done
tool cat 'cat <spans.jsonl'
tool cat 'cat spans.jsonl spans.csv count'
tool grep 'grep -c 200 spans.jsonl'
tool grep 'grep -n "charge 3" <spans.jsonl'
tool grep 'grep -r -c charge .  | grep spans.jsonl'
tool rg 'rg --no-config -c charge spans.jsonl'
tool rg 'rg --no-config --mmap -c charge spans.jsonl'
tool rg 'rg --no-config --no-mmap charge spans.csv'
tool jq 'jq -c .name spans.jsonl'
tool jq 'jq -s length spans.jsonl'
tool wc 'wc -l spans.jsonl'
tool wc 'wc spans.jsonl'
tool wc 'wc -c <spans.jsonl'
tool head 'head -1 spans.jsonl'
tool head 'head -n 3 spans.csv'
tool head 'head -n -3 spans.jsonl'
tool head 'head -c 100 spans.jsonl'
tool head 'head -c -9 spans.jsonl'
tool tail 'tail -n 5 spans.jsonl'
tool tail 'tail -c 100 spans.jsonl'
tool tail 'tail -c +9 spans.jsonl'
tool tail 'tail -n +800 spans.jsonl'
tool tac 'tac spans.jsonl'
tool less 'less -F spans.jsonl'
tool less 'less -F spans.csv | cat'
tool cp 'cp spans.jsonl $OUT/x && cat $OUT/x'
tool cp 'cp --sparse=always spans.jsonl $OUT/x && cat $OUT/x'
tool cp 'cp --reflink=auto spans.csv $OUT/x && cat $OUT/x'
tool cp 'cp -a spans.jsonl $OUT/x && cat $OUT/x'
tool install 'install -m 644 spans.jsonl $OUT/x && cat $OUT/x'
tool rsync 'rsync -a spans.jsonl spans.csv $OUT/ && cat $OUT/*'
tool rsync 'rsync -a --inplace --no-whole-file spans.jsonl $OUT/x && cat $OUT/x'
tool tar 'tar cf - spans.jsonl spans.csv | tar xOf -'
tool tar 'tar czf $OUT/x.tgz count spans.jsonl && tar tzf $OUT/x.tgz && tar xzOf $OUT/x.tgz'
tool dd 'dd if=spans.jsonl bs=512 status=none'
tool dd 'dd if=spans.jsonl bs=1M status=none'
tool dd 'dd if=spans.jsonl bs=100 skip=7 count=3 status=none'
tool dd 'dd if=spans.jsonl bs=4096 iflag=direct status=none'
tool sort 'sort spans.jsonl'
tool sort 'sort -t, -k2 spans.csv | uniq -c'
tool shuf 'shuf spans.jsonl | sort'
tool awk 'awk -F, "{ n += NF } END { print n, NR }" spans.csv'
tool sed 'sed -n 5,9p spans.jsonl'
tool cut 'cut -d, -f1 spans.csv'
tool paste 'paste spans.jsonl spans.csv'
tool od 'od -An -tx1 -j 50 -N 64 spans.jsonl'
tool strings 'strings spans.jsonl'
tool base64 'base64 spans.csv'
tool sha256sum 'sha256sum spans.jsonl spans.csv'
tool md5sum 'md5sum <spans.jsonl'
tool cksum 'cksum spans.jsonl'
tool gzip 'gzip -c spans.jsonl | zcat'
tool zstd 'zstd -qc spans.jsonl | zstd -dc'
tool split 'split -n 3 spans.jsonl $OUT/x && cat $OUT/x*'
tool split 'split -l 100 spans.jsonl $OUT/x && cat $OUT/x*'
tool csplit 'csplit -s -f $OUT/x spans.jsonl 100 200 && cat $OUT/x*'
tool xargs 'xargs -a count echo'
tool tee 'tee $OUT/x <spans.jsonl | wc -l; cat $OUT/x'
tool cmp 'cmp spans.jsonl spans.jsonl && echo same'
tool diff 'diff spans.jsonl spans.csv | tail -n 3'
tool comm 'comm -12 spans.jsonl spans.jsonl'
tool stat 'stat -c %s spans.jsonl spans.csv count'
tool du 'du -b spans.jsonl'
tool find 'find . -name spans.jsonl -size +0'
tool find 'find . -name count -empty'
tool file 'file -b spans.csv'
tool sh 'while read -r line; do n=$((${n:-0} + 1)); done <spans.jsonl; echo $n'
tool bash 'bash -c "mapfile -t a <spans.jsonl; echo \${#a[@]}"'
tool perl 'perl -ne "print if /charge/" spans.jsonl'
tool perl 'perl -e "print -s q(spans.jsonl)"'
tool vim 'vim -es -u NONE +"%print" +q spans.csv'
tool sqlite3 'sqlite3 :memory: ".mode csv" ".import spans.csv t" "select count(*) from t"'
tool duckdb 'duckdb -csv -c "select count(*), sum(duration_ns) from read_json(\"spans.jsonl\")"'
tool curl 'curl -s "file://$PWD/spans.jsonl"'
tool openssl 'openssl dgst -sha1 spans.jsonl'
tool git 'git hash-object spans.jsonl'
tool zip 'zip -q $OUT/x.zip spans.jsonl && unzip -p $OUT/x.zip'
tool python3 'python3 -c "
import sys; sys.stdout.write(open(\"spans.jsonl\").read())"'
tool python3 'python3 -c "
import json
print(sum(json.loads(l)[\"duration_ns\"] for l in open(\"spans.jsonl\")))"'
tool python3 'python3 -c "
import csv
print(len(list(csv.DictReader(open(\"spans.csv\")))))"'
tool python3 'python3 -c "
import mmap
f = open(\"spans.jsonl\", \"rb\")
m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
print(len(m), m.find(b\"charge\"), m[-50:])"'
tool python3 'python3 -c "
import os
f = open(\"spans.jsonl\", \"rb\")
n = f.seek(0, os.SEEK_END); f.seek(n - 20); print(n, f.read())
f.seek(5); print(f.read(7), os.path.getsize(\"spans.jsonl\"))"'
tool python3 'python3 -c "
import os, shutil
shutil.copyfile(\"spans.jsonl\", os.environ[\"OUT\"] + \"/x\")
print(os.path.getsize(os.environ[\"OUT\"] + \"/x\"))"'
tool python3 'python3 -c "
import os
i = os.open(\"spans.jsonl\", os.O_RDONLY); o = os.open(os.environ[\"OUT\"] + \"/x\", os.O_CREAT | os.O_WRONLY)
n = 0
while True:
    k = os.sendfile(o, i, n, 65536)
    if k == 0: break
    n += k
print(n)"'
tool node 'node -e "
process.stdout.write(require(\"fs\").readFileSync(\"spans.jsonl\"))"'
tool node 'node -e "
require(\"fs\").readFile(\"spans.csv\", (e, d) => console.log(e, d && d.length))"'
tool node 'node -e "
const fs = require(\"fs\"); fs.copyFileSync(\"spans.jsonl\", process.env.OUT + \"/x\");
console.log(fs.statSync(process.env.OUT + \"/x\").size)"'
tool node 'node -e "
let n = 0; require(\"fs\").createReadStream(\"spans.jsonl\").on(\"data\", d => n += d.length).on(\"end\", () => console.log(n))"'

# The same bytes in a spelling of its own, and again when warm.
is "two spellings are one result" "$(sha256sum <"$M/limit/900/where/http.status_code/eq/200/service/cart,checkout/spans.jsonl")" \
    "$(sha256sum <"$T/ref/f/spans.jsonl")"
is "read again, warm" "$(sha256sum <"$M/$Q/spans.jsonl")" "$(sha256sum <"$T/ref/f/spans.jsonl")"
is "ls -l shows the size" "$(ls -l "$M/$Q/spans.jsonl" | awk '{ print $5 }')" \
    "$(wc -c <"$T/ref/f/spans.jsonl")"
lim 20 cp -r "$M/$Q" "$T/out/copy" 2>/dev/null
is "cp -r of a directory has the right bytes" "$(cat "$T/out/copy/spans.jsonl" | sha256sum)" \
    "$(sha256sum <"$T/ref/f/spans.jsonl")"
finish
