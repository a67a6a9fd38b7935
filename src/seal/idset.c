/* SPDX-License-Identifier: ISC */
/*
 * idset: the trace ids of a part, numbered in order of arrival, and which (trace, span id) are
 * there. Two open-addressing tables of 4-byte slots (linear probing, at most 3/4 full) that
 * point at the trace ids and the rows, so that an answer is exact. Ids come from strangers:
 * hashes are seeded.
 */
#include "memtable_i.h"

#include <stdlib.h>

#define FIRST_SLOTS 16

static uint64_t
seed(void)
{
	static _Thread_local uint64_t s;

	if (s == 0)
		s = hash_seeded("idset", 5) | 1;
	return s;
}

static uint32_t
trace_hash(struct trace_id t)
{
	return (uint32_t)hash_u64(hash_u64(t.lo ^ seed()) ^ t.hi);
}

static uint32_t
span_hash_of(uint32_t trace, uint64_t span_id)
{
	return (uint32_t)hash_u64((span_id ^ seed()) + ((uint64_t)trace << 32 | trace));
}

/* The slot of a trace, or the free one where it would be. */
static uint32_t *
trace_slot(const struct idset *s, struct trace_id t)
{
	uint32_t mask = s->n_trace_slots - 1, i = trace_hash(t) & mask;

	while (s->trace_slots[i] != 0 && !trace_id_eq(s->traces[s->trace_slots[i] - 1], t))
		i = (i + 1) & mask;
	return &s->trace_slots[i];
}

static int
grow_traces(struct idset *s, size_t *held)
{
	uint32_t n = s->n_trace_slots == 0 ? FIRST_SLOTS : s->n_trace_slots * 2;
	uint32_t *slots = calloc(n, sizeof *slots);

	if (slots == NULL)
		return ERR_NOMEM;
	free(s->trace_slots);
	*held += (n - s->n_trace_slots) * sizeof *slots;
	s->trace_slots = slots;
	s->n_trace_slots = n;
	for (uint32_t i = 0; i < s->n_traces; i++)
		*trace_slot(s, s->traces[i]) = i + 1;
	return 0;
}

uint32_t
idset_trace(struct idset *s, struct trace_id t)
{
	uint32_t *slot;

	if (s->n_traces == 0)
		return NO_TRACE;
	if (trace_id_eq(s->traces[s->last], t))
		return s->last;
	slot = trace_slot(s, t);
	if (*slot == 0)
		return NO_TRACE;
	return s->last = *slot - 1;
}

int
idset_add_trace(struct idset *s, struct trace_id t, uint32_t *trace, size_t *held)
{
	int rc;

	if ((s->n_traces + 1) * 4ull > s->n_trace_slots * 3ull &&
	    (rc = grow_traces(s, held)) != 0)
		return rc;
	if ((rc = mem_grow(&s->traces, &s->trace_cap, (size_t)s->n_traces + 1,
	    sizeof *s->traces, held)) != 0)
		return rc;
	*trace = s->last = s->n_traces;
	s->traces[s->n_traces++] = t;
	*trace_slot(s, t) = s->n_traces;
	return 0;
}

static uint32_t *
span_slot(const struct idset *s, const struct mem_row *rows, uint32_t trace, uint64_t span_id)
{
	uint32_t mask = s->n_span_slots - 1, i = span_hash_of(trace, span_id) & mask;

	for (; s->span_slots[i] != 0; i = (i + 1) & mask) {
		const struct mem_row *r = &rows[s->span_slots[i] - 1];

		if (r->span_id == span_id && r->trace == trace)
			break;
	}
	return &s->span_slots[i];
}

uint32_t
idset_span(const struct idset *s, const struct mem_row *rows, uint32_t trace, uint64_t span_id)
{
	return s->n_span_slots == 0 ? NO_ROW : *span_slot(s, rows, trace, span_id) - 1;
}

static int
grow_spans(struct idset *s, const struct mem_row *rows, uint32_t n_rows, size_t *held)
{
	uint32_t n = s->n_span_slots == 0 ? FIRST_SLOTS : s->n_span_slots * 2;
	uint32_t *slots = calloc(n, sizeof *slots);

	if (slots == NULL)
		return ERR_NOMEM;
	free(s->span_slots);
	*held += (n - s->n_span_slots) * sizeof *slots;
	s->span_slots = slots;
	s->n_span_slots = n;
	for (uint32_t i = 0; i < n_rows; i++)
		*span_slot(s, rows, rows[i].trace, rows[i].span_id) = i + 1;
	return 0;
}

int
idset_add_span(struct idset *s, const struct mem_row *rows, uint32_t row, size_t *held)
{
	uint32_t *slot;
	int rc;

	if ((row + 1) * 4ull > s->n_span_slots * 3ull &&
	    (rc = grow_spans(s, rows, row, held)) != 0)
		return rc;
	slot = span_slot(s, rows, rows[row].trace, rows[row].span_id);
	s->n_twins += *slot != 0;
	*slot = row + 1;
	return 0;
}

void
idset_release(struct idset *s)
{
	free(s->traces);
	free(s->trace_slots);
	free(s->span_slots);
}
