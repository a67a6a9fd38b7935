/* SPDX-License-Identifier: ISC */
/*
 * The daemon under a long day: imports come in, and files of ever other queries are looked at.
 * Afterwards it is within 64 MiB of what it took at its start, its caches on top, and metrics
 * show what the kernel counts. STEADY_STATS and STEADY_IMPORTS set how long the day is (6,000
 * and 100; 60000 and 1000 are what is promised). Needs /dev/fuse, and the programs in SPANFS
 * and SPANCTL.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/otlp_lines.h"

#define MIB (1024.0 * 1024.0)
#define CACHES_MIB 32		/* of the settings below */
#define SLACK_MIB 64
#define FIRST_HOUR UINT64_C(1759312800000000000)	/* 2025-10-01T10:00Z */

static char dir[64], store[96], mount[96];
static pid_t daemon_pid;

static unsigned long
number_of(const char *env, unsigned long otherwise)
{
	const char *s = getenv(env);

	return s == NULL ? otherwise : strtoul(s, NULL, 10);
}

/* Starts a program with `input` on its standard input. */
static pid_t
start(char *const argv[], struct sv input)
{
	int pipe_fd[2];
	pid_t pid;

	assert_int_equal(pipe(pipe_fd), 0);
	if ((pid = fork()) == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(pipe_fd[0], 0);
		dup2(null, 1);
		close(pipe_fd[0]);
		close(pipe_fd[1]);
		execv(argv[0], argv);
		_exit(127);
	}
	assert_true(pid > 0);
	close(pipe_fd[0]);
	for (size_t at = 0; at < input.n;) {
		ssize_t n = write(pipe_fd[1], input.p + at, input.n - at);

		assert_true(n > 0);
		at += (size_t)n;
	}
	close(pipe_fd[1]);
	return pid;
}

static int
exit_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Each an hour of its own, later than those before. */
static void
import(uint32_t i)
{
	struct otlp_lines lines = { .set = i + 1, .from = 0, .to = 40,
	    .start_ns = FIRST_HOUR + i * 3600 * UINT64_C(1000000000) };
	char *argv[] = { getenv("SPANCTL"), (char *)(uintptr_t)"-s", store,
	    (char *)(uintptr_t)"import", (char *)(uintptr_t)"-", NULL };
	struct buf text = BUF_INIT;

	otlp_lines(&text, &lines);
	assert_false(text.oom);
	assert_int_equal(exit_of(start(argv, buf_view(&text))), 0);
	buf_release(&text);
}

/* A number behind a name at the beginning of a line; -1: it isn't there. */
static double
figure(const char *path, const char *name)
{
	size_t n = strlen(name);
	char line[512];
	double v = -1;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (v < 0 && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, name, n) == 0)
			v = strtod(line + n, NULL);
	fclose(f);
	return v;
}

static double
metric(const char *name)
{
	char path[160];

	snprintf(path, sizeof path, "%s/.spanfs/metrics", mount);
	return figure(path, name);
}

static double
resident_mib(void)
{
	char path[64];
	double kib;

	snprintf(path, sizeof path, "/proc/%d/status", (int)daemon_pid);
	assert_true((kib = figure(path, "VmRSS:")) > 0);
	return kib / 1024;
}

static void
mount_store(void)
{
	char *argv[] = { getenv("SPANFS"), (char *)(uintptr_t)"-f", (char *)(uintptr_t)"-o",
	    (char *)(uintptr_t)"now=latest,result_cache.max_bytes=16MiB,store.cache=16MiB,"
	    "log.level=error,mount.stat_budget=60s", store, mount, NULL };
	char path[160];
	struct stat st;

	daemon_pid = start(argv, SV_EMPTY);
	snprintf(path, sizeof path, "%s/.spanfs/metrics", mount);
	for (int tries = 0; stat(path, &st) != 0; tries++) {
		assert_true(tries < 600);
		usleep(50000);
	}
}

/* Forgets the results; a node of the kernel's may hold one yet. */
static void
flush(void)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof path, "%s/.spanfs/control", mount);
	assert_non_null(f = fopen(path, "w"));
	assert_true(fputs("flush\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* A file of a query that nobody has asked for. */
static void
stat_another(unsigned long i)
{
	static const char *const files[] = { "count", "spans.jsonl", "traces.txt", "spans.csv" };
	char path[256];
	struct stat st;

	snprintf(path, sizeof path, "%s/since/3h/where/duration/lt/%lums/limit/%lu/%s", mount,
	    1 + i % 977, 1 + i, files[i % 4]);
	if (stat(path, &st) != 0)
		fail_msg("%s: it can't be looked at", path);
}

static void
ends_where_it_began(void **state)
{
	unsigned long n_stats = number_of("STEADY_STATS", 6000);
	unsigned long n_imports = number_of("STEADY_IMPORTS", 100), done = 0;
	double begun, ended, shown;

	(void)state;
	if (daemon_pid == 0) {
		/* As for the scripts of mount: it must be said that there is no FUSE. */
		assert_non_null(getenv("SPANFS_TEST_NO_FUSE"));
		skip();
	}
	for (; done < 50; done++)
		stat_another(done);
	begun = resident_mib();
	for (unsigned long i = 1; i <= n_imports; i++) {
		import((uint32_t)i);
		for (; done < 50 + n_stats * i / n_imports; done++)
			stat_another(done);
	}
	assert_true(metric("spanfs_result_cache_memory_bytes ") <= 16 * MIB);
	flush();
	ended = resident_mib();
	shown = metric("spanfs_memory_resident_bytes ") / MIB;
	print_message("%lu stats, %lu imports: %.1f MiB, then %.1f; metrics: %.1f\n", n_stats,
	    n_imports, begun, ended, shown);
	assert_true(ended < begun + SLACK_MIB + CACHES_MIB);
	assert_true(shown > ended * 0.8 && shown < ended * 1.2);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
setup(void **state)
{
	(void)state;
	if (access("/dev/fuse", R_OK | W_OK) != 0 || getenv("SPANFS") == NULL ||
	    getenv("SPANCTL") == NULL)
		return 0;
	snprintf(dir, sizeof dir, "/tmp/spanfs-steady-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(store, sizeof store, "%s/store", dir);
	snprintf(mount, sizeof mount, "%s/mount", dir);
	assert_int_equal(mkdir(mount, 0700), 0);
	import(0);
	mount_store();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (daemon_pid == 0)
		return 0;
	kill(daemon_pid, SIGTERM);
	assert_int_equal(exit_of(daemon_pid), 0);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_where_it_began),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
