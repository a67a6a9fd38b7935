/* SPDX-License-Identifier: ISC */
/* store_spans: see store_spans.h. */
#include "lib/store_spans.h"

#include <stdlib.h>

#include "ingest/ingest.h"
#include "seal/memtable.h"
#include "shard/fetch.h"

#define ROWS 256

static int
add(struct map *m, const struct span *s, struct err *e)
{
	struct hash128 h = span_hash(s);
	bool fresh;
	uint64_t *n = map_put(m, sv_new(&h, sizeof h), &fresh);

	if (n == NULL)
		return err_nomem(e);
	++*n;
	return 0;
}

static int
add_shard(struct shard *s, struct fetch *f, struct span *out, struct map *m, struct err *e)
{
	static const struct projection all = { .all = true };
	uint64_t n_rows = shard_info(s)->n_rows;
	uint32_t rows[ROWS];
	int rc = 0;

	for (uint64_t from = 0; from < n_rows && rc == 0; from += ROWS) {
		size_t n = n_rows - from < ROWS ? (size_t)(n_rows - from) : ROWS;

		for (size_t i = 0; i < n; i++)
			rows[i] = (uint32_t)(from + i);
		rc = fetch_rows(f, s, rows, n, &all, out, e);
		for (size_t i = 0; i < n && rc == 0; i++)
			rc = add(m, &out[i], e);
		fetch_reset(f);
	}
	return rc;
}

int
spans_of_snapshot(const struct snapshot *snap, struct map *m, struct err *e)
{
	struct span *out = calloc(ROWS, sizeof *out);
	struct fetch *f;
	int rc;

	if (out == NULL)
		return err_nomem(e);
	if ((rc = fetch_new(&f, e)) == 0) {
		for (size_t i = 0; i < snap->n_shards && rc == 0; i++) {
			struct shard *s;

			if ((rc = snapshot_shard(snap, i, &s, e)) == 0)
				rc = add_shard(s, f, out, m, e);
		}
		fetch_free(f);
	}
	free(out);
	return rc;
}

int
spans_of_store(struct fsys *fs, struct map *m, struct err *e)
{
	struct catalog_options o = { .create = true, .cache_bytes = 1 << 22, .fs = fs };
	const struct snapshot *s;
	struct catalog *c;
	int rc;

	if ((rc = catalog_open("mem", &o, &c, e)) != 0)
		return rc;
	if ((rc = catalog_snapshot(c, &s, e)) == 0) {
		rc = spans_of_snapshot(s, m, e);
		snapshot_unref(s);
	}
	catalog_close(c);
	return rc;
}

int
spans_of_lines(struct sv text, struct map *m, struct err *e)
{
	struct ingest_result res = { 0 };
	struct span_batch b;
	struct sv line;
	int rc = 0;

	span_batch_init(&b);
	while (rc == 0 && sv_cut(&text, '\n', &line))
		if (line.n > 0)
			rc = otlp_json_parse(line, 1, &b, &res, e);
	for (size_t i = 0; i < b.n && rc == 0; i++)
		rc = add(m, &b.spans[i], e);
	span_batch_release(&b);
	if (rc == 0 && res.n_rejected != 0)
		rc = err_set(e, ERR_SYNTAX, -1, "%d spans rejected", (int)res.n_rejected);
	return rc;
}

/* ---- making a store ---- */

static int
append_lines(struct memtable *mt, struct sv text, struct err *e)
{
	struct ingest_result res = { 0 };
	struct span_batch b;
	struct sv line;
	int rc = 0;

	span_batch_init(&b);
	while (rc == 0 && sv_cut(&text, '\n', &line))
		if (line.n > 0)
			rc = otlp_json_parse(line, 1, &b, &res, e);
	for (size_t i = 0; i < b.n && rc >= 0; i++)
		rc = memtable_append(mt, &b.spans[i], e);
	span_batch_release(&b);
	return rc < 0 ? rc : 0;
}

static int
seal_all(struct memtable *mt, struct catalog *c, struct err *e)
{
	size_t n = memtable_parts(mt);
	struct shard_entry *en = calloc(n + 1, sizeof *en);
	int rc = en == NULL ? err_nomem(e) : 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = catalog_new_file(c, memtable_part(mt, i).partition, &en[i].file, e);
		if (rc == 0)
			rc = memtable_seal(mt, i, catalog_fsys(c), en[i].file, &en[i], e);
	}
	if (rc == 0)
		rc = catalog_commit(c, en, n, e);
	for (size_t i = 0; en != NULL && i < n; i++)
		free(en[i].file);
	free(en);
	return rc;
}

int
store_add_lines(struct fsys *fs, struct sv text, struct err *e)
{
	struct catalog_options o = { .create = true, .cache_bytes = 1 << 20, .fs = fs };
	struct shard_options so = { .row_group_rows = 256, .compression_level = 1, .sync = true };
	struct memtable *mt;
	struct catalog *c;
	int rc;

	if ((rc = catalog_open("mem", &o, &c, e)) != 0)
		return rc;
	if ((rc = catalog_lock(c, e)) == 0 &&
	    (rc = memtable_new(&so, UINT64_C(1795300000000000000), &mt, e)) == 0) {
		if ((rc = append_lines(mt, text, e)) == 0)
			rc = seal_all(mt, c, e);
		memtable_free(mt);
	}
	catalog_close(c);
	return rc;
}

/* ---- comparing ---- */

static bool
within(const struct map *a, const struct map *b, bool counts)
{
	const struct map_slot *s;

	for (size_t i = 0; (s = map_next(a, &i)) != NULL;) {
		const uint64_t *n = map_get(b, sv_new(s->key, s->len));

		if (n == NULL || (counts && *n != s->val))
			return false;
	}
	return true;
}

bool
spans_within(const struct map *a, const struct map *b)
{
	return within(a, b, false);
}

bool
spans_equal(const struct map *a, const struct map *b)
{
	return within(a, b, true) && within(b, a, true);
}

uint64_t
spans_count(const struct map *m)
{
	const struct map_slot *s;
	uint64_t n = 0;

	for (size_t i = 0; (s = map_next(m, &i)) != NULL;)
		n += s->val;
	return n;
}
