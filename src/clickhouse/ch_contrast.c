/* SPDX-License-Identifier: ISC */
/* ch_contrast: the server's counts into a table of them: see clickhouse/ch_contrast.h. */
#include "clickhouse/ch_contrast.h"

#include "ch_cell_i.h"
#include "chsql/ch_words.h"
#include "clickhouse/ch_span.h"
#include "rowbinary/ch_rows.h"

enum column { C_ITEM, C_SELECTION, C_BASELINE, C_DOUBTS, N_COLUMNS };

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
	if (n != N_COLUMNS + 1 || c[C_ITEM].type->kind != CH_STRING)
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

/* >0: it is not shown as it stands there; then what the server told apart may be one here. */
static int
plain(struct counting *x, struct sv cell, struct sv *shown)
{
	int rc = ch_span_text(cell, &x->a, shown, x->e);

	return rc < 0 ? rc : !sv_eq(cell, *shown);
}

static int
attr_item(struct counting *x, enum field_scope scope, struct sv key, struct sv text)
{
	struct field f = { .scope = scope };
	struct value v;
	int rc;

	if ((rc = plain(x, key, &f.key)) != 0 || (rc = plain(x, text, &text)) != 0)
		return rc;
	rc = ch_span_value(text, &x->a, &v, x->e);
	return rc < 0 ? rc : spread(x, f, &v);
}

static int
name_item(struct counting *x, struct sv text)
{
	const struct field f = { .scope = FIELD_INTRINSIC, .intrinsic = IN_NAME };
	struct value v = { .type = VAL_STRING };
	int rc = ch_span_text(text, &x->a, &v.s, x->e);

	return rc < 0 ? rc : spread(x, f, &v);
}

/* ---- spans ---- */

static int
spread_word(struct counting *x, enum intrinsic i, int32_t number)
{
	const struct value v = { .type = VAL_INT, .i = number };

	return spread(x, (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = i }, &v);
}

/* Two arrays, of which the first ends where the second begins. */
static int
resource_read(struct counting *x, struct cursor *c, struct resource *out)
{
	const uint8_t *keys = c->p;
	struct sv values;

	for (int i = 0; i < 2; i++) {
		size_t at = cursor_off(c);

		for (uint64_t n = cursor_varint(c); n > 0 && !c->bad; n--)
			(void)cursor_str(c);
		values = sv_new(c->base + at, cursor_off(c) - at);
	}
	if (c->bad || cursor_left(c) != 0)
		return strange(x->e);
	return ch_span_resource(sv_new(keys, (size_t)((const uint8_t *)values.p - keys)), values, &x->a, out, x->e);
}

static int
spans_item(struct counting *x, struct sv row)
{
	struct cursor c = cursor_new(row.p, row.n);
	struct sv service = cursor_str(&c), kind = cursor_str(&c), status = cursor_str(&c);
	struct resource r = { .service = SV_EMPTY };
	struct value v = { .type = VAL_STRING };
	int rc;

	if ((rc = ch_span_text(service, &x->a, &r.service, x->e)) < 0 || (rc = resource_read(x, &c, &r)) < 0)
		return rc;
	v.s = r.service;
	if ((rc = spread(x, (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE }, &v)) < 0 ||
	    (rc = spread_word(x, IN_KIND, ch_word_number(ch_kinds, CH_N_KINDS, kind))) < 0 ||
	    (rc = spread_word(x, IN_STATUS, ch_word_number(ch_statuses, CH_N_STATUSES, status))) < 0)
		return rc;
	for (uint32_t i = 0; rc >= 0 && i < r.attrs.n; i++)
		rc = spread(x, (struct field){ .scope = FIELD_RESOURCE, .key = r.attrs.v[i].key }, &r.attrs.v[i].val);
	if (rc >= 0)
		contrast_add_spans(x->t, x->n[SIDE_SELECTION], x->n[SIDE_BASELINE]);
	return rc;
}

/* ---- all of it ---- */

static int
item_read(struct counting *x, struct sv item)
{
	struct cursor c = cursor_new(item.p, item.n);
	uint32_t head = cursor_u32(&c), key_n = head & ((1u << CH_ITEM_BITS) - 1);
	struct sv key, value;
	int rc;

	if (c.bad || key_n > cursor_left(&c))
		return strange(x->e);
	key = sv_sub(item, 4, 4 + key_n);
	value = sv_sub(item, 4 + key_n, item.n);
	switch (head >> CH_ITEM_BITS) {
	case CH_ITEM_SPAN:
		rc = attr_item(x, FIELD_SPAN, key, value);
		break;
	case CH_ITEM_EVENT:
		rc = attr_item(x, FIELD_EVENT, key, value);
		break;
	case CH_ITEM_NAME:
		rc = name_item(x, value);
		break;
	case CH_ITEM_SPANS:
		rc = spans_item(x, value);
		break;
	default:
		rc = strange(x->e);
	}
	return rc;
}

static int
rows_read(struct counting *x, struct ch_rows *rows)
{
	const struct sv *cells;
	int rc;

	while ((rc = ch_rows_next(rows, &cells, x->e)) == 0) {
		arena_reset(&x->a);
		x->n[SIDE_SELECTION] = number_of(&cells[C_SELECTION]);
		x->n[SIDE_BASELINE] = number_of(&cells[C_BASELINE]);
		if (number_of(&cells[C_DOUBTS]) != 0)
			return 1;
		if ((rc = item_read(x, text_of(&cells[C_ITEM]))) != 0)
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
