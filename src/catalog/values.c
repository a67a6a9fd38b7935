/* SPDX-License-Identifier: ISC */
/*
 * values: what a keyword's directory lists: the values of a field over the shards of a time
 * range, counted from footers (services, span names, top values), dictionaries and the tables
 * of resources and scopes. No row is read, so a value may be listed that has no span in the
 * range or service, where only the shard as a whole is known. A value beyond a column's top
 * values counts as one row. Merging stops at VALUES_SEEN distinct values.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "manifest_i.h"
#include "stats_i.h"
#include "shard/chunk.h"

#define VALUES_SEEN 100000

struct listing {
	const struct values_request *rq;
	struct tally t;
	struct arena scratch;
	struct buf text;
	uint64_t at_least;	/* distinct values of one column that can't all be listed */
};

/* ---- what a shard is asked ---- */

static bool
shard_is_wanted(const struct values_request *rq, const struct shard_info *info)
{
	for (size_t i = 0; i < info->n_services; i++)
		if (values_want_service(rq, &info->services[i]))
			return true;
	return false;
}

/* ---- values as text ---- */

/* False: has no text that a path could hold. */
static bool
value_text(struct buf *b, const struct value *v)
{
	switch (v->type) {
	case VAL_STRING:
		buf_sv(b, v->s);
		return true;
	case VAL_BOOL:
		buf_str(b, v->b ? "true" : "false");
		return true;
	case VAL_INT:
		buf_i64(b, v->i);
		return true;
	case VAL_DOUBLE:
		buf_double(b, v->d);
		return true;
	case VAL_EMPTY:
	case VAL_BYTES:
	case VAL_ARRAY:
	case VAL_MAP:
		break;
	}
	return false;
}

static int
add_value(struct listing *l, const struct value *v, uint64_t rows, struct err *e)
{
	if (v->type == VAL_STRING)
		return tally_add(&l->t, v->s, rows, e);
	l->text.n = 0;
	if (!value_text(&l->text, v))
		return 0;
	return l->text.oom ? err_nomem(e) : tally_add(&l->t, buf_view(&l->text), rows, e);
}

static int
add_word(struct listing *l, const char *word, uint64_t rows, struct err *e)
{
	return word == NULL ? 0 : tally_add(&l->t, sv_cstr(word), rows, e);
}

/* ---- columns ---- */

static int
add_tops(struct listing *l, const struct column *c, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < c->n_top && rc == 0; i++)
		if (!c->top[i].cut)
			rc = add_value(l, &c->top[i].val, c->top[i].n_rows, e);
	return rc;
}

/* Every value of a dictionary; those among the top values are counted already. */
static int
add_dict(struct listing *l, struct shard *s, const struct column *c, struct err *e)
{
	const struct dict *d;
	int rc;

	if ((rc = dict_get(s, c, &d, e)) != 0)
		return rc;
	for (uint32_t i = 0; i < d->n && rc == 0; i++)
		rc = tally_add(&l->t, dict_at(d, i), 1, e);
	dict_put(d);
	return rc;
}

static int
add_column(struct listing *l, struct shard *s, const struct column *c, struct err *e)
{
	int rc;

	if (c == NULL)
		return 0;
	if (c->type == VAL_BYTES || c->type == VAL_ARRAY || c->type == VAL_MAP)
		return 0;
	if ((rc = add_tops(l, c, e)) != 0)
		return rc;
	if (c->kind == COLUMN_DICT && c->type == VAL_STRING)
		return add_dict(l, s, c, e);
	if (c->n_distinct > c->n_top && c->n_distinct > l->at_least)
		l->at_least = c->n_distinct;
	return 0;
}

static int
add_words(struct listing *l, const struct column *c, const char *(*word)(int32_t), struct err *e)
{
	int rc = 0;

	for (size_t i = 0; c != NULL && i < c->n_top && rc == 0; i++)
		if (c->top[i].val.type == VAL_INT)
			rc = add_word(l, word((int32_t)c->top[i].val.i), c->top[i].n_rows, e);
	return rc;
}

static int
add_attr(struct listing *l, struct shard *s, enum attr_scope scope, struct sv key, struct err *e)
{
	const struct column *c;
	size_t n = shard_attr(s, scope, key, &c);
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_column(l, s, &c[i], e);
	return rc;
}

/* ---- services, names ---- */

static int
add_services(struct listing *l, const struct shard_info *info, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < info->n_services && rc == 0; i++) {
		const struct shard_service *s = &info->services[i];

		if (values_want_service(l->rq, s))
			rc = tally_add(&l->t, s->service, s->row_to - s->row_from, e);
	}
	return rc;
}

static int
add_names(struct listing *l, struct shard *s, struct err *e)
{
	const struct shard_info *info = shard_info(s);
	const struct column *c = shard_column(s, COL_NAME);
	const struct dict *d;
	int rc;

	if (c == NULL)
		return 0;
	if ((rc = dict_get(s, c, &d, e)) != 0)
		return rc;
	for (size_t i = 0; i < info->n_services && rc == 0; i++) {
		const struct shard_service *sv = &info->services[i];

		if (!values_want_service(l->rq, sv))
			continue;
		for (size_t k = 0; k < sv->n_names && rc == 0; k++)
			if (sv->names[k].code < d->n)
				rc = tally_add(&l->t, dict_at(d, sv->names[k].code),
				    sv->names[k].n_rows, e);
	}
	dict_put(d);
	return rc;
}

