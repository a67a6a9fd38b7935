/* SPDX-License-Identifier: ISC */
/*
 * bench_regret: see bench_regret.h. Work is a fixed sum of the counters of a run with an empty
 * chunk cache (`weights`), in ns: after fits of such runs' CPU times to the counters, the last
 * weights set by hand, and how far the sum is from the time has not been measured since.
 * Counters, as times are another's too where a machine is shared. What a run finds in the cache
 * it has itself put there, so it counts next to nothing.
 *
 * The weights do not depend on [cost_model], so a wrong setting shows. As a check on them the
 * time of the CPU is compared, too, for every eighth query: the least of three cold runs.
 */
#include "bench/bench_regret.h"

#include "bench/bench_groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "opt/cost_adapt.h"
#include "shard/chunkcache.h"

#define RUNS 3
#ifndef TIMED_EVERY
#define TIMED_EVERY 8
#endif
#define CANDS_MAX 64

struct way {
	enum opt_force force;
	enum access access;
	uint64_t leaves;
};

struct measure {
	double work, ns, est;		/* est: of finding the rows, as the optimizer has it, in ns */
	struct profile prof;
};

struct regret {
	double ratio, time_ratio;	/* plan over best; time 0: not taken */
	char *text;			/* path, the plan's ways, the best by work and by time */
};

static double
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* What is counted, and how many ns one of it is taken to take, cold. */
static const struct {
	const char *name;
	size_t at;
	double ns;
} weights[] = {
	{ "shards", offsetof(struct profile, shards_opened), 500 },
	{ "groups", offsetof(struct profile, row_groups_visited), 450 },
	{ "reads", offsetof(struct profile, chunks_read), 7000 },
	{ "cached", offsetof(struct profile, chunks_cached), 50 },
	{ "read_bytes", offsetof(struct profile, read_bytes), 0.1 },
	{ "unpacked", offsetof(struct profile, unpacked_bytes), 1.5 },
	{ "scanned", offsetof(struct profile, rows_scanned), 0.01 },
	{ "values", offsetof(struct profile, values_tested), 0.5 },
	{ "texts", offsetof(struct profile, texts_tested), 10 },
	{ "named", offsetof(struct profile, index_rows), 2 },
	{ "counted", offsetof(struct profile, rows_counted), 1 },
	{ "fetched", offsetof(struct profile, rows_fetched), 120 },
	{ "traces", offsetof(struct profile, traces_assembled), 5000 },
};

static uint64_t
counter(const struct profile *p, size_t i)
{
	uint64_t v;

	memcpy(&v, (const char *)p + weights[i].at, sizeof v);
	return v;
}

static double
work_of(const struct profile *p)
{
	double sum = 0;

	for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
		sum += weights[i].ns * (double)counter(p, i);
	return sum;
}

static int
run_cold(struct request *r, struct measure *out)
{
	struct exec_env env = { .snapshot = r->world->snap, .memory = (size_t)4 << 30,
	    .threads = 1 };
	const struct contrast_options opt = { .memory = env.memory };
	struct exec *ex = NULL;
	struct batch b;
	double t0;
	int code;

	chunkcache_drop(catalog_cache(r->engine->catalog));
	t0 = cpu_ns();
	if (r->compared != NULL && (code = contrast_new(&opt, &env.contrast, NULL)) < 0)
		return code;
	if (r->plan->output == ROW_GROUP && (env.groups = groups_table(r)) == NULL)
		return -1;
	if ((code = exec_open(r->plan, &env, &ex, NULL)) < 0) {
		contrast_free(env.contrast);
		agg_table_free(env.groups);
		return code;
	}
	while ((code = exec_next(ex, &b, NULL)) == 0)
		;
	out->prof = *exec_profile(ex);
	out->work = work_of(&out->prof);
	out->est = r->plan->est_cost * COST_UNIT_NS;
	exec_close(ex);
	contrast_free(env.contrast);
	agg_table_free(env.groups);
	out->ns = cpu_ns() - t0;
	return code < 0 ? code : 0;
}

static struct request *
planned(struct engine *en, const char *path, const struct way *w)
{
	struct err e = ERR_INIT;
	struct request *r = NULL;
	struct path *p = NULL;
	struct sv file;

	if (path_parse(sv_cstr(path), engine_known_file, &p, &file, &e) == 0 &&
	    request_new(en, p, file, &r, &e) == 0) {
		r->force = w->force;
		r->force_leaves = w->leaves;
		if (request_plan(r, &e) < 0) {
			request_free(r);
			r = NULL;
		}
	}
	if (r == NULL)
		fprintf(stderr, "%s: %s\n", path, e.msg);
	path_unref(p);
	return r;
}

