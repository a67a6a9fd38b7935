/* SPDX-License-Identifier: ISC */
/*
 * planted: faults that the matrix catches. The linker puts a wrapper of this program around each of
 * a few functions of the libraries (Makefile.am names them, as --wrap), and one at a time does
 * wrong what it does. With none the matrix finds nothing; with each it finds something.
 * Nothing of the kind is in the shipped programs. With SPANFS_TEST_EVERY some of the faults only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bloom.h"
#include "exec/exec_i.h"
#include "lib/matrix.h"
#include "lib/rounds.h"
#include "opt/opt_i.h"
#include "shard/postings.h"

#define FAULTS(X) \
	X(NONE, NULL, "nothing") \
	X(KERNEL, "kind", "a kernel passes over the first of its numbers") \
	X(COMPARE, "span.f", "a double equals nothing") \
	X(NEGATIVE, "service", "nre is taken for re") \
	X(NOT, "service", "a NOT is lost") \
	X(FIELD, "event:name", "a field yields the first of its values only") \
	X(IMAGE, "flags", "flags stand in chunks as attributes do") \
	X(FORGETS, "span.u", "postings forget the last row of a key") \
	X(OFF_BY_ONE, "span.u", "postings of the key beside") \
	X(STALE, "span.u", "postings count a row that is gone") \
	X(ZONE, "start", "a zone begins one too late") \
	X(BLOOM, "trace_id", "a Bloom filter denies what is there") \
	X(DICT, "name", "a dictionary finds the code beside") \
	X(TRACE, "trace_id", "the trace index knows no trace") \
	X(TRUSTS, "rk", "covering trusts columns that hold a part") \
	X(WRAPS, "duration", "an end before the start is taken for a duration") \
	X(TIE, "kind", "rows of one instant are left as they come") \
	X(MISSING, "flags", "missing keys come first when descending") \
	X(FACTS, "trace_errors", "traces have one error more") \
	X(ESTIMATE, "span.t", "half of the rows are believed to match")

enum fault {
#define X(id, field, what) FAULT_##id,
	FAULTS(X)
#undef X
	N_FAULTS
};

/* Where the matrix sees it: of one field, to be quick. */
static const struct {
	const char *field, *what;
} faults[N_FAULTS] = {
#define X(id, field, what) { field, what },
	FAULTS(X)
#undef X
};

static enum fault fault;

#define WRAP(type, name, ...) \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

WRAP(void, range_test, const uint64_t *v, size_t n, const struct ranges *r, uint64_t *words)
{
	__real_range_test(v, n, r, words);
	if (fault == FAULT_KERNEL && n > 0)
		words[0] &= ~(uint64_t)1;
}

WRAP(bool, value_cmp_literal, const struct value *v, const struct literal *l, int *c)
{
	return __real_value_cmp_literal(v, l, c) &&
	    (fault != FAULT_COMPARE || v->type != VAL_DOUBLE || *c != 0);
}

WRAP(bool, pred_op_negative, enum pred_op op)
{
	return (fault != FAULT_NEGATIVE || op != OP_NRE) && __real_pred_op_negative(op);
}

WRAP(const struct pred *, pred_not, struct arena *a, const struct pred *p)
{
	return fault == FAULT_NOT ? p : __real_pred_not(a, p);
}

WRAP(bool, field_value_next, const struct field *f, const struct field_row *r, uint32_t *at,
    struct field_value *v)
{
	return (fault != FAULT_FIELD || *at == 0) && __real_field_value_next(f, r, at, v);
}

WRAP(uint64_t, column_image, const struct column *c, const struct value *v)
{
	struct column other = *c;

	if (fault == FAULT_IMAGE)
		other.id = COL_ATTR;
	return __real_column_image(&other, v);
}

WRAP(uint32_t, postings_rows, const struct postings *p, uint32_t key, uint32_t *out)
{
	uint32_t n = __real_postings_rows(p, key, out);

	return fault == FAULT_FORGETS && n > 0 ? n - 1 : n;
}

