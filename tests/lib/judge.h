/* SPDX-License-Identifier: ISC */
/*
 * judge: what a condition on a span means, worked out from the words of the path language alone:
 * no code of src/match or src/exec takes part, patterns are POSIX's. Slow, small, and driven by
 * tables: fields by what they yield, operators by what they say of one value.
 *
 * Only what the matrix asks: values typed plainly, patterns that POSIX and PCRE2 read alike, no
 * relations.
 */
#ifndef TESTS_JUDGE_H
#define TESTS_JUDGE_H

#include "base/buf.h"
#include "model/span.h"

/* A set of spans; those of one trace stand together. */
struct judge {
	const struct span *spans;
	size_t n;
};

/* One cell of the matrix. */
struct judge_cell {
	const char *field, *op, *value;	/* as in a path; op "has": no value */
	bool not;
};

enum judge_verdict { JUDGE_NO, JUDGE_YES, JUDGE_REFUSED };

/* May the operator and value stand behind the field at all? */
bool judge_allows(const struct judge_cell *);
/* Does the span satisfy the cell? Allowed ones only. */
bool judge_holds(const struct judge *, const struct judge_cell *, const struct span *);
/* Order of two spans by a field, ascending (descending): missing last both ways. */
int judge_order(const struct judge *, const char *field, bool desc, const struct span *,
    const struct span *);
/* The root's start if the trace has a root, else the earliest. */
uint64_t judge_trace_start(const struct judge *, const struct span *);

#endif
