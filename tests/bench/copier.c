/* SPDX-License-Identifier: ISC */
/*
 * copier HOW FROM TO: copies a file by one system call that moves bytes in the kernel, without a
 * question about its size: sendfile, splice (through a pipe) or copy_file_range. A failure, as of
 * copy_file_range between two file systems, is status 1 and a line; nothing is tried instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 20)

static void
die(const char *what)
{
	fprintf(stderr, "copier: %s: %s\n", what, strerror(errno));
	exit(1);
}

static ssize_t
by_splice(int in, int out, const int *pipes)
{
	ssize_t n = splice(in, NULL, pipes[1], NULL, 65536, SPLICE_F_MOVE), k;

	for (ssize_t left = n; left > 0; left -= k)
		if ((k = splice(pipes[0], NULL, out, NULL, (size_t)left, SPLICE_F_MOVE)) <= 0)
			return -1;
	return n;
}

int
main(int argc, char **argv)
{
	int in, out, pipes[2];
	ssize_t n;

	if (argc != 4) {
		fprintf(stderr, "usage: copier sendfile|splice|copy_file_range FROM TO\n");
		return 2;
	}
	if ((in = open(argv[2], O_RDONLY | O_CLOEXEC)) < 0)
		die(argv[2]);
	if ((out = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) < 0)
		die(argv[3]);
	if (pipe2(pipes, O_CLOEXEC) != 0)
		die("pipe");
	do {
		if (strcmp(argv[1], "sendfile") == 0)
			n = sendfile(out, in, NULL, PIECE);
		else if (strcmp(argv[1], "splice") == 0)
			n = by_splice(in, out, pipes);
		else
			n = copy_file_range(in, NULL, out, NULL, PIECE, 0);
	} while (n > 0);
	if (n < 0)
		die(argv[1]);
	return close(out) == 0 ? 0 : 1;
}