/* For fits: with SPANFS_BENCH_WAYS=FILE one line of tab-separated numbers for each way. */
static void
put_way(const char *path, const struct way *w, const struct measure *m, bool timed)
{
	static FILE *f;
	const struct profile *p = &m->prof;

	if (getenv("SPANFS_BENCH_WAYS") == NULL ||
	    (f == NULL && (f = fopen(getenv("SPANFS_BENCH_WAYS"), "w")) == NULL))
		return;
	fprintf(f, "%s\t%s/%llx\t%d\t%.0f\t%.0f\t%.0f", path, w->force == OPT_FORCE_NONE ?
	    "plan" : access_name(w->access), (unsigned long long)w->leaves, timed, m->est,
	    m->work, m->ns);
	for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
		fprintf(f, "\t%llu", (unsigned long long)counter(p, i));
	fputc('\n', f);
	fflush(f);
}

/* Runs it; timed: several times, for the least time. */
static int
measure_way(struct engine *en, const char *path, const struct way *w, bool timed,
    struct measure *out)
{
	struct request *r = planned(en, path, w);
	struct measure one;
	int code = r == NULL ? -1 : run_cold(r, out);

	for (int i = 1; code == 0 && timed && i < RUNS; i++)
		if ((code = run_cold(r, &one)) == 0 && one.ns < out->ns)
			out->ns = one.ns;
	request_free(r);
	if (code == 0)
		put_way(path, w, out, timed);
	return code;
}

/* ---- candidates ---- */

static enum opt_force
force_for(enum access a)
{
	switch (a) {
	case ACCESS_FULL:
		return OPT_FORCE_FULL;
	case ACCESS_ZONE:
		return OPT_FORCE_ZONE;
	case ACCESS_SERVICE:
		return OPT_FORCE_SERVICE;
	case ACCESS_TRACE:
		return OPT_FORCE_TRACE;
	case ACCESS_COVERING:
		return OPT_FORCE_COVERING;
	default:
		return OPT_FORCE_NONE;
	}
}

static size_t
list_ways(const struct plan *p, struct way *v)
{
	size_t n = 0, k;

	for (size_t i = 0; i < p->scan.n_classes; i++)
		for (size_t c = 0; c < p->scan.classes[i].n_cands && n < CANDS_MAX; c++) {
			const struct plan_cand *x = &p->scan.classes[i].cands[c];
			struct way w = { force_for(x->access), x->access, x->index_leaves };

			for (k = 0; k < n; k++)
				if (v[k].access == w.access && v[k].leaves == w.leaves)
					break;
			if (k == n && w.force != OPT_FORCE_NONE)
				v[n++] = w;
		}
	return n;
}

static void
note(struct regret *g, const char *path, const struct plan *p, const struct way *best,
    const struct way *fastest)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s  plan:", path);
	for (size_t i = 0; i < p->scan.n_classes; i++)
		buf_printf(&b, " %s/%llx", access_name(p->scan.classes[i].access),
		    (unsigned long long)p->scan.classes[i].index_leaves);
	if (best != NULL)
		buf_printf(&b, " best: %s/%llx", access_name(best->access),
		    (unsigned long long)best->leaves);
	if (fastest != NULL)
		buf_printf(&b, " fastest: %s/%llx", access_name(fastest->access),
		    (unsigned long long)fastest->leaves);
	g->text = strdup(buf_cstr(&b));
	buf_release(&b);
}

static int
measure_query(struct engine *en, const char *path, bool timed, struct regret *g)
{
	const struct way as_planned = { .force = OPT_FORCE_NONE };
	struct way ways[CANDS_MAX], *best = NULL, *fastest = NULL;
	struct request *r = planned(en, path, &as_planned);
	struct measure mine, one, least;
	size_t n;

	if (r == NULL)
		return -1;
	if (measure_way(en, path, &as_planned, timed, &mine) < 0) {
		request_free(r);
		return -1;
	}
	least = mine;
	n = list_ways(r->plan, ways);
	for (size_t i = 0; i < n; i++) {
		if (measure_way(en, path, &ways[i], timed, &one) < 0)
			continue;
		if (one.work < least.work) {
			least.work = one.work;
			best = &ways[i];
		}
		if (timed && one.ns < least.ns) {
			least.ns = one.ns;
			fastest = &ways[i];
		}
	}
	/* The first to run found the files cold. */
	if (timed && measure_way(en, path, &as_planned, true, &one) == 0 && one.ns < mine.ns)
		mine.ns = one.ns;
	if (mine.ns <= least.ns) {
		least.ns = mine.ns;
		fastest = NULL;
	}
	g->ratio = least.work > 0 ? mine.work / least.work : 1;
	g->time_ratio = timed ? mine.ns / least.ns : 0;
	note(g, path, r->plan, best, fastest);
	request_free(r);
	return 0;
}

