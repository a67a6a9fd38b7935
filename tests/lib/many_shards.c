/* SPDX-License-Identifier: ISC */
/* many_shards: see many_shards.h. */
#include "lib/many_shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "catalog/catalog.h"
#include "seal/memtable.h"

#define COMMIT_SHARDS 1000
#define NOW (MANY_START + 1000000 * MANY_HOUR)

static void
must(int code, const struct err *e)
{
	if (code < 0)
		fail_msg("%s", e->msg);
}

static void
add_hour(struct memtable *m, size_t i, unsigned per_shard)
{
	struct resource r = { .schema_url = SV("") };
	struct scope sc = { .name = SV("test"), .version = SV(""), .schema_url = SV("") };
	struct attr service = { SV("service.name"), { .type = VAL_STRING } };
	char text[2][16];
	struct err e = ERR_INIT;

	snprintf(text[0], sizeof text[0], "s%zu", i % 7);
	snprintf(text[1], sizeof text[1], "n%zu", i % 5);
	service.val.s = r.service = sv_cstr(text[0]);
	r.attrs = (struct attrs){ &service, 1 };
	for (unsigned k = 0; k < per_shard; k++) {
		struct span s = {
			.trace_id = { 1, i + 1 }, .span_id = k + 1, .name = sv_cstr(text[1]),
			.start_ns = MANY_START + i * MANY_HOUR + k, .resource = &r, .scope = &sc,
		};

		s.end_ns = s.start_ns + 1000;
		must(memtable_append(m, &s, &e), &e);
	}
}

static void
announce(struct catalog *c, const struct memtable *m, size_t n)
{
	uint64_t *v = calloc(n + 1, sizeof *v);
	struct err e = ERR_INIT;

	assert_non_null(v);
	for (size_t i = 0; i < n; i++)
		v[i] = memtable_part(m, i).partition;
	must(catalog_announce(c, v, n, &e), &e);
	free(v);
}

static void
commit(struct catalog *c, const struct memtable *m)
{
	size_t n = memtable_parts(m);
	struct shard_entry *v = calloc(n + 1, sizeof *v);
	struct err e = ERR_INIT;

	assert_non_null(v);
	announce(c, m, n);
	for (size_t i = 0; i < n; i++) {
		must(catalog_new_file(c, memtable_part(m, i).partition, &v[i].file, &e), &e);
		must(memtable_seal(m, i, catalog_fsys(c), v[i].file, &v[i], &e), &e);
	}
	must(catalog_commit(c, v, n, &e), &e);
	for (size_t i = 0; i < n; i++)
		free(v[i].file);
	free(v);
}

void
many_shards(const char *dir, size_t n, unsigned per_shard)
{
	struct catalog_options co = { .create = true, .cache_bytes = 1 << 20, .no_sync = true };
	struct shard_options so = { .row_group_rows = 1024, .index_budget = 100 };
	struct err e = ERR_INIT;
	struct catalog *c;
	struct memtable *m;

	must(catalog_open(dir, &co, &c, &e), &e);
	must(catalog_lock(c, &e), &e);
	for (size_t from = 0; from < n; from += COMMIT_SHARDS) {
		must(memtable_new(&so, NOW, &m, &e), &e);
		for (size_t i = from; i < n && i < from + COMMIT_SHARDS; i++)
			add_hour(m, i, per_shard);
		commit(c, m);
		memtable_free(m);
	}
	catalog_close(c);
}

void
many_shards_otlp(struct buf *b, size_t from, size_t to, unsigned per_shard)
{
	for (size_t i = from; i < to; i++) {
		buf_printf(b, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":"
		    "\"service.name\",\"value\":{\"stringValue\":\"s%zu\"}}]},\"scopeSpans\":"
		    "[{\"scope\":{\"name\":\"test\"},\"spans\":[", i % 7);
		for (unsigned k = 0; k < per_shard; k++) {
			unsigned long long start = MANY_START + i * MANY_HOUR + k;

			buf_printf(b, "%s{\"traceId\":\"%016x%016zx\",\"spanId\":\"%016x\",\"name\":"
			    "\"n%zu\",\"startTimeUnixNano\":\"%llu\",\"endTimeUnixNano\":\"%llu\"}",
			    k == 0 ? "" : ",", 1, i + 1, k + 1, i % 5, start, start + 1000);
		}
		buf_str(b, "]}]}]}\n");
	}
}
