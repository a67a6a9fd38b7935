/* SPDX-License-Identifier: ISC */
/*
 * memtable: see seal/memtable.h. append takes a span apart: its fixed fields go to a row of
 * its partition's part, attributes and rarely filled fields to sparse columns, resource and
 * scope to the owners that all parts share.
 *
 * Spans of one name mostly carry the same keys in the same order, so each name remembers the
 * columns of its last span (a hint) and a key is compared before it is hashed. A hint is only
 * ever a guess: names share them, and a wrong one costs a lookup.
 *
 * Kind, status, flags, resource and scope take few values together: a row has the number of
 * such a shape.
 *
 * A part is closed, and a second one of its partition opened, when a further span could break
 * a limit of the shard format (rows, bytes of a section).
 */
#include "memtable_i.h"

#include <stdlib.h>

#include "base/limits.h"
#include "model/stats.h"
#include "shard/shard_stats.h"

#define HOUR_NS (3600 * UINT64_C(1000000000))
#define YEAR_2000_NS (946684800 * UINT64_C(1000000000))
#define PART_VALUE_BYTES (256u << 20)	/* the next span must fit LIMIT_SECTION_BYTES beside it */
#define PART_CHILDREN (1u << 24)	/* events (links) of one part, before the last span */
#define SPAN_VALUE_BYTES (512u << 20)
#define FIRST_PART_SLOTS 64

uint64_t
partition_of(uint64_t start_ns, uint64_t now_ns)
{
	if (start_ns < YEAR_2000_NS ||
	    (start_ns > now_ns && start_ns - now_ns > 24 * HOUR_NS))
		return PARTITION_OUTSIDE;
	return start_ns - start_ns % HOUR_NS;
}

int
memtable_new(const struct shard_options *opts, uint64_t now_ns, struct memtable **out,
    struct err *e)
{
	struct memtable *mt = calloc(1, sizeof *mt);

	if (mt == NULL)
		return err_nomem(e);
	mt->opts = *opts;
	if (mt->opts.row_group_rows == 0)
		mt->opts.row_group_rows = SHARD_ROW_GROUP_ROWS;
	if (mt->opts.row_group_rows > LIMIT_ROW_GROUP_ROWS)
		mt->opts.row_group_rows = LIMIT_ROW_GROUP_ROWS;
	if (mt->opts.top_values == 0)
		mt->opts.top_values = SHARD_TOP_VALUES;
	if (mt->opts.histogram_buckets == 0 || mt->opts.histogram_buckets > STATS_BUCKETS_MAX)
		mt->opts.histogram_buckets = STATS_BUCKETS;
	mt->now_ns = now_ns;
	mt->held = sizeof *mt;
	*out = mt;
	return 0;
}

static void
part_free(struct mem_part *p)
{
	for (size_t i = 0; i < N_FIXED; i++) {
		if (p->fixed[i] != NULL)
			memcol_release(p->fixed[i]);
		free(p->fixed[i]);
	}
	idset_release(&p->ids);
	coldict_release(&p->names);
	coldict_release(&p->shapes);
	colset_release(&p->cols);
	free(p->hints);
	free(p->rows);
	free(p);
}

void
memtable_free(struct memtable *mt)
{
	if (mt == NULL)
		return;
	for (size_t i = 0; i < mt->n_parts; i++)
		part_free(mt->parts[i]);
	free(mt->parts);
	free(mt->part_slots);
	owners_release(&mt->owners);
	buf_release(&mt->rest);
	buf_release(&mt->line);
	render_release(&mt->render);
	free(mt);
}

void
memtable_batch(struct memtable *mt)
{
	mt->owners.epoch++;
	render_batch(&mt->render);
}

size_t
memtable_bytes(const struct memtable *mt)
{
	return mt->held;
}

uint64_t
memtable_rows(const struct memtable *mt)
{
	return mt->n_rows;
}

size_t
memtable_parts(const struct memtable *mt)
{
	return mt->n_parts;
}

struct memtable_part
memtable_part(const struct memtable *mt, size_t i)
{
	return (struct memtable_part){ mt->parts[i]->partition, mt->parts[i]->n_rows };
}

/* ---- parts ---- */

/* The slot of a partition's newest part, or the free one where it would be. */
static uint32_t *
part_slot(const struct memtable *mt, uint64_t partition)
{
	uint32_t mask = mt->n_part_slots - 1, i = (uint32_t)hash_u64(partition) & mask;

	while (mt->part_slots[i] != 0 &&
	    mt->parts[mt->part_slots[i] - 1]->partition != partition)
		i = (i + 1) & mask;
	return &mt->part_slots[i];
}

