/* SPDX-License-Identifier: ISC */
/*
 * request_stats: what of the store a request depends on: the shards that matter to it, from whose
 * statistics its plan is made, and the version of its answer, which they give.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "engine_i.h"
#include "model/pred_walk.h"

/* Of the shards that its range touches. */
static uint64_t
rows_in_range(const struct stats *st, struct time_range range)
{
	uint64_t n = 0;

	for (size_t i = 0; i < st->n_shards; i++)
		if (st->shards[i].max_start >= range.from && st->shards[i].min_start < range.to)
			n += st->shards[i].n_rows;
	return n;
}

/* The world's statistics with the summary that there is at this moment. */
static int
take_stats(struct request *r, const struct stats *st, struct err *e)
{
	struct stats *own = arena_new(&r->arena, struct stats);

	if (own == NULL)
		return err_nomem(e);
	*own = *st;
	r->summary_rows = rows_in_range(st, r->query->range);
	if ((r->summary = engine_summary(r->engine, r->world, r->summary_rows)) != NULL)
		own->summary = &r->summary->stats;
	r->stats = own;
	return 0;
}

int
request_select(struct request *r, struct err *e)
{
	const struct format *f = r->format != NULL ? r->format :
	    query_usual_format(r->query);
	const struct opt_options o = { .output = f->rows, .rules_off = r->rules_off,
		.force = r->force };
	int code;

	if (r->has_selected)
		return 0;
	if ((code = opt_need(r->query, &o, &r->arena, &r->need, e)) < 0)
		return code;
	r->need.only = r->commit;
	r->need.sums = r->need.sums && r->groups == NULL && r->compared == NULL;
	if ((code = stats_select(r->world->snap, &r->need, &r->arena, &r->selected, e)) < 0)
		return code;
	r->has_selected = true;
	return 0;
}

/*
 * Of these, unless they are most: then what the world has of all serves the next request, too. Of
 * one commit they are all that the plan may know of.
 */
static int
load(struct request *r, const struct stats **out, struct err *e)
{
	const struct snapshot *snap = r->world->snap;
	int code = request_select(r, e);

	if (code < 0)
		return code;
	if (r->commit == 0 &&
	    selection_footers(snap, &r->need, &r->selected) > snap->n_shards / 2)
		return world_stats(r->engine, r->world, r->need.range, &r->arena, out, e);
	return stats_of(snap, &r->need, &r->selected, r->engine->workers, &r->arena, out, e);
}

int
request_stats(struct request *r, struct err *e)
{
	const struct stats *st;
	int code;

	if (r->stats != NULL)
		return 0;
	r->all = atomic_load(&r->world->all);
	code = load(r, &st, e);
	/* It may have made them itself. */
	if (code == 0 && st == atomic_load(&r->world->all))
		r->all = st;
	return code == 0 ? take_stats(r, st, e) : code;
}

#define ESTIMATE_NS 2000000000ull	/* for all that a plan asks a server */

/* What a server says of its spans. A plan that is looked at may ask it; one that is run goes by what is known. */
int
request_stats_server(struct request *r, struct err *e)
{
	const struct conf *c = r->engine->conf;
	const struct grouping *g = r->groups != NULL ? &r->groups->groups : NULL;
	const struct ch_estimating by = {
		.filter = r->query->filter, .range = r->query->range,
		.keys = g != NULL ? g->keys : NULL, .n_keys = g != NULL ? g->n_keys : 0,
		.values_max = conf_u64(c, CONF_BROWSE_VALUES_MAX),
		.max_age_ns = conf_u64(c, CONF_STATISTICS_REFRESH),
		.ask = r->looked_at, .deadline_ns = clock_mono_ns() + ESTIMATE_NS, .cancel = r->cancel,
	};
	struct stats *own;

	if (r->engine->server == NULL || r->stats->server != NULL)
		return 0;
	if ((own = arena_new(&r->arena, struct stats)) == NULL)
		return err_nomem(e);
	*own = *r->stats;
	r->stats = own;
	return ch_server_estimate(r->engine->server, &by, &r->arena, &own->server, e);
}

