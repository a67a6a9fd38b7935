/* SPDX-License-Identifier: ISC */
/*
 * card_leaf: one condition against the summary of the store. It is looked at once a query:
 * which fields and types it concerns, which of their known values satisfy it, and what share
 * of the values that nobody lists may do so (equality: an even share of the other distinct
 * values; order: the histogram; texts: samples). What is found is then applied to each shard
 * through the shard's own numbers of values, and to each cell through the cell's.
 *
 * A cell lists a few values; the share of the rest is such that all cells together have as
 * many rows as the whole store is believed to have.
 */
#include "base/search.h"
#include "card_i.h"
#include "match/words.h"

#include <math.h>

#define WORD_VALUES 48		/* of a field that are searched for words */
#define FEW 0.3			/* hits in a sample that holds none */

/* ---- histograms ---- */

/* An image of the type as the number that it is: images themselves are too large for a double. */
double
card_number(enum value_type t, uint64_t image)
{
	return t == VAL_DOUBLE ? value_double_of(image) : (double)value_i64_of(image);
}

/* Share of values below x. */
static double
below(const struct stats_field *f, double x)
{
	const uint64_t *b = f->bounds;
	uint32_t n = f->n_bounds, lo = 0;
	double at, next;

	if (n < 2)
		return 0.5;
	/* How many bounds are below x. */
	LOWER_BOUND(lo, n, i, card_number(f->type, b[i]) < x);
	if (lo == 0)
		return 0;
	if (lo == n)
		return 1;
	at = card_number(f->type, b[lo - 1]);
	next = card_number(f->type, b[lo]);
	return ((double)lo - 1 + (next > at ? (x - at) / (next - at) : 0)) / (n - 1);
}

void
card_order_range(enum value_type t, const struct pred *p, double *lo, double *hi)
{
	double a = p->lits[0].d, one = t == VAL_INT ? 1 : 0;

	*lo = -(double)INFINITY;
	*hi = (double)INFINITY;
	switch (p->op) {
	case OP_LT:
		*hi = a;
		break;
	case OP_LE:
		*hi = a + one;
		break;
	case OP_GT:
		*lo = a + one;
		break;
	case OP_GE:
		*lo = a;
		break;
	default:
		*lo = a;
		*hi = p->lits[p->n_lits - 1].d + one;
	}
}

/* Of values known to lie in [min, max] the share that lies in [lo, hi). */
double
card_share_between(const struct stats_field *f, double min, double max, double lo, double hi)
{
	double from, to, all_from, all_to;

	if (!isfinite(max - min))
		return SEL_ORDER;
	lo = lo < min ? min : lo;
	hi = hi > max ? max : hi;
	if (!(lo < hi))
		return 0;
	from = below(f, lo);
	to = below(f, hi);
	all_from = below(f, min);
	all_to = below(f, max);
	if (all_to - all_from < 1e-6)
		return (hi - lo) / (max - min);
	return (to - from) / (all_to - all_from);
}

static bool
is_number(enum value_type t)
{
	return t == VAL_INT || t == VAL_DOUBLE;
}

bool
card_numeric_order(const struct stats_field *f, const struct pred *p)
{
	return pred_op_order(p->op) && is_number(f->type) && f->n_bounds > 1 &&
	    (p->lits[0].is_int || p->lits[0].is_double);
}

/* ---- a field in the whole store; shares of positive operators ---- */

uint64_t
card_literal_hash(enum value_type t, const struct literal *l)
{
	struct value v = { .type = t };

	switch (t) {
	case VAL_INT:
		v.i = l->is_int ? l->i : (int64_t)l->d;
		break;
	case VAL_DOUBLE:
		v.d = l->d;
		break;
	case VAL_BOOL:
		v.b = l->b;
		break;
	default:
		v.s = l->text;
	}
	return stats_hash(&v);
}

