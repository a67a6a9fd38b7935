/* SPDX-License-Identifier: ISC */
/*
 * Tests of summaries: that of several shards says what that of one shard with the same spans
 * says; new shards are added without a second look at the old ones; distinct values, frequent
 * values and cells are those of the spans.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/span_rows.h"
#include "lib/store_rig.h"
#include "catalog/summary.h"

static const struct summary_options options = { .top_values = 16, .buckets = 64 };

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s", e->msg);
}

/* n spans, each with a user of its own for every three, and numbers 0 to n - 1. */
static void
add_spans(struct store_rig *rig, size_t from, size_t n)
{
	static const char *const names[] = { "read", "write", "list" };
	struct span_batch b;

	span_batch_init(&b);
	for (size_t i = from; i < from + n; i++) {
		struct span *s = span_batch_add(&b);
		const struct span *min = span_min(&b.arena, i + 1, i % 4 == 0 ? "db" : "web");
		struct attr *a = arena_array(&b.arena, 3, struct attr);

		assert_true(s != NULL && min != NULL && a != NULL);
		*s = *min;
		s->trace_id = (struct trace_id){ 1 + i / 10, 7 };
		s->start_ns = STORE_RIG_START + i * 1000;
		s->end_ns = s->start_ns + 1000 * (1 + i % 100);
		s->status = i % 8 == 0 ? STATUS_ERROR : STATUS_UNSET;
		s->name = sv_cstr(names[i % 3]);
		a[0] = (struct attr){ SV("color"), { .type = VAL_STRING,
			.s = i % 4 == 0 ? SV("red") : SV("blue") } };
		a[1] = (struct attr){ SV("n"), { .type = VAL_INT, .i = (int64_t)i } };
		a[2] = (struct attr){ SV("user"), { .type = VAL_STRING,
			.s = sv_cstr(arena_printf(&b.arena, "user-%zu", i / 3)) } };
		s->attrs = (struct attrs){ a, 3 };
	}
	store_rig_add(rig, &b, 256);
	span_batch_release(&b);
}

struct look {
	struct store_rig rig;
	struct catalog *catalog;
	struct summary_maker *maker;
};

static struct summary *
summarize(struct look *l, size_t *n_read)
{
	const struct snapshot *snap;
	struct err e = ERR_INIT;
	struct summary *s;

	ok(catalog_snapshot(l->catalog, &snap, &e), &e);
	ok(summary_make(l->maker, snap, 1, &s, n_read, &e), &e);
	assert_int_equal(s->stats.generation, snap->generation);
	snapshot_unref(snap);
	return s;
}

/* The spans [0, n) in `parts` commits, and what is said of them. */
static struct summary *
look_init(struct look *l, size_t n, size_t parts)
{
	struct catalog_options co = { .create = true, .cache_bytes = 1u << 20 };
	struct err e = ERR_INIT;
	size_t n_read;

	store_rig_init(&l->rig, 1, 0, 1, 0, 256);
	for (size_t i = 0; i < parts; i++)
		add_spans(&l->rig, n / parts * i, n / parts);
	ok(catalog_open(l->rig.dir, &co, &l->catalog, &e), &e);
	ok(summary_maker_new(&options, &l->maker, &e), &e);
	return summarize(l, &n_read);
}

static void
look_release(struct look *l)
{
	summary_maker_free(l->maker);
	catalog_close(l->catalog);
	store_rig_release(&l->rig);
}

static const struct stats_field *
field_of(const struct summary *s, const char *name)
{
	const struct stats_field *f;
	struct field field;
	size_t n;

	assert_true(field_parse(sv_cstr(name), &field));
	f = stats_fields(&s->stats, &field, &n);
	assert_non_null(f);
	assert_int_equal(n, 1);
	return f;
}

static void
near(double got, double want, double share)
{
	if (got < want * (1 - share) || got > want * (1 + share))
		fail_msg("%.1f instead of %.1f", got, want);
}

static void
check_whole(const struct summary *s, double n)
{
	const struct stats_field *color = field_of(s, "span.color"), *user, *number;
	struct value red = { .type = VAL_STRING, .s = SV("red") };
	const struct stats_value *v;
	double rows = 0, errors = 0;

	near(s->stats.n_rows, n, 0);
	near(color->n_present, n, 0);
	near(color->n_distinct, 2, 0.01);
	assert_non_null(v = stats_value_find(color, stats_hash(&red)));
	near(v->n_rows, n / 4, 0);
	user = field_of(s, "span.user");
	near(user->n_distinct, n / 3, 0.12);
	near(user->width, 9, 0.12);
	number = field_of(s, "span.n");
	near(number->n_distinct, n, 0.12);
	assert_int_equal(number->n_bounds, 65);
	for (uint32_t i = 0; i < number->n_bounds; i++)
		near((double)value_i64_of(number->bounds[i]) + n / 16, n * i / 64 + n / 16, 0.35);
	assert_int_equal(s->stats.n_cells, 6);
	for (uint32_t i = 0; i < s->stats.n_cells; i++) {
		const struct stats_cell *c = &s->stats.cells[i];

		rows += c->n_rows;
		errors += c->n_errors;
		near((double)c->hist[HIST_DURATION][STATS_LOG_BUCKETS], c->n_rows, 0);
		if (sv_is(c->service, "web"))
			assert_true(!(c->n_errors > 0));
	}
	near(rows, n, 0);
	near(errors, n / 8, 0);
}