void
request_only(struct request *r, uint64_t generation)
{
	summary_unref(r->summary);
	r->summary = NULL;
	r->stats = NULL;
	r->has_selected = false;
	r->commit = generation;
}

/* ---- the version of its answer ---- */

/* What is asked of a span is known of its trace as a whole, wherever that has spans. */
static bool
asks_of_traces(const struct request *r)
{
	const struct query *q = r->query;

	if (r->format->rows == ROW_TRACE || r->format->only_trace ||
	    pred_needs_trace(q->filter) || (q->compare != NULL && pred_needs_trace(q->compare)) ||
	    (r->groups != NULL && r->groups->groups.per_trace))
		return true;
	for (size_t i = 0; i < q->n_sort; i++)
		if (field_needs_trace(&q->sort[i].by.field))
			return true;
	for (size_t i = 0; i < q->n_select; i++)
		if (field_needs_trace(&q->select[i]))
			return true;
	return false;
}

/* What its answer needs to know of, where that is more than what its plan does. */
static bool
wider_need(const struct request *r, struct stats_need *need)
{
	const struct query *g = r->groups;
	bool wider = false;

	*need = r->need;
	if (asks_of_traces(r)) {
		need->range = TIME_RANGE_ALL;
		need->n_services = 0;
		need->newest = UINT64_MAX;
		need->has_after = false;
		need->sums = false;
		wider = true;
	}
	if (g != NULL && g->groups.versus) {
		struct time_range range = need->range;
		uint64_t by = g->groups.versus_previous ? range.to - range.from :
		    g->groups.versus_ns;

		need->range.from = range.from > by ? range.from - by : 0;
		wider = true;
	}
	return wider;
}

/* Two spellings may be one canonical path and ask for other fields, as the store has them. */
static void
add_fields(struct buf *b, const struct query *q)
{
	for (size_t i = 0; i < q->n_sort; i++) {
		field_print(b, &q->sort[i].by.field);
		buf_putc(b, '\0');
	}
	for (size_t i = 0; i < q->n_select; i++) {
		field_print(b, &q->select[i]);
		buf_putc(b, '\0');
	}
}

/* What tells one shard from others: in this store, or (by_bytes) in all that there are. */
static int
add_shard(struct buf *b, const struct snapshot *snap, size_t i, bool by_bytes, struct err *e)
{
	uint64_t hash;
	int code;

	shard_entry_put(b, &snap->shards[i]);
	if (!by_bytes)
		return 0;
	if ((code = snapshot_shard_hash(snap, i, &hash, e)) == 0)
		buf_put(b, &hash, sizeof hash);
	return code;
}

/* What of the settings its bytes depend on. */
static void
add_settings(struct buf *b, const struct request *r)
{
	const uint64_t facts[] = { r->max_rows, r->prices->hash };

	buf_put(b, facts, sizeof facts);
}

static int
version(struct request *r, bool by_bytes, struct hash128 *out, struct err *e)
{
	struct selection wider, *sel = &r->selected;
	struct buf b = BUF_INIT;
	struct stats_need need;
	int code;

	*out = NO_VERSION;
	if (r->kind != FILE_FORMAT || r->force != OPT_FORCE_NONE || r->rules_off != 0 ||
	    r->commit != 0 || r->engine->source != NULL)
		return 0;
	if ((code = request_select(r, e)) < 0)
		return code;
	if (wider_need(r, &need)) {
		sel = &wider;
		if ((code = stats_select(r->world->snap, &need, &r->arena, sel, e)) < 0)
			return code;
	}
	add_settings(&b, r);
	add_fields(&b, r->query);
	buf_put(&b, &sel->summed, sizeof sel->summed);
	for (size_t i = 0; i < sel->n && code == 0; i++)
		code = add_shard(&b, r->world->snap, sel->shards[i], by_bytes, e);
	if (code == 0 && (code = buf_ok(&b, e)) == 0)
		*out = hash128(b.p, b.n);
	buf_release(&b);
	return code;
}

int
request_version(struct request *r, struct hash128 *out, struct err *e)
{
	return version(r, false, out, e);
}

int
request_version_by_bytes(struct request *r, struct hash128 *out, struct err *e)
{
	return version(r, true, out, e);
}
