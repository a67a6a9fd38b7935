#!/bin/sh
# style: what of the code's style can be looked at: tabs, blanks, line ends, widths, heads; that
# the version is in one place; and that what the tarball is to have is there.
set -u
cd "${SRC:?}" || exit 1
files=$(find src include tests -name '*.[ch]' | sort)
bad=0
# none NAME: standard input is empty
none() {
	found=$(head -n 5)
	if [ -z "$found" ]; then
		echo "ok $1"
	else
		echo "not ok $1"
		printf '%s\n' "$found" | sed 's/^/# /'
		bad=1
	fi
}
grep -nE '[ 	]+$' $files | none "no blanks at the ends of lines"
grep -nE '^        ' $files | none "lines are indented with tabs"
grep -nE '^	* 	' $files | none "no blank before a tab at the begin of a line"
grep -l "$(printf '\r')" $files | none "lines end in LF"
# One process for all files: a process each takes minutes on a busy machine.
if [ "$(tail -qc 1 $files | wc -l)" -ne "$(printf '%s\n' $files | wc -l)" ]; then
	for f in $files; do
		[ "$(tail -c 1 "$f" | wc -l)" -eq 1 ] || echo "$f"
	done
fi | none "files end with a line"
# of_lines CHECK: the files, or lines, at fault
of_lines() {
	awk -v what="$1" '
		what == "head" && FNR == 1 && !/SPDX-License-Identifier: ISC/ { print FILENAME }
		what == "what" && FNR == 1 {
			if (file != "")
				print file
			file = FILENAME
		}
		what == "what" && FNR == 2 && /^\/\*/ { file = "" }
		what == "long" && length($0) > 25 {
			width = 0
			n = split($0, part, "\t")
			for (i = 1; i <= n; i++) {
				width += length(part[i])
				if (i < n)
					width += 8 - width % 8
			}
			if (width > 200)
				print FILENAME ":" FNR
		}
		END {
			if (file != "")
				print file
		}' $files
}
of_lines long | none "lines end within 200 columns"
of_lines head | none "every file begins with its license"
of_lines what | none "... and then says what it is"
grep -nE '^(if|for|while|switch)\(|[	 ](if|for|while|switch)\(' $files |
	none "a blank between keyword and bracket"
grep -nE "else\{|\}else" $files | none "blanks around else"
version=$(sed -n 's/^AC_INIT(\[spanfs\], \[\([0-9.]*\)\])$/\1/p' configure.ac)
[ -n "$version" ] && grep -q "^## $version" CHANGELOG.md && echo "ok CHANGELOG has version $version" ||
	{ echo "not ok CHANGELOG has version '$version'"; bad=1; }
grep -rnF "\"$version\"" src include | none "the version stands in configure.ac alone"
extra=$(sed -n '/^EXTRA_DIST/,/[^\\]$/p' Makefile.am | tr -d '\\' | tr -s ' \t' '\n' | sed 1,2d)
[ -n "$extra" ] || echo nothing | none "EXTRA_DIST is found"
for f in $extra; do
	[ -e "$f" ] || echo "$f"
done | none "what EXTRA_DIST names is there"
exit $bad