/* The same from the manifest; 1: it does not know the shard. */
static int
add_listed(struct listing *l, const struct snapshot *s, size_t i, struct err *e)
{
	const struct manifest *m = &snap_of(s)->manifest;
	const struct mseg *seg;
	uint32_t from, to;
	int rc = 0;

	if (manifest_row(m, i, &seg) == NULL)
		return 1;
	segment_services(seg, m->places[i].row, &from, &to);
	for (; from < to && rc == 0; from++) {
		const struct mservice *x = &seg->services[from];

		if (values_overlap(x->min_start, x->max_start, l->rq->range) &&
		    values_asked_for(l->rq, seg->names[x->name]))
			rc = tally_add(&l->t, seg->names[x->name], x->n_rows, e);
	}
	return rc;
}

/* ---- resources and scopes ---- */

static int
add_resource_attr(struct listing *l, struct shard *s, struct sv key, struct err *e)
{
	const struct resource *r;
	const uint64_t *w;
	size_t n;
	int rc;

	if ((rc = shard_resources(s, &r, &n, e)) != 0 ||
	    (rc = owner_weights(s, COL_RESOURCE, n, &l->scratch, &w, e)) != 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct value *v = attrs_find(&r[i].attrs, key);

		if (v != NULL && values_asked_for(l->rq, r[i].service))
			rc = add_value(l, v, w[i], e);
	}
	return rc;
}

static int
add_scope(struct listing *l, struct shard *s, const struct field *f, struct err *e)
{
	const struct scope *sc;
	const uint64_t *w;
	size_t n;
	int rc;

	if ((rc = shard_scopes(s, &sc, &n, e)) != 0 ||
	    (rc = owner_weights(s, COL_SCOPE, n, &l->scratch, &w, e)) != 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct value *v = NULL;
		struct value text = { .type = VAL_STRING };

		if (f->scope == FIELD_SCOPE) {
			v = attrs_find(&sc[i].attrs, f->key);
		} else {
			text.s = f->intrinsic == IN_SCOPE ? sc[i].name : sc[i].version;
			if (text.s.n > 0)
				v = &text;
		}
		if (v != NULL)
			rc = add_value(l, v, w[i], e);
	}
	return rc;
}

/* ---- one field of one shard ---- */

static int
add_intrinsic(struct listing *l, struct shard *s, struct err *e)
{
	switch (l->rq->field.intrinsic) {
	case IN_SERVICE:
		return add_services(l, shard_info(s), e);
	case IN_NAME:
		return add_names(l, s, e);
	case IN_KIND:
		return add_words(l, shard_column(s, COL_KIND), span_kind_name, e);
	case IN_STATUS:
		return add_words(l, shard_column(s, COL_STATUS), span_status_name, e);
	case IN_STATUS_MESSAGE:
		return add_column(l, s, shard_column(s, COL_STATUS_MESSAGE), e);
	case IN_TRACE_STATE:
		return add_column(l, s, shard_column(s, COL_TRACE_STATE), e);
	case IN_FLAGS:
		return add_column(l, s, shard_column(s, COL_FLAGS), e);
	case IN_EVENT_NAME:
		return add_column(l, s, shard_column(s, COL_EVENT_NAME), e);
	case IN_SCOPE:
	case IN_SCOPE_VERSION:
		return add_scope(l, s, &l->rq->field, e);
	default:
		return 0;	/* ids, times, what a trace must be put together for */
	}
}

static int
add_shard(struct listing *l, struct shard *s, struct err *e)
{
	struct sv key = l->rq->field.key;
	int rc;

	switch (l->rq->field.scope) {
	case FIELD_INTRINSIC:
		return add_intrinsic(l, s, e);
	case FIELD_BARE:
		if ((rc = add_attr(l, s, ATTR_SPAN, key, e)) != 0)
			return rc;
		return add_resource_attr(l, s, key, e);
	case FIELD_RESOURCE:
		return add_resource_attr(l, s, key, e);
	case FIELD_SPAN:
		return add_attr(l, s, ATTR_SPAN, key, e);
	case FIELD_EVENT:
		return add_attr(l, s, ATTR_EVENT, key, e);
	case FIELD_LINK:
		return add_attr(l, s, ATTR_LINK, key, e);
	case FIELD_SCOPE:
		return add_scope(l, s, &l->rq->field, e);
	case FIELD_PARENT:
		break;
	}
	return 0;
}

