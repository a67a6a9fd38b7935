/* SPDX-License-Identifier: ISC */
/* ch_catalog: see clickhouse/ch_catalog.h. */
#include "clickhouse/ch_catalog.h"

#include "base/clock.h"
#include "ch_catalog_i.h"

enum { CODE_SYNTAX = 62, CODE_NOT_IMPLEMENTED = 48 };

/* ---- estimates ---- */

struct explained {
	const struct ch_select *select;
	struct ch_estimate sum;
};

static void
explain(struct writer *w, const struct looking *l, const struct attempt *at, const void *arg)
{
	(void)l, (void)at;
	W(w, "EXPLAIN ESTIMATE SELECT ");
	w_column(w, CHC_TRACE_ID);
	W(w, " FROM ");
	w_table(w, w->s->table);
	where_write(w, ((const struct explained *)arg)->select);
}

/* A table that is read: database, table, parts, rows, marks. */
static int
on_estimate(void *arg, const struct ch_column *columns, const struct sv *cells, struct err *e)
{
	struct ch_estimate *sum = &((struct explained *)arg)->sum;

	(void)columns, (void)e;
	sum->known = true;
	sum->parts += catalog_u64(cells[2]);
	sum->rows += catalog_u64(cells[3]);
	sum->marks += catalog_u64(cells[4]);
	return 0;
}

static int
estimate(struct looking *l, const struct ch_select *q, struct ch_estimate *out, struct err *e)
{
	struct explained x = { .select = q };
	struct attempt at = { .bound = BOUND_NONE };
	int rc;

	rc = catalog_rows(l, explain, &at, "ssuuu", on_estimate, &x, NULL, e);
	/* Where there is nothing to read, there is no row. */
	if (rc == 0 && catalog_has_parts(q->schema))
		x.sum.known = true;
	/* Older servers and other engines have none. */
	if (rc < 0 && (l->outcome.code == CODE_SYNTAX || l->outcome.code == CODE_NOT_IMPLEMENTED)) {
		catalog_note_err(l, "no estimate", e);
		x.sum.known = false;
		rc = 0;
	}
	if (rc == 0)
		*out = x.sum;
	return rc;
}

static int
estimate_wanted(struct looking *l, struct err *e)
{
	static const struct pred everything = { .kind = PRED_TRUE };
	struct ch_select q = { .schema = l->by->schema, .range = l->want->range, .limit = UINT64_MAX,
		.filter = l->want->filter != NULL ? l->want->filter : &everything };
	int rc = estimate(l, &q, &l->out->estimate, e);

	l->out->complete = l->out->estimate.known && !l->by->schema->distributed;
	if (l->by->schema->distributed)
		catalog_note(l, "the estimate is of one server");
	return rc;
}

/* ---- questions ---- */

static int
topic(struct looking *l, struct err *e)
{
	switch (l->want->topic) {
	case CH_EXTENT:
		return catalog_extent(l, &l->out->extent, &l->out->complete, e);
	case CH_PARTITIONS:
		return catalog_partitions(l, e);
	case CH_VALUES:
		return catalog_list(l, e);
	case CH_KEYS:
		return catalog_keys(l, e);
	default:
		return estimate_wanted(l, e);
	}
}

int
ch_catalog_ask(const struct ch_asking *by, const struct ch_want *want, struct arena *a,
    struct ch_answer *out, struct ch_outcome *outcome, struct err *e)
{
	struct ch_answer answer = { .exact = true };
	struct looking l = { .by = by, .want = want, .a = a, .out = &answer, .begun_ns = clock_mono_ns(),
		.note = BUF_INIT };
	struct err own = ERR_INIT;
	int rc;

	/* What it can do without is told in notes, by the words of the failure. */
	if (e == NULL)
		e = &own;
	rc = topic(&l, e);
	if (outcome != NULL)
		*outcome = l.outcome;
	if (rc == 0) {
		rc = buf_ok(&l.note, e);
		answer.note = arena_sv(a, buf_view(&l.note));
		if (rc == 0 && l.note.n != 0 && answer.note.p == NULL)
			rc = err_nomem(e);
	}
	buf_release(&l.note);
	if (rc == 0)
		*out = answer;
	return rc;
}

int
ch_catalog_estimate(const struct ch_asking *by, const struct ch_select *q, struct ch_estimate *out,
    struct ch_outcome *outcome, struct err *e)
{
	struct looking l = { .by = by, .begun_ns = clock_mono_ns(), .note = BUF_INIT };
	struct ch_asking own = *by;
	struct err words = ERR_INIT;
	int rc;

	if (e == NULL)
		e = &words;
	own.schema = q->schema;
	own.hex = q->hex;
	l.by = &own;
	rc = estimate(&l, q, out, e);
	if (outcome != NULL)
		*outcome = l.outcome;
	buf_release(&l.note);
	return rc;
}
