/* SPDX-License-Identifier: ISC */
/*
 * ch_first: are the rows that came the first? One more was asked for than is wanted, in an order that
 * leaves open what else orders rows that are equal in it. If the last two differ in it, all rows that
 * did not come are behind those that are wanted, whatever that is. If fewer came, there are no others.
 *
 * Rows whose place is in doubt come first (ch_sql_sort.c), so of those that did not come none belongs
 * before one that came and is in no doubt.
 *
 * A column by itself orders rows as spans are ordered, from one of over 63 bits on: there a duration is
 * none, but comes first, and so is seen. What differs in the column may be equal here, but not the
 * other way.
 */
#include "ch_source_i.h"
#include "match/field_value.h"

static bool
is_number(const struct value *v)
{
	return v->type == VAL_INT || v->type == VAL_DOUBLE;
}

static double
number_of(const struct value *v)
{
	return v->type == VAL_INT ? (double)v->i : v->d;
}

/* False only if they surely order otherwise. */
static bool
same_attr(const struct value *a, const struct value *b)
{
	if (is_number(a) && is_number(b))
		return number_of(a) == number_of(b) && (a->type != VAL_INT || b->type != VAL_INT || a->i == b->i);
	return value_eq(a, b);
}

static bool
same_value(const struct field_value *a, const struct field_value *b)
{
	if (a->kind != b->kind)
		return true;
	switch (a->kind) {
	case FIELD_VALUE_TEXT:
		return sv_eq(a->s, b->s);
	case FIELD_VALUE_ENUM:
		return a->number == b->number;
	case FIELD_VALUE_NUMBER:
	case FIELD_VALUE_TIME:
	case FIELD_VALUE_DURATION:
	case FIELD_VALUE_SPAN_ID:
		return a->u == b->u;
	case FIELD_VALUE_TRACE_ID:
		return trace_id_eq(a->trace_id, b->trace_id);
	case FIELD_VALUE_ATTR:
		return same_attr(a->attr, b->attr);
	default:
		return true;
	}
}

static bool
same_key(const struct field *f, const struct span *a, const struct span *b)
{
	const struct field_row ra = { .span = a }, rb = { .span = b };
	struct field_value va, vb;
	bool has_a = field_value_first(f, &ra, &va), has_b = field_value_first(f, &rb, &vb);

	return has_a == has_b && (!has_a || same_value(&va, &vb));
}

static bool
same(const struct ch_select *q, const struct span *a, const struct span *b)
{
	size_t n = q->first == CH_BY_KEY ? 1 : q->n_sort;

	for (size_t i = 0; i < n; i++)
		if (!same_key(&q->sort[i].field, a, b))
			return false;
	if (q->first != CH_BY_KEY && a->start_ns != b->start_ns)
		return false;
	return q->first != CH_BY_IDS || (trace_id_eq(a->trace_id, b->trace_id) && a->span_id == b->span_id);
}

static bool
settled(const struct ch_select *q, const struct span_batch *b, const struct ch_scan *scan)
{
	const struct span *v = b->spans;
	uint64_t passed_over = ch_scan_passed_over(scan);

	if (b->n + passed_over <= q->limit)
		return !q->there;
	if (b->n != q->limit + 1 || passed_over != 0 || ch_scan_doubtful(scan) != 0 ||
	    same(q, &v[b->n - 2], &v[b->n - 1]))
		return false;
	return q->first != CH_BY_KEY || q->sort[0].field.intrinsic == IN_START || q->schema->signed_duration ||
	    (q->sort[0].desc && span_duration(&v[0]) != 0);
}

/*
 * Whoever is in doubt would be again; more rows than are held are given as they come. Where too few have
 * the key the others are needed, too.
 */
static void
ask_for_more(struct ch_state *st, const struct ch_scan *scan, bool all)
{
	struct ch_select *q = &st->q;

	if (!all || ch_scan_doubtful(scan) != 0) {
		q->first = CH_TIES;
		q->there = false;
	} else if (q->there && st->batch.n <= q->limit) {
		q->there = false;
	} else {
		q->first = q->first == CH_BY_IDS ? CH_TIES : CH_BY_IDS;
		q->there = q->there && q->first == CH_BY_IDS;
	}
}

int
ch_first_read(struct ch_state *st, struct ch_scan *scan, struct err *e)
{
	struct span_batch *b = &st->batch;
	int rc = 0;

	span_batch_reset(b);
	while (rc == 0 && b->n <= st->q.limit + 1 && arena_footprint(&b->arena) < CH_SPARE_BYTES)
		rc = ch_scan_next(scan, b, 64, e);
	if (rc < 0)
		return rc;
	if (rc > 0 && settled(&st->q, b, scan))
		return 1;
	ask_for_more(st, scan, rc > 0);
	return 0;
}
