/* SPDX-License-Identifier: ISC */
/* ch_rows: see rowbinary/ch_rows.h. */
#include "rowbinary/ch_rows.h"

#include <stdlib.h>

#include "base/visible.h"

struct ch_rows {
	ch_bytes_fn *next;
	void *arg;
	struct arena a;
	struct buf bytes;	/* [at, n) is to be read */
	size_t at;
	size_t want;		/* not looked at again before there is so much */
	bool ended;
	struct ch_column *columns;
	struct sv *cells;
	size_t n_columns;
	bool marked;		/* the last is CH_END */
	uint64_t n_rows;
};

/* More bytes behind those that are left. Asks for twice as many each time, so that a long row is not read over and over. */
static int
more(struct ch_rows *r, struct err *e)
{
	size_t left = r->bytes.n - r->at;
	struct sv piece;
	int rc;

	if (left > CH_ROW_BYTES)
		return err_set(e, ERR_TOOBIG, -1, "a row of ClickHouse's answer has over %u bytes",
		    CH_ROW_BYTES);
	if (r->at != 0) {
		if (left != 0)
			memmove(r->bytes.p, r->bytes.p + r->at, left);
		r->bytes.n = left;
		r->at = 0;
	}
	r->want = left == 0 ? 1 : 2 * left;
	while (r->bytes.n < r->want) {
		if ((rc = r->next(r->arg, &piece, e)) < 0)
			return rc;
		if (rc > 0) {
			r->ended = true;
			break;
		}
		buf_sv(&r->bytes, piece);
		if ((rc = buf_ok(&r->bytes, e)) < 0)
			return rc;
	}
	return 0;
}

static struct cursor
rest(const struct ch_rows *r)
{
	return cursor_new(r->bytes.p + r->at, r->bytes.n - r->at);
}

static int
ends_within(const struct ch_rows *r, struct err *e, const char *what)
{
	return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer ends within %s, behind %ju rows", what,
	    (uintmax_t)r->n_rows);
}

static int
column_type(struct ch_rows *r, size_t i, struct sv text, struct err *e)
{
	struct buf name = BUF_INIT;
	int rc = ch_type_parse(text, &r->a, &r->columns[i].type, e);

	if (rc < 0) {
		visible_text(&name, sv_sub(r->columns[i].name, 0, 100), 0);
		err_ctx(e, rc, "column %.*s", SV_ARG(buf_view(&name)));
		buf_release(&name);
	}
	return rc;
}

/* The text of names and types, kept: its bytes move. */
static int
head_take(struct ch_rows *r, struct cursor *c, struct err *e)
{
	for (size_t i = 0; i < r->n_columns; i++) {
		struct sv name = cursor_str(c);

		r->columns[i].name = arena_sv(&r->a, name);
		if (name.n != 0 && r->columns[i].name.p == NULL)
			return err_nomem(e);
	}
	for (size_t i = 0; i < r->n_columns; i++) {
		int rc = column_type(r, i, cursor_str(c), e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Are names and types all there? Then their number. */
static int
head_whole(struct ch_rows *r, uint64_t *n, struct err *e)
{
	struct cursor c = rest(r);

	*n = cursor_varint(&c);
	if (c.bad)
		return cursor_left(&c) >= VARINT_MAX ? err_set(e, ERR_CORRUPT, 0, "ClickHouse's answer is no "
		    "RowBinaryWithNamesAndTypes") : 1;
	if (*n == 0 || *n > CH_COLUMNS)
		return err_set(e, ERR_CORRUPT, 0, "ClickHouse's answer has %ju columns", (uintmax_t)*n);
	for (uint64_t i = 0; i < 2 * *n && !c.bad; i++)
		cursor_str(&c);
	return c.bad;
}

static int
head_read(struct ch_rows *r, struct err *e)
{
	struct cursor c;
	uint64_t n;
	int rc;

	while ((rc = head_whole(r, &n, e)) != 0) {
		if (rc > 0 && r->ended)
			rc = ends_within(r, e, "its names and types");
		if (rc < 0 || (rc = more(r, e)) < 0)
			return rc;
	}
	r->n_columns = (size_t)n;
	r->columns = arena_array(&r->a, r->n_columns, struct ch_column);
	r->cells = arena_array(&r->a, r->n_columns, struct sv);
	if (r->columns == NULL || r->cells == NULL)
		return err_nomem(e);
	c = rest(r);
	(void)cursor_varint(&c);
	if ((rc = head_take(r, &c, e)) < 0)
		return rc;
	r->at += cursor_off(&c);
	r->marked = sv_is(r->columns[n - 1].name, CH_END);
	if (r->marked && !ch_type_is(r->columns[n - 1].type, CH_UINT, 1))
		return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer: column " CH_END " is no UInt8");
	return 0;
}

int
ch_rows_open(ch_bytes_fn *next, void *arg, struct ch_rows **out, struct err *e)
{
	struct ch_rows *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL)
		return err_nomem(e);
	r->next = next;
	r->arg = arg;
	arena_init(&r->a);
	rc = head_read(r, e);
	if (rc < 0) {
		ch_rows_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void
ch_rows_close(struct ch_rows *r)
{
	if (r == NULL)
		return;
	arena_release(&r->a);
	buf_release(&r->bytes);
	free(r);
}

const struct ch_column *
ch_rows_columns(const struct ch_rows *r, size_t *n)
{
	*n = r->n_columns;
	return r->columns;
}

/* The cells of the row at hand; >0: not all of it is there. */
static int
row_read(struct ch_rows *r, struct cursor *c, struct err *e)
{
	for (size_t i = 0; i < r->n_columns; i++) {
		const uint8_t *from = c->p;
		int rc = ch_value_skip(r->columns[i].type, c, e);

		if (rc != 0)
			return rc;
		r->cells[i] = sv_new(from, (size_t)(c->p - from));
	}
	if (r->marked && r->cells[r->n_columns - 1].p[0] != 1)
		return err_set(e, ERR_CORRUPT, -1, "ClickHouse's answer: row %ju has no end",
		    (uintmax_t)r->n_rows);
	return 0;
}

int
ch_rows_next(struct ch_rows *r, const struct sv **cells, struct err *e)
{
	for (;;) {
		struct cursor c = rest(r);
		int rc = 1;

		if (cursor_left(&c) == 0 && r->ended)
			return 1;
		if (cursor_left(&c) != 0 && (rc = row_read(r, &c, e)) < 0)
			return rc;
		if (rc == 0) {
			if (cursor_off(&c) > CH_ROW_BYTES)
				return err_set(e, ERR_TOOBIG, -1, "a row of ClickHouse's answer has over %u bytes",
				    CH_ROW_BYTES);
			r->at += cursor_off(&c);
			r->n_rows++;
			*cells = r->cells;
			return 0;
		}
		if (r->ended)
			return ends_within(r, e, "a row");
		if ((rc = more(r, e)) < 0)
			return rc;
	}
}
