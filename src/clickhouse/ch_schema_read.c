/* SPDX-License-Identifier: ISC */
/* ch_schema_read: asks the server for a table's columns, engine and companions. */
#include <stdlib.h>

#include "base/vec.h"
#include "base/visible.h"
#include "ch_cell_i.h"
#include "chsql/ch_schema.h"
#include "clickhouse/ch_schema_read.h"
#include "rowbinary/ch_rows.h"

enum { CODE_UNKNOWN_SETTING = 115 };

/* What a table with thousands of columns does not reach: an answer without an end does. */
#define SCHEMA_BYTES (16u << 20)

/* "" is the database that the server chose. */
#define OF_TABLE " WHERE database = coalesce(nullIf({d:String}, ''), currentDatabase()) AND "

#define TIMES_OF_TRACES "_trace_id_ts"

/* Called for each row, its cells as texts. */
typedef int row_fn(void *, const struct sv *texts, size_t n, struct err *);

static int
texts_of(struct ch_rows *rows, row_fn *fn, void *arg, struct err *e)
{
	const struct sv *cells;
	const struct ch_column *columns;
	size_t n;
	int rc;

	columns = ch_rows_columns(rows, &n);
	while ((rc = ch_rows_next(rows, &cells, e)) == 0) {
		struct sv texts[8];
		size_t k;

		for (k = 0; k < n && k < 8 && columns[k].type->kind == CH_STRING; k++) {
			struct cursor c = cursor_new(cells[k].p, cells[k].n);

			texts[k] = cursor_str(&c);
		}
		if ((rc = fn(arg, texts, k, e)) < 0)
			return rc;
	}
	return rc > 0 ? 0 : rc;
}

/* In place of "Unknown setting param_d". The version is told if the server tells it. */
static int
too_old(struct ch_client *c, struct err *e)
{
	struct ch_question q = { .sql = SV("SELECT version()"), .format = SV("RowBinary") };
	struct ch_reply *reply = NULL;
	struct buf version = BUF_INIT;
	struct err unsaid = ERR_INIT;
	struct sv piece;
	int rc = ch_ask(c, &q, NULL, &reply, &unsaid);

	while (rc == 0 && version.n < 64)
		if ((rc = ch_read(reply, &piece, &unsaid)) == 0 && piece.n > 1)	/* its length is first */
			visible_text(&version, sv_new(piece.p + 1, piece.n < 32 ? piece.n - 1 : 31), 0);
	ch_close(reply);
	rc = err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse %s is too old: it takes no parameters of queries, and has "
	    "no columns of type Map", buf_cstr(&version));
	buf_release(&version);
	return rc;
}

static int
each_row(struct ch_client *c, struct sv sql, struct ch_table t, row_fn *fn, void *arg, struct err *e)
{
	struct buf d = BUF_INIT, n = BUF_INIT, ts = BUF_INIT;
	struct ch_question q = { .sql = sql, .format = SV("RowBinaryWithNamesAndTypes"), .n_params = 3 };
	struct ch_param params[3];
	struct ch_reply *reply = NULL;
	struct ch_rows *rows = NULL;
	struct ch_outcome o = { 0 };
	int rc;

	ch_param_string(&d, t.database);
	ch_param_string(&n, t.name);
	buf_sv(&ts, buf_view(&n));
	BUF_LIT(&ts, TIMES_OF_TRACES);
	params[0] = (struct ch_param){ SV("d"), buf_view(&d) };
	params[1] = (struct ch_param){ SV("t"), buf_view(&n) };
	params[2] = (struct ch_param){ SV("ts"), buf_view(&ts) };
	q.params = params;
	rc = d.oom || n.oom || ts.oom ? err_nomem(e) : ch_ask(c, &q, &o, &reply, e);
	if (rc < 0 && o.code == CODE_UNKNOWN_SETTING)
		rc = too_old(c, e);
	if (rc == 0 && (rc = ch_rows_of(reply, &rows, e)) == 0)
		rc = texts_of(rows, fn, arg, e);
	ch_rows_close(rows);
	ch_close(reply);
	buf_release(&d);
	buf_release(&n);
	buf_release(&ts);
	return rc;
}

/* ---- what is read, in an arena ---- */

