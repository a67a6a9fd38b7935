/* SPDX-License-Identifier: ISC */
/*
 * agg_columns: rows into groups by columns of values instead of span by span, see agg/agg_columns.h.
 * Each key gives every row a small number, so that rows of one group have the same number in
 * the end: a key at a time is taken in, and what pairs there are is numbered anew. A group is looked
 * up once for all its rows, and then each measure goes through its column.
 *
 * What a row has is what agg_add would have found in its span, so the two may be mixed.
 */
#include "agg/agg_columns.h"
#include "agg_i.h"

#define DIRECT_MORE 1024	/* pairs beside 4 a row that are numbered by an array */

struct batch_groups {
	struct agg_table *t;
	enum agg_side side;
	const struct agg_batch *b;
	struct arena *mem;
	uint32_t *no;			/* of each row; below n */
	uint32_t n;
	uint32_t *first;		/* of each number, a row that has it; if count is not 0 */
	uint32_t *count;		/* of each number, rows that have it */
	__int128 *buckets;		/* of each row's place in `bucket_no` */
	uint32_t *bucket_no;		/* NULL: no buckets */
};

/* ---- numbering ---- */

/* 64-bit numbers to small ones, as they come. */
struct numbering {
	uint64_t *key;
	uint32_t *no;			/* 0: free, else the number and one */
	size_t mask;
	uint32_t n;
};

static bool
numbering_init(struct numbering *x, uint32_t most, struct arena *a)
{
	size_t n = 16;

	while (n < 2 * (size_t)most)
		n *= 2;
	*x = (struct numbering){ arena_array(a, n, uint64_t), arena_calloc(a, n, sizeof *x->no),
	    n - 1, 0 };
	return x->key != NULL && x->no != NULL;
}

static uint32_t
number_of_key(struct numbering *x, uint64_t key)
{
	size_t at = (size_t)hash_u64(key) & x->mask;

	for (; x->no[at] != 0; at = (at + 1) & x->mask)
		if (x->key[at] == key)
			return x->no[at] - 1;
	x->key[at] = key;
	x->no[at] = ++x->n;
	return x->n - 1;
}

/* ---- keys as codes: 0 none, else a code and one ---- */

struct key_codes {
	const uint32_t *code;
	uint32_t more;			/* added to each: 1, of AGG_NO_CODE 0 comes */
	uint32_t n;			/* all are below then */
};

_Static_assert(AGG_NO_CODE + 1 == 0, "no code and one is none");

static bool
has_number(const struct agg_column *c, uint32_t i)
{
	return c->present == NULL || c->present[i] != 0;
}

static int
codes_of_numbers(struct batch_groups *x, const struct agg_column *c, struct key_codes *out,
    struct err *e)
{
	uint32_t *v = arena_array(x->mem, x->b->n, uint32_t);
	struct numbering by;

	if (v == NULL || !numbering_init(&by, x->b->n, x->mem))
		return err_nomem(e);
	for (uint32_t i = 0; i < x->b->n; i++)
		v[i] = has_number(c, i) ? number_of_key(&by, c->numbers[i]) + 1 : 0;
	*out = (struct key_codes){ v, 0, by.n + 1 };
	return 0;
}

/* Rows near each other are of one bucket, mostly. */
static int
codes_of_buckets(struct batch_groups *x, struct key_codes *out, struct err *e)
{
	const struct agg_table *t = x->t;
	uint32_t n = x->b->n, no = 0, *v = arena_array(x->mem, n, uint32_t);
	__int128 from = 0, to = 0;
	struct numbering by;

	x->buckets = arena_array(x->mem, n, __int128);
	if (v == NULL || x->buckets == NULL || !numbering_init(&by, n, x->mem))
		return err_nomem(e);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t start = x->b->start_ns[i], moved;

		if (x->side == SIDE_NOW || __builtin_add_overflow(start, t->opt.shift, &moved))
			moved = start;
		if (moved < from || moved >= to || i == 0) {
			from = step_floor(t->opt.step, moved);
			to = step_after(t->opt.step, from);
			no = number_of_key(&by, (uint64_t)from);
			x->buckets[no] = from;
		}
		v[i] = no;
	}
	x->bucket_no = v;
	*out = (struct key_codes){ v, 0, by.n };
	return 0;
}

