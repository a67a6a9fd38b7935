/* SPDX-License-Identifier: ISC */
/*
 * leaf_cost: what the statistics of a shard say of what a condition takes there: which columns
 * are read, what testing a row costs, and whether an index can name its rows, as exec's
 * filter_index decides it: every column that may hold a match must have one, and a shard with
 * a rest column, or resources that a bare field may mean, has rows that no index names.
 */
#include <math.h>

#include "card_i.h"
#include "cost_i.h"
#include "cost_params.h"

/*
 * The indexes of the column that can answer the condition. Those on texts go by the dictionary, or
 * by the text index, to postings.
 */
static uint8_t
column_indexes(const struct column_stats *c, const struct pred *p)
{
	/* All its values satisfy: no list of their rows is made. */
	if ((c->type == VAL_BYTES || c->type == VAL_MAP) && pred_op_negative(p->op))
		return 0;
	switch (p->op) {
	case OP_HAS:
	case OP_NOTCONTAINS:
	case OP_NRE:
		return 0;
	case OP_EQ:
	case OP_IN:
		return c->indexes & (STAT_INDEX_POSTINGS | STAT_INDEX_HASH);
	default:
		return (c->indexes & STAT_INDEX_POSTINGS) != 0 ?
		    c->indexes & (STAT_INDEX_POSTINGS | STAT_INDEX_TEXT) : 0;
	}
}

static bool
rest_may_hold(const struct shard_stats *s, const struct field *f)
{
	return f->scope != FIELD_INTRINSIC && !s->all_keys;
}

/* The shard's columns of the leaf's field; of a bare one those of the span's attribute. */
static const struct column_stats *
leaf_columns(const struct shard_stats *s, const struct pred *p, size_t *n)
{
	struct field f = p->field;

	if (f.scope == FIELD_BARE)
		f.scope = FIELD_SPAN;
	return stats_columns(s, &f, n);
}

static bool
resource_has(const struct shard_stats *s, const struct pred *p)
{
	struct field f = p->field;
	size_t n;

	if (f.scope != FIELD_BARE)
		return false;
	f.scope = FIELD_RESOURCE;
	(void)stats_columns(s, &f, &n);
	return n != 0;
}

