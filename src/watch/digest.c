/* SPDX-License-Identifier: ISC */
/*
 * digest: see digest.h. Results that depend on the order of additions (averages,
 * sums of doubles) are compared with a tolerance: then a row's hash leaves its doubles out, and
 * they are compared as numbers where both texts are there. What is stored is never compared
 * with a tolerance: a value that came out differently is wrong however near it is.
 */
#include "watch/digest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"

/* ---- doubles in a row of JSON or CSV ---- */

static bool
between_values(char c)
{
	return c == '\0' || strchr(",:{}[]\" ", c) != NULL;
}

/*
 * The next token of a row: a string in quotes, what stands between marks, or a single byte.
 * *is_double: a number with '.', 'e' or 'E', as doubles are always written; an id such as 3e23
 * is one too, but not one that has such a piece.
 */
static struct sv
next_token(struct sv *rest, bool *is_double)
{
	struct sv token;
	size_t i = 0;

	*is_double = false;
	if (rest->p[0] == '"') {
		for (i = 1; i < rest->n && rest->p[i] != '"'; i++)
			if (rest->p[i] == '\\' && i + 1 < rest->n)
				i++;
		i += i < rest->n;
	} else {
		bool digit = false, mark = false, other = false;

		for (; i < rest->n && !between_values(rest->p[i]); i++) {
			digit |= rest->p[i] >= '0' && rest->p[i] <= '9';
			mark |= strchr(".eE", rest->p[i]) != NULL;
			other |= strchr("0123456789+-.eE", rest->p[i]) == NULL;
		}
		*is_double = digit && mark && !other;
		i = i == 0 ? 1 : i;
	}
	token = sv_sub(*rest, 0, i);
	*rest = sv_sub(*rest, i, rest->n);
	return token;
}

static double
number_of(struct sv s)
{
	char text[64];

	snprintf(text, sizeof text, "%.*s", SV_ARG(s));
	return strtod(text, NULL);
}

static bool
numbers_close(struct sv a, struct sv b, double tolerance)
{
	double x = number_of(a), y = number_of(b), larger = fmax(fabs(x), fabs(y));

	return fabs(x - y) <= tolerance * larger;
}

bool
rows_close(struct sv a, struct sv b, double tolerance)
{
	while (a.n != 0 && b.n != 0) {
		bool da, db;
		struct sv x = next_token(&a, &da), y = next_token(&b, &db);

		/* What is written alike is alike: an id may read as infinity. */
		if (!sv_eq(x, y) && !(da && db && numbers_close(x, y, tolerance)))
			return false;
	}
	return a.n == 0 && b.n == 0;
}

static uint64_t
hash_without_doubles(struct sv row)
{
	uint64_t h = 0;
	bool is_double;

	while (row.n != 0) {
		struct sv t = next_token(&row, &is_double);

		h = hash_u64(h + (is_double ? 1 : hash64(t.p, t.n)));
	}
	return h;
}

/* ---- digest ---- */

void
digest_init(struct digest *d, double tolerance)
{
	*d = (struct digest){ .tolerance = tolerance, .has_text = true, .want = ROW_NONE };
}

void
digest_release(struct digest *d)
{
	buf_release(&d->text);
	buf_release(&d->part);
	buf_release(&d->wanted);
	vec_release(&d->fine);
	vec_release(&d->blocks);
}

size_t
digest_bytes(const struct digest *d)
{
	return sizeof *d + d->text.cap + d->part.cap +
	    (d->fine.n + d->blocks.n) * sizeof(uint64_t);
}

static void
add_row(struct digest *d, struct sv row)
{
	uint64_t h = d->tolerance > 0 ? hash_without_doubles(row) : hash64(row.p, row.n);

	if (d->n_rows == d->want)
		buf_sv(&d->wanted, row);
	d->set[0] += h;
	d->set[1] += hash_u64(h ^ 0x9e3779b97f4a7c15u);
	if (d->n_rows++ < DIGEST_FINE_ROWS) {
		d->oom |= !vec_push(&d->fine, h);
		return;
	}
	d->block = hash_u64(d->block + h);
	if (++d->n_block == DIGEST_BLOCK_ROWS) {
		d->oom |= !vec_push(&d->blocks, d->block);
		d->block = d->n_block = 0;
	}
}

static void
keep_text(struct digest *d, const void *p, size_t n)
{
	if (!d->has_text)
		return;
	if (d->n_bytes + n <= DIGEST_TEXT_MAX) {
		buf_put(&d->text, p, n);
		return;
	}
	d->has_text = false;
	buf_release(&d->text);
}

void
digest_add(struct digest *d, const void *p, size_t n)
{
	struct sv rest = sv_new(p, n);
	int64_t at;

	keep_text(d, p, n);
	d->n_bytes += n;
	while ((at = sv_chr(rest, '\n')) >= 0) {
		struct sv row = sv_sub(rest, 0, (size_t)at);

		if (d->part.n != 0) {
			buf_sv(&d->part, row);
			row = buf_view(&d->part);
		}
		add_row(d, row);
		d->part.n = 0;
		rest = sv_sub(rest, (size_t)at + 1, rest.n);
	}
	buf_sv(&d->part, rest);
}

