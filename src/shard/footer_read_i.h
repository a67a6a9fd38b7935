/* SPDX-License-Identifier: ISC */
/* footer_read_i: what footer_read.c and footer_sections.c share. */
#ifndef SHARD_FOOTER_READ_I_H
#define SHARD_FOOTER_READ_I_H

#include "base/cursor.h"
#include "shard_i.h"

struct footer {
	struct shard *s;
	struct cursor c;
	struct err *e;
	struct column *columns;		/* info.columns, to be filled in */
};

int footer_bad(struct footer *, const char *why);
/* A count of things that take `least` bytes each, at most `max` of them. */
int footer_count(struct footer *, const char *what, size_t least, uint64_t max, uint32_t *out)
    WARN_UNUSED;
int footer_sections(struct footer *) WARN_UNUSED;

#endif
