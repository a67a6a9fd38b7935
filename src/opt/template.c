/* SPDX-License-Identifier: ISC */
/*
 * template: what of a query its decision may depend on, as bytes: the shape of the filter with
 * fields and operators, values as classes (numbers or not, how many, how long), the range as its
 * width and whether it touches the newest partition, whether it begins behind a mark, limit and offset as classes, order, what
 * is shown, and the options. Two queries of one template have equal bytes; no value of the
 * query is in them, so neither can a decision kept under them tell one.
 *
 * The walks recurse as deep as the filter nests, which LIMIT_NESTING bounds.
 */
#include "base/hash.h"
#include "base/varint.h"
#include "opt_i.h"
#include "opt/decision.h"

/* Widths are told apart in steps of 4: those up to twice this one, and above its half, are one class. */
#define WIDTH_STEP NS_PER_HOUR

/* ---- classes ---- */

static unsigned
count_class(size_t n)
{
	return n <= 1 ? 0 : n <= 8 ? 1 : n <= 64 ? 2 : 3;
}

static const char *const count_names[] = { "?", "?{2-8}", "?{9-64}", "?{65+}" };

/* Of texts that are looked for inside others: under 3 bytes no index of trigrams helps. */
static unsigned
length_class(size_t n)
{
	return n < 3 ? 0 : n <= 8 ? 1 : n <= 32 ? 2 : 3;
}

static unsigned
page_class(uint64_t n)
{
	return n == 0 ? 0 : n <= 16 ? 1 : n <= 256 ? 2 : n <= 4096 ? 3 : 4;
}

static const char *const page_names[] = { "0", "1-16", "17-256", "257-4096", "4097+" };

/* The class of the values of a leaf: one byte. */
static uint8_t
value_class(const struct pred *p)
{
	bool inside = p->op == OP_CONTAINS || p->op == OP_NOTCONTAINS || p->op == OP_STARTS ||
	    p->op == OP_ENDS || p->op == OP_RE || p->op == OP_NRE || p->op == OP_TEXT;
	unsigned number = 0, len = 3;

	for (size_t i = 0; i < p->n_lits; i++) {
		unsigned l = length_class(p->lits[i].text.n);

		number |= p->lits[i].is_int || p->lits[i].is_double;
		len = l < len ? l : len;
	}
	/* Intrinsics have one type each; ids and enums are no less so when they look like numbers. */
	if (p->op == OP_TEXT || p->field.scope == FIELD_INTRINSIC)
		number = 0;
	return (uint8_t)(number | count_class(p->n_lits) << 4 | (inside ? len << 6 : 0));
}

static uint64_t
newest_partition(const struct stats *st)
{
	if (st->index != NULL)
		return st->newest_partition;
	for (size_t i = st->n_shards; i-- > 0;)
		if (st->shards[i].partition != PARTITION_OUTSIDE)
			return st->shards[i].partition;
	return PARTITION_OUTSIDE;
}

enum { RANGE_FROM = 1, RANGE_TO = 2, RANGE_NEWEST = 4 };

struct range_class {
	unsigned flags;		/* RANGE_FROM, _TO: it has that end; _NEWEST: touches the newest partition */
	int step;		/* of the width: 0 is an hour, 1 four hours, -1 a quarter */
};

/* An open end is taken to be that of the newest partition. */
static struct range_class
range_class(struct time_range r, const struct stats *st)
{
	struct range_class c = { 0, 0 };
	uint64_t newest = newest_partition(st), to = r.to, width;

	c.flags = (r.from != 0 ? RANGE_FROM : 0) | (r.to != WHEN_MAX ? RANGE_TO : 0);
	if (newest != PARTITION_OUTSIDE) {
		c.flags |= r.to > newest ? RANGE_NEWEST : 0;
		if (to == WHEN_MAX && !__builtin_add_overflow(newest, NS_PER_HOUR, &to))
			to = newest + NS_PER_HOUR;
	}
	if ((c.flags & RANGE_FROM) == 0)
		return c;
	width = to > r.from ? to - r.from : 0;
	while (c.step < 8 && width > 2 * WIDTH_STEP << 2 * c.step)
		c.step++;
	while (c.step <= 0 && c.step > -12 && width <= WIDTH_STEP / 2 >> 2 * -c.step)
		c.step--;
	return c;
}

