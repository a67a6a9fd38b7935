/* SPDX-License-Identifier: ISC */
/* ch_scan: see clickhouse/ch_scan.h. */
#include "clickhouse/ch_groups.h"

#include <stdlib.h>

#include "ch_cell_i.h"
#include "rowbinary/ch_rows.h"
#include "clickhouse/ch_span.h"

#define FEW_ROWS 1000		/* no more of them come as they are: compression would hold the first ones up */
#define TRACES_MOST 100		/* of a list, that is looked through for doubles */

struct ch_scan {
	struct arena a;		/* of the statement */
	struct ch_sql sql;
	struct ch_reply *reply;
	struct ch_rows *rows;
	struct ch_span_reader reader;
	uint64_t passed_over, doubtful;
};

/* s->sql */
static int
ask(struct ch_scan *s, struct ch_client *c, const struct ch_scan_opts *o, bool packs,
    struct ch_outcome *outcome, struct err *e)
{
	struct ch_question question = { .format = SV("RowBinaryWithNamesAndTypes"), .comment = o->comment,
		.deadline_ns = o->deadline_ns, .cancel = o->cancel, .packs = packs };
	int rc;

	question.first = s->sql.limited;
	question.sql = s->sql.text;
	question.params = s->sql.params;
	question.n_params = s->sql.n_params;
	if ((rc = ch_ask(c, &question, outcome, &s->reply, e)) < 0)
		return rc;
	return ch_rows_of(s->reply, &s->rows, e);
}

static int
scan_new(struct ch_scan **out, struct err *e)
{
	struct ch_scan *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(e);
	arena_init(&s->a);
	*out = s;
	return 0;
}

int
ch_scan_open(struct ch_client *c, const struct ch_select *q, const struct ch_scan_opts *o,
    struct ch_outcome *outcome, struct ch_scan **out, struct err *e)
{
	struct ch_scan *s = NULL;
	int rc;

