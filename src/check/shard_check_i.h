/* SPDX-License-Identifier: ISC */
/*
 * shard_check_i: what the files of shard_check share.
 *
 *   shard_check          opening, gaps between sections, each section by itself
 *   check_report         findings, and what of a shard can be read
 *   shard_check_columns  zones, ranges, numbers of values and top values against the values
 *   shard_check_rows     order of rows, services, trace table, parents, whole spans
 *   index_check          postings and text indexes against the values
 *   tracesum_check       summaries of traces against their rows
 *   ids_check            span ids that the header says are different
 *   lengths_check        lengths of lines against the lines
 *
 * A section that can't be read is reported once; later looks at it get nothing.
 */
#ifndef CHECK_SHARD_CHECK_I_H
#define CHECK_SHARD_CHECK_I_H

#include "render/render.h"
#include "shard/lengths.h"
#include "shard/shard_i.h"

struct check {
	void (*bad)(void *, const char *file, int64_t off, const char *why);
	void *arg;
	struct shard *s;
	bool *lost;		/* by section: reported */
	bool owners_lost, traces_lost;
	uint64_t n_lost;
	struct err *e;
};

/* Damage is a finding; anything else (memory) ends the check. */
bool check_is_damage(int rc);
/* The message without the file's name, which goes beside it. */
const char *check_reason(const struct err *, const char *file);
void check_report(struct check *, int64_t off, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* About a section that can be read. */
void section_report(struct check *, const struct section *, const char *why);
/*
 * NULL in *out, and 0 returned, if there is none or it is damaged (then that is reported).
 * An error is one of this machine, not of the file.
 */
int check_chunk(struct check *, const struct column *, uint32_t row_group,
    const struct chunk **out) WARN_UNUSED;
int check_dict(struct check *, const struct column *, const struct dict **out) WARN_UNUSED;
/* Of what a call on the section returned, rc not 0: 0 if that is reported. */
int check_finding(struct check *, const struct section *, int rc, const struct err *) WARN_UNUSED;
int check_columns(struct check *) WARN_UNUSED;
int check_indexes(struct check *) WARN_UNUSED;
int check_trace_summary(struct check *) WARN_UNUSED;
int check_rows(struct check *) WARN_UNUSED;
int check_ids(struct check *) WARN_UNUSED;
int check_spans(struct check *) WARN_UNUSED;

/* What lines are measured with. Begins zeroed. */
struct ruler {
	struct render render;
	struct buf line;	/* scratch */
	bool said;		/* a wrong length was reported */
};
/* That the sections can be read. */
int check_lengths_read(struct check *) WARN_UNUSED;
/* The totals against the lengths, if all sections can be read. */
int check_line_totals(struct check *) WARN_UNUSED;
/* Those of rows [from, from + n), which are of one row group; their sections can be read. */
int check_lengths(struct check *, struct ruler *, uint32_t group, uint32_t from,
    const struct span *, uint32_t n) WARN_UNUSED;
void ruler_release(struct ruler *);

#endif