/* Only of shards in the range: the statistics may know no more of the others. */
uint32_t
template_index_kinds(const struct stats *st, const struct query *q)
{
	uint32_t kinds = 0;

	for (size_t i = 0; i < st->n_shards; i++) {
		const struct shard_stats *s = &st->shards[i];

		if (q->has_mark && s->generation <= q->after.generation)
			continue;
		if (range_meets(q->range, s->min_start, s->max_start))
			kinds |= s->index_kinds | (s->bloom != NULL ? 1u << 8 : 0);
	}
	return kinds;
}

/* ---- bytes ---- */

static void
put_field(struct buf *b, const struct field *f)
{
	buf_putc(b, (char)f->scope);
	if (f->scope == FIELD_INTRINSIC) {
		buf_putc(b, (char)f->intrinsic);
		return;
	}
	if (f->scope == FIELD_PARENT) {
		struct field inner = field_inner(f);

		put_field(b, &inner);
		return;
	}
	buf_varint(b, f->key.n);
	buf_sv(b, f->key);
}

static void
put_filter(struct buf *b, const struct pred *p)
{
	buf_putc(b, (char)p->kind);
	if (p->kind == PRED_LEAF) {
		buf_putc(b, (char)p->op);
		if (p->op != OP_TEXT)
			put_field(b, &p->field);
		buf_putc(b, (char)value_class(p));
		return;
	}
	buf_varint(b, p->n_kids);
	for (size_t i = 0; i < p->n_kids; i++)
		put_filter(b, p->kids[i]);
}

static void
put_projection(struct buf *b, const struct projection *pr)
{
	buf_putc(b, (char)(pr->all | pr->attrs << 1 | pr->resource << 2 | pr->scope << 3 |
	    pr->events << 4 | pr->links << 5 | pr->rest << 6));
	buf_varint(b, pr->intrinsics);
	buf_varint(b, pr->n_fields);
	for (size_t i = 0; i < pr->n_fields; i++)
		put_field(b, &pr->fields[i]);
}

void
template_key(struct buf *b, const struct query *q, const struct stats *st,
    const struct opt_options *o)
{
	struct range_class rc = range_class(q->range, st);

	buf_putc(b, (char)o->output);
	buf_putc(b, (char)rc.flags);
	buf_putc(b, (char)rc.step);
	buf_putc(b, (char)(q->has_limit ? 1 + page_class(q->limit) : 0));
	buf_putc(b, (char)page_class(q->offset));
	buf_putc(b, (char)q->has_mark);
	put_filter(b, q->filter);
	if (o->output == ROW_CONTRAST)
		put_filter(b, q->compare);
	buf_varint(b, q->n_sort);
	for (size_t i = 0; i < q->n_sort; i++) {
		put_field(b, &q->sort[i].by.field);
		buf_putc(b, (char)q->sort[i].by.desc);
	}
	buf_varint(b, q->n_select);
	for (size_t i = 0; i < q->n_select; i++)
		put_field(b, &q->select[i]);
	if (q->n_select == 0)
		put_projection(b, &o->projection);
	buf_varint(b, o->rules_off);
	buf_varint(b, o->threads);
}

uint64_t
template_filter_shape(const struct pred *filter, struct buf *tmp)
{
	tmp->n = 0;
	put_filter(tmp, filter);
	return hash64(tmp->p, tmp->n);
}

/* ---- for people ---- */

