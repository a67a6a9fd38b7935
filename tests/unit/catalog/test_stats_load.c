/* SPDX-License-Identifier: ISC */
/* The optimizer's view of a snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bloom.h"
#include "lib/fsys_fault.h"
#include "lib/fsys_mem.h"
#include "lib/index_rig.h"
#include "lib/otlp_lines.h"
#include "lib/store_spans.h"
#include "check/check.h"
#include "catalog/stats_i.h"

#define START UINT64_C(1795168800000000000)
#define STEP UINT64_C(37000000000)
#define N 1000

struct fix {
	struct fsys *fs, *counting;
	struct catalog *c;
	const struct snapshot *snap;
	struct arena a;
};

static int
setup(void **state)
{
	struct fix *x = calloc(1, sizeof *x);
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct catalog_options o = { .cache_bytes = 1 << 22 };

	x->fs = fsys_mem();
	o.fs = x->counting = fsys_fault(x->fs);
	otlp_lines(&b, &(struct otlp_lines){ .to = N });
	if (store_add_lines(x->fs, buf_view(&b), &e) != 0)
		fail_msg("%s", e.msg);
	buf_release(&b);
	arena_init(&x->a);
	assert_int_equal(catalog_open("mem", &o, &x->c, NULL), 0);
	assert_int_equal(catalog_snapshot(x->c, &x->snap, NULL), 0);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *x = *state;

	snapshot_unref(x->snap);
	catalog_close(x->c);
	assert_int_equal(fsys_mem_open_handles(x->fs), 0);
	fsys_free(x->counting);
	fsys_free(x->fs);
	arena_release(&x->a);
	free(x);
	return 0;
}

static const struct stats *
load(struct fix *x, struct time_range r)
{
	const struct stats *st;
	struct err e = ERR_INIT;

	if (stats_load(x->snap, r, NULL, &x->a, &st, &e) != 0)
		fail_msg("%s", e.msg);
	return st;
}

static const struct column_stats *
column(const struct shard_stats *s, const char *name, enum value_type type)
{
	struct field f;

	assert_true(field_parse(sv_cstr(name), &f));
	for (size_t i = 0; i < s->n_columns; i++)
		if (field_eq(&s->columns[i].field, &f) && s->columns[i].type == type)
			return &s->columns[i];
	return NULL;
}

static void
says_what_the_footers_say(void **state)
{
	struct fix *x = *state;
	const struct stats *st = load(x, TIME_RANGE_ALL);
	uint64_t rows = 0, services = 0;

	assert_int_equal(st->n_shards, x->snap->n_shards);
	assert_int_equal(st->n_rows, N);
	assert_int_equal(st->n_bytes, x->snap->n_bytes);
	assert_int_equal(st->version, x->snap->generation);
	for (size_t i = 0; i < st->n_shards; i++) {
		const struct shard_stats *s = &st->shards[i];
		const struct shard_entry *en = &x->snap->shards[i];

		assert_string_equal(s->file, en->file);
		assert_int_equal(s->partition, en->partition);
		assert_int_equal(s->n_rows, en->n_rows);
		assert_int_equal(s->n_bytes, en->n_bytes);
		assert_int_equal(s->min_start, en->min_start);
		assert_int_equal(s->max_start, en->max_start);
		assert_true(s->n_traces > 0 && s->n_traces <= s->n_rows);
		assert_true(s->n_row_groups == 1);
		assert_false(s->damaged);
		rows += s->n_rows;
		for (size_t k = 0; k < s->n_services; k++)
			services += s->services[k].n_rows;
		for (size_t k = 1; k < s->n_columns; k++) {
			int c = field_cmp(&s->columns[k - 1].field, &s->columns[k].field);

			assert_true(c < 0 || (c == 0 && s->columns[k - 1].type < s->columns[k].type));
		}
	}
	assert_int_equal(rows, N);
	assert_int_equal(services, N);
}

static void
says_which_columns_have_indexes(void **state)
{
	struct shard_rig rig;
	struct shard_facts f = { 0 };
	const struct shard_info *info;
	const struct column_stats *got;
	unsigned all = 0, n = 0;

	(void)state;
	index_rig_init(&rig, 3000, 1000, 50, 1);
	arena_init(&f.arena);
	assert_int_equal(shard_facts_fill(rig.shard, &f, NULL), 0);
	info = shard_info(rig.shard);
	for (size_t i = 0; i < info->n_columns; i++)
		n += info->columns[i].id == COL_ATTR &&
		    info->columns[i].postings_bytes != 0;
	for (size_t i = 0; i < f.stats.n_columns; i++) {
		got = &f.stats.columns[i];
		all |= got->indexes;
		n -= got->field.scope != FIELD_INTRINSIC && got->postings_bytes != 0;
		assert_int_equal((got->indexes & STAT_INDEX_TEXT) != 0, got->text_bytes != 0);
		assert_int_equal((got->indexes & (STAT_INDEX_POSTINGS | STAT_INDEX_HASH)) != 0,
		    got->postings_bytes != 0);
	}
	assert_int_equal(n, 0);
	assert_int_equal(all, STAT_INDEX_POSTINGS | STAT_INDEX_HASH | STAT_INDEX_TEXT);
	got = column(&f.stats, "name", VAL_STRING);
	assert_int_equal(got->postings_bytes, shard_column(rig.shard, COL_NAME)->postings_bytes);
	arena_release(&f.arena);
	rig_release(&rig);
}

static void
columns_are_named_as_fields(void **state)
{
	struct fix *x = *state;
	const struct shard_stats *s = &load(x, TIME_RANGE_ALL)->shards[1];
	const struct column_stats *c;
	uint64_t n = 0;

	c = column(s, "service", VAL_STRING);
	assert_int_equal(c->n_distinct, 3);
	assert_int_equal(c->n_present, s->n_rows);
	for (size_t i = 0; i < c->n_top; i++) {
		n += c->top[i].n_rows;
		assert_true(i == 0 || c->top[i - 1].n_rows >= c->top[i].n_rows);
	}
	assert_int_equal(n, s->n_rows);
	c = column(s, "name", VAL_STRING);
	assert_true(c->n_distinct == 7 && c->n_present == s->n_rows && c->n_bytes > 0);
	assert_false(c->has_range);
	c = column(s, "start", VAL_INT);
	assert_true(c->has_range && c->min == s->min_start && c->max == s->max_start);
	c = column(s, "trace_id", VAL_INT);
	assert_int_equal(c->n_distinct, s->n_traces);
	c = column(s, "parent_span_id", VAL_INT);
	assert_true(c != NULL && c->n_present > 0);
	c = column(s, "span.load", VAL_DOUBLE);
	assert_true(c->has_range);
	assert_true(value_double_of(c->min) == 0.5 && value_double_of(c->max) == 12.5);
	c = column(s, "span.hot", VAL_BOOL);
	assert_int_equal(c->n_distinct, 2);
	assert_null(column(s, "span.hot", VAL_STRING));
	c = column(s, "event.e", VAL_STRING);
	assert_true(c->n_present < s->n_rows);
	c = column(s, "resource.host.name", VAL_STRING);
	assert_int_equal(c->n_distinct, 3);
	assert_int_equal(c->n_present, s->n_rows);
	assert_int_equal(c->n_top, 3);
	assert_true(c->top[0].n_rows >= c->top[2].n_rows && c->top[2].n_rows > 0);
	c = column(s, "scope", VAL_STRING);
	assert_int_equal(c->n_present, s->n_rows);
}

static void
shards_outside_the_range_are_not_opened(void **state)
{
	struct fix *x = *state;
	struct time_range r = { START, START + NS_PER_HOUR };
	const struct stats *st;

	fsys_fault_set(x->counting, &(struct fault_plan){ .kinds = FAULT_BIT(FAULT_OPEN) });
	st = load(x, r);
	assert_int_equal(fsys_fault_calls(x->counting), 1);
	assert_true(st->shards[0].n_columns > 10 && st->shards[0].bloom != NULL);
	for (size_t i = 1; i < st->n_shards; i++) {
		assert_int_equal(st->shards[i].n_columns, 0);
		assert_true(st->shards[i].n_rows > 0);
		assert_string_equal(st->shards[i].file, x->snap->shards[i].file);
		assert_false(st->shards[i].damaged);
	}
}

static void
several_threads_open_each_shard_once(void **state)
{
	struct fix *x = *state;
	const struct stats *st, *again;
	struct pool *pool;

	assert_int_equal(pool_new(3, 0, &pool, NULL), 0);
	fsys_fault_set(x->counting, &(struct fault_plan){ .kinds = FAULT_BIT(FAULT_OPEN) });
	assert_int_equal(stats_load(x->snap, TIME_RANGE_ALL, pool, &x->a, &st, NULL), 0);
	assert_int_equal(fsys_fault_calls(x->counting), st->n_shards);
	pool_free(pool);
	again = load(x, TIME_RANGE_ALL);
	for (size_t i = 0; i < st->n_shards; i++) {
		assert_true(st->shards[i].n_columns > 10 && st->shards[i].bloom != NULL);
		assert_ptr_equal(st->shards[i].columns, again->shards[i].columns);
		assert_ptr_equal(st->shards[i].bloom, again->shards[i].bloom);
	}
	assert_int_equal(snapshot_touched(x->snap, TIME_RANGE_ALL), st->n_shards);
	assert_int_equal(snapshot_touched(x->snap,
	    (struct time_range){ START, START + NS_PER_HOUR }), 1);
}

static void
a_commit_costs_only_the_new_shards(void **state)
{
	struct fix *x = *state;
	struct buf b = BUF_INIT;
	const struct snapshot *old = x->snap;

	(void)load(x, TIME_RANGE_ALL);
	otlp_lines(&b, &(struct otlp_lines){ .set = 1, .to = 8 });
	assert_int_equal(store_add_lines(x->fs, buf_view(&b), NULL), 0);
	buf_release(&b);
	assert_int_equal(catalog_snapshot(x->c, &x->snap, NULL), 0);
	snapshot_unref(old);
	fsys_fault_set(x->counting, &(struct fault_plan){ .kinds = FAULT_BIT(FAULT_OPEN) });
	assert_int_equal(load(x, TIME_RANGE_ALL)->n_rows, N + 8);
	assert_int_equal(fsys_fault_calls(x->counting), 1);
	(void)load(x, TIME_RANGE_ALL);
	assert_int_equal(fsys_fault_calls(x->counting), 1);
}

static void
blooms_know_their_traces(void **state)
{
	struct fix *x = *state;
	const struct stats *st = load(x, TIME_RANGE_ALL);
	struct values_request rq = {
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_TRACE_ID },
		.range = TIME_RANGE_ALL, .max = 10000,
	};
	struct values_result r;

	assert_int_equal(catalog_values(x->snap, &rq, &x->a, &r, NULL), 0);
	assert_int_equal(r.n, N / 5);
	for (size_t i = 0; i < r.n; i++) {
		struct trace_id id;
		unsigned n = 0;

		assert_true(trace_id_parse(r.values[i], &id));
		for (size_t k = 0; k < st->n_shards; k++)
			n += bloom_may_have(st->shards[k].bloom, st->shards[k].bloom_bytes,
			    trace_id_hash(id));
		assert_true(n >= 1);
	}
}

static void
a_damaged_footer_is_marked_and_not_fatal(void **state)
{
	struct fix *x = *state;
	const struct stats *st;

	assert_true(fsys_mem_put(x->fs, x->snap->shards[2].file, SV("nothing")));
	assert_int_equal(x->fs->ops->unlink(x->fs, x->snap->shards[4].file, NULL), 0);
	st = load(x, TIME_RANGE_ALL);
	for (size_t i = 0; i < st->n_shards; i++) {
		assert_int_equal(st->shards[i].damaged, i == 2 || i == 4);
		assert_int_equal(st->shards[i].n_rows, x->snap->shards[i].n_rows);
		assert_int_equal(st->shards[i].n_columns > 0, i != 2 && i != 4);
	}
}

/* ---- check ---- */

