/* SPDX-License-Identifier: ISC */
/* explain_text: numbers, sets of leaves and members of JSON as EXPLAIN writes them. */
#include "explain_i.h"
#include "model/json.h"

void
explain_leaves(struct buf *b, const char *before, uint64_t leaves)
{
	for (unsigned i = 0; leaves != 0; i++, leaves >>= 1)
		if (leaves & 1) {
			buf_printf(b, "%s%u", before, i);
			before = ",";
		}
}

void
explain_number(struct buf *b, double v)
{
	if (v < 10)
		buf_printf(b, "%.2f", v);
	else
		buf_printf(b, "%.0f", v);
}

void
explain_count_read(const struct plan *p, const struct stats *st, uint64_t *n_shards,
    uint64_t *n_rows)
{
	*n_shards = *n_rows = 0;
	for (size_t i = 0; i < p->scan.n_shards; i++)
		if (p->scan.shards[i].access != ACCESS_PRUNED) {
			(*n_shards)++;
			*n_rows += st->shards[i].n_rows;
		}
	for (size_t i = 0; i < st->n_left; i++)
		if (st->left[i].summed) {
			*n_shards += st->left[i].n_shards;
			*n_rows += st->left[i].n_rows;
		}
}

void
explain_text(struct buf *b, const char *key, struct buf *t)
{
	buf_printf(b, ",\"%s\":", key);
	json_string(b, buf_view(t));
	b->oom |= t->oom;
	t->n = 0;
}

void
explain_u64(struct buf *b, const char *key, uint64_t v)
{
	buf_printf(b, ",\"%s\":", key);
	buf_u64(b, v);
}

void
explain_bool(struct buf *b, const char *key, bool v)
{
	buf_printf(b, ",\"%s\":%s", key, v ? "true" : "false");
}
