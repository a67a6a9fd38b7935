/* SPDX-License-Identifier: ISC */
/*
 * explain_choice: the part of EXPLAIN about what was chosen: each class of shards with its
 * candidates, cheapest first, the winner marked and why it won. Costs are those of one shard of
 * the class, on average: until its first row, and of all of them. A plan by a remembered decision
 * has classes without candidates: nothing was weighed.
 */
#include "explain_i.h"

#define CLASSES_SHOWN 8
#define CANDS_SHOWN 6

static void
put_way(struct buf *b, enum access a, uint64_t leaves)
{
	struct buf t = BUF_INIT;

	buf_str(&t, access_name(a));
	explain_leaves(&t, ", indexes ", leaves);
	buf_printf(b, "%-22s", buf_cstr(&t));
	b->oom |= t.oom;
	buf_release(&t);
}

/* Why it won: of all costs, or of those until enough rows are there. */
static const char *
reason(const struct plan *p, const struct plan_class *c, const struct plan_cand *won)
{
	if (c->n_cands == 1)
		return "; the only way";
	for (size_t i = 0; i < c->n_cands; i++)
		if (c->cands[i].total < won->total)
			return p->scan.early_stop ? "; cheapest until the limit is full" :
			    "; taken";
	return "; cheapest";
}

static void
put_cand(struct buf *b, const struct plan *p, const struct plan_class *c,
    const struct plan_cand *x)
{
	buf_str(b, x->chosen ? "    * " : "      ");
	put_way(b, x->access, x->index_leaves);
	BUF_LIT(b, " cost ");
	explain_number(b, x->startup);
	BUF_LIT(b, " to ");
	explain_number(b, x->total);
	BUF_LIT(b, ", looks at ");
	explain_number(b, x->est_rows);
	BUF_LIT(b, " rows");
	buf_str(b, x->chosen ? reason(p, c, x) : x->dominated ? "; dominated\n" : "\n");
	if (x->chosen)
		buf_putc(b, '\n');
}

/* The winner is shown wherever it stands. */
static void
put_class(struct buf *b, const struct plan *p, const struct plan_class *c)
{
	size_t shown = 0;

	buf_printf(b, "  %u shard%s, %llu spans, about ", c->n_shards,
	    c->n_shards == 1 ? "" : "s", (unsigned long long)c->n_rows);
	explain_number(b, c->est_rows);
	BUF_LIT(b, " rows, cost ");
	explain_number(b, c->est_cost);
	BUF_LIT(b, "; a shard by\n");
	for (size_t i = 0; i < c->n_cands; i++)
		if (shown < CANDS_SHOWN || c->cands[i].chosen) {
			put_cand(b, p, c, &c->cands[i]);
			shown++;
		}
	if (shown < c->n_cands)
		buf_printf(b, "      … and %zu dearer\n", c->n_cands - shown);
	if (c->n_cands == 0) {
		BUF_LIT(b, "    * ");
		put_way(b, c->access, c->index_leaves);
		BUF_LIT(b, " as remembered\n");
	}
}

void
explain_choices(struct buf *b, const struct plan *p)
{
	if (p->scan.n_classes == 0)
		return;
	BUF_LIT(b, "choices\n");
	for (size_t i = 0; i < p->scan.n_classes && i < CLASSES_SHOWN; i++)
		put_class(b, p, &p->scan.classes[i]);
	if (p->scan.n_classes > CLASSES_SHOWN)
		buf_printf(b, "  … and %zu more classes\n", p->scan.n_classes - CLASSES_SHOWN);
}

/* ---- JSON ---- */

static void
put_json_way(struct buf *b, enum access a, uint64_t leaves)
{
	buf_printf(b, "\"access\":\"%s\",\"index_leaves\":[", access_name(a));
	explain_leaves(b, "", leaves);
	buf_putc(b, ']');
}

static void
put_json_cand(struct buf *b, const struct plan_cand *x)
{
	buf_putc(b, '{');
	put_json_way(b, x->access, x->index_leaves);
	buf_printf(b, ",\"startup_cost\":%.2f,\"total_cost\":%.2f,\"rows\":%.2f,\"chosen\":%s,"
	    "\"dominated\":%s}", x->startup, x->total, x->est_rows,
	    x->chosen ? "true" : "false", x->dominated ? "true" : "false");
}

void
explain_choices_json(struct buf *b, const struct plan *p)
{
	BUF_LIT(b, ",\"classes\":[");
	for (size_t i = 0; i < p->scan.n_classes; i++) {
		const struct plan_class *c = &p->scan.classes[i];

		buf_printf(b, "%s{\"key\":\"%016llx\",\"shards\":%u,\"spans\":%llu,",
		    i == 0 ? "" : ",", (unsigned long long)c->key, c->n_shards,
		    (unsigned long long)c->n_rows);
		put_json_way(b, c->access, c->index_leaves);
		buf_printf(b, ",\"estimated_rows\":%.2f,\"estimated_cost\":%.2f,\"candidates\":[",
		    c->est_rows, c->est_cost);
		for (size_t k = 0; k < c->n_cands; k++) {
			if (k != 0)
				buf_putc(b, ',');
			put_json_cand(b, &c->cands[k]);
		}
		BUF_LIT(b, "]}");
	}
	buf_putc(b, ']');
}
