/* SPDX-License-Identifier: ISC */
/* Unit tests of model/span: words, the hash that tells duplicates, batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/gen_span.h"
#include "model/span.h"

static void
kinds_and_statuses_have_words(void **state)
{
	int32_t v = 9;

	(void)state;
	for (int32_t k = 0; k < 6; k++) {
		assert_true(span_kind_parse(sv_cstr(span_kind_name(k)), &v));
		assert_int_equal(v, k);
	}
	assert_string_equal(span_kind_name(KIND_SERVER), "server");
	assert_string_equal(span_status_name(STATUS_ERROR), "error");
	assert_null(span_kind_name(6));
	assert_null(span_kind_name(-1));
	assert_null(span_status_name(3));
	assert_false(span_kind_parse(SV("Server"), &v));
	assert_false(span_status_parse(SV(""), &v));
	assert_true(span_status_parse(SV("ok"), &v));
	assert_int_equal(v, STATUS_OK);
}

/* A span with something in every place, all of which the tests below may change. */
struct full {
	struct span s;
	struct resource r;
	struct scope sc;
	struct event ev[2];
	struct link ln[1];
	struct attr sa[2], ra[1], ca[1], ea[1], la[1];
};

static struct attr
attr(const char *key, struct value v)
{
	return (struct attr){ sv_cstr(key), v };
}

static struct value
str(const char *s)
{
	return (struct value){ .type = VAL_STRING, .s = sv_cstr(s) };
}

static void
fill(struct full *f)
{
	memset(f, 0, sizeof *f);
	f->sa[0] = attr("a", str("x"));
	f->sa[1] = attr("b", (struct value){ .type = VAL_INT, .i = 7 });
	f->ra[0] = attr("service.name", str("shop"));
	f->ca[0] = attr("c", (struct value){ .type = VAL_BOOL, .b = true });
	f->ea[0] = attr("e", (struct value){ .type = VAL_DOUBLE, .d = 0.5 });
	f->la[0] = attr("l", (struct value){ .type = VAL_EMPTY });
	f->r = (struct resource){ .attrs = { f->ra, 1 }, .dropped_attrs = 1,
	    .schema_url = SV("r"), .service = SV("shop"),
	    .entity_refs = { .type = VAL_ARRAY, .s = { "", 0 } } };
	f->sc = (struct scope){ .name = SV("lib"), .version = SV("1"), .attrs = { f->ca, 1 },
	    .dropped_attrs = 2, .schema_url = SV("s") };
	f->ev[0] = (struct event){ .time_ns = 5, .name = SV("one"), .attrs = { f->ea, 1 },
	    .dropped_attrs = 3 };
	f->ev[1] = (struct event){ .time_ns = 6, .name = SV("two") };
	f->ln[0] = (struct link){ .trace_id = { 1, 2 }, .span_id = 3, .trace_state = SV("t"),
	    .attrs = { f->la, 1 }, .dropped_attrs = 4, .flags = 5 };
	f->s = (struct span){ .trace_id = { 1, 2 }, .span_id = 3, .parent_span_id = 4,
	    .start_ns = 5, .end_ns = 6, .kind = 2, .status = 1, .flags = 9, .dropped_attrs = 1,
	    .dropped_events = 2, .dropped_links = 3, .name = SV("n"), .status_message = SV("m"),
	    .trace_state = SV("w"), .attrs = { f->sa, 2 }, .events = f->ev, .links = f->ln,
	    .n_events = 2, .n_links = 1, .resource = &f->r, .scope = &f->sc };
}

