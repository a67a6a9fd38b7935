/* SPDX-License-Identifier: ISC */
/* index_rig: see index_rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "index_rig.h"

#include "base/bitmap.h"
#include "base/bloom.h"
#include "check/check.h"
#include "catalog/catalog.h"
#include "seal/memtable.h"
#include "shard/codec.h"
#include "shard/colbloom.h"
#include "shard/postings.h"
#include "shard/shard_i.h"
#include "shard/shard_stats.h"
#include "shard/textidx.h"
#include "shard/lengths.h"
#include "shard/tracesum.h"

#define FLIP_SPANS 700
#define FLIPS_A_SECTION 60

static void
ok(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s (%s, offset %lld)", e->msg, err_name(rc), (long long)e->off);
}

/* ---- spans ---- */

static const char *const words[] = {
	"SELECT", "insert", "Update", "where", "lock", "deadlock", "customer", "name", "and",
	"timeout", "waiting", "for", "orders", "JOIN", "on", "table", "caf\xc3\xa9", "x_y", "to",
	"connection", "refused", "again", "later", "please", "retry", "/api/v2", "http", "error",
};

static struct sv
text(struct gen_span *g, struct arena *a)
{
	struct buf b = BUF_INIT;
	struct sv out;

	for (uint64_t n = 8 + gen_span_below(g, 30); n > 0; n--) {
		/* Squared: some words are rare. */
		uint64_t i = gen_span_below(g, 28) * gen_span_below(g, 28) / 27;

		buf_str(&b, words[i]);
		buf_putc(&b, gen_span_below(g, 9) == 0 ? ',' : ' ');
	}
	buf_u64(&b, gen_span_below(g, 100000));
	out = arena_sv(a, buf_view(&b));
	buf_release(&b);
	assert_non_null(out.p);
	return out;
}

static struct value
id_value(struct arena *a, uint64_t id)
{
	char *p = arena_printf(a, "%08x-%04x", (unsigned)hash_u64(id), (unsigned)(id & 0xffff));

	assert_non_null(p);
	return (struct value){ .type = VAL_STRING, .s = sv_cstr(p) };
}

static void
attrs_of(struct gen_span *g, struct span_batch *b, struct span *s, size_t n_spans,
    struct sv *last_text)
{
	struct attr *v = arena_array(&b->arena, 8, struct attr);
	uint64_t kind = gen_span_below(g, 100);
	uint32_t n = 0;

	assert_non_null(v);
	v[n++] = (struct attr){ SV("code"), { .type = VAL_INT,
	    .i = kind < 80 ? 200 : (int64_t)(kind - 90) * 100 } };
	if (gen_span_below(g, 2) == 0)
		v[n++] = (struct attr){ SV("flag"), { .type = VAL_BOOL,
		    .b = gen_span_below(g, 50) == 0 } };
	if (gen_span_below(g, 3) != 0)
		v[n++] = (struct attr){ SV("request"), id_value(&b->arena,
		    gen_span_random(g)) };
	/* Texts come twice, nearly, or they would be no dictionary. */
	if (last_text->n == 0 || gen_span_below(g, 2) == 0)
		*last_text = text(g, &b->arena);
	if (gen_span_below(g, 10) != 0)
		v[n++] = (struct attr){ SV("text"), { .type = VAL_STRING, .s = *last_text } };
	if (gen_span_below(g, 4) != 0)
		v[n++] = (struct attr){ SV("user"), id_value(&b->arena,
		    gen_span_below(g, n_spans / 8 + 1)) };
	s->attrs = (struct attrs){ v, n };
}

static void
add_spans(struct span_batch *b, size_t n, uint64_t start_ns, uint64_t seed)
{
	struct gen_span_options o = {
		.seed = seed, .start_ns = start_ns, .range_ns = UINT64_C(3600000000000),
		.unique_ids = true, .n_keys = 4,
	};
	struct sv last_text = SV_EMPTY;
	struct gen_span g;

	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, b, n));
	for (size_t i = 0; i < n; i++)
		attrs_of(&g, b, &b->spans[i], n, &last_text);
}

