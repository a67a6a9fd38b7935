#!/bin/sh
# circles: files of src/ that call each other in a loop, by the symbols of their objects: what
# an object defines and what it leaves for another to define. Names every file of a loop.
set -u
cd "${BUILD:?}" || exit 1
edges=$(mktemp)
trap 'rm -f "$edges"' EXIT
# The programs' own files are in no archive.
nm -A -g lib*.a src/cmd/*.o | awk '
	NF < 3 || /^src\/cmd\/tests_/ { next }
	{
		# libNAME.a:OBJECT.o: [address] TYPE SYMBOL, or FOLDER/OBJECT.o: ...
		split($1, at, ":")
		file = at[1] ~ /\.a$/ ? at[2] : at[1]
		sub(/.*\//, "", file)
		sub(/^lib[a-z]*_a-/, "", file)
		sub(/\.o$/, ".c", file)
		type = $(NF - 1)
		if (type == "U")
			used[++n] = file SUBSEP $NF
		else if (type ~ /[TDBRVW]/)
			home[$NF] = file
	}
	END {
		for (i = 1; i <= n; i++) {
			split(used[i], u, SUBSEP)
			if (u[2] in home && home[u[2]] != u[1])
				print u[1], home[u[2]]
		}
	}' | sort -u >"$edges"
[ -s "$edges" ] || {
	echo "not ok no objects to look at"
	exit 1
}
python3 - "$edges" <<'PY'
import sys

# Tarjan's strongly connected components.
graph = {}
for line in open(sys.argv[1]):
    a, b = line.split()
    graph.setdefault(a, []).append(b)
    graph.setdefault(b, [])
index, low, stack, on, loops = {}, {}, [], set(), []
sys.setrecursionlimit(10000)


def visit(v):
    index[v] = low[v] = len(index)
    stack.append(v)
    on.add(v)
    for w in graph[v]:
        if w not in index:
            visit(w)
            low[v] = min(low[v], low[w])
        elif w in on:
            low[v] = min(low[v], index[w])
    if low[v] == index[v]:
        loop = []
        while True:
            w = stack.pop()
            on.discard(w)
            loop.append(w)
            if w == v:
                break
        if len(loop) > 1:
            loops.append(sorted(loop))


for v in sorted(graph):
    if v not in index:
        visit(v)
for loop in sorted(loops):
    print("not ok these files call each other in a loop: " + " ".join(loop))
if not loops:
    print("ok no files call each other in a loop")
sys.exit(bool(loops))
PY
