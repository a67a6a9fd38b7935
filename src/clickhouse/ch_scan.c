/* SPDX-License-Identifier: ISC */
/* ch_scan: see clickhouse/ch_scan.h. */
#include "clickhouse/ch_scan.h"

#include <stdlib.h>

#include "clickhouse/ch_rows.h"
#include "clickhouse/ch_span.h"

struct ch_scan {
	struct arena a;		/* of the statement */
	struct ch_sql sql;
	struct ch_reply *reply;
	struct ch_rows *rows;
	struct ch_span_reader reader;
	uint64_t passed_over;
};

static int
next_piece(void *arg, struct sv *out, struct err *e)
{
	return ch_read(arg, out, e);
}

static int
ask(struct ch_scan *s, struct ch_client *c, const struct ch_select *q, const struct ch_scan_opts *o,
    struct ch_outcome *outcome, struct err *e)
{
	struct ch_question question = { .format = SV("RowBinaryWithNamesAndTypes"), .comment = o->comment,
		.deadline_ns = o->deadline_ns, .cancel = o->cancel };
	int rc = ch_sql_select(q, &s->a, &s->sql, e);

	if (rc < 0)
		return rc;
	question.sql = s->sql.text;
	question.params = s->sql.params;
	question.n_params = s->sql.n_params;
	if ((rc = ch_ask(c, &question, outcome, &s->reply, e)) < 0)
		return rc;
	return ch_rows_open(next_piece, s->reply, &s->rows, e);
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
	if ((rc = ask(s, c, q, o, outcome, e)) == 0)
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

/* One row of a number and the end. */
static int
count_read(struct ch_scan *s, uint64_t *n, struct err *e)
{
	const struct ch_column *columns;
	const struct sv *cells;
	struct cursor c;
	size_t n_columns;
	int rc;

	columns = ch_rows_columns(s->rows, &n_columns);
	if (n_columns != 2 || !ch_type_is(columns[0].type, CH_UINT, 8))
		return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer to a count is none");
	if ((rc = ch_rows_next(s->rows, &cells, e)) < 0)
		return rc;
	if (rc > 0)
		return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer to a count is empty");
	c = cursor_new(cells[0].p, cells[0].n);
	*n = cursor_u64(&c);
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
	int rc;

	count.count = true;
	if (outcome != NULL)
		memset(outcome, 0, sizeof *outcome);
	if ((rc = scan_new(&s, e)) < 0)
		return rc;
	if ((rc = ask(s, c, &count, o, outcome, e)) == 0)
		rc = count_read(s, n, e);
	ch_scan_close(s);
	return rc;
}
