/* SPDX-License-Identifier: ISC */
/* limits: every cap that bounds what a stranger's input can cost. Each is tested at its edge. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define LIMIT_PATH_BYTES 65536		/* of a whole path: ENAMETOOLONG */
#define LIMIT_SEGMENT_BYTES 4095	/* of one segment: ENAMETOOLONG */
#define LIMIT_CLAUSES 64		/* of one path: E2BIG */
#define LIMIT_LIST_ITEMS 1000		/* of one list argument: E2BIG */
#define LIMIT_NESTING 16		/* groups and relations: E2BIG */
#define LIMIT_REGEX_BYTES 1024		/* of one pattern: EINVAL */
#define LIMIT_ITEM_LISTED 255		/* longest encoded name that ls shows as itself */

#define LIMIT_VALUE_DEPTH 64		/* nesting of an attribute value */
#define LIMIT_JSON_DEPTH 96		/* of an OTLP JSON body */
#define LIMIT_SPAN_ATTRS 65535		/* attributes of one span, event, scope... */
#define LIMIT_SPAN_EVENTS 1000000	/* events of one span; links alike */
#define LIMIT_RECORD_GROWTH 8		/* memory of a record's events and links, by its bytes; and 1 MiB */
#define LIMIT_ZSTD_WINDOW_LOG 27	/* largest window a compressed input may ask for */

#define LIMIT_SHARD_ROWS (1u << 20)	/* spans of one shard */
#define LIMIT_SHARD_COLUMNS 1024	/* attribute columns of one shard; rarer keys share a rest column */
#define LIMIT_ROW_GROUP_ROWS 65536	/* rows of a row group, so that positions fit 16 bits */
#define LIMIT_SECTION_BYTES (1u << 30)	/* decompressed, of one section */

#define LIMIT_ERRORS_KEPT 100		/* entries of .spanfs/errors */
#define LIMIT_SLOW_KEPT 100		/* entries of .spanfs/slow */

#endif
