/* SPDX-License-Identifier: ISC */
/*
 * spanfs: the mount. Settings are read and checked first; then, unless -f, a child goes into
 * the background before any thread is made, opens the store and mounts, and the parent
 * returns once the child says that the kernel is served, or with the child's error.
 */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/vec.h"
#include "cmd.h"
#include "fs/fs.h"
#include "mount_opts.h"
#include "readme_text.h"

struct daemon {
	struct mount_opts opts;
	struct conf *conf;
	VEC(struct conf *) old;	/* replaced by reloads: running queries may still look at them */
	const char *store, *mountpoint;
	char *file;		/* of settings, absolute; NULL: none */
	bool foreground, debug;
	int ready_fd;		/* to the waiting parent, or -1 */
	struct engine *engine;
};

static void
usage(FILE *f)
{
	fprintf(f, "usage: spanfs [-c FILE] [-o OPTION,...] [-fd] STORE|clickhouse MOUNTPOINT\n\n"
	    "  Mounts the traces in the directory STORE, or on the server of [clickhouse], at\n"
	    "  MOUNTPOINT.\n\n"
	    "  -o now=latest            the newest span is now (archives, demos)\n"
	    "  -o create                make the store if STORE is absent or empty\n"
	    "  -o allow_other           let other users in\n"
	    "  -o section.key=value     any setting of spanfs.ini(5)\n"
	    "  -c FILE                  settings; default /etc/spanfs.ini if it is there\n"
	    "  -f                       stay in the foreground, log to standard error\n"
	    "  -d                       the same, with FUSE's own trace\n"
	    "  -h, --help; -V, --version\n\n"
	    "Unmount with fusermount3 -u MOUNTPOINT. See spanfs(1).\n");
}

static int
start_log(struct daemon *d, struct err *e)
{
	const char *file = conf_str(d->conf, CONF_LOG_FILE);
	enum log_level level = (enum log_level)conf_u64(d->conf, CONF_LOG_LEVEL);

	if (d->foreground)
		return log_open(LOG_TO_STDERR, NULL, level, e);
	if (file[0] != '\0')
		return log_open(LOG_TO_FILE, file, level, e);
	return log_open(LOG_TO_SYSLOG, NULL, level, e);
}

