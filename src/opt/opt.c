/* SPDX-License-Identifier: ISC */
/*
 * opt: the ordered table of rules and the driver. A plan begins as the plain one (every shard
 * read in full, everything tested on rows, sorted, then cut) and each rule that is on makes
 * it sharper. Then rows and cost are estimated and the whole is verified. The plan owns
 * copies of all it took from the query.
 */
#include "cost_i.h"
#include "decision_i.h"

static const struct opt_rule rules[] = {
	{ "fold", rule_fold, false },
	{ "nnf", rule_nnf, false },
	{ "union", rule_union, false },
	{ "factor", rule_factor, false },
	{ "range", rule_range, false },
	{ "pushdown", rule_pushdown, false },
	{ "time", rule_time, false },
	{ "service", rule_service, false },
	{ "bloom", rule_bloom, false },
	{ "zone", rule_zone, false },
	{ "order", rule_order, true },
	{ "catalog", rule_catalog, false },
	{ "covering", rule_covering, false },
	{ "groups", rule_groups, false },
	{ "index", rule_index, false },
	{ "project", rule_project, false },
	{ "gather", rule_gather, false },
	{ "limit", rule_limit, false },
	{ "topn", rule_topn, false },
	{ "remote-filter", rule_remote_filter, false },
	{ "remote-page", rule_remote_page, false },
	{ "remote-groups", rule_remote_groups, false },
	{ "remote-levels", rule_remote_levels, false },
};
#define N_RULES (sizeof rules / sizeof *rules)
/* The first ones rewrite the filter, and what one leaves may be another's: run in rounds. */
#define N_EXPRESSION_RULES 5
#define MOST_ROUNDS 8
_Static_assert(N_RULES <= OPT_MAX_RULES, "too many rules for the mask");

/* As product.md has them. */
const struct cost_params cost_params_default = {
	.seq_page_cost = 1.0,
	.random_page_cost = 1.1,
	.cpu_tuple_cost = 0.01,
	.cpu_index_tuple_cost = 0.005,
	.cpu_operator_cost = 0.0025,
	.trace_hop_cost = 0.02,
	.multi_hop_penalty = 1.2,
	.effective_cache_pages = 10000,
	.large_trace_threshold = 10000,
	.network_byte_cost = 0.00001,
	.network_round_trip_cost = 50,
};

const struct opt_rule *
opt_rule_at(size_t i)
{
	return i < N_RULES ? &rules[i] : NULL;
}

const char *
opt_rule_name(size_t i)
{
	return i < N_RULES ? rules[i].name : NULL;
}

static int
rule_bit(struct sv name, uint64_t *bit, struct err *e)
{
	for (size_t i = 0; i < N_RULES; i++)
		if (sv_is(name, rules[i].name)) {
			*bit = (uint64_t)1 << i;
			return 0;
		}
	if (sv_is(name, "all")) {
		*bit = ((uint64_t)1 << N_RULES) - 1;
		return 0;
	}
	return err_set(e, ERR_SYNTAX, -1, "no optimizer rule '%.*s'", SV_ARG(name));
}

int
opt_rules_parse(struct sv text, uint64_t *mask, struct err *e)
{
	uint64_t all = 0, bit = 0;
	struct sv name;
	int code;

	if (text.n == 0) {
		*mask = 0;
		return 0;
	}
	while (sv_cut(&text, ',', &name)) {
		if ((code = rule_bit(name, &bit, e)) < 0)
			return code;
		all |= bit;
	}
	*mask = all;
	return 0;
}

static bool
copy_sort(struct plan *p, const struct query *q)
{
	struct sort_key *sort = arena_array(&p->arena, q->n_sort, struct sort_key);

	if (sort == NULL)
		return false;
	for (size_t i = 0; i < q->n_sort; i++) {
		sort[i] = q->sort[i].by;
		sort[i].field.key = arena_sv(&p->arena, sort[i].field.key);
		if (sort[i].field.key.p == NULL && sort[i].field.key.n != 0)
			return false;
	}
	p->order.keys = sort;
	p->order.n_keys = q->n_sort;
	return true;
}

static bool
wants_trace(const struct query *q)
{
	for (size_t i = 0; i < q->n_sort; i++)
		if (field_needs_trace(&q->sort[i].by.field))
			return true;
	for (size_t i = 0; i < q->n_select; i++)
		if (field_needs_trace(&q->select[i]))
			return true;
	return false;
}

/*
 * No rule, since no row says with which commit it came: what is not of a later one than the
 * query's mark is not asked for, in the plain plan neither.
 */
static void
leave_before_mark(struct opt *o)
{
	bool changed;

	for (size_t i = 0; o->query->has_mark && i < o->plan->scan.n_shards; i++)
		if (o->stats->shards[i].generation <= o->query->after.generation)
			prune_shard(o, i, STATS_MARK_RULE, STATS_MARK_WHY, &changed);
}

