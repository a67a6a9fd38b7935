/* SPDX-License-Identifier: ISC */
/* sv: see base/sv.h. */
#include "base/sv.h"

#include <stdlib.h>

bool
sv_starts(struct sv s, struct sv prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool
sv_ends(struct sv s, struct sv suffix)
{
	return s.n >= suffix.n &&
	    (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

int64_t
sv_find(struct sv s, struct sv needle)
{
	const char *p;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return -1;
	p = memmem(s.p, s.n, needle.p, needle.n);
	return p == NULL ? -1 : p - s.p;
}

int64_t
sv_chr(struct sv s, char c)
{
	const char *p = s.n == 0 ? NULL : memchr(s.p, c, s.n);

	return p == NULL ? -1 : p - s.p;
}

struct sv
sv_sub(struct sv s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from >= to)
		return SV_EMPTY;
	return sv_new(s.p + from, to - from);
}

bool
sv_cut(struct sv *s, char sep, struct sv *head)
{
	int64_t i;

	if (s->p == NULL)
		return false;
	i = sv_chr(*s, sep);
	if (i < 0) {
		*head = *s;
		*s = SV_EMPTY;
		return true;
	}
	*head = sv_new(s->p, (size_t)i);
	*s = sv_new(s->p + i + 1, s->n - (size_t)i - 1);
	return true;
}

bool
sv_u64(struct sv s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)(s.p[i] - '0');

		if (d > 9 || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, d, &v))
			return false;
	}
	*out = v;
	return true;
}

bool
sv_i64(struct sv s, int64_t *out)
{
	bool neg = s.n > 0 && s.p[0] == '-';
	uint64_t v;

	if (!sv_u64(neg ? sv_sub(s, 1, s.n) : s, &v) ||
	    v > (uint64_t)INT64_MAX + (neg ? 1 : 0))
		return false;
	*out = neg ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool
sv_double(struct sv s, double *out)
{
	char tmp[512], *end;
	size_t digits = 0;

	if (s.n == 0 || s.n >= sizeof tmp)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		digits += c >= '0' && c <= '9';
		if (!(c >= '0' && c <= '9') && strchr("+-.eE", c) == NULL)
			return false;
		tmp[i] = c;
	}
	tmp[s.n] = '\0';
	if (digits == 0)
		return false;
	/* The programs never call setlocale, so strtod reads the C locale's point. */
	*out = strtod(tmp, &end);
	return end == tmp + s.n;	/* a NUL within s ends nothing */
}