/* One change each: every one of them must show in the hash. */
static bool
change(struct full *f, int which)
{
	switch (which) {
	case 0: f->s.trace_id.hi++; break;
	case 1: f->s.trace_id.lo++; break;
	case 2: f->s.span_id++; break;
	case 3: f->s.parent_span_id = 0; break;
	case 4: f->s.start_ns++; break;
	case 5: f->s.end_ns++; break;
	case 6: f->s.kind = -1; break;
	case 7: f->s.status++; break;
	case 8: f->s.flags++; break;
	case 9: f->s.dropped_attrs++; break;
	case 10: f->s.dropped_events++; break;
	case 11: f->s.dropped_links++; break;
	case 12: f->s.name = SV_EMPTY; break;
	case 13: f->s.status_message = SV("mw"); f->s.trace_state = SV(""); break;
	case 14: f->s.trace_state = SV("W"); break;
	case 15: f->s.attrs.n = 1; break;
	case 16: f->sa[0].val = str(""); break;
	case 17: f->sa[0].val = (struct value){ .type = VAL_EMPTY }; break;
	case 18: f->sa[0].val.type = VAL_BYTES; break;
	case 19: f->sa[1].val.type = VAL_DOUBLE; break;
	case 20: f->sa[0].key = SV("aa"); break;
	case 21: f->s.n_events = 1; break;
	case 22: f->ev[0].time_ns++; break;
	case 23: f->ev[0].name = SV("on"); f->ev[1].name = SV("etwo"); break;
	case 24: f->ev[1].attrs = f->ev[0].attrs; f->ev[0].attrs.n = 0; break;
	case 25: f->ev[0].dropped_attrs++; break;
	case 26: f->s.n_links = 0; break;
	case 27: f->ln[0].trace_id.lo++; break;
	case 28: f->ln[0].span_id++; break;
	case 29: f->ln[0].trace_state = SV("u"); break;
	case 30: f->ln[0].flags++; break;
	case 31: f->ln[0].dropped_attrs++; break;
	case 32: f->ln[0].attrs.n = 0; break;
	case 33: f->ra[0].val = str("shoq"); break;
	case 34: f->r.dropped_attrs++; break;
	case 35: f->r.schema_url = SV(""); break;
	case 36: f->r.entity_refs.type = VAL_EMPTY; break;
	case 37: f->sc.name = SV("li"); f->sc.version = SV("b1"); break;
	case 38: f->sc.schema_url = SV(""); break;
	case 39: f->sc.dropped_attrs++; break;
	case 40: f->ca[0].val.b = false; break;
	case 41: f->sc.attrs.n = 0; break;
	case 42: f->ea[0].val.d = -0.5; break;
	case 43: f->r.entity_refs.s = SV("\0"); break;
	default: return false;
	}
	return true;
}

static void
hash_shows_every_change(void **state)
{
	struct hash128 seen[64];
	struct full f;
	size_t n = 0;

	(void)state;
	fill(&f);
	seen[n++] = span_hash(&f.s);
	for (int i = 0; fill(&f), change(&f, i); i++) {
		seen[n] = span_hash(&f.s);
		for (size_t j = 0; j < n; j++)
			if (seen[j].lo == seen[n].lo || seen[j].hi == seen[n].hi)
				fail_msg("change %d hashes as change %zu", i, j);
		n++;
	}
	assert_int_equal(n, 45);
}

static void
hash_ignores_where_the_bytes_are(void **state)
{
	struct full f, g;
	char name[] = "n";
	struct hash128 a, b;

	(void)state;
	fill(&f);
	fill(&g);
	g.s.name = sv_new(name, 1);
	a = span_hash(&f.s);
	b = span_hash(&g.s);
	assert_memory_equal(&a, &b, sizeof a);
}

/* Spans around and far over the size of the buffer inside. */
static void
hash_of_large_spans(void **state)
{
	struct hash128 before = { .lo = 0 }, h;
	char *big = malloc(10000);
	struct full f;

	(void)state;
	memset(big, 'x', 10000);
	for (size_t n = 1700; n < 10000; n += n < 2100 ? 1 : 997) {
		fill(&f);
		f.s.name = sv_new(big, n);
		h = span_hash(&f.s);
		assert_true(h.lo != before.lo && h.hi != before.hi);
		before = h;
		big[n - 1] = 'y';
		assert_true(span_hash(&f.s).lo != h.lo);
		big[n - 1] = 'x';
	}
	free(big);
}

static void
hash_in_pieces_is_the_hash_of_the_whole(void **state)
{
	char text[1000];
	struct hash_stream h;
	struct hash128 whole, parts;

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7);
	whole = hash128(text, sizeof text);
	hash_stream_init(&h);
	for (size_t i = 0; i < sizeof text; i += 125)
		hash_stream_add(&h, text + i, 125);
	parts = hash_stream_end(&h);
	assert_memory_equal(&whole, &parts, sizeof whole);
}

