/* SPDX-License-Identifier: ISC */
/*
 * fetch: see shard/fetch.h. Rows come in any order; they are sorted, and cut where a row group
 * ends or FETCH_GROUP rows are together; fetch_span fills each group column by column.
 *
 * What spans borrow is pinned until the reset: the shard, its trace ids, each dictionary
 * used, and chunks that hold strings in place. Chunks of numbers are given back at once.
 */
#include "fetch_i.h"
#include "base/radix.h"
#include "model/usage.h"

#include <stdlib.h>

#define MAX_BYTES ((size_t)2 << 30)
#define SCRATCH_KEPT 65536	/* rows: larger scratch is given back by a reset */
#define RADIX_BITS 10		/* two passes sort LIMIT_SHARD_ROWS rows */
#define SMALL_SORT 48

int
fetch_new(struct fetch **out, struct err *e)
{
	struct fetch *f = calloc(1, sizeof *f);

	if (f == NULL)
		return err_nomem(e);
	arena_init(&f->arena);
	f->max_bytes = MAX_BYTES;
	*out = f;
	return 0;
}

void
fetch_limit(struct fetch *f, size_t max_bytes)
{
	f->max_bytes = max_bytes;
}

struct arena *
fetch_arena(struct fetch *f)
{
	return &f->arena;
}

static void
free_scratch(struct fetch *f)
{
	free(f->sel);
	free(f->ord);
	free(f->count);
	free(f->val);
	free(f->str);
	free(f->lists);
	f->sel = f->ord = f->count = NULL;
	f->val = NULL;
	f->str = NULL;
	f->lists = NULL;
	f->room = 0;
	free(f->who);
	free(f->what);
	f->who = NULL;
	f->what = NULL;
	f->n_who = f->who_room = 0;
	free(f->child);
	free(f->owner);
	f->child = f->owner = NULL;
	f->child_room = 0;
	vec_release(&f->merge);
	vec_release(&f->words);
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	fetch_reset(f);
	free_scratch(f);
	free(f->pairs);
	free(f->pairs_tmp);
	vec_release(&f->runs);
	vec_release(&f->pins);
	vec_release(&f->dicts);
	vec_release(&f->shards);
	arena_release(&f->arena);
	free(f);
}

static void
shard_release(struct fetch_shard *fs)
{
	const struct shard_info *info = shard_info(fs->s);

	for (uint32_t i = 0; fs->span_ids != NULL && i < info->n_row_groups; i++)
		chunk_put(fs->span_ids[i]);
	traceids_put(fs->ids);
	tracerows_put(fs->trace_rows);
	shard_unref(fs->s);
}

void
fetch_reset(struct fetch *f)
{
	for (size_t i = 0; i < f->pins.n; i++)
		chunk_put(f->pins.v[i]);
	f->pins.n = 0;
	for (size_t i = 0; i < f->dicts.n; i++)
		dict_put(f->dicts.v[i]);
	f->dicts.n = 0;
	for (size_t i = 0; i < f->shards.n; i++)
		shard_release(&f->shards.v[i]);
	f->shards.n = 0;
	arena_reset(&f->arena);
	if (f->room > SCRATCH_KEPT || f->child_room > SCRATCH_KEPT)
		free_scratch(f);
}

/* ---- the shard's context ---- */

static int
shard_init(struct fetch *f, struct fetch_shard *fs, struct err *e)
{
	const struct shard_info *info = shard_info(fs->s);
	size_t n;
	int rc;

	fs->dicts = arena_array(&f->arena, info->n_columns, const struct dict *);
	fs->span_ids = arena_array(&f->arena, info->n_row_groups, const struct chunk *);
	if (fs->dicts == NULL || fs->span_ids == NULL)
		return err_nomem(e);
	if ((rc = shard_resources(fs->s, &fs->resources, &n, e)) != 0 ||
	    (rc = shard_scopes(fs->s, &fs->scopes, &n, e)) != 0)
		return rc;
	return traceids_get(fs->s, &fs->ids, e);
}

