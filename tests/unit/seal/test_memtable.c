/* SPDX-License-Identifier: ISC */
/* memtable: partitions, duplicates, limits, memory counted; what it holds is read back in test_shard_roundtrip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "lib/gen_span.h"
#include "model/stats.h"
#include "seal/memtable.h"
#include "seal/memtable_i.h"

#define HOUR (3600 * UINT64_C(1000000000))
#define NOW (UINT64_C(490000) * HOUR)

static struct memtable *
new_table(void)
{
	struct shard_options opts = { .row_group_rows = 100, .compression_level = 1 };
	struct memtable *mt;
	struct err e = ERR_INIT;

	assert_int_equal(memtable_new(&opts, NOW, &mt, &e), 0);
	return mt;
}

static const struct resource no_resource = { .dropped_attrs = 0 };
static const struct scope no_scope = { .dropped_attrs = 0 };

static struct span
plain_span(uint64_t trace, uint64_t id, uint64_t start)
{
	return (struct span){
		.trace_id = { 1, trace }, .span_id = id, .start_ns = start, .end_ns = start + 1,
		.name = SV("name"), .resource = &no_resource, .scope = &no_scope,
	};
}

static int
append(struct memtable *mt, struct span s)
{
	struct err e = ERR_INIT;
	int rc = memtable_append(mt, &s, &e);

	assert_true(rc >= 0);
	return rc;
}

static void
partitions_are_hours(void **state)
{
	(void)state;
	assert_true(partition_of(NOW, NOW) == NOW);
	assert_true(partition_of(NOW + HOUR - 1, NOW) == NOW);
	assert_true(partition_of(NOW + HOUR, NOW) == NOW + HOUR);
	assert_true(partition_of(NOW + 24 * HOUR, NOW) == NOW + 24 * HOUR);
	assert_true(partition_of(NOW + 24 * HOUR + 1, NOW) == PARTITION_OUTSIDE);
	assert_true(partition_of(0, NOW) == PARTITION_OUTSIDE);
	assert_true(partition_of(UINT64_MAX, NOW) == PARTITION_OUTSIDE);
	assert_true(partition_of(UINT64_C(946684800) * 1000000000 - 1, NOW) == PARTITION_OUTSIDE);
	assert_true(partition_of(UINT64_C(946684800) * 1000000000, NOW) ==
	    UINT64_C(946684800) * 1000000000);
	/* A clock near the end of time does not wrap. */
	assert_true(partition_of(UINT64_MAX, UINT64_MAX) != PARTITION_OUTSIDE);
}

static void
spans_go_to_their_partition(void **state)
{
	struct memtable *mt = new_table();

	(void)state;
	for (uint64_t i = 0; i < 300; i++)
		assert_int_equal(append(mt, plain_span(i, i + 1, NOW - i % 3 * HOUR + i)), 0);
	assert_int_equal(append(mt, plain_span(1, 9999, 5)), 0);
	assert_int_equal(memtable_parts(mt), 4);
	for (size_t i = 0; i < 3; i++) {
		assert_true(memtable_part(mt, i).partition == NOW - i * HOUR);
		assert_int_equal(memtable_part(mt, i).n_rows, 100);
	}
	assert_true(memtable_part(mt, 3).partition == PARTITION_OUTSIDE);
	assert_int_equal(memtable_rows(mt), 301);
	memtable_free(mt);
}

static void
many_partitions_are_found_again(void **state)
{
	struct memtable *mt = new_table();

	(void)state;
	for (int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 5000; i++)
			assert_int_equal(append(mt, plain_span(1, i * 2 + (uint64_t)round + 1,
			    NOW - i * HOUR)), 0);
	assert_int_equal(memtable_parts(mt), 5000);
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(memtable_part(mt, i).n_rows, 2);
	memtable_free(mt);
}

static void
tells_spans_that_are_here(void **state)
{
	struct memtable *mt = new_table();

	(void)state;
	for (uint64_t i = 0; i < 2000; i++)
		assert_int_equal(append(mt, plain_span(i % 50, i + 1, NOW)), 0);
	for (uint64_t i = 0; i < 2000; i++)
		assert_int_equal(append(mt, plain_span(i % 50, i + 1, NOW + 7)), 1);
	/* Another trace, another span id, another partition: all new. */
	assert_int_equal(append(mt, plain_span(1, 1, NOW)), 0);
	assert_int_equal(append(mt, plain_span(0, 5000, NOW)), 0);
	assert_int_equal(append(mt, plain_span(0, 1, NOW + HOUR)), 0);
	assert_int_equal(memtable_rows(mt), 2003);
	memtable_free(mt);
}

static void
opens_a_second_part_when_one_is_full(void **state)
{
	struct memtable *mt = new_table();

	(void)state;
	for (uint64_t i = 0; i < LIMIT_SHARD_ROWS; i++)
		assert_int_equal(append(mt, plain_span(i / 100, i + 1, NOW + i)), 0);
	/* Full, but nothing to open another one for. */
	assert_int_equal(append(mt, plain_span(0, 1, NOW)), 1);
	assert_int_equal(memtable_parts(mt), 1);
	assert_int_equal(append(mt, plain_span(LIMIT_SHARD_ROWS / 100, LIMIT_SHARD_ROWS + 1,
	    NOW)), 0);
	assert_int_equal(memtable_parts(mt), 2);
	assert_int_equal(memtable_part(mt, 0).n_rows, LIMIT_SHARD_ROWS);
	assert_int_equal(memtable_part(mt, 1).n_rows, 1);
	assert_true(memtable_part(mt, 1).partition == NOW);
	/* What the first part has is known in the second. */
	assert_int_equal(append(mt, plain_span(0, 1, NOW)), 1);
	assert_int_equal(append(mt, plain_span(LIMIT_SHARD_ROWS / 100, LIMIT_SHARD_ROWS + 1,
	    NOW)), 1);
	memtable_free(mt);
}