/* Kind and status are typed as numbers of their own. */
struct literal
card_literal(const struct pred *p, size_t i)
{
	struct literal l = p->lits[i];

	if (p->field.scope == FIELD_INTRINSIC && (p->field.intrinsic == IN_KIND ||
	    p->field.intrinsic == IN_STATUS || p->field.intrinsic == IN_FLAGS))
		l = (struct literal){ .is_int = true, .i = (int64_t)p->lits[i].u,
			.d = (double)p->lits[i].u, .text = p->lits[i].text };
	return l;
}

/* Rows of one value of which no list speaks. */
static double
unlisted_rows(const struct stats_field *f)
{
	double rest = f->n_present - f->n_known, n = f->n_distinct - f->n_values;

	if (rest <= 0)
		return 0;
	return rest / (n < 1 ? 1 : n);
}

static double
equal_rows(const struct stats_field *f, const struct pred *p)
{
	double rows = 0;

	for (size_t i = 0; i < p->n_lits; i++) {
		struct literal l = card_literal(p, i);
		const struct stats_value *v;

		if (!literal_fits(f->type, &l))
			continue;
		v = stats_value_find(f, card_literal_hash(f->type, &l));
		rows += v != NULL ? v->n_rows : unlisted_rows(f);
	}
	return rows < f->n_present ? rows : f->n_present;
}

static double
sample_share(const struct stats_field *f, const struct card_leaf *l, double known_share)
{
	double hits = 0;

	if (f->n_samples < 8)
		return known_share;
	for (uint32_t i = 0; i < f->n_samples; i++) {
		struct value v = { .type = VAL_STRING, .s = f->samples[i] };

		hits += value_holds(l, &v) == 1;
	}
	return (hits > 0 ? hits : FEW) / f->n_samples;
}

/* Of text and pattern operators, and of order on texts: by the values that are known. */
static double
listed_share(const struct stats_field *f, const struct card_leaf *l)
{
	double hits = 0, rest = f->n_present - f->n_known, known;

	for (uint32_t i = 0; i < f->n_values; i++) {
		int h = value_holds(l, &f->values[i].val);

		if (h < 0)
			return -1;
		hits += h ? f->values[i].n_rows : 0;
	}
	if (rest <= 0 || f->n_known > f->n_present * 0.9999)
		return f->n_known > 0 ? hits / f->n_known : 0;
	known = f->n_known > 0 && hits > 0 ? hits / f->n_known : FEW / (f->n_values + 1);
	return (hits + rest * sample_share(f, l, known)) / f->n_present;
}

/* The positive form of a leaf: the same tree node with another operator. */
struct pred
card_positive(const struct pred *p)
{
	struct pred q = *p;

	q.op = pred_op_positive(p->op);
	return q;
}

static double
field_share(const struct stats_field *f, const struct pred *p, const struct card_leaf *l)
{
	double share;

	if (!(f->n_present > 0))
		return 0;
	if (p->op == OP_HAS)
		return 1;
	if (p->op == OP_EQ || p->op == OP_IN) {
		if (f->type == VAL_ARRAY)
			return (share = listed_share(f, l)) < 0 ? SEL_EQ : share;
		return equal_rows(f, p) / f->n_present;
	}
	if (card_numeric_order(f, p)) {
		double lo, hi;

		card_order_range(f->type, p, &lo, &hi);
		return card_share_between(f, card_number(f->type, f->bounds[0]),
		    card_number(f->type, f->bounds[f->n_bounds - 1]) + 1, lo, hi);
	}
	share = listed_share(f, l);
	return share < 0 ? card_guess(p) : share;
}

/* ---- cells ---- */

static const struct stats_cell_field *
cell_field(const struct stats_cell *c, uint32_t place)
{
	uint32_t at = 0;

	LOWER_BOUND(at, c->n_fields, i, c->fields[i].field < place);
	return at < c->n_fields && c->fields[at].field == place ? &c->fields[at] : NULL;
}

