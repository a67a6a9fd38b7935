/* SPDX-License-Identifier: ISC */
/*
 * ch_rows: the rows of an answer in RowBinaryWithNamesAndTypes:
 *   varint n, n names, n types (each a varint length and bytes), then rows: n values each.
 *
 * A row is handed out when all of it is there and well-formed, as cells: the bytes of each value,
 * in one piece of memory until the next row is asked for. A row may have CH_ROW_BYTES; memory is
 * at most about twice that, and in proportion to the longest row. An answer that ends within a
 * row is an error. A last column named CH_END must be a UInt8 and 1 in every row: questions end
 * so, that no text of an error can pass for the end of a row (see ch_client.h).
 */
#ifndef ROWBINARY_CH_ROWS_H
#define ROWBINARY_CH_ROWS_H

#include "rowbinary/ch_type.h"

#define CH_COLUMNS 1024
#define CH_ROW_BYTES (64u << 20)
#define CH_END "spanfs_end"

struct ch_rows;

/* Bytes of the answer in turn: 0, at least one byte, good until the next call; >0: its end; <0. */
typedef int ch_bytes_fn(void *, struct sv *, struct err *);

struct ch_column {
	struct sv name;
	const struct ch_type *type;
};

/* Reads names and types. ERR_UNSUPPORTED: a type that is not known, by column and name. */
int ch_rows_open(ch_bytes_fn *, void *, struct ch_rows **, struct err *) WARN_UNUSED;
void ch_rows_close(struct ch_rows *);
/* All of them, CH_END too. */
const struct ch_column *ch_rows_columns(const struct ch_rows *, size_t *n);
/* The next row's cells; >0: there are no more. After an error nothing may be read. */
int ch_rows_next(struct ch_rows *, const struct sv **cells, struct err *) WARN_UNUSED;

#endif
