/* SPDX-License-Identifier: ISC */
/*
 * ingest: outside bytes in, span batches out, rejects with their place. Knows nothing of
 * where spans go. Two halves: a reader that cuts a stream into records (one OTLP request
 * each) whatever its container, and parsers that turn one record into spans; parsers are
 * pure and may run on several records at once in different threads.
 */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "base/err.h"
#include "model/span.h"

enum record_form { RECORD_JSON, RECORD_PROTO };

/* One span (or record) that was not taken, or something else to be told of the input. */
struct reject {
	uint64_t line;		/* 1-based: of the JSON line, or the number of the record */
	uint64_t n_spans;	/* spans lost by it: 1, or 0 if it can't be known */
	bool notice;		/* nothing is lost by it: a hole was passed over */
	char why[200];
};

struct ingest_result {
	uint64_t n_spans;	/* added to the batch */
	uint64_t n_rejected;	/* spans rejected */
	uint64_t n_foreign;	/* records of other signals (metrics, logs, profiles) */
	uint64_t n_broken;	/* records not OTLP at all, or readable only in part (a receiver's 400) */
	uint64_t n_repaired;	/* spans kept with a repair: ids in base64, text that is not UTF-8... */
	uint64_t n_oversize;	/* records over the limit, which are passed over */
	uint64_t n_mended;	/* texts, of spans and what they share, that were not UTF-8 */
	void (*reject)(void *arg, const struct reject *);	/* may be NULL */
	void *reject_arg;
};

/*
 * Texts (names, keys, values, nested ones too; not bytes) come out as UTF-8, with U+FFFD for
 * each maximal part of them that is ill-formed.
 *
 * Parses one record and appends its spans to the batch (all strings copied into its arena
 * or, for RECORD_JSON without escapes and RECORD_PROTO, borrowed from `body`, which must stay
 * while the batch lives). A bad span costs that span; a record that isn't OTLP at all, or is
 * cut short, costs what could not be read and is reported by `reject` with `line`. Returns 0
 * also then; <0 only for want of memory.
 */
int otlp_json_parse(struct sv body, uint64_t line, struct span_batch *,
    struct ingest_result *, struct err *) WARN_UNUSED;
/*
 * The same of JSON objects, one after the other, each of whatever form it is (json_form_i.h):
 * OTLP, Jaeger's, Zipkin's, the Python SDK's console output. A form that is known and not
 * taken is reported by name. After a breach it goes on behind a hole of NUL bytes, if one
 * follows: what a writer left that was cut off.
 */
int json_parse(struct sv body, uint64_t line, struct span_batch *, struct ingest_result *,
    struct err *) WARN_UNUSED;
int otlp_proto_parse(struct sv body, uint64_t line, struct span_batch *,
    struct ingest_result *, struct err *) WARN_UNUSED;

/* Where bytes come from: read() semantics, 0 at the end, <0 with err set. */
struct source_bytes {
	int64_t (*read)(void *arg, void *buf, size_t n, struct err *);
	void *arg;
};

struct record {
	enum record_form form;
	char *body;		/* malloced; the caller frees it */
	size_t n;
	uint64_t line;		/* 1-based */
};

struct record_reader;

/*
 * Tells by content: gzip, zstd (whole file or one frame a record behind a length), xz, JSON
 * objects (pretty-printed or not, one a line, in lists, lists in lists, for json_parse), OTLP
 * protobuf (one request, length-prefixed, or behind varints). What is known and not taken is
 * refused by name (ERR_UNSUPPORTED), with the command that makes of it what is taken. Before
 * the first JSON there may be lines that are none, each reported, and a hole of NUL bytes,
 * which is told of once wherever it is. A record over max_record bytes is skipped and reported
 * by `reject`. Bounded memory: one record and the codec's window.
 */
int record_reader_open(const struct source_bytes *, size_t max_record,
    struct record_reader **, struct err *) WARN_UNUSED;
void record_reader_close(struct record_reader *);
/*
 * <0 error (ERR_SYNTAX: no known format; ERR_CORRUPT: damaged or cut-short container, err->off
 * is the input offset; what came before has been returned), 0 a record, >0 end.
 */
int record_reader_next(struct record_reader *, struct record *, struct ingest_result *,
    struct err *) WARN_UNUSED;
/* Input bytes consumed so far (compressed), for progress. */
uint64_t record_reader_offset(const struct record_reader *);
/* "OTLP JSON lines, gzip" */
const char *record_reader_describe(const struct record_reader *);

#endif
