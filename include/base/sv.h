/* SPDX-License-Identifier: ISC */
/*
 * sv: a borrowed string, pointer and length, not NUL-terminated. Whoever hands one out says
 * until when it is valid. {NULL, 0} is the empty string.
 */
#ifndef BASE_SV_H
#define BASE_SV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sv {
	const char *p;
	size_t n;
};

#define SV(lit) ((struct sv){ (lit), sizeof(lit) - 1 })
#define SV_EMPTY ((struct sv){ NULL, 0 })
/* printf("%.*s", SV_ARG(s)) */
#define SV_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct sv
sv_new(const void *p, size_t n)
{
	return (struct sv){ p, n };
}

static inline struct sv
sv_cstr(const char *s)
{
	return (struct sv){ s, s ? strlen(s) : 0 };
}

static inline bool
sv_eq(struct sv a, struct sv b)
{
	/* Most that differ do so in the first byte: no call for these. */
	return a.n == b.n && (a.n == 0 || (a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0));
}

static inline bool
sv_is(struct sv a, const char *s)
{
	return sv_eq(a, sv_cstr(s));
}

/* Bytewise order, a prefix first: <0, 0, >0. */
static inline int
sv_cmp(struct sv a, struct sv b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

bool sv_starts(struct sv, struct sv prefix);
bool sv_ends(struct sv, struct sv suffix);
/* Offset of the first `needle`, or -1. An empty needle is at 0. */
int64_t sv_find(struct sv, struct sv needle);
int64_t sv_chr(struct sv, char);
/* Bytes [from, to), clipped. */
struct sv sv_sub(struct sv, size_t from, size_t to);
/* Cuts at the first `sep`: returns the head, *s becomes the rest; false at the end (*s used up). */
bool sv_cut(struct sv *s, char sep, struct sv *head);
/* Decimal digits only, no sign, no overflow. */
bool sv_u64(struct sv, uint64_t *out);
/* Optional '-', digits, no overflow. */
bool sv_i64(struct sv, int64_t *out);
/* A JSON-like number, or nan/inf refused; whole string; C locale. */
bool sv_double(struct sv, double *out);

#endif
