/* SPDX-License-Identifier: ISC */
/*
 * host: a bare host for the peers' engines, so that their times hold no Node or Python.
 *
 *   host duckdb LIBDUCKDB.so  DBFILE|:memory: [-i INIT.sql] [-n WARM] [-o OUT] < query.sql
 *   host chdb   LIBCHDB.so    DIR|:memory:    [-i INIT.sql] [-n WARM] [-o OUT] < query.sql
 *   host sqlite LIBSQLITE3.so DBFILE|:memory: [-i INIT.sql] [-n WARM] [-o OUT] < query.sql
 *
 * Loads the library that the npm package ships (dlopen), opens the store, runs INIT, then the
 * query 1 + WARM times, each time turning the whole result into text lines (one JSON array a
 * row) as a client would. A text may hold several statements split by lines of just ";;"; the
 * last one's result counts. OUT gets the text of the last run; one JSON line with the times in
 * ms goes to stdout.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
die(const char *a, const char *b)
{
	fprintf(stderr, "host: %s: %s\n", a, b ? b : "?");
	exit(1);
}

static void *
sym(void *h, const char *n)
{
	void *p = dlsym(h, n);
	if (!p)
		die(n, "no such symbol");
	return p;
}

#define FN(ret, name, ...) static ret (*name)(__VA_ARGS__)
#define GET(h, name) *(void **)(&name) = sym(h, #name)

// DuckDB's C API, as far as used
typedef struct {
	uint64_t a, b, c;
	void *d;
	char *err;
	void *internal;
} duckdb_result;

FN(int, duckdb_open, const char *, void **);
FN(int, duckdb_connect, void *, void **);
FN(int, duckdb_query, void *, const char *, duckdb_result *);
FN(void, duckdb_destroy_result, duckdb_result *);
FN(const char *, duckdb_result_error, duckdb_result *);
FN(uint64_t, duckdb_column_count, duckdb_result *);
FN(uint64_t, duckdb_row_count, duckdb_result *);
FN(char *, duckdb_value_varchar, duckdb_result *, uint64_t, uint64_t);
FN(void, duckdb_free, void *);
FN(void, duckdb_disconnect, void **);
FN(void, duckdb_close, void **);
// chdb's
FN(void **, chdb_connect, int, char **);
FN(void *, chdb_query, void *, const char *, const char *);
FN(const char *, chdb_result_error, void *);
FN(char *, chdb_result_buffer, void *);
FN(size_t, chdb_result_length, void *);
FN(void, chdb_destroy_query_result, void *);
FN(void, chdb_close_conn, void **);

// SQLite's
FN(int, sqlite3_open_v2, const char *, void **, int, const char *);
FN(int, sqlite3_prepare_v2, void *, const char *, int, void **, const char **);
FN(int, sqlite3_step, void *);
FN(int, sqlite3_finalize, void *);
FN(int, sqlite3_column_count, void *);
FN(const unsigned char *, sqlite3_column_text, void *, int);
FN(int, sqlite3_column_bytes, void *, int);
FN(const char *, sqlite3_errmsg, void *);
FN(int, sqlite3_close, void *);
FN(int, sqlite3_create_function, void *, const char *, int, int, void *,
    void (*)(void *, int, void **), void *, void *);
FN(const unsigned char *, sqlite3_value_text, void *);
FN(void, sqlite3_result_int, void *, int);

static enum { DUCK, CHDB, LITE } eng;

static void *con, *db;
static void **ch;
static char *out;
static size_t on, ocap;
static uint64_t rows;

static void
add(const char *s, size_t n)
{
	if (on + n > ocap) {
		ocap = (on + n) * 2 + 65536;
		out = realloc(out, ocap);
		if (!out)
			die("realloc", 0);
	}
	memcpy(out + on, s, n);
	on += n;
}

static void
add_quoted(const char *v)
{
	add("\"", 1);
	for (const char *q = v; *q; q++) {
		if (*q == '"' || *q == '\\')
			add("\\", 1);
		if (*q == '\n')
			add("\\n", 2);
		else if (*q == '\t')
			add("\\t", 2);
		else
			add(q, 1);
	}
	add("\"", 1);
}

static void
lite_regexp(void *c, int n, void **a)
{ // X REGEXP Y calls regexp(Y, X); POSIX extended, compiled once
	static regex_t re;
	static char *had;
	(void)n;
	const char *pat = (const char *)sqlite3_value_text(a[0]),
		   *s = (const char *)sqlite3_value_text(a[1]);
	if (!pat || !s)
		return;
	if (!had || strcmp(had, pat)) {
		if (had) {
			regfree(&re);
			free(had);
		}
		if (regcomp(&re, pat, REG_EXTENDED | REG_NOSUB))
			die(pat, "bad regex");
		had = strdup(pat);
	}
	sqlite3_result_int(c, regexec(&re, s, 0, 0, 0) == 0);
}

static void
run1(const char *sql)
{
	on = 0;
	rows = 0;
	if (eng == LITE) {
		void *st;
		const char *tail = sql;
		while (*tail && strspn(tail, " \t\r\n;") != strlen(tail)) {
			if (sqlite3_prepare_v2(db, tail, -1, &st, &tail))
				die(sql, sqlite3_errmsg(db));
			if (!st)
				continue;
			int nc = sqlite3_column_count(st), rc;
			while ((rc = sqlite3_step(st)) == 100) {
				rows++;
				if (nc == 1) {
					const char *v =
					    (const char *)sqlite3_column_text(st, 0);
					if (v && *v == '{') {
						add(v, (size_t)sqlite3_column_bytes(st, 0));
						add("\n", 1);
						continue;
					}
				}
				add("[", 1);
				for (int c = 0; c < nc; c++) {
					const char *v =
					    (const char *)sqlite3_column_text(st, c);
					if (c)
						add(",", 1);
					if (v)
						add_quoted(v);
					else
						add("null", 4);
				}
				add("]\n", 2);
			}
			if (rc != 101)
				die(sql, sqlite3_errmsg(db));
			sqlite3_finalize(st);
		}
	} else if (eng == DUCK) {
		duckdb_result r;
		if (duckdb_query(con, sql, &r))
			die(sql, duckdb_result_error(&r));
		uint64_t nc = duckdb_column_count(&r);
		rows = duckdb_row_count(&r);
		for (uint64_t i = 0; i < rows; i++) {
			add("[", 1);
			for (uint64_t c = 0; c < nc; c++) {
				char *v = duckdb_value_varchar(&r, c, i);
				if (c)
					add(",", 1);
				if (!v) {
					add("null", 4);
					continue;
				}
				add_quoted(v);
				duckdb_free(v);
			}
			add("]\n", 2);
		}
		duckdb_destroy_result(&r);
	} else {
		void *r = chdb_query(*ch, sql, "JSONCompactStringsEachRow");
		const char *e = chdb_result_error(r);
		if (e && *e)
			die(sql, e);
		size_t n = chdb_result_length(r);
		const char *p = chdb_result_buffer(r);
		if (n)
			add(p, n);
		for (size_t i = 0; i < n; i++)
			rows += p[i] == '\n';
		chdb_destroy_query_result(r);
	}
}

static void
script(char *s)
{ // statements split by lines of ";;"
	for (;;) {
		char *e = strstr(s, "\n;;\n");
		if (e)
			*e = 0;
		if (strspn(s, " \t\r\n") != strlen(s))
			run1(s);
		if (!e)
			return;
		*e = '\n';
		s = e + 4;
	}
}

static char *
slurp(FILE *f)
{
	size_t n = 0, c = 1 << 16;
	char *p = malloc(c + 1);
	for (size_t k; (k = fread(p + n, 1, c - n, f)) > 0;) {
		n += k;
		if (n == c)
			p = realloc(p, (c *= 2) + 1);
	}
	p[n] = 0;
	return p;
}

int
main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: host duckdb|chdb|sqlite LIB DB [-i INIT.sql] [-n WARM] "
				"[-o OUT] < query.sql\n");
		return 2;
	}
	const char *init = 0, *of = 0;
	int warm = 0;
	for (int i = 4; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "-i"))
			init = argv[i + 1];
		else if (!strcmp(argv[i], "-n"))
			warm = atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "-o"))
			of = argv[i + 1];
		else
			die(argv[i], "unknown option");
	}
	eng = !strcmp(argv[1], "duckdb") ? DUCK : !strcmp(argv[1], "chdb") ? CHDB : LITE;
	double t0 = now();
	void *h = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
	if (!h)
		die(argv[2], dlerror());
	double t1 = now();
	if (eng == LITE) {
		GET(h, sqlite3_open_v2);
		GET(h, sqlite3_prepare_v2);
		GET(h, sqlite3_step);
		GET(h, sqlite3_finalize);
		GET(h, sqlite3_column_count);
		GET(h, sqlite3_column_text);
		GET(h, sqlite3_column_bytes);
		GET(h, sqlite3_errmsg);
		GET(h, sqlite3_close);
		GET(h, sqlite3_create_function);
		GET(h, sqlite3_value_text);
		GET(h, sqlite3_result_int);
		if (sqlite3_open_v2(argv[3], &db, 6, 0))
			die(argv[3], "cannot open");
		sqlite3_create_function(db, "regexp", 2, 1 | 0x800, 0, lite_regexp, 0, 0);
	} else if (eng == DUCK) {
		GET(h, duckdb_open);
		GET(h, duckdb_connect);
		GET(h, duckdb_query);
		GET(h, duckdb_destroy_result);
		GET(h, duckdb_result_error);
		GET(h, duckdb_column_count);
		GET(h, duckdb_row_count);
		GET(h, duckdb_value_varchar);
		GET(h, duckdb_free);
		GET(h, duckdb_disconnect);
		GET(h, duckdb_close);
		if (duckdb_open(!strcmp(argv[3], ":memory:") ? 0 : argv[3], &db) ||
		    duckdb_connect(db, &con))
			die(argv[3], "cannot open");
	} else {
		GET(h, chdb_connect);
		GET(h, chdb_query);
		GET(h, chdb_result_error);
		GET(h, chdb_result_buffer);
		GET(h, chdb_result_length);
		GET(h, chdb_destroy_query_result);
		GET(h, chdb_close_conn);
		char path[4096];
		snprintf(path, sizeof path, "--path=%s", argv[3]);
		char *av[] = { (char *)"clickhouse", path, 0 };
		ch = chdb_connect(strcmp(argv[3], ":memory:") ? 2 : 1, av);
		if (!ch)
			die(argv[3], "cannot open");
	}
	double t2 = now();
	if (init) {
		FILE *f = fopen(init, "r");
		if (!f)
			die(init, "cannot read");
		char *s = slurp(f);
		fclose(f);
		script(s);
		free(s);
	}
	double t3 = now();
	char *sql = slurp(stdin);
	double *ms = calloc((size_t)warm + 1, sizeof *ms);
	for (int i = 0; i <= warm; i++) {
		double a = now();
		script(sql);
		ms[i] = now() - a;
	}
	if (of) {
		FILE *f = fopen(of, "w");
		if (!f || fwrite(out, 1, on, f) != on || fclose(f))
			die(of, "cannot write");
	}
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	printf("{\"load_ms\":%.3f,\"open_ms\":%.3f,\"init_ms\":%.3f,\"first_ms\":%.3f,\"warm_"
	       "ms\":[",
	    t1 - t0, t2 - t1, t3 - t2, ms[0]);
	for (int i = 1; i <= warm; i++)
		printf("%s%.3f", i > 1 ? "," : "", ms[i]);
	double t4 = now();
	if (eng == LITE)
		sqlite3_close(db);
	else if (eng == DUCK) {
		duckdb_disconnect(&con);
		duckdb_close(&db);
	} else
		chdb_close_conn(ch);
	printf("],\"close_ms\":%.3f,\"rows\":%llu,\"out_bytes\":%zu,\"rss_kb\":%ld,\"cpu_ms\":%"
	       ".1f}\n",
	    now() - t4, (unsigned long long)rows, on, u.ru_maxrss,
	    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
		(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3);
	fflush(stdout);
	_exit(0);
}