static bool
plain_shards(struct opt *o)
{
	struct plan *p = o->plan;

	p->scan.n_shards = o->stats->n_shards;
	p->scan.n_left = stats_n_total(o->stats) - p->scan.n_shards;
	p->scan.summed = p->output == ROW_COUNT ? o->stats->summed : 0;
	o->shards = arena_array(&p->arena, p->scan.n_shards, struct plan_shard);
	o->can = arena_array(&p->arena, p->scan.n_shards, uint16_t);
	p->scan.shards = o->shards;
	if (o->shards == NULL || o->can == NULL)
		return false;
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		o->can[i] = 1u << ACCESS_FULL;
		o->shards[i] = (struct plan_shard){ .shard = stats_shard_no(o->stats, i),
		    .cls = PLAN_NO_CLASS, .access = ACCESS_FULL, .why = "every row is looked at" };
	}
	leave_before_mark(o);
	return true;
}

/*
 * What a path typed as the end is none to a range if it is the last instant that a span can
 * have (WHEN_MAX: no end); so the filter says it. NULL: no memory.
 */
static const struct pred *
filter_of(struct arena *a, const struct query *q)
{
	const struct field start = { .scope = FIELD_INTRINSIC, .intrinsic = IN_START };
	const struct pred *kids[2] = { pred_copy(a, q->filter), NULL };
	struct buf b = BUF_INIT;
	struct literal *l;

	if (!q->has_until || q->until.kind != WHEN_ABSOLUTE || q->until.ns != WHEN_MAX)
		return kids[0];
	when_print_canonical(&b, q->until);
	if ((l = arena_new(a, struct literal)) != NULL) {
		*l = literal_of(arena_sv(a, buf_view(&b)));
		l->u = WHEN_MAX;
	}
	if (l != NULL && !b.oom && l->text.p != NULL)
		kids[1] = pred_leaf(a, OP_LT, start, l, 1);
	buf_release(&b);
	if (kids[0] == NULL || kids[1] == NULL)
		return NULL;
	return kids[0]->kind == PRED_TRUE ? kids[1] : pred_and(a, kids, 2);
}

int
opt_begin(struct opt *o, const struct query *q, const struct stats *st,
    const struct opt_options *options, struct err *e)
{
	struct plan *p = plan_new();
	int code;

	if (p == NULL)
		return err_nomem(e);
	*o = (struct opt){ .query = q, .stats = st, .options = options, .plan = p,
	    .arena = &p->arena };
	p->output = options->output;
	p->filter.pred = filter_of(&p->arena, q);
	if (p->output == ROW_CONTRAST)
		p->contrast.pred = pred_copy(&p->arena, q->compare);
	p->filter.range = q->range;
	p->page.limit = q->has_limit ? q->limit : UINT64_MAX;
	p->page.offset = q->offset;
	p->fetch.projection.all = true;
	p->fetch.want_trace = (p->output == ROW_SPAN || p->output == ROW_GROUP) && wants_trace(q);
	p->scan.threads = options->threads;
	p->scan.server = opt_caps(o)->server;
	p->stats_version = st->version;
	p->fired = o->fired = arena_array(&p->arena, OPT_MAX_RULES, const char *);
	if (p->filter.pred == NULL || (p->output == ROW_CONTRAST && p->contrast.pred == NULL) ||
	    o->fired == NULL || !plain_shards(o) || !copy_sort(p, q)) {
		plan_free(p);
		return err_nomem(e);
	}
	if ((code = project_parents(&p->arena, q, &p->fetch.projection.parents, e)) < 0)
		plan_free(p);
	else
		plan_link(p);
	return code;
}

static bool
has_fired(const struct plan *p, const char *rule)
{
	for (size_t i = 0; i < p->n_fired; i++)
		if (strcmp(p->fired[i], rule) == 0)
			return true;
	return false;
}

/* What the rule would prune is not among the statistics any more. */
static bool
left_out_by(const struct stats *st, const char *rule)
{
	for (size_t i = 0; i < st->n_left; i++)
		if (strcmp(st->left[i].rule, rule) == 0)
			return true;
	return false;
}

int
opt_run_rule(struct opt *o, size_t i, struct err *e)
{
	bool changed = !o->plan->filter.never && left_out_by(o->stats, rules[i].name);
	int code;

	if (o->options->rules_off >> i & 1)
		return 0;
	if ((code = rules[i].apply(o, &changed, e)) < 0)
		return err_ctx(e, code, "rule %s", rules[i].name);
	o->changed |= changed;
	if (changed)
		plan_link(o->plan);
	if (changed && !has_fired(o->plan, rules[i].name))
		o->fired[o->plan->n_fired++] = rules[i].name;
	return 0;
}