/* The mount answers: let go of the terminal and tell the parent. */
static int
on_ready(void *arg, struct err *e)
{
	struct daemon *d = arg;
	int null;

	log_info("mounted %s at %s", d->store, d->mountpoint);
	engine_warm(d->engine);
	if (d->ready_fd < 0)
		return 0;
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
		return err_errno(e, "/dev/null");
	if (chdir("/") < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return err_errno(e, "going into the background");
	if (null > 2)
		close(null);
	if (write(d->ready_fd, "k", 1) != 1)
		log_warn("nobody waits for the mount");
	close(d->ready_fd);
	d->ready_fd = -1;
	return 0;
}

static void
on_hup(void *arg)
{
	struct daemon *d = arg;
	struct err err = ERR_INIT;
	struct conf *fresh;

	if (conf_load(d->file, d->opts.settings.sets, d->opts.settings.n_sets, &fresh,
	    &err) < 0) {
		log_error("settings not reloaded: %s", err.msg);
		return;
	}
	if (engine_check_settings(fresh, &err) < 0) {
		log_error("settings not reloaded: %s", err.msg);
		conf_free(fresh);
		return;
	}
	if (!vec_push(&d->old, d->conf)) {
		conf_free(fresh);
		return;
	}
	d->conf = fresh;
	engine_reload(d->engine, fresh);
	log_level_set((enum log_level)conf_u64(fresh, CONF_LOG_LEVEL));
	(void)log_reopen();
	log_info("settings reloaded");
}

static int
serve(struct daemon *d)
{
	struct err err = ERR_INIT;
	struct fs_callbacks cb = { on_ready, on_hup, d };
	struct fs_opts o = {
		.mountpoint = d->mountpoint,
		.name = d->store,
		.store = engine_is_server(d->store) ? NULL : d->store,
		.debug = d->debug,
		.fuse_options = d->opts.fuse[0] != '\0' ? d->opts.fuse : NULL,
		.readme = readme_text,
	};
	const char *hint = "";
	int code;

	signal(SIGPIPE, SIG_IGN);
	if ((code = start_log(d, &err)) < 0)
		goto fail;
	if ((code = engine_open(d->conf, d->store, d->opts.create, &d->engine, &err)) < 0) {
		if (code == ERR_UNKNOWN)
			hint = " (spanctl import makes one, and so does -o create)";
		goto fail;
	}
	if ((code = engine_ready(d->engine, &err)) < 0)
		goto close;
	o.allow_other = conf_bool(d->conf, CONF_MOUNT_ALLOW_OTHER);
	o.threads = (unsigned)conf_u64(d->conf, CONF_MOUNT_THREADS);
	o.entry_timeout_ns = conf_u64(d->conf, CONF_MOUNT_ENTRY_TIMEOUT);
	o.sizes_lazy = conf_u64(d->conf, CONF_MOUNT_SIZES) == SIZES_LAZY;
	o.stat_budget_ns = conf_u64(d->conf, CONF_MOUNT_STAT_BUDGET);
	o.readahead_bytes = conf_u64(d->conf, CONF_MOUNT_READAHEAD);
	code = fs_mount(d->engine, &o, &cb, &err);
	if (code == 0)
		log_info("unmounted %s", d->mountpoint);
close:
	engine_close(d->engine);
fail:
	if (code < 0) {
		if (d->ready_fd < 0 && !d->foreground)
			log_error("%s", err.msg);
		else
			fprintf(stderr, "spanfs: %s%s\n", err.msg, hint);
	}
	return code < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* Runs serve() in a child; returns when it is ready or has failed. */
static int
background(struct daemon *d)
{
	int fds[2], status;
	char c;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		perror("spanfs");
		return EXIT_FAILED;
	}
	if (pid == 0) {
		close(fds[0]);
		setsid();
		d->ready_fd = fds[1];
		return serve(d);
	}
	close(fds[1]);
	if (read(fds[0], &c, 1) == 1)
		_exit(EXIT_DONE);
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 0)
		_exit(WEXITSTATUS(status));
	fprintf(stderr, "spanfs: the mount ended before it was ready\n");
	_exit(EXIT_FAILED);
}

static int
parse(struct daemon *d, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int opt, code = EXIT_DONE;

	while (code == EXIT_DONE && (opt = getopt_long(argc, argv, "c:o:fdhVns", longs,
	    NULL)) != -1) {
		switch (opt) {
		case 'c':
			d->opts.settings.file = optarg;
			break;
		case 'o':
			code = mount_opts_add(&d->opts, optarg);
			break;
		case 'd':
			d->debug = true;
			d->foreground = true;
			break;
		case 'f':
			d->foreground = true;
			break;
		case 'n':	/* mount(8): no mtab, sloppy */
		case 's':
			break;
		case 'h':
			usage(stdout);
			exit(EXIT_DONE);
		case 'V':
			printf("spanfs %s\n", PACKAGE_VERSION);
			exit(EXIT_DONE);
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (code == EXIT_DONE && argc - optind != 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (code == EXIT_DONE) {
		d->store = argv[optind];
		d->mountpoint = argv[optind + 1];
		/* .spanfs/config is to show the store that is mounted. */
		code = mount_opts_set(&d->opts, arena_printf(&d->opts.arena, "store.path=%s",
		    d->store));
	}
	return code;
}

int
main(int argc, char **argv)
{
	struct daemon d = { .ready_fd = -1 };
	const char *file;
	int code;

	memory_few_heaps();
	mount_opts_init(&d.opts);
	if ((code = parse(&d, argc, argv)) != EXIT_DONE ||
	    (code = cmd_load("spanfs", &d.opts.settings, &d.conf)) != EXIT_DONE)
		goto out;
	file = cmd_conf_file(&d.opts.settings);
	if (file != NULL && (d.file = realpath(file, NULL)) == NULL) {
		perror(file);
		code = EXIT_FAILED;
		goto out;
	}
	code = d.foreground ? serve(&d) : background(&d);
out:
	for (size_t i = 0; i < d.old.n; i++)
		conf_free(d.old.v[i]);
	vec_release(&d.old);
	conf_free(d.conf);
	free(d.file);
	mount_opts_release(&d.opts);
	return code;
}
