/* SPDX-License-Identifier: ISC */
/*
 * client: what a user of a file sees, timed. Prints one JSON line; times in ms.
 *
 *   client file N PATH              opens, reads to the end, closes: once, then N times
 *   client walk N PREFIX            stats PREFIX/0 to PREFIX/(N - 1): as new names, then again
 *   client mix SECONDS THREADS P... THREADS readers, each taking the paths in a random order
 *   client look SECONDS MS PREFIX...  stats new names PREFIX/1, PREFIX/2, ... of all by turns, so far apart
 *   client spawn N IN OUT PROG...   starts PROG with stdin IN and stdout OUT, waits: N times
 *   client cpu N THREADS            a fixed amount of arithmetic, split among THREADS: N times
 *
 * A path that cannot be opened or read ends it with status 1 and the errno's name on stderr;
 * mix counts it and goes on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES (1u << 20)
#define MAX_THREADS 64

extern char **environ;

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
die(const char *what)
{
	fprintf(stderr, "client: %s: %s %s\n", what, strerrorname_np(errno), strerror(errno));
	exit(1);
}

static void *
allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		die("memory");
	return p;
}

/* The bytes of the file, or -1 with errno. */
static int64_t
try_file(const char *path, char *buf)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), e;
	int64_t sum = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = read(fd, buf, READ_BYTES)) > 0)
		sum += n;
	e = errno;
	close(fd);
	errno = e;
	return n < 0 ? -1 : sum;
}

static int64_t
read_file(const char *path, char *buf)
{
	int64_t n = try_file(path, buf);

	if (n < 0)
		die(path);
	return n;
}

static void
print_list(const char *key, const double *v, size_t n)
{
	printf(",\"%s\":[", key);
	for (size_t i = 0; i < n; i++)
		printf("%s%.4f", i == 0 ? "" : ",", v[i]);
	printf("]");
}

static int
time_file(size_t n, const char *path)
{
	char *buf = allocate(1, READ_BYTES);
	double *ms = allocate(n, sizeof *ms);
	double first = now_ms();
	int64_t bytes = read_file(path, buf);

	first = now_ms() - first;
	for (size_t i = 0; i < n; i++) {
		double t = now_ms();

		if (read_file(path, buf) != bytes) {
			fprintf(stderr, "client: %s: not the same length twice\n", path);
			return 1;
		}
		ms[i] = now_ms() - t;
	}
	printf("{\"bytes\":%lld,\"first_ms\":%.4f", (long long)bytes, first);
	print_list("ms", ms, n);
	printf("}\n");
	free(ms);
	free(buf);
	return 0;
}

static double
walk_once(size_t n, const char *prefix)
{
	char *path = allocate(1, strlen(prefix) + 32);
	double t = now_ms();
	struct stat st;

	for (size_t i = 0; i < n; i++) {
		sprintf(path, "%s/%zu", prefix, i);
		if (stat(path, &st) != 0)
			die(path);
	}
	t = now_ms() - t;
	free(path);
	return t;
}

static int
walk(size_t n, const char *prefix)
{
	double first = walk_once(n, prefix);

	printf("{\"ms\":[%.4f],\"again_ms\":[%.4f]}\n", first, walk_once(n, prefix));
	return 0;
}

/* ---- look ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print_looks(double *ms, size_t n)
{
	qsort(ms, n, sizeof *ms, by_value);
	printf("{\"n\":%zu,\"p50_ms\":%.4f,\"p90_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f}", n,
	    ms[n / 2], ms[n * 9 / 10], ms[n * 99 / 100], ms[n - 1]);
}

/* Sleeps in between: who never waits is given less of the processor by and by, and is no person. */
static int
look(double seconds, double apart_ms, char **prefixes, size_t n_prefixes)
{
	double until = now_ms() + seconds * 1e3, t = 0;
	size_t cap = (size_t)(seconds * 1e3 / apart_ms) + 2, n = 0;
	double *ms = allocate(cap * n_prefixes, sizeof *ms);

	for (; n < cap && t < until; n++)
		for (size_t i = 0; i < n_prefixes; i++) {
			struct timespec nap = { 0, (long)(apart_ms * 1e6) };
			char path[4096];
			struct stat st;

			snprintf(path, sizeof path, "%s/%zu", prefixes[i], n + 1);
			nanosleep(&nap, NULL);
			t = now_ms();
			if (stat(path, &st) != 0)
				die(path);
			ms[i * cap + n] = now_ms() - t;
		}
	printf("[");
	for (size_t i = 0; i < n_prefixes; i++) {
		printf("%s", i == 0 ? "" : ",");
		print_looks(ms + i * cap, n);
	}
	printf("]\n");
	free(ms);
	return 0;
}

