/* SPDX-License-Identifier: ISC */
/*
 * bench_plans: how good the optimizer's estimates are on a store. Some hundred queries are
 * made from spans that the store holds (lib/gen_query_mix.h); each is planned, then counted,
 * and the q-error is the larger over the smaller of estimated and true rows, both at least 1.
 * Printed: median, 95th percentile, the worst ten, and each shape's. The same of how many groups
 * there are of as many aggregates (bench_groups.h). Then what the choices cost beside the best that
 * could be forced (bench_regret.h), of rows and counts, and of groups.
 *
 *   bench_plans STORE [QUERIES [SEED]]
 *
 * SPANFS_BENCH_REGRET_ONLY leaves the estimates out; SPANFS_BENCH_REGRET_OF=counts or rows
 * compares choices of these alone; SPANFS_BENCH_GROUPS_ONLY looks at groups alone.
 *
 * What is compared are cold runs, so the optimizer is told that no page is likely cached.
 *
 * Counting everything takes long on a large store: with SPANFS_BENCH_TRUTH=FILE the counts are
 * kept in FILE and looked up there the next time (for the same store only).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench_groups.h"
#include "bench/bench_regret.h"
#include "ingest/ingest.h"
#include "model/when.h"

#define SAMPLE_WINDOWS 400
#define WINDOW_NS UINT64_C(5000000000)
#define WINDOW_SPANS "6"

struct bench {
	struct engine *en;
	struct span_batch spans;	/* drawn from the store */
	struct buf sample;		/* what their strings are borrowed from */
	struct map truth;		/* path to rows */
	FILE *truth_out;
};

struct measured {
	char *path;
	const char *shape;
	double est, act, q;
};

static _Noreturn void
die(const char *what, const struct err *e)
{
	fprintf(stderr, "bench_plans: %s: %s\n", what, e->msg);
	exit(1);
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	buf_put(arg, p, n);
	return buf_ok(arg, e);
}

/* The bytes of a file; run: else only its plan is made, and its estimate returned. */
static int
ask(struct bench *b, const char *path, bool run, struct buf *out, double *est, struct err *e)
{
	struct sink sink = { .put = append, .arg = out };
	struct request *r = NULL;
	struct path *p = NULL;
	struct run_info info;
	struct sv file;
	int code;

	if ((code = path_parse(sv_cstr(path), engine_known_file, &p, &file, e)) == 0 &&
	    (code = request_new(b->en, p, file, &r, e)) == 0 &&
	    (code = request_plan(r, e)) == 0) {
		if (est != NULL)
			*est = r->plan->est_rows;
		if (run)
			code = run_request(r, &sink, 0, NULL, &info, e);
	}
	request_free(r);
	path_unref(p);
	return code;
}

/* ---- spans of the store ---- */

static void
draw_spans(struct bench *b)
{
	struct ingest_result got = { 0 };
	struct buf path = BUF_INIT;
	struct err e = ERR_INIT;
	struct world *w;
	struct sv rest, line;
	uint64_t min, width;

	if (engine_world(b->en, &w, &e) < 0)
		die("store", &e);
	min = w->snap->min_start;
	width = w->snap->max_start - min + 1;
	world_unref(w);
	for (uint64_t i = 0; i < SAMPLE_WINDOWS; i++) {
		uint64_t from = min + width / SAMPLE_WINDOWS * i;

		path.n = 0;
		buf_printf(&path, "/since/%llu/until/%llu/limit/" WINDOW_SPANS "/otlp.jsonl",
		    (unsigned long long)from, (unsigned long long)(from + WINDOW_NS));
		if (ask(b, buf_cstr(&path), true, &b->sample, NULL, &e) < 0)
			die(buf_cstr(&path), &e);
	}
	rest = buf_view(&b->sample);
	span_batch_init(&b->spans);
	while (sv_cut(&rest, '\n', &line))
		if (line.n != 0 && otlp_json_parse(line, 1, &b->spans, &got, &e) < 0)
			die("spans", &e);
	buf_release(&path);
	if (b->spans.n == 0) {
		fprintf(stderr, "bench_plans: no spans in the store\n");
		exit(1);
	}
}

/* ---- true counts ---- */