	if (outcome != NULL)
		memset(outcome, 0, sizeof *outcome);
	if ((rc = scan_new(&s, e)) < 0)
		return rc;
	if ((rc = ch_sql_select(q, &s->a, &s->sql, e)) == 0 &&
	    (rc = ask(s, c, o, !s->sql.limited || q->limit > FEW_ROWS, outcome, e)) == 0)
		rc = ch_span_reader_init(&s->reader, &s->sql, s->rows, e);
	if (rc < 0) {
		ch_scan_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

int
ch_scan_next(struct ch_scan *s, struct span_batch *b, size_t n, struct err *e)
{
	size_t had = b->n;

	while (b->n - had < n) {
		const struct sv *cells;
		struct span one, *to;
		int rc = ch_rows_next(s->rows, &cells, e);

		if (rc > 0 && b->n != had)
			return 0;	/* the next call will say it again */
		if (rc != 0 || (rc = ch_span_read(&s->reader, cells, &b->arena, &one, e)) < 0)
			return rc;
		if (s->sql.told_doubts && cells[s->sql.n_columns].p[0] != 0)
			s->doubtful++;
		if (rc > 0) {
			s->passed_over++;
			continue;
		}
		if ((to = span_batch_add(b)) == NULL)
			return err_nomem(e);
		*to = one;
	}
	return 0;
}

const struct ch_sql *
ch_scan_sql(const struct ch_scan *s)
{
	return &s->sql;
}

const struct ch_outcome *
ch_scan_outcome(const struct ch_scan *s)
{
	return ch_reply_outcome(s->reply);
}

uint64_t
ch_scan_passed_over(const struct ch_scan *s)
{
	return s->passed_over;
}

uint64_t
ch_scan_doubtful(const struct ch_scan *s)
{
	return s->doubtful;
}

void
ch_scan_close(struct ch_scan *s)
{
	if (s == NULL)
		return;
	ch_rows_close(s->rows);
	ch_close(s->reply);
	arena_release(&s->a);
	free(s);
}

/* One row of numbers and the end. */
static int
numbers_read(struct ch_scan *s, uint64_t *v, size_t n, struct err *e)
{
	const struct ch_column *columns;
	const struct sv *cells;
	size_t n_columns;
	bool fits;
	int rc;

	columns = ch_rows_columns(s->rows, &n_columns);
	fits = n_columns == n + 1;
	for (size_t i = 0; fits && i < n; i++)
		fits = ch_type_is(columns[i].type, CH_UINT, 8);
	if (!fits)
		return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer to a count is none");
	if ((rc = ch_rows_next(s->rows, &cells, e)) < 0)
		return rc;
	if (rc > 0)
		return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer to a count is empty");
	for (size_t i = 0; i < n; i++) {
		struct cursor c = cursor_new(cells[i].p, cells[i].n);

		v[i] = cursor_u64(&c);
	}
	/* The end says that it was one. */
	rc = ch_rows_next(s->rows, &cells, e);
	return rc > 0 ? 0 : rc < 0 ? rc : err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer to a count goes on");
}

int
ch_count(struct ch_client *c, const struct ch_select *q, const struct ch_scan_opts *o, uint64_t *n,
    struct ch_outcome *outcome, struct err *e)
{
	struct ch_select count = *q;
	struct ch_scan *s = NULL;
	uint64_t v[2] = { 0, 0 };
	int rc;

	count.count = true;
	if (outcome != NULL)
		memset(outcome, 0, sizeof *outcome);
	if ((rc = scan_new(&s, e)) < 0)
		return rc;
	if ((rc = ch_sql_select(&count, &s->a, &s->sql, e)) == 0 &&
	    (rc = ask(s, c, o, false, outcome, e)) == 0)
		rc = numbers_read(s, v, s->sql.doubts ? 2 : 1, e);
	ch_scan_close(s);
	if (rc == 0 && v[1] == 0)
		*n = v[0];
	return rc == 0 ? v[1] != 0 : rc;
}

/* Of one trace, or of a list without doubles: how many are asked for. 0: that isn't known. */
static uint64_t
n_asked(const struct pred *leaf)
{
	for (size_t i = 0; i < leaf->n_lits; i++)
		for (size_t k = 0; k < i; k++)
			if (leaf->n_lits > TRACES_MOST || (leaf->lits[i].hi == leaf->lits[k].hi &&
			    leaf->lits[i].lo == leaf->lits[k].lo))
				return 0;
	return leaf->n_lits;
}

int
ch_trace_times(struct ch_client *c, struct ch_select *q, const struct ch_scan_opts *o,
    struct ch_outcome *outcome, struct err *e)
{
	const struct pred *leaf = ch_sql_trace_leaf(q->filter);
	struct ch_scan *s = NULL;
	uint64_t v[3], n;
	int rc;

	q->has_times = false;
	if (outcome != NULL)
		memset(outcome, 0, sizeof *outcome);
	if (leaf == NULL || q->schema->trace_ts.name.n == 0 || (n = n_asked(leaf)) == 0)
		return 0;
	if ((rc = scan_new(&s, e)) < 0)
		return rc;
	if ((rc = ch_sql_trace_times(q->schema, q->filter, q->hex, &s->a, &s->sql, e)) == 0 &&
	    (rc = ask(s, c, o, false, outcome, e)) == 0 && (rc = numbers_read(s, v, 3, e)) == 0 && v[2] == n) {
		q->has_times = true;
		q->first_s = v[0];
		q->last_s = v[1];
	}
	ch_scan_close(s);
	return rc;
}

int
ch_parents_times(struct ch_client *c, struct ch_select *q, const struct ch_scan_opts *o,
    struct ch_outcome *outcome, struct err *e)
{
	struct ch_scan *s = NULL;
	uint64_t v[4];
	int rc;

	q->has_parents_times = false;
	memset(outcome, 0, sizeof *outcome);
	if ((rc = scan_new(&s, e)) < 0)
		return rc;
	if ((rc = ch_sql_parents_times(q, &s->a, &s->sql, e)) == 0 && (rc = ask(s, c, o, false, outcome, e)) == 0 &&
	    (rc = numbers_read(s, v, 4, e)) == 0 && v[2] == v[3]) {
		q->has_parents_times = true;
		q->parents_first_s = v[0];
		q->parents_last_s = v[1];
	}
	ch_scan_close(s);
	return rc;
}

int
ch_others(struct ch_client *c, const struct ch_select *q, const struct ch_scan_opts *o,
    const struct agg_table *t, bool *any, struct ch_outcome *outcome, struct err *e)
{
	struct ch_scan *s = NULL;
	uint64_t n = 0;
	int rc;

	memset(outcome, 0, sizeof *outcome);
	if ((rc = scan_new(&s, e)) < 0)
		return rc;
	if ((rc = ch_sql_others(q, t, &s->a, &s->sql, e)) == 0 && (rc = ask(s, c, o, false, outcome, e)) == 0)
		rc = numbers_read(s, &n, 1, e);
	ch_scan_close(s);
	*any = n != 0;
	return rc;
}
