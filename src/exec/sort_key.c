/* SPDX-License-Identifier: ISC */
/*
 * sort_key: what rows are ordered by. Any field can be a key, and attributes may differ in
 * type from row to row, so there is one order over everything:
 *
 *   numbers by value, integers and doubles exactly against each other, NaN last
 *   < strings bytewise < booleans, false first
 *   < the rest (bytes, arrays, maps) by their JSON, bytewise
 *   < missing, as empty values are too; it comes last in descending order as well
 *
 * Kinds and states are ordered as numbers, ids bytewise. Of an event's or link's field a span
 * has the first one's; rows of events and links have their own.
 */
#include "exec_i.h"

#include <math.h>

#include "model/json.h"

void
skey_number(struct skey *k, uint64_t u)
{
	*k = (struct skey){ .cls = KEY_NUMBER, .sub = FORM_U64, .u = u };
}

static void
skey_i64(struct skey *k, int64_t i)
{
	*k = (struct skey){ .cls = KEY_NUMBER, .sub = FORM_I64, .u = (uint64_t)i };
}

static void
skey_id(struct skey *k, uint64_t hi, uint64_t lo)
{
	*k = (struct skey){ .cls = KEY_NUMBER, .sub = FORM_ID, .u = hi, .lo = lo };
}

static uint64_t
prefix_of(struct sv s)
{
	uint64_t u = 0;

	for (size_t i = 0; i < 8; i++)
		u = u << 8 | (i < s.n ? (uint8_t)s.p[i] : 0);
	return u;
}

static void
skey_bytes(struct skey *k, enum skey_class cls, uint8_t sub, struct sv s)
{
	*k = (struct skey){ .cls = (uint8_t)cls, .sub = sub,
		.n = s.n > UINT32_MAX ? UINT32_MAX : (uint32_t)s.n, .u = prefix_of(s) };
	k->p = s.p;
}

static void
skey_string(struct skey *k, struct sv s)
{
	skey_bytes(k, KEY_STRING, 0, s);
}

static void
skey_value(struct skey *k, const struct value *v)
{
	uint64_t bits;

	switch (v->type) {
	case VAL_INT:
		skey_i64(k, v->i);
		break;
	case VAL_DOUBLE:
		memcpy(&bits, &v->d, 8);
		*k = (struct skey){ .cls = KEY_NUMBER, .sub = FORM_DOUBLE, .u = bits };
		break;
	case VAL_STRING:
		skey_string(k, v->s);
		break;
	case VAL_BOOL:
		*k = (struct skey){ .cls = KEY_BOOL, .u = v->b };
		break;
	case VAL_EMPTY:
		*k = (struct skey){ .cls = KEY_MISSING };
		break;
	case VAL_BYTES:
	case VAL_ARRAY:
	case VAL_MAP:
		skey_bytes(k, KEY_OTHER, (uint8_t)v->type, v->s);
		break;
	}
}

/* ---- from rows ---- */

void
skey_of_row(const struct field *f, const struct field_row *r, struct skey *k)
{
	struct field_value v;

	if (!field_value_first(f, r, &v)) {
		*k = (struct skey){ .cls = KEY_MISSING };
		return;
	}
	switch (v.kind) {
	case FIELD_VALUE_TEXT:
		skey_string(k, v.s);
		break;
	case FIELD_VALUE_ENUM:
		skey_i64(k, v.number);
		break;
	case FIELD_VALUE_NUMBER:
	case FIELD_VALUE_TIME:
	case FIELD_VALUE_DURATION:
		skey_number(k, v.u);
		break;
	case FIELD_VALUE_TRACE_ID:
		skey_id(k, v.trace_id.hi, v.trace_id.lo);
		break;
	case FIELD_VALUE_SPAN_ID:
		skey_id(k, 0, v.u);
		break;
	case FIELD_VALUE_ATTR:
		skey_value(k, v.attr);
		break;
	case FIELD_VALUE_DOUBLE:
		skey_value(k, &(struct value){ .type = VAL_DOUBLE, .d = v.d });
		break;
	}
}

bool
skey_of_parents(const struct field *f, const struct field_row *r, struct arena *a, struct skey *k)
{
	struct field inner = field_inner(f);

	*k = (struct skey){ .cls = KEY_MISSING };
	for (uint32_t i = 0; i < r->n_parents; i++) {
		const struct parent_row *p = &r->parents[i];
		struct field_row row = { .span = p->span, .trace = r->trace, .place = p->place };
		struct skey x;

		skey_of_row(&inner, &row, &x);
		if (!skey_keep(&x, a))
			return false;
		if (skey_cmp(&x, k) < 0)
			*k = x;
	}
	return true;
}