/* ---- all ---- */

static int
by_time(const void *a, const void *b)
{
	const struct regret *x = a, *y = b;

	return (x->time_ratio < y->time_ratio) - (x->time_ratio > y->time_ratio);
}

static int
by_ratio(const void *a, const void *b)
{
	const struct regret *x = a, *y = b;

	return (x->ratio < y->ratio) - (x->ratio > y->ratio);
}

static void
print(struct regret *v, size_t n)
{
	size_t near = 0, timed = 0, near_time = 0;

	qsort(v, n, sizeof *v, by_ratio);
	for (size_t i = 0; i < n; i++) {
		near += v[i].ratio <= 1.1;
		timed += v[i].time_ratio > 0;
		near_time += v[i].time_ratio > 0 && v[i].time_ratio <= 1.1;
	}
	printf("\nworst choices:\n%8s  path\n", "work");
	for (size_t i = 0; i < n && i < 10; i++)
		printf("%8.2f  %s\n", v[i].ratio, v[i].text);
	printf("\nregret of %zu queries: %.1f %% within 1.1 of the least work, worst %.2f\n", n,
	    100 * (double)near / (double)n, v[0].ratio);
	qsort(v, n, sizeof *v, by_time);
	printf("by CPU time, of %zu: %.1f %% within 1.1 of the least\n%8s  path\n", timed,
	    timed == 0 ? 0 : 100 * (double)near_time / (double)timed, "time");
	for (size_t i = 0; i < timed && i < 10; i++)
		printf("%8.2f  %s\n", v[i].time_ratio, v[i].text);
}

size_t
regret_measure_groups(struct engine *en, const struct query_mix *mix, size_t n)
{
	struct regret *v = calloc(n + 1, sizeof *v);
	struct mix_query q = { .filter = BUF_INIT, .tail = BUF_INIT };
	struct buf path = BUF_INIT;
	size_t got = 0;

	for (size_t i = 0; v != NULL && i < n; i++) {
		query_mix_make(mix, i, &q);
		if (q.file != NULL)
			continue;
		path.n = 0;
		buf_sv(&path, buf_view(&q.filter));
		bench_groups_tail(i, &path);
		BUF_LIT(&path, "/groups.jsonl");
		got += measure_query(en, buf_cstr(&path), i % TIMED_EVERY == 0, &v[got]) == 0;
	}
	if (got != 0) {
		printf("\naggregates:\n");
		print(v, got);
	}
	for (size_t i = 0; i < got; i++)
		free(v[i].text);
	free(v);
	buf_release(&path);
	mix_query_release(&q);
	return got;
}

size_t
regret_measure(struct engine *en, const struct query_mix *mix, size_t n)
{
	struct regret *v = calloc(n + 1, sizeof *v);
	struct mix_query q = { .filter = BUF_INIT, .tail = BUF_INIT };
	struct buf path = BUF_INIT;
	const char *only = getenv("SPANFS_BENCH_REGRET_OF");
	size_t got = 0;

	if (v == NULL)
		return 0;
	for (size_t i = 0; i < n; i++) {
		bool rows = i / query_mix_shapes() % 2 == 0;

		if (only != NULL && rows != (strcmp(only, "rows") == 0))
			continue;
		query_mix_make(mix, i, &q);
		path.n = 0;
		buf_sv(&path, buf_view(&q.filter));
		/* Rows and counts in turn: for counts there are other ways. */
		if (rows)
			buf_sv(&path, buf_view(&q.tail));
		buf_putc(&path, '/');
		buf_str(&path, q.file != NULL ? q.file : rows ? "spans.jsonl" : "count");
		got += measure_query(en, buf_cstr(&path), i % TIMED_EVERY == 0, &v[got]) == 0;
	}
	if (got != 0)
		print(v, got);
	for (size_t i = 0; i < got; i++)
		free(v[i].text);
	free(v);
	buf_release(&path);
	mix_query_release(&q);
	return got;
}