/* May a number of the cell that it does not list satisfy the leaf? Its share of the cell's range. */
static double
cell_range_share(const struct stats_field *f, const struct stats_cell_field *e,
    const struct pred *p)
{
	double min = card_number(f->type, e->min), max = card_number(f->type, e->max), lo, hi;

	if (!e->has_range || !is_number(f->type) || p->op == OP_HAS)
		return 1;
	if (p->op == OP_EQ || p->op == OP_IN) {
		for (size_t i = 0; i < p->n_lits; i++) {
			struct literal l = card_literal(p, i);

			if (literal_fits(f->type, &l) && l.d >= min && l.d <= max)
				return 1;
		}
		return 0;
	}
	if (!card_numeric_order(f, p))
		return 1;
	card_order_range(f->type, p, &lo, &hi);
	return card_share_between(f, min, max + 1, lo, hi);
}

/* Rows of values that the cell lists and that hold, and of those it does not list. */
static double
cell_hits(const struct stats_cell_field *e, const struct card_leaf *l, double *rest)
{
	double hits = 0;

	*rest = e->n_present;
	for (uint32_t i = 0; i < e->n_top; i++) {
		*rest -= e->top[i].n_rows;
		hits += value_holds(l, &e->top[i].val) == 1 ? e->top[i].n_rows : 0;
	}
	*rest = *rest < 0.5 ? 0 : *rest;
	return hits;
}

/*
 * EQ against a text that the cell holds cut can't be seen by its bytes: hashes tell. Lists of
 * one literal are the rule.
 */
static double
cell_equals(const struct stats_cell_field *e, enum value_type t, const struct pred *p,
    double *rest)
{
	double hits = 0;

	*rest = e->n_present;
	for (uint32_t i = 0; i < e->n_top; i++)
		*rest -= e->top[i].n_rows;
	*rest = *rest < 0.5 ? 0 : *rest;
	for (size_t k = 0; k < p->n_lits; k++) {
		struct literal l = card_literal(p, k);
		uint64_t h;

		if (!literal_fits(t, &l))
			continue;
		h = card_literal_hash(t, &l);
		for (uint32_t i = 0; i < e->n_top; i++)
			hits += e->top[i].hash == h ? e->top[i].n_rows : 0;
	}
	return hits;
}

static double
entry_hits(const struct leaf_field *lf, const struct stats_cell_field *e, const struct pred *p,
    const struct card_leaf *l, double *rest)
{
	double hits;

	if (p->op == OP_HAS) {
		*rest = 0;
		return e->n_present;
	}
	if ((p->op == OP_EQ || p->op == OP_IN) && lf->f->type != VAL_ARRAY)
		hits = cell_equals(e, lf->f->type, p, rest);
	else
		hits = cell_hits(e, l, rest);
	*rest *= cell_range_share(lf->f, e, p);
	return hits;
}

/* What share of the values that cells do not list makes the sum right. */
static void
calibrate(struct leaf_field *lf, const struct stats_summary *s, const struct pred *p,
    const struct card_leaf *l)
{
	double hits = 0, rest = 0, more, want = lf->share * lf->f->n_present;

	for (uint32_t i = 0; i < s->n_cells; i++) {
		const struct stats_cell_field *e = cell_field(&s->cells[i], lf->place);

		if (e == NULL)
			continue;
		hits += entry_hits(lf, e, p, l, &more);
		rest += more;
	}
	lf->rest = rest > 0 ? (want - hits) / rest : 0;
	if (lf->rest < 1e-7)
		lf->rest = 1e-7;
	if (lf->rest > 1)
		lf->rest = 1;
}

bool
card_fits_negative(const struct stats_field *f)
{
	return f->type != VAL_EMPTY;
}

