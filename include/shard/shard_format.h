/* SPDX-License-Identifier: ISC */
/*
 * shard_format: the bytes of a shard file. Only layout: no code. man/spanfs-shard.5 says the
 * same for people. Numbers are little-endian unless said otherwise; "str" is a varint length
 * and that many bytes; "varint" is LEB128 (base/varint.h).
 *
 *   offset 0      header, 32 bytes
 *   offset 32...  sections, each at a multiple of 8 (gaps are zeros), in any order
 *                 footer: one zstd frame
 *   size - 40     trailer, 40 bytes
 *
 * header   0  8  magic "SPANFSSH"
 *          8  4  format version, SHARD_VERSION; another is refused by name
 *         12  4  incompatible feature bits: an unknown one means "do not read"
 *         16  4  compatible feature bits: unknown ones are ignored, and where there is one,
 *                sections of unknown kinds as well
 *         20  4  row_group_rows: rows of every row group but the last
 *         24  8  XXH3-64 of bytes 0..23
 *
 * trailer  0  8  offset of the footer
 *          8  4  stored bytes of the footer     12  4  raw bytes of the footer
 *         16  8  XXH3-64 of the stored footer
 *         24  8  XXH3-64 of trailer bytes 0..23 followed by header bytes 0..31
 *         32  8  magic "SPANFSND"
 *
 * Rows: spans, ordered by (service bytes, start, trace id, span id); so a service's rows are
 * one range, ordered by time. Row group g holds rows [g * row_group_rows, ...). Events belong
 * to the row group of their span and are numbered from 0 in it, in row order, then in the
 * span's order; links alike. A column lives in the domain of spans, events or links; its
 * chunk g covers the domain rows of row group g. A chunk without any value is not stored.
 *
 * footer (raw)
 *   varint n_rows, n_row_groups, n_events, n_links, n_traces
 *   u64 partition (start of the hour in ns; all ones: outside), u64 min_start, u64 max_start
 *   per row group: varint rows, events, links
 *   varint n_services; per service, in byte order:
 *     str name; varint rows (ranges follow each other from row 0), errors; u64 min_start, max_start
 *     varint n_names; per span name, in byte order: varint dictionary code of COL_NAME, rows, errors
 *   varint n_columns; per column:
 *     u8 fixed id (enum column_id; COL_ATTR: an attribute), u8 domain, u8 kind, u8 value type
 *     u8 field scope (enum attr_scope; 0 unless COL_ATTR), str key (empty unless COL_ATTR)
 *     varint n_present, n_distinct (exact for dictionaries, else an estimate)
 *     u8 has_range; if 1: u64 min, u64 max (images, over the whole shard)
 *     varint n_dict (values in the dictionary; 0 unless COLUMN_DICT)
 *     varint n_top; per top value: u8 cut, varint rows, packed value (model/value.h)
 *   varint n_sections; per section:
 *     u8 kind (enum section_kind), u8 codec, varint column + 1 (0: none), varint row group
 *     varint offset, stored bytes, raw bytes; u64 XXH3-64 of the stored bytes
 *     if kind is SECTION_CHUNK: varint n_present, u64 min, u64 max (zone: images, dictionary
 *       codes or, for COLUMN_BYTES, the first 8 bytes big-endian, zero-padded, rounded as they are)
 *
 * Sections, raw (after the codec):
 *
 * SECTION_CHUNK   0  1  presence: PRESENT_ALL, PRESENT_BITMAP, PRESENT_LIST
 *                 1  1  encoding: enum chunk_encoding
 *                 2  2  zero
 *                 4  4  n_rows: domain rows covered    8  4  n_present    12  4  bytes of presence
 *                       (before padding)
 *                16     presence, padded to 8: BITMAP u64 words, bit r of row r; LIST u16 rows,
 *                       rising (not where n_rows > 65536, as a row group's events can be)
 *                       then the n_present values:
 *                         ENC_CONST  u64
 *                         ENC_RAW64  u64 each
 *                         ENC_PACK   a pack (below)
 *                         ENC_RLE    u32 n_runs, u32 bytes of the first pack (padded to 8);
 *                                    pack of run values; pack of run ends (exclusive ordinals)
 *                         ENC_BYTES  u32 bytes of the pack (padded to 8), u32 zero;
 *                                    pack of end offsets; the bytes
 * SECTION_DICT    u32 n, u32 bytes of the pack (padded to 8); pack of end offsets; the bytes.
 *                 Values in byte order, each once; a code is an index.
 * SECTION_RESOURCES  varint n; each: str schema_url, varint dropped, str packed MAP content,
 *                 packed value entity_refs
 * SECTION_SCOPES  varint n; each: str name, version, schema_url, varint dropped, str packed MAP content
 * SECTION_TRACE_IDS   n_traces * 16 bytes, big-endian, rising
 * SECTION_TRACE_ROWS  u32 bytes of the first pack (padded to 8), u32 zero; pack of end offsets
 *                 per trace; pack of rows, of each trace in rising order
 * SECTION_BLOOM   filter over trace_id_hash() of the shard's trace ids (base/bloom.h)
 *
 * Indexes: sections that a column may have (entry in the footer: its index, row group 0), and
 * only if the header has their feature bit. All that they say can be found without them.
 *
 * SECTION_POSTINGS (SHARD_COMPAT_POSTINGS)  rows of each value of a column. Rows are spans';
 *                 of an event's or link's column each row of a value once.
 *                 0  1  form     1  1  bits of a hash (0 but in form 2)     2  2  zero
 *                 4  4  bytes of the pack behind (a multiple of 8; 0 in form 0)
 *                 8     form 0 (COLUMN_DICT): lists; keys are codes
 *                       form 1 (COLUMN_INT): pack of the distinct numbers, strictly rising;
 *                         lists, one for each number
 *                       form 2 (COLUMN_BYTES): pack of the low bits of hash64() of every
 *                         value, rising; pack of their rows, rising where hashes are equal
 * SECTION_TEXT (SHARD_COMPAT_TEXT)  codes of a COLUMN_DICT whose values contain a text, ASCII
 *                 letters taken as lower case. A trigram is three bytes in a row, the first
 *                 the most significant; a token a longest run of [A-Za-z0-9_] and bytes from
 *                 0x80 on, known by the low bits of its hash64(). Those with a digit are not
 *                 there.
 *                 0  4  bytes of the trigrams' part     4  4  bits of a token's hash
 *                 8     trigrams, then tokens: u32 bytes of the pack, u32 zero; pack of
 *                       trigrams (hashes), strictly rising; lists of codes. A key whose list is
 *                       empty may be in any value; one that is missing is in none.
 *
 * SECTION_COLUMN_BLOOM (SHARD_COMPAT_BLOOM)  filter (base/bloom.h) over hash64() of the values of
 *                 a COL_ATTR of strings, a multiple of 32 bytes. It leaves out no value.
 *
 * SECTION_TRACE_SUMMARY (SHARD_COMPAT_TRACES)  once in a shard, of no column. Six packs, each
 *                 a number for each trace in their order: the earliest start less min_start;
 *                 the latest end less the earliest start (wrapping); spans with status error;
 *                 twice the leading span's place in SECTION_TRACE_ROWS of its trace, plus 1 if
 *                 it has a parent; its start less the earliest; its code of COL_NAME. A span
 *                 without parent leads, of such or if all have one the first by start, span id,
 *                 name, service.
 *
 * SECTION_LENGTHS (SHARD_COMPAT_LENGTHS)  of no column; if there is one, one for each row group.
 *                 u8 version of the line (render/span_line.h): lengths of a version that the
 *                 reader does not make are not believed. Then the bytes of each row's line in
 *                 spans.jsonl, with its end, 0 if it is not told: the lowest byte of all rows,
 *                 then the next higher one, up to the highest that is not 0 in all (at least
 *                 one, at most four).
 *
 * SECTION_LINE_TOTALS (SHARD_COMPAT_TOTALS)  once in a shard, of no column, beside SECTION_LENGTHS.
 *                 u8 version of the line; then for each service of the footer, in its order, a u64:
 *                 the bytes of all its rows' lines together, 0 if one of them is not told.
 *
 * SECTION_STATS (SHARD_COMPAT_STATS)  once in a shard, of no column; for estimates alone.
 *                 varint n_cells (at most 1024); per cell, spans of one service and name, by
 *                   both: varint place of the service in the footer; u8 1: of all its names;
 *                   str name (empty then); varint rows, errors; then four times (its
 *                   rows by duration, by duration of the trace, by spans of the trace, by
 *                   children, all as far as they are in this shard) varint n; n times: varint
 *                   bucket less the one before, varint rows. Buckets are on a logarithmic
 *                   scale: 0 is 0, else 1 + 4 * log2 + the two bits below the highest
 *                 per column of the footer, in its order:
 *                   varint average bytes of a value
 *                   varint n_bounds (0, or 2 to 257); if not 0: u64 the first, then varint each
 *                     less the one before: equally many values lie between any two
 *                   varint n; n times: varint register less the one before (the first: from 0),
 *                     u8 rank: a HyperLogLog sketch of 1024 registers over hash64() of bytes
 *                     or hash_u64() of images; n = 0: the footer's top values are all
 *                   per top value that the footer cuts: u64 hash64() of the whole, str more of it
 *                   varint n_samples (at most 16); str each: texts of any rows, cut
 *                   varint n; n times, of cells that have values: varint cell less the one
 *                     before, varint n_present, n_distinct (estimate); if COLUMN_INT: varint
 *                     min less the column's (COL_PARENT: 1 for any parent, 0 for none), varint
 *                     max less min; varint n_top (at most 4), each: varint rows, varint k + 1
 *                     for the column's top value k, or 0 and a packed value
 *
 * lists: for each of n keys strictly rising numbers
 *   0  4  n      4  4  n_sets      8  4  bytes of pack of ends     12  4  of pack of numbers
 *  16  4  bytes of sets           20  4  zero
 *  24     pack of ends per key; pack of numbers
 *         n_sets times: u32 key (rising), u32 numbers, u32 offset, u32 bytes
 *         the sets, end to end, in the portable Roaring format; padded to 8
 *   A key that has a set has no packed number.
 *
 * pack: n unsigned 64-bit numbers in blocks of PACK_BLOCK
 *   0  4  n      4  4  zero
 *   8     per block 24 bytes: u64 base, u64 max, u32 offset of its data (from the end of the
 *         directory), u8 width (0..64 bits), u8 mode, u16 zero
 *         then the data, LSB first, each block at a byte boundary; then 8 zero bytes
 *   PACK_FOR: value = base + bits; base is the block's minimum.
 *   PACK_DELTA: the block never falls; value[0] = base, value[i] = value[i-1] + bits[i-1].
 *   base and max are the zone of the block in both modes. Total padded to a multiple of 8.
 */
