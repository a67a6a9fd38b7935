/* SPDX-License-Identifier: ISC */
/* stats_builder: see stats_builder.h. */
#include "lib/stats_builder.h"

#include <stdlib.h>

#include "base/bloom.h"
#include "base/hash.h"
#include "model/span.h"

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

void
stats_builder_init(struct stats_builder *b)
{
	*b = (struct stats_builder){ .stats = { .version = 7 } };
	arena_init(&b->arena);
	b->shards = must(arena_array(&b->arena, STATS_SHARDS_MAX, struct shard_stats));
	b->stats.shards = b->shards;
}

void
stats_builder_release(struct stats_builder *b)
{
	arena_release(&b->arena);
}

struct shard_stats *
stats_add_shard(struct stats_builder *b, uint64_t hour, uint64_t n_rows)
{
	struct shard_stats *s = &b->shards[b->stats.n_shards];
	uint64_t from = STATS_T0 + hour * NS_PER_HOUR;

	if (b->stats.n_shards == STATS_SHARDS_MAX)
		abort();
	*s = (struct shard_stats){
		.file = must(arena_printf(&b->arena, "shards/%zu.shard", b->stats.n_shards)),
		.partition = from, .n_rows = n_rows, .n_bytes = n_rows * 50,
		.n_traces = n_rows / 10 + 1, .min_start = from,
		.max_start = from + NS_PER_HOUR - 1,
		.n_row_groups = (uint32_t)(n_rows / 65536 + 1), .all_keys = true,
	};
	b->stats.n_shards++;
	return s;
}

struct service_stats *
stats_add_service(struct stats_builder *b, struct shard_stats *s, const char *service,
    uint64_t n_rows, uint64_t n_errors)
{
	struct service_stats *v = (struct service_stats *)(uintptr_t)s->services;

	if (v == NULL)
		v = must(arena_array(&b->arena, STATS_PER_SHARD, struct service_stats));
	if (s->n_services == STATS_PER_SHARD)
		abort();
	s->services = v;
	v[s->n_services] = (struct service_stats){ sv_cstr(service), n_rows, n_errors,
	    s->min_start, s->max_start };
	return &v[s->n_services++];
}

struct column_stats *
stats_add_column(struct stats_builder *b, struct shard_stats *s, const char *field,
    enum value_type type, uint64_t n_present, uint64_t n_distinct)
{
	struct column_stats *v = (struct column_stats *)(uintptr_t)s->columns;
	struct column_stats c = { .type = type, .n_present = n_present,
	    .n_distinct = n_distinct, .n_bytes = n_present,
	    .dict_bytes = type == VAL_STRING && n_distinct < n_present ? n_distinct / 2 + 1 : 0 };
	size_t i;

	if (v == NULL)
		v = must(arena_array(&b->arena, STATS_PER_SHARD, struct column_stats));
	if (s->n_columns == STATS_PER_SHARD || !field_parse(sv_cstr(field), &c.field))
		abort();
	for (i = s->n_columns; i > 0; i--) {
		int o = field_cmp(&v[i - 1].field, &c.field);

		if (o < 0 || (o == 0 && v[i - 1].type < type))
			break;
		v[i] = v[i - 1];
	}
	v[i] = c;
	s->columns = v;
	s->n_columns++;
	return &v[i];
}

void
stats_set_ints(struct column_stats *c, int64_t min, int64_t max)
{
	c->has_range = true;
	c->min = value_image_i64(min);
	c->max = value_image_i64(max);
}

void
stats_set_doubles(struct column_stats *c, double min, double max)
{
	c->has_range = true;
	c->min = value_image_double(min);
	c->max = value_image_double(max);
}

void
stats_add_top(struct stats_builder *b, struct column_stats *c, struct value val, uint64_t n_rows)
{
	struct top_value *v = (struct top_value *)(uintptr_t)c->top;

	if (v == NULL)
		v = must(arena_array(&b->arena, STATS_PER_SHARD, struct top_value));
	if (c->n_top == STATS_PER_SHARD)
		abort();
	v[c->n_top++] = (struct top_value){ .val = val, .n_rows = n_rows };
	c->top = v;
}

void
stats_set_bloom(struct stats_builder *b, struct shard_stats *s, uint64_t hi, size_t n)
{
	uint8_t *filter = must(arena_calloc(&b->arena, 1, bloom_bytes(n)));
	uint8_t id[16];

	for (size_t i = 1; i <= n; i++) {
		trace_id_to_bytes((struct trace_id){ hi, i }, id);
		bloom_add(filter, bloom_bytes(n), hash64(id, sizeof id));
	}
	s->bloom = filter;
	s->bloom_bytes = bloom_bytes(n);
}

