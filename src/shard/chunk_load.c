/* SPDX-License-Identifier: ISC */
/*
 * chunk_load: from the raw bytes of a chunk to a struct chunk whose reads need no checks. Each
 * chunk is validated once, when it enters the cache: its numbers of rows and values are the
 * footer's, its presence has exactly that many ones, its values fill the bytes exactly and
 * stay below whatever they index (dictionary, traces, resources, scopes, rows of a trace).
 *
 * Beside the bytes it keeps small directories: ranks of a bitmap, ends of runs, ends of
 * strings, sums of child counts; packs of rising numbers are slow to look into singly, so there is
 * room for sums on the way through them (shard_i.h).
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "shard_i.h"

#define HEAD_BYTES 16
#define RANK_ROWS 512
#define LIST_ROWS 65536
#define ROUND8(n) (((size_t)(n) + 7) / 8 * 8)

struct chunk_obj {
	struct cached cached;
	struct chunk chunk;
	_Alignas(16) uint8_t raw[];
};

struct load {
	struct shard *s;
	const struct section *sec;
	const struct column *col;
	uint64_t lo, hi;		/* of every number or code */
	uint32_t exactly;		/* of every string, if not 0 */
	const struct chunk *trace;	/* COL_PARENT: the same rows of COL_TRACE */
	const struct tracerows *trace_rows;
	struct chunk *c;
	struct chunk_obj *obj;
	size_t extra_bytes;
	uint32_t *extra;		/* what is left of it, behind the steps */
	const uint8_t *values;
	size_t n_values_bytes;
	struct err *e;
};

static int
bad(struct load *l, int64_t at, const char *why)
{
	return section_bad(l->s, l->sec, l->e, at, "%s", why);
}

static uint32_t
u32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static int64_t
place(const struct load *l, const uint8_t *p)
{
	return p - l->obj->raw;
}

/* A pack of exactly n numbers that takes exactly n_bytes. */
static int
open_pack(struct load *l, struct pack *out, const uint8_t *p, size_t n_bytes, uint32_t n)
{
	struct err why = ERR_INIT;

	if (pack_open(out, p, n_bytes, &why) != 0)
		return section_bad(l->s, l->sec, l->e, place(l, p) + (why.off > 0 ? why.off : 0),
		    "%s", why.msg);
	if (out->n != n || out->n_bytes != n_bytes)
		return bad(l, place(l, p), "pack of another size");
	return 0;
}

/* ---- presence ---- */

static int
check_bitmap(struct load *l, uint32_t n_bytes)
{
	struct chunk *c = l->c;
	size_t words = BITMAP_WORDS(c->n_rows);

	if (n_bytes != words * 8)
		return bad(l, 12, "size of the bitmap");
	c->bitmap = (const uint64_t *)(const void *)(l->obj->raw + HEAD_BYTES);
	if (c->n_rows % 64 != 0 && c->bitmap[words - 1] >> c->n_rows % 64 != 0)
		return bad(l, HEAD_BYTES, "bitmap has rows past the end");
	if (bitmap_count(c->bitmap, c->n_rows) != c->n_present)
		return bad(l, HEAD_BYTES, "bitmap has another number of values");
	return 0;
}

static int
check_list(struct load *l, uint32_t n_bytes)
{
	struct chunk *c = l->c;

	/* A row has 16 bits here. */
	if (n_bytes != (uint64_t)c->n_present * 2 || c->n_rows > LIST_ROWS)
		return bad(l, 12, "size of the list");
	c->list = (const uint16_t *)(const void *)(l->obj->raw + HEAD_BYTES);
	for (uint32_t i = 0; i < c->n_present; i++)
		if (c->list[i] >= c->n_rows || (i > 0 && c->list[i] <= c->list[i - 1]))
			return bad(l, HEAD_BYTES + 2 * (int64_t)i, "list of rows does not rise");
	return 0;
}

static int
check_presence(struct load *l)
{
	const uint8_t *raw = l->obj->raw;
	size_t n_raw = l->sec->n_raw;
	struct chunk *c = l->c;
	uint32_t n_bytes;
	int rc;

	if (n_raw < HEAD_BYTES + 8)
		return bad(l, 0, "cut short");
	c->n_rows = u32_at(raw + 4);
	c->n_present = u32_at(raw + 8);
	n_bytes = u32_at(raw + 12);
	if (c->n_rows != domain_rows(&l->s->info.row_groups[l->sec->row_group],
	    l->col->domain) || c->n_present != l->sec->zone.n_present)
		return bad(l, 4, "number of rows or values is not the footer's");
	if (raw[2] != 0 || raw[3] != 0 || raw[0] > PRESENT_LIST ||
	    ROUND8(n_bytes) > n_raw - HEAD_BYTES)
		return bad(l, 0, "malformed head");
	c->presence = raw[0];
	c->encoding = raw[1];
	l->values = raw + HEAD_BYTES + ROUND8(n_bytes);
	l->n_values_bytes = n_raw - HEAD_BYTES - ROUND8(n_bytes);
	if (c->presence == PRESENT_BITMAP)
		rc = check_bitmap(l, n_bytes);
	else if (c->presence == PRESENT_LIST)
		rc = check_list(l, n_bytes);
	else
		rc = n_bytes == 0 && c->n_present == c->n_rows ? 0 :
		    bad(l, 8, "rows without a value");
	return rc;
}

