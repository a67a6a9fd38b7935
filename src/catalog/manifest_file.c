/* SPDX-License-Identifier: ISC */
/*
 * manifest_file: the bytes of MANIFEST and of manifest/NUMBER.seg. Numbers are little-endian.
 *
 * MANIFEST, replaced as a whole
 *    0  8  magic "SPANFSMF"
 *    8  4  version, 1       12  4  zero
 *   16  8  generation of the commit that it was written for
 *   24     varint n; per segment, oldest first:
 *            varint number, bytes of the core, bytes of the file; u64 XXH3-64 of the core
 *          u64 XXH3-64 of all before
 *
 * A segment, written once: the core, then the list of traces.
 *    0  8  magic "SPANFSMS"
 *    8  4  version, 2       12  4  rows
 *   16  4  services         20  4  blocks of traces
 *   24  8  traces           32  8  bytes of the core
 *   40  4  names            44  4  fields
 *   48 16  zero
 *   64     rows, 72 bytes each (struct mrow), by partition, then number, each once
 *          services, 40 bytes each (struct mservice): those of a row follow each other;
 *          in version 1 they have no line_bytes, and are 32
 *          blocks, 16 bytes each (struct mblock)
 *          names: str each, rising bytewise; fields: u8 scope and key as one str each, rising
 *          zeros up to a multiple of 8
 *          traces, 8 bytes each, rising: u32 row, u32 upper half of the id's hash;
 *          512 of them are a block
 */
#include <stddef.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "base/varint.h"
#include "manifest_i.h"

#define HEAD_MAGIC "SPANFSMF"
#define SEGMENT_MAGIC "SPANFSMS"
#define HEAD_FORMAT 1
#define SEGMENT_FORMAT 2
#define SERVICE_BYTES_1 offsetof(struct mservice, line_bytes)	/* of version 1 */
#define HEAD_BYTES 24
#define REF_MIN_BYTES 11

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tables are used as they lie there");
_Static_assert(sizeof(struct mrow) == 72, "no holes");
_Static_assert(sizeof(struct mservice) == 40, "no holes");
_Static_assert(sizeof(struct mblock) == 16, "no holes");
_Static_assert(FIELD_RESOURCE == 2 && FIELD_SPAN == 3 && FIELD_EVENT == 4 && FIELD_LINK == 5 &&
    FIELD_SCOPE == 6, "they are on disk");

void
manifest_path(uint64_t number, char out[MANIFEST_PATH_BYTES])
{
	snprintf(out, MANIFEST_PATH_BYTES, MANIFEST_DIR "/%010llu.seg",
	    (unsigned long long)number);
}

static int
corrupt(const char *name, size_t off, const char *why, struct err *e)
{
	return err_set(e, ERR_CORRUPT, (int64_t)off, "%s: %s at offset %zu", name, why, off);
}

/* ---- MANIFEST ---- */

void
manifest_encode(struct buf *b, const struct mhead *h)
{
	size_t from = b->n;

	BUF_LIT(b, HEAD_MAGIC);
	buf_le(b, HEAD_FORMAT, 4);
	buf_le(b, 0, 4);
	buf_le(b, h->generation, 8);
	buf_varint(b, h->n);
	for (size_t i = 0; i < h->n; i++) {
		buf_varint(b, h->refs[i].number);
		buf_varint(b, h->refs[i].core_bytes);
		buf_varint(b, h->refs[i].n_bytes);
		buf_le(b, h->refs[i].hash, 8);
	}
	if (!b->oom)
		buf_le(b, hash64(b->p + from, b->n - from), 8);
}

static int
check_frame(struct sv s, const char *name, struct err *e)
{
	struct cursor c;

	if (s.n < HEAD_BYTES + 1 + 8)
		return corrupt(name, s.n, "the file ends early", e);
	if (memcmp(s.p, HEAD_MAGIC, 8) != 0)
		return corrupt(name, 0, "not a manifest", e);
	c = cursor_new(s.p + s.n - 8, 8);
	if (hash64(s.p, s.n - 8) != cursor_u64(&c))
		return corrupt(name, s.n - 8, "wrong checksum", e);
	c = cursor_new(s.p + 8, 8);
	if (cursor_u32(&c) != HEAD_FORMAT)
		return err_set(e, ERR_VERSION, 8, "%s: of another format", name);
	return cursor_u32(&c) != 0 ? corrupt(name, 12, "not zero", e) : 0;
}

int
manifest_decode(struct sv s, const char *name, struct arena *a, struct mhead *out,
    struct err *e)
{
	struct mhead h = { 0 };
	struct cursor c;
	uint64_t n;
	int rc;

