/* SPDX-License-Identifier: ISC */
/*
 * tracesum_write: SECTION_TRACE_SUMMARY: each trace's rows are looked at once, in the order of
 * the trace table. What is written is what include/shard/tracesum.h promises.
 */
#include "seal_i.h"

#include <stdlib.h>

#include "shard/enc.h"
#include "shard/tracesum_form.h"

struct sum {
	uint64_t first, last, errors;
	uint32_t lead, nth;		/* row, and its place in the trace */
};

static const struct mem_row *
row_at(const struct seal *s, uint32_t i)
{
	return &s->part->rows[s->ord.rows[i]];
}

/* Does row x lead rather than y? Rows of equal name are in order of their services. */
static bool
leads(const struct seal *s, uint32_t x, uint32_t y)
{
	const struct mem_row *a = row_at(s, x), *b = row_at(s, y);

	if ((a->parent_id == 0) != (b->parent_id == 0))
		return a->parent_id == 0;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns;
	if (a->span_id != b->span_id)
		return a->span_id < b->span_id;
	if (a->name != b->name)
		return s->name_code[a->name] < s->name_code[b->name];
	return x < y;
}

static struct sum
sum_up(const struct seal *s, uint32_t from, uint32_t to)
{
	struct sum t = { .first = UINT64_MAX, .lead = s->ord.trace_rows[from] };

	for (uint32_t i = from; i < to; i++) {
		uint32_t row = s->ord.trace_rows[i];
		const struct mem_row *r = row_at(s, row);
		uint64_t end = r->start_ns + r->duration_ns;

		t.first = r->start_ns < t.first ? r->start_ns : t.first;
		t.last = end > t.last ? end : t.last;
		t.errors += mem_shape(s->part, r)->status == STATUS_ERROR;
		if (leads(s, row, t.lead)) {
			t.lead = row;
			t.nth = i - from;
		}
	}
	return t;
}

static uint64_t
number_of(const struct seal *s, const struct sum *t, size_t pack, uint64_t base)
{
	const struct mem_row *lead = row_at(s, t->lead);

	switch (pack) {
	case TRACESUM_FIRST:
		return t->first - base;
	case TRACESUM_LENGTH:
		return t->last - t->first;
	case TRACESUM_ERRORS:
		return t->errors;
	case TRACESUM_LEAD:
		return (uint64_t)t->nth * 2 + (lead->parent_id != 0);
	case TRACESUM_DELAY:
		return lead->start_ns - t->first;
	default:
		return s->name_code[lead->name];
	}
}

int
seal_trace_summary(struct seal *s)
{
	uint32_t n = s->part->ids.n_traces;
	struct sum *v = malloc(n * sizeof *v);
	uint64_t base = UINT64_MAX;

	if (v == NULL)
		return err_nomem(s->err);
	for (uint32_t t = 0; t < n; t++) {
		v[t] = sum_up(s, t == 0 ? 0 : s->ord.trace_ends[t - 1], s->ord.trace_ends[t]);
		base = v[t].first < base ? v[t].first : base;
	}
	s->raw.n = 0;
	for (size_t k = 0; k < TRACESUM_PACKS; k++) {
		for (uint32_t t = 0; t < n; t++)
			s->tmp[t] = number_of(s, &v[t], k, base);
		pack_encode_for(&s->raw, s->tmp, n);
	}
	free(v);
	return section_put(s, SECTION_TRACE_SUMMARY, NO_COLUMN, 0, NULL);
}
