/* SPDX-License-Identifier: ISC */
/*
 * run_groups: runs whose rows are no spans: those of groups, and those of compare. They are made
 * whole (groups.c) before the first is rendered.
 */
#include <stdlib.h>

#include "agg/agg_bytes.h"
#include "base/clock.h"
#include "run_i.h"

/* ---- groups ---- */

static int
put_group_rows(struct running *x, struct agg_table *t, struct formatter *f,
    const struct group_column *columns, size_t n_columns, struct err *e)
{
	size_t at, left;
	struct batch b;
	struct arena a;
	int code = 0;

	groups_page(x->r->groups, t, &at, &left);
	arena_init(&a);
	while (code == 0 && left > 0) {
		size_t n = left < BATCH_ROWS ? left : BATCH_ROWS;

		arena_reset(&a);
		if ((code = groups_batch(t, columns, n_columns, at, n, &a, &b, e)) == 0)
			code = formatter_batch(f, &b, &x->out, e);
		if (code == 0 && x->out.n >= FLUSH_BYTES && !run_held(x))
			code = run_flush(x, e);
		if (code == 0)
			code = agg_reader_holds(t, formatter_memory(f) + x->out.cap, e);
		x->info->n_rows += n;
		at += n;
		left -= n;
	}
	arena_release(&a);
	return code;
}

static int
go_on(void *table, struct err *e)
{
	return agg_check(table, e);
}

/* Groups through a formatter of their own, since its columns are known only now. */
static int
format_groups(struct running *x, struct agg_table *t, struct err *e)
{
	struct format_options fo = { .go_on = go_on, .go_on_arg = t };
	struct group_column *columns = NULL;
	struct formatter *f;
	int code = agg_columns(t, &columns, &fo.n_groups, e);

	if (code < 0)
		return code;
	fo.groups = columns;
	if ((code = formatter_new(x->r->format, &fo, &f, e)) < 0)
		return code;
	if ((code = formatter_begin(f, &x->out, e)) == 0 &&
	    (code = put_group_rows(x, t, f, columns, fo.n_groups, e)) == 0)
		code = formatter_end(f, &x->out, e);
	formatter_free(f);
	return code;
}

static int
count_groups(struct running *x, const struct agg_table *t)
{
	size_t from, n;

	groups_page(x->r->groups, t, &from, &n);
	x->count = n;
	x->info->n_rows = 1;
	buf_u64(&x->out, n);
	buf_putc(&x->out, '\n');
	return 0;
}

static int
over_rows(const struct running *x, const struct agg_table *t, struct err *e)
{
	uint64_t max = x->r->max_rows;
	size_t from, n;

	groups_page(x->r->groups, t, &from, &n);
	if (max == 0 || n <= max || x->r->format->rows == ROW_COUNT)
		return 0;
	return err_set(e, ERR_LIMIT, -1, "over the limit of %llu rows ([query] max_rows)",
	    (unsigned long long)max);
}

int
run_groups(struct running *x, uint64_t deadline, const atomic_bool *cancel, struct err *e)
{
	struct agg_table *t = NULL;
	struct exec_env env;
	uint64_t t0;
	int code;

	run_exec_env(x->r, deadline, cancel, &env);
	env.max_rows = 0;	/* of groups, not of spans */
	if ((code = groups_collect(x->r, &env, x->sink, &t, &x->info->profile, e)) < 0)
		return code;
	x->info->inexact = !agg_is_exact(t);
	x->info->n_unpriced = agg_n_unpriced(t);
	t0 = clock_mono_ns();
	if ((code = over_rows(x, t, e)) == 0)
		code = x->r->format->rows == ROW_COUNT ? count_groups(x, t) :
		    format_groups(x, t, e);
	x->info->profile.numbers_decoded = agg_n_decoded(t);	/* some when they were shown */
	agg_table_free(t);
	x->format_ns += clock_mono_ns() - t0;
	return code;
}

/* ---- compare ---- */

static struct group_column
contrast_column(unsigned i)
{
	return (struct group_column){ .name = sv_cstr(contrast_column_name((enum contrast_column)i)),
	    .role = COLUMN_KEY };
}

static int
put_contrast_rows(struct running *x, const struct contrast *c, struct formatter *f,
    const struct group_column *columns, struct err *e)
{
	struct group_rows rows = { .columns = columns, .n_columns = N_CONTRAST_COLUMNS };
	size_t at = x->r->compared->offset < contrast_n_rows(c) ?
	    (size_t)x->r->compared->offset : contrast_n_rows(c);
	struct group_cell *cells;
	int code = 0;

	if ((cells = calloc(BATCH_ROWS * N_CONTRAST_COLUMNS, sizeof *cells)) == NULL)
		return err_nomem(e);
	rows.cells = cells;
	for (size_t n; code == 0 && at < contrast_n_rows(c); at += n) {
		struct batch b = { .kind = ROW_CONTRAST, .groups = &rows };

		n = contrast_n_rows(c) - at < BATCH_ROWS ? contrast_n_rows(c) - at : BATCH_ROWS;
		b.n = n;
		contrast_cells(c, at, n, cells);
		x->info->n_rows += n;
		if ((code = formatter_batch(f, &b, &x->out, e)) == 0 &&
		    x->out.n >= FLUSH_BYTES && !run_held(x))
			code = run_flush(x, e);
	}
	free(cells);
	return code;
}

static int
format_contrast(struct running *x, const struct contrast *c, struct err *e)
{
	struct group_column columns[N_CONTRAST_COLUMNS];
	struct format_options fo = { .groups = columns, .n_groups = N_CONTRAST_COLUMNS,
	    .note = buf_view(&x->r->note),
	    .selection = contrast_spans(c, SIDE_SELECTION),
	    .baseline = contrast_spans(c, SIDE_BASELINE) };
	struct formatter *f;
	int code;

	for (unsigned i = 0; i < N_CONTRAST_COLUMNS; i++)
		columns[i] = contrast_column(i);
	if ((code = formatter_new(x->r->format, &fo, &f, e)) < 0)
		return code;
	if ((code = formatter_begin(f, &x->out, e)) == 0 &&
	    (code = put_contrast_rows(x, c, f, columns, e)) == 0)
		code = formatter_end(f, &x->out, e);
	formatter_free(f);
	return code;
}

/* As of groups: more rows than [query] max_rows are refused before one is shown. */
static int
over_contrast_rows(const struct running *x, const struct contrast *c, struct err *e)
{
	uint64_t max = x->r->max_rows;
	uint64_t n = contrast_n_rows(c), skip = x->r->compared->offset;

	if (max == 0 || n <= skip || n - skip <= max)
		return 0;
	return err_set(e, ERR_LIMIT, -1, "over the limit of %llu rows ([query] max_rows)",
	    (unsigned long long)max);
}

int
run_compare(struct running *x, uint64_t deadline, const atomic_bool *cancel, struct err *e)
{
	struct contrast *c = NULL;
	struct exec_env env;
	uint64_t t0;
	int code;

	run_exec_env(x->r, deadline, cancel, &env);
	env.max_rows = 0;	/* of what is shown, not of spans */
	if ((code = contrast_collect(x->r, &env, x->sink, &c, &x->info->profile, e)) < 0)
		return code;
	t0 = clock_mono_ns();
	x->r->note.n = 0;
	if ((code = contrast_note(c, &x->r->note, e)) == 0 &&
	    (code = over_contrast_rows(x, c, e)) == 0)
		code = format_contrast(x, c, e);
	contrast_free(c);
	x->format_ns += clock_mono_ns() - t0;
	return code;
}
