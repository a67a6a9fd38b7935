/* SPDX-License-Identifier: ISC */
/*
 * ch_catalog: what its files share. Who calls whom: ch_catalog.c all others; values and estimates
 * bounds; bounds parts; parts ask.
 */
#ifndef CH_CATALOG_I_H
#define CH_CATALOG_I_H

#include "chsql/ch_write.h"
#include "clickhouse/ch_catalog.h"
#include "rowbinary/ch_rows.h"

/* One question of the catalog at work. */
struct looking {
	const struct ch_asking *by;
	const struct ch_want *want;
	struct arena *a;		/* of the answer */
	struct ch_answer *out;
	struct ch_outcome outcome;	/* of the last question */
	uint64_t begun_ns;
	struct buf note;
};

/* What a statement is kept from reading too much by. */
enum bound {
	BOUND_THROW,	/* it fails */
	BOUND_BREAK,	/* it ends with what it has */
	BOUND_LIMIT,	/* of rows that pass, since no setting may be given */
	BOUND_NONE,
};

struct attempt {
	struct time_range range;
	enum bound bound;
	bool strict;		/* it fails, too, when its time is over */
	bool slow;		/* out: its time may have been over */
};

/* ---- ch_catalog_ask.c ---- */
/* All but the settings. The last argument is the same as for rows. */
typedef void statement_fn(struct writer *, const struct looking *, const struct attempt *, const void *);
/* One row; cells are those of the types asked for. */
typedef int catalog_row_fn(void *, const struct ch_column *, const struct sv *cells, struct err *);

/*
 * `types`, one letter a column: s text, u UInt64, t DateTime64; then "e" for CH_END. ERR_CORRUPT
 * where the answer has others. *exact, which may be NULL: were the conditions said in full?
 */
int catalog_rows(struct looking *, statement_fn *, struct attempt *, const char *types,
    catalog_row_fn *, void *, bool *exact, struct err *) WARN_UNUSED;
uint64_t catalog_u64(struct sv cell);
/* Of the last question, which failed with rc: a bound was reached, not the deadline. */
bool catalog_limited(const struct looking *, int rc);
/* The user may not set a limit. */
bool catalog_refused(const struct looking *, int rc);
/* What was asked is closed to the user, or not there on this server. */
bool catalog_closed(const struct looking *, int rc);
/* One more sentence for people. */
void catalog_note(struct looking *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with the words of an error. */
void catalog_note_err(struct looking *, const char *what, const struct err *);

/* ---- ch_catalog_parts.c ---- */
/* Has the table parts, and are they on the server that is asked? */
bool catalog_has_parts(const struct ch_schema *);
int catalog_extent(struct looking *, struct ch_extent *, bool *complete, struct err *) WARN_UNUSED;
int catalog_partitions(struct looking *, struct err *) WARN_UNUSED;

/* ---- ch_catalog_bounds.c ---- */
/* Called before each try: what was read is to be forgotten. */
typedef void catalog_reset_fn(void *);
/*
 * The statement within the bounds, as ch_catalog.h says; sets out->complete and notes. *at: as it
 * was asked at last. BOUND_LIMIT: whether the limit was reached is for the caller to tell.
 */
int catalog_bounded(struct looking *, statement_fn *, const char *types, catalog_row_fn *,
    catalog_reset_fn *, void *, struct attempt *at, struct err *) WARN_UNUSED;

/* ---- ch_catalog_values.c ---- */
int catalog_list(struct looking *, struct err *) WARN_UNUSED;
int catalog_keys(struct looking *, struct err *) WARN_UNUSED;
#endif
