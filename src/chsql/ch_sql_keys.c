/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_keys: the keys of groups: of each its text, and of attributes and of parents before it whether
 * it is there. Of a parent without a value no more is told than of a span without a parent: both are
 * in the group of none.
 */
#include "chsql/ch_sql_groups.h"

#include "ch_sql_i.h"

static enum ch_span_column
own_column(enum intrinsic i)
{
	switch (i) {
	case IN_SERVICE:
		return CHC_SERVICE;
	case IN_NAME:
		return CHC_NAME;
	case IN_KIND:
		return CHC_KIND;
	case IN_STATUS:
		return CHC_STATUS;
	case IN_STATUS_MESSAGE:
		return CHC_MESSAGE;
	case IN_SCOPE:
		return CHC_SCOPE;
	case IN_SCOPE_VERSION:
		return CHC_SCOPE_VERSION;
	case IN_TRACE_STATE:
		return CHC_TRACE_STATE;
	case IN_TRACE_ID:
		return CHC_TRACE_ID;
	case IN_PARENT_SPAN_ID:
		return CHC_PARENT_SPAN_ID;
	default:
		return N_CHC;
	}
}

bool
ch_key_is_service(const struct field *f)
{
	return (f->scope == FIELD_RESOURCE || f->scope == FIELD_BARE) && sv_is(f->key, "service.name");
}

bool
ch_key_always(enum intrinsic i)
{
	return !leaf_rows[i].optional;
}

static bool
key_can(const struct writer *w, const struct field *key)
{
	struct field inner = inner_of(key), *f = &inner;
	enum ch_span_column c;

	if (ch_key_is_service(f))
		return !w->s->json;
	if (f->scope != FIELD_INTRINSIC)
		return in_map(w->s, f);
	c = own_column(f->intrinsic);
	return c != N_CHC && w_have(w, c);
}

/* A bare key's value is told as the span's own, though it may be its resource's. */
static bool
clash(const struct field *bare, const struct field *own)
{
	struct field b = inner_of(bare), o = inner_of(own);

	return is_parents(bare) == is_parents(own) && b.scope == FIELD_BARE && o.scope == FIELD_SPAN &&
	    sv_eq(b.key, o.key);
}

bool
keys_can(const struct writer *w, const struct grouping *g)
{
	for (size_t i = 0; i < g->n_keys; i++) {
		if (!key_can(w, &g->keys[i]))
			return false;
		for (size_t j = 0; j < g->n_keys; j++)
			if (clash(&g->keys[i], &g->keys[j]))
				return false;
	}
	return true;
}

/* 2: it is text, as the column of services says (ch_span.c). */
static void
service_there(struct writer *w, const struct field *f)
{
	struct field of = *f;

	W(w, "toUInt8(multiIf(");
	if (f->scope == FIELD_BARE) {
		of.scope = FIELD_SPAN;
		attr_there(w, &of);
		W(w, ", 1, ");
		of.scope = FIELD_RESOURCE;
	}
	W(w, "NOT ");
	attr_there(w, &of);
	W(w, ", 0, ");
	attr_value(w, &of);
	W(w, " = ");
	w_column(w, CHC_SERVICE);
	W(w, ", 2, 1))");
}

/* Of a root two spellings are one. */
static void
own_write(struct writer *w, enum intrinsic i)
{
	if (i != IN_PARENT_SPAN_ID) {
		w_column(w, own_column(i));
		return;
	}
	W(w, "if(");
	w_column(w, own_column(i));
	W(w, " = '0000000000000000', '', ");
	w_column(w, own_column(i));
	W(w, ")");
}

void
key_write(struct writer *w, const struct field *f, size_t i)
{
	if (ch_key_is_service(f)) {
		service_there(w, f);
	} else if (f->scope != FIELD_INTRINSIC) {
		W(w, "toUInt8(");
		attr_there(w, f);
		W(w, ")");
	}
	if (f->scope != FIELD_INTRINSIC) {
		W(w, " AS ");
		alias(w, 'h', i);
		W(w, ", ");
	}
	W(w, "toString(");
	if (f->scope != FIELD_INTRINSIC)
		attr_value(w, f);
	else
		own_write(w, f->intrinsic);
	W(w, ") AS ");
	alias(w, 'k', i);
	W(w, ", ");
}

void
key_names(struct writer *w, const struct field *f, size_t i)
{
	if (f->scope != FIELD_INTRINSIC) {
		alias(w, 'h', i);
		W(w, ", ");
	}
	alias(w, 'k', i);
}

void
key_name(struct writer *w, const struct field *f, size_t i)
{
	key_names(w, f, i);
	W(w, ", ");
}

void
keys_write(struct writer *w, const struct grouping *g, bool split)
{
	for (size_t i = 0; i < g->n_keys; i++)
		(split || is_parents(&g->keys[i]) ? key_name : key_write)(w, &g->keys[i], i);
}

/* What its parent's is; '' and 0 where there is no parent. */
static void
parents_key_write(struct writer *w, const struct field *key, size_t i)
{
	struct field f = field_inner(key);

	if (f.scope == FIELD_INTRINSIC) {
		W(w, "toUInt8(");
		if (ch_key_always(f.intrinsic)) {
			W(w, "1");
		} else {
			own_write(w, f.intrinsic);
			W(w, " != ''");
		}
		W(w, ") AS ");
		alias(w, 'h', i);
		W(w, ", ");
	}
	key_write(w, &f, i);
}

void
parents_keys(struct writer *w, const struct grouping *g)
{
	for (size_t i = 0; i < g->n_keys; i++)
		if (is_parents(&g->keys[i]))
			parents_key_write(w, &g->keys[i], i);
}
