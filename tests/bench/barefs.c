/* SPDX-License-Identifier: ISC */
/*
 * barefs MOUNTPOINT [keep]: a filesystem with nothing behind it, in the foreground. Its file N holds
 * N spaces; its directory dN lists N names, and below it are the same files and directories, to any
 * depth. Names and attributes are kept by the kernel and a file's pages only while it is open,
 * as a mount of spanfs without a cache has it, so that open, read and close of a file of an
 * answer's size tell what FUSE alone takes; with `keep` pages stay.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool keep;

/* The number at the end of a path, "/…/N" or, of a directory, "/…/dN". */
static int
number_of(const char *path, bool dir, off_t *n)
{
	const char *name = strrchr(path, '/') + 1;
	char *end;

	if ((*name == 'd') != dir)
		return -ENOENT;
	name += dir;
	*n = strtoll(name, &end, 10);
	return *name == '\0' || *end != '\0' || *n < 0 ? -ENOENT : 0;
}

static int
size_of(const char *path, off_t *size)
{
	return number_of(path, false, size);
}

static int
bare_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	memset(st, 0, sizeof *st);
	st->st_nlink = 1;
	if (strcmp(path, "/") == 0 || number_of(path, true, &st->st_size) == 0) {
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
	fi->keep_cache = keep;
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

static int
bare_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off,
    struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	off_t n = 0;
	char name[32];

	(void)off;
	(void)fi;
	(void)flags;
	if (strcmp(path, "/") != 0 && number_of(path, true, &n) != 0)
		return -ENOENT;
	for (off_t i = 0; i < n; i++) {
		snprintf(name, sizeof name, "%lld", (long long)i);
		if (fill(buf, name, NULL, 0, 0) != 0)
			return -ENOMEM;
	}
	return 0;
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
	.readdir = bare_readdir,
	.open = bare_open,
	.read = bare_read,
	.init = bare_init,
};

int
main(int argc, char **argv)
{
	char *args[] = { argv[0], (char *)"-f", (char *)"-o", (char *)"ro,fsname=barefs",
		argc == 2 || argc == 3 ? argv[1] : (char *)"--help", NULL };

	keep = argc == 3 && strcmp(argv[2], "keep") == 0;
	return fuse_main(5, args, &ops, NULL);
}