struct reading {
	struct arena a;
	VEC(struct column_row) columns;
	struct table_row table;
	size_t n_tables;
	unsigned ends;		/* 1: the first row was there; 2: the last one */
	unsigned times;		/* columns of the table from trace id to time that are there: bits */
	struct buf print;	/* everything, for the fingerprint */
};

static int
keep(struct reading *r, struct sv from, struct sv *to, struct err *e)
{
	if (r->print.n > SCHEMA_BYTES)
		return err_set(e, ERR_TOOBIG, -1, "ClickHouse says over %u bytes of the table's columns",
		    SCHEMA_BYTES);
	*to = arena_sv(&r->a, from);
	buf_varint(&r->print, from.n);
	buf_sv(&r->print, from);
	return from.n != 0 && to->p == NULL ? err_nomem(e) : 0;
}

static int
on_column(struct reading *r, const struct sv *t, struct err *e)
{
	struct column_row row;
	int rc;

	if ((rc = keep(r, t[0], &row.name, e)) < 0 || (rc = keep(r, t[1], &row.type, e)) < 0 ||
	    (rc = keep(r, t[2], &row.expression, e)) < 0)
		return rc;
	return vec_push(&r->columns, row) ? 0 : err_nomem(e);
}

static int
on_table(struct reading *r, const struct sv *t, struct err *e)
{
	int rc;

	if ((rc = keep(r, t[0], &r->table.engine, e)) < 0 || (rc = keep(r, t[1], &r->table.engine_full, e)) < 0 ||
	    (rc = keep(r, t[2], &r->table.sorting_key, e)) < 0)
		return rc;
	r->n_tables++;
	return 0;
}

/* Of the table from trace id to time: it counts if it has its three columns. */
static void
on_times(struct reading *r, const struct sv *t)
{
	r->times |= (unsigned)(sv_is(t[0], "TraceId") && sv_ends(t[1], SV("String"))) |
	    (unsigned)(sv_is(t[0], "Start") && sv_find(t[1], SV("DateTime")) >= 0) << 1 |
	    (unsigned)(sv_is(t[0], "End") && sv_find(t[1], SV("DateTime")) >= 0) << 2;
}

static int
cuts(struct sv what, struct sv value, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	visible_text(&b, what, 0);
	if (value.n != 0)
		BUF_LIT(&b, " = ");
	visible_text(&b, sv_sub(value, 0, 40), 0);
	rc = err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse cuts answers, and does not say so: the profile of "
	    "[clickhouse] user has %.*s, and the user may set nothing", SV_ARG(buf_view(&b)));
	buf_release(&b);
	return rc;
}

/* The first cell says of what the row is. */
static int
on_row(void *arg, const struct sv *t, size_t n, struct err *e)
{
	struct reading *r = arg;

	if (n != 4)
		return err_set(e, ERR_IO, -1, "ClickHouse's system.columns or system.tables is not understood");
	if (sv_is(t[0], "column"))
		return on_column(r, t + 1, e);
	if (sv_is(t[0], "table"))
		return on_table(r, t + 1, e);
	if (sv_is(t[0], "setting"))
		return cuts(t[1], t[2], e);
	if (sv_is(t[0], "+") || sv_is(t[0], "~"))
		r->ends |= sv_is(t[0], "+") ? 1 : 2;
	else
		on_times(r, t + 1);
	return 0;
}

#define TABLE "SELECT 'table' AS spanfs_of, engine, engine_full, sorting_key FROM system.tables" OF_TABLE \
	"name = {t:String}"

/*
 * Settings by which an answer is cut and does not say so. None is left where they can be set along
 * with a question: it is a profile that has them, of a user who may set none. `limit` and `offset`
 * don't show there: a first row and a last one tell that nothing is cut off this answer.
 */
#define CUTS "(match(name, '^[a-z_]*overflow_mode(_leaf)?$') AND value IN ('break', 'any')) OR " \
	"(name = 'skip_unavailable_shards' AND value NOT IN ('0', 'false'))"

/*
 * All in one question, as a program that asks one of its own waits for this first. A union has no
 * order: columns are put in theirs within their part, and the table's name is no part of it.
 */
