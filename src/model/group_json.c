/* SPDX-License-Identifier: ISC */
/* group_json: the cells of groups that JSON has a form of its own for. */
#include "model/batch.h"
#include "model/json.h"

void
group_hist_json(struct buf *b, const struct group_cell *c)
{
	buf_putc(b, '[');
	for (uint32_t i = 0; i < c->n_bars; i++) {
		const struct hist_bar *bar = &c->bars[i];

		buf_str(b, i == 0 ? "[" : ",[");
		if (bar->is_int)
			buf_i64(b, bar->i);
		else
			json_double(b, bar->d);
		buf_putc(b, ',');
		buf_u64(b, bar->n);
		buf_putc(b, ']');
	}
	buf_putc(b, ']');
}
