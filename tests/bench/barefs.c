/* SPDX-License-Identifier: ISC */
/*
 * barefs MOUNTPOINT: a filesystem with nothing behind it, in the foreground. Its file N holds N
 * spaces. Names and attributes are kept by the kernel and a file's pages only while it is open,
 * as a mount of spanfs has it, so that open, read and close of a file of an answer's size tell
 * what FUSE alone takes.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
size_of(const char *path, off_t *size)
{
	char *end;

	*size = strtoll(path + 1, &end, 10);
	return path[1] == '\0' || *end != '\0' || *size < 0 ? -ENOENT : 0;
}

static int
bare_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	memset(st, 0, sizeof *st);
	st->st_nlink = 1;
	if (strcmp(path, "/") == 0) {
		st->st_mode = S_IFDIR | 0755;
		return 0;
	}
	st->st_mode = S_IFREG | 0444;
	return size_of(path, &st->st_size);
}

static int
bare_open(const char *path, struct fuse_file_info *fi)
{
	off_t size;

	fi->noflush = 1;
	return size_of(path, &size);
}

static int
bare_read(const char *path, char *buf, size_t n, off_t at, struct fuse_file_info *fi)
{
	off_t size;
	int code = size_of(path, &size);

	(void)fi;
	if (code < 0 || at >= size)
		return code;
	if ((off_t)n > size - at)
		n = (size_t)(size - at);
	memset(buf, ' ', n);
	return (int)n;
}

static void *
bare_init(struct fuse_conn_info *conn, struct fuse_config *conf)
{
	conn->max_readahead = 1 << 20;
	conf->entry_timeout = 60;
	conf->attr_timeout = 60;
	return NULL;
}

static const struct fuse_operations ops = {
	.getattr = bare_getattr,
	.open = bare_open,
	.read = bare_read,
	.init = bare_init,
};

int
main(int argc, char **argv)
{
	char *args[] = { argv[0], (char *)"-f", (char *)"-o", (char *)"ro,fsname=barefs",
		argc == 2 ? argv[1] : (char *)"--help", NULL };

	return fuse_main(5, args, &ops, NULL);
}
