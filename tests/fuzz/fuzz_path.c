/* SPDX-License-Identifier: ISC */
/*
 * fuzz_path: a path from its text to its canonical form. Whatever is given, parsing and
 * binding end; a path that is refused says so with an error in words and a place inside the
 * text; one that is taken has a canonical path that is taken and is its own; and what a
 * directory would show of it (view, keywords, examples) can be asked.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "query/name.h"
#include "query/query.h"

#define NOW 1795262400000000000ull

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static bool
known_file(struct sv s)
{
	return sv_is(s, "spans.jsonl") || sv_is(s, "count") || sv_is(s, "~%more");
}

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* A long value for every alias whose last digit is odd. */
static int
alias(void *arg, struct arena *a, const struct field *f, uint64_t hi, uint64_t lo,
    struct sv *out, struct err *e)
{
	size_t n = 256 + (size_t)(hi % 5000);
	char *p = lo % 2 != 0 ? arena_alloc(a, n) : NULL;

	(void)arg;
	(void)f;
	(void)e;
	*out = SV_EMPTY;
	if (p == NULL)
		return 0;
	memset(p, (int)(lo % 256), n);
	*out = sv_new(p, n);
	return 0;
}

static void
check_error(int code, const struct err *e, size_t n)
{
	must(code < 0 && e->code == code && e->msg[0] != '\0');
	must(e->off >= -1 && e->off <= (int64_t)n);
	for (const char *p = e->msg; *p != '\0'; p++)
		must((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void
nothing(void *arg, const char *keyword)
{
	(void)arg;
	must(keyword[0] != '\0');
}

static void
look(const struct path *p)
{
	struct path_view v = path_view(p);
	const char *const *words;
	size_t n = path_examples(p, &words);

	must(v.n_clauses <= LIMIT_CLAUSES && v.depth <= LIMIT_NESTING);
	must(v.state == PATH_ARG || n == 0);
	if (v.state == PATH_CLAUSE)
		path_keywords(p, nothing, NULL);
}

/* Marks of even length are there. */
static int
mark(void *arg, struct sv name, struct query_mark *m, struct err *e)
{
	(void)arg;
	if (name.n % 2 != 0)
		return err_set(e, ERR_UNKNOWN, -1, "no such mark");
	*m = (struct query_mark){ name.n, 1 };
	return 0;
}

/* Steps, binds and prints; false if refused. */
static bool
canonical(struct sv text, struct buf *out, bool *aliased)
{
	struct query_env env = { .now = NOW, .max_rows = 1000000, .alias = alias, .mark = mark };
	struct err e = ERR_INIT;
	const struct query *q;
	struct buf typed = BUF_INIT;
	struct path *p;
	struct arena a;
	struct sv file;
	int code = path_parse(text, known_file, &p, &file, &e);

	if (code < 0) {
		check_error(code, &e, text.n);
		return false;
	}
	look(p);
	path_print(&typed, p);
	arena_init(&a);
	if ((code = query_bind(p, &env, &a, &q, &e)) == 0) {
		query_print(out, q);
		must(out->n <= LIMIT_PATH_BYTES);
		*aliased = sv_find(buf_view(&typed), SV("%~")) >= 0;
	} else
		check_error(code, &e, typed.n);
	arena_release(&a);
	path_unref(p);
	buf_release(&typed);
	return code == 0;
}

static void
round_trip(struct sv item)
{
	struct buf b = BUF_INIT;
	struct arena a;
	struct sv back;

	arena_init(&a);
	name_encode(&b, item);
	must(name_decode(&a, buf_view(&b), &back, NULL) == 0 && sv_eq(item, back));
	arena_release(&a);
	buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf one = BUF_INIT, two = BUF_INIT;
	bool aliased = false, again;

	round_trip(sv_new(data, n));
	if (canonical(sv_new(data, n), &one, &aliased)) {
		/* The alias function above does not know the values it made up. */
		if (!aliased) {
			must(canonical(buf_view(&one), &two, &again));
			must(sv_eq(buf_view(&one), buf_view(&two)));
		}
	}
	buf_release(&one);
	buf_release(&two);
	return 0;
}
