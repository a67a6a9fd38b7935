/* SPDX-License-Identifier: ISC */
/*
 * summary_file: the content of cache/summary. Numbers are little-endian; an amount is a double
 * that is finite and not negative, a list its varint length and then the items.
 *
 *   u64 wall time; varint shards; amount rows, rows in cells
 *   list of fields, rising: u8 scope, u8 intrinsic, str key, u8 type;
 *     amount present, distinct, known, width;
 *     list of values: u64 hash, value, amount rows, listed;
 *     list of bounds, not falling: u64;  list of samples: str
 *   list of cells, not falling: str service, name, u8 all, amount rows, errors;
 *     per histogram a list of steps: varint buckets since the last one, f32 rows below;
 *     list of fields, rising: varint place, amount present, distinct, u8 range [u64 min, max];
 *       list of values: u64 hash, value, amount rows
 *   value: u8 type; bool u8, int and double u64, empty nothing, others str
 *
 * Texts may be cut, so a value of several is not looked into.
 */
#include <math.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "catalog/kept.h"
#include "catalog/summary.h"

#define SUMMARY_FORMAT 1
#define HIST_ENTRIES (STATS_LOG_BUCKETS + 1)

/* ---- writing ---- */

static void
put_amount(struct buf *b, double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof bits);
	buf_le(b, bits, 8);
}

static void
put_str(struct buf *b, struct sv s)
{
	buf_varint(b, s.n);
	buf_sv(b, s);
}

static void
put_value(struct buf *b, const struct value *v)
{
	uint64_t bits = 0;

	buf_putc(b, (char)v->type);
	switch (v->type) {
	case VAL_EMPTY:
		break;
	case VAL_BOOL:
		buf_putc(b, v->b);
		break;
	case VAL_INT:
	case VAL_DOUBLE:
		memcpy(&bits, v->type == VAL_INT ? (const void *)&v->i : (const void *)&v->d, 8);
		buf_le(b, bits, 8);
		break;
	default:
		put_str(b, v->s);
	}
}

static void
put_field(struct buf *b, const struct stats_field *f)
{
	buf_putc(b, (char)f->field.scope);
	buf_putc(b, (char)(f->field.scope == FIELD_INTRINSIC ? f->field.intrinsic : 0));
	put_str(b, f->field.scope == FIELD_INTRINSIC ? SV_EMPTY : f->field.key);
	buf_putc(b, (char)f->type);
	put_amount(b, f->n_present);
	put_amount(b, f->n_distinct);
	put_amount(b, f->n_known);
	put_amount(b, f->width);
	buf_varint(b, f->n_values);
	for (uint32_t i = 0; i < f->n_values; i++) {
		buf_le(b, f->values[i].hash, 8);
		put_value(b, &f->values[i].val);
		put_amount(b, f->values[i].n_rows);
		put_amount(b, f->values[i].listed_present);
	}
	buf_varint(b, f->n_bounds);
	for (uint32_t i = 0; i < f->n_bounds; i++)
		buf_le(b, f->bounds[i], 8);
	buf_varint(b, f->n_samples);
	for (uint32_t i = 0; i < f->n_samples; i++)
		put_str(b, f->samples[i]);
}

static uint32_t
float_bits(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	return bits;
}

static void
put_hist(struct buf *b, const float *rows)
{
	unsigned n = 0, last = 0;

	for (unsigned i = 1; i < HIST_ENTRIES; i++)
		n += float_bits(rows[i]) != float_bits(rows[i - 1]);
	buf_varint(b, n);
	for (unsigned i = 1; i < HIST_ENTRIES; i++)
		if (float_bits(rows[i]) != float_bits(rows[i - 1])) {
			buf_varint(b, i - last);
			buf_le(b, float_bits(rows[i]), 4);
			last = i;
		}
}

static void
put_cell_field(struct buf *b, const struct stats_cell_field *f)
{
	buf_varint(b, f->field);
	put_amount(b, f->n_present);
	put_amount(b, f->n_distinct);
	buf_putc(b, f->has_range);
	if (f->has_range) {
		buf_le(b, f->min, 8);
		buf_le(b, f->max, 8);
	}
	buf_varint(b, f->n_top);
	for (uint32_t i = 0; i < f->n_top; i++) {
		buf_le(b, f->top[i].hash, 8);
		put_value(b, &f->top[i].val);
		put_amount(b, f->top[i].n_rows);
	}
}

