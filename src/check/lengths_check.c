/* SPDX-License-Identifier: ISC */
/*
 * lengths_check: what a shard says of the lengths of its spans' lines, against the lines, and
 * their totals against the lengths.
 * Lengths of another version of the line say nothing, and are not looked at.
 */
#include "shard_check_i.h"

#include "render/span_line.h"

static const struct section *
totals_section(const struct shard *s)
{
	return &s->sections[s->single[SECTION_LINE_TOTALS]];
}

int
check_lengths_read(struct check *k)
{
	const struct line_totals *t;
	const struct lengths *l;
	struct err why = ERR_INIT;
	int rc = 0;

	if ((rc = line_totals_get(k->s, &t, &why)) != 0)
		rc = check_finding(k, totals_section(k->s), rc, &why);
	line_totals_put(t);
	for (uint32_t g = 0; g < k->s->info.n_row_groups && lengths_made(k->s) && rc == 0; g++) {
		if ((rc = lengths_get(k->s, g, &l, &why)) != 0)
			rc = check_finding(k, lengths_section(k->s, g), rc, &why);
		lengths_put(l);
	}
	return rc;
}

/* Adds the lengths of rows [from, to), of one row group or more; *told false: one is not. */
static int
add_rows(struct check *k, uint32_t from, uint32_t to, uint64_t *sum, bool *told)
{
	uint32_t size = k->s->info.row_group_rows;
	const struct lengths *l;
	int rc;

	for (uint32_t g = from / size; g * size < to; g++) {
		uint32_t first = k->s->info.row_groups[g].row_from;

		if ((rc = lengths_get(k->s, g, &l, k->e)) != 0)
			return rc;
		if (l == NULL || lengths_version(l) != SPAN_LINE_VERSION)
			*told = false;
		for (uint32_t i = from > first ? from : first;
		    *told && i < to && i < k->s->info.row_groups[g].row_to; i++) {
			uint32_t n = lengths_at(l, i - first);

			*sum += n;
			*told = n != 0;
		}
		lengths_put(l);
	}
	return 0;
}

int
check_line_totals(struct check *k)
{
	const struct line_totals *t;
	int rc;

	if ((rc = line_totals_get(k->s, &t, k->e)) != 0 || t == NULL)
		return rc;
	for (size_t i = 0; i < k->s->info.n_services && rc == 0 &&
	    line_totals_version(t) == SPAN_LINE_VERSION; i++) {
		const struct shard_service *s = &k->s->info.services[i];
		bool told = true;
		uint64_t sum = 0;

		rc = add_rows(k, s->row_from, s->row_to, &sum, &told);
		if (rc == 0 && line_totals_at(t, i) != (told ? sum : 0)) {
			section_report(k, totals_section(k->s), "it is not the sum of the lengths");
			break;
		}
	}
	line_totals_put(t);
	return rc;
}

int
check_lengths(struct check *k, struct ruler *x, uint32_t group, uint32_t from,
    const struct span *spans, uint32_t n)
{
	uint32_t first = k->s->info.row_groups[group].row_from;
	const struct lengths *l;
	uint64_t want;
	int rc = 0;

	if (!lengths_made(k->s) || x->said)
		return 0;
	if ((rc = lengths_get(k->s, group, &l, k->e)) != 0)
		return rc;
	render_batch(&x->render);
	for (uint32_t i = 0; i < n && lengths_version(l) == SPAN_LINE_VERSION && !x->said; i++) {
		uint32_t told = lengths_at(l, from + i - first);

		if (told == 0)
			continue;
		if ((rc = span_line_length(&x->render, &x->line, &spans[i], &want)) != 0) {
			rc = err_nomem(k->e);
			break;
		}
		if (told != want) {
			section_report(k, lengths_section(k->s, group),
			    "it is not what the spans' lines take");
			x->said = true;
		}
	}
	lengths_put(l);
	return rc;
}

void
ruler_release(struct ruler *x)
{
	render_release(&x->render);
	buf_release(&x->line);
}