#ifndef SHARD_SHARD_FORMAT_H
#define SHARD_SHARD_FORMAT_H

#define SHARD_MAGIC "SPANFSSH"
#define SHARD_END_MAGIC "SPANFSND"
#define SHARD_VERSION 1
#define SHARD_HEADER_BYTES 32
#define SHARD_TRAILER_BYTES 40
#define SHARD_ROOT_BYTES (SHARD_HEADER_BYTES + SHARD_TRAILER_BYTES)
#define SHARD_INCOMPAT_KNOWN 0u		/* feature bits that this code can read */
#define SHARD_COMPAT_POSTINGS 1u	/* there may be SECTION_POSTINGS */
#define SHARD_COMPAT_TEXT 2u		/* there may be SECTION_TEXT */
#define SHARD_COMPAT_TRACES 4u		/* there may be SECTION_TRACE_SUMMARY */
#define SHARD_COMPAT_STATS 8u		/* there may be SECTION_STATS */
#define SHARD_COMPAT_BLOOM 16u		/* there may be SECTION_COLUMN_BLOOM */
#define SHARD_COMPAT_SHOWN 32u		/* COL_REST has no key that field_of_key() knows */
#define SHARD_COMPAT_LENGTHS 64u	/* there may be SECTION_LENGTHS */
#define SHARD_COMPAT_TOTALS 128u	/* there may be SECTION_LINE_TOTALS */
#define SHARD_COMPAT_SINGLE 256u	/* no two spans of a trace here bear one span id */
#define SHARD_COMPAT_KNOWN (SHARD_COMPAT_POSTINGS | SHARD_COMPAT_TEXT | SHARD_COMPAT_TRACES | \
	SHARD_COMPAT_STATS | SHARD_COMPAT_BLOOM | SHARD_COMPAT_SHOWN | SHARD_COMPAT_LENGTHS | \
	SHARD_COMPAT_TOTALS | SHARD_COMPAT_SINGLE)