WRAP(void, postings_or, const struct postings *p, uint32_t key, uint32_t from, uint32_t to,
    uint64_t *words)
{
	if (fault == FAULT_OFF_BY_ONE && key + 1 < postings_n(p))
		key++;
	__real_postings_or(p, key, from, to, words);
}

WRAP(uint32_t, postings_count, const struct postings *p, uint32_t key)
{
	return __real_postings_count(p, key) + (fault == FAULT_STALE);
}

WRAP(struct zone, shard_zone, const struct shard *s, const struct column *c, uint32_t group)
{
	struct zone z = __real_shard_zone(s, c, group);

	z.min += fault == FAULT_ZONE && z.min < z.max;
	return z;
}

WRAP(bool, bloom_may_have, const uint8_t *filter, size_t bytes, uint64_t hash)
{
	return __real_bloom_may_have(filter, bytes, hash) && fault != FAULT_BLOOM;
}

WRAP(bool, dict_find, const struct dict *d, struct sv value, uint32_t *code)
{
	bool found = __real_dict_find(d, value, code);

	if (fault == FAULT_DICT && found && *code + 1 < d->n)
		++*code;
	return found;
}

WRAP(bool, traceids_find, const struct traceids *t, struct trace_id id, uint32_t *ordinal)
{
	return fault != FAULT_TRACE && __real_traceids_find(t, id, ordinal);
}

WRAP(bool, leaf_in_columns, const struct xshard *xs, const struct fnode *n)
{
	bool in = __real_leaf_in_columns(xs, n);

	return in || (fault == FAULT_TRUSTS && (n->cls == LEAF_ATTR || n->cls == LEAF_STRING));
}

WRAP(enum wraps, duration_wraps, struct shard *s, uint32_t group)
{
	return fault == FAULT_WRAPS ? WRAPS_NONE : __real_duration_wraps(s, group);
}

WRAP(int, refs_order_ties, struct exec *ex, struct refs *r, size_t from, size_t to, struct err *e)
{
	return fault == FAULT_TIE ? 0 : __real_refs_order_ties(ex, r, from, to, e);
}

WRAP(int, skeys_cmp, const struct sort_key *sort, size_t n, const struct skey *a,
    const struct skey *b)
{
	int c = __real_skeys_cmp(sort, n, a, b);

	if (fault == FAULT_MISSING && n > 0 && sort[0].desc &&
	    (a[0].cls == KEY_MISSING) != (b[0].cls == KEY_MISSING))
		return -c;
	return c;
}

WRAP(int, trace_view_get, struct exec *ex, uint32_t i, const struct shard_traces *traces,
    uint32_t ordinal, bool name, struct trace_view *out, struct err *e)
{
	int rc = __real_trace_view_get(ex, i, traces, ordinal, name, out, e);

	out->facts.n_errors += fault == FAULT_FACTS;
	return rc;
}

WRAP(double, card_rows, const struct shard_stats *s, const struct pred *filter,
    struct time_range r)
{
	return __real_card_rows(s, filter, r) * (fault == FAULT_ESTIMATE ? 0.5 : 1);
}

static void
the_matrix_catches_each(void **state)
{
	struct matrix_result r;
	unsigned missed = 0;
	struct matrix m;

	(void)state;
	for (unsigned i = 0; i < N_FAULTS; i += (unsigned)rounds_step()) {
		/* Each in a store of its own: what one left in a cache is not another's. */
		fault = FAULT_NONE;
		matrix_open(&m);
		fault = (enum fault)i;
		if (i == 0)
			matrix_run(&m, "span.k", 4 * rounds_step(), true, &r);
		else
			matrix_run(&m, faults[i].field, 4, true, &r);
		fault = FAULT_NONE;
		matrix_close(&m);
		missed += (r.n_wrong == 0) != (i == 0);
		print_message("%s: %s\n", faults[i].what, r.n_wrong == 0 ? "unseen" : r.first);
	}
	assert_int_equal(missed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_matrix_catches_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