uint8_t
leaf_indexes(const struct shard_stats *s, const struct pred *p)
{
	const struct column_stats *c;
	uint8_t all = 0, one;
	size_t n;

	if (p->op == OP_TEXT)
		return s->all_keys ? STAT_INDEX_TEXT : 0;
	if (p->op == OP_HAS || !leaf_held(s, p, &c, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (!column_may_satisfy(&c[i], p))
			continue;
		if ((one = column_indexes(&c[i], p)) == 0)
			return 0;
		all |= one;
	}
	return all;
}

/* ---- one leaf ---- */

/* Testing one value of a dictionary, or of a column of bytes, in cpu_operator_cost. */
static double
value_ops(const struct pred *p)
{
	double each = (double)(p->n_lits > 1 ? p->n_lits : 1);

	switch (p->op) {
	case OP_RE:
	case OP_NRE:
		return VALUE_REGEX_OPS;
	case OP_TEXT:
	case OP_CONTAINS:
	case OP_NOTCONTAINS:
		return VALUE_CONTAINS_OPS * each;
	case OP_EQ:
	case OP_NE:
	case OP_IN:
	case OP_NOTIN:
		return 0;		/* found by search in the dictionary */
	default:
		return VALUE_OPS;
	}
}

/* Stored bytes, as so many that are only read and checked. */
static double
chunk_bytes(const struct column_stats *c)
{
	double bytes = (double)(c->n_bytes - c->dict_bytes);

	return bytes > (double)c->n_present * PLAIN_VALUE_BYTES ? bytes : bytes * PACKED;
}

static double
postings_bytes(const struct column_stats *c)
{
	double bytes = (double)c->postings_bytes;
	bool plain = (c->indexes & STAT_INDEX_POSTINGS) == 0 ||
	    bytes > (double)c->n_present * PLAIN_ROW_BYTES;

	return plain ? bytes : bytes * PACKED_POSTINGS;
}

/* A dictionary is read once, its values are tested once; but not for what a text index names. */
static void
add_dict(struct leaf_cost *l, const struct column_stats *c, const struct pred *p)
{
	if (p->op == OP_HAS)
		return;
	l->once_sections++;
	l->once_bytes += (double)c->dict_bytes * PACKED;
	l->dict_values += (double)c->n_distinct;
	l->once_ops += (double)c->n_distinct * value_ops(p);
	if (value_ops(p) <= 0)
		return;
	l->index_sections += c->text_bytes != 0;
	l->index_bytes += (double)c->text_bytes;
	l->index_ops += c->text_bytes != 0 ? 0 : (double)c->n_distinct * value_ops(p);
}

static void
add_column(struct leaf_cost *l, const struct shard_stats *s, const struct column_stats *c,
    const struct pred *p)
{
	double present = s->n_rows == 0 ? 0 : (double)c->n_present / (double)s->n_rows;

	l->columns++;
	l->bytes += chunk_bytes(c);
	/* Rows without a value are counted past: it is the values that cost. */
	l->dense_ops += c->n_present >= s->n_rows ? DENSE_OPS : DENSE_OPTIONAL_OPS * present;
	l->sparse_ops += SPARSE_OPS;
	if (c->dict_bytes != 0) {
		add_dict(l, c, p);
	} else if (c->type == VAL_STRING && p->op != OP_HAS) {
		l->dense_ops += present * fmax(value_ops(p), VALUE_OPS);
		l->sparse_ops += fmax(value_ops(p), VALUE_OPS);
	}
	l->index_sections += c->postings_bytes != 0;
	l->index_bytes += postings_bytes(c);
	l->index_keys += p->op == OP_EQ || p->op == OP_IN ? (double)p->n_lits :
	    1 + (double)c->n_distinct * l->sel;
	l->footer &= p->op == OP_HAS || top_is_all(c);
	l->footer_ops += p->op == OP_HAS ? 0 : (double)c->n_top * FOOTER_VALUE_OPS;
}

/* Of each trace: from what the shard knows of it, or by putting it together. */
static void
of_traces(struct leaf_cost *l, const struct shard_stats *s, const struct pred *p)
{
	bool known = s->trace_summaries && field_owner(&p->field) == OF_TRACE;

	l->footer = false;
	l->columns = 1;
	l->bytes = (double)s->n_rows * TRACE_ROW_BYTES;
	l->dense_ops = DENSE_OPS;
	l->sparse_ops = SPARSE_OPS;
	l->tree_ops = field_owner(&p->field) != OF_TREE ? 0 : (double)s->n_rows * GATHER_TREE_OPS +
	    (double)s->n_traces * SPLIT_TRACES * ASSEMBLE_OPS;
	l->trace_ops = known ? FACT_OPS + SPLIT_TRACES * ASSEMBLE_OPS : ASSEMBLE_OPS;
	l->once_sections = known ? 3 : 2;
	l->once_bytes = (double)s->n_traces * (TRACE_ID_BYTES +
	    (known ? TRACE_SUMMARY_BYTES : 0)) + (double)s->n_rows * TRACE_ROWS_BYTES;
}

/* Their places are found in the list of ids, then rows are compared by place. */
static void
trace_ids(struct leaf_cost *l, const struct shard_stats *s)
{
	l->footer = false;
	l->columns = 1;
	l->bytes = (double)s->n_rows * TRACE_ROW_BYTES;
	l->dense_ops = DENSE_OPS;
	l->sparse_ops = SPARSE_OPS;
	l->once_sections = 1;
	l->trace_rows = true;
	l->once_bytes = (double)s->n_traces * TRACE_ID_BYTES;
}

/* What is worked out row by row. */
static void
computed(struct leaf_cost *l)
{
	l->dense_ops = l->sparse_ops = COMPUTED_OPS;
	l->columns = 1;
}

/* The spans that may have a value are put together. */
static void
of_parts(struct leaf_cost *l, const struct shard_stats *s, const struct pred *p)
{
	struct field f = p->field;
	const struct column_stats *c;
	size_t n;

	(void)card_stand_in(&f);
	c = stats_columns(s, &f, &n);
	l->footer = false;
	l->columns = l->dense_ops = l->sparse_ops = 1;
	for (size_t i = 0; i < n; i++) {
		double present = (double)c[i].n_present / fmax((double)s->n_rows, 1);

		l->columns++;
		l->bytes += chunk_bytes(&c[i]);
		l->dense_ops += present * COMPUTED_OPS;
		l->sparse_ops += present * COMPUTED_OPS;
	}
}

static void
words(struct leaf_cost *l, const struct shard_stats *s, const struct pred *p)
{
	for (size_t i = 0; i < s->n_columns; i++) {
		const struct column_stats *c = &s->columns[i];

		if (c->type != VAL_STRING)
			continue;
		l->columns++;
		l->bytes += chunk_bytes(c);
		l->dense_ops += (s->n_rows == 0 ? 0 : DENSE_OPTIONAL_OPS *
		    (double)c->n_present / (double)s->n_rows) * (double)p->n_lits;
		if (c->dict_bytes != 0)
			add_dict(l, c, p);
		l->index_bytes += postings_bytes(c) * l->sel;
	}
	l->index_keys = (double)p->n_lits;
	l->sparse_ops = l->dense_ops + SPARSE_OPS * l->columns;
}

static bool
is_shared(const struct field *f)
{
	return f->scope == FIELD_RESOURCE || f->scope == FIELD_SCOPE ||
	    (f->scope == FIELD_INTRINSIC && (f->intrinsic == IN_SERVICE ||
	    f->intrinsic == IN_SCOPE || f->intrinsic == IN_SCOPE_VERSION));
}

static void
leaf_init(struct leaf_cost *l, const struct card *card, const struct shard_stats *s,
    const struct pred *p)
{
	const struct column_stats *c;
	struct field f;
	size_t n;

	*l = (struct leaf_cost){ .sel = card_leaf_share(card, s, p), .footer = true };
	l->index_rows = l->sel * (double)s->n_rows;
	l->indexed = leaf_indexes(s, p) != 0;
	if (p->op == OP_TEXT) {
		words(l, s, p);
		return;
	}
	if (is_shared(&p->field)) {
		l->dense_ops = SHARED_OPS;
		l->sparse_ops = SPARSE_OPS;
		l->once_ops = l->footer_ops = (double)s->n_services * VALUE_OPS;
		return;
	}
	if (field_needs_trace(&p->field)) {
		of_traces(l, s, p);
		return;
	}
	if (p->field.scope == FIELD_INTRINSIC && p->field.intrinsic == IN_TRACE_ID) {
		trace_ids(l, s);
		return;
	}
	if (p->field.scope == FIELD_INTRINSIC && (p->field.intrinsic == IN_END ||
	    p->field.intrinsic == IN_PARENT_SPAN_ID)) {
		computed(l);
		return;
	}
	f = p->field;
	if (card_stand_in(&f)) {
		of_parts(l, s, p);
		return;
	}
	c = leaf_columns(s, p, &n);
	for (size_t i = 0; i < n; i++)
		if (column_may_satisfy(&c[i], p))
			add_column(l, s, &c[i], p);
	if (rest_may_hold(s, &p->field) || resource_has(s, p) ||
	    (n == 0 && p->field.scope == FIELD_INTRINSIC)) {
		l->columns++;
		l->dense_ops += DENSE_OPS;
		l->sparse_ops += SPARSE_OPS;
	}
}

double
leaf_row_ops(const struct opt *o, size_t i, const struct pred *p)
{
	const struct shard_stats *s = &o->stats->shards[i];
	const struct cost_params *c = &o->options->cost;
	double rows = s->n_rows < 1 ? 1 : (double)s->n_rows, pages, sections;
	struct leaf_cost l;

	leaf_init(&l, o->card, s, p);
	sections = l.columns * fmax(s->n_row_groups, 1) + l.once_sections;
	pages = sections * SECTION_PAGES * c->random_page_cost +
	    (l.bytes + l.once_bytes) / PAGE_BYTES * c->seq_page_cost;
	return l.dense_ops + (l.once_ops + leaf_trace_ops(&l, s, rows, (double)s->n_traces) +
	    pages * page_share(o) / c->cpu_operator_cost) / rows;
}

/* ---- the shard ---- */

static void
init_leaves(struct shard_cost *sc, const struct pred *p, size_t *at)
{
	if (p->kind == PRED_LEAF) {
		leaf_init(&sc->leaves[(*at)++], sc->opt->card, sc->stats, p);
		return;
	}
	for (size_t i = 0; i < p->n_kids; i++)
		init_leaves(sc, p->kids[i], at);
}

void
shard_cost_init(struct shard_cost *sc, const struct opt *o, size_t i, struct leaf_cost *leaves)
{
	const struct shard_stats *s = &o->stats->shards[i];
	size_t at = 0;

	*sc = (struct shard_cost){ .opt = o, .stats = s, .leaves = leaves };
	sc->sel = o->card != NULL ? card_shard_share(o->card, s) :
	    card_selectivity(s, o->plan->filter.pred);
	sc->time_share = card_time_share(o->plan->filter.range, s->min_start, s->max_start);
	sc->groups = s->n_row_groups > 0 ? s->n_row_groups :
	    ceil((double)s->n_rows / GROUP_ROWS);
	if (sc->groups < 1)
		sc->groups = 1;
	sc->group_rows = (double)s->n_rows / sc->groups;
	init_leaves(sc, o->plan->filter.pred, &at);
}