	if ((rc = check_frame(s, name, e)) != 0)
		return rc;
	c = cursor_new(s.p, s.n - 8);
	(void)cursor_u64(&c);
	(void)cursor_u64(&c);
	h.generation = cursor_u64(&c);
	n = cursor_varint(&c);
	if (c.bad || n > cursor_left(&c) / REF_MIN_BYTES || n > MANIFEST_SEGMENTS_MAX)
		return corrupt(name, HEAD_BYTES, "impossible number of segments", e);
	if ((h.refs = arena_array(a, (size_t)n + 1, struct mref)) == NULL)
		return err_nomem(e);
	for (; h.n < n; h.n++) {
		struct mref *r = &h.refs[h.n];

		r->number = cursor_varint(&c);
		r->core_bytes = cursor_varint(&c);
		r->n_bytes = cursor_varint(&c);
		r->hash = cursor_u64(&c);
		if (c.bad || r->core_bytes < SEGMENT_HEADER_BYTES || r->core_bytes > r->n_bytes ||
		    r->n_bytes > INT64_MAX)
			return corrupt(name, cursor_off(&c), "malformed segment", e);
	}
	if (cursor_left(&c) != 0)
		return corrupt(name, cursor_off(&c), "bytes after the last segment", e);
	*out = h;
	return 0;
}

/* ---- writing a segment ---- */

static void
put_strings(struct buf *b, const struct sv *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_varint(b, v[i].n);
		buf_sv(b, v[i]);
	}
}

static void
put_blocks(struct buf *b, const mtrace *traces, uint64_t n)
{
	for (uint64_t i = 0; i < n; i += SEGMENT_BLOCK_TRACES) {
		uint64_t m = n - i < SEGMENT_BLOCK_TRACES ? n - i : SEGMENT_BLOCK_TRACES;

		buf_le(b, traces[i] >> 32, 8);
		buf_le(b, hash64(traces + i, (size_t)m * sizeof *traces), 8);
	}
}

void
segment_encode(struct buf *b, const struct mseg *m, const mtrace *traces, size_t *core_bytes)
{
	size_t from = b->n;
	uint64_t n_blocks = (m->n_traces + SEGMENT_BLOCK_TRACES - 1) / SEGMENT_BLOCK_TRACES;

	BUF_LIT(b, SEGMENT_MAGIC);
	buf_le(b, SEGMENT_FORMAT, 4);
	buf_le(b, m->n_rows, 4);
	buf_le(b, m->n_services, 4);
	buf_le(b, n_blocks, 4);
	buf_le(b, m->n_traces, 8);
	buf_le(b, 0, 8);
	buf_le(b, m->n_names, 4);
	buf_le(b, m->n_fields, 4);
	buf_le(b, 0, 8);
	buf_le(b, 0, 8);
	buf_put(b, m->rows, m->n_rows * sizeof *m->rows);
	buf_put(b, m->services, m->n_services * sizeof *m->services);
	put_blocks(b, traces, m->n_traces);
	put_strings(b, m->names, m->n_names);
	put_strings(b, m->fields, m->n_fields);
	while ((b->n - from) % 8 != 0 && !b->oom)
		buf_putc(b, 0);
	*core_bytes = b->n - from;
	if (b->oom)
		return;
	for (unsigned i = 0; i < 8; i++)
		b->p[from + 32 + i] = (char)((uint64_t)*core_bytes >> (8 * i));
	buf_put(b, traces, (size_t)m->n_traces * sizeof *traces);
}

/* ---- reading one ---- */

static bool
rows_ok(const struct mseg *m)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		const struct mrow *r = &m->rows[i];
		uint64_t to = i + 1 < m->n_rows ? r[1].service_from : m->n_services;
		uint64_t rows = 0;

		if (i > 0 && (r->partition < r[-1].partition ||
		    (r->partition == r[-1].partition && r->number <= r[-1].number)))
			return false;
		if ((i == 0 && r->service_from != 0) || r->service_from >= to ||
		    to > m->n_services || r->min_start > r->max_start)
			return false;
		for (uint32_t k = r->service_from; k < to; k++) {
			const struct mservice *s = &m->services[k];

			if (s->name >= m->n_names || s->zero != 0 || s->n_rows == 0 ||
			    ((r->flags & MROW_LINES) == 0 && s->line_bytes != 0) ||
			    s->n_errors > s->n_rows || s->min_start > s->max_start ||
			    s->min_start < r->min_start || s->max_start > r->max_start ||
			    (k > r->service_from && s->name <= s[-1].name))
				return false;
			rows += s->n_rows;
		}
		if (rows != r->n_rows)
			return false;
	}
	return m->n_rows != 0 || m->n_services == 0;
}

static bool
blocks_ok(const struct mseg *m)
{
	for (size_t i = 0; i < m->n_blocks; i++)
		if (m->blocks[i].zero != 0 ||
		    (i > 0 && m->blocks[i].first < m->blocks[i - 1].first))
			return false;
	return true;
}

static bool
read_strings(struct cursor *c, struct sv *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		v[i] = cursor_str(c);
		if (c->bad || (i > 0 && sv_cmp(v[i - 1], v[i]) >= 0))
			return false;
	}
	return true;
}

static bool
fields_ok(const struct mseg *m)
{
	for (size_t i = 0; i < m->n_fields; i++)
		if (m->fields[i].n == 0 || m->fields[i].p[0] < FIELD_RESOURCE ||
		    m->fields[i].p[0] > FIELD_SCOPE)
			return false;
	return true;
}