/* ---- groups of the batch ---- */

/*
 * Takes a key in: rows that differ in it differ in their number from here on. Of the only one codes are
 * the numbers, and some of them may be of no row.
 */
static int
take_key(struct batch_groups *x, const struct key_codes *k, bool last, struct err *e)
{
	uint64_t pairs = (uint64_t)x->n * k->n;
	uint32_t n = 0, *direct = NULL;
	struct numbering by = { 0 };

	if (last && x->n == 1 && k->n <= x->b->n / 2) {
		for (uint32_t i = 0; i < x->b->n; i++)
			x->no[i] = k->code[i] + k->more;
		x->n = k->n;
		return 0;
	}
	if (pairs <= 4 * (uint64_t)x->b->n + DIRECT_MORE)
		direct = arena_calloc(x->mem, (size_t)pairs, sizeof *direct);
	if (direct == NULL && !numbering_init(&by, x->b->n, x->mem))
		return err_nomem(e);
	for (uint32_t i = 0; i < x->b->n; i++) {
		uint64_t pair = (uint64_t)x->no[i] * k->n + (uint32_t)(k->code[i] + k->more);

		if (direct == NULL)
			x->no[i] = number_of_key(&by, pair);
		else if (direct[pair] != 0)
			x->no[i] = direct[pair] - 1;
		else
			x->no[i] = (direct[pair] = ++n) - 1;
	}
	x->n = direct == NULL ? by.n : n;
	return 0;
}

static int
number_rows(struct batch_groups *x, struct err *e)
{
	const struct agg_table *t = x->t;
	struct key_codes k;
	int code;

	x->no = arena_calloc(x->mem, x->b->n, sizeof *x->no);
	if (x->no == NULL)
		return err_nomem(e);
	x->n = 1;
	if (t->g->has_bucket && ((code = codes_of_buckets(x, &k, e)) < 0 ||
	    (code = take_key(x, &k, t->g->n_keys == 0, e)) < 0))
		return code;
	for (size_t i = 0; i < t->g->n_keys; i++) {
		const struct agg_column *c = &x->b->columns[t->key_slots[i]];

		if (c->kind == AGG_COLUMN_NONE)
			continue;
		code = 0;
		if (c->kind == AGG_COLUMN_CODES)
			k = (struct key_codes){ c->codes, 1, c->n_codes + 1 };
		else
			code = codes_of_numbers(x, c, &k, e);
		if (code < 0 || (code = take_key(x, &k, i + 1 == t->g->n_keys, e)) < 0)
			return code;
	}
	return 0;
}

/* False: the row has none. */
static bool
value_of(const struct agg_column *c, uint32_t i, struct value *v)
{
	switch (c->kind) {
	case AGG_COLUMN_NONE:
		return false;
	case AGG_COLUMN_CODES:
		if (c->codes[i] == AGG_NO_CODE)
			return false;
		c->value(c->arg, c->codes[i], v);
		return true;
	case AGG_COLUMN_NUMBERS:
		break;
	}
	if (!has_number(c, i))
		return false;
	*v = (struct value){ .type = c->type };
	if (c->type == VAL_DOUBLE)
		memcpy(&v->d, &c->numbers[i], sizeof v->d);
	else if (c->type == VAL_BOOL)
		v->b = c->numbers[i] != 0;
	else
		v->i = (int64_t)c->numbers[i];
	return true;
}