/* Texts of events, some of which come again and again. */
static void
add_notes(struct span_batch *b, struct gen_span *g)
{
	struct sv note[40];

	for (size_t i = 0; i < 40; i++)
		note[i] = text(g, &b->arena);
	for (size_t i = 0; i < b->n; i++) {
		const struct span *s = &b->spans[i];

		for (uint32_t k = 0; k < s->n_events; k++) {
			struct event *ev = (struct event *)(uintptr_t)&s->events[k];
			struct attr *v = arena_array(&b->arena, 1, struct attr);

			assert_non_null(v);
			v[0] = (struct attr){ SV("note"), { .type = VAL_STRING,
			    .s = note[gen_span_below(g, 40)] } };
			ev->attrs = (struct attrs){ v, 1 };
		}
	}
}

void
index_spans(struct span_batch *b, size_t n, uint64_t start_ns, uint64_t seed)
{
	struct gen_span_options o = { .seed = seed };
	struct gen_span g;

	add_spans(b, n, start_ns, seed);
	gen_span_init(&g, &o);
	add_notes(b, &g);
}

/* Of the spans that are in r->spans. */
static void
rig_make_file(struct shard_rig *r, struct shard_options *o)
{
	buf_init(&r->bytes);
	rig_file(&r->spans, o, &r->bytes);
	r->shard = NULL;
	r->cache = NULL;
	fsys_bytes_init(&r->fs);
	fsys_bytes_set(&r->fs, RIG_FILE, buf_view(&r->bytes));
	rig_open(r, 64u << 20);
}

static void
rig_make(struct shard_rig *r, size_t n, struct shard_options *o, uint64_t seed)
{
	span_batch_init(&r->spans);
	add_spans(&r->spans, n, RIG_HOUR, seed);
	rig_make_file(r, o);
}

void
index_rig_init_notes(struct shard_rig *r, size_t n, uint32_t group_rows, uint32_t budget,
    uint64_t seed)
{
	struct shard_options o = {
		.row_group_rows = group_rows, .compression_level = 1, .index_budget = budget,
		.text_index = true,
	};

	span_batch_init(&r->spans);
	index_spans(&r->spans, n, RIG_HOUR, seed);
	rig_make_file(r, &o);
}

void
index_rig_init(struct shard_rig *r, size_t n, uint32_t group_rows, uint32_t budget,
    uint64_t seed)
{
	struct shard_options o = {
		.row_group_rows = group_rows, .compression_level = 1, .index_budget = budget,
		.text_index = true,
	};

	rig_make(r, n, &o, seed);
}

/* ---- reading everything ---- */

static int
walk_postings(struct shard *s, const struct column *c, uint64_t *bits, uint32_t *rows,
    struct err *e)
{
	uint32_t n_rows = (uint32_t)shard_info(s)->n_rows, n;
	const struct postings *p;
	int rc;

	if ((rc = postings_get(s, c, &p, e)) != 0 || p == NULL)
		return rc;
	for (uint32_t key = 0; key < postings_n(p); key++) {
		n = postings_rows(p, key, rows);
		assert_int_equal(n, postings_count(p, key));
		memset(bits, 0, BITMAP_WORDS(n_rows) * 8);
		postings_or(p, key, n_rows / 3, n_rows, bits);
		if (c->kind == COLUMN_INT)
			assert_int_equal(postings_lower(p, postings_value(p, key)), key);
	}
	postings_put(p);
	return 0;
}

static int
walk_hashes(struct shard *s, const struct column *c, uint32_t *rows, struct err *e)
{
	uint32_t n_rows = (uint32_t)shard_info(s)->n_rows, n;
	const struct hashidx *h;
	int rc;

	if ((rc = hashidx_get(s, c, &h, e)) != 0 || h == NULL)
		return rc;
	for (uint32_t i = 0; i < 5000; i++) {
		n = hashidx_find(h, (uint32_t)hash_u64(i), rows, n_rows);
		for (uint32_t k = 0; k < n && k < n_rows; k++)
			assert_true(rows[k] < n_rows);
	}
	hashidx_put(h);
	return 0;
}