static int
grow_part_slots(struct memtable *mt)
{
	uint32_t n = mt->n_part_slots == 0 ? FIRST_PART_SLOTS : mt->n_part_slots * 2;
	uint32_t *slots = calloc(n, sizeof *slots);

	if (slots == NULL)
		return ERR_NOMEM;
	free(mt->part_slots);
	mt->held += (n - mt->n_part_slots) * sizeof *slots;
	mt->part_slots = slots;
	mt->n_part_slots = n;
	/* Rising: the newest part of a partition stays. */
	for (uint32_t i = 0; i < mt->n_parts; i++)
		*part_slot(mt, mt->parts[i]->partition) = i + 1;
	return 0;
}

static int
part_new(struct memtable *mt, uint64_t partition, struct mem_part *older,
    struct mem_part **out)
{
	struct mem_part *p;

	if ((mt->n_parts + 1) * 4 > mt->n_part_slots * (size_t)3 && grow_part_slots(mt) != 0)
		return ERR_NOMEM;
	if (mem_grow(&mt->parts, &mt->part_cap, mt->n_parts + 1, sizeof *mt->parts,
	    &mt->held) != 0 || (p = calloc(1, sizeof *p)) == NULL)
		return ERR_NOMEM;
	p->partition = partition;
	p->older = older;
	mt->held += sizeof *p;
	mt->parts[mt->n_parts++] = p;
	*part_slot(mt, partition) = (uint32_t)mt->n_parts;
	*out = p;
	return 0;
}

static bool
part_full(const struct mem_part *p)
{
	return p->n_rows >= LIMIT_SHARD_ROWS || p->value_bytes > PART_VALUE_BYTES ||
	    p->n_events > PART_CHILDREN || p->n_links > PART_CHILDREN;
}

/* The newest part of a partition, or NULL. */
static struct mem_part *
part_find(const struct memtable *mt, uint64_t partition)
{
	uint32_t at;

	if (mt->last != NULL && mt->last->partition == partition)
		return mt->last;
	at = mt->n_part_slots == 0 ? 0 : *part_slot(mt, partition);
	return at == 0 ? NULL : mt->parts[at - 1];
}

/* ---- attributes ---- */

/* The hint of a name, or NULL while there are few rows. */
static struct col_hint *
hint_of(struct memtable *mt, struct mem_part *p, enum attr_scope scope, uint32_t name)
{
	uint32_t n = p->n_hints;

	if (p->n_rows < 64)
		return NULL;
	if (p->names.n * 2 > n && n < HINTS_MAX) {
		n = n == 0 ? 32 : n * 2;
		free(p->hints);
		/* Only a guess is lost, and without memory we go on guessing nothing. */
		p->hints = malloc(n * sizeof *p->hints);
		p->n_hints = p->hints == NULL ? 0 : n;
		mt->held += (n - n / 2) * sizeof *p->hints;
		if (p->hints != NULL)
			memset(p->hints, 0xff, n * sizeof *p->hints);
	}
	if (p->hints == NULL)
		return NULL;
	return &p->hints[(name + scope * 0x55u) & (p->n_hints - 1)];
}

/* The column of an attribute, by the hint at *pos if it is right. */
static inline int
column_of(struct memtable *mt, struct mem_part *p, enum attr_scope scope,
    const struct attr *a, struct col_hint *hint, uint32_t *pos, uint32_t *out)
{
	enum value_type type = a->val.type;
	uint32_t i = *pos, col;
	int rc;

	if (hint != NULL && i < HINT_COLS) {
		col = hint->col[i];
		if (col < p->cols.n && memcol_is(&p->cols.v[col], scope, a->key, type)) {
			*pos = i + 1;
			*out = col;
			return 0;
		}
	}
	if ((rc = colset_find(&p->cols, scope, a->key, type, out, &mt->held)) != 0)
		return rc;
	if (hint != NULL && i < HINT_COLS && *out != COL_NONE) {
		/* An attribute left out this time: the rest of the hint is still good. */
		if (i + 1 < HINT_COLS && hint->col[i + 1] == *out)
			i++;
		else
			hint->col[i] = (uint16_t)*out;
		*pos = i + 1;
	}
	return 0;
}

/* A value of a fixed column that most rows lack. */
static int
fixed_col(struct memtable *mt, struct mem_part *p, enum column_id id, enum value_type type,
    struct memcol **out)
{
	struct memcol *c = p->fixed[id];

	if (c == NULL) {
		if ((c = calloc(1, sizeof *c)) == NULL)
			return ERR_NOMEM;
		mt->held += sizeof *c;
		c->id = id;
		c->type = type;
		c->domain = id >= COL_LINK_TRACE_ID ? DOMAIN_LINK :
		    id >= COL_EVENT_TIME ? DOMAIN_EVENT : DOMAIN_SPAN;
		c->strings = value_is_bytes(type);
		p->fixed[id] = c;
	}
	*out = c;
	return 0;
}