static int
group_of_row(struct batch_groups *x, uint32_t row, struct group **out, struct err *e)
{
	struct agg_table *t = x->t;
	struct value v;
	int code;

	t->key.n = 0;
	for (size_t i = 0; i < t->g->n_keys; i++)
		if (value_of(&x->b->columns[t->key_slots[i]], row, &v))
			value_pack_key(&t->key, &v);
		else
			buf_putc(&t->key, KEY_NULL);
	if ((code = buf_ok(&t->key, e)) < 0)
		return code;
	return table_get_group(t, x->bucket_no == NULL ? 0 : x->buckets[x->bucket_no[row]],
	    buf_view(&t->key), out, e);
}

static int
find_groups(struct batch_groups *x, struct group **groups, struct err *e)
{
	int code = 0;

	for (uint32_t i = 0; i < x->b->n; i++)
		if (x->count[x->no[i]]++ == 0)
			x->first[x->no[i]] = i;
	for (uint32_t i = 0; code == 0 && i < x->n; i++)
		if (x->count[i] != 0 && (code = agg_check(x->t, e)) == 0)
			code = group_of_row(x, x->first[i], &groups[i], e);
	return code;
}

/* ---- measures ---- */

static int
measure_rows(struct batch_groups *x, const struct measure *m, struct group *const *groups,
    struct err *e)
{
	struct agg_table *t = x->t;
	const struct agg_slot *slot = &t->slots[m->slot];
	const struct agg_column *c = &x->b->columns[m->slot];
	struct value v;
	int code = 0;

	if (c->kind == AGG_COLUMN_NONE)
		return 0;
	if (bulk_may(m, slot, c)) {
		const struct bulk b = { t, x->side, x->mem, x->no, groups, x->count, x->n,
		    c->numbers, c->present, x->b->n };

		if ((code = bulk_add(&b, m, slot->is_unsigned, e)) != 0)
			return code < 0 ? code : 0;
	}
	for (uint32_t i = 0; code == 0 && i < x->b->n; i++) {
		char *states = groups[x->no[i]]->side[x->side].states;

		if (value_of(c, i, &v) && (code = agg_check(t, e)) == 0)
			code = table_state_add(t, m, states + m->at, slot, &v, e);
	}
	return code;
}

static void
count_rows(struct batch_groups *x, struct group *const *groups)
{
	const uint8_t *error = x->b->error;
	uint32_t n = x->b->n, i = 0;
	uint64_t eight;

	for (uint32_t k = 0; k < x->n; k++)
		if (x->count[k] != 0)
			groups[k]->side[x->side].count += x->count[k];
	/* Errors are few. */
	for (; i + 8 <= n; i += 8) {
		memcpy(&eight, error + i, 8);
		for (uint32_t k = i; eight != 0 && k < i + 8; k++)
			groups[x->no[k]]->side[x->side].errors += error[k];
	}
	for (; i < n; i++)
		groups[x->no[i]]->side[x->side].errors += error[i];
}

static void
note_range(struct agg_table *t, enum agg_side side, const struct agg_batch *b)
{
	if (side != SIDE_NOW)
		return;
	t->first_ns = b->first_ns < t->first_ns ? b->first_ns : t->first_ns;
	t->last_ns = b->last_ns > t->last_ns ? b->last_ns : t->last_ns;
	t->n_items += b->n;
}

void
agg_note_spans(struct agg_table *t, enum agg_side side, const uint64_t *start_ns, uint32_t n)
{
	if (side != SIDE_NOW)
		return;
	for (uint32_t i = 0; i < n; i++) {
		t->first_ns = start_ns[i] < t->first_ns ? start_ns[i] : t->first_ns;
		t->last_ns = start_ns[i] > t->last_ns ? start_ns[i] : t->last_ns;
	}
	t->n_items += n;
}

bool
agg_wants_starts(const struct agg_table *t)
{
	return t->g->has_bucket;
}

bool
agg_takes_columns(const struct agg_table *t)
{
	return !t->g->per_trace;
}

size_t
agg_n_slots(const struct agg_table *t)
{
	return t->n_slots;
}