/* Until none of them has anything left to do; each makes the filter smaller or NOTs deeper. */
static int
rewrite_filter(struct opt *o, struct err *e)
{
	int code = 0;

	o->changed = true;
	for (unsigned round = 0; o->changed && round < MOST_ROUNDS; round++) {
		o->changed = false;
		for (size_t i = 0; i < N_EXPRESSION_RULES && code == 0; i++)
			code = opt_run_rule(o, i, e);
		if (code < 0)
			return code;
	}
	return 0;
}

/* Before the first rule that decides; above 0: no decision holds. */
static int
meet_decisions(struct opt *o, struct err *e)
{
	int code;

	if (o->n_decisions != 0)
		o->decided = o->decisions[0];
	if (o->plan->filter.never || (code = decision_measure(o, e)) < 0)
		return o->plan->filter.never ? 0 : code;
	if (o->n_decisions == 0)
		return 0;
	if ((code = decision_find(o)) == 0)
		code = decision_order(o, e);
	return code;
}

/* ---- choosing ---- */

static int
choose_and_estimate(struct opt *o, struct err *e)
{
	int code;

	if ((code = choose(o, e)) != 0)
		return code;
	lower(o);
	force_paths(o);
	if (o->decided != NULL)
		decision_estimate(o);
	else if ((code = lower_costs(o, e)) < 0)
		return code;
	cost_total(o);
	return 0;
}

int
opt_choose(struct opt *o, struct err *e)
{
	struct plan *p = o->plan;
	int code;

	/* For want of memory the footers must do. */
	if (o->decided == NULL && o->stats->summary != NULL &&
	    p->filter.pred->kind != PRED_TRUE &&
	    card_new(o->arena, o->stats, p->filter.pred, &o->card, NULL) != 0)
		o->card = NULL;
	for (size_t i = 0; i < p->scan.n_shards && o->decided == NULL; i++)
		o->shards[i].est_rows = p->scan.shards[i].access == ACCESS_PRUNED ? 0 :
		    o->card != NULL ?
		    card_shard_rows(o->card, &o->stats->shards[i], p->filter.range) :
		    card_rows(&o->stats->shards[i], p->filter.pred, p->filter.range);
	code = choose_and_estimate(o, e);
	card_free(o->card);
	o->card = NULL;
	return code;
}

/* ---- running ---- */

int
opt_run(struct opt *o, struct err *e)
{
	bool met = false;
	int code = rewrite_filter(o, e);

	for (size_t i = N_EXPRESSION_RULES; i < N_RULES && code == 0; i++) {
		if (rules[i].decides && !met && (code = meet_decisions(o, e)) != 0)
			return code;
		met |= rules[i].decides;
		if (!rules[i].decides || o->decided == NULL)
			code = opt_run_rule(o, i, e);
	}
	if (code != 0)
		return code;
	if ((code = opt_choose(o, e)) != 0)
		return code;
	return plan_verify(o->plan, o->stats, e);
}

int
opt_plan(const struct query *q, const struct stats *st, const struct opt_options *options,
    struct plan **out, struct err *e)
{
	struct opt o;
	int code;

	if ((code = opt_begin(&o, q, st, options, e)) < 0)
		return code;
	if ((code = opt_run(&o, e)) < 0) {
		plan_free(o.plan);
		return code;
	}
	*out = o.plan;
	return 0;
}

/* ---- with decisions ---- */

static uint64_t
fired_mask(const struct plan *p)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < p->n_fired; i++)
		for (size_t k = 0; k < N_RULES; k++)
			if (rules[k].name == p->fired[i])
				mask |= (uint64_t)1 << k;
	return mask;
}

int
opt_plan_decide(const struct query *q, const struct stats *st, const struct opt_options *options,
    struct plan **out, struct decision **decision, struct err *e)
{
	struct opt o;
	int code;

	if ((code = opt_begin(&o, q, st, options, e)) < 0)
		return code;
	if ((code = opt_run(&o, e)) == 0)
		code = decision_record(&o, fired_mask(o.plan), decision, e);
	if (code < 0) {
		plan_free(o.plan);
		return code;
	}
	*out = o.plan;
	return 0;
}

int
opt_plan_decided(const struct query *q, const struct stats *st,
    const struct opt_options *options, const struct decision *const *v, size_t n,
    size_t *which, struct plan **out, struct err *e)
{
	int code = DECISION_SHAPE, first = DECISION_HOLDS;
	struct opt o;

	for (size_t i = 0; i < n && code > 0; i += o.which + 1) {
		if ((code = opt_begin(&o, q, st, options, e)) < 0)
			return code;
		o.decisions = v + i;
		o.n_decisions = n - i;
		code = opt_run(&o, e);
		*which = i + o.which;
		if (code == 0)
			*out = o.plan;
		else
			plan_free(o.plan);
		first = first == DECISION_HOLDS ? code : first;
		/* One that holds by selectivities, but not for all shards: there may be another. */
		if (code > 0 && code != DECISION_CLASS)
			break;
	}
	return code > 0 ? first : code;
}
