/* SPDX-License-Identifier: ISC */
/* ch_contrast: the server's counts into a table of them: see clickhouse/ch_contrast.h. */
#include "clickhouse/ch_contrast.h"

#include "ch_cell_i.h"
#include "chsql/ch_words.h"
#include "clickhouse/ch_span.h"
#include "rowbinary/ch_rows.h"

enum column { C_PART, C_KEY, C_VALUE, C_SERVICE, C_NAME, C_KIND, C_STATUS, C_KEYS, C_VALUES, C_SELECTION,
	C_BASELINE, C_DOUBTS, N_COLUMNS };
enum part { P_SPAN, P_EVENT, P_SPANS };

struct counting {
	struct contrast *t;
	struct arena a;			/* of a row */
	uint64_t n[2];
	struct err *e;
};

static int
strange(struct err *e)
{
	return err_set(e, ERR_CORRUPT, -1, "ClickHouse's counts are not those that were asked for");
}

static bool
fits(const struct ch_column *c, size_t n)
{
	if (n != N_COLUMNS + 1 || !ch_type_is(c[C_PART].type, CH_UINT, 1))
		return false;
	for (size_t i = C_KEY; i <= C_STATUS; i++)
		if (c[i].type->kind != CH_STRING)
			return false;
	for (size_t i = C_KEYS; i <= C_VALUES; i++)
		if (c[i].type->kind != CH_ARRAY || c[i].type->kids[0]->kind != CH_STRING)
			return false;
	for (size_t i = C_SELECTION; i <= C_DOUBTS; i++)
		if (!ch_type_is(c[i].type, CH_UINT, 8))
			return false;
	return true;
}

static struct sv
text_of(const struct sv *cell)
{
	struct cursor c = cursor_new(cell->p, cell->n);

	return cursor_str(&c);
}

static uint64_t
number_of(const struct sv *cell)
{
	struct cursor c = cursor_new(cell->p, cell->n);

	return cursor_u64(&c);
}

static int
spread(struct counting *x, struct field f, const struct value *v)
{
	struct contrast_field *to;
	int rc = contrast_field(x->t, &f, &to, x->e);

	return rc < 0 ? rc : contrast_spread(x->t, to, v, x->n[SIDE_SELECTION], x->n[SIDE_BASELINE], x->e);
}

/* ---- values ---- */

/* Is it shown as it stands there? Else what the server told apart may be one here. */
static bool
plain(struct sv cell, struct sv shown)
{
	return sv_eq(cell, shown);
}

static int
value_row(struct counting *x, const struct sv *cells, enum part part)
{
	struct field f = { .scope = part == P_EVENT ? FIELD_EVENT : FIELD_SPAN };
	struct sv key = text_of(&cells[C_KEY]), text = text_of(&cells[C_VALUE]), shown;
	struct value v;
	int rc;

	if ((rc = ch_span_text(key, &x->a, &f.key, x->e)) < 0 ||
	    (rc = ch_span_text(text, &x->a, &shown, x->e)) < 0)
		return rc;
	if (!plain(key, f.key) || !plain(text, shown))
		return 1;
	rc = ch_span_value(text, &x->a, &v, x->e);
	return rc < 0 ? rc : spread(x, f, &v);
}

/* ---- spans ---- */

static int
spread_text(struct counting *x, enum intrinsic i, const struct sv *cell, struct sv *out)
{
	struct value v = { .type = VAL_STRING };
	int rc = ch_span_text(text_of(cell), &x->a, &v.s, x->e);

	*out = v.s;
	return rc < 0 ? rc : spread(x, (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = i }, &v);
}

static int
spread_word(struct counting *x, enum intrinsic i, int32_t number)
{
	const struct value v = { .type = VAL_INT, .i = number };

	return spread(x, (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = i }, &v);
}

