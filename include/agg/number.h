/* SPDX-License-Identifier: ISC */
/*
 * number: a number as aggregates see it, and the exact arithmetic on it. Integers are of 64 bits
 * with or without sign, and compare with doubles without rounding.
 */
#ifndef AGG_NUMBER_H
#define AGG_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

enum number_kind { NUMBER_NONE, NUMBER_I64, NUMBER_U64, NUMBER_DOUBLE };

struct number {
	enum number_kind kind;
	union {
		int64_t i;
		uint64_t u;
		double d;
	};
};

static inline struct number
number_i64(int64_t i)
{
	return (struct number){ .kind = NUMBER_I64, .i = i };
}

static inline struct number
number_u64(uint64_t u)
{
	return (struct number){ .kind = NUMBER_U64, .u = u };
}

static inline struct number
number_double(double d)
{
	return (struct number){ .kind = NUMBER_DOUBLE, .d = d };
}

/* By value, exactly: false, and *c untouched, if either is NaN or none. */
bool number_compare(struct number, struct number, int *c);
/* A total order: by value, NaN last; of equal ones integers before doubles, -0.0 before 0.0. */
int number_order(struct number, struct number);
/* A signed 64-bit integer if it fits, else a double. */
struct number number_i128(__int128);
double number_to_double(struct number);
/* a / b, rounded once; b is not 0. */
double ratio_double(unsigned __int128 a, uint64_t b);

/*
 * A sum. Integers add up exactly. Doubles are held as a few doubles that don't overlap
 * (Shewchuk), so that the sum is exact as well, whatever the order, and is rounded once.
 */
struct sum {
	__int128 whole;		/* of the integers */
	/* Of the doubles, smallest first; apart the huge ones, scaled, so that nothing overflows. */
	struct sum_parts {
		double *v;
		uint32_t n, cap;
	} parts, huge;
	uint64_t n;		/* numbers added */
	double odd;		/* sum of infinities and NaN */
	bool has_odd, has_double;
};

void sum_release(struct sum *);
/* False: out of memory. */
bool sum_add(struct sum *, struct number);
bool sum_merge(struct sum *, const struct sum *);
/* NUMBER_NONE of nothing. */
struct number sum_total(const struct sum *);

#endif