static double
entry_share(const struct card_leaf *l, const struct leaf_field *lf,
    const struct stats_cell_field *e)
{
	struct pred q = card_positive(l->p);
	double rest, hits = entry_hits(lf, e, &q, l, &rest), share;

	share = (hits + rest * lf->rest) / e->n_present;
	share = share > 1 ? 1 : share;
	if (!pred_op_negative(l->p->op))
		return share;
	return card_fits_negative(lf->f) ? 1 - share : 0;
}

/* ---- durations and other large numbers ---- */

/* Rows below x in a histogram of a cell. */
static double
cell_below(const float *hist, uint64_t x)
{
	unsigned b = stats_bucket(x);
	double from = (double)stats_bucket_start(b), to = (double)stats_bucket_start(b + 1);
	double in = (double)hist[b + 1] - (double)hist[b];

	return (double)hist[b] + (!(to > from) ? 0 : in * ((double)x - from) / (to - from));
}

/* The histogram of cells that an intrinsic is in, or -1. */
static int
hist_of(const struct field *f)
{
	if (f->scope != FIELD_INTRINSIC)
		return -1;
	switch (f->intrinsic) {
	case IN_DURATION:
		return HIST_DURATION;
	case IN_TRACE_DURATION:
		return HIST_TRACE_DURATION;
	case IN_TRACE_SPANS:
		return HIST_TRACE_SPANS;
	case IN_CHILD_COUNT:
		return HIST_CHILDREN;
	default:
		return -1;
	}
}

static double
hist_share(const struct card_leaf *l, const float *hist)
{
	double n = (double)hist[STATS_LOG_BUCKETS];
	struct interval v;
	bool empty;

	if (!leaf_interval(l->p, &v, &empty))
		return -1;
	if (empty || !(n > 0))
		return 0;
	return ((v.hi == UINT64_MAX ? n : cell_below(hist, v.hi + 1)) - cell_below(hist, v.lo)) / n;
}

/* ---- words ---- */

/* Of the fields with texts: rows whose value, of the known ones, has the word. */
static double
word_in_entry(const struct stats_summary *s, const struct stats_cell_field *e, struct sv word)
{
	double hits = 0;

	if (s->fields[e->field].type != VAL_STRING)
		return 0;
	for (uint32_t i = 0; i < e->n_top; i++)
		if (text_has_word(e->top[i].val.s, word))
			hits += e->top[i].n_rows;
	return hits;
}

static double
word_in_cell(const struct stats_summary *s, const struct stats_cell *c, struct sv word)
{
	double none = 1;

	if (text_has_word(c->service, word) || text_has_word(c->name, word))
		return 1;
	for (uint32_t i = 0; i < c->n_fields; i++) {
		double x = word_in_entry(s, &c->fields[i], word) / c->n_rows;

		none *= x < 1 ? 1 - x : 0;
	}
	return 1 - none;
}

/* Of a field that cells do not know, or of values that they do not list. */
static double
word_in_field(const struct stats_field *f, struct sv word)
{
	uint32_t n = f->n_values < WORD_VALUES ? f->n_values : WORD_VALUES;
	double hits = 0, seen = 0;

	for (uint32_t i = 0; i < n; i++) {
		seen += f->values[i].n_rows;
		if (text_has_word(f->values[i].val.s, word))
			hits += f->values[i].n_rows;
	}
	for (uint32_t i = 0; i < f->n_samples; i++)
		if (text_has_word(f->samples[i], word))
			hits += (f->n_present - f->n_known) / f->n_samples;
	return hits / (seen > f->n_present ? seen : f->n_present);
}

/*
 * The share of rows with the word: of the field that has it most often, or of all that list
 * it, cell by cell. Nowhere: about as often as a value that nobody lists.
 */
static double
word_share(const struct stats_summary *s, struct sv word, double in_cells)
{
	double most = in_cells, least = s->n_rows > 0 ? 5 / s->n_rows : SEL_TEXT;

	for (uint32_t i = 0; i < s->n_fields; i++) {
		const struct stats_field *f = &s->fields[i];
		double x;

		if (f->type != VAL_STRING || f->n_samples + f->n_values == 0)
			continue;
		x = word_in_field(f, word) * f->n_present / s->n_rows;
		most = x > most ? x : most;
	}
	return most > least ? most : least;
}