static bool
zeros_to_the_end(struct cursor *c)
{
	if (cursor_left(c) >= 8)
		return false;
	while (cursor_left(c) > 0)
		if (cursor_u8(c) != 0)
			return false;
	return true;
}

struct counts {
	uint64_t core, rest;
	size_t service;		/* bytes of one */
	size_t tables;		/* of the header and the tables */
};

static bool
read_counts(struct cursor *c, struct mseg *m, struct counts *k)
{
	m->n_rows = cursor_u32(c);
	m->n_services = cursor_u32(c);
	m->n_blocks = cursor_u32(c);
	m->n_traces = cursor_u64(c);
	k->core = cursor_u64(c);
	m->n_names = cursor_u32(c);
	m->n_fields = cursor_u32(c);
	k->rest = cursor_u64(c) | cursor_u64(c);
	k->tables = SEGMENT_HEADER_BYTES + m->n_rows * sizeof(struct mrow) +
	    m->n_services * k->service + m->n_blocks * sizeof(struct mblock);
	return !c->bad && k->rest == 0;
}

/* Of version 1, made into what they are now. */
static bool
widen_services(struct mseg *m, const uint8_t *p, struct arena *a)
{
	struct mservice *v = arena_array(a, m->n_services + 1, struct mservice);

	if (v == NULL)
		return false;
	for (size_t i = 0; i < m->n_services; i++) {
		v[i].line_bytes = 0;
		memcpy(&v[i], p + i * SERVICE_BYTES_1, SERVICE_BYTES_1);
	}
	m->services = v;
	return true;
}

/* Where the tables lie; services are made in the arena if they are of version 1. */
static bool
place_tables(struct mseg *m, const uint8_t *p, const struct counts *k, struct arena *a)
{
	const uint8_t *services = p + SEGMENT_HEADER_BYTES + m->n_rows * sizeof(struct mrow);

	m->rows = (const struct mrow *)(p + SEGMENT_HEADER_BYTES);
	m->services = (const struct mservice *)services;
	m->blocks = (const struct mblock *)(services + m->n_services * k->service);
	m->names = arena_array(a, m->n_names + 1, struct sv);
	m->fields = arena_array(a, m->n_fields + 1, struct sv);
	return m->names != NULL && m->fields != NULL &&
	    (k->service == sizeof *m->services || widen_services(m, services, a));
}

int
segment_decode(const void *core, size_t n, uint64_t n_bytes, const char *name, struct arena *a,
    struct mseg *out, struct err *e)
{
	const uint8_t *p = core;
	struct cursor c = cursor_new(p, n);
	struct mseg m = { 0 };
	struct counts k;
	uint32_t format;

	if (n < SEGMENT_HEADER_BYTES || n % 8 != 0 || memcmp(p, SEGMENT_MAGIC, 8) != 0)
		return corrupt(name, 0, "not a segment of a manifest", e);
	(void)cursor_u64(&c);
	format = cursor_u32(&c);
	if (format != SEGMENT_FORMAT && format != 1)
		return err_set(e, ERR_VERSION, 8, "%s: of another format", name);
	k.service = format == 1 ? SERVICE_BYTES_1 : sizeof(struct mservice);
	if (!read_counts(&c, &m, &k) || k.core != n || k.tables > n ||
	    m.n_names > n - k.tables || m.n_fields > n - k.tables ||
	    m.n_traces != (n_bytes - n) / sizeof(mtrace) || (n_bytes - n) % sizeof(mtrace) != 0 ||
	    m.n_blocks != (m.n_traces + SEGMENT_BLOCK_TRACES - 1) / SEGMENT_BLOCK_TRACES)
		return corrupt(name, 12, "impossible numbers", e);
	if (!place_tables(&m, p, &k, a))
		return err_nomem(e);
	c = cursor_new(p + k.tables, n - k.tables);
	if (!read_strings(&c, m.names, m.n_names) || !read_strings(&c, m.fields, m.n_fields) ||
	    !fields_ok(&m) || !zeros_to_the_end(&c))
		return corrupt(name, k.tables, "malformed names", e);
	if (!rows_ok(&m) || !blocks_ok(&m))
		return corrupt(name, SEGMENT_HEADER_BYTES, "impossible tables", e);
	*out = m;
	return 0;
}

size_t
segment_block_n(const struct mseg *m, size_t b)
{
	uint64_t from = (uint64_t)b * SEGMENT_BLOCK_TRACES, left = m->n_traces - from;

	return left < SEGMENT_BLOCK_TRACES ? (size_t)left : SEGMENT_BLOCK_TRACES;
}

bool
segment_block_ok(const struct mseg *m, size_t b, const mtrace *v)
{
	size_t n = segment_block_n(m, b);

	if (hash64(v, n * sizeof *v) != m->blocks[b].hash || v[0] >> 32 != m->blocks[b].first)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((uint32_t)v[i] >= m->n_rows || (i > 0 && v[i] < v[i - 1]) ||
		    (b + 1 < m->n_blocks && v[i] >> 32 > m->blocks[b + 1].first))
			return false;
	return true;
}