static int
fixed_num(struct memtable *mt, struct mem_part *p, enum column_id id, uint32_t row, uint64_t v)
{
	struct memcol *c;
	int rc = fixed_col(mt, p, id, VAL_INT, &c);

	return rc != 0 ? rc : memcol_num(c, row, v, &mt->held);
}

/* The same, nothing if v is 0. */
static int
fixed_opt(struct memtable *mt, struct mem_part *p, enum column_id id, uint32_t row, uint64_t v)
{
	return v == 0 ? 0 : fixed_num(mt, p, id, row, v);
}

static int
fixed_str(struct memtable *mt, struct mem_part *p, enum column_id id, enum value_type type,
    uint32_t row, struct sv s)
{
	struct memcol *c;
	int rc;

	if (s.n == 0)
		return 0;
	p->value_bytes += s.n;
	rc = fixed_col(mt, p, id, type, &c);
	return rc != 0 ? rc : memcol_str(c, row, s, &mt->held);
}

static int
append_attrs(struct memtable *mt, struct mem_part *p, enum attr_scope scope,
    const struct attrs *attrs, uint32_t row, struct col_hint *hint, enum column_id rest)
{
	uint32_t pos = 0, col;
	int rc;

	mt->rest.n = 0;
	for (uint32_t i = 0; i < attrs->n; i++) {
		const struct attr *a = &attrs->v[i];

		rc = column_of(mt, p, scope, a, hint, &pos, &col);
		if (rc == 0 && col == COL_NONE)
			buf_attr(&mt->rest, a);
		else if (rc == 0)
			rc = memcol_value(&p->cols.v[col], row, &a->val, &mt->held);
		if (rc != 0)
			return rc;
		if (value_is_bytes(a->val.type))
			p->value_bytes += a->val.s.n;
	}
	if (mt->rest.oom)
		return ERR_NOMEM;
	return fixed_str(mt, p, rest, VAL_MAP, row, buf_view(&mt->rest));
}

/* ---- children ---- */

static int
append_event(struct memtable *mt, struct mem_part *p, const struct span *s,
    const struct event *ev)
{
	uint32_t row = p->n_events++;
	struct memcol *c;
	uint32_t name;
	int rc;

	if ((rc = fixed_num(mt, p, COL_EVENT_TIME, row,
	    value_image_i64((int64_t)(ev->time_ns - s->start_ns)))) != 0 ||
	    (rc = fixed_str(mt, p, COL_EVENT_NAME, VAL_STRING, row, ev->name)) != 0 ||
	    (rc = fixed_opt(mt, p, COL_EVENT_DROPPED, row, ev->dropped_attrs)) != 0)
		return rc;
	c = p->fixed[COL_EVENT_NAME];
	name = c != NULL ? c->dict.last : 0;
	return append_attrs(mt, p, ATTR_EVENT, &ev->attrs, row,
	    hint_of(mt, p, ATTR_EVENT, name), COL_EVENT_REST);
}

static int
append_link(struct memtable *mt, struct mem_part *p, const struct link *l)
{
	uint32_t row = p->n_links++;
	uint8_t id[16];
	int rc;

	trace_id_to_bytes(l->trace_id, id);
	if (!trace_id_zero(l->trace_id) && (rc = fixed_str(mt, p, COL_LINK_TRACE_ID,
	    VAL_BYTES, row, sv_new(id, sizeof id))) != 0)
		return rc;
	if ((rc = fixed_opt(mt, p, COL_LINK_SPAN_ID, row, l->span_id)) != 0 ||
	    (rc = fixed_str(mt, p, COL_LINK_TRACE_STATE, VAL_STRING, row, l->trace_state)) != 0 ||
	    (rc = fixed_opt(mt, p, COL_LINK_DROPPED, row, l->dropped_attrs)) != 0 ||
	    (rc = fixed_opt(mt, p, COL_LINK_FLAGS, row, l->flags)) != 0)
		return rc;
	return append_attrs(mt, p, ATTR_LINK, &l->attrs, row, NULL, COL_LINK_REST);
}

/* ---- spans ---- */

/* True if the span's ids are in this part or an older one of the partition. */
static bool
is_here(struct mem_part *p, const struct span *s)
{
	for (; p != NULL; p = p->older) {
		uint32_t t = idset_trace(&p->ids, s->trace_id);

		if (t != NO_TRACE && idset_span(&p->ids, p->rows, t, s->span_id) != NO_ROW)
			return true;
	}
	return false;
}

