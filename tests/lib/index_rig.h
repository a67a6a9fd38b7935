/* SPDX-License-Identifier: ISC */
/*
 * index_rig: shards whose columns are worth an index (ids, kinds, texts, values nearly all
 * distinct, events and links with attributes), and the sections of their indexes with single
 * bits flipped below true checksums. Failures end the test.
 */
#ifndef TESTS_INDEX_RIG_H
#define TESTS_INDEX_RIG_H

#include "base/hash.h"
#include "shard_rig.h"

/* n spans of one hour; budget: percent. r->shard is open. */
void index_rig_init(struct shard_rig *r, size_t n, uint32_t group_rows, uint32_t budget,
    uint64_t seed);
/* The same with notes of events (index_spans). */
void index_rig_init_notes(struct shard_rig *r, size_t n, uint32_t group_rows, uint32_t budget,
    uint64_t seed);

/*
 * Adds n such spans of the hour from start_ns to a batch: attributes code (few numbers), flag,
 * request (ids), text, user (an id of several spans), and note of events.
 */
void index_spans(struct span_batch *, size_t n, uint64_t start_ns, uint64_t seed);

struct index_flips {
	struct shard_rig rig;	/* not compressed */
	unsigned kind;		/* enum section_kind */
	char *copy;		/* of its bytes: sanitizers see a step past them */
	char *footer;		/* raw */
	size_t n_footer;
	struct buf out;
	size_t every;		/* of how many flips of a section one is made: 1 */
	size_t n_sections;	/* of the kind */
	size_t n_flips, n_refused, n_found;	/* found: by shard_check */
};

void index_flips_init(struct index_flips *, unsigned kind);
/*
 * Flips many bits of the kind's sections, one at a time: each index is then refused with a
 * place, or read in every way; and the whole shard is checked.
 */
void index_flips_run(struct index_flips *);
/*
 * The file with all sections of the kind made ones of a kind that nobody knows, with or
 * without a feature bit that says so. Borrowed until the release.
 */
struct sv index_flips_unknown(struct index_flips *, bool feature);
/*
 * Flips each bit of the kind's entries in the footer, up to their checksums, one at a time: the
 * file is refused with ERR_CORRUPT, or read as above; the check is run on it.
 */
void index_flips_footer(struct index_flips *);
/*
 * The file with the first section of the kind cut to `bytes`, all of them zero
 * or as they are, below true checksums. Borrowed until the next call.
 */
struct sv index_flips_cut(struct index_flips *, size_t bytes, bool zeros);
void index_flips_release(struct index_flips *);
/* Reads all that an index of any column can say; 0, or the first error. Never fails the test. */
int index_walk(struct shard *, struct err *);

#endif
