/* SPDX-License-Identifier: ISC */
/* ch_sql_contrast: what compare.* counts, as SQL. What comes of it: clickhouse/ch_contrast.h. */
#ifndef CHSQL_CH_SQL_CONTRAST_H
#define CHSQL_CH_SQL_CONTRAST_H

#include "chsql/ch_sql.h"

/* What an item of the answer is of (ch_sql_contrast.c). */
enum ch_item { CH_ITEM_SPAN, CH_ITEM_EVENT, CH_ITEM_NAME, CH_ITEM_SPANS };
#define CH_ITEM_BITS 28			/* below it: how long the key is */

/* Of q what says which spans counts. The statement, in the arena. */
int ch_sql_contrast(const struct ch_select *q, const struct pred *selection, struct arena *,
    struct ch_sql *, struct err *) WARN_UNUSED;

#endif