#define SHARD_MAX_CHILDREN (1u << 25)	/* events of one shard; links alike */

#define PACK_BLOCK 256
#define PACK_FOR 0
#define PACK_DELTA 1
#define PACK_DIR_BYTES 24

enum column_id {	/* on disk: do not renumber */
	/* spans */
	COL_TRACE = 0,		/* INT: ordinal in the trace table */
	COL_SPAN_ID = 1,	/* INT */
	/*
	 * INT: 0 no parent; 1 the parent is not in this shard, its id is in COL_PARENT_ID;
	 * k + 2: the parent is the k-th row of this trace in SECTION_TRACE_ROWS (then no COL_PARENT_ID)
	 */
	COL_PARENT = 2,
	COL_PARENT_ID = 3,	/* INT, sparse */
	COL_START = 4,		/* INT: ns */
	COL_DURATION = 5,	/* INT: image of (int64_t)(end - start), wrapping */
	COL_KIND = 6,		/* INT: image of the int32 */
	COL_STATUS = 7,		/* INT: image of the int32 */
	COL_NAME = 8,		/* DICT */
	COL_STATUS_MESSAGE = 9,	/* DICT or BYTES; sparse: not stored where empty, as all below */
	COL_TRACE_STATE = 10,	/* DICT or BYTES */
	COL_FLAGS = 11,		/* INT */
	COL_RESOURCE = 12,	/* INT: index in SECTION_RESOURCES; never sparse */
	COL_SCOPE = 13,		/* INT: index in SECTION_SCOPES; never sparse */
	COL_DROPPED_ATTRS = 14, COL_DROPPED_EVENTS = 15, COL_DROPPED_LINKS = 16,	/* INT */
	COL_N_EVENTS = 17, COL_N_LINKS = 18,	/* INT: how many, where not 0 */
	COL_REST = 19,		/* BYTES or DICT: packed MAP content of attributes without a column */
	/* events */
	COL_EVENT_TIME = 32,	/* INT: image of (int64_t)(time - start of the span), wrapping */
	COL_EVENT_NAME = 33,	/* DICT */
	COL_EVENT_DROPPED = 34,
	COL_EVENT_REST = 35,
	/* links */
	COL_LINK_TRACE_ID = 48,	/* DICT or BYTES: 16 bytes */
	COL_LINK_SPAN_ID = 49,	/* INT */
	COL_LINK_TRACE_STATE = 50,
	COL_LINK_DROPPED = 51,
	COL_LINK_FLAGS = 52,
	COL_LINK_REST = 53,
	COL_ATTR = 255,		/* an attribute of span, event or link: scope, key and type beside it */
};

