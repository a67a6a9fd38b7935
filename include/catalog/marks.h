/* SPDX-License-Identifier: ISC */
/*
 * marks: names for commits of a store, so that a report job takes each span exactly once: what
 * mark/NAME selects came with the commits after the one at which the mark stands. Each is one
 * small file, marks/NAME.mark, replaced as a whole by an fsynced rename.
 *
 * Who changes one holds marks/.lock for that moment, and nothing else: imports and mounts
 * neither hold up a mark nor are held up by it. Readers take no lock.
 *
 * A mark may carry a delivery: a file that was written whole and is about to get its name. It
 * is recorded before the file is renamed and gone with the commit of the mark, so that whoever
 * comes after a crash knows whether it arrived (cmd/extract.c).
 */
#ifndef CATALOG_MARKS_H
#define CATALOG_MARKS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "model/mark.h"

struct mark_delivery {
	uint64_t generation;		/* where the mark will stand; 0: there is none */
	uint64_t inode, size;		/* of the file */
	struct sv from, to;		/* absolute paths: as it was written, as it will be called */
};

struct mark {
	uint64_t generation;		/* of the commit at which it stands; 0: before the first */
	uint64_t moved_ns;		/* wall time */
	bool was_read;			/* since it was moved, to the end, up to the commit `read`, or more */
	uint64_t read;
	struct mark_delivery delivery;
};

/*
 * In the arena. ERR_UNKNOWN, with the name that was probably meant, if there is none; ERR_SYNTAX:
 * no name of a mark; ERR_CORRUPT: the file is damaged, which the message names.
 */
int mark_read(struct fsys *, struct sv name, struct arena *, struct mark *, struct err *)
    WARN_UNUSED;
/* In byte order, in the arena; damaged ones too. */
int marks_list(struct fsys *, struct arena *, struct sv **names, size_t *n, struct err *)
    WARN_UNUSED;

/* Moves it to the commit, or makes it; what it carried is forgotten. A damaged one is replaced. */
int mark_set(struct fsys *, struct sv name, uint64_t generation, struct err *) WARN_UNUSED;
/*
 * The same for one that is there and stands at `from`, or where it is to go; else ERR_BUSY. It moves
 * ahead only, and not away from a delivery that is to be finished: ERR_BUSY.
 */
int mark_move(struct fsys *, struct sv name, uint64_t from, uint64_t generation, struct err *)
    WARN_UNUSED;
/* The same for who has finished its delivery, if it carries one. */
int mark_delivered(struct fsys *, struct sv name, uint64_t from, uint64_t generation, struct err *)
    WARN_UNUSED;
/*
 * To the earliest commit up to which it was read to the end since it was moved, which *generation
 * is then; ERR_NODATA: there was none; ERR_BUSY: it carries a delivery.
 */
int mark_commit(struct fsys *, struct sv name, uint64_t *generation, struct err *) WARN_UNUSED;
/* Somebody has read all of an answer that began behind `from`; if it stands elsewhere now, nothing. */
int mark_note_read(struct fsys *, struct sv name, uint64_t from, uint64_t generation,
    struct err *) WARN_UNUSED;
/* Its delivery; ERR_BUSY if it stands elsewhere than at `from`, or carries one. */
int mark_deliver(struct fsys *, struct sv name, uint64_t from, const struct mark_delivery *,
    struct err *) WARN_UNUSED;
/* ERR_BUSY: a job is at work with it. */
int mark_delete(struct fsys *, struct sv name, struct err *) WARN_UNUSED;

struct snapshot;
/* A line for each, with what the store has behind it; *n_bad: those that can't be read. */
int marks_print(struct fsys *, const struct snapshot *, struct buf *, size_t *n_bad, struct err *)
    WARN_UNUSED;

/* Held by one job of a mark at a time, until the file is closed; ERR_BUSY. */
int mark_job_lock(struct fsys *, struct sv name, struct file **, struct err *) WARN_UNUSED;

#endif