void
digest_end(struct digest *d)
{
	if (d->part.n != 0)
		add_row(d, buf_view(&d->part));
	d->part.n = 0;
	if (d->n_block != 0)
		d->oom |= !vec_push(&d->blocks, d->block);
	d->n_block = 0;
	d->oom |= d->part.oom || d->text.oom || d->wanted.oom;
}

bool
text_row(struct sv text, uint64_t i, struct sv *row)
{
	for (; text.n != 0 && sv_cut(&text, '\n', row); i--)
		if (i == 0)
			return true;
	return false;
}

/* ---- comparing ---- */

/* The first row whose hash differs, among those that both have; else where the shorter ends. */
static uint64_t
first_difference(const struct digest *a, const struct digest *b, bool *in_block)
{
	size_t n = a->fine.n < b->fine.n ? a->fine.n : b->fine.n;

	*in_block = false;
	for (size_t i = 0; i < n; i++)
		if (a->fine.v[i] != b->fine.v[i])
			return i;
	if (a->fine.n != b->fine.n)
		return n;
	n = a->blocks.n < b->blocks.n ? a->blocks.n : b->blocks.n;
	*in_block = n != 0 || a->blocks.n != b->blocks.n;
	for (size_t i = 0; i < n; i++)
		if (a->blocks.v[i] != b->blocks.v[i])
			return DIGEST_FINE_ROWS + i * DIGEST_BLOCK_ROWS;
	return a->blocks.n == b->blocks.n ? ROW_NONE : DIGEST_FINE_ROWS + n * DIGEST_BLOCK_ROWS;
}

static bool
same_set(const struct digest *a, const struct digest *b)
{
	return a->n_rows == b->n_rows && a->set[0] == b->set[0] && a->set[1] == b->set[1];
}

/* Doubles, row by row; hashes agree already. Sets in different order are left at that. */
static uint64_t
first_far(const struct digest *a, const struct digest *b)
{
	struct sv x = buf_view(&a->text), y = buf_view(&b->text), rx, ry;

	for (uint64_t i = 0; x.n != 0 && y.n != 0; i++) {
		(void)sv_cut(&x, '\n', &rx);
		(void)sv_cut(&y, '\n', &ry);
		if (!rows_close(rx, ry, a->tolerance))
			return i;
	}
	return ROW_NONE;
}

static void
describe(const struct digest *a, const struct digest *b, struct difference *d)
{
	size_t n = sizeof d->why;

	d->verdict = VERDICT_DIFFERENT;
	if (a->n_rows != b->n_rows)
		snprintf(d->why, n, "%llu rows, %llu by the plain plan",
		    (unsigned long long)a->n_rows, (unsigned long long)b->n_rows);
	else if (same_set(a, b))
		snprintf(d->why, n, "the same %llu rows in another order",
		    (unsigned long long)a->n_rows);
	else
		snprintf(d->why, n, "%llu rows, not all the same",
		    (unsigned long long)a->n_rows);
}

void
digest_compare(const struct digest *a, const struct digest *b, bool ordered,
    struct difference *d)
{
	*d = (struct difference){ VERDICT_SAME, ROW_NONE, false, "" };
	if (a->oom || b->oom) {
		d->verdict = VERDICT_UNDECIDED;
		snprintf(d->why, sizeof d->why, "out of memory");
		return;
	}
	d->row = first_difference(a, b, &d->in_block);
	if (d->row != ROW_NONE && !ordered && same_set(a, b))
		d->row = ROW_NONE;
	else if (d->row == ROW_NONE && a->tolerance > 0 && a->has_text && b->has_text) {
		d->in_block = false;
		d->row = first_far(a, b);
	} else if (d->row == ROW_NONE && a->tolerance <= 0 && a->n_bytes != b->n_bytes) {
		/* Only a newline at the end can be missing. */
		d->in_block = false;
		d->row = a->n_rows;
	}
	if (d->row != ROW_NONE)
		describe(a, b, d);
}

bool
code_of_moment(int code)
{
	switch (code) {
	case ERR_TIMEOUT:
	case ERR_NOMEM:
	case ERR_NOSPC:
	case ERR_IO:
	case ERR_BUSY:
	case ERR_CANCELLED:
	case ERR_CORRUPT:
	case ERR_ACCESS:
		return true;
	default:
		return false;
	}
}

bool
codes_compare(int a, int b, struct difference *d)
{
	*d = (struct difference){ VERDICT_SAME, ROW_NONE, false, "" };
	if (a == 0 && b == 0)
		return false;
	if (a == b)
		return true;
	d->verdict = code_of_moment(a) || code_of_moment(b) ? VERDICT_UNDECIDED :
	    VERDICT_DIFFERENT;
	snprintf(d->why, sizeof d->why, "ended with '%s', by the plain plan with '%s'",
	    err_name(a), err_name(b));
	return true;
}
