/* SPDX-License-Identifier: ISC */
/*
 * sink_groups_traces: groups of whole traces of which nothing is asked but what is their own
 * (per/trace by the root's service and name, start, duration, errors). No span is looked at: which
 * traces have a match is a bit for each of a shard's, and in the end what summaries say of those that
 * lie in one shard alone goes by columns, shard by shard, by all threads. Those that may have spans
 * in several shards come by their ids, once each, put together.
 */
#include <stdlib.h>

#include "agg/agg_columns.h"
#include "base/bitmap.h"
#include "base/map.h"
#include "sink_groups_i.h"

#define TRACES_AT_ONCE 8192
#define SHARDS_A_THREAD 4	/* whose groups are there at once */

bool
groups_of_traces(const struct exec *ex, const struct agg_table *t)
{
	return ex->local != NULL && ex->plan->filter.pushdown && ex->plan->fetch.by_columns &&
	    agg_asks_traces_only(t);
}

/* ---- which have a match ---- */

static size_t
words_of(const struct exec *ex, size_t place)
{
	return BITMAP_WORDS(shard_info(ex->local->shards[place].s)->n_traces) + 1;
}

static int
bits_of(struct exec *ex, struct matched_traces *m, size_t place, uint64_t **out, struct err *e)
{
	size_t n = source_parts(ex), bytes;
	int rc;

	if (m->bits == NULL && (m->bits = calloc(n + 1, sizeof *m->bits)) == NULL)
		return err_nomem(e);
	if ((*out = m->bits[place]) != NULL)
		return 0;
	bytes = words_of(ex, place) * sizeof(uint64_t);
	if ((rc = mem_take(ex, bytes, e)) < 0)
		return rc;
	m->held += bytes;
	*out = m->bits[place] = calloc(1, bytes);
	return *out == NULL ? err_nomem(e) : 0;
}

int
matched_traces_add(struct scan *sc, const struct found *f, struct matched_traces *m)
{
	const uint32_t *rows = found_rows(sc, f);
	uint64_t *v = arena_alloc(&sc->mem, ((size_t)f->n + 1) * sizeof *v), *bits;
	const struct chunk *c = NULL;
	int rc;

	if (rows == NULL || v == NULL)
		return err_nomem(sc->e);
	if ((rc = bits_of(sc->ex, m, sc->part, &bits, sc->e)) < 0 ||
	    (rc = scan_chunk(sc, COL_TRACE, &c)) < 0 || c == NULL)
		return rc;
	chunk_gather(c, rows, f->n, v);
	chunk_put(c);
	for (uint32_t i = 0; i < f->n; i++)
		bitmap_set(bits, v[i]);
	return 0;
}

int
matched_traces_merge(struct exec *ex, struct matched_traces *m, struct matched_traces *from,
    struct err *e)
{
	int rc = 0;

	for (size_t i = 0; from->bits != NULL && i < source_parts(ex) && rc == 0; i++) {
		uint64_t *bits;

		if (from->bits[i] != NULL && (rc = bits_of(ex, m, i, &bits, e)) == 0)
			bitmap_or(bits, from->bits[i],
			    shard_info(ex->local->shards[i].s)->n_traces);
	}
	return rc;
}

void
matched_traces_release(struct exec *ex, struct matched_traces *m)
{
	for (size_t i = 0; m->bits != NULL && i < source_parts(ex); i++)
		free(m->bits[i]);
	free(m->bits);
	mem_give(ex, m->held);
	*m = (struct matched_traces){ .bits = NULL };
}

/* ---- those of one shard ---- */

struct listing {
	struct exec *ex;
	struct matched_traces *m;
	struct agg_table *like;
	enum agg_side side;
	size_t from;			/* v: of shards from that place on */
	struct listed {
		struct agg_table *table;
		VEC(struct trace_id) others;	/* that may have spans elsewhere */
		struct profile prof;
		struct err err;
		int code;
	} *v;
};

/* Traces at hand, and the columns of what is asked of them. */
struct traces_at_hand {
	const struct shard_info *info;
	const struct dict *names;
	struct arena mem;
	uint32_t n;
	uint64_t *start, *duration;
	uint8_t *error;
	uint32_t *service, *name;
};

