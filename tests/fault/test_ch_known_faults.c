/* SPDX-License-Identifier: ISC */
/*
 * The catalog of a ClickHouse server without memory: each allocation of asking it, and of keeping
 * and looking at its answer, fails in turn, once or for good. Then there is an error that says so,
 * or the answer is whole. Links with --wrap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "clickhouse/ch_known.h"
#include "lib/canned.h"
#include "lib/fault_malloc.h"

#define S 1000000000ull
#define END "\012spanfs_end"
#define SEVEN "\7\0\0\0\0\0\0\0"
#define VALUES "\3\1a\1b" END "\6String\6UInt64\5UInt8" "\2x\xff" SEVEN "\1" "\2x\xfe" SEVEN "\1" "\1y" SEVEN "\1"
#define FIGURES "\5\1a\1b\1c\1d" END "\6String\6UInt64\015DateTime64(9)\015DateTime64(9)\5UInt8" "\3p\xffq" \
	SEVEN SEVEN SEVEN "\1"
#define SUMS "\7\1a\1b\1c\1d\1e\1f" END "\6String\6UInt64\6UInt64\6UInt64\6UInt64\6UInt64\5UInt8" \
	"\3p\xffq" SEVEN SEVEN SEVEN SEVEN SEVEN "\1"
#define ESTIMATE "\5\1a\1b\1c\1d\1e\6String\6String\6UInt64\6UInt64\6UInt64" "\1d\1t" SEVEN SEVEN SEVEN

static struct buf values, figures, sums, estimate;	/* answers of HTTP */
static unsigned port;
static struct ch_schema schema;

static void
serve(struct canned *c, int fd, unsigned nth, void *arg)
{
	/* Of libc's memory, which is not that of the test. */
	static char in[65536];
	ssize_t n = recv(fd, in, sizeof in, 0);
	struct sv asked = sv_new(in, n < 0 ? 0 : (size_t)n);
	const struct buf *b = &figures;

	(void)c, (void)nth, (void)arg;
	if (sv_find(asked, SV("EXPLAIN")) >= 0)
		b = &estimate;
	else if (sv_find(asked, SV("system.parts")) >= 0)
		b = &sums;
	else if (sv_find(asked, SV("spanfs_v")) >= 0)
		b = &values;
	if (n > 0)
		canned_send(fd, b->p, b->n);
}

static const struct ch_want wants[] = {
	{ .topic = CH_EXTENT, .max = 9, .range = { 0, WHEN_MAX } },
	{ .topic = CH_PARTITIONS, .max = 9, .range = { 0, WHEN_MAX } },
	{ .topic = CH_VALUES, .max = 9, .range = { 1, 2 }, .field = { .scope = FIELD_BARE, .key = { "k", 1 } } },
	{ .topic = CH_KEYS, .max = 9, .range = { 0, WHEN_MAX }, .field = { .scope = FIELD_EVENT } },
	{ .topic = CH_ESTIMATE, .max = 9, .range = { 0, WHEN_MAX } },
};
#define N_WANTS (sizeof wants / sizeof *wants)

static void
check_whole(const struct ch_want *w, const struct ch_answer *a)
{
	assert_true(a->complete && a->note.n == 0);
	switch (w->topic) {
	case CH_EXTENT:
		assert_true(a->extent.rows == 7 && a->extent.bytes == 7 && a->extent.last_ns == 7);
		break;
	case CH_PARTITIONS:
		assert_true(a->n_partitions == 1 && sv_is(a->partitions[0].name, "p\xef\xbf\xbdq"));
		assert_int_equal(a->partitions[0].n_parts, 7);
		break;
	case CH_ESTIMATE:
		assert_true(a->estimate.known && a->estimate.rows == 7);
		break;
	default:
		assert_true(a->n_values == 2 && a->values[0].rows == 14 && sv_is(a->values[0].text, "x\xef\xbf\xbd"));
	}
}

static int
look(struct ch_known *k, const struct ch_want *w)
{
	struct ch_seen seen;
	int is;

	ch_known_look(k, &schema, w, 3600 * S, &seen);
	is = seen.answer != NULL;
	if (is)
		check_whole(w, seen.answer);
	ch_seen_release(&seen);
	return is;
}

/* All of it. */
static int
run(const struct ch_want *plain, bool due, struct err *e)
{
	struct literal lit = literal_of(SV("it's"));
	const struct pred filter = { .kind = PRED_LEAF, .op = OP_EQ, .lits = &lit, .n_lits = 1,
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE } };
	struct ch_want w = *plain;
	struct ch_options o = { .timeout_ns = 5 * S };
	struct ch_client *c = NULL;
	struct ch_known *k = NULL;
	char url[64];
	int rc;

	w.filter = &filter;
	snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
	o.url = sv_cstr(url);
	if ((rc = ch_client_new(&o, &c, e)) == 0 && (rc = ch_known_new(1 << 20, &k, e)) == 0) {
		struct ch_asking by = { .client = c, .schema = &schema, .rows = 100, .time_ns = 60 * S };

		(void)look(k, &w);
		rc = due ? ch_known_refresh_due(k, &by, 3600 * S, NULL, e) : ch_known_refresh(k, &by, &w, NULL, e);
		/* Nothing is due if the look had no memory. */
		if (rc == 0 && !look(k, &w))
			rc = err_nomem(e);
	}
	ch_known_free(k);
	ch_client_free(c);
	return rc > 0 ? err_nomem(e) : rc;
}

static void
each_allocation_fails(const struct ch_want *w, bool due, bool persist)
{
	uint64_t asked_for, failed = 0;

	for (uint64_t nth = 1;; nth++) {
		struct err e = ERR_INIT;
		int rc;

		fault_malloc_start(nth, persist);
		rc = run(w, due, &e);
		asked_for = fault_malloc_stop();
		if (rc != 0)
			assert_int_equal(rc, ERR_NOMEM);
		failed += rc != 0;
		if (nth > asked_for) {
			assert_int_equal(rc, 0);
			break;
		}
	}
	assert_true(failed > 10);
}

static void
once(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_WANTS; i++)
		each_allocation_fails(&wants[i], i % 2, false);
}

static void
for_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_WANTS; i++)
		each_allocation_fails(&wants[i], i % 2 == 0, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(once), cmocka_unit_test(for_good) };
	struct canned *c;
	int failed;

	for (unsigned i = 0; i < N_CHC; i++)
		schema.columns[i].name = sv_cstr(ch_span_column_name(i));
	schema.table.name = SV("spans");
	schema.engine = SV("MergeTree");
	canned_answer(&values, 200, "", SV(VALUES));
	canned_answer(&figures, 200, "", SV(FIGURES));
	canned_answer(&sums, 200, "", SV(SUMS));
	canned_answer(&estimate, 200, "", SV(ESTIMATE));
	c = canned_open(serve, NULL);
	port = canned_port(c);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	canned_close(c);
	buf_release(&values);
	buf_release(&figures);
	buf_release(&sums);
	buf_release(&estimate);
	return failed;
}
