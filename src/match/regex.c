/* SPDX-License-Identifier: ISC */
/*
 * regex: anchored regular expressions, as product.md and TraceQL have them: the whole
 * subject must match and '.' matches newlines. Patterns that are a literal with `.*` before,
 * behind or around it become comparisons and never see PCRE2; '^' in front and '$' behind
 * are dropped, since all patterns are anchored anyway.
 *
 * A match may take 10,000 + 16 * subject bytes steps. Past that it fails, and never counts as
 * a non-match. Compiled code may run out of its small stack earlier: then the interpreter,
 * whose memory is bounded by HEAP_LIMIT_KIB, decides.
 *
 * Subjects need not be UTF-8: bytes that are not match nothing but themselves in the simple
 * forms, and no '.' in the others. Compiled code that is ready for these finds no character of
 * several bytes for \D, \S and \W (PCRE2 10.42): there the interpreter decides.
 */
#include "match/regex.h"

#include "base/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT_BASE 10000
#define MATCH_LIMIT_PER_BYTE 16
#define HEAP_LIMIT_KIB 65536
#define N_SPARE 4
#define MUST_MAX 4

/* What one thread needs during a match. */
struct scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
};

struct regex {
	enum regex_kind kind;
	struct sv literal;		/* of the simple kinds; in `text` */
	struct sv pattern;
	char *text;			/* the pattern, then the literals */
	struct sv must[MUST_MAX];	/* what every match holds, the longest first */
	size_t n_must;
	bool negates;			/* it may have a \D, \S or \W */
	pcre2_code *code;
	_Atomic(struct scratch *) spare[N_SPARE];
};

/* ---- simple patterns ---- */

static bool
take_any(struct sv *s, bool front)
{
	struct sv any = SV(".*");

	if (front ? !sv_starts(*s, any) : !sv_ends(*s, any))
		return false;
	s->p += front ? any.n : 0;
	s->n -= any.n;
	return true;
}

static bool
is_punct(char c)
{
	return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
	    (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/* The bytes that s stands for, if it stands for one text only. */
static bool
unescape(struct sv s, char *out, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\') {
			if (++i == s.n || !is_punct(s.p[i]))
				return false;
			c = s.p[i];
		} else if (c == '\0' || strchr("^$.[]|()?*+{}", c) != NULL)
			return false;
		out[(*n)++] = c;
	}
	return true;
}

/* An odd number of backslashes before the end escapes what follows. */
static bool
escaped(struct sv s)
{
	size_t n = 0;

	while (n < s.n && s.p[s.n - 1 - n] == '\\')
		n++;
	return n % 2 == 1;
}

static void
simplify(struct regex *r)
{
	struct sv s = r->pattern;
	char *out = r->text + r->pattern.n;
	bool front, back;
	size_t n;

	if (s.n > 0 && s.p[0] == '^')
		s = sv_new(s.p + 1, s.n - 1);
	if (s.n > 0 && s.p[s.n - 1] == '$' && !escaped(sv_new(s.p, s.n - 1)))
		s.n--;
	front = take_any(&s, true);
	back = s.n >= 2 && !escaped(sv_new(s.p, s.n - 2)) && take_any(&s, false);
	r->kind = REGEX_FULL;
	if (!unescape(s, out, &n))
		return;
	r->literal = sv_new(out, n);
	if (n == 0 && (front || back))
		r->kind = REGEX_ANY;
	else if (front)
		r->kind = back ? REGEX_CONTAINS : REGEX_ENDS;
	else
		r->kind = back ? REGEX_STARTS : REGEX_EQ;
}

/* What every match holds. */
static void
find_must(struct regex *r)
{
	size_t longest = 0;
	struct sv s;

	if (r->kind != REGEX_FULL) {
		r->must[0] = r->literal;
		r->n_must = r->literal.n != 0;
		return;
	}
	r->n_must = pattern_literals(r->pattern, r->text + r->pattern.n, r->must, MUST_MAX);
	for (size_t i = 1; i < r->n_must; i++)
		if (r->must[i].n > r->must[longest].n)
			longest = i;
	s = r->must[0];
	r->must[0] = r->must[longest];
	r->must[longest] = s;
}

/* ---- compiling ---- */

static int
refuse(int number, size_t at, struct err *e)
{
	PCRE2_UCHAR why[128];

	if (number == PCRE2_ERROR_NOMEMORY || number == PCRE2_ERROR_HEAP_FAILED)
		return err_nomem(e);
	if (pcre2_get_error_message(number, why, sizeof why) < 0)
		why[0] = '\0';
	return err_set(e, ERR_SYNTAX, (int64_t)at, "malformed regular expression: %s",
	    (const char *)why);
}

static int
compile(struct regex *r, bool few, struct err *e)
{
	const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOTALL |
	    PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY |
	    PCRE2_NEVER_BACKSLASH_C;
	PCRE2_SIZE at = 0;
	int number;

	r->code = pcre2_compile((PCRE2_SPTR)r->pattern.p, r->pattern.n, options, &number,
	    &at, NULL);
	if (r->code == NULL)
		return refuse(number, at, e);
	/* Without JIT it only takes longer. */
	if (!few)
		(void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
	return 0;
}

/* Also of such a letter behind a backslash that is itself escaped. */
static bool
negates(struct sv s)
{
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i - 1] == '\\' && (s.p[i] == 'D' || s.p[i] == 'S' || s.p[i] == 'W'))
			return true;
	return false;
}