static void
make_rank(struct load *l)
{
	struct chunk *c = l->c;
	uint32_t *rank = l->extra, n = 0;

	for (uint32_t row = 0; row < c->n_rows; row += RANK_ROWS) {
		uint32_t left = c->n_rows - row;

		*l->extra++ = n;
		n += (uint32_t)bitmap_count(c->bitmap + row / 64,
		    left < RANK_ROWS ? left : RANK_ROWS);
	}
	c->rank = rank;
}

/* ---- values ---- */

/* Room for the directories, now that presence, encoding and numbers are known. */
static int
take_extra(struct load *l, uint32_t n_runs)
{
	struct chunk *c = l->c;
	size_t n = 0, n_steps = c->encoding == ENC_PACK ? pack_n_steps(&c->pack) : 0, steps = 0;
	char *p;

	if (c->presence == PRESENT_BITMAP)
		n += c->n_rows / RANK_ROWS + 1;
	if (c->encoding == ENC_BYTES)
		n += (size_t)c->n_present + 1;
	if (l->col->id == COL_N_EVENTS || l->col->id == COL_N_LINKS)
		n += (size_t)c->n_present + 1;
	n += n_runs;
	if (n_steps != 0)
		steps = sizeof *c->steps + n_steps * sizeof *c->steps->v;
	if (n == 0 && steps == 0)
		return 0;
	l->extra_bytes = steps + n * sizeof *l->extra;
	if ((l->obj->cached.extra = p = malloc(l->extra_bytes)) == NULL)
		return err_nomem(l->e);
	if (steps != 0) {
		c->steps = (struct chunk_steps *)(void *)p;
		atomic_init(&c->steps->state, STEPS_NEW);
	}
	l->extra = (uint32_t *)(void *)(p + steps);
	if (c->presence == PRESENT_BITMAP)
		make_rank(l);
	return 0;
}

static bool
in_range(const uint64_t *v, size_t n, uint64_t lo, uint64_t hi)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok &= v[i] >= lo && v[i] <= hi;
	return ok;
}

static bool
pack_in_range(const struct pack *p, uint64_t lo, uint64_t hi)
{
	uint64_t v[PACK_BLOCK];

	if (lo == 0)
		return hi == UINT64_MAX || pack_below(p, hi + 1);
	for (size_t b = 0; b < p->n_blocks; b++)
		if (!in_range(v, pack_decode_block(p, b, v), lo, hi))
			return false;
	return true;
}

static int
load_runs(struct load *l)
{
	struct chunk *c = l->c;
	uint32_t n_first, last = 0, *ends;
	uint64_t v[PACK_BLOCK];
	struct pack p;
	int rc;

	if (l->n_values_bytes < 8)
		return bad(l, place(l, l->values), "runs cut short");
	c->n_runs = u32_at(l->values);
	n_first = u32_at(l->values + 4);
	if (c->n_runs == 0 || c->n_runs > c->n_present || n_first % 8 != 0 ||
	    n_first > l->n_values_bytes - 8)
		return bad(l, place(l, l->values), "number of runs");
	if ((rc = open_pack(l, &c->pack, l->values + 8, n_first, c->n_runs)) != 0 ||
	    (rc = open_pack(l, &p, l->values + 8 + n_first, l->n_values_bytes - 8 - n_first,
	    c->n_runs)) != 0 || (rc = take_extra(l, c->n_runs)) != 0)
		return rc;
	ends = l->extra;
	l->extra += c->n_runs;
	for (uint32_t i = 0; i < c->n_runs; i++) {
		if (i % PACK_BLOCK == 0)
			pack_decode_block(&p, i / PACK_BLOCK, v);
		if (v[i % PACK_BLOCK] <= last || v[i % PACK_BLOCK] > c->n_present)
			return bad(l, place(l, l->values), "ends of runs do not rise");
		ends[i] = last = (uint32_t)v[i % PACK_BLOCK];
	}
	if (last != c->n_present)
		return bad(l, place(l, l->values), "runs do not add up");
	c->run_ends = ends;
	return 0;
}

