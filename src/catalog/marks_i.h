/* SPDX-License-Identifier: ISC */
/* marks_i: what marks.c and marks_file.c share. */
#ifndef CATALOG_MARKS_I_H
#define CATALOG_MARKS_I_H

#include "base/buf.h"
#include "catalog/marks.h"

void mark_encode(struct buf *, const struct mark *);
/* Borrows from the bytes; `name` is for messages. ERR_CORRUPT with the offset. */
int mark_decode(struct sv, const char *name, struct mark *, struct err *) WARN_UNUSED;

#endif