int
regex_new(struct sv pattern, bool few, struct regex **out, struct err *e)
{
	struct regex *r = calloc(1, sizeof *r);
	int code = 0;

	if (r == NULL || (r->text = malloc(pattern.n * 2 + 1)) == NULL) {
		free(r);
		return err_nomem(e);
	}
	if (pattern.n != 0)
		memcpy(r->text, pattern.p, pattern.n);
	r->pattern = sv_new(r->text, pattern.n);
	simplify(r);
	r->negates = negates(r->pattern);
	find_must(r);
	if (r->kind == REGEX_FULL && (code = compile(r, few, e)) < 0) {
		regex_free(r);
		return code;
	}
	*out = r;
	return 0;
}

static void
scratch_free(struct scratch *s)
{
	if (s == NULL)
		return;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	free(s);
}

void
regex_free(struct regex *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < N_SPARE; i++)
		scratch_free(atomic_load(&r->spare[i]));
	pcre2_code_free(r->code);
	free(r->text);
	free(r);
}

enum regex_kind
regex_kind(const struct regex *r)
{
	return r->kind;
}

size_t
regex_must(const struct regex *r, const struct sv **must)
{
	*must = r->must;
	return r->n_must;
}

/* ---- matching ---- */

static struct scratch *
scratch_new(void)
{
	struct scratch *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	/* Only the verdict is wanted: one pair of offsets. */
	s->data = pcre2_match_data_create(1, NULL);
	s->context = pcre2_match_context_create(NULL);
	if (s->data == NULL || s->context == NULL) {
		scratch_free(s);
		return NULL;
	}
	pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
	return s;
}

static struct scratch *
scratch_get(struct regex *r)
{
	for (size_t i = 0; i < N_SPARE; i++) {
		struct scratch *s = atomic_exchange(&r->spare[i], NULL);

		if (s != NULL)
			return s;
	}
	return scratch_new();
}

static void
scratch_put(struct regex *r, struct scratch *s)
{
	for (size_t i = 0; i < N_SPARE; i++) {
		struct scratch *none = NULL;

		if (atomic_compare_exchange_strong(&r->spare[i], &none, s))
			return;
	}
	scratch_free(s);
}

static int
verdict(const struct regex *r, int rc, struct sv subject, struct err *e)
{
	PCRE2_UCHAR why[128];

	if (rc >= 0)
		return 1;
	switch (rc) {
	case PCRE2_ERROR_NOMATCH:
		return 0;
	case PCRE2_ERROR_MATCHLIMIT:
	case PCRE2_ERROR_DEPTHLIMIT:
	case PCRE2_ERROR_HEAPLIMIT:
		return err_set(e, ERR_TIMEOUT, -1, "the regular expression '%.*s' runs away on "
		    "a value of %zu bytes: its limit is 10,000 + 16 a byte steps",
		    (int)(r->pattern.n < 200 ? r->pattern.n : 200), r->pattern.p, subject.n);
	case PCRE2_ERROR_NOMEMORY:
		return err_nomem(e);
	}
	if (pcre2_get_error_message(rc, why, sizeof why) < 0)
		why[0] = '\0';
	return err_set(e, ERR_TIMEOUT, -1, "the regular expression '%.*s' fails on a value of "
	    "%zu bytes: %s", (int)(r->pattern.n < 200 ? r->pattern.n : 200), r->pattern.p,
	    subject.n, (const char *)why);
}

/* Options of a match: whether compiled code may decide. */
static uint32_t
decides(const struct regex *r, struct sv s)
{
	size_t i = 0;

	if (!r->negates)
		return 0;
	while (i < s.n && (unsigned char)s.p[i] < 0x80)
		i++;
	return i < s.n && utf8_valid(s) ? PCRE2_NO_JIT : 0;
}

static int
match_full(struct regex *r, struct sv s, struct err *e)
{
	struct scratch *x = scratch_get(r);
	PCRE2_SPTR p = (PCRE2_SPTR)(s.p == NULL ? "" : s.p);
	uint64_t limit = MATCH_LIMIT_BASE + (uint64_t)MATCH_LIMIT_PER_BYTE * s.n;
	int rc;

	if (x == NULL)
		return err_nomem(e);
	pcre2_set_match_limit(x->context, limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit);
	rc = pcre2_match(r->code, p, s.n, 0, decides(r, s), x->data, x->context);
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = pcre2_match(r->code, p, s.n, 0, PCRE2_NO_JIT, x->data, x->context);
	scratch_put(r, x);
	return verdict(r, rc, s, e);
}

int
regex_match(const struct regex *r, struct sv s, struct err *e)
{
	switch (r->kind) {
	case REGEX_EQ:
		return sv_eq(s, r->literal);
	case REGEX_STARTS:
		return sv_starts(s, r->literal);
	case REGEX_ENDS:
		return sv_ends(s, r->literal);
	case REGEX_CONTAINS:
		return sv_find(s, r->literal) >= 0;
	case REGEX_ANY:
		return 1;
	case REGEX_FULL:
		break;
	}
	if (r->n_must != 0 && sv_find(s, r->must[0]) < 0)
		return 0;
	/* Only the spare scratches change, and those are atomic. */
	return match_full((struct regex *)(uintptr_t)r, s, e);
}