static int
context(struct fetch *f, struct shard *s, struct fetch_shard **out, struct err *e)
{
	struct fetch_shard fs = { .s = s };
	int rc;

	for (size_t i = f->shards.n; i > 0; i--)
		if (f->shards.v[i - 1].s == s) {
			*out = &f->shards.v[i - 1];
			return 0;
		}
	(void)shard_ref(s);
	if ((rc = shard_init(f, &fs, e)) == 0 && !vec_push(&f->shards, fs))
		rc = err_nomem(e);
	if (rc != 0) {
		shard_release(&fs);
		return rc;
	}
	*out = &f->shards.v[f->shards.n - 1];
	return 0;
}

/* ---- the projection ---- */

static void
want_intrinsics(struct fetch_want *w, intrinsic_set bits)
{
#define BIT(id) INTRINSIC_BIT(id)
	w->rest |= (bits & (BIT(IN_STATUS_MESSAGE) | BIT(IN_TRACE_STATE) | BIT(IN_FLAGS))) != 0;
	w->events |= (bits & (BIT(IN_EVENT_NAME) | BIT(IN_EVENT_TIME) | BIT(IN_SCORE_NAME) |
	    BIT(IN_SCORE_VALUE) | BIT(IN_SCORE_LABEL))) != 0;
	w->links |= (bits & (BIT(IN_LINK_TRACE_ID) | BIT(IN_LINK_SPAN_ID))) != 0;
	w->duration |= (bits & (BIT(IN_END) | BIT(IN_DURATION))) != 0;
	w->start |= w->duration || (bits & (BIT(IN_START) | BIT(IN_BUCKET))) != 0;
	w->resource |= (bits & BIT(IN_SERVICE)) != 0;
	w->scope |= (bits & (BIT(IN_SCOPE) | BIT(IN_SCOPE_VERSION))) != 0;
	w->kind |= (bits & BIT(IN_KIND)) != 0;
	w->status |= (bits & BIT(IN_STATUS)) != 0;
	w->name |= (bits & BIT(IN_NAME)) != 0;
	w->parent |= (bits & BIT(IN_PARENT_SPAN_ID)) != 0;
#undef BIT
}

static void
want_usual(struct fetch_want *w)
{
	w->start = w->duration = w->resource = w->scope = true;
	w->kind = w->status = w->name = w->parent = true;
}

/* Puts the key in its place, once. There are few. */
static void
add_key(struct sv *keys, size_t *n, struct sv key)
{
	size_t at = *n;

	while (at > 0 && sv_cmp(keys[at - 1], key) > 0)
		at--;
	if (at > 0 && sv_eq(keys[at - 1], key))
		return;
	memmove(keys + at + 1, keys + at, (*n - at) * sizeof *keys);
	keys[at] = key;
	++*n;
}

/* What tokens and cost are read from. */
static void
add_usage_keys(struct sv *keys, size_t *n, intrinsic_set bits)
{
#define BIT(id) INTRINSIC_BIT(id)
	if ((bits & (BIT(IN_TOKENS_INPUT) | BIT(IN_TOKENS_OUTPUT) | BIT(IN_TOKENS_TOTAL) |
	    BIT(IN_COST))) == 0)
		return;
#undef BIT
	for (size_t i = 0; usage_key(i) != NULL; i++)
		add_key(keys, n, sv_cstr(usage_key(i)));
}

static int
want_of(struct fetch *f, const struct projection *p, struct fetch_want *w, struct err *e)
{
	intrinsic_set bits = p != NULL ? p->intrinsics : 0;
	struct sv *keys;

	*w = (struct fetch_want){ .attrs = true, .rest = true, .events = true, .links = true };
	if (p == NULL || p->all) {
		want_usual(w);
		return 0;
	}
	*w = (struct fetch_want){ .attrs = p->attrs, .rest = p->rest, .events = p->events,
		.links = p->links, .resource = p->resource, .scope = p->scope };
	if (!p->lean)
		want_usual(w);
	if ((keys = arena_array(&f->arena, p->n_fields + USAGE_KEYS, struct sv)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < p->n_fields; i++) {
		const struct field *fd = &p->fields[i];

		if (fd->scope == FIELD_INTRINSIC)
			bits |= INTRINSIC_BIT(fd->intrinsic);
		else if (fd->scope == FIELD_SPAN || fd->scope == FIELD_BARE)
			add_key(keys, &w->n_keys, fd->key);
		w->events |= fd->scope == FIELD_EVENT;
		w->links |= fd->scope == FIELD_LINK;
		w->resource |= fd->scope == FIELD_RESOURCE || fd->scope == FIELD_BARE;
		w->scope |= fd->scope == FIELD_SCOPE;
	}
	want_intrinsics(w, bits);
	add_usage_keys(keys, &w->n_keys, bits);
	/* Times of events are counted from the start. */
	w->start |= w->events;
	w->keys = keys;
	return 0;
}

/* ---- sorting ---- */

static void
sort_small(uint64_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t x = v[i];
		size_t at = i;

		for (; at > 0 && v[at - 1] > x; at--)
			v[at] = v[at - 1];
		v[at] = x;
	}
}