static void
put_cell(struct buf *b, const struct stats_cell *c)
{
	put_str(b, c->service);
	put_str(b, c->name);
	buf_putc(b, c->all);
	put_amount(b, c->n_rows);
	put_amount(b, c->n_errors);
	for (unsigned h = 0; h < N_STATS_HIST; h++)
		put_hist(b, c->hist[h]);
	buf_varint(b, c->n_fields);
	for (uint32_t i = 0; i < c->n_fields; i++)
		put_cell_field(b, &c->fields[i]);
}

void
summary_encode(struct buf *b, const struct stats_summary *s)
{
	buf_le(b, s->made_ns, 8);
	buf_varint(b, s->n_shards);
	put_amount(b, s->n_rows);
	put_amount(b, s->cell_rows);
	buf_varint(b, s->n_fields);
	for (uint32_t i = 0; i < s->n_fields; i++)
		put_field(b, &s->fields[i]);
	buf_varint(b, s->n_cells);
	for (uint32_t i = 0; i < s->n_cells; i++)
		put_cell(b, &s->cells[i]);
}

/* ---- reading ---- */

struct reader {
	struct cursor c;
	struct arena *a;
	bool oom;
};

static double
get_amount(struct reader *r)
{
	uint64_t bits = cursor_u64(&r->c);
	double x;

	memcpy(&x, &bits, sizeof x);
	/* There are no negative zeros either, but they are as good. */
	r->c.bad |= !isfinite(x) || x < 0;
	return r->c.bad ? 0 : x;
}

static bool
get_bool(struct reader *r)
{
	uint8_t x = cursor_u8(&r->c);

	r->c.bad |= x > 1;
	return x == 1;
}

/*
 * A list of items of `size` bytes in memory, `least` in the file; not zeroed, so its items are to be
 * set as far as *n goes. NULL: (bad, oom) a failure.
 */
static void *
get_list(struct reader *r, size_t least, size_t size, uint32_t *n)
{
	uint64_t k = cursor_varint(&r->c);
	void *v = NULL;

	*n = 0;
	if (r->c.bad || k > UINT32_MAX / 4 || k > cursor_left(&r->c) / least) {
		r->c.bad = true;
		return NULL;
	}
	if ((v = arena_alloc(r->a, (size_t)(k + 1) * size)) == NULL)
		r->oom = r->c.bad = true;
	else
		*n = (uint32_t)k;
	return v;
}

static struct value
get_value(struct reader *r)
{
	struct value v = { .type = cursor_u8(&r->c) };
	uint64_t bits;

	switch ((unsigned)v.type) {
	case VAL_EMPTY:
		break;
	case VAL_BOOL:
		v.b = get_bool(r);
		break;
	case VAL_INT:
	case VAL_DOUBLE:
		bits = cursor_u64(&r->c);
		memcpy(v.type == VAL_INT ? (void *)&v.i : (void *)&v.d, &bits, 8);
		break;
	case VAL_STRING:
	case VAL_BYTES:
	case VAL_ARRAY:
	case VAL_MAP:
		v.s = cursor_str(&r->c);
		break;
	default:
		r->c.bad = true;
	}
	return r->c.bad ? (struct value){ .type = VAL_EMPTY } : v;
}

static void
get_values(struct reader *r, struct stats_field *f)
{
	struct stats_value *v = get_list(r, 25, sizeof *v, &f->n_values);
	uint32_t *slots;

	f->values = v;
	for (uint32_t i = 0; i < f->n_values && !r->c.bad; i++) {
		v[i].hash = cursor_u64(&r->c);
		v[i].val = get_value(r);
		v[i].n_rows = get_amount(r);
		v[i].listed_present = get_amount(r);
	}
	for (f->n_slots = 16; f->n_slots < 2 * f->n_values;)
		f->n_slots *= 2;
	if ((f->slots = slots = arena_array(r->a, f->n_slots, uint32_t)) == NULL) {
		r->oom = r->c.bad = true;
		return;
	}
	for (uint32_t i = 0; i < f->n_values; i++) {
		uint32_t at = (uint32_t)v[i].hash;

		while (slots[at & (f->n_slots - 1)] != 0)
			at++;
		slots[at & (f->n_slots - 1)] = i + 1;
	}
}

