/* SPDX-License-Identifier: ISC */
/*
 * manifest_build: a segment in the making. Rows come from opened shards and from segments that
 * it will replace; names get their places in byte order, and rows theirs, at the end.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "manifest_i.h"
#include "shard/chunk.h"
#include "shard/lengths.h"
#include "stats_i.h"

void
mbuild_init(struct mbuild *b)
{
	*b = (struct mbuild){ .rows = VEC_INIT, .services = VEC_INIT, .traces = VEC_INIT };
	map_init(&b->names);
	map_init(&b->fields);
}

void
mbuild_release(struct mbuild *b)
{
	vec_release(&b->rows);
	vec_release(&b->services);
	vec_release(&b->traces);
	map_release(&b->names);
	map_release(&b->fields);
}

size_t
mbuild_bytes(const struct mbuild *b)
{
	return SEGMENT_HEADER_BYTES + b->rows.n * sizeof *b->rows.v +
	    b->services.n * sizeof *b->services.v + b->traces.n * sizeof *b->traces.v +
	    b->names.n * 16 + b->fields.n * 24;
}

static int
name_no(struct mbuild *b, struct sv name, uint32_t *no, struct err *e)
{
	bool fresh;
	uint64_t *at = map_put(&b->names, name, &fresh);

	if (at == NULL)
		return err_nomem(e);
	if (fresh)
		*at = b->names.n - 1;
	*no = (uint32_t)*at;
	return 0;
}

static int
add_field(struct mbuild *b, const struct field *f, struct buf *text, struct err *e)
{
	if (f->scope == FIELD_INTRINSIC)
		return 0;
	text->n = 0;
	buf_putc(text, (char)f->scope);
	buf_sv(text, f->key);
	return text->oom || map_put(&b->fields, buf_view(text), NULL) == NULL ? err_nomem(e) : 0;
}

/* ---- from shards ---- */

/* lines: what they take in spans.jsonl; or NULL. */
static int
add_services(struct mbuild *b, const struct shard_info *info, const struct line_totals *lines,
    struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < info->n_services && rc == 0; i++) {
		const struct shard_service *s = &info->services[i];
		struct mservice m = {
			.n_rows = s->row_to - s->row_from, .n_errors = (uint32_t)s->n_errors,
			.min_start = s->min_start, .max_start = s->max_start,
			.line_bytes = lines == NULL ? 0 : line_totals_at(lines, i),
		};

		rc = name_no(b, s->service, &m.name, e);
		if (rc == 0 && !vec_push(&b->services, m))
			rc = err_nomem(e);
	}
	return rc;
}

static int
add_traces(struct mbuild *b, struct shard *s, uint32_t row, struct err *e)
{
	uint32_t n = (uint32_t)shard_info(s)->n_traces;
	const struct traceids *t;
	int rc;

	if ((rc = traceids_get(s, &t, e)) != 0)
		return rc;
	if (!vec_reserve(&b->traces, b->traces.n + n))
		rc = err_nomem(e);
	for (uint32_t i = 0; i < n && rc == 0; i++)
		b->traces.v[b->traces.n++] =
		    (trace_id_hash(traceids_at(t, i)) >> 32 << 32) | row;
	traceids_put(t);
	return rc;
}

static int
add_fields(struct mbuild *b, const struct shard_stats *st, struct err *e)
{
	struct buf text = BUF_INIT;
	int rc = 0;

	for (size_t i = 0; i < st->n_columns && rc == 0; i++)
		rc = add_field(b, &st->columns[i].field, &text, e);
	buf_release(&text);
	return rc;
}

static struct mrow
row_of(const struct shard_stats *st, struct shard *s, uint64_t number, size_t service_from,
    const struct line_totals *lines)
{
	return (struct mrow){
		.partition = st->partition, .number = number, .n_rows = st->n_rows,
		.n_bytes = st->n_bytes, .min_start = st->min_start, .max_start = st->max_start,
		.footer_hash = shard_info(s)->footer_hash, .n_traces = (uint32_t)st->n_traces,
		.n_row_groups = st->n_row_groups, .service_from = (uint32_t)service_from,
		.flags = (st->trace_summaries ? MROW_SUMMARIES : 0u) |
		    (st->all_keys ? MROW_ALL_KEYS : 0u) |
		    (unsigned)st->index_kinds << MROW_KINDS_SHIFT |
		    (lines == NULL ? 0u : line_totals_version(lines) << MROW_LINES_SHIFT),
	};
}

