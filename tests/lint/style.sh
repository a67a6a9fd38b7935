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
grep -lPz '[^\n]\z' $files | none "files end with a line"
awk -F '\t' 'length($0) + 7 * (NF - 1) > 200 {
	n = length($1)
	for (i = 2; i <= NF; i++)
		n += 8 - n % 8 + length($i)
	if (n > 200)
		print FILENAME ":" FNR
}' $files | none "lines end within 200 columns"
awk 'FNR == 1 && !/SPDX-License-Identifier: ISC/ { print FILENAME }' $files |
	none "every file begins with its license"
awk 'FNR == 2 && !/^\/\*/ { print FILENAME }' $files | none "... and then says what it is"
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
