/* SPDX-License-Identifier: ISC */
/*
 * record_reader_i: what the parts of the record reader share: record_reader.c finds out what
 * an input is, record_json.c and record_proto.c cut it, with the help of record_cut.c.
 */
#ifndef INGEST_RECORD_READER_I_H
#define INGEST_RECORD_READER_I_H

#include "detect_i.h"
#include "unpack_i.h"

#define CONTAINERS 2	/* one in the other, at most */

struct record_reader {
	size_t max_record;
	struct stream streams[1 + CONTAINERS];
	struct unpack *unpacks[CONTAINERS];
	unsigned n_containers;
	struct stream *top;
	enum input_kind kind;
	const char *form;	/* JSON: the name of its first object's form, or NULL */
	bool detected, ended;
	bool lines;		/* JSON: a record was a line */
	unsigned depth;		/* JSON: lists that are open */
	unsigned line_depth;	/* ... where the line began */
	uint64_t split_line;	/* JSON: the last line that is no record as it stands */
	uint64_t line;		/* of what comes next; for protobuf: records seen */
	char packed[32];	/* ", gzip" */
	char text[96];
};

/* Reports something that is lost; of a record over the limit: its bytes. */
void record_cut_report(struct ingest_result *, uint64_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void record_cut_oversize(const struct record_reader *, struct ingest_result *, uint64_t line,
    uint64_t n_bytes);
/* The top stream has no more: the end, or what made it so. */
int record_cut_end(struct record_reader *, struct err *) WARN_UNUSED;
/* Consumes n bytes as a record. */
int record_cut_emit(struct record_reader *, enum record_form, size_t n, uint64_t line,
    struct record *, struct err *) WARN_UNUSED;
uint64_t record_cut_newlines(const char *p, size_t n);

/* record_json.c */
int record_json_next(struct record_reader *, struct record *, struct ingest_result *,
    struct err *) WARN_UNUSED;
/* Consumes white space, counting lines; false at the end. */
bool record_json_space(struct record_reader *);
/* Consumes NUL bytes and returns how many; tells of them. */
uint64_t record_json_hole(struct record_reader *);
void record_json_tell_hole(struct ingest_result *, uint64_t line, uint64_t n_bytes);

/* record_proto.c: one request; requests behind lengths. */
int record_proto_next(struct record_reader *, struct record *, struct ingest_result *,
    struct err *) WARN_UNUSED;
int record_framed_next(struct record_reader *, struct record *, struct ingest_result *,
    struct err *) WARN_UNUSED;

#endif
