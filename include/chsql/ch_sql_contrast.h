/* SPDX-License-Identifier: ISC */
/* ch_sql_contrast: what compare.* counts, as SQL. What comes of it: clickhouse/ch_contrast.h. */
#ifndef CHSQL_CH_SQL_CONTRAST_H
#define CHSQL_CH_SQL_CONTRAST_H

#include "chsql/ch_sql.h"

/* Of q what says which spans counts. The statement, in the arena. */
int ch_sql_contrast(const struct ch_select *q, const struct pred *selection, struct arena *,
    struct ch_sql *, struct err *) WARN_UNUSED;

#endif