static void
print_leaf(struct buf *b, const struct pred *p)
{
	if (p->op != OP_TEXT) {
		field_print(b, &p->field);
		buf_putc(b, ' ');
	}
	buf_str(b, pred_op_name(p->op));
	if (p->n_lits != 0)
		buf_printf(b, " %s", count_names[count_class(p->n_lits)]);
}

static void
print_filter(struct buf *b, const struct pred *p, bool inner)
{
	const char *word = p->kind == PRED_OR ? " or " : " and ";

	switch (p->kind) {
	case PRED_TRUE:
	case PRED_FALSE:
		buf_str(b, p->kind == PRED_TRUE ? "anything" : "nothing");
		return;
	case PRED_LEAF:
		print_leaf(b, p);
		return;
	case PRED_NOT:
		BUF_LIT(b, "not ");
		print_filter(b, p->kids[0], true);
		return;
	case PRED_AND:
	case PRED_OR:
		break;
	}
	buf_str(b, inner ? "(" : "");
	for (size_t i = 0; i < p->n_kids; i++) {
		buf_str(b, i == 0 ? "" : word);
		print_filter(b, p->kids[i], true);
	}
	buf_str(b, inner ? ")" : "");
}

/* A power of 4 hours, about. */
static void
print_width(struct buf *b, int step)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {
		{ NS_PER_DAY, "d" }, { NS_PER_HOUR, "h" }, { NS_PER_MIN, "m" }, { NS_PER_S, "s" },
		{ 1000000, "ms" },
	};
	uint64_t ns = step < 0 ? WIDTH_STEP >> 2 * -step : WIDTH_STEP << 2 * step;
	size_t i = 0;

	while (i < 4 && ns < 2 * units[i].ns && ns != units[i].ns)
		i++;
	buf_printf(b, "~%llu%s", (unsigned long long)(ns / units[i].ns), units[i].name);
}

static void
print_range(struct buf *b, struct range_class c)
{
	if ((c.flags & RANGE_FROM) == 0)
		buf_str(b, c.flags & RANGE_TO ? " range up to a time" : "");
	else {
		BUF_LIT(b, " range ");
		print_width(b, c.step);
		buf_str(b, c.flags & RANGE_TO ? "" : " to now");
	}
	buf_str(b, (c.flags & RANGE_TO) != 0 && (c.flags & RANGE_NEWEST) == 0 ? " of the past" : "");
}

void
template_print(struct buf *b, const struct query *q, const struct stats *st,
    const struct opt_options *o)
{
	static const char *const outputs[] = {
		[ROW_SPAN] = "spans", [ROW_TRACE] = "traces", [ROW_EVENT] = "events",
		[ROW_LINK] = "links", [ROW_COUNT] = "count", [ROW_GROUP] = "groups",
		[ROW_SCORE] = "scores", [ROW_CONTRAST] = "compare",
	};

	buf_printf(b, "%s: ", (unsigned)o->output <= ROW_CONTRAST ? outputs[o->output] : "rows");
	if (o->output == ROW_CONTRAST) {
		print_filter(b, q->compare, false);
		BUF_LIT(b, " among ");
	}
	print_filter(b, q->filter, false);
	print_range(b, range_class(q->range, st));
	buf_str(b, q->has_mark ? " behind a mark" : "");
	for (size_t i = 0; i < q->n_sort; i++) {
		buf_str(b, i == 0 ? " sort " : ",");
		field_print(b, &q->sort[i].by.field);
		buf_str(b, q->sort[i].by.desc ? " desc" : "");
	}
	if (q->offset != 0)
		buf_printf(b, " offset %s", page_names[page_class(q->offset)]);
	if (q->has_limit)
		buf_printf(b, " limit %s", page_names[page_class(q->limit)]);
	for (size_t i = 0; i < q->n_select; i++) {
		buf_str(b, i == 0 ? " select " : ",");
		field_print(b, &q->select[i]);
	}
	if (o->rules_off != 0)
		buf_printf(b, " without %d rules", __builtin_popcountll(o->rules_off));
}
