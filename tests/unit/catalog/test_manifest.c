/* SPDX-License-Identifier: ISC */
/*
 * The manifest: what planning knows of shards without opening them. It is never believed when
 * it is damaged, old or of another store, and what is selected by it is what all shards, asked
 * one by one, would say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "catalog/manifest_i.h"
#include "catalog/stats_i.h"
#include "check/check.h"
#include "lib/fsys_mem.h"
#include "lib/rounds.h"
#include "seal/memtable.h"
#include "shard/chunk.h"
#include "shard/lengths.h"

#define H0 UINT64_C(1764000000000000000)	/* 2025-11-24T16:00:00Z */
#define HOUR(i) ((uint64_t)(i) * NS_PER_HOUR)
#define N_HOURS 12
#define MANY_COMMITS 60

/* ---- a store ---- */

static struct catalog *
open_store(struct fsys *fs)
{
	struct catalog_options o = { .create = true, .cache_bytes = 1 << 20, .fs = fs };
	struct err e = ERR_INIT;
	struct catalog *c;

	if (catalog_open("mem", &o, &c, &e) != 0)
		fail_msg("%s", e.msg);
	return c;
}

static uint64_t seed;

static uint64_t
rnd(uint64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (seed >> 33) % n;
}

/* Within the store's hours; rnd alone goes no further than two seconds. */
static uint64_t
any_time(void)
{
	return H0 + HOUR(rnd(N_HOURS)) + rnd(3600) * UINT64_C(1000000000) + rnd(1000);
}

static void
add_span(struct memtable *m, unsigned service, uint64_t trace, uint64_t id, uint64_t start)
{
	struct resource r = { .schema_url = SV("") };
	struct scope sc = { .name = SV("test"), .version = SV(""), .schema_url = SV("") };
	struct attr attrs[2] = { { SV("service.name"), { .type = VAL_STRING } },
		{ SV("host.name"), { .type = VAL_STRING, .s = SV("h") } } };
	struct attr at = { SV("http.route"), { .type = VAL_STRING, .s = SV("/a") } };
	char text[16];
	struct span s = { .trace_id = { 7, trace }, .span_id = id, .name = SV("n"),
		.start_ns = start, .end_ns = start + 1000, .resource = &r, .scope = &sc };

	snprintf(text, sizeof text, "s%u", service);
	attrs[0].val.s = r.service = sv_cstr(text);
	/* attributes stand in byte order */
	r.attrs = (struct attrs){ (struct attr[]){ attrs[1], attrs[0] }, 2 };
	if (service == 1)
		s.attrs = (struct attrs){ &at, 1 };
	assert_int_equal(memtable_append(m, &s, NULL), 0);
}

static void
commit(struct catalog *c, struct memtable *m)
{
	size_t n = memtable_parts(m);
	struct shard_entry *v = calloc(n + 1, sizeof *v);
	struct err e = ERR_INIT;

	assert_non_null(v);
	for (size_t i = 0; i < n; i++)
		if (catalog_new_file(c, memtable_part(m, i).partition, &v[i].file, &e) != 0 ||
		    memtable_seal(m, i, catalog_fsys(c), v[i].file, &v[i], &e) != 0)
			fail_msg("%s", e.msg);
	if (catalog_commit(c, v, n, &e) != 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < n; i++)
		free(v[i].file);
	free(v);
	memtable_free(m);
}

static struct memtable *
fresh(void)
{
	struct shard_options so = { .row_group_rows = 1024, .index_budget = 100 };
	struct memtable *m;

	assert_int_equal(memtable_new(&so, H0 + HOUR(2 * N_HOURS), &m, NULL), 0);
	return m;
}

/* A commit of some spans at any time; some of them outside. */
static void
add_some(struct catalog *c, unsigned commit_no)
{
	struct memtable *m = fresh();
	unsigned n = 1 + (unsigned)rnd(6);

	for (unsigned i = 0; i < n; i++)
		add_span(m, (unsigned)rnd(4), rnd(40), commit_no * 100 + i + 1, rnd(20) == 0 ? 5 :
		    any_time());
	commit(c, m);
}

static struct fsys *
store_of(unsigned commits)
{
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs);

	seed = 1;
	assert_int_equal(catalog_lock(c, NULL), 0);
	for (unsigned i = 0; i < commits; i++)
		add_some(c, i);
	catalog_close(c);
	return fs;
}