static void
get_field(struct reader *r, struct stats_field *f)
{
	uint8_t scope = cursor_u8(&r->c), intrinsic = cursor_u8(&r->c);
	struct sv key = cursor_str(&r->c), *samples;
	uint8_t type = cursor_u8(&r->c);
	uint64_t *bounds;

	/* Of whole shards: no field is bare, or of another span. */
	r->c.bad |= scope == FIELD_BARE || scope >= FIELD_PARENT || intrinsic >= N_INTRINSICS ||
	    type >= VAL_TYPES;
	if (r->c.bad)
		return;
	f->field = (struct field){ .scope = scope, .intrinsic = intrinsic, .key = key };
	f->type = type;
	f->n_present = get_amount(r);
	f->n_distinct = get_amount(r);
	f->n_known = get_amount(r);
	f->width = get_amount(r);
	get_values(r, f);
	f->bounds = bounds = get_list(r, 8, sizeof *bounds, &f->n_bounds);
	for (uint32_t i = 0; i < f->n_bounds; i++) {
		bounds[i] = cursor_u64(&r->c);
		r->c.bad |= i > 0 && bounds[i] < bounds[i - 1];
	}
	/* None, or a bucket at least. */
	r->c.bad |= f->n_bounds == 1;
	f->bounds = f->n_bounds == 0 ? NULL : bounds;
	f->samples = samples = get_list(r, 1, sizeof *samples, &f->n_samples);
	for (uint32_t i = 0; i < f->n_samples; i++)
		samples[i] = cursor_str(&r->c);
}

static bool
field_rises(const struct stats_field *x, const struct stats_field *y)
{
	int c = field_cmp(&x->field, &y->field);

	return c < 0 || (c == 0 && x->type < y->type);
}

/* Into the entries at d. */
static void
get_hist(struct reader *r, float *d)
{
	uint64_t n = cursor_varint(&r->c), gap;
	unsigned at = 0;

	d[0] = 0;
	for (; n > 0 && !r->c.bad; n--) {
		uint32_t bits;
		float rows;

		gap = cursor_varint(&r->c);
		bits = cursor_u32(&r->c);
		memcpy(&rows, &bits, sizeof rows);
		r->c.bad |= gap == 0 || gap >= HIST_ENTRIES - at || !isfinite(rows) ||
		    rows < d[at];
		if (r->c.bad)
			return;
		for (; gap > 1; gap--, at++)
			d[at + 1] = d[at];
		d[++at] = rows;
	}
	for (; at + 1 < HIST_ENTRIES; at++)
		d[at + 1] = d[at];
}

static void
get_cell_field(struct reader *r, uint32_t n_fields, struct stats_cell_field *f)
{
	uint64_t place = cursor_varint(&r->c);
	struct stats_cell_value *v;

	r->c.bad |= place >= n_fields;
	f->field = (uint32_t)place;
	f->n_present = get_amount(r);
	f->n_distinct = get_amount(r);
	f->min = f->max = 0;
	if ((f->has_range = get_bool(r))) {
		f->min = cursor_u64(&r->c);
		f->max = cursor_u64(&r->c);
		r->c.bad |= f->min > f->max;
	}
	f->top = v = get_list(r, 17, sizeof *v, &f->n_top);
	for (uint32_t i = 0; i < f->n_top && !r->c.bad; i++) {
		v[i].hash = cursor_u64(&r->c);
		v[i].val = get_value(r);
		v[i].n_rows = get_amount(r);
	}
}

static void
get_cell(struct reader *r, uint32_t n_fields, struct stats_cell *c)
{
	float *d = arena_alloc(r->a, N_STATS_HIST * HIST_ENTRIES * sizeof *d);
	struct stats_cell_field *v;

	if (d == NULL) {
		r->oom = r->c.bad = true;
		return;
	}
	c->service = cursor_str(&r->c);
	c->name = cursor_str(&r->c);
	c->all = get_bool(r);
	c->n_rows = get_amount(r);
	c->n_errors = get_amount(r);
	for (unsigned h = 0; h < N_STATS_HIST; h++, d += HIST_ENTRIES) {
		c->hist[h] = d;
		get_hist(r, d);
	}
	c->fields = v = get_list(r, 19, sizeof *v, &c->n_fields);
	for (uint32_t i = 0; i < c->n_fields && !r->c.bad; i++) {
		get_cell_field(r, n_fields, &v[i]);
		r->c.bad |= i > 0 && v[i].field <= v[i - 1].field;
	}
}

