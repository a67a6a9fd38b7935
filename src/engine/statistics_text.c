/* SPDX-License-Identifier: ISC */
/*
 * statistics_text: what the optimizer believes of the store, as the files of .spanfs/stats:
 * tab-separated, a header line, names and values encoded as in paths. Numbers of rows are
 * those of the shards that were there when the summary was made.
 */
#include <math.h>

#include "base/clock.h"
#include "engine_i.h"
#include "query/name.h"

#define VALUES_OF_A_FIELD 100

static void
put_field(struct buf *out, const struct stats_field *f)
{
	struct buf name = BUF_INIT;

	field_print(&name, &f->field);
	name_encode(out, buf_view(&name));
	out->oom |= name.oom;
	buf_release(&name);
	buf_printf(out, "\t%s", f->field.scope == FIELD_INTRINSIC ? "intrinsic" :
	    value_type_name(f->type));
}

static void
print_fields(const struct stats_summary *s, struct buf *out)
{
	BUF_LIT(out, "field\ttype\trows\tdistinct\twidth\tlisted_values\tlisted_rows\n");
	for (uint32_t i = 0; i < s->n_fields; i++) {
		const struct stats_field *f = &s->fields[i];

		put_field(out, f);
		buf_printf(out, "\t%.0f\t%.0f\t%.0f\t%u\t%.0f\n", f->n_present, f->n_distinct,
		    ceil(f->width), f->n_values, f->n_known);
	}
}

static void
put_value(struct buf *out, const struct value *v)
{
	struct buf text = BUF_INIT;

	if (v->type == VAL_INT)
		buf_i64(&text, v->i);
	else if (v->type == VAL_DOUBLE)
		buf_double(&text, v->d);
	else if (v->type == VAL_BOOL)
		buf_str(&text, v->b ? "true" : "false");
	else if (v->type != VAL_EMPTY)
		buf_sv(&text, v->s);
	name_encode(out, buf_view(&text));
	out->oom |= text.oom;
	buf_release(&text);
}

static void
print_values(const struct stats_summary *s, struct buf *out)
{
	BUF_LIT(out, "field\ttype\trows\tvalue\n");
	for (uint32_t i = 0; i < s->n_fields; i++)
		for (uint32_t k = 0; k < s->fields[i].n_values && k < VALUES_OF_A_FIELD; k++) {
			put_field(out, &s->fields[i]);
			buf_printf(out, "\t%.0f\t", s->fields[i].values[k].n_rows);
			put_value(out, &s->fields[i].values[k].val);
			BUF_LIT(out, "\n");
		}
}

/* The duration below which a share of the rows lies, in whole buckets. */
static uint64_t
quantile(const float *hist, double share)
{
	double n = (double)hist[STATS_LOG_BUCKETS];
	unsigned b = 0;

	while (b < STATS_LOG_BUCKETS - 1 && (double)hist[b + 1] < n * share)
		b++;
	return stats_bucket_start(b + 1);
}

static void
print_cells(const struct stats_summary *s, struct buf *out)
{
	BUF_LIT(out, "service\tname\trows\terrors\tp50_ns\tp95_ns\tp99_ns\tfields\n");
	for (uint32_t i = 0; i < s->n_cells; i++) {
		const struct stats_cell *c = &s->cells[i];

		name_encode(out, c->service);
		buf_putc(out, '\t');
		if (!c->all)
			name_encode(out, c->name);
		buf_printf(out, "\t%.0f\t%.0f\t%llu\t%llu\t%llu\t%u\n", c->n_rows, c->n_errors,
		    (unsigned long long)quantile(c->hist[HIST_DURATION], 0.5),
		    (unsigned long long)quantile(c->hist[HIST_DURATION], 0.95),
		    (unsigned long long)quantile(c->hist[HIST_DURATION], 0.99), c->n_fields);
	}
}

/* Cells stand by service. */
static void
print_services(const struct stats_summary *s, struct buf *out)
{
	BUF_LIT(out, "service\trows\terrors\tnames\n");
	for (uint32_t i = 0, k; i < s->n_cells; i = k) {
		double rows = 0, errors = 0;
		uint32_t n = 0;

		for (k = i; k < s->n_cells && sv_eq(s->cells[k].service, s->cells[i].service);
		    k++) {
			rows += s->cells[k].n_rows;
			errors += s->cells[k].n_errors;
			n += !s->cells[k].all;
		}
		name_encode(out, s->cells[i].service);
		buf_printf(out, "\t%.0f\t%.0f\t%u\n", rows, errors, n);
	}
}

/* Files of .spanfs/stats, each a row. */
static const struct stats_file {
	const char *name;
	void (*print)(const struct stats_summary *, struct buf *);
} files[] = {
	{ "cells", print_cells },
	{ "fields", print_fields },
	{ "services", print_services },
	{ "values", print_values },
};
#define N_FILES (sizeof files / sizeof *files)

const char *
engine_stats_name(size_t i)
{
	return i < N_FILES ? files[i].name : NULL;
}

static const struct stats_file *
file_find(struct sv name)
{
	for (size_t i = 0; i < N_FILES; i++)
		if (sv_is(name, files[i].name))
			return &files[i];
	return NULL;
}

static const struct stats_summary nothing;

int
statistics_print(struct engine *en, struct sv name, struct buf *out, struct err *e)
{
	const struct stats_file *f = file_find(name);
	struct summary *got;
	const struct stats_summary *s;

	if (f == NULL)
		return err_set(e, ERR_UNKNOWN, -1, "no file '%.*s' in .spanfs/stats",
		    SV_ARG(name));
	pthread_mutex_lock(&en->statistics.state);
	got = en->statistics.newest == NULL ? NULL : summary_ref(en->statistics.newest);
	pthread_mutex_unlock(&en->statistics.state);
	s = got == NULL ? &nothing : &got->stats;
	f->print(s, out);
	if (got == NULL)
		BUF_LIT(out, "# not made yet: look again in a moment, or write analyze to "
		    ".spanfs/control\n");
	summary_unref(got);
	return buf_ok(out, e);
}
