/* SPDX-License-Identifier: ISC */
/* ch_schema: what its files share. */
#ifndef CH_SCHEMA_I_H
#define CH_SCHEMA_I_H

#include "clickhouse/ch_schema.h"

/* What system.columns says of a column. */
struct column_row {
	struct sv name, type, expression;
};

/* What system.tables says of the table. */
struct table_row {
	struct sv engine, engine_full, sorting_key;
};

/* ---- ch_schema.c ---- */
/* Finds the fields among the columns; the texts are kept in s->a. */
int schema_columns(struct ch_schema *s, const struct column_row *, size_t n, struct err *)
    WARN_UNUSED;

/* ---- ch_engine.c ---- */
/* Engine, the local table, and the key as columns of spans. */
int schema_engine(struct ch_schema *s, const struct table_row *, struct err *) WARN_UNUSED;
/* The key of the local table, if the table is Distributed. */
void schema_key(struct ch_schema *s, struct sv sorting_key);

#endif