static bool
hand_init(struct traces_at_hand *x)
{
	arena_init(&x->mem);
	x->start = malloc(TRACES_AT_ONCE * sizeof *x->start);
	x->duration = malloc(TRACES_AT_ONCE * sizeof *x->duration);
	x->error = malloc(TRACES_AT_ONCE);
	x->service = malloc(TRACES_AT_ONCE * sizeof *x->service);
	x->name = malloc(TRACES_AT_ONCE * sizeof *x->name);
	return x->start != NULL && x->duration != NULL && x->error != NULL && x->service != NULL &&
	    x->name != NULL;
}

static void
hand_release(struct traces_at_hand *x)
{
	arena_release(&x->mem);
	free(x->start);
	free(x->duration);
	free(x->error);
	free(x->service);
	free(x->name);
	dict_put(x->names);
}

static void
hand_take(struct traces_at_hand *x, const struct trace_part *p)
{
	uint32_t i = x->n++;

	x->start[i] = p->lead_ns;
	x->duration[i] = p->last_ns > p->first_ns ? p->last_ns - p->first_ns : 0;
	x->error[i] = p->n_errors != 0;
	x->service[i] = (uint32_t)service_of_row(x->info, p->lead_row);
	x->name[i] = p->lead_name;
}

static void
service_value(const void *arg, uint32_t code, struct value *v)
{
	const struct shard_info *info = arg;

	*v = (struct value){ .type = VAL_STRING, .s = info->services[code].service };
}

static void
name_value(const void *arg, uint32_t code, struct value *v)
{
	*v = (struct value){ .type = VAL_STRING, .s = dict_at(arg, code) };
}

static void
column_of(const struct traces_at_hand *x, enum intrinsic in, struct agg_column *out)
{
	*out = (struct agg_column){ .kind = AGG_COLUMN_NUMBERS, .type = VAL_INT,
	    .numbers = in == IN_START ? x->start : x->duration };
	if (in == IN_SERVICE)
		*out = (struct agg_column){ .kind = AGG_COLUMN_CODES, .codes = x->service,
		    .n_codes = (uint32_t)x->info->n_services, .value = service_value,
		    .arg = x->info };
	else if (in == IN_NAME)
		*out = (struct agg_column){ .kind = AGG_COLUMN_CODES, .codes = x->name,
		    .n_codes = x->names->n, .value = name_value, .arg = x->names };
}

static int
hand_on(struct listing *l, struct listed *o, struct traces_at_hand *x)
{
	size_t n_slots = agg_n_slots(o->table);
	struct agg_column *v = arena_array(&x->mem, n_slots + 1, struct agg_column);
	struct agg_batch b = { .n = x->n, .start_ns = x->start, .error = x->error, .columns = v };
	int rc;

	if (v == NULL)
		return err_nomem(&o->err);
	for (size_t i = 0; i < n_slots; i++)
		column_of(x, agg_slot_field(o->table, i)->intrinsic, &v[i]);
	rc = agg_add_traces(o->table, l->side, &b, &x->mem, &o->err);
	arena_reset(&x->mem);
	x->n = 0;
	return rc < 0 ? rc : exec_check(l->ex, &o->err);
}

/* A trace of the shard: known by it alone, or one for its id. */
static int
take_trace(struct listing *l, struct listed *o, struct traces_at_hand *x, size_t place,
    const struct shard_traces *t, const uint64_t *split, uint32_t ordinal)
{
	struct xshard *xs = &l->ex->local->shards[place];
	struct trace_part p;
	int rc = 0;

	if (split != NULL && !bitmap_get(split, ordinal) && x->names != NULL)
		rc = trace_table_look(l->ex, xs->plan->shard, xs->s, t->rows, ordinal, &p, &o->err);
	if (rc == 1) {
		hand_take(x, &p);
		return x->n == TRACES_AT_ONCE ? hand_on(l, o, x) : 0;
	}
	if (rc < 0)
		return rc;
	return vec_push(&o->others, traceids_at(t->ids, ordinal)) ? 0 : err_nomem(&o->err);
}