/* ---- mix ---- */

struct sample {
	float ms;
	uint32_t path;
};

struct reader {
	pthread_t thread;
	char **paths;
	size_t n_paths;
	uint64_t seed;
	double until_ms;
	struct sample *v;
	size_t n, cap;
	size_t n_failed;
	int failed;		/* errno of the last that failed */
};

static void *
reader_run(void *arg)
{
	struct reader *r = arg;
	char *buf = allocate(1, READ_BYTES);
	double t = now_ms();

	while (t < r->until_ms) {
		uint32_t i;
		double end;

		r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
		i = (uint32_t)((r->seed >> 33) % r->n_paths);
		if (try_file(r->paths[i], buf) < 0) {
			r->n_failed++;
			r->failed = errno;
		}
		end = now_ms();
		if (r->n == r->cap) {
			r->cap = r->cap == 0 ? 4096 : r->cap * 2;
			if ((r->v = realloc(r->v, r->cap * sizeof *r->v)) == NULL)
				die("memory");
		}
		r->v[r->n++] = (struct sample){ (float)(end - t), i };
		t = end;
	}
	free(buf);
	return NULL;
}

static int
by_ms(const void *a, const void *b)
{
	float x = ((const struct sample *)a)->ms, y = ((const struct sample *)b)->ms;

	return (x > y) - (x < y);
}

/* v is sorted; of the samples of one path, or of all with path < 0. */
static void
print_ranks(const struct sample *v, size_t n, long path)
{
	size_t k = 0, seen = 0;
	double p50 = 0, p99 = 0, max = 0;

	for (size_t i = 0; i < n; i++)
		k += path < 0 || v[i].path == (uint32_t)path;
	for (size_t i = 0; i < n; i++) {
		if (path >= 0 && v[i].path != (uint32_t)path)
			continue;
		seen++;
		if (seen == (k + 1) / 2)
			p50 = (double)v[i].ms;
		if (seen == (k * 99 + 99) / 100)
			p99 = (double)v[i].ms;
		max = (double)v[i].ms;
	}
	printf("\"n\":%zu,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f", k, p50, p99, max);
}

static int
mix(double seconds, size_t n_threads, char **paths, size_t n_paths)
{
	struct reader r[MAX_THREADS] = { 0 };
	struct sample *all;
	size_t n = 0, n_failed = 0;
	int failed = 0;

	for (size_t i = 0; i < n_threads; i++) {
		r[i].paths = paths;
		r[i].n_paths = n_paths;
		r[i].seed = i * 7919 + 1;
		r[i].until_ms = now_ms() + seconds * 1e3;
		if (pthread_create(&r[i].thread, NULL, reader_run, &r[i]) != 0)
			die("thread");
	}
	for (size_t i = 0; i < n_threads; i++) {
		pthread_join(r[i].thread, NULL);
		n += r[i].n;
		n_failed += r[i].n_failed;
		if (r[i].failed != 0)
			failed = r[i].failed;
	}
	all = allocate(n + 1, sizeof *all);
	n = 0;
	for (size_t i = 0; i < n_threads; i++) {
		if (r[i].n != 0)
			memcpy(all + n, r[i].v, r[i].n * sizeof *all);
		n += r[i].n;
		free(r[i].v);
	}
	qsort(all, n, sizeof *all, by_ms);
	printf("{\"failed\":%zu,\"errno\":\"%s\",", n_failed,
	    failed == 0 ? "" : strerrorname_np(failed));
	print_ranks(all, n, -1);
	printf(",\"each\":[");
	for (size_t i = 0; i < n_paths; i++) {
		printf("%s{", i == 0 ? "" : ",");
		print_ranks(all, n, (long)i);
		printf("}");
	}
	printf("]}\n");
	free(all);
	return 0;
}