static void
truth_open(struct bench *b, const char *file)
{
	char line[16384];
	uint64_t *slot;
	FILE *f;

	map_init(&b->truth);
	if (file == NULL)
		return;
	if ((f = fopen(file, "r")) != NULL) {
		while (fgets(line, sizeof line, f) != NULL) {
			char *tab = strchr(line, '\t');
			uint64_t n = strtoull(line, NULL, 10);

			if (tab == NULL)
				continue;
			tab[1 + strcspn(tab + 1, "\n")] = '\0';
			if ((slot = map_put(&b->truth, sv_cstr(tab + 1), NULL)) == NULL)
				exit(1);
			*slot = n;
		}
		fclose(f);
	}
	b->truth_out = fopen(file, "a");
}

static int
true_rows(struct bench *b, const char *path, double *act, struct err *e)
{
	const uint64_t *known = map_get(&b->truth, sv_cstr(path));
	struct buf out = BUF_INIT;
	int code;

	if (known != NULL) {
		*act = (double)*known;
		return 0;
	}
	if ((code = ask(b, path, true, &out, NULL, e)) == 0) {
		*act = strtod(buf_cstr(&out), NULL);
		if (b->truth_out != NULL)
			fprintf(b->truth_out, "%.0f\t%s\n", *act, path);
	}
	buf_release(&out);
	return code;
}

/* ---- q-errors ---- */

static double
q_error(double est, double act)
{
	est = est < 1 ? 1 : est;
	act = act < 1 ? 1 : act;
	return est > act ? est / act : act / est;
}

static int
measure(struct bench *b, const struct mix_query *q, struct measured *m, struct err *e)
{
	struct buf path = BUF_INIT;
	int code;

	buf_sv(&path, buf_view(&q->filter));
	BUF_LIT(&path, "/spans.jsonl");
	code = ask(b, buf_cstr(&path), false, NULL, &m->est, e);
	path.n -= strlen("spans.jsonl");
	BUF_LIT(&path, "count");
	if (code == 0)
		code = true_rows(b, buf_cstr(&path), &m->act, e);
	m->q = q_error(m->est, m->act);
	m->shape = q->shape;
	if ((m->path = strdup(buf_cstr(&path))) == NULL)
		exit(1);
	if (code < 0)
		fprintf(stderr, "%s: %s\n", m->path, e->msg);
	buf_release(&path);
	return code;
}

static int
by_q(const void *a, const void *b)
{
	const struct measured *x = a, *y = b;

	return (x->q < y->q) - (x->q > y->q);
}

static int
by_shape(const void *a, const void *b)
{
	const struct measured *x = a, *y = b;
	int c = strcmp(x->shape, y->shape);

	return c != 0 ? c : by_q(a, b);
}

/* Of v sorted by q-error, falling. */
static double
percentile(const struct measured *v, size_t n, double p)
{
	size_t rank = (size_t)((double)n * (1 - p));

	return v[rank < n ? rank : n - 1].q;
}

static void
print_estimates(struct measured *v, size_t n)
{
	printf("%-20s %6s %10s %10s %10s\n", "shape", "n", "median", "95 %", "max");
	qsort(v, n, sizeof *v, by_shape);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && strcmp(v[j].shape, v[i].shape) == 0; j++)
			;
		printf("%-20s %6zu %10.2f %10.2f %10.2f\n", v[i].shape, j - i,
		    percentile(v + i, j - i, 0.5), percentile(v + i, j - i, 0.95), v[i].q);
	}
	qsort(v, n, sizeof *v, by_q);
	printf("\nworst:\n%10s %12s %12s  path\n", "q-error", "estimated", "rows");
	for (size_t i = 0; i < n && i < 10; i++)
		printf("%10.2f %12.1f %12.0f  %s\n", v[i].q, v[i].est, v[i].act, v[i].path);
	printf("\nq-error of %zu queries: median %.2f, 95th percentile %.2f, max %.2f\n", n,
	    percentile(v, n, 0.5), percentile(v, n, 0.95), v[0].q);
}