static int
walk_text(struct shard *s, const struct column *c, struct err *e)
{
	uint64_t *codes = calloc(BITMAP_WORDS(c->n_dict) + 1, sizeof *codes);
	const struct textidx *t;
	int rc;

	assert_non_null(codes);
	if ((rc = textidx_get(s, c, &t, e)) == 0 && t != NULL) {
		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			(void)textidx_candidates(t, sv_cstr(words[i]), codes);
			(void)textidx_token(t, sv_cstr(words[i]), codes);
		}
		textidx_put(t);
	}
	free(codes);
	return rc;
}

static int
walk_bloom(struct shard *s, const struct column *c, struct err *e)
{
	const struct colbloom *b;
	const uint8_t *bits;
	size_t bytes;
	int rc;

	if ((rc = colbloom_get(s, c, &b, e)) != 0 || b == NULL)
		return rc;
	bits = colbloom_bits(b, &bytes);
	assert_int_equal(bytes, c->bloom_bytes);
	for (uint64_t i = 0; i < 5000; i++)
		(void)bloom_may_have(bits, bytes, hash_u64(i));
	colbloom_put(b);
	return 0;
}

static int
walk_traces(struct shard *s, struct err *e)
{
	const struct tracerows *rows;
	const struct tracesum *t;
	struct trace_part p;
	int rc = tracerows_get(s, &rows, e);

	if (rc != 0)
		return rc;
	if ((rc = tracesum_get(s, rows, &t, e)) == 0 && t != NULL)
		for (uint32_t i = 0; i < shard_info(s)->n_traces; i++) {
			tracesum_at(t, rows, i, &p);
			assert_true(p.lead_row < shard_info(s)->n_rows);
		}
	tracesum_put(t);
	tracerows_put(rows);
	return rc;
}

static int
walk_lengths(struct shard *s, struct err *e)
{
	const struct line_totals *t;
	const struct lengths *l;
	int rc;

	if ((rc = line_totals_get(s, &t, e)) != 0)
		return rc;
	line_totals_put(t);
	for (uint32_t g = 0; g < shard_info(s)->n_row_groups; g++) {
		const struct row_group *rg = &shard_info(s)->row_groups[g];
		uint64_t sum = 0;

		if ((rc = lengths_get(s, g, &l, e)) != 0)
			return rc;
		for (uint32_t i = 0; l != NULL && i < rg->row_to - rg->row_from; i++)
			sum += lengths_at(l, i);
		assert_true(sum <= (uint64_t)UINT32_MAX * (rg->row_to - rg->row_from));
		lengths_put(l);
	}
	return 0;
}

static int
walk_stats(struct shard *s, struct err *e)
{
	const struct shard_more *m;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = shard_more_read(s, &a, &m, e);
	arena_release(&a);
	return rc;
}

int
index_walk(struct shard *s, struct err *e)
{
	const struct shard_info *info = shard_info(s);
	uint64_t *bits = calloc(BITMAP_WORDS(info->n_rows), sizeof *bits);
	uint32_t *rows;
	int rc = 0;

	for (size_t i = 0; i < info->n_columns && rc == 0; i++) {
		const struct column *c = &info->columns[i];

		rows = calloc(c->n_present + info->n_rows, sizeof *rows);
		assert_true(bits != NULL && rows != NULL);
		if ((rc = walk_postings(s, c, bits, rows, e)) == 0 &&
		    (rc = walk_hashes(s, c, rows, e)) == 0 &&
		    (rc = walk_text(s, c, e)) == 0)
			rc = walk_bloom(s, c, e);
		free(rows);
	}
	free(bits);
	if (rc == 0)
		rc = walk_traces(s, e);
	if (rc == 0)
		rc = walk_stats(s, e);
	return rc != 0 ? rc : walk_lengths(s, e);
}

/* ---- flips ---- */

static uint64_t
u64_at(const char *p, size_t n)
{
	struct cursor c = cursor_new(p, n);

	return cursor_uint(&c, n);
}

