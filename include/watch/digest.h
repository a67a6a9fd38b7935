/* SPDX-License-Identifier: ISC */
/*
 * digest: a result in little, and the comparison of two runs of one query.
 *
 * A digest takes a result's bytes as they come and keeps a hash of each row (a line) and,
 * while the result is small, its text. Rows past DIGEST_FINE_ROWS are hashed in blocks, so
 * that a digest has a bound: about half a megabyte, and a text of DIGEST_TEXT_MAX.
 */
#ifndef WATCH_DIGEST_H
#define WATCH_DIGEST_H

#include "base/buf.h"
#include "base/vec.h"
#include "watch/watch.h"

#define DIGEST_TEXT_MAX (256u * 1024)
#define DIGEST_FINE_ROWS 65536u
#define DIGEST_BLOCK_ROWS 65536u

struct digest {
	double tolerance;	/* > 0: doubles in rows are numbers, equal within this share */
	struct buf text;	/* all bytes, if has_text */
	bool has_text;
	struct buf part;	/* a row whose end has not come yet */
	VEC(uint64_t) fine;	/* a hash a row */
	VEC(uint64_t) blocks;	/* then one of DIGEST_BLOCK_ROWS rows in sequence */
	uint64_t block, n_block;	/* the block at hand */
	uint64_t n_rows, n_bytes;
	uint64_t set[2];	/* sums over the rows: equal if the rows are, in any order */
	bool oom;
	/* The text of one row is copied as it comes by, if `want` is its number. */
	uint64_t want;
	struct buf wanted;
};

void digest_init(struct digest *, double tolerance);
void digest_release(struct digest *);
void digest_add(struct digest *, const void *, size_t n);
void digest_end(struct digest *);	/* the last row may lack its newline */
size_t digest_bytes(const struct digest *);	/* memory */

#define ROW_NONE UINT64_MAX

struct difference {
	enum verdict verdict;
	uint64_t row;		/* first row that differs, from 0; ROW_NONE: not known */
	bool in_block;		/* it is in the block of rows that begins there */
	char why[256];		/* a phrase, if not the same */
};

/* Compares two digests that have ended. ordered: rows have to stand in the same order. */
void digest_compare(const struct digest *a, const struct digest *b, bool ordered,
    struct difference *);
/* Compares how two runs ended; true if nothing is left to compare: *d then says the verdict. */
bool codes_compare(int a, int b, struct difference *d);
/* True for failures that depend on the moment (time, memory, disk, damage), not on the query. */
bool code_of_moment(int code);
/* Row `i` of a text, without its newline; false if there are not so many. */
bool text_row(struct sv text, uint64_t i, struct sv *row);
/* True if two rows are equal but for doubles that agree within `tolerance` of the larger. */
bool rows_close(struct sv a, struct sv b, double tolerance);

#endif