static int
load_numbers(struct load *l)
{
	struct chunk *c = l->c;
	bool ok;
	int rc;

	switch (c->encoding) {
	case ENC_CONST:
		if (l->n_values_bytes != 8)
			return bad(l, place(l, l->values), "size of a constant");
		memcpy(&c->constant, l->values, 8);
		ok = in_range(&c->constant, 1, l->lo, l->hi);
		rc = take_extra(l, 0);
		break;
	case ENC_RAW64:
		if (l->n_values_bytes != (uint64_t)c->n_present * 8)
			return bad(l, place(l, l->values), "size of the values");
		c->raw = (const uint64_t *)(const void *)l->values;
		ok = in_range(c->raw, c->n_present, l->lo, l->hi);
		rc = take_extra(l, 0);
		break;
	case ENC_PACK:
		if ((rc = open_pack(l, &c->pack, l->values, l->n_values_bytes,
		    c->n_present)) != 0 || (rc = take_extra(l, 0)) != 0)
			return rc;
		ok = pack_in_range(&c->pack, l->lo, l->hi);
		break;
	case ENC_RLE:
		if ((rc = load_runs(l)) != 0)
			return rc;
		ok = pack_in_range(&c->pack, l->lo, l->hi);
		break;
	default:
		return bad(l, 1, "unexpected encoding");
	}
	return rc == 0 && !ok ? bad(l, place(l, l->values), "value out of range") : rc;
}

int
load_ends(const struct pack *p, uint64_t n_bytes, uint32_t *offs)
{
	uint64_t v[PACK_BLOCK], last = 0;

	offs[0] = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		if (i % PACK_BLOCK == 0)
			pack_decode_block(p, i / PACK_BLOCK, v);
		if (v[i % PACK_BLOCK] < last || v[i % PACK_BLOCK] > n_bytes)
			return -1;
		last = v[i % PACK_BLOCK];
		offs[i + 1] = (uint32_t)last;
	}
	return last == n_bytes ? 0 : -1;
}

bool
text_ok(enum value_type type, uint32_t exactly, struct sv s)
{
	if (exactly != 0 && s.n != exactly)
		return false;
	return (type != VAL_ARRAY && type != VAL_MAP) || value_check(type, s);
}

static int
load_strings(struct load *l)
{
	struct chunk *c = l->c;
	uint32_t n_pack, *offs;
	struct pack p;
	int rc;

	if (l->n_values_bytes < 8)
		return bad(l, place(l, l->values), "strings cut short");
	n_pack = u32_at(l->values);
	if (n_pack % 8 != 0 || n_pack > l->n_values_bytes - 8 || u32_at(l->values + 4) != 0)
		return bad(l, place(l, l->values), "size of a pack");
	if ((rc = open_pack(l, &p, l->values + 8, n_pack, c->n_present)) != 0 ||
	    (rc = take_extra(l, 0)) != 0)
		return rc;
	offs = l->extra;
	l->extra += (size_t)c->n_present + 1;
	if (load_ends(&p, l->n_values_bytes - 8 - n_pack, offs) != 0)
		return bad(l, place(l, l->values) + 8, "ends of strings");
	c->offs = offs;
	c->bytes = (const char *)l->values + 8 + n_pack;
	for (uint32_t i = 0; i < c->n_present; i++)
		if (!text_ok(l->col->type, l->exactly, chunk_bytes_at(c, i)))
			return bad(l, place(l, (const uint8_t *)c->bytes) + offs[i],
			    "malformed value");
	return 0;
}

/* COL_N_EVENTS, COL_N_LINKS: the sums; they end at the row group's count. */
static int
load_sums(struct load *l)
{
	const struct row_group *g = &l->s->info.row_groups[l->sec->row_group];
	uint32_t total = l->col->id == COL_N_EVENTS ? g->n_events : g->n_links;
	uint32_t *sums = l->extra;
	uint64_t v[PACK_BLOCK], sum = 0;

	for (uint32_t i = 0; i < l->c->n_present; i++) {
		uint32_t left = l->c->n_present - i;

		if (i % PACK_BLOCK == 0)
			chunk_u64(l->c, i, left < PACK_BLOCK ? left : PACK_BLOCK, v);
		sums[i] = (uint32_t)sum;
		sum += v[i % PACK_BLOCK];
		if (sum > total)
			break;
	}
	if (sum != total)
		return bad(l, place(l, l->values), "counts do not add up to the row group's");
	sums[l->c->n_present] = total;
	l->c->sums = sums;
	return 0;
}