static int
spans_row(struct counting *x, const struct sv *cells)
{
	struct resource r = { .service = SV_EMPTY };
	struct sv name;
	int rc;

	if ((rc = spread_text(x, IN_SERVICE, &cells[C_SERVICE], &r.service)) < 0 ||
	    (rc = spread_text(x, IN_NAME, &cells[C_NAME], &name)) < 0 ||
	    (rc = spread_word(x, IN_KIND, ch_word_number(ch_kinds, CH_N_KINDS, text_of(&cells[C_KIND])))) < 0 ||
	    (rc = spread_word(x, IN_STATUS, ch_word_number(ch_statuses, CH_N_STATUSES,
	    text_of(&cells[C_STATUS])))) < 0 ||
	    (rc = ch_span_resource(cells[C_KEYS], cells[C_VALUES], &x->a, &r, x->e)) < 0)
		return rc;
	for (uint32_t i = 0; rc >= 0 && i < r.attrs.n; i++)
		rc = spread(x, (struct field){ .scope = FIELD_RESOURCE, .key = r.attrs.v[i].key }, &r.attrs.v[i].val);
	if (rc >= 0)
		contrast_add_spans(x->t, x->n[SIDE_SELECTION], x->n[SIDE_BASELINE]);
	return rc;
}

/* ---- all of it ---- */

static int
rows_read(struct counting *x, struct ch_rows *rows)
{
	const struct sv *cells;
	int rc;

	while ((rc = ch_rows_next(rows, &cells, x->e)) == 0) {
		unsigned part = (unsigned char)*cells[C_PART].p;

		arena_reset(&x->a);
		x->n[SIDE_SELECTION] = number_of(&cells[C_SELECTION]);
		x->n[SIDE_BASELINE] = number_of(&cells[C_BASELINE]);
		if (number_of(&cells[C_DOUBTS]) != 0)
			return 1;
		if (part > P_SPANS)
			return strange(x->e);
		rc = part == P_SPANS ? spans_row(x, cells) : value_row(x, cells, (enum part)part);
		if (rc != 0)
			return rc;
	}
	return rc < 0 ? rc : 0;
}

static int
ask(struct ch_client *c, const struct ch_sql *sql, const struct ch_scan_opts *o, struct counting *x,
    struct ch_outcome *outcome)
{
	struct ch_question question = { .sql = sql->text, .params = sql->params,
		.n_params = sql->n_params, .format = SV("RowBinaryWithNamesAndTypes"),
		.comment = o->comment, .deadline_ns = o->deadline_ns, .cancel = o->cancel };
	struct ch_reply *reply = NULL;
	struct ch_rows *rows = NULL;
	const struct ch_column *columns;
	size_t n;
	int rc = ch_ask(c, &question, outcome, &reply, x->e);

	if (rc == 0 && (rc = ch_rows_of(reply, &rows, x->e)) == 0) {
		columns = ch_rows_columns(rows, &n);
		rc = fits(columns, n) ? rows_read(x, rows) : strange(x->e);
	}
	if (reply != NULL && outcome != NULL)
		*outcome = *ch_reply_outcome(reply);
	ch_rows_close(rows);
	ch_close(reply);
	return rc;
}

int
ch_contrast(struct ch_client *c, const struct ch_select *q, const struct pred *selection,
    const struct ch_scan_opts *o, struct contrast *t, struct ch_outcome *outcome, struct err *e)
{
	struct counting x = { .e = e };
	struct ch_sql sql;
	struct arena a;
	int rc;

	if (outcome != NULL)
		memset(outcome, 0, sizeof *outcome);
	arena_init(&a);
	arena_init(&x.a);
	if ((rc = ch_sql_contrast(q, selection, &a, &sql, e)) == 0 && (rc = contrast_like(t, &x.t, e)) == 0)
		rc = ask(c, &sql, o, &x, outcome);
	/* The server has all values before it leaves any out; of rows a field with too many takes no more. */
	if (rc == ERR_NOMEM || rc == ERR_LIMIT)
		rc = 1;
	else if (rc == 0)
		rc = contrast_merge(t, x.t, e);
	contrast_free(x.t);
	arena_release(&x.a);
	arena_release(&a);
	return rc;
}