void
index_flips_init(struct index_flips *f, unsigned kind)
{
	struct shard_options o = {
		.row_group_rows = 512, .compression_level = 0, .index_budget = 100,
		.text_index = true,
	};
	const char *trailer;
	struct err e = ERR_INIT;
	uint64_t off;

	*f = (struct index_flips){ .kind = kind, .every = 1 };
	rig_make(&f->rig, kind == SECTION_TEXT ? FLIP_SPANS * 3 : FLIP_SPANS, &o, 77);
	f->copy = malloc(f->rig.bytes.n);
	assert_non_null(f->copy);
	memcpy(f->copy, f->rig.bytes.p, f->rig.bytes.n);
	trailer = f->copy + f->rig.bytes.n - SHARD_TRAILER_BYTES;
	off = u64_at(trailer, 8);
	f->n_footer = (size_t)u64_at(trailer + 12, 4);
	f->footer = malloc(f->n_footer);
	assert_non_null(f->footer);
	ok(codec_decompress(CODEC_ZSTD, sv_new(f->copy + off, (size_t)u64_at(trailer + 8, 4)),
	    f->footer, f->n_footer, &e), &e);
	ok(index_walk(f->rig.shard, &e), &e);
}

void
index_flips_release(struct index_flips *f)
{
	free(f->copy);
	free(f->footer);
	buf_release(&f->out);
	rig_release(&f->rig);
}

static void
put_uint(struct buf *b, uint64_t v, size_t n)
{
	buf_put(b, &v, n);
}

/* The file as it stands in copy, its section's checksum true. */
static struct sv
forge(struct index_flips *f, const struct section *sec)
{
	const char *trailer = f->copy + f->rig.bytes.n - SHARD_TRAILER_BYTES;
	uint64_t off = u64_at(trailer, 8), h = hash64(f->copy + sec->off, sec->n_stored), stored;
	char *at = memmem(f->footer, f->n_footer, &sec->hash, 8);
	char root[24 + SHARD_HEADER_BYTES];
	struct buf *b = &f->out;

	assert_non_null(at);
	b->n = 0;
	buf_put(b, f->copy, off);
	memcpy(at, &h, 8);
	assert_int_equal(codec_frame(b, sv_new(f->footer, f->n_footer), 1, NULL), 0);
	memcpy(at, &sec->hash, 8);
	stored = b->n - off;
	put_uint(b, off, 8);
	put_uint(b, stored, 4);
	put_uint(b, f->n_footer, 4);
	put_uint(b, hash64(b->p + off, stored), 8);
	memcpy(root, b->p + b->n - 24, 24);
	memcpy(root + 24, b->p, SHARD_HEADER_BYTES);
	put_uint(b, hash64(root, sizeof root), 8);
	BUF_LIT(b, SHARD_END_MAGIC);
	assert_false(b->oom);
	return buf_view(b);
}

static size_t
varint_bytes(uint64_t v)
{
	uint8_t p[VARINT_MAX];

	return varint_encode(p, v);
}

/* The end of the section's entry in the raw footer, where its checksum begins. */
static char *
entry_end(struct index_flips *f, const struct section *x)
{
	char *at = memmem(f->footer, f->n_footer, &x->hash, 8);

	assert_non_null(at);
	return at;
}

static size_t
entry_bytes(const struct section *x)
{
	return 3 + varint_bytes(x->column == NO_COLUMN ? 0 : x->column + 1) +
	    varint_bytes(x->off) + varint_bytes(x->n_stored) + varint_bytes(x->n_raw);
}

struct sv
index_flips_unknown(struct index_flips *f, bool feature)
{
	const struct shard *s = f->rig.shard;
	const struct section *last = NULL;
	uint64_t h;

	for (uint32_t i = 0; i < s->n_sections; i++) {
		const struct section *x = &s->sections[i];
		char *at;

		if (x->kind != f->kind)
			continue;
		at = entry_end(f, x) - entry_bytes(x);
		assert_int_equal(*at, f->kind);
		*at = 77;
		last = x;
		f->n_sections++;
	}
	assert_non_null(last);
	if (feature)
		f->copy[19] = (char)0x80;
	h = hash64(f->copy, 24);
	memcpy(f->copy + 24, &h, 8);
	return forge(f, last);
}