static int
add_shards(struct listing *l, const struct snapshot *snap, struct err *e)
{
	bool services = l->rq->field.scope == FIELD_INTRINSIC &&
	    l->rq->field.intrinsic == IN_SERVICE;

	for (size_t i = snap->n_shards; i-- > 0 && l->t.rows.n < l->t.max;) {
		struct shard *s;
		int rc = 1;

		if (!entry_touches(&snap->shards[i], l->rq->range))
			continue;
		if (services && (rc = add_listed(l, snap, i, e)) == 0)
			continue;
		if (rc < 0)
			return rc;
		if ((rc = snapshot_shard(snap, i, &s, e)) == 0 &&
		    shard_is_wanted(l->rq, shard_info(s)))
			rc = add_shard(l, s, e);
		if (rc != 0 && !passed_over(rc))
			return rc;
		arena_reset(&l->scratch);
	}
	return 0;
}

/* ---- the answer ---- */

static int
by_value(const void *a, const void *b)
{
	return sv_cmp(*(const struct sv *)a, *(const struct sv *)b);
}

/* The most frequent `max` of the tally, in byte order. */
static int
answer(const struct tally *t, size_t max, uint64_t at_least, struct arena *a,
    struct values_result *out, struct err *e)
{
	size_t n = t->rows.n < max ? t->rows.n : max;
	struct sv *v = arena_array(a, n + 1, struct sv);
	struct tally_item *items;
	struct arena scratch;
	int rc;

	if (v == NULL)
		return err_nomem(e);
	arena_init(&scratch);
	rc = tally_list(t, &scratch, &items, e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		v[i] = arena_sv(a, items[i].value);
		if (v[i].p == NULL && items[i].value.n != 0)
			rc = err_nomem(e);
	}
	arena_release(&scratch);
	if (rc != 0)
		return rc;
	qsort(v, n, sizeof *v, by_value);
	out->values = v;
	out->n = n;
	out->n_total = t->rows.n > at_least ? t->rows.n : at_least;
	return 0;
}

int
catalog_values(const struct snapshot *snap, const struct values_request *rq, struct arena *a,
    struct values_result *out, struct err *e)
{
	struct listing l = { .rq = rq, .text = BUF_INIT };
	bool traces = rq->field.scope == FIELD_INTRINSIC && rq->field.intrinsic == IN_TRACE_ID;
	int rc;

	arena_init(&l.scratch);
	tally_init(&l.t, traces ? rq->max : VALUES_SEEN);
	rc = traces ? values_newest_traces(snap, rq, &l.t, &l.at_least, e) :
	    add_shards(&l, snap, e);
	if (rc == 0)
		rc = answer(&l.t, rq->max, l.at_least, a, out, e);
	tally_release(&l.t);
	arena_release(&l.scratch);
	buf_release(&l.text);
	return rc;
}

static int
add_fields(struct listing *l, const struct shard_stats *st, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < st->n_columns && rc == 0; i++) {
		const struct column_stats *c = &st->columns[i];

		if (c->field.scope == FIELD_INTRINSIC)
			continue;
		l->text.n = 0;
		field_print(&l->text, &c->field);
		rc = l->text.oom ? err_nomem(e) :
		    tally_add(&l->t, buf_view(&l->text), c->n_present, e);
	}
	return rc;
}

/* ---- fields ---- */

static int
no_service(void *arg, struct sv name, struct err *e)
{
	(void)arg;
	(void)name;
	(void)e;
	return 0;
}

static int
take_field(void *arg, const struct field *f, struct err *e)
{
	struct listing *l = arg;

	l->text.n = 0;
	field_print(&l->text, f);
	return l->text.oom ? err_nomem(e) : tally_add(&l->t, buf_view(&l->text), 1, e);
}

/* All fields of the store; 1: there are more than `max`, and which are frequent is not known. */
static int
fields_of_store(const struct snapshot *snap, size_t max, struct arena *a,
    struct values_result *out, struct err *e)
{
	struct listing l = { .text = BUF_INIT };
	struct names_sink to = { no_service, take_field, &l, false, false };
	int rc;

	tally_init(&l.t, VALUES_SEEN);
	if ((rc = catalog_names(snap, &to, e)) == 0)
		rc = l.t.rows.n > max ? 1 : answer(&l.t, max, 0, a, out, e);
	tally_release(&l.t);
	buf_release(&l.text);
	return rc;
}

int
catalog_fields(const struct snapshot *snap, struct time_range range, size_t max,
    struct arena *a, struct values_result *out, struct err *e)
{
	struct listing l = { .text = BUF_INIT };
	int rc = 0;

	if (range.from == 0 && range.to == WHEN_MAX && snapshot_n_listed(snap) != 0 &&
	    (rc = fields_of_store(snap, max, a, out, e)) <= 0)
		return rc;
	rc = 0;
	tally_init(&l.t, VALUES_SEEN);
	for (size_t i = snap->n_shards; i-- > 0 && rc == 0;) {
		const struct shard_stats *st;

		if (!entry_touches(&snap->shards[i], range))
			continue;
		if ((rc = snapshot_facts(snap, i, &st, e)) == 0)
			rc = add_fields(&l, st, e);
		if (passed_over(rc))
			rc = 0;
	}
	if (rc == 0)
		rc = answer(&l.t, max, 0, a, out, e);
	tally_release(&l.t);
	buf_release(&l.text);
	return rc;
}
