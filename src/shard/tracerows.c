/* SPDX-License-Identifier: ISC */
/*
 * tracerows: the rows of each of a shard's traces, by the trace's ordinal (traceids), in one
 * object of the chunk cache. Kept unpacked: walks over whole traces look at them one by one.
 *
 * Validated so that every row is of exactly one trace, and that those of one trace rise. Both
 * are asked of 64 rows at a time: n_rows rows below n_rows that set n_rows bits are all
 * different; and where a row is less than the one before it, a trace has to begin.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "shard_i.h"

struct tracerows {
	struct cached cached;
	struct shard *shard;
	struct cache_slot *pin;
	const uint32_t *ends;	/* ends[i]: rows of all traces up to i; ends[-1] is 0 */
	const uint32_t *rows;
};

/* Packs of ends and rows out of the raw section. */
static int
open_packs(const struct shard *s, const struct section *sec, const uint8_t *raw,
    struct pack *ends, struct pack *rows, struct err *e)
{
	struct err why = ERR_INIT;
	uint32_t head[2];

	if (sec->n_raw < sizeof head)
		return section_bad(s, sec, e, 0, "cut short");
	memcpy(head, raw, sizeof head);
	if (head[0] % 8 != 0 || head[0] > sec->n_raw - sizeof head || head[1] != 0)
		return section_bad(s, sec, e, 0, "size of a pack");
	if (pack_open(ends, raw + 8, head[0], &why) != 0 ||
	    pack_open(rows, raw + 8 + head[0], sec->n_raw - 8 - head[0], &why) != 0)
		return section_bad(s, sec, e, 8, "%s", why.msg);
	if (ends->n != s->info.n_traces || ends->n_bytes != head[0] ||
	    rows->n != s->info.n_rows || rows->n_bytes != sec->n_raw - 8 - head[0])
		return section_bad(s, sec, e, 8, "pack of another size");
	return 0;
}

static void
unpack(const struct pack *p, uint64_t max, uint32_t *out)
{
	uint64_t v[PACK_BLOCK];

	for (size_t b = 0; b < p->n_blocks; b++) {
		size_t n = pack_decode_block(p, b, v);

		/* What is too large stays so in 32 bits. */
		for (size_t i = 0; i < n; i++)
			out[b * PACK_BLOCK + i] = (uint32_t)(v[i] < max ? v[i] : max);
	}
}

/* Bits where a trace begins. */
static const char *
check_ends(const struct shard_info *info, const uint32_t *ends, uint64_t *begins)
{
	uint32_t at = 0;

	for (uint64_t t = 0; t < info->n_traces; t++) {
		if (ends[t] <= at || ends[t] > info->n_rows)
			return "ends of traces do not rise";
		bitmap_set(begins, at);
		at = ends[t];
	}
	return at == info->n_rows ? NULL : "rows do not add up";
}

/* Of rows [from, to), at most 64, bits for those that are less than the one before. */
static uint64_t
falls(const uint32_t *rows, uint64_t from, uint64_t to)
{
	uint64_t bits = 0;

	for (uint64_t i = from == 0 ? 1 : from; i < to; i++)
		bits |= (uint64_t)(rows[i] < rows[i - 1]) << (i - from);
	return bits;
}

static const char *
check_rows(const struct shard_info *info, const uint32_t *rows, const uint64_t *begins,
    uint64_t *seen)
{
	uint32_t max = 0;

	for (uint64_t i = 0; i < info->n_rows; i++)
		max = rows[i] > max ? rows[i] : max;
	if (max < info->n_rows)
		for (uint64_t i = 0; i < info->n_rows; i++)
			bitmap_set(seen, rows[i]);
	if (bitmap_count(seen, info->n_rows) != info->n_rows)
		return "a row is not of exactly one trace";
	for (uint64_t at = 0; at < info->n_rows; at += 64) {
		uint64_t to = info->n_rows - at < 64 ? info->n_rows : at + 64;

		if ((falls(rows, at, to) & ~begins[at / 64]) != 0)
			return "rows of a trace do not rise";
	}
	return NULL;
}

static int
unpack_rows(struct shard *s, const struct section *sec, struct tracerows *t,
    const struct pack *ends, const struct pack *rows, struct err *e)
{
	const struct shard_info *info = &s->info;
	uint32_t *p = malloc((info->n_traces + info->n_rows) * sizeof *p);
	size_t words = BITMAP_WORDS(info->n_rows);
	uint64_t *bits = calloc(2 * words, sizeof *bits);
	const char *why;

	t->cached.extra = p;
	if (p == NULL || bits == NULL) {
		free(bits);
		return err_nomem(e);
	}
	unpack(ends, info->n_rows + 1, p);
	unpack(rows, info->n_rows, p + info->n_traces);
	t->ends = p;
	t->rows = p + info->n_traces;
	if ((why = check_ends(info, t->ends, bits)) == NULL)
		why = check_rows(info, t->rows, bits, bits + words);
	free(bits);
	return why == NULL ? 0 : section_bad(s, sec, e, 8, "%s", why);
}

static int
fill(struct shard *s, const struct section *sec, struct tracerows *t, struct err *e)
{
	struct pack ends, rows;
	void *raw;
	int rc;

	if ((rc = section_read(s, sec, 0, &raw, e)) != 0)
		return rc;
	if ((rc = open_packs(s, sec, raw, &ends, &rows, e)) == 0)
		rc = unpack_rows(s, sec, t, &ends, &rows, e);
	free(raw);
	return rc;
}

static int
make_tracerows(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	struct tracerows *t = calloc(1, sizeof *t);
	int rc;

	(void)arg;
	if (t == NULL)
		return err_nomem(e);
	t->shard = s;
	t->pin = section_slot(s, sec);
	if ((rc = fill(s, sec, t, e)) != 0) {
		cached_free(&t->cached);
		return rc;
	}
	*out = &t->cached;
	*bytes = sizeof *t + (s->info.n_traces + s->info.n_rows) * sizeof *t->rows;
	return 0;
}

int
tracerows_get(struct shard *s, const struct tracerows **out, struct err *e)
{
	struct cached *v;
	int rc = section_get(s, &s->sections[s->single[SECTION_TRACE_ROWS]], make_tracerows, NULL,
	    &v, e);

	if (rc == 0)
		*out = (const struct tracerows *)(const void *)v;
	return rc;
}

void
tracerows_put(const struct tracerows *t)
{
	if (t != NULL)
		cache_unpin(t->shard->cache, t->pin);
}

static uint32_t
rows_from(const struct tracerows *t, uint32_t ordinal)
{
	return ordinal == 0 ? 0 : t->ends[ordinal - 1];
}

uint32_t
tracerows_n(const struct tracerows *t, uint32_t ordinal)
{
	return t->ends[ordinal] - rows_from(t, ordinal);
}

uint32_t
tracerows_at(const struct tracerows *t, uint32_t ordinal, uint32_t i)
{
	return t->rows[rows_from(t, ordinal) + i];
}