static void
many_shards_say_what_one_says(void **state)
{
	static const size_t parts[] = { 1, 2, 8 };

	(void)state;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		struct summary *s;
		struct look l;

		s = look_init(&l, 4800, parts[i]);
		assert_int_equal(s->stats.n_shards, parts[i]);
		check_whole(s, 4800);
		summary_unref(s);
		look_release(&l);
	}
}

static void
only_new_shards_are_looked_at(void **state)
{
	struct summary *a, *b;
	struct look l;
	size_t n_read;

	(void)state;
	a = look_init(&l, 2400, 3);
	b = summarize(&l, &n_read);
	assert_int_equal(n_read, 0);
	assert_true(b->stats.version > a->stats.version);
	summary_unref(b);
	add_spans(&l.rig, 2400, 2400);
	b = summarize(&l, &n_read);
	assert_int_equal(n_read, 1);
	check_whole(b, 4800);
	/* What somebody still holds stays as it was. */
	check_whole(a, 2400);
	summary_unref(a);
	summary_unref(b);
	look_release(&l);
}

static void
cells_know_what_goes_together(void **state)
{
	struct summary *s;
	struct look l;
	uint32_t color;

	(void)state;
	s = look_init(&l, 2400, 2);
	color = (uint32_t)(field_of(s, "span.color") - s->stats.fields);
	for (uint32_t i = 0; i < s->stats.n_cells; i++) {
		const struct stats_cell *c = &s->stats.cells[i];
		const struct stats_cell_field *f = NULL;

		for (uint32_t k = 0; k < c->n_fields; k++)
			if (c->fields[k].field == color)
				f = &c->fields[k];
		assert_non_null(f);
		assert_int_equal(f->n_top, 1);
		near(f->top[0].n_rows, c->n_rows, 0);
		assert_true(sv_is(f->top[0].val.s, sv_is(c->service, "db") ? "red" : "blue"));
	}
	summary_unref(s);
	look_release(&l);
}

/* As bytes, which say all but generation and version. */
static void
same(const struct summary *a, const struct summary *b)
{
	struct buf x = BUF_INIT, y = BUF_INIT;

	summary_encode(&x, &a->stats);
	summary_encode(&y, &b->stats);
	assert_true(!x.oom && !y.oom && sv_eq(buf_view(&x), buf_view(&y)));
	buf_release(&x);
	buf_release(&y);
}

static void
one_that_is_kept_says_what_it_said(void **state)
{
	const struct summary_options others = { .top_values = 17, .buckets = 64 };
	const struct snapshot *snap;
	struct summary *s, *kept;
	struct fsys *fs;
	struct look l;

	(void)state;
	s = look_init(&l, 2400, 2);
	fs = catalog_fsys(l.catalog);
	assert_int_equal(catalog_snapshot(l.catalog, &snap, NULL), 0);
	assert_int_equal(summary_kept(fs, snap, &options, &kept, NULL), ERR_UNKNOWN);
	assert_int_equal(summary_keep(fs, snap, &options, &s->stats, NULL), 0);
	assert_int_equal(summary_kept(fs, snap, &others, &kept, NULL), ERR_VERSION);
	assert_int_equal(summary_kept(fs, snap, &options, &kept, NULL), 0);
	snapshot_unref(snap);
	same(kept, s);
	check_whole(kept, 2400);
	assert_int_equal(kept->stats.generation, s->stats.generation);
	assert_true(kept->stats.version < s->stats.version);
	summary_unref(kept);
	/* Of a later state it is what it was of the older one. */
	add_spans(&l.rig, 2400, 2400);
	assert_int_equal(catalog_snapshot(l.catalog, &snap, NULL), 0);
	assert_true(snap->generation > s->stats.generation);
	assert_int_equal(summary_kept(fs, snap, &options, &kept, NULL), 0);
	snapshot_unref(snap);
	assert_int_equal(kept->stats.generation, s->stats.generation);
	check_whole(kept, 2400);
	summary_unref(kept);
	summary_unref(s);
	look_release(&l);
}

/* Whatever byte is another one: an error, or numbers that are possible. */
static void
bytes_of_a_summary_may_be_any(void **state)
{
	struct stats_summary got;
	struct buf b = BUF_INIT;
	struct summary *s;
	struct arena a;
	struct look l;

	(void)state;
	s = look_init(&l, 240, 1);
	summary_encode(&b, &s->stats);
	assert_false(b.oom);
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] = (char)(b.p[i] ^ 1 << i % 8);
		arena_init(&a);
		if (summary_decode(buf_view(&b), &a, &got, NULL) == 0)
			assert_true(got.n_rows >= 0 && got.n_fields <= SUMMARY_FIELDS);
		assert_int_equal(summary_decode(sv_new(b.p, i), &a, &got, NULL), ERR_CORRUPT);
		arena_release(&a);
		b.p[i] = (char)(b.p[i] ^ 1 << i % 8);
	}
	buf_release(&b);
	summary_unref(s);
	look_release(&l);
}

static void
an_empty_store_has_an_empty_summary(void **state)
{
	struct summary *s;
	struct look l;

	(void)state;
	s = look_init(&l, 0, 0);
	assert_int_equal(s->stats.n_shards, 0);
	assert_int_equal(s->stats.n_fields, 0);
	assert_int_equal(s->stats.n_cells, 0);
	summary_unref(s);
	look_release(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_shards_say_what_one_says),
		cmocka_unit_test(only_new_shards_are_looked_at),
		cmocka_unit_test(cells_know_what_goes_together),
		cmocka_unit_test(one_that_is_kept_says_what_it_said),
		cmocka_unit_test(bytes_of_a_summary_may_be_any),
		cmocka_unit_test(an_empty_store_has_an_empty_summary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