const struct field *
agg_slot_field(const struct agg_table *t, size_t slot)
{
	return &t->slots[slot].field;
}

/* *counted: it is too late to begin anew. */
static int
add_batch(struct batch_groups *x, bool *counted, struct err *e)
{
	struct agg_table *t = x->t;
	struct group **groups;
	int code;

	if ((code = number_rows(x, e)) < 0)
		return code;
	groups = arena_array(x->mem, x->n, struct group *);
	x->first = arena_array(x->mem, x->n, uint32_t);
	x->count = arena_calloc(x->mem, x->n, sizeof *x->count);
	if (groups == NULL || x->first == NULL || x->count == NULL)
		return err_nomem(e);
	if ((code = find_groups(x, groups, e)) < 0)
		return code;
	*counted = true;
	count_rows(x, groups);
	for (size_t i = 0; code == 0 && i < t->n_measures; i++)
		code = measure_rows(x, &t->measures[i], groups, e);
	return code;
}

static int add_rows(struct batch_groups, uint32_t from, uint32_t n, struct err *);

/* The groups of so many rows are more than there is room for: those of half of them at a time. */
static int
add_halves(struct batch_groups x, uint32_t n, struct err *e)
{
	int code = table_spill(x.t, e);

	if (code == 0)
		code = add_rows(x, 0, n / 2, e);
	return code < 0 ? code : add_rows(x, n / 2, n - n / 2, e);
}

/* Rows [from, from + n) of the batch. Recursion is as deep as they can be halved. */
static int
add_rows(struct batch_groups x, uint32_t from, uint32_t n, struct err *e)
{
	struct agg_table *t = x.t;
	struct agg_column *columns = arena_array(x.mem, t->n_slots + 1, struct agg_column);
	struct agg_batch b = { .n = n, .error = x.b->error + from, .columns = columns };
	bool counted = false;
	int code = table_make_room(t, e);

	if (code < 0 || columns == NULL)
		return code < 0 ? code : err_nomem(e);
	for (size_t i = 0; i < t->n_slots; i++) {
		columns[i] = x.b->columns[i];
		if (columns[i].codes != NULL)
			columns[i].codes += from;
		if (columns[i].numbers != NULL)
			columns[i].numbers += from;
		if (columns[i].present != NULL)
			columns[i].present += from;
	}
	if (x.b->start_ns != NULL)
		b.start_ns = x.b->start_ns + from;
	x.b = &b;
	t->pinned = true;
	code = add_batch(&x, &counted, e);
	t->pinned = false;
	if (code == ERR_NOMEM && !counted && n > 1 && table_can_spill(t))
		code = add_halves(x, n, e);
	return code;
}

/* So many rows that, if each is a group, they have room beside those that needn't go yet. */
static uint32_t
rows_at_once(const struct agg_table *t, uint32_t n)
{
	size_t bytes = 256 + (t->g->versus ? 2 : 1) * (t->side_bytes + 64 * t->n_measures);
	size_t most = t->opt.memory / 16 / bytes;

	return t->spill_to == NULL || n <= most ? n : most < 64 ? 64 : (uint32_t)most;
}

int
agg_add_traces(struct agg_table *t, enum agg_side side, const struct agg_batch *b,
    struct arena *mem, struct err *e)
{
	struct batch_groups x = { .t = t, .side = side, .b = b, .mem = mem };
	int code = 0;

	for (uint32_t at = 0, n; code == 0 && at < b->n; at += n) {
		n = rows_at_once(t, b->n - at);
		code = add_rows(x, at, n, e);
	}
	return code;
}

int
agg_add_columns(struct agg_table *t, enum agg_side side, const struct agg_batch *b,
    struct arena *mem, struct err *e)
{
	if (b->start_ns != NULL)
		agg_note_spans(t, side, b->start_ns, b->n);
	else
		note_range(t, side, b);
	return agg_add_traces(t, side, b, mem, e);
}