void
skey_of_facts(const struct field *f, const struct trace_facts *t, struct skey *k)
{
	const struct field_row r = { .trace = t };

	skey_of_row(f, &r, k);
}

/* The JSON of a value that has no other order, in the arena. */
static bool
keep_json(struct skey *k, struct arena *a)
{
	const struct value v = { .type = (enum value_type)k->sub, .s = sv_new(k->p, k->n) };
	struct buf b = BUF_INIT;
	struct sv s;
	bool ok;

	json_value(&b, &v);
	s = b.oom ? SV_EMPTY : arena_sv(a, buf_view(&b));
	if ((ok = s.p != NULL))
		skey_bytes(k, KEY_OTHER, 0, s);
	buf_release(&b);
	return ok;
}

bool
skey_keep(struct skey *k, struct arena *a)
{
	struct sv s;

	/* Once it is JSON it is a text like others. */
	if (k->cls == KEY_OTHER && k->sub != 0)
		return keep_json(k, a);
	if ((k->cls != KEY_STRING && k->cls != KEY_OTHER) || k->n == 0)
		return true;
	s = arena_sv(a, sv_new(k->p, k->n));
	k->p = s.p;
	return s.p != NULL;
}

/* ---- comparing ---- */

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

static double
double_of(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, 8);
	return d;
}

/* An integer of either form against a double; NaN is above everything. */
static int
cmp_integer_double(const struct skey *k, double d)
{
	bool negative = k->sub == FORM_I64 && (int64_t)k->u < 0;
	double whole;

	if (isnan(d) || d >= 0x1p64)
		return -1;
	if (d < -0x1p63)
		return 1;
	if (negative != (d < 0))
		return negative ? -1 : 1;
	if (negative) {
		int64_t t = (int64_t)d, i = (int64_t)k->u;

		whole = (double)t;
		return i != t ? CMP(i, t) : CMP(whole, d);
	}
	whole = (double)(uint64_t)d;
	return k->u != (uint64_t)d ? CMP(k->u, (uint64_t)d) : CMP(whole, d);
}

static int
cmp_numbers(const struct skey *a, const struct skey *b)
{
	bool an, bn;

	if (a->sub == FORM_ID || b->sub == FORM_ID) {
		if (a->sub != b->sub)
			return CMP(a->sub, b->sub);
		return a->u != b->u ? CMP(a->u, b->u) : CMP(a->lo, b->lo);
	}
	if (a->sub == FORM_DOUBLE && b->sub == FORM_DOUBLE) {
		double x = double_of(a->u), y = double_of(b->u);

		if (isnan(x) || isnan(y))
			return (isnan(x) != 0) - (isnan(y) != 0);
		return CMP(x, y);
	}
	if (b->sub == FORM_DOUBLE)
		return cmp_integer_double(a, double_of(b->u));
	if (a->sub == FORM_DOUBLE)
		return -cmp_integer_double(b, double_of(a->u));
	an = a->sub == FORM_I64 && (int64_t)a->u < 0;
	bn = b->sub == FORM_I64 && (int64_t)b->u < 0;
	/* Of one sign, the bits are in order as they are. */
	return an != bn ? bn - an : CMP(a->u, b->u);
}

static int
cmp_bytes(const struct skey *a, const struct skey *b)
{
	if (a->u != b->u)
		return CMP(a->u, b->u);
	return sv_cmp(sv_new(a->p, a->n), sv_new(b->p, b->n));
}

int
skey_cmp(const struct skey *a, const struct skey *b)
{
	if (a->cls != b->cls)
		return CMP(a->cls, b->cls);
	switch (a->cls) {
	case KEY_NUMBER:
		return cmp_numbers(a, b);
	case KEY_STRING:
		return cmp_bytes(a, b);
	case KEY_BOOL:
		return CMP(a->u, b->u);
	case KEY_OTHER:
		return cmp_bytes(a, b);
	default:
		return 0;
	}
}

int
skeys_cmp(const struct sort_key *sort, size_t n, const struct skey *a, const struct skey *b)
{
	for (size_t i = 0; i < n; i++) {
		int c = skey_cmp(&a[i], &b[i]);

		if (c == 0)
			continue;
		if (sort[i].desc && a[i].cls != KEY_MISSING && b[i].cls != KEY_MISSING)
			return -c;
		return c;
	}
	return 0;
}
