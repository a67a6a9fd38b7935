/* SPDX-License-Identifier: ISC */
/*
 * test_ch_listing: what `ls` is told of a server: names in order, asked once as long as they are fresh; the
 * older ones where it fails, and an error only with none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ch_server.h"
#include "remote/ch_server.h"
#include "lib/ch_tables.h"

#define AGES UINT64_C(3600000000000)

static struct ch_server server;
static struct conf *conf;

static struct buf listed;
static struct arena memory;
static struct ch_server *there;		/* what is tested; the tests' server has the same name of a struct */

#define ROWS "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, " \
	"ResourceAttributes, SpanAttributes, `Events.Timestamp`, `Events.Name`, `Events.Attributes`) SELECT " \
	"toDateTime64('2026-11-20 00:00:00', 9) + 3600 * number, lower(hex(sipHash128(number))), " \
	"lower(leftPad(hex(number + 1), 16, '0')), 'x', 'Server', ['b', 'a', 'B', 'c'][number % 4 + 1], " \
	"map('host', 'h'), map('k', toString(number % 3), 'z', ''), [now64(9)], ['e'], [map('why', 'w')] FROM numbers(48)"

static int
start(void **state)
{
	char url[96];
	const char *const sets[] = { url, "clickhouse.timeout=5s" };
	struct err e = ERR_INIT;

	(void)state;
	ch_server_start(&server, "http", NULL);
	ch_server_do(&server, SV("CREATE TABLE otel_traces (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree "
	    "PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"));
	ch_server_do(&server, SV(ROWS));
	snprintf(url, sizeof url, "clickhouse.url=%s", server.url);
	if (conf_load(NULL, sets, 2, &conf, &e) < 0 || ch_server_open(conf, &there, &e) < 0)
		fail_msg("%s", e.msg);
	arena_init(&memory);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ch_server_close(there);
	conf_free(conf);
	ch_server_stop(&server);
	arena_release(&memory);
	buf_release(&listed);
	return 0;
}

static uint64_t
asked(void)
{
	struct ch_counts c;

	ch_client_counts(ch_server_client(there), &c);
	return c.asked;
}

static const char *
text_of(const struct ch_names *n)
{
	listed.n = 0;
	for (size_t i = 0; i < n->n; i++) {
		buf_sv(&listed, n->v[i]);
		buf_putc(&listed, ' ');
	}
	if (!n->all)
		BUF_LIT(&listed, "...");
	return buf_cstr(&listed);
}

static struct ch_want
services(size_t max)
{
	return (struct ch_want){ .topic = CH_VALUES, .field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE },
		.order = CH_FREQUENT, .max = max, .range = TIME_RANGE_ALL };
}

static void
names_are_in_byte_order_and_asked_once(void **state)
{
	const struct ch_want w = services(10);
	struct ch_names n;
	struct err e = ERR_INIT;
	uint64_t before = asked();

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ch_server_values(there, &w, AGES, &memory, &n, &e), 0);
		assert_string_equal(text_of(&n), "B a b c ");
		assert_int_equal(asked() - before, 1);
	}
	/* Too old at once. */
	assert_int_equal(ch_server_values(there, &w, 0, &memory, &n, &e), 0);
	assert_int_equal(asked() - before, 2);
}

static void
a_list_that_is_cut_says_so(void **state)
{
	const struct ch_want w = services(3);
	struct ch_names n;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ch_server_values(there, &w, AGES, &memory, &n, &e), 0);
	assert_true(n.n == 3 && !n.all);
}

static void
fields_have_their_scope(void **state)
{
	const struct ch_want w = { .max = 10, .order = CH_FREQUENT, .range = TIME_RANGE_ALL };
	struct ch_names n;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ch_server_fields(there, &w, AGES, &memory, &n, &e), 0);
	assert_string_equal(text_of(&n), "event.why resource.host span.k span.z ");
}

static void
a_field_without_values_is_told(void **state)
{
	struct ch_want w = services(10);
	struct ch_names n;
	struct err e = ERR_INIT;

	(void)state;
	w.field.intrinsic = IN_DURATION;
	assert_int_equal(ch_server_values(there, &w, AGES, &memory, &n, &e), ERR_UNSUPPORTED);
	assert_true(n.n == 0 && e.msg[0] != '\0');
}

static void
partitions_come_newest_first(void **state)
{
	const struct ch_partition *p;
	struct err e = ERR_INIT;
	size_t n;
	bool all;

	(void)state;
	assert_int_equal(ch_server_partitions(there, AGES, &memory, &p, &n, &all, &e), 0);
	assert_true(n == 2 && all);
	assert_true(sv_is(p[0].name, "2026-11-21") && sv_is(p[1].name, "2026-11-20"));
}

/* The last, since the server goes. */
static void
older_ones_are_shown_while_it_is_away(void **state)
{
	const struct ch_want known = services(10), unknown = services(11);
	const struct ch_partition *p;
	struct ch_names n;
	struct err e = ERR_INIT;
	size_t parts;
	bool all;

	(void)state;
	assert_int_equal(ch_server_values(there, &known, 0, &memory, &n, &e), 0);
	ch_server_tell(&server, "/test/gone/1");
	assert_int_equal(ch_server_values(there, &known, 0, &memory, &n, &e), 0);
	assert_string_equal(text_of(&n), "B a b c ");
	assert_int_equal(ch_server_partitions(there, 0, &memory, &p, &parts, &all, &e), 0);
	assert_int_equal(parts, 2);
	assert_int_equal(ch_server_values(there, &unknown, 0, &memory, &n, &e), ERR_IO);
	assert_string_equal(text_of(&n), "...");
	assert_non_null(strstr(e.msg, "out of reach"));
	ch_server_tell(&server, "/test/gone/0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_in_byte_order_and_asked_once),
		cmocka_unit_test(a_list_that_is_cut_says_so),
		cmocka_unit_test(fields_have_their_scope),
		cmocka_unit_test(a_field_without_values_is_told),
		cmocka_unit_test(partitions_come_newest_first),
		cmocka_unit_test(older_ones_are_shown_while_it_is_away),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