static const struct snapshot *
snap(struct catalog *c)
{
	const struct snapshot *s;
	struct err e = ERR_INIT;

	if (catalog_snapshot(c, &s, &e) != 0)
		fail_msg("%s", e.msg);
	return s;
}

static size_t n_found;

static void
bad(void *arg, const char *file, int64_t off, const char *why)
{
	if (arg != NULL)
		fail_msg("%s at %lld: %s", file, (long long)off, why);
	n_found++;
}

/* Findings of a check; with `clean`, none may be. */
static size_t
check(struct catalog *c, bool clean)
{
	struct check_result r;

	n_found = 0;
	assert_int_equal(catalog_check(c, bad, clean ? c : NULL, &r, NULL), 0);
	return n_found;
}

/* ---- what it says ---- */

/* What it says of lines is what the shard does. */
static void
lines_are_true(const struct snapshot *s, size_t i, struct shard *sh)
{
	const struct line_totals *t;
	size_t n;

	assert_int_equal(line_totals_get(sh, &t, NULL), 0);
	assert_non_null(t);
	n = snapshot_lines(s, i, line_totals_version(t));
	assert_true(n == 0 || n == shard_info(sh)->n_services);
	assert_int_equal(snapshot_lines(s, i, line_totals_version(t) + 1u), 0);
	for (size_t k = 0; k < n; k++) {
		const struct shard_service *x = &shard_info(sh)->services[k];
		struct service_lines l = snapshot_lines_at(s, i, k);

		assert_true(sv_eq(l.service, x->service));
		assert_int_equal(l.n_rows, x->row_to - x->row_from);
		assert_int_equal(l.min_start, x->min_start);
		assert_int_equal(l.max_start, x->max_start);
		assert_true(l.bytes > l.n_rows);
		assert_int_equal(l.bytes, line_totals_at(t, k));
	}
	line_totals_put(t);
}

/* A row that is believed says what the shard's footer says; traces lead to their shards. */
static void
is_true(struct catalog *c)
{
	const struct snapshot *s = snap(c);
	const struct manifest *m = &snap_of(s)->manifest;
	const struct traceids *t;

	for (size_t i = 0; i < s->n_shards; i++) {
		const struct mseg *seg = NULL;
		const struct mrow *r = manifest_row(m, i, &seg);
		struct shard *sh;
		uint32_t from, to;

		assert_int_equal(snapshot_shard(s, i, &sh, NULL), 0);
		assert_int_equal(traceids_get(sh, &t, NULL), 0);
		for (uint32_t k = 0; k < shard_info(sh)->n_traces; k++) {
			uint32_t *v;
			size_t n, at = 0;

			assert_int_equal(snapshot_trace_shards(s, trace_id_hash(traceids_at(t, k)),
			    &v, &n, NULL), 0);
			while (at < n && v[at] != i)
				at++;
			assert_true(at < n);
			free(v);
		}
		traceids_put(t);
		lines_are_true(s, i, sh);
		if (r == NULL)
			continue;
		assert_int_equal(r->footer_hash, shard_info(sh)->footer_hash);
		assert_int_equal(r->n_traces, shard_info(sh)->n_traces);
		segment_services(seg, m->places[i].row, &from, &to);
		assert_int_equal(to - from, shard_info(sh)->n_services);
		for (uint32_t k = from; k < to; k++) {
			const struct shard_service *x = &shard_info(sh)->services[k - from];

			assert_true(sv_eq(seg->names[seg->services[k].name], x->service));
			assert_int_equal(seg->services[k].n_rows, x->row_to - x->row_from);
			assert_int_equal(seg->services[k].min_start, x->min_start);
			assert_int_equal(seg->services[k].max_start, x->max_start);
		}
	}
	snapshot_unref(s);
}

