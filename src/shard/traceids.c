/* SPDX-License-Identifier: ISC */
/*
 * traceids: the ids of a shard's traces, in order, in one object of the chunk cache, used in
 * place: big-endian, so that bytes compare as ids do. Validated to rise; the place of an id
 * is the trace's ordinal. Which rows a trace has is for tracerows to say, in an object of its
 * own: most of those who ask for ids ask for a few, and have no use for the rows.
 */
#include <endian.h>

#include "base/hash.h"
#include "base/search.h"
#include "shard_i.h"

struct traceids {
	struct cached cached;
	struct shard *shard;
	struct cache_slot *pin;
	uint32_t n;
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
traceids_at(const struct traceids *t, uint32_t i)
{
	const uint8_t *p = t->ids + (size_t)i * 16;

	return (struct trace_id){ load_be64(p), load_be64(p + 8) };
}

/* The upper halves rise nearly always; only where they don't do the lower ones count. */
static int
check_ids(const struct shard *s, const struct section *sec, const struct traceids *t,
    struct err *e)
{
	uint64_t hi = 0, lo = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t x = load_be64(t->ids + (size_t)i * 16);
		uint64_t y = load_be64(t->ids + (size_t)i * 16 + 8);

		if (x <= hi && (x < hi || y <= lo))
			return section_bad(s, sec, e, (int64_t)i * 16, "trace ids do not rise");
		hi = x;
		lo = y;
	}
	return 0;
}

static int
make_traceids(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	struct traceids *t;
	void *p;
	int rc;

	(void)arg;
	if (sec->n_raw != s->info.n_traces * 16)
		return section_bad(s, sec, e, -1, "number of traces is not the footer's");
	if ((rc = section_read(s, sec, offsetof(struct traceids, ids), &p, e)) != 0)
		return rc;
	t = p;
	t->shard = s;
	t->pin = section_slot(s, sec);
	t->n = (uint32_t)s->info.n_traces;
	if ((rc = check_ids(s, sec, t, e)) != 0) {
		cached_free(&t->cached);
		return rc;
	}
	*out = &t->cached;
	*bytes = sizeof *t + sec->n_raw + SECTION_SLACK;
	return 0;
}

int
traceids_get(struct shard *s, const struct traceids **out, struct err *e)
{
	struct cached *v;
	int rc = section_get(s, &s->sections[s->single[SECTION_TRACE_IDS]], make_traceids, NULL,
	    &v, e);

	if (rc == 0)
		*out = (const struct traceids *)(const void *)v;
	return rc;
}

void
traceids_put(const struct traceids *t)
{
	if (t != NULL)
		cache_unpin(t->shard->cache, t->pin);
}

bool
traceids_find(const struct traceids *t, struct trace_id id, uint32_t *ordinal)
{
	uint32_t at = 0;
	bool found;

	FIND_SORTED(at, t->n, i, trace_id_cmp(traceids_at(t, i), id), found);
	if (found)
		*ordinal = at;
	return found;
}
