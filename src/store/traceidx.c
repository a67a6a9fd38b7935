/* SPDX-License-Identifier: ISC */
/*
 * traceidx: a shard's traces: their ids in order and the rows of each, from two sections, in
 * one object of the chunk cache (in the slot of the ids). Rows are kept unpacked: walks over
 * whole traces look at them one by one. Validated so that every row is of exactly one trace.
 */
#include <endian.h>
#include <stdlib.h>

#include "base/bitmap.h"
#include "shard_i.h"

struct traceidx {
	struct cached cached;
	struct shard *shard;
	struct cache_slot *pin;
	uint32_t n;
	const uint32_t *ends;	/* ends[i]: rows of all traces up to i; ends[-1] is 0 */
	const uint32_t *rows;
	_Alignas(16) uint8_t ids[];
};

uint64_t
trace_id_hash(struct trace_id id)
{
	uint8_t b[16];

	trace_id_to_bytes(id, b);
	return hash64(b, sizeof b);
}

static uint64_t
load_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return be64toh(v);
}

struct trace_id
traceidx_id(const struct traceidx *t, uint32_t i)
{
	const uint8_t *p = t->ids + (size_t)i * 16;

	return (struct trace_id){ load_be64(p), load_be64(p + 8) };
}

static int
check_ids(const struct shard *s, const struct section *sec, const struct traceidx *t,
    struct err *e)
{
	struct trace_id last = { 0, 0 };

	for (uint32_t i = 0; i < t->n; i++) {
		struct trace_id id = traceidx_id(t, i);

		if (trace_id_cmp(last, id) >= 0)
			return section_bad(s, sec, e, (int64_t)i * 16, "trace ids do not rise");
		last = id;
	}
	return 0;
}

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

static const char *
check_rows(const struct shard_info *info, const uint32_t *ends, const uint32_t *rows,
    uint64_t *seen)
{
	uint32_t at = 0;

	for (uint64_t t = 0; t < info->n_traces; t++) {
		if (ends[t] <= at || ends[t] > info->n_rows)
			return "ends of traces do not rise";
		for (uint32_t i = at; i < ends[t]; i++) {
			if (rows[i] >= info->n_rows || bitmap_get(seen, rows[i]))
				return "a row is not of exactly one trace";
			if (i > at && rows[i] <= rows[i - 1])
				return "rows of a trace do not rise";
			bitmap_set(seen, rows[i]);
		}
		at = ends[t];
	}
	return at == info->n_rows ? NULL : "rows do not add up";
}

static int
unpack_rows(struct shard *s, const struct section *sec, struct traceidx *t,
    const struct pack *ends, const struct pack *rows, struct err *e)
{
	const struct shard_info *info = &s->info;
	uint32_t *p = malloc((info->n_traces + info->n_rows) * sizeof *p);
	uint64_t *seen = calloc(BITMAP_WORDS(info->n_rows), sizeof *seen);
	const char *why;

	t->cached.extra = p;
	if (p == NULL || seen == NULL) {
		free(seen);
		return err_nomem(e);
	}
	unpack(ends, info->n_rows + 1, p);
	unpack(rows, info->n_rows, p + info->n_traces);
	t->ends = p;
	t->rows = p + info->n_traces;
	why = check_rows(info, t->ends, t->rows, seen);
	free(seen);
	return why == NULL ? 0 : section_bad(s, sec, e, 8, "%s", why);
}

static int
read_rows(struct shard *s, struct traceidx *t, struct err *e)
{
	const struct section *sec = &s->sections[s->single[SECTION_TRACE_ROWS]];
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
make_traceidx(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	struct traceidx *t;
	void *p;
	int rc;

	(void)arg;
	if (sec->n_raw != s->info.n_traces * 16)
		return section_bad(s, sec, e, -1, "number of traces is not the footer's");
	if ((rc = section_read(s, sec, offsetof(struct traceidx, ids), &p, e)) != 0)
		return rc;
	t = p;
	t->shard = s;
	t->pin = section_slot(s, sec);
	t->n = (uint32_t)s->info.n_traces;
	if ((rc = check_ids(s, sec, t, e)) != 0 || (rc = read_rows(s, t, e)) != 0) {
		cached_free(&t->cached);
		return rc;
	}
	*out = &t->cached;
	*bytes = sizeof *t + sec->n_raw + SECTION_SLACK +
	    (s->info.n_traces + s->info.n_rows) * sizeof *t->rows;
	return 0;
}

int
traceidx_get(struct shard *s, const struct traceidx **out, struct err *e)
{
	struct cached *v;
	int rc = section_get(s, &s->sections[s->single[SECTION_TRACE_IDS]], make_traceidx, NULL,
	    &v, e);

	if (rc == 0)
		*out = (const struct traceidx *)(const void *)v;
	return rc;
}

void
traceidx_put(const struct traceidx *t)
{
	if (t != NULL)
		cache_unpin(t->shard->cache, t->pin);
}

bool
traceidx_find(const struct traceidx *t, struct trace_id id, uint32_t *ordinal)
{
	uint32_t lo = 0, hi = t->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = trace_id_cmp(traceidx_id(t, mid), id);

		if (c == 0) {
			*ordinal = mid;
			return true;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static uint32_t
rows_from(const struct traceidx *t, uint32_t ordinal)
{
	return ordinal == 0 ? 0 : t->ends[ordinal - 1];
}

uint32_t
traceidx_n_rows(const struct traceidx *t, uint32_t ordinal)
{
	return t->ends[ordinal] - rows_from(t, ordinal);
}

uint32_t
traceidx_row(const struct traceidx *t, uint32_t ordinal, uint32_t i)
{
	return t->rows[rows_from(t, ordinal) + i];
}