static int
list_traces(struct listing *l, struct listed *o, struct traces_at_hand *x, size_t place,
    const struct shard_traces *t)
{
	struct xshard *xs = &l->ex->local->shards[place];
	const uint64_t *bits = l->m->bits[place], *split = NULL;
	const struct column *names = shard_column(xs->s, COL_NAME);
	size_t n = shard_info(xs->s)->n_traces;
	int rc;

	x->info = shard_info(xs->s);
	if (names != NULL && names->kind == COLUMN_DICT &&
	    (rc = dict_get(xs->s, names, &x->names, &o->err)) < 0)
		return rc;
	/* Made for all shards at once, sooner or later: not by two threads. */
	pthread_mutex_lock(&l->ex->local->table_lock);
	rc = trace_split_of(l->ex, xs->plan->shard, bitmap_count(bits, n), &split, &o->err);
	pthread_mutex_unlock(&l->ex->local->table_lock);
	for (uint32_t i = 0; i < n && rc == 0; i++)
		if (bitmap_get(bits, i))
			rc = take_trace(l, o, x, place, t, split, i);
	return rc == 0 && x->n != 0 ? hand_on(l, o, x) : rc;
}

static void
list_shard(void *arg, size_t at)
{
	struct listing *l = arg;
	struct listed *o = &l->v[at];
	size_t i = l->from + at;
	struct traces_at_hand x = { .n = 0 };
	struct shard_traces t = { NULL, NULL };
	struct reads before;

	if (l->m->bits[i] == NULL || (o->code = exec_check(l->ex, &o->err)) < 0 ||
	    (o->code = agg_table_like(l->like, &o->table, &o->err)) < 0)
		return;
	before = reads_begin(l->ex);
	if (!hand_init(&x))
		o->code = err_nomem(&o->err);
	else if ((o->code = shard_traces_get(l->ex->local->shards[i].s, &t, &o->err)) == 0)
		o->code = list_traces(l, o, &x, i, &t);
	shard_traces_put(&t);
	hand_release(&x);
	reads_end(&before, &o->prof);
}

/* ---- the others ---- */

static int
group_by_id(struct listing *l, struct map *seen, struct trace_id id, struct err *e)
{
	struct trace_pin pin;
	bool fresh;
	int rc;

	if (map_put(seen, sv_new(&id, sizeof id), &fresh) == NULL)
		return err_nomem(e);
	if (!fresh)
		return 0;
	if ((rc = trace_get(l->ex, id, &pin, e)) < 0)
		return rc;
	rc = agg_add_trace(l->like, l->side, &pin.t->facts, e);
	trace_put(l->ex, &pin);
	return rc < 0 ? rc : exec_check(l->ex, e);
}

static int
take_over(struct listing *l, struct listed *o, struct map *seen, struct err *e)
{
	int rc = o->code;

	profile_add(&l->ex->prof, &o->prof);
	if (rc < 0 && e != NULL)
		*e = o->err;
	if (rc == 0 && o->table != NULL)
		rc = agg_merge(l->like, o->table, e);
	for (size_t i = 0; i < o->others.n && rc == 0; i++)
		rc = group_by_id(l, seen, o->others.v[i], e);
	return rc;
}

/* Those of n shards, from l->from on. */
static int
group_some(struct listing *l, size_t n, struct map *seen, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		l->v[i] = (struct listed){ .err = ERR_INIT };
	pool_each(l->ex->env.pool, l->ex->threads, n, list_shard, l);
	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			rc = take_over(l, &l->v[i], seen, e);
		agg_table_free(l->v[i].table);
		vec_release(&l->v[i].others);
	}
	return rc;
}

int
matched_traces_group(struct exec *ex, struct matched_traces *m, struct agg_table *t,
    enum agg_side side, struct err *e)
{
	struct listing l = { .ex = ex, .m = m, .like = t, .side = side };
	size_t n = source_parts(ex), wave = (size_t)ex->threads * SHARDS_A_THREAD;
	struct map seen;
	int rc = 0;

	if (m->bits == NULL)
		return 0;
	wave = wave == 0 || wave > n ? n : wave;
	if ((l.v = calloc(wave + 1, sizeof *l.v)) == NULL)
		return err_nomem(e);
	map_init(&seen);
	for (; l.from < n && rc == 0; l.from += wave)
		rc = group_some(&l, n - l.from < wave ? n - l.from : wave, &seen, e);
	map_release(&seen);
	free(l.v);
	return rc;
}
