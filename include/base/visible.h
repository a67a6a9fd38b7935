/* SPDX-License-Identifier: ISC */
/* visible: text of others, shown where a terminal would act on its control characters. */
#ifndef BASE_VISIBLE_H
#define BASE_VISIBLE_H

#include "base/buf.h"
#include "base/sv.h"

/*
 * Appends s with everything that a terminal would act on escaped (\x1b); returns the columns
 * of its first `upto` bytes.
 */
size_t visible_text(struct buf *, struct sv s, size_t upto);
/* A url with *** for the password that it may have; other texts as they are. */
void visible_url(struct buf *, struct sv url);
/* Two indented lines: s, escaped, and a caret under its byte `off` (none if < 0). */
void visible_caret(struct buf *, struct sv s, int64_t off);

#endif
