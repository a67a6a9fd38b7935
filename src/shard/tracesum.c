/* SPDX-License-Identifier: ISC */
/*
 * tracesum: SECTION_TRACE_SUMMARY from bytes to answers (layout: shard_format.h): six packs of
 * a number for each trace, used in place. Checked against footer and trace table when the
 * section enters the cache; that it is true is for tracesum_check to say.
 */
#include "shard/tracesum.h"

#include "shard_i.h"
#include "shard/tracesum_form.h"

struct tracesum {
	struct cached cached;
	struct shard *shard;
	struct cache_slot *pin;
	uint64_t base;
	struct pack v[TRACESUM_PACKS];
	_Alignas(16) uint8_t raw[];
};

/* What a trace's numbers may be. */
struct bound {
	uint64_t span;		/* of starts in the shard */
	uint64_t n_names;
};

static int
open_packs(struct shard *s, const struct section *sec, struct tracesum *t, struct err *e)
{
	struct err why = ERR_INIT;
	size_t at = 0;

	for (size_t i = 0; i < TRACESUM_PACKS; i++) {
		if (pack_open(&t->v[i], t->raw + at, sec->n_raw - at, &why) != 0)
			return why.code == ERR_CORRUPT ?
			    section_bad(s, sec, e, (int64_t)at, "%s", why.msg) :
			    err_set(e, why.code, -1, "%s", why.msg);
		if (t->v[i].n != s->info.n_traces)
			return section_bad(s, sec, e, (int64_t)at, "number of traces");
		at += t->v[i].n_bytes;
	}
	return at == sec->n_raw ? 0 :
	    section_bad(s, sec, e, (int64_t)at, "bytes behind the last pack");
}

static const char *
check_trace(uint64_t v[TRACESUM_PACKS][PACK_BLOCK], size_t i, uint32_t n_rows,
    const struct bound *b)
{
	if (v[TRACESUM_FIRST][i] > b->span ||
	    v[TRACESUM_DELAY][i] > b->span - v[TRACESUM_FIRST][i])
		return "a start outside the shard's times";
	if (v[TRACESUM_ERRORS][i] > n_rows)
		return "more errors than spans";
	if (v[TRACESUM_LEAD][i] >> 1 >= n_rows)
		return "a leading span of another trace";
	if (v[TRACESUM_NAME][i] >= b->n_names)
		return "a name that is not in the dictionary";
	return NULL;
}

static int
check_traces(struct shard *s, const struct section *sec, const struct tracesum *t,
    const struct tracerows *rows, struct err *e)
{
	const struct column *names = shard_column(s, COL_NAME);
	struct bound b = { s->info.max_start - s->info.min_start,
		names == NULL ? 0 : names->n_dict };
	uint64_t v[TRACESUM_PACKS][PACK_BLOCK];
	const char *why;

	for (uint32_t k = 0; k < t->v[0].n_blocks; k++) {
		size_t n = 0;

		for (size_t i = 0; i < TRACESUM_PACKS; i++)
			n = pack_decode_block(&t->v[i], k, v[i]);
		for (size_t i = 0; i < n; i++)
			if ((why = check_trace(v, i, tracerows_n(rows,
			    k * PACK_BLOCK + (uint32_t)i), &b)) != NULL)
				return section_bad(s, sec, e, -1, "%s", why);
	}
	return 0;
}

static int
make(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	struct tracesum *t;
	void *p;
	int rc;

	if ((rc = section_read(s, sec, offsetof(struct tracesum, raw), &p, e)) != 0)
		return rc;
	t = p;
	t->shard = s;
	t->pin = section_slot(s, sec);
	t->base = s->info.min_start;
	if ((rc = open_packs(s, sec, t, e)) != 0 ||
	    (rc = check_traces(s, sec, t, arg, e)) != 0) {
		cached_free(&t->cached);
		return rc;
	}
	*out = &t->cached;
	*bytes = sizeof *t + sec->n_raw + SECTION_SLACK;
	return 0;
}

bool
tracesum_there(const struct shard *s)
{
	return s->single[SECTION_TRACE_SUMMARY] != NO_SECTION;
}

int
tracesum_get(struct shard *s, const struct tracerows *rows, const struct tracesum **out,
    struct err *e)
{
	struct cached *v;
	int rc;

	*out = NULL;
	if (!tracesum_there(s))
		return 0;
	rc = section_get(s, &s->sections[s->single[SECTION_TRACE_SUMMARY]], make,
	    (void *)(uintptr_t)rows, &v, e);
	if (rc == 0)
		*out = (const struct tracesum *)(const void *)v;
	return rc;
}

void
tracesum_put(const struct tracesum *t)
{
	if (t != NULL)
		cache_unpin(t->shard->cache, t->pin);
}

void
tracesum_at(const struct tracesum *t, const struct tracerows *rows, uint32_t ordinal,
    struct trace_part *out)
{
	uint64_t lead = pack_at(&t->v[TRACESUM_LEAD], ordinal);

	out->first_ns = t->base + pack_at(&t->v[TRACESUM_FIRST], ordinal);
	out->last_ns = out->first_ns + pack_at(&t->v[TRACESUM_LENGTH], ordinal);
	out->lead_ns = out->first_ns + pack_at(&t->v[TRACESUM_DELAY], ordinal);
	out->n_spans = tracerows_n(rows, ordinal);
	out->n_errors = (uint32_t)pack_at(&t->v[TRACESUM_ERRORS], ordinal);
	out->lead_row = tracerows_at(rows, ordinal, (uint32_t)(lead >> 1));
	out->lead_name = (uint32_t)pack_at(&t->v[TRACESUM_NAME], ordinal);
	out->has_root = (lead & 1) == 0;
}
