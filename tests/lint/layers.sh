#!/bin/sh
# layers: who may include whom (src/README.md), each header compiles alone, own header first.
set -u
cd "${SRC:?}" || exit 1
bad=0
check() {	# folder, allowed folders
	folder=$1
	shift
	allowed="$folder $*"
	for f in src/"$folder"/*.c src/"$folder"/*.h include/"$folder"/*.h; do
		[ -f "$f" ] || continue
		for inc in $(sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' "$f" | sort -u); do
			case " $allowed " in
			*" $inc "*) ;;
			*)
				echo "not ok $f includes $inc/"
				bad=1
				;;
			esac
		done
	done
	echo "ok layer $folder includes only:$([ $# -gt 0 ] && printf ' %s' "$@")"
}
check base
check cache base
check rank base
check model base
check match base model
check agg base rank model match
check query base model match
check plan base model
check shard base model
check render base model
check seal base model render shard
check catalog base model shard
check check base model render shard catalog
check ingest base model
check format base model match render
check opt base model match query plan
check filter base model match plan shard
check rowbinary base
check wire base
check chsql base model match agg rowbinary wire
check clickhouse base model match conf query agg plan ingest rowbinary wire chsql
check remote base model match conf agg plan exec chsql clickhouse
check contrast base model match agg plan shard filter
check gather base model match agg shard
check exec base model match agg plan shard filter gather contrast catalog
check parts base model agg plan catalog shard exec cache
check conf base
check sample base
check intake base model conf ingest render shard seal catalog
check watch base model plan conf
check decisions base model plan opt
check redis base conf shard catalog
check engine base cache parts model match agg query plan opt render shard catalog chsql clickhouse remote exec ingest format conf watch decisions redis
# fs sees the language only as far as engine.h hands out struct path.
check fs base engine query
check export base model conf ingest chsql clickhouse engine
check cmd base conf engine fs query catalog check ingest intake export sample
owner() {	# header, files that may include it
	h=$1
	shift
	for f in $(grep -lE "#include <$h>" -r src include); do
		case " $* " in
		*" $f "*) ;;
		*)
			echo "not ok $f includes <$h>"
			bad=1
			;;
		esac
	done
	echo "ok <$h> has one owner"
}
owner 'ini\.h' src/conf/conf.c
owner 'pcre2\.h' src/match/regex.c
owner 'zstd\.h' src/shard/codec.c src/wire/ch_pack.c $(ls src/ingest/unpack*.c src/ingest/*zstd*.c 2>/dev/null)
owner 'zlib\.h' src/wire/ch_pack.c $(ls src/ingest/unpack*.c src/ingest/*gzip*.c 2>/dev/null)
owner 'lzma\.h' src/ingest/unpack.c
owner 'curl/curl\.h' src/wire/ch_i.h
owner 'xxhash\.h' src/base/hash.c
owner 'hiredis/[a-z]*\.h' src/redis/redis_conn.c
owner 'openssl/[a-z0-9]*\.h' src/redis/redis_mac.c src/redis/redis_tls.c
for f in $(grep -lE '#include <fuse' -r src include); do
	case $f in
	src/fs/*) ;;
	*)
		echo "not ok $f includes FUSE"
		bad=1
		;;
	esac
done
for f in $(grep -lE '(^|[^a-z_])(printf|fprintf|perror)\(.|[^a-z_]stderr[^a-z_]' -r src include --include='*.c' |
	grep -v -e '^src/cmd/' -e '^src/base/log\.c$'); do
	echo "not ok $f prints"
	bad=1
done
echo "ok only cmd and base/log print"
# Files that are one row of one table each (opt's rules, exec's sinks) may be as many as there are
# rows.
for d in src/*/; do
	n=$(find "$d" -name '*.[ch]' ! -name 'rule_*' ! -name 'sink_*' | wc -l)
	[ "$n" -gt 40 ] || continue
	echo "not ok $d has $n files"
	bad=1
done
echo "ok a room of src has at most 40 files"
# A file is one noun.
for f in src/*/*.c; do
	n=$(wc -l <"$f")
	[ "$n" -gt 500 ] || continue
	echo "not ok $f has $n lines"
	bad=1
done
echo "ok a file of src has at most 500 lines"
dup=$(git ls-files 'src/*.[ch]' 2>/dev/null | grep -v README | sed 's/.*\///' | sort | uniq -d)
if [ -n "$dup" ]; then
	echo "not ok file names twice: $dup"
	bad=1
fi
echo "ok file names are unique"
for h in include/*/*.h; do
	[ "$h" = include/conf/conf_keys.h ] && continue
	echo "#include \"${h#include/}\"" |
		${CC-gcc} -std=gnu11 -D_GNU_SOURCE -Iinclude -fsyntax-only -x c - || {
		echo "not ok $h does not compile alone"
		bad=1
	}
done
echo "ok headers compile alone"
exit $bad
