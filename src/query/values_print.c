/* SPDX-License-Identifier: ISC */
/* values_print: the values of a condition as one segment of a canonical path. */
#include "base/limits.h"
#include "clause_i.h"
#include "name_i.h"
#include "query_i.h"

static void
put_literal(struct buf *b, const struct pred *p, const struct literal *l, bool alias)
{
	size_t from = b->n;

	/* A time's text is ours, and its colons separate nothing here. */
	if (p->op != OP_TEXT && field_type(&p->field) == FT_TIME) {
		buf_sv(b, l->text);
		return;
	}
	name_encode(b, l->text);
	if (alias && b->n - from > LIMIT_ITEM_LISTED) {
		b->n = from;
		name_alias(b, l->text);
	}
}

void
pred_values_print(struct buf *b, const struct pred *p, bool alias)
{
	char sep = p->op == OP_TEXT ? ' ' : ',';

	for (size_t i = 0; i < p->n_lits; i++) {
		if (i > 0)
			buf_putc(b, sep);
		put_literal(b, p, &p->lits[i], alias);
	}
}