static void
a_commit_writes_little_and_segments_stay_few(void **state)
{
	struct fsys *fs = store_of(MANY_COMMITS);
	struct catalog *c = open_store(fs);
	const struct snapshot *s = snap(c);
	const struct manifest *m = &snap_of(s)->manifest;
	char **names;
	size_t n, rows = 0;
	struct arena a;

	(void)state;
	assert_int_equal(m->n_bare, 0);
	assert_int_equal(snapshot_n_listed(s), s->n_shards);
	assert_true(m->n > 1 && m->n < 12);
	for (size_t k = 0; k < m->n; k++)
		rows += m->n_used[k];
	assert_int_equal(rows, s->n_shards);
	arena_init(&a);
	assert_int_equal(fs->ops->list(fs, MANIFEST_DIR, &a, &names, &n, NULL), 0);
	assert_int_equal(n, m->n);
	arena_release(&a);
	is_true(c);
	check(c, true);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

static void
a_store_without_one_gets_it_at_the_next_commit(void **state)
{
	struct fsys *fs = store_of(20);
	struct catalog *c;
	const struct snapshot *s;

	(void)state;
	assert_int_equal(fs->ops->unlink(fs, MANIFEST_FILE, NULL), 0);
	c = open_store(fs);
	s = snap(c);
	assert_int_equal(snapshot_n_listed(s), 0);
	is_true(c);
	snapshot_unref(s);
	assert_int_equal(catalog_lock(c, NULL), 0);
	add_some(c, 1000);
	s = snap(c);
	assert_int_equal(snapshot_n_listed(s), s->n_shards);
	is_true(c);
	check(c, true);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

/* ---- lines ---- */

static uint64_t
number_at(const struct buf *b, size_t off, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n; i-- > 0;)
		v = v << 8 | (uint8_t)b->p[off + i];
	return v;
}

static void
put_number(struct buf *b, size_t off, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		b->p[off + i] = (char)(v >> (8 * i));
}

/* A segment as version 1 had it: services of 32 bytes, and no version of lines in a row's flags. */
static void
to_version_1(struct buf *b)
{
	size_t rows = number_at(b, 12, 4), services = number_at(b, 16, 4);
	size_t from = SEGMENT_HEADER_BYTES + rows * sizeof(struct mrow);
	struct buf out = BUF_INIT;

	put_number(b, 8, 1, 4);
	put_number(b, 32, number_at(b, 32, 8) - services * 8, 8);
	for (size_t i = 0; i < rows; i++)
		b->p[SEGMENT_HEADER_BYTES + (i + 1) * sizeof(struct mrow) - 2] = 0;
	buf_put(&out, b->p, from);
	for (size_t i = 0; i < services; i++)
		buf_put(&out, b->p + from + i * 40, 32);
	buf_put(&out, b->p + from + services * 40, b->n - from - services * 40);
	assert_false(out.oom);
	buf_release(b);
	*b = out;
}

/* One byte more in the total of the first service. */
static void
to_false_total(struct buf *b)
{
	size_t at = SEGMENT_HEADER_BYTES + number_at(b, 12, 4) * sizeof(struct mrow) + 32;

	put_number(b, at, number_at(b, at, 8) + 1, 8);
}

/* A total where there is no version. */
static void
to_no_version(struct buf *b)
{
	for (size_t i = 0; i < number_at(b, 12, 4); i++)
		b->p[SEGMENT_HEADER_BYTES + (i + 1) * sizeof(struct mrow) - 2] = 0;
}

/* All segments changed, and MANIFEST made to fit. */
static void
change_segments(struct fsys *fs, void (*change)(struct buf *))
{
	struct buf b = BUF_INIT;
	struct mhead h;
	struct arena a;

	arena_init(&a);
	assert_int_equal(manifest_decode(fsys_mem_get(fs, MANIFEST_FILE), MANIFEST_FILE, &a, &h,
	    NULL), 0);
	for (size_t i = 0; i < h.n; i++) {
		char path[MANIFEST_PATH_BYTES];

		manifest_path(h.refs[i].number, path);
		b.n = 0;
		buf_sv(&b, fsys_mem_get(fs, path));
		change(&b);
		h.refs[i].core_bytes = number_at(&b, 32, 8);
		h.refs[i].n_bytes = b.n;
		h.refs[i].hash = hash64(b.p, (size_t)h.refs[i].core_bytes);
		assert_true(fsys_mem_put(fs, path, buf_view(&b)));
	}
	b.n = 0;
	manifest_encode(&b, &h);
	assert_true(fsys_mem_put(fs, MANIFEST_FILE, buf_view(&b)));
	buf_release(&b);
	arena_release(&a);
}

static size_t
n_with_lines(const struct snapshot *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_shards; i++)
		n += snapshot_lines(s, i, 1) != 0;
	return n;
}

