/* SPDX-License-Identifier: ISC */
/*
 * memtable_i: the memtable's insides, as append builds them and seal reads them.
 *
 *   memtable > mem_part (one partition) > mem_row (the fixed part of a span)
 *                                       > memcol (a sparse column under construction)
 *                                           > coldict (its distinct strings)
 *
 * Rows are numbered in order of arrival, events and links too (so a span's are consecutive).
 * Functions here return 0, ERR_NOMEM or ERR_TOOBIG without a message: memtable_append makes
 * it. `held` counts bytes of memory held, for memtable_bytes.
 */
#ifndef SEAL_MEMTABLE_I_H
#define SEAL_MEMTABLE_I_H

#include "base/limits.h"
#include "base/vec.h"
#include "model/field.h"
#include "render/span_line.h"
#include "seal/memtable.h"

/* ---- coldict.c: distinct byte strings, numbered in order of arrival ---- */

struct dict_slot {
	uint32_t hash, code1;	/* code + 1; 0: free */
};

struct coldict {
	char *heap;
	size_t heap_cap;
	uint32_t *offs;		/* value i is heap[offs[i], offs[i + 1]) */
	uint32_t n, cap;
	struct dict_slot *slots;
	uint32_t n_slots;	/* 0 or a power of two */
	uint32_t last;		/* code of the last put: the likeliest next one */
};

/* Types whose values are byte strings, held as codes; the others are numbers. */
static inline bool
value_is_bytes(enum value_type t)
{
	return t == VAL_STRING || t >= VAL_BYTES;
}

int coldict_put(struct coldict *, struct sv, uint32_t *code, size_t *held) WARN_UNUSED;
void coldict_release(struct coldict *);

static inline size_t
coldict_bytes(const struct coldict *d)
{
	return d->n == 0 ? 0 : d->offs[d->n];
}

static inline struct sv
coldict_at(const struct coldict *d, uint32_t code)
{
	return sv_new(d->heap + d->offs[code], d->offs[code + 1] - d->offs[code]);
}

/* ---- memcol.c: columns ---- */

struct memcol {
	enum column_id id;
	enum attr_scope scope;
	enum column_domain domain;
	enum value_type type;
	bool strings;		/* codes and dict, else nums */
	uint32_t hash;		/* of scope, key and type */
	struct sv key;
	uint32_t n, cap;
	uint32_t *rows;		/* rising */
	uint64_t *nums;
	uint32_t *codes;
	struct coldict dict;
};

int memcol_num(struct memcol *, uint32_t row, uint64_t, size_t *held) WARN_UNUSED;
int memcol_str(struct memcol *, uint32_t row, struct sv, size_t *held) WARN_UNUSED;
int memcol_value(struct memcol *, uint32_t row, const struct value *, size_t *held) WARN_UNUSED;
void memcol_release(struct memcol *);
/* Attributes by scope, key bytes, type. */
int memcol_cmp(const struct memcol *, const struct memcol *);

/* The attribute columns of a part, found by scope, key and type. */
struct colset {
	struct memcol *v;
	uint32_t n, cap;
	uint32_t *slots;	/* index + 1; 0: free */
	uint32_t n_slots;
	struct arena keys;
};
#define COL_NONE UINT32_MAX
/* More than a shard may have: which ones are rare is known when it is sealed (rest_write.c). */
#define MEM_COLUMNS (4 * LIMIT_SHARD_COLUMNS)

/* A key that files show: its values have a column however rare they are. */
bool column_is_kept(enum attr_scope, struct sv key);
/* Index of the column, made if there is room for it; COL_NONE: the value belongs to REST. */
int colset_find(struct colset *, enum attr_scope, struct sv key, enum value_type,
    uint32_t *out, size_t *held) WARN_UNUSED;
void colset_release(struct colset *);

static inline bool
memcol_is(const struct memcol *c, enum attr_scope scope, struct sv key, enum value_type type)
{
	return c->key.n == key.n && c->type == type && c->scope == scope &&
	    memcmp(c->key.p, key.p, key.n) == 0;
}

/* ---- owners.c: resources and scopes of the whole memtable ---- */

#define OWNER_CACHE 256

struct owner_cache {
	const void *owner;
	uint64_t epoch;
	uint32_t id;
};