static int
append_row(struct memtable *mt, struct mem_part *p, const struct span *s)
{
	struct mem_row r = {
		.span_id = s->span_id, .parent_id = s->parent_span_id,
		.start_ns = s->start_ns, .duration_ns = s->end_ns - s->start_ns,
	};
	struct mem_shape shape = {
		.kind = s->kind, .status = s->status, .flags = s->flags,
	};
	int rc;

	r.trace = idset_trace(&p->ids, s->trace_id);
	if (r.trace == NO_TRACE &&
	    (rc = idset_add_trace(&p->ids, s->trace_id, &r.trace, &mt->held)) != 0)
		return rc;
	if ((rc = owners_resource(&mt->owners, s->resource, &shape.resource,
	    &mt->held)) != 0 ||
	    (rc = owners_scope(&mt->owners, s->scope, &shape.scope, &mt->held)) != 0 ||
	    (rc = coldict_put(&p->shapes, sv_new(&shape, sizeof shape), &r.shape,
	    &mt->held)) != 0 ||
	    (rc = coldict_put(&p->names, s->name, &r.name, &mt->held)) != 0 ||
	    (rc = mem_grow(&p->rows, &p->row_cap, (size_t)p->n_rows + 1, sizeof *p->rows,
	    &mt->held)) != 0)
		return rc;
	p->value_bytes += s->name.n;
	p->rows[p->n_rows] = r;
	return idset_add_span(&p->ids, p->rows, p->n_rows, &mt->held);
}

static int
append_rare(struct memtable *mt, struct mem_part *p, const struct span *s, uint32_t row)
{
	int rc;

	if ((rc = fixed_str(mt, p, COL_STATUS_MESSAGE, VAL_STRING, row, s->status_message)) != 0 ||
	    (rc = fixed_str(mt, p, COL_TRACE_STATE, VAL_STRING, row, s->trace_state)) != 0 ||
	    (rc = fixed_opt(mt, p, COL_DROPPED_ATTRS, row, s->dropped_attrs)) != 0 ||
	    (rc = fixed_opt(mt, p, COL_DROPPED_EVENTS, row, s->dropped_events)) != 0 ||
	    (rc = fixed_opt(mt, p, COL_DROPPED_LINKS, row, s->dropped_links)) != 0 ||
	    (rc = fixed_opt(mt, p, COL_N_EVENTS, row, s->n_events)) != 0 ||
	    (rc = fixed_opt(mt, p, COL_N_LINKS, row, s->n_links)) != 0)
		return rc;
	for (uint32_t i = 0; i < s->n_events; i++)
		if ((rc = append_event(mt, p, s, &s->events[i])) != 0)
			return rc;
	for (uint32_t i = 0; i < s->n_links; i++)
		if ((rc = append_link(mt, p, &s->links[i])) != 0)
			return rc;
	return 0;
}

static int
append_span(struct memtable *mt, const struct span *s, bool twin)
{
	uint64_t partition = partition_of(s->start_ns, mt->now_ns), before;
	struct mem_part *p = part_find(mt, partition);
	uint32_t row, name;
	int rc;

	if (!twin && is_here(p, s))
		return 1;
	if ((p == NULL || part_full(p)) && (rc = part_new(mt, partition, p, &p)) != 0)
		return rc;
	mt->last = p;
	row = p->n_rows;
	before = p->value_bytes;
	if ((rc = append_row(mt, p, s)) != 0)
		return rc;
	name = p->rows[row].name;
	if ((rc = append_attrs(mt, p, ATTR_SPAN, &s->attrs, row,
	    hint_of(mt, p, ATTR_SPAN, name), COL_REST)) != 0 ||
	    (rc = append_rare(mt, p, s, row)) != 0)
		return rc;
	if (p->value_bytes - before > SPAN_VALUE_BYTES)
		return ERR_TOOBIG;
	if ((rc = mem_measure(mt, s, p->value_bytes - before, &p->rows[row].length)) != 0)
		return rc;
	p->n_rows++;
	mt->n_rows++;
	return 0;
}

static int
append(struct memtable *mt, const struct span *s, bool twin, struct err *e)
{
	int rc = append_span(mt, s, twin);

	if (rc == ERR_TOOBIG)
		return err_set(e, rc, -1, "a span too large for a shard");
	return rc < 0 ? err_nomem(e) : rc;
}

int
memtable_append(struct memtable *mt, const struct span *s, struct err *e)
{
	return append(mt, s, false, e);
}

int
memtable_append_twin(struct memtable *mt, const struct span *s, struct err *e)
{
	return append(mt, s, true, e);
}