struct shard_filter *
stats_add_filter(struct stats_builder *b, const char *field)
{
	struct stats_filter *f = must(arena_calloc(&b->arena, 1, sizeof *f));
	struct shard_filter *v = must(arena_calloc(&b->arena, b->stats.n_shards, sizeof *v));
	const struct stats_filter **all = (const struct stats_filter **)(uintptr_t)b->stats.filters;

	if (all == NULL)
		all = must(arena_array(&b->arena, 8, const struct stats_filter *));
	if (b->stats.n_filters == 8 || !field_parse(sv_cstr(field), &f->field))
		abort();
	f->shards = v;
	all[b->stats.n_filters++] = f;
	b->stats.filters = all;
	return v;
}

void
stats_set_filter(struct stats_builder *b, struct shard_filter *f, const struct column_stats *c,
    const char *values)
{
	size_t bytes = bloom_bytes(100);
	uint8_t *bits;
	struct sv rest, part;

	*f = (struct shard_filter){ .kind = FILTER_COLUMN, .column = c };
	if (values == NULL)
		return;
	bits = must(arena_calloc(&b->arena, 1, bytes));
	for (rest = sv_cstr(values); sv_cut(&rest, ',', &part);)
		bloom_add(bits, bytes, hash64(part.p, part.n));
	f->bloom = bits;
	f->bloom_bytes = bytes;
}

const struct stats *
stats_done(struct stats_builder *b)
{
	b->stats.n_rows = b->stats.n_bytes = 0;
	for (size_t i = 0; i < b->stats.n_shards; i++) {
		b->stats.n_rows += b->shards[i].n_rows;
		b->stats.n_bytes += b->shards[i].n_bytes;
	}
	return &b->stats;
}

/* The reading by the field's type that binding a path would give. */
static void
read_by_type(const struct field *f, struct literal *l)
{
	struct trace_id id = { 0, 0 };
	struct when w;
	int32_t v = 0;

	if (f->scope != FIELD_INTRINSIC)
		return;
	switch (intrinsics[f->intrinsic].type) {
	case FT_KIND:
	case FT_STATUS:
		if (!span_kind_parse(l->text, &v) && !span_status_parse(l->text, &v))
			abort();
		l->u = (uint64_t)(int64_t)v;
		break;
	case FT_TRACE_ID:
		if (!trace_id_parse(l->text, &id))
			abort();
		l->hi = id.hi;
		l->lo = id.lo;
		break;
	case FT_SPAN_ID:
		if (!span_id_parse(l->text, &l->lo))
			abort();
		break;
	case FT_INT:
		if (!sv_u64(l->text, &l->u))
			abort();
		break;
	case FT_TIME:
		if (!sv_u64(l->text, &l->u)) {
			if (!when_parse(l->text, &w))
				abort();
			l->u = when_resolve(w, 0);
		}
		break;
	case FT_DURATION:
		if (!duration_parse(l->text, &l->u))
			abort();
		break;
	case FT_STRING:
	case FT_ATTR:
		break;
	}
}

const struct pred *
test_leaf(struct arena *a, const char *field, enum pred_op op, const char *values)
{
	struct literal *l = must(arena_array(a, 32, struct literal));
	struct sv rest = sv_cstr(values), part;
	struct field f;
	size_t n = 0;

	if (!field_parse(sv_cstr(field), &f))
		abort();
	for (; op != OP_HAS && n < 32 && sv_cut(&rest, ',', &part); n++) {
		l[n] = literal_of(part);
		read_by_type(&f, &l[n]);
	}
	return must((void *)(uintptr_t)pred_leaf(a, op, f, l, n));
}

const struct pred *
test_and(struct arena *a, const struct pred *x, const struct pred *y)
{
	const struct pred *kids[2] = { x, y };

	return must((void *)(uintptr_t)pred_and(a, kids, 2));
}

const struct pred *
test_or(struct arena *a, const struct pred *x, const struct pred *y)
{
	const struct pred *kids[2] = { x, y };

	return must((void *)(uintptr_t)pred_or(a, kids, 2));
}

char *
test_pred_text(const struct pred *p)
{
	struct buf b = BUF_INIT;

	pred_print(&b, p);
	return (char *)(uintptr_t)must((void *)(uintptr_t)buf_cstr(&b));
}
