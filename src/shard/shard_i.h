/* SPDX-License-Identifier: ISC */
/*
 * shard_i: the inside of struct shard, shared by the readers of this folder: footer_read fills
 * it, section reads bytes, chunk, dict, traceids, tracerows and tables make
 * objects of them.
 */
#ifndef SHARD_SHARD_I_H
#define SHARD_SHARD_I_H

#include <stdatomic.h>

#include "chunkcache_i.h"
#include "shard/chunk.h"
#include "shard/shard.h"

#define NO_SECTION UINT32_MAX
#define NO_COLUMN UINT32_MAX
#define N_FIXED_IDS COL_ATTR
#define ATTRS_FOUND 16		/* a power of two */

struct section {
	unsigned kind;			/* enum section_kind, or one that is not known here */
	uint8_t codec;
	uint32_t column, row_group;	/* NO_COLUMN */
	uint32_t n_stored, n_raw;
	uint64_t off, hash;
	struct zone zone;		/* SECTION_CHUNK */
};

/* Resources, scopes or the bloom filter: made once, kept until the shard goes. */
#define TABLE_KEY_BITS 1024
struct table {
	struct arena arena;
	void *raw;			/* what items borrow */
	const void *items;
	size_t n;
	uint64_t keys[TABLE_KEY_BITS / 64];	/* of resources: a bit for each key's hash */
};

struct shard {
	_Atomic uint32_t refs;
	struct fsys *fs;
	struct file *file;
	struct chunkcache *cache;
	struct shard_info info;
	uint64_t footer_off;
	void *footer;			/* raw bytes: keys and names point into it */
	struct arena arena;		/* tables made of it */
	/*
	 * Chunks first, by row group and column; those of row group g are
	 * [chunk_from[g], chunk_from[g + 1]). Then the others, by kind and column.
	 */
	struct section *sections;
	uint32_t n_sections, n_chunks;
	uint32_t *chunk_from;
	/*
	 * By row group, then column: 1 + the place of its chunk in the row group, 0: none. NULL
	 * where most would be 0: then chunks are searched for.
	 */
	uint16_t *chunk_at;
	struct cache_slot *slots;	/* one a section */
	uint32_t compat;		/* feature bits of the header */
	uint32_t *dict_section;		/* per column, or NO_SECTION */
	uint32_t *postings_section, *text_section, *bloom_section;	/* alike */
	uint32_t single[SECTION_LAST + 1];	/* the section of a kind that stands once */
	uint32_t fixed[N_FIXED_IDS];	/* column index of a fixed id, or NO_COLUMN */
	_Atomic uint32_t attrs_found[ATTRS_FOUND];	/* shard_attr: 1 + where a key began, by its hash */
	pthread_mutex_t lock;		/* guards `making` */
	pthread_cond_t made;
	unsigned making;		/* a bit for each table that a thread is at */
	_Atomic(struct table *) tables[SECTION_BLOOM + 1];
};

/*
 * The steps of a chunk's pack: there is room for them from the start, and they are made when single
 * values are looked up for the second time; a scan that passes by has no use for them.
 */
enum steps_state { STEPS_NEW, STEPS_ASKED, STEPS_MAKING, STEPS_MADE };
struct chunk_steps {
	_Atomic int state;		/* an enum steps_state */
	uint64_t v[];
};

/* What a fixed column must look like. */
struct column_rule {
	const char *name;		/* for messages; NULL: no such id */
	enum column_domain domain;
	bool text;			/* DICT or BYTES; else INT */
	bool dense;			/* every row has a value */
	enum value_type type;
	uint64_t lo, hi;		/* of every value, if INT */
	uint32_t exactly;		/* bytes of every value, if not 0 */
};
const struct column_rule *column_rule(enum column_id);
uint32_t domain_rows(const struct row_group *, enum column_domain);
/* "span.http.route" for messages. */
void column_name(const struct column *, char *buf, size_t n);

/* footer_read.c: parses and checks s->footer, n bytes, of a file whose sections end at footer_off. */
int footer_read(struct shard *, size_t n, struct err *) WARN_UNUSED;

/* section.c */
/* ERR_CORRUPT about the file at an offset: "FILE: ...". */
int shard_bad(const struct shard *, struct err *, uint64_t off, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same about byte `at` of a section: names it, and its place in the file. */
int section_bad(const struct shard *, const struct section *, struct err *, int64_t at,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/*
 * Reads, checks and decompresses a section into fresh memory: `head` bytes for the caller
 * (a multiple of 16), the raw bytes, 16-aligned, and at least SECTION_SLACK zeros.
 */
int section_read(struct shard *, const struct section *, size_t head, void **out,
    struct err *) WARN_UNUSED;
#define SECTION_SLACK 16
const struct section *shard_chunk_section(const struct shard *, uint32_t column,
    uint32_t row_group);

static inline struct cache_slot *
section_slot(const struct shard *s, const struct section *sec)
{
	return &s->slots[sec - s->sections];
}

static inline void
count_cached(const struct section *sec)
{
	read_counters.n_cached++;
	read_counters.decoded_bytes += sec->n_raw;
}

/*
 * The object of a section: from its slot, or made by `make`, which reads the section and
 * returns the object and the bytes it takes. Pinned.
 */
typedef int section_make(struct shard *, const struct section *, void *arg,
    struct cached **out, size_t *bytes, struct err *);
int section_get(struct shard *, const struct section *, section_make *, void *arg,
    struct cached **out, struct err *) WARN_UNUSED;

/* lengths.c: the section of a row group, where there are any. */
static inline const struct section *
lengths_section(const struct shard *s, uint32_t row_group)
{
	return &s->sections[s->single[SECTION_LENGTHS] + row_group];
}

void tables_free(struct shard *);

/* chunk_load.c, also for dictionaries: */
/* The n + 1 offsets of n strings that fill n_bytes; -1 if the pack of ends does not say that. */
int load_ends(const struct pack *, uint64_t n_bytes, uint32_t *offs) WARN_UNUSED;
/* A string of a column is what its type and rule ask for. */
bool text_ok(enum value_type, uint32_t exactly, struct sv);

#endif
