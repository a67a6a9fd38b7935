/* SPDX-License-Identifier: ISC */
/* export_rig: see export_rig.h. */
#include "lib/export_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/map.h"
#include "base/visible.h"
#include "clickhouse/ch_scan.h"
#include "clickhouse/ch_schema_read.h"
#include "clickhouse/ch_writer.h"

#define S 1000000000ull
#define GROUP_ROWS 1024

static void
must(int rc, const struct err *e)
{
	if (rc < 0)
		fail_msg("%s", e->msg);
}

void
export_rig_init(struct export_rig *r, const struct ch_server *server, uint64_t seed, size_t n,
    unsigned flags)
{
	const struct gen_span_options o = { .seed = seed, .start_ns = STORE_RIG_START,
		.range_ns = 3600 * S, .n_traces = (uint32_t)(n / 6 + 1),
		.wild_times = (flags & RIG_WILD) != 0, .unique_ids = (flags & RIG_TWINS) == 0,
		.ascii = (flags & RIG_HOSTILE) == 0 };

	memset(r, 0, sizeof *r);
	r->server = server;
	store_rig_init(&r->store, seed, 0, 1, 1, GROUP_ROWS);
	gen_span_init(&r->gen, &o);
	span_batch_init(&r->spans);
	export_rig_add(r, n);
}

static void
no_empty_key(const struct attrs *a)
{
	struct attrs *own = (struct attrs *)(uintptr_t)a;

	if (own->n != 0 && own->v[0].key.n == 0) {
		own->v++;
		own->n--;
	}
}

/* A parent of itself is a root, and an attribute without a key is none. */
static void
as_imported(struct span *s)
{
	if (s->parent_span_id == s->span_id)
		s->parent_span_id = 0;
	no_empty_key(&s->attrs);
	no_empty_key(&s->resource->attrs);
	no_empty_key(&s->scope->attrs);
	for (uint32_t i = 0; i < s->n_events; i++)
		no_empty_key(&s->events[i].attrs);
	for (uint32_t i = 0; i < s->n_links; i++)
		no_empty_key(&s->links[i].attrs);
}

void
export_rig_add(struct export_rig *r, size_t n)
{
	size_t before = r->spans.n;
	struct span_batch more = { .n = n };

	assert_true(gen_span_add(&r->gen, &r->spans, n));
	for (size_t i = before; i < r->spans.n; i++)
		as_imported(&r->spans.spans[i]);
	more.spans = r->spans.spans + before;
	store_rig_add(&r->store, &more, GROUP_ROWS);
}

void
export_rig_release(struct export_rig *r)
{
	span_batch_release(&r->spans);
	store_rig_release(&r->store);
}

/* ---- an export ---- */

static int
with_engine(const struct export_rig *r, const struct conf *conf, const struct export_how *h,
    struct export_counts *c, struct err *e)
{
	struct export_options o = { .conf = conf, .path = sv_cstr(h->path != NULL ? h->path : "/"),
		.create = !h->no_create, .missing = h->missing, .batch_rows = h->batch_rows,
		.tries = h->tries != 0 ? h->tries : 4, .say = h->say, .arg = h->arg };
	int rc;

	must(engine_open(conf, r->store.dir, false, &o.engine, e), e);
	must(file_real(r->store.dir, false, &o.store, e), e);
	rc = export_run(&o, c, e);
	fsys_free(o.store);
	engine_close(o.engine);
	return rc;
}

int
export_rig_run(const struct export_rig *r, const struct export_how *h, struct export_counts *c,
    struct err *e)
{
	char url[96], table[96];
	const char *const sets[] = { url, "clickhouse.database=otel", table, h->set };
	struct conf *conf = NULL;
	int rc;

	snprintf(url, sizeof url, "clickhouse.url=%s", r->server->url);
	snprintf(table, sizeof table, "clickhouse.table=%s", h->table);
	must(conf_load(NULL, sets, h->set != NULL ? 4 : 3, &conf, e), e);
	rc = with_engine(r, conf, h, c, e);
	conf_free(conf);
	return rc;
}