static void
origins_compare_by_content(void **state)
{
	struct full f, g;

	(void)state;
	fill(&f);
	fill(&g);
	assert_true(resource_eq(&f.r, &g.r));
	assert_true(scope_eq(&f.sc, &g.sc));
	g.r.entity_refs.type = VAL_EMPTY;
	assert_false(resource_eq(&f.r, &g.r));
	g.sc.schema_url = SV("");
	assert_false(scope_eq(&f.sc, &g.sc));
}

static void
batch_grows_and_resets(void **state)
{
	struct span_batch b;

	(void)state;
	span_batch_init(&b);
	for (uint64_t i = 0; i < 1000; i++) {
		struct span *s = span_batch_add(&b);

		assert_non_null(s);
		assert_int_equal(s->span_id, 0);
		s->span_id = i;
	}
	assert_int_equal(b.n, 1000);
	assert_int_equal(b.spans[999].span_id, 999);
	assert_non_null(arena_alloc(&b.arena, 100));
	span_batch_reset(&b);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.arena.used, 0);
	assert_int_equal(span_batch_add(&b)->span_id, 0);
	span_batch_release(&b);
}

static void
durations_never_go_below_zero(void **state)
{
	struct span s = { .start_ns = 10, .end_ns = 4 };

	(void)state;
	assert_int_equal(span_duration(&s), 0);
	s.end_ns = 25;
	assert_int_equal(span_duration(&s), 15);
}

#define COPIES 300

static void
a_copy_has_all_and_needs_nothing_of_the_first(void **state)
{
	const struct gen_span_options o = { .seed = 5, .start_ns = 1, .range_ns = 1000000, .long_values = true };
	static struct span copies[COPIES];
	static struct hash128 hashes[COPIES];
	struct span_batch b;
	struct gen_span g;
	struct arena a;

	(void)state;
	arena_init(&a);
	span_batch_init(&b);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &b, COPIES));
	for (size_t i = 0; i < COPIES; i++) {
		hashes[i] = span_hash(&b.spans[i]);
		assert_true(span_copy(&a, &b.spans[i], &copies[i]));
		assert_true(b.spans[i].attrs.n == 0 || copies[i].attrs.v != b.spans[i].attrs.v);
		assert_true(copies[i].resource != b.spans[i].resource && copies[i].scope != b.spans[i].scope);
		assert_true(sv_eq(copies[i].resource->service, b.spans[i].resource->service));
		assert_int_equal(copies[i].line_bytes, b.spans[i].line_bytes);
	}
	/* Others where the first were. */
	span_batch_reset(&b);
	assert_true(gen_span_add(&g, &b, COPIES));
	span_batch_release(&b);
	for (size_t i = 0; i < COPIES; i++) {
		struct hash128 h = span_hash(&copies[i]);

		assert_memory_equal(&h, &hashes[i], sizeof h);
	}
	arena_release(&a);
}

static void
a_copy_of_nothing(void **state)
{
	static const struct resource r;
	static const struct scope c;
	const struct span s = { .resource = &r, .scope = &c, .span_id = 1 };
	struct hash128 h = span_hash(&s), of_copy;
	struct span copy;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_true(span_copy(&a, &s, &copy));
	of_copy = span_hash(&copy);
	assert_memory_equal(&h, &of_copy, sizeof h);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_and_statuses_have_words),
		cmocka_unit_test(hash_shows_every_change),
		cmocka_unit_test(hash_ignores_where_the_bytes_are),
		cmocka_unit_test(hash_of_large_spans),
		cmocka_unit_test(hash_in_pieces_is_the_hash_of_the_whole),
		cmocka_unit_test(origins_compare_by_content),
		cmocka_unit_test(batch_grows_and_resets),
		cmocka_unit_test(a_copy_has_all_and_needs_nothing_of_the_first),
		cmocka_unit_test(a_copy_of_nothing),
		cmocka_unit_test(durations_never_go_below_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