static void
opens_a_second_part_when_values_are_many(void **state)
{
	struct memtable *mt = new_table();
	size_t n = 64 << 20;
	char *big = malloc(n);
	struct attr a = { SV("k"), { .type = VAL_STRING } };

	(void)state;
	assert_non_null(big);
	memset(big, 'x', n);
	a.val.s = sv_new(big, n);
	for (uint64_t i = 0; i < 7; i++) {
		struct span s = plain_span(1, i + 1, NOW);

		big[0] = (char)i;
		s.attrs = (struct attrs){ &a, 1 };
		assert_int_equal(append(mt, s), 0);
	}
	assert_int_equal(memtable_parts(mt), 2);
	assert_true(memtable_bytes(mt) > 7 * n);
	memtable_free(mt);
	free(big);
}

static void
millions_of_keys_share_a_rest_column(void **state)
{
	struct memtable *mt = new_table();
	size_t before = 0;

	(void)state;
	for (uint64_t i = 0; i < 20000; i++) {
		struct span s = plain_span(1, i + 1, NOW);
		struct attr a[2] = { { SV_EMPTY, { .type = VAL_INT, .i = 1 } },
		    { SV("shared"), { .type = VAL_BOOL, .b = true } } };
		char key[32];

		snprintf(key, sizeof key, "k%llu", (unsigned long long)i);
		a[0].key = sv_cstr(key);
		s.attrs = (struct attrs){ a, 2 };
		assert_int_equal(append(mt, s), 0);
		if (i == 5000)
			before = memtable_bytes(mt);
	}
	assert_int_equal(mt->parts[0]->cols.n, MEM_COLUMNS);
	assert_int_equal(mt->parts[0]->fixed[COL_REST]->n, 20000 - MEM_COLUMNS + 1);
	/* No more than the bytes of rows and values. */
	assert_true(memtable_bytes(mt) - before < 15000 * 300);
	memtable_free(mt);
}

static void
equal_owners_are_one_whatever_their_address(void **state)
{
	struct memtable *mt = new_table();
	struct attr a[2][1];
	struct resource r[2];
	struct scope sc[2];

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		struct span s = plain_span(1, i + 1, NOW);
		size_t at = i % 2;

		a[at][0] = (struct attr){ SV("service.name"),
		    { .type = VAL_STRING, .s = i < 50 ? SV("one") : SV("two") } };
		r[at] = (struct resource){ .attrs = { a[at], 1 }, .service = a[at][0].val.s };
		sc[at] = (struct scope){ .name = i < 30 ? SV("x") : SV("y") };
		s.resource = &r[at];
		s.scope = &sc[at];
		/* The same addresses, other content: a new batch, or no promise at all. */
		if (i == 70 || i == 80)
			memtable_batch(mt);
		assert_int_equal(append(mt, s), 0);
	}
	assert_int_equal(mt->owners.resources.n, 2);
	assert_int_equal(mt->owners.services.n, 2);
	assert_int_equal(mt->owners.scopes.n, 2);
	assert_int_equal(mem_shape(mt->parts[0], &mt->parts[0]->rows[49])->resource, 0);
	assert_int_equal(mem_shape(mt->parts[0], &mt->parts[0]->rows[50])->resource, 1);
	memtable_free(mt);
}

static void
memory_is_counted(void **state)
{
	struct gen_span_options opts = { .seed = 1, .start_ns = NOW, .unique_ids = true };
	struct memtable *mt = new_table();
	struct span_batch batch;
	struct gen_span g;
	size_t last = memtable_bytes(mt);

	(void)state;
	span_batch_init(&batch);
	gen_span_init(&g, &opts);
	for (int round = 0; round < 10; round++) {
		span_batch_reset(&batch);
		assert_true(gen_span_add(&g, &batch, 500));
		memtable_batch(mt);
		for (size_t i = 0; i < batch.n; i++)
			assert_int_equal(append(mt, batch.spans[i]), 0);
		assert_true(memtable_bytes(mt) > last);
		last = memtable_bytes(mt);
	}
	/* A row alone is 48 bytes; these spans carry some hundred bytes of values. */
	assert_true(last > 5000 * 48 && last < 5000 * 3000);
	span_batch_release(&batch);
	memtable_free(mt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitions_are_hours),
		cmocka_unit_test(spans_go_to_their_partition),
		cmocka_unit_test(many_partitions_are_found_again),
		cmocka_unit_test(tells_spans_that_are_here),
		cmocka_unit_test(opens_a_second_part_when_one_is_full),
		cmocka_unit_test(opens_a_second_part_when_values_are_many),
		cmocka_unit_test(millions_of_keys_share_a_rest_column),
		cmocka_unit_test(equal_owners_are_one_whatever_their_address),
		cmocka_unit_test(memory_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
