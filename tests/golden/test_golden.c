/* SPDX-License-Identifier: ISC */
/*
 * golden: for each path of paths.txt what it gives on a fixed sample: canonical path, rules
 * that fired, how the shards are accessed, work counters, rows, and the first bytes with a hash of all.
 * Counters, never times, prove a plan. Compared with golden.txt; with SPANFS_GOLDEN_UPDATE
 * set to that file it is written anew, and the diff is for a person to review.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sample/sample_gen.h"
#include "engine/engine_i.h"
#include "ingest/ingest.h"
#include "lib/store_rig.h"

#define SAMPLE_END UINT64_C(1795183200000000000)	/* 2026-11-20T14:00:00Z */

static struct store_rig rig;

/* ---- the sample, imported ---- */

struct load {
	struct span_batch batch;
	struct ingest_result result;
};

static int
take_line(void *arg, const char *line, size_t n, struct err *e)
{
	struct load *l = arg;
	struct sv body = arena_sv(&l->batch.arena, sv_new(line, n));

	return otlp_json_parse(body, 1, &l->batch, &l->result, e);
}

static void
load_sample(uint64_t from, uint64_t to, uint64_t seed)
{
	struct sample_options o = { .n_spans = 3000, .seed = seed, .start_ns = from,
		.end_ns = to };
	struct err err = ERR_INIT;
	struct load l = { 0 };

	span_batch_init(&l.batch);
	if (sample_generate(&o, take_line, &l, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(l.result.n_rejected, 0);
	store_rig_add(&rig, &l.batch, 512);
	span_batch_release(&l.batch);
}

/* ---- one case ---- */

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static void
put_plan(struct buf *out, const struct request *r)
{
	const struct plan *p = r->plan;
	size_t by_access[8] = { 0 };

	BUF_LIT(out, "rules:");
	for (size_t i = 0; i < p->n_fired; i++)
		buf_printf(out, " %s", p->fired[i]);
	BUF_LIT(out, "\nshards:");
	by_access[ACCESS_PRUNED] = p->scan.n_left;
	for (size_t i = 0; i < p->scan.n_shards; i++)
		by_access[p->scan.shards[i].access]++;
	for (unsigned i = 0; i < 8; i++)
		if (by_access[i] != 0)
			buf_printf(out, " %s=%zu", access_name((enum access)i), by_access[i]);
	buf_printf(out, "\nestimate: %.0f rows\n", p->est_rows);
}

static void
put_work(struct buf *out, const struct run_info *i)
{
	const struct profile *p = &i->profile;

	buf_printf(out, "work: shards=%llu groups=%llu scanned=%llu matched=%llu fetched=%llu "
	    "traces=%llu chunks=%llu", (unsigned long long)p->shards_opened,
	    (unsigned long long)p->row_groups_visited, (unsigned long long)p->rows_scanned,
	    (unsigned long long)p->rows_matched, (unsigned long long)p->rows_fetched,
	    (unsigned long long)p->traces_assembled,
	    (unsigned long long)(p->chunks_read + p->chunks_cached));
	if (p->index_lists != 0)
		buf_printf(out, " indexes=%llu named=%llu", (unsigned long long)p->index_lists,
		    (unsigned long long)p->index_rows);
	buf_putc(out, '\n');
}

static void
put_bytes(struct buf *out, const struct run_info *info, const struct buf *got)
{
	struct sv rest = buf_view(got), line;

	buf_printf(out, "rows: %llu\nbytes: %zu, hash %016llx\n",
	    (unsigned long long)info->n_rows, got->n,
	    (unsigned long long)hash64(got->p, got->n));
	for (int i = 0; i < 3 && sv_cut(&rest, '\n', &line) && line.n != 0; i++)
		buf_printf(out, "| %.*s\n", (int)(line.n < 300 ? line.n : 300), line.p);
}

/* A fresh engine a case: cold caches, one thread, so that the counters are facts. */
static void
run_case(const char *text, struct buf *out)
{
	const char *sets[] = { "query.threads=1", "mount.now=latest" };
	struct err err = ERR_INIT;
	struct buf got = BUF_INIT;
	struct sink sink = { .put = append, .arg = &got };
	struct run_info info = { 0 };
	struct request *r = NULL;
	struct engine *en = NULL;
	struct conf *conf = NULL;
	struct path *p = NULL;
	struct sv file;
	int code;

	assert_int_equal(conf_load(NULL, sets, 2, &conf, &err), 0);
	assert_int_equal(engine_open(conf, rig.dir, false, &en, &err), 0);
	buf_printf(out, "== %s\n", text);
	if ((code = path_parse(sv_cstr(text), engine_known_file, &p, &file, &err)) == 0 &&
	    (code = request_new(en, p, file, &r, &err)) == 0)
		code = run_request(r, &sink, 0, NULL, &info, &err);
	if (code < 0)
		buf_printf(out, "error: %s: %s\n", err_name(code), err.msg);
	else {
		buf_printf(out, "canonical: %.*s\n", SV_ARG(buf_view(&r->canonical)));
		put_plan(out, r);
		put_work(out, &info);
		put_bytes(out, &info, &got);
	}
	BUF_LIT(out, "\n");
	request_free(r);
	path_unref(p);
	engine_close(en);
	conf_free(conf);
	buf_release(&got);
}

/* ---- all ---- */

static struct sv
slurp(const char *name, struct arena *a)
{
	static char path[1024];
	struct buf b = BUF_INIT;
	struct sv s;
	char tmp[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "%s/golden/%s", TESTDIR, name);
	if ((f = fopen(path, "r")) == NULL)
		return SV_EMPTY;
	while ((n = fread(tmp, 1, sizeof tmp, f)) > 0)
		buf_put(&b, tmp, n);
	fclose(f);
	s = arena_sv(a, buf_view(&b));
	buf_release(&b);
	return s;
}

/* The block of `all` that begins with the same "== path" line. */
static struct sv
block_of(struct sv all, struct sv block)
{
	int64_t nl = sv_chr(block, '\n'), at = sv_find(all, sv_sub(block, 0, (size_t)nl + 1));
	struct sv from;
	int64_t end;

	if (at < 0)
		return SV_EMPTY;
	from = sv_sub(all, (size_t)at, all.n);
	end = sv_find(from, SV("\n\n"));
	return sv_sub(from, 0, end < 0 ? from.n : (size_t)end + 2);
}

static void
each_path_gives_what_it_gave(void **state)
{
	const char *update = getenv("SPANFS_GOLDEN_UPDATE");
	FILE *f = update != NULL ? fopen(update, "w") : NULL;
	struct buf out = BUF_INIT;
	struct sv paths, want, line;
	unsigned n = 0, bad = 0;
	struct arena a;

	(void)state;
	arena_init(&a);
	paths = slurp("paths.txt", &a);
	want = slurp("golden.txt", &a);
	while (sv_cut(&paths, '\n', &line)) {
		struct sv w;

		if (line.n == 0 || line.p[0] == '#')
			continue;
		out.n = 0;
		run_case(arena_cstr(&a, line), &out);
		n++;
		if (f != NULL) {
			fwrite(out.p, 1, out.n, f);
			continue;
		}
		w = block_of(want, buf_view(&out));
		if (!sv_eq(w, buf_view(&out))) {
			bad++;
			print_message("wanted:\n%.*s\ngot:\n%.*s\n", SV_ARG(w),
			    SV_ARG(buf_view(&out)));
		}
	}
	if (f != NULL)
		fclose(f);
	buf_release(&out);
	arena_release(&a);
	print_message("%u paths\n", n);
	assert_true(n > 30);
	assert_int_equal(bad, 0);
}

static int
setup(void **state)
{
	uint64_t hour = 3600000000000u;

	(void)state;
	/* Of no spans: its mark m1 stands behind the first sample. */
	store_rig_init(&rig, 0, 0, 1, 1, 512);
	load_sample(SAMPLE_END - 4 * hour, SAMPLE_END - 2 * hour, 1);
	load_sample(SAMPLE_END - 2 * hour, SAMPLE_END, 2);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_path_gives_what_it_gave),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