/* ---- making ---- */

static bool
cells_know(const struct field *f)
{
	switch (f->scope) {
	case FIELD_INTRINSIC:
		return f->intrinsic == IN_KIND || f->intrinsic == IN_STATUS ||
		    f->intrinsic == IN_STATUS_MESSAGE || f->intrinsic == IN_EVENT_NAME ||
		    f->intrinsic == IN_PARENT_SPAN_ID;
	case FIELD_SPAN:
	case FIELD_EVENT:
	case FIELD_LINK:
		return true;
	default:
		return false;
	}
}

static void
add_fields(struct card_leaf *l, const struct stats_summary *s, const struct field *f)
{
	struct pred q = card_positive(l->p);
	const struct stats_field *v;
	size_t n;

	v = stats_fields(s, f, &n);
	for (size_t i = 0; i < n && l->n_fields < LEAF_TYPES; i++) {
		struct leaf_field *lf = &l->fields[l->n_fields++];

		*lf = (struct leaf_field){ .f = &v[i], .place = (uint32_t)(&v[i] - s->fields),
			.share = field_share(&v[i], &q, l), .in_cells = cells_know(f) };
		if (lf->in_cells && s->n_cells != 0)
			calibrate(lf, s, &q, l);
		if (pred_op_negative(l->p->op))
			lf->share = card_fits_negative(&v[i]) ? 1 - lf->share : 0;
		l->share += lf->share * v[i].n_present / s->n_rows;
	}
}

double
card_trace_spans(const struct stats_cell *c)
{
	const float *h = c->hist[HIST_TRACE_SPANS];
	double sum = 0, rows = 0;

	for (unsigned b = 1; b + 1 < STATS_LOG_BUCKETS; b++) {
		double n = (double)h[b + 1] - (double)h[b];

		sum += n * ((double)stats_bucket_start(b) +
		    (double)(stats_bucket_start(b + 1) - 1)) / 2;
		rows += n;
	}
	return rows > 0 ? sum / rows : 1;
}

/* Of traces as many begin in a service as it has roots; each has its spans. */
static double
root_share(const struct card_leaf *l, const struct stats_summary *s)
{
	struct field parent = { .scope = FIELD_INTRINSIC, .intrinsic = IN_PARENT_SPAN_ID };
	const struct stats_field *f;
	double roots = 0, hits = 0;
	size_t n;

	if ((f = stats_fields(s, &parent, &n)) == NULL)
		return -1;
	for (uint32_t i = 0; i < s->n_cells; i++) {
		const struct stats_cell *c = &s->cells[i];
		const struct stats_cell_field *e = cell_field(c, (uint32_t)(f - s->fields));
		struct value v = { .type = VAL_STRING,
			.s = l->p->field.intrinsic == IN_ROOT_SERVICE ? c->service : c->name };
		double x = c->n_rows - (e == NULL ? 0 : e->n_present);
		int h = value_satisfies(l, &v);

		if (h < 0 || x < 0)
			continue;
		x *= card_trace_spans(c);
		roots += x;
		hits += h ? x : 0;
	}
	return roots > 0 ? hits / roots : -1;
}

/* The mean of what cells say, where they do. */
static double
over_cells(const struct card_leaf *l, const struct stats_summary *s)
{
	double hits = 0, rows = 0;

	for (uint32_t i = 0; i < s->n_cells; i++) {
		double x = card_leaf_in_cell(l, s, &s->cells[i]);

		if (x < 0)
			return -1;
		hits += x * s->cells[i].n_rows;
		rows += s->cells[i].n_rows;
	}
	return rows > 0 ? hits / rows : -1;
}

