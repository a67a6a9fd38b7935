#!/bin/sh
# need: what the tests use beside the compiler: a Debian package and a program of it a line.
#   need.sh              names what is missing and exits 1
#   need.sh packages     prints the packages, for bootstrap
set -u
PATH=$PATH:/usr/sbin	# of servers, which an ordinary user's has not

list() {
	cat <<END
attr		getfattr
bash		bash
clickhouse-server	clickhouse-server
coreutils	stat
diffutils	cmp
file		file
findutils	find
fuse3		fusermount3
mawk		awk
gzip		gzip
jq		jq
less		less
mandoc		mandoc
nodejs		node
openssl		openssl
perl-base	perl
procps		ps
python3		python3
redis-server	redis-server
ripgrep		rg
rsync		rsync
strace		strace
tar		tar
tmux		tmux
tree		tree
util-linux	flock
xz-utils	xz
zstd		zstd
END
}

case ${1-} in
packages)
	echo libcmocka-dev
	echo npm
	list | cut -f 1
	exit
	;;
esac
missing=$(list | while read -r package program; do
	command -v "$program" >/dev/null || echo "$program ($package)"
done)
[ -z "$missing" ] || {
	echo "the tests need what is not there:"
	echo "$missing" | sed 's/^/  /'
	echo "./bootstrap check installs it"
	exit 1
}
