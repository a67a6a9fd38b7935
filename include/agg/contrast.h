/* SPDX-License-Identifier: ISC */
/*
 * contrast: what compare.* shows: of the attributes of spans, resources, scopes and events, and of
 * service, name, kind and status, how many spans have each value, in two sets: the selection and
 * the baseline. A span counts once for each different value of a field; null is none.
 *
 *   field --contrast_field--> its values --contrast_value--> counts of each --finish--> rows
 *
 * A field with more than CONTRAST_MOST_VALUES values is dropped as soon as that is known, whatever
 * the order in which spans come, and gives its memory back: so memory is bounded by the number of
 * fields. Tables of one parent share its budget and merge. Not thread-safe.
 */
#ifndef AGG_CONTRAST_H
#define AGG_CONTRAST_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/quota.h"
#include "model/batch.h"
#include "model/contrast_column.h"

enum contrast_side { SIDE_SELECTION, SIDE_BASELINE };

struct contrast_options {
	size_t memory;			/* bytes; passing it: ERR_NOMEM, "[query] memory" named */
	struct quota *quota;		/* that it shares with others, "[query] total_memory"; or NULL */
	uint64_t deadline_mono_ns;	/* 0: none; passing it: ERR_TIMEOUT */
	const atomic_bool *cancel;	/* ERR_CANCELLED; or NULL */
};

struct contrast;
struct contrast_field;

int contrast_new(const struct contrast_options *, struct contrast **, struct err *) WARN_UNUSED;
/* An empty one, of the same budget, to be merged into it; the parent outlives it. */
int contrast_like(struct contrast *, struct contrast **, struct err *) WARN_UNUSED;
void contrast_free(struct contrast *);
/* Counts memory against the budget, and gives it back. */
int contrast_take(struct contrast *, size_t bytes, struct err *) WARN_UNUSED;
void contrast_give(struct contrast *, size_t bytes);
/* So many spans more, on each side. */
void contrast_add_spans(struct contrast *, uint64_t selection, uint64_t baseline);
/* A field, made if need be; of an attribute the scope and key. It lives as long as the table. */
int contrast_field(struct contrast *, const struct field *, struct contrast_field **, struct err *)
    WARN_UNUSED;
bool contrast_dropped(const struct contrast_field *);
/* The number of a value of the field, made if need be. 1: the field is dropped. */
int contrast_value(struct contrast *, struct contrast_field *, const struct value *, uint32_t *no,
    struct err *) WARN_UNUSED;
/*
 * Counts spans for a value by its number. With a stamp, which is not 0, only if the last one had
 * another: one span asks for the same value twice.
 */
void contrast_count(struct contrast_field *, uint32_t no, uint64_t selection, uint64_t baseline);
void contrast_count_once(struct contrast_field *, uint32_t no, enum contrast_side,
    uint64_t stamp);
/* Spans for each different element of an array, or for a value that is none; nothing for null. */
int contrast_spread(struct contrast *, struct contrast_field *, const struct value *,
    uint64_t selection, uint64_t baseline, struct err *) WARN_UNUSED;
/* n stamps that were not given before: the first; the others follow it. */
uint64_t contrast_stamps(struct contrast *, uint64_t n);
/* A whole span. */
int contrast_span(struct contrast *, const struct span *, enum contrast_side, struct err *)
    WARN_UNUSED;
/* What a span's attribute list has; a value counts once for a stamp. */
int contrast_attrs(struct contrast *, enum field_scope, const struct attrs *, enum contrast_side,
    uint64_t stamp, struct err *) WARN_UNUSED;
/* The same of a packed map of attributes. */
int contrast_rest(struct contrast *, enum field_scope, struct sv map, enum contrast_side,
    uint64_t stamp, struct err *) WARN_UNUSED;
/* One value of one attribute: of an array each element. */
int contrast_attr(struct contrast *, struct contrast_field *, const struct value *,
    enum contrast_side, uint64_t stamp, struct err *) WARN_UNUSED;
/* Each drops the fields that the other has dropped. */
int contrast_share_drops(struct contrast *, struct contrast *, struct err *) WARN_UNUSED;
/* Takes over what `from` has; `from` is to be freed. */
int contrast_merge(struct contrast *, struct contrast *from, struct err *) WARN_UNUSED;

/*
 * No more spans. The first `most` rows by the keys, then the default order: largest differences
 * first, then field, then value.
 */
int contrast_finish(struct contrast *, const struct contrast_sort *, size_t n_sort, uint64_t most,
    struct err *) WARN_UNUSED;
/* After that: rows, and their cells from row `from` on, N_CONTRAST_COLUMNS each, row by row. */
size_t contrast_n_rows(const struct contrast *);
void contrast_cells(const struct contrast *, size_t from, size_t n, struct group_cell *);
/* How many spans a side has. */
uint64_t contrast_spans(const struct contrast *, enum contrast_side);
/* What is left out: "left out: span.id (over 10,000 values)...". */
int contrast_note(const struct contrast *, struct buf *, struct err *) WARN_UNUSED;

#endif
