/* SPDX-License-Identifier: ISC */
/* store_rig: see store_rig.h. */
#define _XOPEN_SOURCE 700
#include "lib/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <ftw.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/gen_span.h"
#include "catalog/catalog.h"
#include "catalog/marks.h"
#include "seal/memtable.h"

static void
must(int code, const struct err *e)
{
	if (code < 0)
		fail_msg("%s", e->msg);
}

static void
seal_all(struct catalog *cat, struct memtable *m)
{
	size_t n = memtable_parts(m);
	struct shard_entry *v = calloc(n + 1, sizeof *v);
	struct err err = ERR_INIT;

	assert_non_null(v);
	for (size_t i = 0; i < n; i++) {
		must(catalog_new_file(cat, memtable_part(m, i).partition, &v[i].file, &err),
		    &err);
		must(memtable_seal(m, i, catalog_fsys(cat), v[i].file, &v[i], &err), &err);
	}
	must(catalog_commit(cat, v, n, &err), &err);
	for (size_t i = 0; i < n; i++)
		free(v[i].file);
	free(v);
}

void
store_rig_add_budget(struct store_rig *r, const struct span_batch *b, uint32_t group_rows,
    uint32_t budget)
{
	struct catalog_options co = { .create = true, .cache_bytes = 1 << 20, .no_sync = true };
	struct shard_options so = {
		.row_group_rows = group_rows, .compression_level = 1, .top_values = 16,
		.index_budget = budget, .text_index = true,
	};
	struct err err = ERR_INIT;
	struct catalog *cat;
	struct memtable *m;

	must(catalog_open(r->dir, &co, &cat, &err), &err);
	must(catalog_lock(cat, &err), &err);
	must(memtable_new(&so, r->now_ns, &m, &err), &err);
	for (size_t i = 0; i < b->n; i++)
		must(memtable_append(m, &b->spans[i], &err), &err);
	seal_all(cat, m);
	memtable_free(m);
	catalog_unlock(cat);
	catalog_close(cat);
}

void
store_rig_add(struct store_rig *r, const struct span_batch *b, uint32_t group_rows)
{
	store_rig_add_budget(r, b, group_rows, 100);
}

/* Where so many commits and one more are in. */
static void
set_mark(struct store_rig *r, unsigned commits)
{
	struct err err = ERR_INIT;
	struct fsys *fs;
	char name[16];

	must(file_real(r->dir, false, &fs, &err), &err);
	snprintf(name, sizeof name, "m%u", commits + 1);
	must(mark_set(fs, sv_cstr(name), commits + 1, &err), &err);
	if (commits == 0)
		must(mark_set(fs, SV("m0"), 0, &err), &err);
	fsys_free(fs);
}

void
store_rig_init(struct store_rig *r, uint64_t seed, size_t n, unsigned hours,
    unsigned commits, uint32_t group_rows)
{
	struct gen_span_options o = {
		.seed = seed, .start_ns = STORE_RIG_START,
		.range_ns = (uint64_t)hours * 3600000000000u, .n_services = 5,
		.n_traces = (uint32_t)(n / 6 + 1), .n_keys = 24, .wild_times = n != 0,
	};
	struct span_batch b;
	struct gen_span g;

	*r = (struct store_rig){ .seed = seed,
		.now_ns = STORE_RIG_START + (uint64_t)hours * 3600000000000u };
	snprintf(r->dir, sizeof r->dir, "/tmp/spanfs-rig-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	gen_span_init(&g, &o);
	for (unsigned c = 0; c < commits; c++) {
		span_batch_init(&b);
		if (n != 0)
			assert_true(gen_span_add(&g, &b, n / commits));
		store_rig_add(r, &b, group_rows);
		span_batch_release(&b);
		set_mark(r, c);
	}
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
store_rig_release(struct store_rig *r)
{
	nftw(r->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
