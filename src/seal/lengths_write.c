/* SPDX-License-Identifier: ISC */
/*
 * lengths_write: SECTION_LENGTHS: how long each row's line in spans.jsonl is: measured when the
 * span comes, if nobody did before, and written when its part is sealed. Bytes of one weight stand
 * together: the high ones are nearly all equal, and the compressor does the rest.
 * SECTION_LINE_TOTALS: their sums by service.
 */
#include "seal_i.h"

#define SCRATCH_KEPT (1u << 20)

int
mem_measure(struct memtable *mt, const struct span *s, uint64_t value_bytes, uint32_t *out)
{
	uint64_t n = 0;
	int rc;

	*out = s->line_bytes;
	if (s->line_bytes != 0)
		return 0;
	if (value_bytes > MEASURED_MAX)
		return 0;
	/* Else nobody promised that what is at an address is what was there before. */
	if (mt->owners.epoch == 0)
		render_batch(&mt->render);
	rc = span_line_length(&mt->render, &mt->line, s, &n);
	if (mt->line.cap > SCRATCH_KEPT)
		buf_release(&mt->line);
	if (rc == 0 && n <= UINT32_MAX)
		*out = (uint32_t)n;
	return rc;
}

static uint32_t
length_at(const struct seal *s, uint32_t row)
{
	return s->part->rows[s->ord.rows[row]].length;
}

static int
put_group(struct seal *s, uint32_t group)
{
	uint32_t from = group * s->ord.group_rows, most = 0;
	uint32_t to = s->ord.n_rows - from < s->ord.group_rows ? s->ord.n_rows :
	    from + s->ord.group_rows;

	for (uint32_t i = from; i < to; i++)
		most = length_at(s, i) > most ? length_at(s, i) : most;
	s->raw.n = 0;
	buf_putc(&s->raw, SPAN_LINE_VERSION);
	for (unsigned shift = 0; shift == 0 || (shift < 32 && most >> shift != 0); shift += 8)
		for (uint32_t i = from; i < to; i++)
			buf_putc(&s->raw, (char)(length_at(s, i) >> shift));
	return section_put(s, SECTION_LENGTHS, NO_COLUMN, group, NULL);
}

/* 0: of one of the rows it is not told. */
static uint64_t
service_total(const struct seal *s, const struct service_range *r)
{
	uint64_t sum = 0;

	for (uint32_t i = r->row_from; i < r->row_to; i++) {
		uint32_t n = length_at(s, i);

		if (n == 0)
			return 0;
		sum += n;
	}
	return sum;
}

static int
put_totals(struct seal *s)
{
	s->raw.n = 0;
	buf_putc(&s->raw, SPAN_LINE_VERSION);
	for (uint32_t i = 0; i < s->ord.n_services; i++)
		buf_u64le(&s->raw, service_total(s, &s->ord.services[i]));
	return section_put(s, SECTION_LINE_TOTALS, NO_COLUMN, 0, NULL);
}

int
seal_lengths(struct seal *s)
{
	int rc = 0;

	for (uint32_t g = 0; g < s->ord.n_groups && rc == 0; g++)
		rc = put_group(s, g);
	return rc != 0 ? rc : put_totals(s);
}
