/* SPDX-License-Identifier: ISC */
/* agg_rig: see agg_rig.h. */
#include "lib/agg_rig.h"

#include <stdlib.h>

#include "lib/gen_span.h"
#include "model/json.h"

#define INTRINSIC(i) { .scope = FIELD_INTRINSIC, .intrinsic = i }
#define ATTR(k) { .scope = FIELD_BARE, .key = SV(k) }
#define AGG(k, f) { .kind = k, .name = SV("a"), .typed = SV("f"), .field = f }
#define HOUR ((uint64_t)3600 * NS_PER_S)

static const struct field keys[] = { ATTR("key.1"), INTRINSIC(IN_SERVICE), INTRINSIC(IN_KIND) };
static const struct sv typed[] = { SV("key.1"), SV("service"), SV("kind") };
static const struct aggregate aggs[] = {
	{ .kind = AGG_COUNT, .name = SV("count") },
	{ .kind = AGG_ERRORS, .name = SV("errors") },
	AGG(AGG_SUM, ATTR("key.0")),
	AGG(AGG_MIN, ATTR("key.0")),
	AGG(AGG_MAX, INTRINSIC(IN_START)),
	{ .kind = AGG_QUANTILE, .name = SV("p50"), .part = 1, .whole = 2, .typed = SV("key.0"),
	  .field = ATTR("key.0") },
	{ .kind = AGG_QUANTILE, .name = SV("p99"), .part = 99, .whole = 100,
	  .typed = SV("duration"), .field = INTRINSIC(IN_DURATION) },
	AGG(AGG_DISTINCT, ATTR("key.1")),
	AGG(AGG_DISTINCT, INTRINSIC(IN_SPAN_ID)),
	AGG(AGG_HIST, ATTR("key.0")),
	AGG(AGG_AVG, INTRINSIC(IN_DURATION)),
};
#define N_AGGS (sizeof aggs / sizeof *aggs)

static const struct group_ref columns[] = {
	{ REF_KEY, 0, false }, { REF_KEY, 1, false }, { REF_KEY, 2, false },
	{ REF_AGG, 0, false }, { REF_AGG, 1, false }, { REF_AGG, 2, false }, { REF_AGG, 3, false },
	{ REF_AGG, 4, false }, { REF_AGG, 5, false }, { REF_AGG, 6, false }, { REF_AGG, 7, false },
	{ REF_AGG, 8, false }, { REF_AGG, 9, false }, { REF_AGG, 10, false },
	{ REF_PREV, 5, false }, { REF_PREV, 9, false }, { REF_BUCKET, 0, false },
};
#define N_COLUMNS (sizeof columns / sizeof *columns)

#define SHAPE .keys_typed = typed, .aggs = aggs, .n_aggs = N_AGGS, .n_shown = N_AGGS

/* Everything; by key; by hour and key, beside the other side; by week. */
static const struct grouping shapes[AGG_RIG_SHAPES] = {
	{ SHAPE, .columns = columns + 3, .n_columns = 11 },
	{ SHAPE, .keys = keys, .n_keys = 3, .columns = columns, .n_columns = 14 },
	{ SHAPE, .keys = keys, .n_keys = 3, .has_bucket = true, .versus = true, .versus_ns = HOUR,
	  .step = { .kind = STEP_NS, .ns = HOUR }, .columns = columns, .n_columns = N_COLUMNS },
	{ SHAPE, .has_bucket = true, .step = { .kind = STEP_WEEK }, .columns = columns + 3,
	  .n_columns = 11 },
};

struct agg_table *
agg_rig_table(unsigned shape, size_t memory)
{
	return agg_rig_spilling(shape, memory, NULL, 0, 0);
}

struct agg_table *
agg_rig_spilling(unsigned shape, size_t memory, const char *dir, uint64_t max, size_t from)
{
	struct agg_options o = { .groups = &shapes[shape], .step = shapes[shape].step,
		.open_begin = true, .open_end = true, .memory = memory,
		.shift = shapes[shape].versus_ns, .spill_dir = dir, .spill_max = max,
		.spill_from = from };
	struct agg_table *t;
	struct err e;

	if (agg_table_new(&o, &t, &e) < 0)
		abort();
	return t;
}

int
agg_rig_add(struct agg_table *t, enum agg_side side, uint64_t seed, size_t from, size_t n,
    struct err *e)
{
	struct gen_span_options o = { .seed = seed, .start_ns = 400000 * HOUR,
		.range_ns = 5 * HOUR, .n_keys = 4, .unique_ids = true };
	struct span_batch batch;
	struct gen_span gen;
	int code = 0;

	span_batch_init(&batch);
	gen_span_init(&gen, &o);
	if (!gen_span_add(&gen, &batch, from + n))
		abort();
	for (size_t i = from; code == 0 && i < from + n; i++) {
		struct span_row row = { .span = &batch.spans[i] };

		code = agg_add(t, side, &row, 1, e);
	}
	span_batch_release(&batch);
	return code;
}

static void
print_cell(struct buf *b, const struct group_cell *c)
{
	switch (c->kind) {
	case GROUP_NULL:
		BUF_LIT(b, "null");
		break;
	case GROUP_UINT:
		buf_u64(b, c->u);
		break;
	case GROUP_TIME:
		buf_printf(b, "@%lld", (long long)c->time);
		break;
	case GROUP_KIND:
	case GROUP_STATUS:
		buf_i64(b, c->number);
		break;
	case GROUP_VALUE:
		json_value(b, &c->value);
		break;
	case GROUP_HIST:
		group_hist_json(b, c);
		break;
	}
	buf_putc(b, ' ');
}

bool
agg_rig_print(struct agg_table *t, unsigned shape, struct buf *b, struct err *e)
{
	size_t n = shapes[shape].n_columns;
	struct group_cell cells[N_COLUMNS];

	if (agg_finish(t, e) < 0)
		return false;
	for (size_t i = 0; i < agg_n_rows(t); i++) {
		if (agg_cells(t, i, 1, cells, e) < 0)
			return false;
		for (size_t k = 0; k < n; k++)
			print_cell(b, &cells[k]);
		buf_putc(b, '\n');
	}
	return !b->oom;
}