#define ALL_OF_IT \
	"SELECT spanfs_of, spanfs_a, spanfs_b, spanfs_c FROM (" \
	"SELECT 'column' AS spanfs_of, name AS spanfs_a, type AS spanfs_b, default_expression AS spanfs_c, " \
	"position AS spanfs_at FROM system.columns" OF_TABLE "table = {t:String} UNION ALL " \
	"SELECT 'table', engine, engine_full, sorting_key, toUInt64(0) FROM system.tables" OF_TABLE \
	"name = {t:String} UNION ALL " \
	"SELECT 'times', name, type, '', toUInt64(0) FROM system.columns" OF_TABLE "table = {ts:String} UNION ALL " \
	"SELECT arrayJoin(['+', '~']), '', '', '', toUInt64(0) UNION ALL " \
	"SELECT 'setting', name, value, '', toUInt64(0) FROM system.settings WHERE " CUTS " " \
	") ORDER BY spanfs_of, spanfs_at"

static int
read_table(struct ch_client *c, struct ch_table t, struct reading *r, struct err *e)
{
	int rc = each_row(c, SV(ALL_OF_IT), t, on_row, r, e);
	struct buf b = BUF_INIT;

	if (rc == 0 && r->ends != 3)
		return cuts(SV("limit or offset"), SV_EMPTY, e);
	if (rc == 0 && (r->n_tables == 0 || r->columns.n == 0)) {
		visible_text(&b, t.name, 0);
		rc = err_set(e, ERR_UNKNOWN, -1, "ClickHouse has no table %.*s (see [clickhouse] database and "
		    "table)", SV_ARG(buf_view(&b)));
		buf_release(&b);
	}
	return rc;
}

/* The table from trace id to time has the table's name and this behind it. */
static int
take_times(struct ch_schema *s, const struct reading *r, struct err *e)
{
	char *name;

	if (r->times != 7)
		return 0;
	name = arena_printf(&s->a, "%.*s" TIMES_OF_TRACES, SV_ARG(s->table.name));
	if (name == NULL)
		return err_nomem(e);
	s->trace_ts = (struct ch_table){ s->table.database, sv_cstr(name) };
	return 0;
}

/* A Distributed table has no key: that of the table behind it, if the server that is asked has it. */
static int
read_local_key(struct ch_client *c, struct ch_schema *s, struct reading *r, struct err *e)
{
	int rc;

	if (!s->distributed)
		return 0;
	r->table.sorting_key = SV_EMPTY;
	rc = each_row(c, SV(TABLE), s->local, on_row, r, e);
	if (rc == 0)
		schema_key(s, r->table.sorting_key);
	return rc;
}

static int
schema_fill(struct ch_client *c, struct ch_table t, struct ch_schema *s, struct reading *r, struct err *e)
{
	int rc;

	s->table.database = arena_sv(&s->a, t.database);
	s->table.name = arena_sv(&s->a, t.name);
	if ((t.database.n != 0 && s->table.database.p == NULL) || (t.name.n != 0 && s->table.name.p == NULL))
		return err_nomem(e);
	if ((rc = read_table(c, t, r, e)) < 0 || (rc = schema_columns(s, r->columns.v, r->columns.n, e)) < 0 ||
	    (rc = schema_engine(s, &r->table, e)) < 0 || (rc = read_local_key(c, s, r, e)) < 0 ||
	    (rc = take_times(s, r, e)) < 0 || (rc = buf_ok(&r->print, e)) < 0)
		return rc;
	buf_putc(&r->print, s->trace_ts.name.n != 0);
	s->fingerprint = hash64(r->print.p, r->print.n);
	return buf_ok(&r->print, e);
}

int
ch_schema_read(struct ch_client *c, struct ch_table t, struct ch_schema **out, struct err *e)
{
	struct ch_schema *s = calloc(1, sizeof *s);
	struct reading r = { .columns = VEC_INIT, .print = BUF_INIT };
	int rc;

	if (s == NULL)
		return err_nomem(e);
	arena_init(&s->a);
	arena_init(&r.a);
	rc = schema_fill(c, t, s, &r, e);
	vec_release(&r.columns);
	arena_release(&r.a);
	buf_release(&r.print);
	if (rc < 0) {
		ch_schema_free(s);
		return rc;
	}
	*out = s;
	return 0;
}