static void
of_every_shard_it_has_the_lines(void **state)
{
	struct fsys *fs = store_of(20);
	struct catalog *c = open_store(fs);
	const struct snapshot *s = snap(c);

	(void)state;
	assert_int_equal(n_with_lines(s), s->n_shards);
	assert_true(snapshot_has_service(s, SV("s1")));
	assert_false(snapshot_has_service(s, SV("s9")));
	assert_int_equal(snap_of(s)->n_open, 0);
	for (size_t i = 0; i < s->n_shards; i++)
		assert_int_equal(snapshot_shard_there(s, i, NULL), 0);
	assert_int_equal(snap_of(s)->n_open, 0);
	is_true(c);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

/* It is read, and what it says is true; new shards have lines, and old ones come along without. */
static void
one_without_lines_is_read(void **state)
{
	struct fsys *fs = store_of(20);
	struct catalog *c;
	const struct snapshot *s;
	size_t n;

	(void)state;
	change_segments(fs, to_version_1);
	c = open_store(fs);
	s = snap(c);
	n = s->n_shards;
	assert_int_equal(snapshot_n_listed(s), n);
	assert_int_equal(n_with_lines(s), 0);
	is_true(c);
	check(c, true);
	snapshot_unref(s);
	assert_int_equal(catalog_lock(c, NULL), 0);
	for (unsigned i = 0; i < 20; i++)
		add_some(c, 1000 + i);
	s = snap(c);
	assert_int_equal(snapshot_n_listed(s), s->n_shards);
	assert_int_equal(n_with_lines(s), s->n_shards - n);
	is_true(c);
	check(c, true);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

static void
a_false_total_is_found(void **state)
{
	struct fsys *fs = store_of(5);
	struct catalog *c;

	(void)state;
	change_segments(fs, to_false_total);
	c = open_store(fs);
	assert_true(check(c, false) > 0);
	catalog_close(c);
	fsys_free(fs);
}

static void
a_total_of_no_version_is_not_believed(void **state)
{
	struct fsys *fs = store_of(5);
	struct catalog *c;
	const struct snapshot *s;

	(void)state;
	change_segments(fs, to_no_version);
	c = open_store(fs);
	s = snap(c);
	assert_int_equal(snapshot_n_listed(s), 0);
	is_true(c);
	assert_true(check(c, false) > 0);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

static void
a_shard_that_is_gone_or_cut_is_noticed_unopened(void **state)
{
	struct fsys *fs = store_of(5);
	struct catalog *c = open_store(fs);
	const struct snapshot *s = snap(c);
	struct sv bytes = fsys_mem_get(fs, s->shards[0].file);
	struct err e = ERR_INIT;

	(void)state;
	assert_true(fsys_mem_put(fs, s->shards[0].file, sv_new(bytes.p, bytes.n - 1)));
	assert_int_equal(snapshot_shard_there(s, 0, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.msg, s->shards[0].file));
	assert_int_equal(fs->ops->unlink(fs, s->shards[0].file, NULL), 0);
	assert_int_equal(snapshot_shard_there(s, 0, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.msg, "missing"));
	assert_int_equal(snapshot_shard_there(s, 1, NULL), 0);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

/* ---- damage ---- */

/* The store with the file's bytes changed: it is read as before, and the check finds it. */
static void
is_noticed(struct fsys *fs, const char *path, struct sv bytes, bool found)
{
	struct fsys *own = fsys_mem_copy(fs);
	struct catalog *c;

	assert_true(fsys_mem_put(own, path, bytes));
	c = open_store(own);
	is_true(c);
	if (found)
		assert_true(check(c, false) > 0);
	catalog_close(c);
	fsys_free(own);
}

static void
damage_everywhere(struct fsys *fs, const char *path)
{
	const size_t step = rounds_step();
	struct buf b = BUF_INIT;

	buf_sv(&b, fsys_mem_get(fs, path));
	for (size_t i = 0; i < b.n; i += b.n > 2000 ? 7 * step : step) {
		b.p[i] ^= (char)(1 << i % 8);
		is_noticed(fs, path, buf_view(&b), true);
		b.p[i] ^= (char)(1 << i % 8);
	}
	for (size_t n = 0; n < b.n; n += b.n > 2000 ? 41 * step : step)
		is_noticed(fs, path, sv_new(b.p, n), true);
	buf_release(&b);
}

static void
damage_is_noticed_and_footers_are_read(void **state)
{
	struct fsys *fs = store_of(8);
	struct catalog *c = open_store(fs);
	const struct snapshot *s = snap(c);
	char path[MANIFEST_PATH_BYTES];

	(void)state;
	damage_everywhere(fs, MANIFEST_FILE);
	for (size_t k = 0; k < snap_of(s)->manifest.n; k++) {
		manifest_path(snap_of(s)->manifest.segments[k]->ref.number, path);
		damage_everywhere(fs, path);
	}
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

/* A commit after the damage makes it whole. */
static void
the_next_commit_mends_it(void **state)
{
	struct fsys *fs = store_of(30);
	struct catalog *c = open_store(fs);
	const struct snapshot *s = snap(c);
	char path[MANIFEST_PATH_BYTES];

	(void)state;
	manifest_path(snap_of(s)->manifest.segments[0]->ref.number, path);
	snapshot_unref(s);
	catalog_close(c);
	assert_true(fsys_mem_put(fs, path, SV("nothing")));
	c = open_store(fs);
	s = snap(c);
	assert_true(snapshot_n_listed(s) < s->n_shards);
	snapshot_unref(s);
	assert_true(check(c, false) > 0);
	assert_int_equal(catalog_lock(c, NULL), 0);
	add_some(c, 1000);
	s = snap(c);
	assert_int_equal(snapshot_n_listed(s), s->n_shards);
	snapshot_unref(s);
	check(c, true);
	catalog_close(c);
	fsys_free(fs);
}

/* With checksums of its own, as a stranger would write it: rows of other numbers are passed over. */
static void
another_stores_rows_are_not_believed(void **state)
{
	struct fsys *fs = store_of(6), *other = fsys_mem();
	struct catalog *c = open_store(other);
	const struct snapshot *s;
	char **names, path[64];
	size_t n;
	struct arena a;

	(void)state;
	seed = 99;
	assert_int_equal(catalog_lock(c, NULL), 0);
	for (unsigned i = 0; i < 6; i++)
		add_some(c, i);
	catalog_close(c);
	arena_init(&a);
	assert_int_equal(other->ops->list(other, MANIFEST_DIR, &a, &names, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof path, MANIFEST_DIR "/%s", names[i]);
		assert_true(fsys_mem_put(fs, path, fsys_mem_get(other, path)));
	}
	assert_true(fsys_mem_put(fs, MANIFEST_FILE, fsys_mem_get(other, MANIFEST_FILE)));
	c = open_store(fs);
	s = snap(c);
	assert_int_equal(snapshot_n_listed(s), 0);
	snapshot_unref(s);
	is_true(c);
	catalog_close(c);
	arena_release(&a);
	fsys_free(other);
	fsys_free(fs);
}

/* A store of one span; how long its shard is. */
static uint64_t
store_of_one(struct fsys *fs, uint64_t trace)
{
	struct catalog *c = open_store(fs);
	struct memtable *m = fresh();
	const struct snapshot *s;
	uint64_t n_bytes;

	assert_int_equal(catalog_lock(c, NULL), 0);
	add_span(m, 2, trace, 1, H0);
	commit(c, m);
	s = snap(c);
	assert_int_equal(snap_of(s)->manifest.segments[0]->ref.number, 1);
	n_bytes = s->shards[0].n_bytes;
	snapshot_unref(s);
	catalog_close(c);
	return n_bytes;
}

/* Rows of equal numbers can't be told from a store's own, until the shard is opened. */
static void
another_stores_rows_of_equal_numbers_are_an_error(void **state)
{
	struct fsys *fs = fsys_mem(), *other = fsys_mem();
	uint64_t n_bytes = store_of_one(fs, 1);
	const struct snapshot *s;
	struct err e = ERR_INIT;
	struct catalog *c;
	struct shard *sh;
	char path[MANIFEST_PATH_BYTES];

	(void)state;
	for (uint64_t trace = 2; store_of_one(other, trace) != n_bytes; trace++) {
		fsys_free(other);
		other = fsys_mem();
	}
	manifest_path(1, path);
	assert_true(fsys_mem_put(fs, path, fsys_mem_get(other, path)));
	assert_true(fsys_mem_put(fs, MANIFEST_FILE, fsys_mem_get(other, MANIFEST_FILE)));
	c = open_store(fs);
	s = snap(c);
	assert_int_equal(snapshot_n_listed(s), 1);	/* it is believed */
	assert_int_equal(snapshot_shard(s, 0, &sh, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.msg, "not the shard that MANIFEST tells of"));
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(other);
	fsys_free(fs);
}

/* ---- selecting ---- */

static bool
asked(const struct stats_need *n, const struct shard_service *s)
{
	bool is = n->n_services == 0;

	for (size_t i = 0; i < n->n_services; i++)
		is |= sv_eq(n->services[i], s->service);
	return is && values_overlap(s->min_start, s->max_start, n->range);
}

static bool
has_trace(struct shard *sh, const struct stats_need *n)
{
	const struct traceids *t;
	bool found = n->n_traces == 0;
	uint32_t at;

	assert_int_equal(traceids_get(sh, &t, NULL), 0);
	for (size_t i = 0; i < n->n_traces; i++)
		found |= traceids_find(t, n->traces[i], &at);
	traceids_put(t);
	return found;
}

/* Rows of the shard that are asked for and start at t or later; *newest rises to the last start. */
static uint64_t
rows_from(struct shard *sh, const struct stats_need *n, uint64_t t, uint64_t *newest)
{
	const struct shard_info *info = shard_info(sh);
	const struct chunk *c;
	uint64_t rows = 0;

	assert_int_equal(chunk_get(sh, shard_column(sh, COL_START), 0, &c, NULL), 0);
	for (size_t i = 0; i < info->n_services; i++)
		for (uint32_t r = info->services[i].row_from; r < info->services[i].row_to; r++) {
			uint64_t start = chunk_u64_at(c, r);

			if (!asked(n, &info->services[i]) || start < t || start < n->range.from ||
			    (start >= n->range.to && n->range.to != WHEN_MAX))
				continue;
			rows++;
			if (start > *newest)
				*newest = start;
		}
	chunk_put(c);
	return rows;
}

static bool
needed(struct shard *sh, const struct stats_need *n)
{
	const struct shard_info *info = shard_info(sh);

	if (!has_trace(sh, n) || !values_overlap(info->min_start, info->max_start, n->range))
		return false;
	if (n->n_services == 0)
		return true;
	for (size_t i = 0; i < info->n_services; i++)
		if (asked(n, &info->services[i]))
			return true;
	return false;
}

/* Of the newest rows none is in a shard that was left out. */
static void
has_the_newest(const struct snapshot *s, const struct stats_need *n, const struct selection *sel)
{
	uint64_t left = 0, ignored = 0, newer = 0;
	struct shard *sh;

	for (size_t i = 0, at = 0; i < s->n_shards; i++) {
		if (at < sel->n && sel->shards[at] == i) {
			at++;
			continue;
		}
		assert_int_equal(snapshot_shard(s, i, &sh, NULL), 0);
		(void)rows_from(sh, n, 0, &left);
	}
	if (left == 0)
		return;
	for (size_t i = 0; i < sel->n; i++) {
		assert_int_equal(snapshot_shard(s, sel->shards[i], &sh, NULL), 0);
		newer += rows_from(sh, n, left + 1, &ignored);
	}
	assert_true(newer >= n->newest);
}

static void
selects_right(const struct snapshot *s, const struct stats_need *n)
{
	uint64_t shards = 0, rows = 0;
	struct selection sel;
	struct arena a;
	size_t k = 0;

	arena_init(&a);
	assert_int_equal(stats_select(s, n, &a, &sel, NULL), 0);
	for (size_t i = 0; i < sel.n_left; i++) {
		shards += sel.left[i].n_shards;
		rows += sel.left[i].n_rows;
	}
	for (size_t i = 0; i < s->n_shards; i++) {
		bool is_kept = k < sel.n && sel.shards[k] == i;
		struct shard *sh;

		k += is_kept;
		rows += is_kept ? s->shards[i].n_rows : 0;
		assert_int_equal(snapshot_shard(s, i, &sh, NULL), 0);
		if (n->newest == UINT64_MAX)
			assert_int_equal(is_kept, needed(sh, n));
	}
	assert_int_equal(k, sel.n);
	assert_int_equal(shards + sel.n, s->n_shards);
	assert_int_equal(rows, s->n_rows);
	if (n->newest != UINT64_MAX)
		has_the_newest(s, n, &sel);
	arena_release(&a);
}

static void
selection_is_what_every_shard_would_say(void **state)
{
	struct fsys *fs = store_of(MANY_COMMITS);
	struct catalog *c = open_store(fs);
	const struct snapshot *s = snap(c);
	static const char *const names[] = { "s0", "s1", "s2", "s3", "other" };

	(void)state;
	for (unsigned i = 0; i < rounds_of(3000); i++) {
		struct stats_need n = STATS_NEED_ALL;
		struct sv services[2] = { sv_cstr(names[rnd(5)]), sv_cstr(names[rnd(5)]) };
		struct trace_id traces[2] = { { 7, rnd(50) }, { 7, rnd(50) } };

		n.services = services;
		n.n_services = rnd(3);
		n.traces = traces;
		if (rnd(2) == 0) {
			n.range.from = rnd(3) == 0 ? 0 : any_time();
			n.range.to = rnd(3) == 0 ? WHEN_MAX : n.range.from + HOUR(rnd(N_HOURS));
		}
		if (rnd(2) == 0)
			n.n_traces = rnd(3);
		else if (rnd(2) == 0)
			n.newest = 1 + rnd(20);
		selects_right(s, &n);
	}
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

/* ---- sums ---- */

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What is summed, and what the kept shards have, is what all shards have; or enough. */
static void
sums_right(const struct snapshot *s, const struct stats_need *n, struct selection *sel,
    struct arena *a)
{
	uint64_t all = 0, found, shards = 0, rows = 0, ignored = 0;

	assert_int_equal(stats_select(s, n, a, sel, NULL), 0);
	found = sel->summed;
	for (size_t i = 0, k = 0; i < s->n_shards; i++) {
		bool is_kept = k < sel->n && sel->shards[k] == i, out;
		struct shard *sh;
		uint64_t has;

		out = (n->has_after && s->shards[i].generation <= n->after) ||
		    (n->only != 0 && s->shards[i].generation != n->only);
		assert_int_equal(snapshot_shard(s, i, &sh, NULL), 0);
		has = out ? 0 : rows_from(sh, n, 0, &ignored);
		all += has;
		found += is_kept ? has : 0;
		rows += is_kept ? s->shards[i].n_rows : 0;
		k += is_kept;
	}
	assert_int_equal(least(found, n->enough), least(all, n->enough));
	for (size_t i = 0; i < sel->n_left; i++) {
		shards += sel->left[i].n_shards;
		rows += sel->left[i].n_rows;
	}
	assert_int_equal(shards + sel->n, s->n_shards);
	assert_int_equal(rows, s->n_rows);
	if (sel->summed != 0 && sel->summed >= n->enough)
		assert_int_equal(sel->n, 0);
}

static void
a_sum_is_that_of_every_shard(void **state)
{
	struct fsys *fs = store_of(3 * MANY_COMMITS);
	struct catalog *c = open_store(fs);
	const struct snapshot *s = snap(c);
	static const char *const names[] = { "s0", "s1", "s2", "s3", "other" };
	size_t n_kept = 0, n_summed = 0;

	(void)state;
	for (unsigned i = 0; i < rounds_of(3000); i++) {
		struct stats_need n = STATS_NEED_ALL;
		struct sv services[2] = { sv_cstr(names[rnd(5)]), sv_cstr(names[rnd(5)]) };
		struct selection sel;
		struct arena a;

		arena_init(&a);
		n.counts = n.sums = true;
		n.services = services;
		n.n_services = rnd(3);
		if (rnd(3) != 0) {
			n.range.from = rnd(3) == 0 ? 0 : any_time();
			n.range.to = rnd(3) == 0 ? WHEN_MAX : n.range.from + HOUR(rnd(N_HOURS));
		}
		if (rnd(3) == 0)
			n.enough = rnd(60);
		if (rnd(4) == 0) {
			n.has_after = true;
			n.after = rnd(3 * MANY_COMMITS);
		} else if (rnd(6) == 0)
			n.only = 1 + rnd(3 * MANY_COMMITS);
		sums_right(s, &n, &sel, &a);
		n_kept += sel.n != 0;
		n_summed += sel.summed != 0;
		arena_release(&a);
	}
	assert_true(n_kept > 0 && n_summed > 0);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

/* Not a shard is looked at: neither hours in the range, nor services of whole segments. */
static void
a_sum_keeps_no_shard_that_the_range_holds(void **state)
{
	struct fsys *fs = store_of(3 * MANY_COMMITS);
	struct catalog *c = open_store(fs);
	const struct snapshot *s = snap(c);
	struct stats_need n = STATS_NEED_ALL;
	struct sv service = SV("s2");
	struct selection sel;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_true(s->n_shards > 64);
	n.counts = n.sums = true;
	sums_right(s, &n, &sel, &a);
	assert_int_equal(sel.n, 0);
	assert_int_equal(sel.summed, s->n_rows);
	n.services = &service;
	n.n_services = 1;
	sums_right(s, &n, &sel, &a);
	assert_int_equal(sel.n, 0);
	n.n_services = 0;
	n.range.from = H0 + HOUR(2) + HOUR(1) / 2;
	n.range.to = H0 + HOUR(9) + HOUR(1) / 2;
	sums_right(s, &n, &sel, &a);
	assert_true(sel.summed != 0);
	for (size_t i = 0; i < sel.n; i++)
		assert_true(s->shards[sel.shards[i]].partition == H0 + HOUR(2) ||
		    s->shards[sel.shards[i]].partition == H0 + HOUR(9));
	/* Of traces, and where each shard is asked for by itself, nothing is summed. */
	n = STATS_NEED_ALL;
	n.counts = true;
	assert_int_equal(stats_select(s, &n, &a, &sel, NULL), 0);
	assert_int_equal(sel.n, s->n_shards);
	assert_int_equal(sel.summed, 0);
	arena_release(&a);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

/* Shards that no row tells of are asked themselves. */
static void
without_a_manifest_nothing_is_summed(void **state)
{
	struct fsys *fs = store_of(MANY_COMMITS);
	const struct snapshot *s;
	struct stats_need n = STATS_NEED_ALL;
	struct sv service = SV("s1");
	struct selection sel;
	struct catalog *c;
	struct arena a;

	(void)state;
	assert_int_equal(fs->ops->unlink(fs, MANIFEST_FILE, NULL), 0);
	c = open_store(fs);
	s = snap(c);
	arena_init(&a);
	n.counts = n.sums = true;
	for (n.n_services = 0; n.n_services < 2; n.n_services++) {
		n.services = &service;
		sums_right(s, &n, &sel, &a);
		assert_int_equal(sel.summed, 0);
		assert_int_equal(sel.n, s->n_shards);
	}
	arena_release(&a);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

static void
what_is_left_out_is_not_read(void **state)
{
	struct fsys *fs = store_of(MANY_COMMITS);
	struct catalog *c = open_store(fs);
	const struct snapshot *s = snap(c);
	struct stats_need n = STATS_NEED_ALL;
	const struct stats *st;
	struct selection sel;
	struct arena a;

	(void)state;
	arena_init(&a);
	n.counts = true;
	assert_int_equal(stats_select(s, &n, &a, &sel, NULL), 0);
	assert_int_equal(selection_footers(s, &n, &sel), 0);
	assert_int_equal(stats_of(s, &n, &sel, NULL, &a, &st, NULL), 0);
	assert_int_equal(st->n_shards, s->n_shards);
	assert_int_equal(snap_of(s)->n_open, 0);
	n.counts = false;
	n.newest = 1;
	assert_int_equal(stats_select(s, &n, &a, &sel, NULL), 0);
	assert_int_equal(stats_of(s, &n, &sel, NULL, &a, &st, NULL), 0);
	assert_int_equal(st->n_shards, 1);
	assert_int_equal(snap_of(s)->n_open, 1);
	arena_release(&a);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_commit_writes_little_and_segments_stay_few),
		cmocka_unit_test(a_store_without_one_gets_it_at_the_next_commit),
		cmocka_unit_test(of_every_shard_it_has_the_lines),
		cmocka_unit_test(one_without_lines_is_read),
		cmocka_unit_test(a_false_total_is_found),
		cmocka_unit_test(a_total_of_no_version_is_not_believed),
		cmocka_unit_test(a_shard_that_is_gone_or_cut_is_noticed_unopened),
		cmocka_unit_test(damage_is_noticed_and_footers_are_read),
		cmocka_unit_test(the_next_commit_mends_it),
		cmocka_unit_test(another_stores_rows_are_not_believed),
		cmocka_unit_test(another_stores_rows_of_equal_numbers_are_an_error),
		cmocka_unit_test(selection_is_what_every_shard_would_say),
		cmocka_unit_test(a_sum_is_that_of_every_shard),
		cmocka_unit_test(a_sum_keeps_no_shard_that_the_range_holds),
		cmocka_unit_test(without_a_manifest_nothing_is_summed),
		cmocka_unit_test(what_is_left_out_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