/* ---- spawn ---- */

static int
spawn(size_t n, const char *in, const char *out, char **argv)
{
	double *ms = allocate(n, sizeof *ms), *cpu = allocate(n, sizeof *cpu);
	posix_spawn_file_actions_t fa;
	long rss = 0;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, in, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	for (size_t i = 0; i < n; i++) {
		double t = now_ms();
		struct rusage u;
		int status;
		pid_t pid;

		if ((errno = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ)) != 0)
			die(argv[0]);
		if (wait4(pid, &status, 0, &u) != pid)
			die("wait4");
		ms[i] = now_ms() - t;
		if (status != 0) {
			fprintf(stderr, "client: %s: status %d\n", argv[0], status);
			return 1;
		}
		cpu[i] = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
		    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
		if (u.ru_maxrss > rss)
			rss = u.ru_maxrss;
	}
	printf("{\"rss_kb\":%ld", rss);
	print_list("ms", ms, n);
	print_list("cpu_ms", cpu, n);
	printf("}\n");
	posix_spawn_file_actions_destroy(&fa);
	free(ms);
	free(cpu);
	return 0;
}

/* ---- cpu ---- */

#define CPU_STEPS 400000000ull

struct share {
	pthread_t thread;
	uint64_t steps, sum;
};

static void *
share_run(void *arg)
{
	struct share *s = arg;
	uint64_t x = s->steps | 1;

	for (uint64_t i = 0; i < s->steps; i++)
		x = x * 6364136223846793005u + i;
	s->sum = x;
	return NULL;
}

static int
cpu(size_t n, size_t n_threads)
{
	double *ms = allocate(n, sizeof *ms);
	struct share s[MAX_THREADS] = { 0 };

	for (size_t i = 0; i < n; i++) {
		double t = now_ms();

		for (size_t k = 0; k < n_threads; k++) {
			s[k].steps = CPU_STEPS / n_threads;
			if (pthread_create(&s[k].thread, NULL, share_run, &s[k]) != 0)
				die("thread");
		}
		for (size_t k = 0; k < n_threads; k++)
			pthread_join(s[k].thread, NULL);
		ms[i] = now_ms() - t;
	}
	printf("{\"sum\":%llu", (unsigned long long)s[0].sum);
	print_list("ms", ms, n);
	printf("}\n");
	free(ms);
	return 0;
}

int
main(int argc, char **argv)
{
	size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	size_t threads = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

	if (argc == 4 && strcmp(argv[1], "file") == 0 && n != 0)
		return time_file(n, argv[3]);
	if (argc == 4 && strcmp(argv[1], "walk") == 0 && n != 0)
		return walk(n, argv[3]);
	if (argc > 4 && strcmp(argv[1], "mix") == 0 && threads != 0 && threads <= MAX_THREADS)
		return mix(strtod(argv[2], NULL), threads, argv + 4, (size_t)argc - 4);
	if (argc > 4 && strcmp(argv[1], "look") == 0 && n != 0 && strtod(argv[3], NULL) > 0)
		return look(strtod(argv[2], NULL), strtod(argv[3], NULL), argv + 4, (size_t)argc - 4);
	if (argc > 5 && strcmp(argv[1], "spawn") == 0 && n != 0)
		return spawn(n, argv[3], argv[4], argv + 5);
	if (argc == 4 && strcmp(argv[1], "cpu") == 0 && threads != 0 && threads <= MAX_THREADS)
		return cpu(n, threads);
	fprintf(stderr, "usage: client file N PATH | walk N PREFIX | mix SECONDS THREADS PATH... |"
	    " look SECONDS MS PREFIX... | spawn N IN OUT PROG... | cpu N THREADS\n");
	return 2;
}
