/* SPDX-License-Identifier: ISC */
/* mark: what a name for a commit of a store may be (catalog/marks.h): also that of a file. */
#ifndef MODEL_MARK_H
#define MODEL_MARK_H

#include "base/sv.h"

#define MARK_NAME_MAX 64

/* Letters, digits, '-', '_' and '.', not beginning with one of the last three. */
bool mark_name_ok(struct sv name);

#endif
