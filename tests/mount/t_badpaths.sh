# SPDX-License-Identifier: ISC
# t_badpaths: every path of bad_paths.tsv, opened through the mount, fails with its errno;
# the daemon lives on.
. "$(dirname "$0")/lib.sh"
need_programs
LIST=$(cd "$(dirname "$0")" && pwd)/bad_paths.tsv
setup
make_store
mount_watched
cd "$M" || exit 1

# {TEXT}*N stands for TEXT N times.
expand() {
	printf '%s\n' "$1" | awk '{
		while (match($0, /\{[^{}]*\}\*[0-9]+/)) {
			m = substr($0, RSTART, RLENGTH)
			k = index(m, "}*")
			t = substr(m, 2, k - 2)
			r = ""
			for (i = substr(m, k + 2) + 0; i > 0; i--)
				r = r t
			$0 = substr($0, 1, RSTART - 1) r substr($0, RSTART + RLENGTH)
		}
		print
	}'
}

text_of() {
	case $1 in
	ENOENT) echo 'No such file or directory' ;;
	EINVAL) echo 'Invalid argument' ;;
	ENODATA) echo 'No data available' ;;
	E2BIG) echo 'Argument list too long' ;;
	ENAMETOOLONG) echo 'File name too long' ;;
	ELOOP) echo 'Too many levels of symbolic links' ;;
	ENOTDIR) echo 'Not a directory' ;;
	EISDIR) echo 'Is a directory' ;;
	OK) echo '' ;;
	*) echo "unknown errno $1" ;;
	esac
}

tab=$(printf '\t')
while IFS="$tab" read -r path want note; do
	case $path in
	'' | '#'*) continue ;;
	esac
	got=$(lim 20 head -c 1 -- "$(expand "$path")" 2>&1 >/dev/null | sed 's/.*: //')
	is "$path is $want${note:+: $note}" "$got" "$(text_of "$want")"
done <"$LIST"

holds "the mount answers" cat README
kill -0 "$DAEMON" && ok "the daemon lives" || not_ok "the daemon lives"
cd /
finish