/* NULL in *out: nothing is told of them. */
static int
told_lines(struct shard *s, const struct line_totals **out, struct err *e)
{
	int rc = line_totals_get(s, out, e);

	if (rc == 0 && *out != NULL && line_totals_version(*out) == 0) {
		line_totals_put(*out);
		*out = NULL;
	}
	return rc;
}

/* Names of what failed stay: a name too many is only one that is not asked for. */
static int
add_shard(struct mbuild *b, struct shard *s, const struct shard_facts *f, uint64_t number,
    struct err *e)
{
	size_t services = b->services.n, traces = b->traces.n;
	const struct line_totals *lines;
	int rc;

	if ((rc = told_lines(s, &lines, e)) != 0)
		return rc;
	if ((rc = add_services(b, shard_info(s), lines, e)) == 0 &&
	    (rc = add_traces(b, s, (uint32_t)b->rows.n, e)) == 0 &&
	    (rc = add_fields(b, &f->stats, e)) == 0 &&
	    !vec_push(&b->rows, row_of(&f->stats, s, number, services, lines)))
		rc = err_nomem(e);
	line_totals_put(lines);
	if (rc != 0) {
		b->services.n = services;
		b->traces.n = traces;
	}
	return rc;
}

int
mbuild_shard(struct mbuild *b, struct shard *s, uint64_t number, struct err *e)
{
	struct shard_facts *f = calloc(1, sizeof *f);
	int rc;

	if (f == NULL)
		return err_nomem(e);
	arena_init(&f->arena);
	if ((rc = shard_facts_fill(s, f, e)) == 0)
		rc = add_shard(b, s, f, number, e);
	shard_facts_free(f);
	return rc;
}

/* ---- from segments ---- */

static int
copy_rows(struct mbuild *b, const struct mseg *m, const uint32_t *shard_of, uint32_t *new_row,
    struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < m->n_rows; i++) {
		struct mrow r = m->rows[i];
		uint32_t from, to;

		new_row[i] = UINT32_MAX;
		if (shard_of[i] == NO_SHARD)
			continue;
		new_row[i] = (uint32_t)b->rows.n;
		segment_services(m, i, &from, &to);
		r.service_from = (uint32_t)b->services.n;
		for (; from < to && rc == 0; from++) {
			struct mservice s = m->services[from];

			rc = name_no(b, m->names[s.name], &s.name, e);
			if (rc == 0 && !vec_push(&b->services, s))
				rc = err_nomem(e);
		}
		if (rc == 0 && !vec_push(&b->rows, r))
			rc = err_nomem(e);
		if (rc != 0)
			return rc;
	}
	for (size_t i = 0; i < m->n_fields; i++)
		if (map_put(&b->fields, m->fields[i], NULL) == NULL)
			return err_nomem(e);
	return 0;
}

static int
copy_traces(struct mbuild *b, struct segment *s, const uint32_t *new_row, struct err *e)
{
	mtrace v[SEGMENT_BLOCK_TRACES];
	size_t n;
	int rc;

	for (size_t k = 0; k < s->m.n_blocks; k++) {
		if ((rc = segment_block(s, k, v, &n, e)) != 0)
			return rc;
		for (size_t i = 0; i < n; i++) {
			uint32_t row = new_row[(uint32_t)v[i]];

			if (row != UINT32_MAX &&
			    !vec_push(&b->traces, (v[i] >> 32 << 32) | row))
				return err_nomem(e);
		}
	}
	return 0;
}

int
mbuild_segment(struct mbuild *b, struct segment *s, const uint32_t *shard_of, struct err *e)
{
	size_t rows = b->rows.n, services = b->services.n, traces = b->traces.n;
	uint32_t *new_row = malloc((s->m.n_rows + 1) * sizeof *new_row);
	int rc;

	if (new_row == NULL)
		return err_nomem(e);
	if ((rc = copy_rows(b, &s->m, shard_of, new_row, e)) == 0)
		rc = copy_traces(b, s, new_row, e);
	if (rc != 0) {
		b->rows.n = rows;
		b->services.n = services;
		b->traces.n = traces;
	}
	free(new_row);
	return rc;
}