/* Of groups: how many, of every shape of the mix that is of spans. */
static size_t
measure_groups(struct bench *b, const struct query_mix *mix, size_t n, struct measured *v)
{
	struct mix_query q = { .filter = BUF_INIT, .tail = BUF_INIT };
	struct buf path = BUF_INIT;
	size_t got = 0;

	for (size_t i = 0; i < n; i++) {
		struct err e = ERR_INIT;
		size_t stem;

		query_mix_make(mix, i, &q);
		if (q.file != NULL)
			continue;
		path.n = 0;
		buf_sv(&path, buf_view(&q.filter));
		bench_groups_tail(i, &path);
		stem = path.n;
		BUF_LIT(&path, "/groups.jsonl");
		if (ask(b, buf_cstr(&path), false, NULL, &v[got].est, &e) < 0) {
			fprintf(stderr, "%s: %s\n", buf_cstr(&path), e.msg);
			continue;
		}
		path.n = stem;
		BUF_LIT(&path, "/count");
		v[got].shape = q.shape;
		if (true_rows(b, buf_cstr(&path), &v[got].act, &e) < 0 ||
		    (v[got].path = strdup(buf_cstr(&path))) == NULL)
			continue;
		v[got].q = q_error(v[got].est, v[got].act);
		got++;
	}
	buf_release(&path);
	mix_query_release(&q);
	return got;
}

static size_t
measure_all(struct bench *b, const struct query_mix *mix, size_t n, struct measured *v)
{
	struct mix_query q = { .filter = BUF_INIT, .tail = BUF_INIT };
	size_t got = 0;

	for (size_t i = 0; i < n; i++) {
		struct err e = ERR_INIT;

		query_mix_make(mix, i, &q);
		/* Estimates are of rows that can be counted. */
		if (q.file != NULL)
			continue;
		got += measure(b, &q, &v[got], &e) == 0;
	}
	mix_query_release(&q);
	return got;
}

int
main(int argc, char **argv)
{
	const char *sets[] = { "query.timeout=600s", "query.memory=4GiB",
	    "decision_cache.enabled=no", "cost_model.effective_cache_pages=0" };
	size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 384, got;
	struct bench b = { .sample = BUF_INIT };
	struct query_mix mix = { .seed = argc > 3 ? strtoul(argv[3], NULL, 10) : 20261121 };
	struct err e = ERR_INIT;
	struct analysis a;
	struct measured *v, *groups;
	size_t n_groups;
	struct conf *conf;

	if (argc < 2 || n == 0) {
		fprintf(stderr, "usage: bench_plans STORE [QUERIES [SEED]]\n");
		return 2;
	}
	if (conf_load(NULL, sets, sizeof sets / sizeof *sets, &conf, &e) < 0)
		die("settings", &e);
	if (engine_open(conf, argv[1], false, &b.en, &e) < 0)
		die(argv[1], &e);
	if (engine_analyze(b.en, &a, &e) < 0)
		die("analyze", &e);
	printf("%llu shards, %llu spans, %llu fields, %llu cells: %.1f ms\n\n",
	    (unsigned long long)a.n_shards, (unsigned long long)a.n_spans,
	    (unsigned long long)a.n_fields, (unsigned long long)a.n_cells,
	    (double)a.duration_ns / 1e6);
	draw_spans(&b);
	mix.spans = b.spans.spans;
	mix.n_spans = b.spans.n;
	truth_open(&b, getenv("SPANFS_BENCH_TRUTH"));
	v = calloc(n, sizeof *v);
	groups = calloc(n, sizeof *groups);
	if (v == NULL || groups == NULL)
		return 1;
	got = getenv("SPANFS_BENCH_REGRET_ONLY") != NULL ||
	    getenv("SPANFS_BENCH_GROUPS_ONLY") != NULL ? 0 : measure_all(&b, &mix, n, v);
	if (got != 0)
		print_estimates(v, got);
	n_groups = getenv("SPANFS_BENCH_REGRET_ONLY") != NULL ? 0 :
	    measure_groups(&b, &mix, n, groups);
	if (n_groups != 0) {
		printf("\nhow many groups\n");
		print_estimates(groups, n_groups);
	}
	for (size_t i = 0; i < n_groups; i++)
		free(groups[i].path);
	free(groups);
	if (getenv("SPANFS_BENCH_GROUPS_ONLY") == NULL && regret_measure(b.en, &mix, n) == 0)
		got = 0;
	(void)regret_measure_groups(b.en, &mix, n);
	for (size_t i = 0; i < got; i++)
		free(v[i].path);
	free(v);
	if (b.truth_out != NULL)
		fclose(b.truth_out);
	map_release(&b.truth);
	span_batch_release(&b.spans);
	buf_release(&b.sample);
	engine_close(b.en);
	conf_free(conf);
	return got == n ? 0 : 1;
}
