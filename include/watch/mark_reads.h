/* SPDX-License-Identifier: ISC */
/*
 * mark_reads: of each mark, an answer under it that was read to its end, so that the mark can be
 * moved to where that answer ended. Of several that began at the same place it is the one that
 * ended first: whoever moves the mark may have read any of them, and what it is not moved past
 * comes again, while the rest would be lost. One that held no commit counts only alone, or the
 * mark would never move. Bounded: of many marks those read last.
 */
#ifndef WATCH_MARK_READS_H
#define WATCH_MARK_READS_H

#include <pthread.h>
#include <stdint.h>

#include "model/mark.h"

#define MARK_READS 256

/* The answer held the commits after `from`, up to `to`. */
struct mark_span {
	uint64_t from, to;
};

/*
 * Which bytes of an answer were given to readers: all up to `to`, and some pieces past it, since
 * reads are answered in any order. A piece that finds no room is forgotten: then the end is not
 * reached, which whoever moves the mark is told.
 */
#define READ_PIECES 32

struct read_cover {
	uint64_t to;
	unsigned n;
	struct read_piece {
		uint64_t from, to;
	} v[READ_PIECES];
};

void read_cover_add(struct read_cover *, uint64_t from, uint64_t to);

struct mark_reads {
	pthread_mutex_t lock;		/* guards what follows; a leaf */
	struct mark_seen {
		char name[MARK_NAME_MAX + 1];
		struct mark_span span;
		uint64_t at;		/* rises with every read */
	} v[MARK_READS];
	uint64_t n;			/* reads so far */
};

void mark_reads_init(struct mark_reads *);
void mark_reads_release(struct mark_reads *);
void mark_reads_note(struct mark_reads *, struct sv name, struct mark_span);
bool mark_reads_find(struct mark_reads *, struct sv name, struct mark_span *);

#endif