struct found {
	unsigned n;
	char file[128], why[256];
	int64_t off;
};

static void
bad(void *arg, const char *file, int64_t off, const char *why)
{
	struct found *f = arg;

	f->n++;
	f->off = off;
	snprintf(f->file, sizeof f->file, "%s", file);
	snprintf(f->why, sizeof f->why, "%s", why);
}

static void
check_finds_nothing_in_a_sound_store(void **state)
{
	struct fix *x = *state;
	struct check_result r = { 0 };
	struct found f = { 0 };

	assert_int_equal(catalog_check(x->c, bad, &f, &r, NULL), 0);
	if (f.n > 0)
		fail_msg("%s: %s", f.file, f.why);
	assert_int_equal(r.n_bad, 0);
	assert_int_equal(r.n_spans, N);
	assert_int_equal(r.n_shards, x->snap->n_shards);
	assert_int_equal(r.n_bytes, x->snap->n_bytes);
}

static void
check_names_every_damaged_file(void **state)
{
	struct fix *x = *state;
	struct check_result r = { 0 };
	struct found f = { 0 };
	struct buf b = BUF_INIT;
	const char *file = x->snap->shards[1].file;

	buf_sv(&b, fsys_mem_get(x->fs, file));
	b.p[b.n / 3] ^= 4;
	assert_true(fsys_mem_put(x->fs, file, buf_view(&b)));
	assert_int_equal(catalog_check(x->c, bad, &f, &r, NULL), 0);
	assert_true(f.n >= 1 && r.n_bad == f.n);
	assert_non_null(strstr(f.file, file));
	b.p[b.n / 3] ^= 4;
	assert_true(fsys_mem_put(x->fs, file, buf_view(&b)));

	f = (struct found){ 0 };
	b.n = 0;
	buf_sv(&b, fsys_mem_get(x->fs, "CATALOG"));
	b.p[60] ^= 1;
	assert_true(fsys_mem_put(x->fs, "CATALOG", buf_view(&b)));
	assert_int_equal(catalog_check(x->c, bad, &f, &r, NULL), 0);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.file, "CATALOG");
	assert_true(f.off >= 0);
	assert_int_equal(r.n_spans, N);
	buf_release(&b);
}