enum column_domain { DOMAIN_SPAN = 0, DOMAIN_EVENT = 1, DOMAIN_LINK = 2 };
/*
 * INT: 64-bit numbers (attributes: INT image of the int64, DOUBLE image of the double, BOOL 0
 * or 1, EMPTY 0). DICT: codes into SECTION_DICT. BYTES: byte strings in place. Strings,
 * bytes, arrays and maps (their packed content) are DICT or BYTES as the writer sees fit.
 */
enum column_kind { COLUMN_INT = 0, COLUMN_DICT = 1, COLUMN_BYTES = 2 };
enum attr_scope { ATTR_SPAN = 1, ATTR_EVENT = 2, ATTR_LINK = 3 };
enum section_kind {
	SECTION_CHUNK = 1, SECTION_DICT = 2, SECTION_RESOURCES = 3, SECTION_SCOPES = 4,
	SECTION_TRACE_IDS = 5, SECTION_TRACE_ROWS = 6, SECTION_BLOOM = 7,
	SECTION_POSTINGS = 8, SECTION_TEXT = 9,
	SECTION_TRACE_SUMMARY = 10,
	SECTION_STATS = 11,
	SECTION_COLUMN_BLOOM = 12,
	SECTION_LENGTHS = 13,
	SECTION_LINE_TOTALS = 14,
	SECTION_LAST = SECTION_LINE_TOTALS,	/* kinds above are not known */
};
enum section_codec { CODEC_NONE = 0, CODEC_ZSTD = 1 };
enum chunk_presence { PRESENT_ALL = 0, PRESENT_BITMAP = 1, PRESENT_LIST = 2 };
enum chunk_encoding { ENC_CONST = 1, ENC_PACK = 2, ENC_RLE = 3, ENC_RAW64 = 4, ENC_BYTES = 5 };

/* The most frequent values that a footer names of a column, as a rule. */
#define SHARD_TOP_VALUES 16
#define SHARD_TOP_BYTES 64	/* longer top values are cut (arrays and maps: left out) */

#endif