/* ---- the whole ---- */

static int
by_bytes(const void *a, const void *b)
{
	return sv_cmp(*(const struct sv *)a, *(const struct sv *)b);
}

static struct sv *
sorted_keys(const struct map *m, struct arena *a)
{
	struct sv *v = arena_array(a, m->n + 1, struct sv);
	const struct map_slot *s;
	size_t n = 0;

	if (v == NULL)
		return NULL;
	for (size_t i = 0; (s = map_next(m, &i)) != NULL;)
		v[n++] = sv_new(s->key, s->len);
	qsort(v, n, sizeof *v, by_bytes);
	return v;
}

static int
by_key(const void *a, const void *b, void *arg)
{
	const struct mrow *v = arg, *x = &v[*(const uint32_t *)a], *y = &v[*(const uint32_t *)b];

	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int
by_name(const void *a, const void *b)
{
	const struct mservice *x = a, *y = b;

	return (x->name > y->name) - (x->name < y->name);
}

/* The n services of a row with their names' new places. */
static void
place_services(const struct mservice *from, size_t n, const uint32_t *new_name,
    struct mservice *to)
{
	for (size_t i = 0; i < n; i++) {
		to[i] = from[i];
		to[i].name = new_name[from[i].name];
	}
	if (n != 0)
		qsort(to, n, sizeof *to, by_name);
}

/* Rows in order, their services behind each other, and the traces told of both. */
static void
place_rows(struct mbuild *b, const uint32_t *order, const uint32_t *new_name, struct mrow *rows,
    struct mservice *services, uint32_t *new_row)
{
	size_t at = 0;

	for (size_t i = 0; i < b->rows.n; i++) {
		uint32_t o = order[i];
		size_t from = b->rows.v[o].service_from, to = o + 1 < b->rows.n ?
		    b->rows.v[o + 1].service_from : b->services.n;

		rows[i] = b->rows.v[o];
		rows[i].service_from = (uint32_t)at;
		place_services(b->services.v + from, to - from, new_name, services + at);
		at += to - from;
		new_row[o] = (uint32_t)i;
	}
	for (size_t i = 0; i < b->traces.n; i++)
		b->traces.v[i] = (b->traces.v[i] >> 32 << 32) |
		    new_row[(uint32_t)b->traces.v[i]];
	if (b->traces.n != 0)
		qsort(b->traces.v, b->traces.n, sizeof *b->traces.v, by_number);
}

static int
encode(struct mbuild *b, struct arena *a, struct buf *out, struct mref *ref, struct err *e)
{
	size_t n = b->rows.n, core;
	struct mrow *rows = arena_array(a, n + 1, struct mrow);
	struct mservice *services = arena_array(a, b->services.n + 1, struct mservice);
	uint32_t *order = arena_array(a, n + 1, uint32_t), *new_row = arena_array(a, n + 1, uint32_t);
	uint32_t *new_name = arena_array(a, b->names.n + 1, uint32_t);
	struct mseg m = { .rows = rows, .services = services, .n_rows = n,
		.n_services = b->services.n, .n_traces = b->traces.n, .n_names = b->names.n,
		.n_fields = b->fields.n, .names = sorted_keys(&b->names, a),
		.fields = sorted_keys(&b->fields, a) };
	int rc;

	if (rows == NULL || services == NULL || order == NULL || new_row == NULL ||
	    new_name == NULL || m.names == NULL || m.fields == NULL)
		return err_nomem(e);
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof *order, by_key, b->rows.v);
	for (uint32_t i = 0; i < m.n_names; i++)
		new_name[*map_get(&b->names, m.names[i])] = i;
	place_rows(b, order, new_name, rows, services, new_row);
	segment_encode(out, &m, b->traces.v, &core);
	if ((rc = buf_ok(out, e)) != 0)
		return rc;
	ref->core_bytes = core;
	ref->n_bytes = out->n;
	ref->hash = hash64(out->p, core);
	return 0;
}

int
mbuild_end(struct mbuild *b, struct buf *out, struct mref *ref, struct err *e)
{
	struct arena a;
	int rc;

	arena_init(&a);
	out->n = 0;
	rc = encode(b, &a, out, ref, e);
	arena_release(&a);
	return rc;
}
