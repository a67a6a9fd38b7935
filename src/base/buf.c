/* SPDX-License-Identifier: ISC */
/* buf: see base/buf.h. */
#include "base/buf.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void
buf_init(struct buf *b)
{
	*b = (struct buf)BUF_INIT;
}

void
buf_release(struct buf *b)
{
	free(b->p);
	buf_init(b);
}

bool
buf_grow(struct buf *b, size_t more)
{
	size_t cap = b->cap < 256 ? 256 : b->cap, need;
	char *p;

	if (b->oom || __builtin_add_overflow(b->n, more, &need))
		goto oom;
	while (cap < need)
		if (__builtin_add_overflow(cap, cap / 2 + 64, &cap))
			goto oom;
	if ((p = realloc(b->p, cap)) == NULL)
		goto oom;
	b->p = p;
	b->cap = cap;
	return true;
oom:
	b->oom = true;
	/* Later reserves must fail as well, however small. */
	b->cap = b->n;
	return false;
}

int
buf_ok(const struct buf *b, struct err *e)
{
	return b->oom ? err_nomem(e) : 0;
}

const char *
buf_cstr(struct buf *b)
{
	if (!buf_reserve(b, 1))
		return NULL;
	b->p[b->n] = '\0';
	return b->p;
}

void
buf_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

const char digit_pairs[] =
    "0001020304050607080910111213141516171819"
    "2021222324252627282930313233343536373839"
    "4041424344454647484950515253545556575859"
    "6061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

/* How many decimal digits a number has. */
static inline unsigned
digits_of(uint64_t v)
{
	static const uint64_t least[] = { 0, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
		100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
		10000000000000, 100000000000000, 1000000000000000, 10000000000000000,
		100000000000000000, 1000000000000000000, 10000000000000000000u };
	/* The bits times log10(2), rounded down: right, or one too low. */
	unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1), n = bits * 1233 >> 12;

	return n + (v >= least[n]);
}

void
buf_u64(struct buf *b, uint64_t v)
{
	char *p;

	if (!buf_reserve(b, 20))
		return;
	b->n += digits_of(v);
	for (p = b->p + b->n; v >= 100; v /= 100)
		digit_pair(p -= 2, (unsigned)(v % 100));
	if (v >= 10)
		digit_pair(p - 2, (unsigned)v);
	else
		p[-1] = (char)('0' + v);
}

void
buf_i64(struct buf *b, int64_t v)
{
	if (v < 0) {
		buf_putc(b, '-');
		buf_u64(b, 0 - (uint64_t)v);
	} else
		buf_u64(b, (uint64_t)v);
}

void
buf_hex(struct buf *b, const void *data, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *s = data;

	if (!buf_reserve(b, 2 * n))
		return;
	for (size_t i = 0; i < n; i++) {
		b->p[b->n++] = hex[s[i] >> 4];
		b->p[b->n++] = hex[s[i] & 15];
	}
}

void
buf_hex64(struct buf *b, uint64_t v)
{
	uint8_t be[8];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(v >> (56 - 8 * i));
	buf_hex(b, be, sizeof be);
}

/*
 * Above a power of two doubles lie twice as far apart as below, so that of 16 digits those next above
 * may read back where the nearest don't. After a last 9 they would be 15, which were tried. All
 * such have an exponent.
 */
static bool
next_above(char *text, size_t size, double v)
{
	char *last;
	int power;

	if (fabs(frexp(v, &power)) != 0.5)
		return false;
	snprintf(text, size, "%.15e", v);
	last = strchr(text, 'e') - 1;
	if (*last == '9')
		return false;
	++*last;
	return strtod(text, NULL) == v;
}

void
buf_double(struct buf *b, double v)
{
	char tmp[40];

	if (isnan(v)) {
		BUF_LIT(b, "NaN");
		return;
	}
	if (isinf(v)) {
		buf_str(b, v < 0 ? "-Infinity" : "Infinity");
		return;
	}
	/*
	 * The programs never call setlocale: the point is '.'. Any number of up to 15 digits
	 * survives a normal double, so 15 digits give the shortest text if they read back;
	 * subnormal ones hold fewer.
	 */
	for (int prec = fabs(v) < DBL_MIN ? 1 : 15; prec <= 17; prec++) {
		snprintf(tmp, sizeof tmp, "%.*g", prec, v);
		if (strtod(tmp, NULL) == v || (prec == 16 && next_above(tmp, sizeof tmp, v)))
			break;
	}
	buf_str(b, tmp);
	if (strpbrk(tmp, ".e") == NULL)
		BUF_LIT(b, ".0");
}

void
buf_base64(struct buf *b, const void *data, size_t n)
{
	static const char abc[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *s = data;

	for (size_t i = 0; i < n; i += 3) {
		size_t k = n - i;
		uint32_t v = (uint32_t)s[i] << 16;
		char out[4];

		if (k > 1)
			v |= (uint32_t)s[i + 1] << 8;
		if (k > 2)
			v |= s[i + 2];
		out[0] = abc[v >> 18];
		out[1] = abc[v >> 12 & 63];
		out[2] = k > 1 ? abc[v >> 6 & 63] : '=';
		out[3] = k > 2 ? abc[v & 63] : '=';
		buf_put(b, out, 4);
	}
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0 && buf_reserve(b, (size_t)n + 1)) {
		vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}
