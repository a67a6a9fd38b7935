/* SPDX-License-Identifier: ISC */
/*
 * lengths_check: what a shard says of the lengths of its spans' lines, against the lines.
 * Lengths of another version of the line say nothing, and are not looked at.
 */
#include "shard_check_i.h"

#include "render/span_line.h"

int
check_lengths_read(struct check *k)
{
	const struct lengths *l;
	struct err why = ERR_INIT;
	int rc = 0;

	for (uint32_t g = 0; g < k->s->info.n_row_groups && lengths_made(k->s) && rc == 0; g++) {
		if ((rc = lengths_get(k->s, g, &l, &why)) != 0)
			rc = check_finding(k, lengths_section(k->s, g), rc, &why);
		lengths_put(l);
	}
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