/* ---- what is in a table ---- */

static struct ch_schema *
schema_of(struct ch_client *c, const char *table)
{
	struct ch_schema *s = NULL;
	struct err e = ERR_INIT;

	must(ch_schema_read(c, (struct ch_table){ SV("otel"), sv_cstr(table) }, &s, &e), &e);
	return s;
}

static void
scan(struct ch_client *c, const struct ch_schema *s, struct span_batch *out)
{
	static const struct pred all = { .kind = PRED_TRUE };
	const struct ch_select q = { .schema = s, .filter = &all, .range = TIME_RANGE_ALL,
		.columns = CH_COLUMNS_ALL, .limit = UINT64_MAX };
	const struct ch_scan_opts opts = { 0 };
	struct ch_scan *sc = NULL;
	struct err e = ERR_INIT;
	int rc;

	must(ch_scan_open(c, &q, &opts, NULL, &sc, &e), &e);
	while ((rc = ch_scan_next(sc, out, 1000, &e)) == 0)
		;
	must(rc, &e);
	ch_scan_close(sc);
}

void
export_rig_table(const struct export_rig *r, const char *table, struct span_batch *out)
{
	struct ch_client *c = ch_server_connect(r->server, 30 * S);
	struct ch_schema *s = schema_of(c, table);

	span_batch_init(out);
	scan(c, s, out);
	ch_schema_free(s);
	ch_client_free(c);
}

/* How often each row is there, or, with `less`, how often less. */
static void
count(struct ch_writer *w, const struct span_batch *b, bool less, struct map *m)
{
	struct buf row = BUF_INIT;

	for (size_t i = 0; i < b->n; i++) {
		uint64_t *n;
		bool fresh;

		row.n = 0;
		ch_writer_row(w, &row, &b->spans[i]);
		n = map_put(m, buf_view(&row), &fresh);
		assert_non_null(n);
		*n += less ? UINT64_MAX : 1;
	}
	buf_release(&row);
}

/* How many times too often it is there, and the row. */
static unsigned
show(const struct map_slot *slot)
{
	struct buf b = BUF_INIT;

	visible_text(&b, sv_sub(sv_new(slot->key, slot->len), 0, 600), 0);
	print_message("%+lld %.*s\n", -(long long)slot->val, SV_ARG(buf_view(&b)));
	buf_release(&b);
	return 1;
}

void
export_rig_same(const struct export_rig *r, const char *table)
{
	struct ch_client *c = ch_server_connect(r->server, 30 * S);
	struct ch_schema *s = schema_of(c, table);
	const struct map_slot *slot;
	struct span_batch there;
	struct ch_writer w;
	struct err e = ERR_INIT;
	struct map m;
	unsigned wrong = 0;

	map_init(&m);
	span_batch_init(&there);
	scan(c, s, &there);
	must(ch_writer_init(&w, s, CH_COLUMNS_ALL, &e), &e);
	count(&w, &r->spans, false, &m);
	count(&w, &there, true, &m);
	for (size_t i = 0; (slot = map_next(&m, &i)) != NULL;)
		if (slot->val != 0)
			wrong += show(slot);
	if (wrong != 0)
		fail_msg("%u rows of %s differ, of %zu in it and %zu in the store", wrong, table, there.n,
		    r->spans.n);
	assert_int_equal(there.n, r->spans.n);
	map_release(&m);
	ch_writer_release(&w);
	span_batch_release(&there);
	ch_schema_free(s);
	ch_client_free(c);
}

uint64_t
export_rig_count(const struct export_rig *r, const char *table)
{
	struct ch_client *c = ch_server_connect(r->server, 30 * S);
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	char sql[128];
	uint64_t n = 0;

	snprintf(sql, sizeof sql, "SELECT count() FROM otel.%s", table);
	if (ch_rows(c, sv_cstr(sql), NULL, 0, "TabSeparated", &rows, NULL, &e) == 0)
		assert_true(sv_u64(sv_sub(buf_view(&rows), 0, rows.n - 1), &n));
	buf_release(&rows);
	ch_client_free(c);
	return n;
}