static void
left_over(void *arg, const char *file)
{
	bad(arg, file, -1, "");
}

static void
what_an_import_left_is_no_finding(void **state)
{
	static const char file[] = "shards/2026-11-20/10/0000000999.shard";
	struct fix *x = *state;
	struct check_result r = { 0 };
	struct found f = { 0 };
	struct file *lock;
	uint64_t n = 7;

	assert_int_equal(catalog_left_overs(x->c, left_over, &f, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_true(fsys_mem_put(x->fs, file, SV("a beginning")));
	assert_true(fsys_mem_put(x->fs, "CATALOG.tmp", SV("SPANFSCT")));
	assert_int_equal(catalog_check(x->c, bad, &f, &r, NULL), 0);
	assert_int_equal(f.n + r.n_bad, 0);
	assert_int_equal(catalog_left_overs(x->c, left_over, &f, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(f.n, 2);
	/* They may be those of a writer that is at work. */
	assert_int_equal(x->fs->ops->lock(x->fs, "LOCK", &lock, NULL), 0);
	assert_int_equal(catalog_left_overs(x->c, left_over, &f, &n, NULL), ERR_BUSY);
	assert_int_equal(catalog_check(x->c, bad, &f, &r, NULL), 0);
	assert_int_equal(r.n_bad, 0);
	assert_int_equal(x->fs->ops->close(lock, NULL), 0);
	assert_int_equal(x->fs->ops->unlink(x->fs, file, NULL), 0);
	assert_int_equal(x->fs->ops->unlink(x->fs, "CATALOG.tmp", NULL), 0);
}

static void
check_looks_at_every_byte_of_the_store_file(void **state)
{
	struct fix *x = *state;
	struct check_result r = { 0 };
	struct found f = { 0 };
	struct buf b = BUF_INIT;

	buf_sv(&b, fsys_mem_get(x->fs, "STORE"));
	for (size_t i = 0; i <= b.n; i++) {
		char was = i < b.n ? b.p[i] : 0;
		struct sv text = buf_view(&b);

		f = (struct found){ 0 };
		if (i == b.n)
			text.n--;	/* cut */
		else
			b.p[i] ^= 1;
		assert_true(fsys_mem_put(x->fs, "STORE", text));
		assert_int_equal(catalog_check(x->c, bad, &f, &r, NULL), 0);
		assert_int_equal(r.n_bad, 1);
		assert_string_equal(f.file, "STORE");
		assert_int_equal(f.off, i < b.n ? i : b.n - 1);
		if (i < b.n)
			b.p[i] = was;
	}
	buf_putc(&b, ' ');
	assert_true(fsys_mem_put(x->fs, "STORE", buf_view(&b)));
	assert_int_equal(catalog_check(x->c, bad, &f, &r, NULL), 0);
	assert_int_equal(r.n_bad, 1);
	b.n--;
	assert_true(fsys_mem_put(x->fs, "STORE", buf_view(&b)));
	buf_release(&b);
}

static void
check_finds_a_missing_and_a_swapped_shard(void **state)
{
	struct fix *x = *state;
	struct check_result r = { 0 };
	struct found f = { 0 };
	struct buf b = BUF_INIT;

	buf_sv(&b, fsys_mem_get(x->fs, x->snap->shards[0].file));
	assert_true(fsys_mem_put(x->fs, x->snap->shards[1].file, buf_view(&b)));
	assert_int_equal(x->fs->ops->unlink(x->fs, x->snap->shards[2].file, NULL), 0);
	assert_int_equal(catalog_check(x->c, bad, &f, &r, NULL), 0);
	assert_true(f.n >= 2);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(says_what_the_footers_say, setup, teardown),
		cmocka_unit_test(says_which_columns_have_indexes),
		cmocka_unit_test_setup_teardown(columns_are_named_as_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(shards_outside_the_range_are_not_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(a_commit_costs_only_the_new_shards, setup, teardown),
		cmocka_unit_test_setup_teardown(several_threads_open_each_shard_once, setup, teardown),
		cmocka_unit_test_setup_teardown(blooms_know_their_traces, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_footer_is_marked_and_not_fatal, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(check_finds_nothing_in_a_sound_store, setup, teardown),
		cmocka_unit_test_setup_teardown(check_names_every_damaged_file, setup, teardown),
		cmocka_unit_test_setup_teardown(what_an_import_left_is_no_finding, setup, teardown),
		cmocka_unit_test_setup_teardown(check_looks_at_every_byte_of_the_store_file, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(check_finds_a_missing_and_a_swapped_shard, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