static bool
cell_falls(const struct stats_cell *x, const struct stats_cell *y)
{
	int c = sv_cmp(x->service, y->service);

	return c > 0 || (c == 0 && sv_cmp(x->name, y->name) > 0);
}

int
summary_decode(struct sv bytes, struct arena *a, struct stats_summary *out, struct err *e)
{
	struct reader r = { .c = cursor_new(bytes.p, bytes.n), .a = a };
	struct stats_summary s = { .made_ns = cursor_u64(&r.c) };
	uint64_t n_shards = cursor_varint(&r.c);
	struct stats_field *fields;
	struct stats_cell *cells;

	r.c.bad |= n_shards > UINT32_MAX;
	s.n_shards = (uint32_t)n_shards;
	s.n_rows = get_amount(&r);
	s.cell_rows = get_amount(&r);
	s.fields = fields = get_list(&r, 39, sizeof *fields, &s.n_fields);
	r.c.bad |= s.n_fields > SUMMARY_FIELDS;
	for (uint32_t i = 0; i < s.n_fields && !r.c.bad; i++) {
		get_field(&r, &fields[i]);
		r.c.bad |= i > 0 && !r.c.bad && !field_rises(&fields[i - 1], &fields[i]);
	}
	s.cells = cells = get_list(&r, 24, sizeof *cells, &s.n_cells);
	r.c.bad |= s.n_cells > SUMMARY_CELLS;
	for (uint32_t i = 0; i < s.n_cells && !r.c.bad; i++) {
		get_cell(&r, s.n_fields, &cells[i]);
		r.c.bad |= i > 0 && !r.c.bad && cell_falls(&cells[i - 1], &cells[i]);
	}
	if (r.oom)
		return err_nomem(e);
	if (r.c.bad || cursor_left(&r.c) != 0)
		return err_set(e, ERR_CORRUPT, (int64_t)cursor_off(&r.c),
		    "impossible content near offset %zu", cursor_off(&r.c));
	*out = s;
	return 0;
}

/* ---- the file ---- */

/* What must be the same for who reads it. */
static uint64_t
program_of(const struct summary_options *o, struct err *e)
{
	struct buf b = BUF_INIT;
	uint64_t h = 0;

	buf_printf(&b, "spanfs %s summary %d top %u buckets %u of %d cells %d fields %d",
	    PACKAGE_VERSION, SUMMARY_FORMAT, (unsigned)o->top_values, (unsigned)o->buckets,
	    STATS_LOG_BUCKETS, SUMMARY_CELLS, SUMMARY_FIELDS);
	if (buf_ok(&b, e) == 0)
		h = hash64(b.p, b.n);
	buf_release(&b);
	return h;
}

int
summary_keep(struct fsys *fs, const struct snapshot *made_from, const struct summary_options *o,
    const struct stats_summary *s, struct err *e)
{
	struct buf b = BUF_INIT;
	uint64_t program;
	int rc;

	if ((program = program_of(o, e)) == 0)
		return ERR_NOMEM;
	summary_encode(&b, s);
	if ((rc = buf_ok(&b, e)) == 0)
		rc = kept_write(fs, KEPT_SUMMARY, made_from, program, buf_view(&b), e);
	buf_release(&b);
	return rc;
}

int
summary_kept(struct fsys *fs, const struct snapshot *snap, const struct summary_options *o,
    struct summary **out, struct err *e)
{
	struct summary *s = calloc(1, sizeof *s);
	uint64_t program = program_of(o, e);
	struct kept k;
	int rc;

	if (s == NULL || program == 0) {
		free(s);
		return err_nomem(e);
	}
	atomic_init(&s->refs, 1);
	arena_init(&s->arena);
	if ((rc = kept_read(fs, KEPT_SUMMARY, snap, program, &s->arena, &k, e)) != 0 ||
	    (rc = summary_decode(k.content, &s->arena, &s->stats, e)) != 0) {
		summary_unref(s);
		return rc;
	}
	s->stats.generation = k.generation;
	*out = s;
	return 0;
}