struct owners {
	struct coldict resources, scopes;	/* in the form of their section's entries */
	struct coldict services;
	uint32_t *service_of;			/* resource to service */
	uint32_t service_cap;
	uint64_t epoch;				/* of memtable_batch; 0: pointers mean nothing */
	struct owner_cache rcache[OWNER_CACHE], scache[OWNER_CACHE];
	struct buf attrs, packed;		/* scratch */
};

int owners_resource(struct owners *, const struct resource *, uint32_t *id, size_t *held)
    WARN_UNUSED;
int owners_scope(struct owners *, const struct scope *, uint32_t *id, size_t *held) WARN_UNUSED;
void owners_release(struct owners *);

/* ---- idset.c: trace ids, and which spans are here ---- */

struct idset {
	struct trace_id *traces;
	uint32_t n_traces, trace_cap;
	uint32_t *trace_slots;		/* ordinal + 1; 0: free */
	uint32_t n_trace_slots;
	uint32_t *span_slots;		/* row + 1; 0: free */
	uint32_t n_span_slots;
	uint32_t n_twins;		/* spans that bear the id of one that came before, in its trace */
	uint32_t last;			/* the trace asked for last */
};
#define NO_TRACE UINT32_MAX
#define NO_ROW UINT32_MAX

struct mem_row {
	uint64_t span_id, parent_id, start_ns, duration_ns;	/* duration: end - start, wrapping */
	uint32_t trace, name, shape;
	uint32_t length;	/* of its line in spans.jsonl; 0: not told */
};

/* What takes few values together; without padding, since it is interned by its bytes. */
struct mem_shape {
	uint32_t resource, scope;	/* ids in owners */
	int32_t kind, status;
	uint32_t flags;
};

/* Number of a trace in the set, or NO_TRACE. */
uint32_t idset_trace(struct idset *, struct trace_id);
int idset_add_trace(struct idset *, struct trace_id, uint32_t *trace, size_t *held) WARN_UNUSED;
/* The row of a span of a trace (of twins: the last), or NO_ROW. */
uint32_t idset_span(const struct idset *, const struct mem_row *rows, uint32_t trace,
    uint64_t span_id);
/* Notes that the span rows[row] is here. */
int idset_add_span(struct idset *, const struct mem_row *rows, uint32_t row, size_t *held)
    WARN_UNUSED;
void idset_release(struct idset *);

/* ---- memtable.c ---- */

#define HINT_COLS 32
#define HINTS_MAX 1024
#define NO_HINT UINT16_MAX

/* The attribute columns of the last span (event) of a name, in order. */
struct col_hint {
	uint16_t col[HINT_COLS];
};

#define N_FIXED (COL_LINK_REST + 1)

struct mem_part {
	uint64_t partition;
	struct mem_part *older;		/* of the same partition, full */
	struct mem_row *rows;
	uint32_t n_rows, row_cap;
	uint32_t n_events, n_links;
	struct idset ids;
	struct coldict names, shapes;
	struct memcol *fixed[N_FIXED];	/* sparse ones, NULL until a value comes */
	struct colset cols;
	struct col_hint *hints;
	uint32_t n_hints;		/* 0 or a power of two */
	uint64_t value_bytes;		/* of strings appended, about */
};

struct memtable {
	struct shard_options opts;
	uint64_t now_ns;
	struct mem_part **parts;
	uint32_t n_parts, part_cap;
	uint32_t *part_slots;		/* newest part of a partition: index + 1 */
	uint32_t n_part_slots;
	struct mem_part *last;
	struct owners owners;
	struct buf rest;		/* scratch */
	struct render render;		/* for lengths of lines */
	struct buf line;		/* scratch */
	uint64_t n_rows;
	size_t held;
};

static inline const struct mem_shape *
mem_shape(const struct mem_part *p, const struct mem_row *r)
{
	return (const struct mem_shape *)(const void *)p->shapes.heap + r->shape;
}

/* lengths_write.c: how long the span's line is; 0 of one whose values are enormous. */
int mem_measure(struct memtable *, const struct span *, uint64_t value_bytes, uint32_t *out)
    WARN_UNUSED;

/* Grows an array of `size`-byte elements to hold `need`. */
int mem_grow(void *pv, uint32_t *cap, size_t need, size_t size, size_t *held) WARN_UNUSED;

/* One entry of a packed MAP's content. */
static inline void
buf_attr(struct buf *b, const struct attr *a)
{
	buf_varint(b, a->key.n);
	buf_sv(b, a->key);
	value_pack(b, &a->val);
}

#endif