static double
text_share(const struct card_leaf *l, const struct stats_summary *s)
{
	double share = 1, cells = over_cells(l, s);

	for (size_t i = 0; i < l->p->n_lits; i++) {
		double x = word_share(s, l->p->lits[i].text, l->p->n_lits == 1 ? cells : 0);

		share = x < share ? x : share;
	}
	return share;
}

static double
intrinsic_share(const struct card_leaf *l, const struct stats_summary *s)
{
	if (hist_of(&l->p->field) >= 0)
		return over_cells(l, s);
	switch (l->p->field.intrinsic) {
	case IN_ROOT_SERVICE:
	case IN_ROOT_NAME:
		return root_share(l, s);
	case IN_TRACE_ID:
	case IN_SPAN_ID:
		return -1;
	default:
		return l->n_fields != 0 ? l->share : -1;
	}
}

int
card_leaf_make(struct card_leaf *l, const struct stats *st, const struct pred *p,
    struct arena *a, struct err *e)
{
	const struct stats_summary *s = st->summary;
	struct field f = p->field;
	struct pred *q;
	double share;
	int rc;

	*l = (struct card_leaf){ .p = p, .filter = stats_filter_find(st, &p->field) };
	if ((q = arena_new(a, struct pred)) == NULL)
		return err_nomem(e);
	*q = card_positive(p);
	if (p->op != OP_TEXT && (rc = matcher_new_few(q, &l->m, e)) < 0)
		return rc;
	if (p->op == OP_TEXT)
		share = text_share(l, s);
	else if (f.scope == FIELD_BARE) {
		f.scope = FIELD_SPAN;
		add_fields(l, s, &f);
		f.scope = FIELD_RESOURCE;
		add_fields(l, s, &f);
		share = l->share;
	} else {
		if (f.scope != FIELD_INTRINSIC || (hist_of(&f) < 0 &&
		    f.intrinsic != IN_TRACE_ID && f.intrinsic != IN_SPAN_ID &&
		    f.intrinsic != IN_START))
			add_fields(l, s, &f);
		share = f.scope == FIELD_INTRINSIC ? intrinsic_share(l, s) : l->share;
	}
	l->known = share >= 0;
	l->share = clamp_share(l->known ? share : card_guess(p));
	return 0;
}

void
card_leaf_release(struct card_leaf *l)
{
	matcher_free(l->m);
	l->m = NULL;
}

/* ---- applying ---- */

double
card_leaf_in_cell(const struct card_leaf *l, const struct stats_summary *s,
    const struct stats_cell *c)
{
	double share = 0;

	if (l->p->op == OP_TEXT) {
		share = 1;
		for (size_t i = 0; i < l->p->n_lits; i++)
			share *= word_in_cell(s, c, l->p->lits[i].text);
		return share;
	}
	if (l->p->field.scope == FIELD_INTRINSIC &&
	    (l->p->field.intrinsic == IN_SERVICE || l->p->field.intrinsic == IN_NAME)) {
		bool service = l->p->field.intrinsic == IN_SERVICE;
		struct value v = { .type = VAL_STRING, .s = service ? c->service : c->name };

		return c->all && !service ? -1 : value_satisfies(l, &v);
	}
	if (hist_of(&l->p->field) >= 0)
		return hist_share(l, c->hist[hist_of(&l->p->field)]);
	for (unsigned i = 0; i < l->n_fields; i++) {
		const struct leaf_field *lf = &l->fields[i];
		const struct stats_cell_field *e;
		double in;

		if (!lf->in_cells) {
			share += lf->share * lf->f->n_present / s->n_rows;
			continue;
		}
		if ((e = cell_field(c, lf->place)) == NULL)
			continue;
		in = e->n_present / c->n_rows;
		share += (in > 1 ? 1 : in) * entry_share(l, lf, e);
	}
	return l->n_fields == 0 ? -1 : share > 1 ? 1 : share;
}
