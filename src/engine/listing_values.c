/* SPDX-License-Identifier: ISC */
/*
 * listing_values: the values that `ls` shows at an argument: of fields, days, marks, partitions;
 * from the catalog, never from a query.
 */
#include "base/limits.h"
#include "engine_i.h"
#include "query/name.h"

void
list_add(struct list *l, struct sv name, enum entry_kind kind)
{
	struct entry x = { arena_sv(l->a, name), kind };

	if (x.name.p == NULL || !vec_push(&l->v, x))
		l->oom = true;
}

void
list_add_values(struct list *l, const struct sv *v, size_t n, enum entry_kind kind)
{
	struct buf name = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		name.n = 0;
		name_encode(&name, v[i]);
		if (name.n > LIMIT_ITEM_LISTED) {
			name.n = 0;
			name_alias(&name, v[i]);
		}
		list_add(l, buf_view(&name), kind);
	}
	l->oom |= name.oom;
	buf_release(&name);
}

/* Where values are asked for: the range and the services of the query so far. */
static int
narrow(struct values_request *rq, const struct query *q, struct arena *a, struct err *e)
{
	const struct literal *lits;
	struct sv *names;

	if (q == NULL)
		return 0;
	rq->range = q->range;
	rq->n_services = query_top_services(q, &lits);
	if ((names = arena_array(a, rq->n_services + 1, struct sv)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < rq->n_services; i++)
		names[i] = lits[i].text;
	rq->services = names;
	return 0;
}

/* The field typed; a long one by its alias. */
static int
field_of(const struct path_view *v, struct world *w, struct arena *a, struct field *f,
    struct err *e)
{
	uint64_t hi, lo;
	struct sv text;
	int code;

	*f = v->field;
	if (f->scope != FIELD_BARE || !name_is_alias(f->key, &hi, &lo))
		return 0;
	if ((code = world_field_alias(w, a, hi, lo, &text, e)) == 0)
		(void)field_parse(text, f);
	return code;
}

/* Services, and the fields of the whole store, the catalog knows by itself. */
static bool
listed_without_footers(const struct values_request *rq, const struct path_view *v)
{
	if (v->arg_kind == ARG_FIELDS)
		return rq->range.from == 0 && rq->range.to == WHEN_MAX;
	return rq->field.scope == FIELD_INTRINSIC && rq->field.intrinsic == IN_SERVICE;
}

/* What a server says of them, not older than [statistics] refresh. */
static int
list_of_server(struct list *l, struct engine *en, const struct values_request *rq,
    const struct query *q, enum arg_kind what, enum entry_kind kind, struct err *e)
{
	const struct ch_want want = { .topic = CH_VALUES, .field = rq->field, .order = CH_FREQUENT,
		.max = rq->max, .filter = q != NULL ? q->filter : NULL, .range = rq->range };
	uint64_t age = conf_u64(en->conf, CONF_STATISTICS_REFRESH);
	bool fields = what == ARG_FIELDS || what == ARG_AGGS;
	struct ch_names names;
	int code = fields ? ch_server_fields(en->server, &want, age, l->a, &names, e) :
	    ch_server_values(en->server, &want, age, l->a, &names, e);

	/* Numbers and times have no list. */
	if (code < 0)
		return code == ERR_UNSUPPORTED ? 0 : code;
	for (size_t i = 0; fields && i < names.n; i++)
		names.v[i] = field_as_typed(names.v[i]);
	l->cut = !names.all;
	l->total = l->v.n + names.n + l->cut;
	list_add_values(l, names.v, names.n, kind);
	return 0;
}

static bool
has_service(const struct shard_stats *s, const struct values_request *rq)
{
	for (size_t i = 0; i < rq->n_services; i++)
		if (shard_has_service(s, rq->services[i]))
			return true;
	return rq->n_services == 0 || s->damaged;
}

/*
 * Only the newest were looked at. How many there are the shards tell: with those of other services, and
 * one in several shards for each of them.
 */
static void
total_of_traces(struct list *l, const struct stats *st, const struct values_request *rq)
{
	const struct time_range *r = &rq->range;
	uint64_t n = 0;

	for (size_t i = 0; i < st->n_shards; i++) {
		const struct shard_stats *s = &st->shards[i];

		if (has_service(s, rq) && s->max_start >= r->from &&
		    (s->min_start < r->to || r->to == WHEN_MAX))
			n += s->n_traces;
	}
	l->total = n > l->v.n ? n : l->v.n + 1;
	l->which = "the newest";
	l->most = true;
}

int
list_values(struct list *l, struct engine *en, struct world *w, const struct path *path,
    const struct path_view *v, enum entry_kind kind, struct err *e)
{
	struct values_request rq = {
		.range = TIME_RANGE_ALL,
		.max = conf_u64(en->conf, CONF_BROWSE_VALUES_MAX),
	};
	struct values_result rs = { NULL, 0, 0 };
	const struct query *q;
	const struct stats *st;
	int code;

	if ((code = bind_prefix(en, w, path, l->a, &q, e)) < 0 ||
	    (code = field_of(v, w, l->a, &rq.field, e)) < 0 ||
	    (code = narrow(&rq, q, l->a, e)) < 0)
		return code;
	if (en->server != NULL)
		return list_of_server(l, en, &rq, q, v->arg_kind, kind, e);
	/* Footers are read by all threads; what follows finds them read. */
	if (!listed_without_footers(&rq, v) &&
	    (code = world_stats(en, w, rq.range, l->a, &st, e)) < 0)
		return code;
	if (v->arg_kind == ARG_FIELDS || v->arg_kind == ARG_AGGS) {
		code = catalog_fields(w->snap, rq.range, rq.max, l->a, &rs, e);
		for (size_t i = 0; code == 0 && i < rs.n; i++)
			rs.values[i] = field_as_typed(rs.values[i]);
	} else
		code = catalog_values(w->snap, &rq, l->a, &rs, e);
	if (code < 0)
		return code;
	/* With the fields of every span, which stand there already. */
	l->total = l->v.n + rs.n_total;
	list_add_values(l, rs.values, rs.n, kind);
	l->cut = rs.n_total > rs.n;
	if (l->cut && rq.field.scope == FIELD_INTRINSIC && rq.field.intrinsic == IN_TRACE_ID)
		total_of_traces(l, st, &rq);
	return 0;
}

/* ---- days ---- */

static void
add_day(struct list *l, uint64_t ns, struct time_range r)
{
	struct buf name = BUF_INIT;

	if (ns >= r.from && (ns < r.to || r.to == WHEN_MAX)) {
		when_print_day(&name, ns);
		list_add(l, buf_view(&name), ENTRY_DIR);
	}
	l->oom |= name.oom;
	buf_release(&name);
}

#define MOST_DAYS 3660

/* Of a server all days between the first and the last span. */
static int
list_days_between(struct list *l, struct world *w, struct time_range r, struct err *e)
{
	struct ch_span_times t;
	int code = world_times(w, &t, e);

	if (code < 0 || !t.any)
		return code;
	l->total = t.last_ns / NS_PER_DAY - t.first_ns / NS_PER_DAY + 1;
	l->cut = l->total > MOST_DAYS + 1;
	l->which = "the newest";
	if (l->cut)
		t.first_ns = t.last_ns - MOST_DAYS * NS_PER_DAY;
	for (uint64_t d = t.first_ns - t.first_ns % NS_PER_DAY; d <= t.last_ns; d += NS_PER_DAY)
		add_day(l, d, r);
	return 0;
}

/*
 * Days that have spans. A shard is of one hour, so its first span tells; of one of those that
 * are far away only the days of its first and last span are known.
 */
int
list_days(struct list *l, struct engine *en, struct world *w, const struct path *path,
    struct err *e)
{
	struct values_request rq = { .range = TIME_RANGE_ALL };
	const struct query *q;
	const struct stats *st;
	int code;

	if ((code = bind_prefix(en, w, path, l->a, &q, e)) < 0 ||
	    (code = narrow(&rq, q, l->a, e)) < 0)
		return code;
	if (en->server != NULL)
		return list_days_between(l, w, rq.range, e);
	if ((code = world_counts(en, w, l->a, &st, e)) < 0)
		return code;
	for (size_t i = 0; i < st->n_shards; i++) {
		const struct shard_stats *s = &st->shards[i];

		if (!has_service(s, &rq) ||
		    (q != NULL && q->has_mark && s->generation <= q->after.generation))
			continue;
		add_day(l, s->min_start, rq.range);
		if (s->max_start / NS_PER_DAY != s->min_start / NS_PER_DAY ||
		    s->min_start < rq.range.from)
			add_day(l, s->max_start, rq.range);
	}
	return 0;
}

static void
list_shards(struct list *l, const struct snapshot *snap, const struct path_view *v)
{
	bool hours = v->arg_kind == ARG_SHARD_HOURS;
	struct buf day = BUF_INIT, name = BUF_INIT;

	for (size_t i = 0; i < snap->n_shards; i++) {
		uint64_t p = snap->shards[i].partition;

		if (p == PARTITION_OUTSIDE)
			continue;
		day.n = name.n = 0;
		when_print_day(&day, p);
		if (hours) {
			if (!sv_eq(buf_view(&day), v->shard_day))
				continue;
			buf_printf(&name, "%02u", (unsigned)(p / NS_PER_HOUR % 24));
		} else
			buf_sv(&name, buf_view(&day));
		if (l->v.n == 0 || !sv_eq(l->v.v[l->v.n - 1].name, buf_view(&name)))
			list_add(l, buf_view(&name), ENTRY_DIR);
	}
	l->oom |= day.oom || name.oom;
	buf_release(&day);
	buf_release(&name);
}

/* Days, or hours of a day, that a partition of the server may have: from its first to its last span. */
static void
list_partition(struct list *l, const struct ch_extent *x, bool hours, struct sv day)
{
	uint64_t step = hours ? NS_PER_HOUR : NS_PER_DAY;
	uint64_t from = x->first_ns - x->first_ns % step;
	struct buf name = BUF_INIT;

	if (x->last_ns - from > MOST_DAYS * NS_PER_DAY) {
		from = x->last_ns - MOST_DAYS * NS_PER_DAY;
		from -= from % step;
		l->cut = !hours;
	}
	for (uint64_t t = from; t <= x->last_ns; t += step) {
		name.n = 0;
		when_print_day(&name, t);
		if (hours && !sv_eq(buf_view(&name), day))
			continue;
		if (hours) {
			name.n = 0;
			buf_printf(&name, "%02u", (unsigned)(t / NS_PER_HOUR % 24));
		}
		list_add(l, buf_view(&name), ENTRY_DIR);
	}
	l->oom |= name.oom;
	buf_release(&name);
}

/* Of a partition of all times: what its spans have together. */
static int
list_any(struct list *l, struct world *w, bool hours, struct err *e)
{
	struct buf name = BUF_INIT;

	if (!hours)
		return list_days_between(l, w, TIME_RANGE_ALL, e);
	for (unsigned h = 0; h < 24; h++) {
		name.n = 0;
		buf_printf(&name, "%02u", h);
		list_add(l, buf_view(&name), ENTRY_DIR);
	}
	l->oom |= name.oom;
	buf_release(&name);
	return 0;
}

/* The server's partitions, by day and hour as shards have them; days alone may not be told. */
static int
list_partitions(struct list *l, struct engine *en, struct world *w, const struct path_view *v, struct err *e)
{
	bool hours = v->arg_kind == ARG_SHARD_HOURS, all;
	const struct ch_partition *p;
	size_t n;
	int code = ch_server_partitions(en->server, conf_u64(en->conf, CONF_STATISTICS_REFRESH), l->a, &p,
	    &n, &all, e);

	if (code < 0)
		return code;
	l->cut = !all && !hours;
	for (size_t i = 0; i < n && code == 0; i++)
		if (p[i].extent.has_times)
			list_partition(l, &p[i].extent, hours, v->shard_day);
		else
			code = list_any(l, w, hours, e);
	return code;
}

int
list_hours(struct list *l, struct engine *en, struct world *w, const struct path_view *v,
    struct err *e)
{
	if (en->server != NULL)
		return list_partitions(l, en, w, v, e);
	list_shards(l, w->snap, v);
	return 0;
}

int
list_marks(struct list *l, struct engine *en, struct err *e)
{
	uint64_t max = conf_u64(en->conf, CONF_BROWSE_VALUES_MAX);
	struct sv *names;
	size_t n;
	int code = marks_list(catalog_fsys(en->catalog), l->a, &names, &n, e);

	if (code < 0)
		return code;
	for (size_t i = 0; i < n && i < max; i++)
		list_add(l, names[i], ENTRY_DIR);
	l->total = n;
	l->cut = n > max;
	l->which = "the first by name";
	return 0;
}

void
list_intrinsics(struct list *l, enum entry_kind kind)
{
	for (size_t i = 0; i < N_INTRINSICS; i++)
		if (intrinsics[i].of != OF_GROUP)
			list_add(l, sv_cstr(intrinsics[i].name), kind);
}