/* By the rows, which are the high halves. */
static void
radix_rows(uint64_t *v, uint64_t *tmp, size_t n)
{
	RADIX_PASS(RADIX_BITS, v, tmp, n, i, v[i] >> 32);
	RADIX_PASS(RADIX_BITS, tmp, v, n, i, tmp[i] >> (32 + RADIX_BITS));
}

static bool
rising(const uint64_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (v[i] < v[i - 1])
			return false;
	return true;
}

/* f->pairs: row << 32 | i for every i, by row. */
static int
sort_rows(struct fetch *f, const struct shard_info *info, const uint32_t *rows, size_t n,
    struct err *e)
{
	if (n > f->pairs_room) {
		if (n > UINT32_MAX || !fetch_grow(&f->pairs, n, sizeof *f->pairs) ||
		    !fetch_grow(&f->pairs_tmp, n, sizeof *f->pairs_tmp))
			return err_nomem(e);
		f->pairs_room = n;
	}
	for (size_t i = 0; i < n; i++) {
		if (rows[i] >= info->n_rows)
			return err_set(e, ERR_CORRUPT, -1, "%s: row %u of %llu", info->file,
			    rows[i], (unsigned long long)info->n_rows);
		f->pairs[i] = (uint64_t)rows[i] << 32 | i;
	}
	if (rising(f->pairs, n))
		return 0;
	if (n <= SMALL_SORT) {
		sort_small(f->pairs, n);
		return 0;
	}
	radix_rows(f->pairs, f->pairs_tmp, n);
	return 0;
}

/* ---- groups ---- */

/*
 * Takes pairs from *at on while they are of one row group and fit; fetches the different rows
 * among them. A row asked for again is copied: both spans borrow the same.
 */
static int
next_group(struct fetch *f, struct fetch_shard *fs, const struct fetch_want *w, size_t n,
    size_t *at, struct span *out, struct err *e)
{
	uint32_t size = shard_info(fs->s)->row_group_rows, row[FETCH_GROUP];
	struct rows r = { f, fs, (uint32_t)(f->pairs[*at] >> 32) / size, row, 0, e };
	struct span *spans[FETCH_GROUP];
	size_t from = *at, i;
	int rc;

	for (i = from; i < n; i++) {
		uint32_t x = (uint32_t)(f->pairs[i] >> 32);

		if (x / size != r.group)
			break;
		if (r.n > 0 && row[r.n - 1] == x % size)
			continue;
		if (r.n == FETCH_GROUP)
			break;
		row[r.n] = x % size;
		spans[r.n] = &out[(uint32_t)f->pairs[i]];
		memset(spans[r.n++], 0, sizeof *out);
	}
	*at = i;
	if ((rc = fetch_group(&r, w, spans)) != 0)
		return rc;
	for (size_t k = from + 1; k < i; k++)
		if (f->pairs[k] >> 32 == f->pairs[k - 1] >> 32)
			out[(uint32_t)f->pairs[k]] = out[(uint32_t)f->pairs[k - 1]];
	return 0;
}

int
fetch_rows(struct fetch *f, struct shard *s, const uint32_t *rows, size_t n,
    const struct projection *p, struct span *out, struct err *e)
{
	struct fetch_shard *fs = NULL;
	struct fetch_want w;
	size_t at = 0;
	int rc;

	if (n == 0)
		return 0;
	if ((rc = want_of(f, p, &w, e)) != 0 || (rc = context(f, s, &fs, e)) != 0 ||
	    (rc = sort_rows(f, shard_info(s), rows, n, e)) != 0)
		return rc;
	while (at < n)
		if ((rc = next_group(f, fs, &w, n, &at, out, e)) != 0)
			return rc;
	return 0;
}