struct sv
index_flips_cut(struct index_flips *f, size_t bytes, bool zeros)
{
	const struct shard *s = f->rig.shard;
	const struct section *x = NULL;
	struct section cut;
	char *end;
	size_t n;

	for (uint32_t i = 0; i < s->n_sections && x == NULL; i++)
		if (s->sections[i].kind == f->kind)
			x = &s->sections[i];
	assert_non_null(x);
	assert_int_equal(x->codec, CODEC_NONE);
	n = varint_bytes(x->n_raw);
	assert_true(bytes <= x->n_raw && varint_bytes(bytes) == n);
	end = entry_end(f, x);
	for (size_t k = 1; k <= 2; k++)
		(void)varint_encode((uint8_t *)end - k * n, bytes);
	if (zeros)
		memset(f->copy + x->off, 0, bytes);
	cut = *x;
	cut.n_stored = (uint32_t)bytes;
	(void)forge(f, &cut);
	for (size_t k = 1; k <= 2; k++)
		(void)varint_encode((uint8_t *)end - k * n, x->n_raw);
	memcpy(f->copy + x->off, f->rig.bytes.p + x->off, x->n_raw);
	return buf_view(&f->out);
}

static void
on_bad(void *arg, const char *file, int64_t off, const char *why)
{
	(void)file;
	(void)off;
	(void)why;
	++*(size_t *)arg;
}

/* opens: its footer is sound. */
static void
try_file(struct index_flips *f, struct sv file, bool opens)
{
	struct chunkcache *cache;
	struct fsys_bytes fs;
	struct err e = ERR_INIT;
	struct shard *s;
	size_t found = 0;
	uint64_t n;
	int rc;

	fsys_bytes_init(&fs);
	fsys_bytes_set(&fs, RIG_FILE, file);
	ok(chunkcache_new(1u << 20, &cache, &e), &e);
	if ((rc = shard_open(&fs.fs, RIG_FILE, cache, &s, &e)) == 0) {
		rc = index_walk(s, &e);
		shard_unref(s);
	} else if (opens)
		ok(rc, &e);
	if (rc != 0) {
		assert_int_equal(rc, ERR_CORRUPT);
		assert_true(e.off > 0 && (uint64_t)e.off < file.n);
		assert_non_null(strstr(e.msg, RIG_FILE));
		f->n_refused++;
	}
	chunkcache_free(cache);
	ok(shard_check(&fs.fs, RIG_FILE, on_bad, &found, &n, &e), &e);
	f->n_found += found != 0;
	f->n_flips++;
}

void
index_flips_run(struct index_flips *f)
{
	const struct shard *s = f->rig.shard;

	for (uint32_t i = 0; i < s->n_sections; i++) {
		const struct section *sec = &s->sections[i];
		size_t bits = (size_t)sec->n_stored * 8, step = bits / FLIPS_A_SECTION | 1;

		if (sec->kind != f->kind)
			continue;
		f->n_sections++;
		/* All of the head, then some of the rest. */
		for (size_t at = 0; at < bits; at += (at < 192 ? 7 : step) * f->every) {
			char *p = f->copy + sec->off + at / 8;

			*p = (char)(*p ^ 1 << at % 8);
			try_file(f, forge(f, sec), true);
			*p = (char)(*p ^ 1 << at % 8);
		}
	}
}

void
index_flips_footer(struct index_flips *f)
{
	const struct shard *s = f->rig.shard;

	for (uint32_t i = 0; i < s->n_sections; i++) {
		const struct section *sec = &s->sections[i];
		size_t n = entry_bytes(sec);
		char *p;

		if (sec->kind != f->kind)
			continue;
		f->n_sections++;
		p = entry_end(f, sec) - n;
		assert_int_equal(*p, f->kind);
		for (size_t at = 0; at < n * 8; at++) {
			p[at / 8] = (char)(p[at / 8] ^ 1 << at % 8);
			try_file(f, forge(f, sec), false);
			p[at / 8] = (char)(p[at / 8] ^ 1 << at % 8);
		}
	}
}