/* COL_PARENT: k + 2 names the k-th row of the span's own trace. */
static int
check_parents(struct load *l)
{
	uint32_t rows[PACK_BLOCK], sel[PACK_BLOCK], ord[PACK_BLOCK];
	uint64_t v[PACK_BLOCK], trace[PACK_BLOCK];

	for (uint32_t row = 0; row < l->c->n_rows; row += PACK_BLOCK) {
		uint32_t left = l->c->n_rows - row, n = left < PACK_BLOCK ? left : PACK_BLOCK;

		for (uint32_t i = 0; i < n; i++)
			rows[i] = row + i;
		chunk_u64(l->trace, row, n, trace);
		n = chunk_select(l->c, rows, n, sel, ord);
		chunk_gather(l->c, ord, n, v);
		for (uint32_t i = 0; i < n; i++)
			if (v[i] >= 2 && v[i] - 2 >= tracerows_n(l->trace_rows,
			    (uint32_t)trace[sel[i]]))
				return bad(l, place(l, l->values), "parent outside its trace");
	}
	return 0;
}

static int
make_chunk(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	struct load *l = arg;
	void *p;
	int rc;

	if ((rc = section_read(s, sec, offsetof(struct chunk_obj, raw), &p, e)) != 0)
		return rc;
	l->obj = p;
	l->c = &l->obj->chunk;
	if ((rc = check_presence(l)) == 0)
		rc = l->col->kind != COLUMN_BYTES ? load_numbers(l) :
		    l->c->encoding == ENC_BYTES ? load_strings(l) :
		    bad(l, 1, "unexpected encoding");
	if (rc == 0 && (l->col->id == COL_N_EVENTS || l->col->id == COL_N_LINKS))
		rc = load_sums(l);
	if (rc == 0 && l->trace_rows != NULL)
		rc = check_parents(l);
	if (rc != 0) {
		cached_free(&l->obj->cached);
		return rc;
	}
	l->c->pin = section_slot(s, sec);
	l->c->shard = s;
	*out = &l->obj->cached;
	*bytes = sizeof *l->obj + sec->n_raw + SECTION_SLACK + l->extra_bytes;
	return 0;
}

/* What the values have to stay within. */
static int
find_bounds(struct load *l)
{
	const struct column_rule *r = column_rule(l->col->id);
	const struct resource *res;
	const struct scope *scopes;
	size_t n = 0;
	int rc = 0;

	l->hi = UINT64_MAX;
	if (l->col->kind == COLUMN_DICT)
		l->hi = l->col->n_dict - 1;
	else if (r != NULL) {
		l->lo = r->lo;
		l->hi = r->hi;
		l->exactly = r->exactly;
	} else if (l->col->type == VAL_BOOL || l->col->type == VAL_EMPTY)
		l->hi = l->col->type == VAL_BOOL;
	if (l->col->id == COL_TRACE)
		n = l->s->info.n_traces;
	else if (l->col->id == COL_RESOURCE)
		rc = shard_resources(l->s, &res, &n, l->e);
	else if (l->col->id == COL_SCOPE)
		rc = shard_scopes(l->s, &scopes, &n, l->e);
	if (n != 0)
		l->hi = n - 1;
	return rc;
}

/* Everything that a chunk depends on is pinned before its load lock is taken: no nesting. */
static int
load_chunk(struct shard *s, const struct section *sec, const struct column *col,
    struct cached **out, struct err *e)
{
	struct load l = { .s = s, .sec = sec, .col = col, .e = e };
	int rc;

	if ((rc = find_bounds(&l)) != 0)
		return rc;
	if (col->id == COL_PARENT && ((rc = tracerows_get(s, &l.trace_rows, e)) != 0 ||
	    (rc = chunk_get(s, shard_column(s, COL_TRACE), sec->row_group, &l.trace, e)) != 0))
		goto out;
	rc = section_get(s, sec, make_chunk, &l, out, e);
out:
	chunk_put(l.trace);
	tracerows_put(l.trace_rows);
	return rc;
}

int
chunk_get(struct shard *s, const struct column *col, uint32_t row_group,
    const struct chunk **out, struct err *e)
{
	const struct section *sec = shard_chunk_section(s, col->index, row_group);
	struct cached *v;
	int rc;

	if (sec == NULL) {
		*out = NULL;
		return 0;
	}
	if ((v = cache_pin(section_slot(s, sec))) != NULL)
		count_cached(sec);
	else if ((rc = load_chunk(s, sec, col, &v, e)) != 0)
		return rc;
	*out = &((struct chunk_obj *)(void *)v)->chunk;
	return 0;
}
