/* SPDX-License-Identifier: ISC */
/*
 * footer_sections: the footer's list of sections. Checks that each lies between header and
 * footer, 8-aligned, and touches no other; that each stands once; that what has to be there
 * is; and that the chunks' numbers of values add up to their columns'. Puts them in the order
 * that lookups want (shard_i.h). Sections of unknown kinds stay in the list, last, unused.
 */
#include "footer_read_i.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"

#define TABLE_FREE 4096		/* cells of chunk_at that any shard may have, */
#define TABLE_SPARSE 8		/* and that each section allows */
#define SECTION_MIN_BYTES 15	/* of an entry in the footer */
#define KINDS 256

static bool
of_column(unsigned k)
{
	return k == SECTION_CHUNK || k == SECTION_DICT || k == SECTION_POSTINGS ||
	    k == SECTION_TEXT || k == SECTION_COLUMN_BLOOM;
}

/* Features say which kinds there can be beside those that every shard has. */
static bool
kind_ok(const struct shard *s, unsigned k)
{
	if (k == SECTION_POSTINGS)
		return (s->compat & SHARD_COMPAT_POSTINGS) != 0;
	if (k == SECTION_TEXT)
		return (s->compat & SHARD_COMPAT_TEXT) != 0;
	if (k == SECTION_COLUMN_BLOOM)
		return (s->compat & SHARD_COMPAT_BLOOM) != 0;
	if (k == SECTION_TRACE_SUMMARY)
		return (s->compat & SHARD_COMPAT_TRACES) != 0;
	if (k == SECTION_STATS)
		return (s->compat & SHARD_COMPAT_STATS) != 0;
	if (k == SECTION_LENGTHS)
		return (s->compat & SHARD_COMPAT_LENGTHS) != 0;
	if (k == SECTION_LINE_TOTALS)
		return (s->compat & SHARD_COMPAT_TOTALS) != 0;
	return k >= SECTION_CHUNK && (k <= SECTION_BLOOM || (s->compat & ~SHARD_COMPAT_KNOWN) != 0);
}

static bool
of_row_group(unsigned k)
{
	return k == SECTION_CHUNK || k == SECTION_LENGTHS;
}

/* What an index needs of its column. */
static bool
index_fits(const struct footer *f, unsigned kind, uint64_t column)
{
	const struct column *c;

	if (kind != SECTION_TEXT && kind != SECTION_COLUMN_BLOOM)
		return true;
	c = &f->columns[column - 1];
	return kind == SECTION_TEXT ? c->kind == COLUMN_DICT :
	    c->id == COL_ATTR && c->type == VAL_STRING;
}

static int
read_zone(struct footer *f, struct section *x)
{
	uint64_t n = cursor_varint(&f->c);
	const struct row_group *g = &f->s->info.row_groups[x->row_group];
	const struct column *col = &f->s->info.columns[x->column];

	x->zone.min = cursor_u64(&f->c);
	x->zone.max = cursor_u64(&f->c);
	if (f->c.bad || n == 0 || n > domain_rows(g, col->domain) ||
	    x->zone.min > x->zone.max)
		return footer_bad(f, "zone of a chunk");
	x->zone.n_present = (uint32_t)n;
	return 0;
}

static int
read_section(struct footer *f, struct section *x)
{
	uint8_t kind = cursor_u8(&f->c), codec = cursor_u8(&f->c);
	uint64_t column = cursor_varint(&f->c), group = cursor_varint(&f->c);
	uint64_t off = cursor_varint(&f->c), stored = cursor_varint(&f->c);
	uint64_t raw = cursor_varint(&f->c), hash = cursor_u64(&f->c);

	if (f->c.bad || !kind_ok(f->s, kind) || (kind <= SECTION_LAST && codec > CODEC_ZSTD))
		return footer_bad(f, "malformed section");
	if (kind <= SECTION_LAST && (of_column(kind) != (column != 0) ||
	    column > f->s->info.n_columns ||
	    group >= (of_row_group(kind) ? f->s->info.n_row_groups : 1) ||
	    !index_fits(f, kind, column)))
		return footer_bad(f, "section of no column or row group");
	if (raw == 0 || raw > LIMIT_SECTION_BYTES || stored == 0 || stored > raw ||
	    (codec == CODEC_NONE && stored != raw && kind <= SECTION_LAST))
		return footer_bad(f, "size of a section");
	if (off % 8 != 0 || off < SHARD_HEADER_BYTES || off > f->s->footer_off ||
	    stored > f->s->footer_off - off)
		return footer_bad(f, "section outside the file");
	*x = (struct section){
		.kind = kind, .codec = codec, .row_group = (uint32_t)group,
		.column = column == 0 || kind > SECTION_LAST ? NO_COLUMN : (uint32_t)column - 1,
		.n_stored = (uint32_t)stored, .n_raw = (uint32_t)raw, .off = off, .hash = hash,
	};
	return kind == SECTION_CHUNK ? read_zone(f, x) : 0;
}

/* Chunks first, by row group and column; then the others. */
static int
section_cmp(const void *pa, const void *pb)
{
	const struct section *a = pa, *b = pb;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->row_group != b->row_group)
		return a->row_group < b->row_group ? -1 : 1;
	return (a->column > b->column) - (a->column < b->column);
}

/* Places in that order as far as kind and row group go. */
static uint32_t
bucket_of(const struct shard *s, const struct section *x)
{
	return x->kind == SECTION_CHUNK ? x->row_group : s->info.n_row_groups + x->kind;
}

/*
 * The n sections, which writers list column by column, into s->sections in that order: one
 * stable pass, after which there is nothing left to sort.
 */
static int
put_in_order(struct footer *f, const struct section *v, uint32_t n)
{
	struct shard *s = f->s;
	uint32_t *at = calloc((size_t)s->info.n_row_groups + KINDS, sizeof *at), sum = 0;

	if (at == NULL)
		return err_nomem(f->e);
	for (uint32_t i = 0; i < n; i++)
		at[bucket_of(s, &v[i])]++;
	for (uint32_t b = 0; b < s->info.n_row_groups + KINDS; b++) {
		uint32_t m = at[b];

		at[b] = sum;
		sum += m;
	}
	for (uint32_t i = 0; i < n; i++)
		s->sections[at[bucket_of(s, &v[i])]++] = v[i];
	free(at);
	for (uint32_t i = 1; i < n; i++)
		if (section_cmp(&s->sections[i - 1], &s->sections[i]) > 0) {
			qsort(s->sections, n, sizeof *s->sections, section_cmp);
			break;
		}
	return 0;
}

static int
off_cmp(const void *pa, const void *pb)
{
	const struct section *const *a = pa, *const *b = pb;

	return ((*a)->off > (*b)->off) - ((*a)->off < (*b)->off);
}

/* In the order that they are listed in, nearly always. */
static bool
rising_apart(const struct section *v, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (v[i].off < v[i - 1].off + v[i - 1].n_stored)
			return false;
	return true;
}

static int
check_apart(struct footer *f)
{
	const struct shard *s = f->s;
	const struct section **by_off = malloc(s->n_sections * sizeof *by_off);
	int rc = 0;

	if (by_off == NULL)
		return err_nomem(f->e);
	for (uint32_t i = 0; i < s->n_sections; i++)
		by_off[i] = &s->sections[i];
	qsort(by_off, s->n_sections, sizeof *by_off, off_cmp);
	for (uint32_t i = 1; i < s->n_sections && rc == 0; i++)
		if (by_off[i]->off - by_off[i - 1]->off < by_off[i - 1]->n_stored)
			rc = footer_bad(f, "sections overlap");
	free(by_off);
	return rc;
}

/* Where chunks, dictionaries and the single sections are. */
static int
index_sections(struct footer *f)
{
	struct shard *s = f->s;
	uint32_t g = 0, n_lengths = 0;

	for (uint32_t i = 0; i < s->n_sections; i++) {
		const struct section *x = &s->sections[i];

		if (x->kind > SECTION_LAST)
			break;
		if (i > 0 && section_cmp(x - 1, x) == 0)
			return footer_bad(f, "section stands twice");
		if (x->kind == SECTION_CHUNK) {
			while (g < x->row_group)
				s->chunk_from[++g] = i;
			s->n_chunks = i + 1;
			if (s->chunk_at != NULL)
				s->chunk_at[(size_t)g * s->info.n_columns + x->column] =
				    (uint16_t)(i - s->chunk_from[g] + 1);
		} else if (x->kind == SECTION_DICT)
			s->dict_section[x->column] = i;
		else if (x->kind == SECTION_POSTINGS)
			s->postings_section[x->column] = i;
		else if (x->kind == SECTION_TEXT)
			s->text_section[x->column] = i;
		else if (x->kind == SECTION_COLUMN_BLOOM)
			s->bloom_section[x->column] = i;
		else if (s->single[x->kind] == NO_SECTION)
			s->single[x->kind] = i;	/* of lengths: that of row group 0 */
		n_lengths += x->kind == SECTION_LENGTHS;
	}
	while (g < s->info.n_row_groups)
		s->chunk_from[++g] = s->n_chunks;
	if (n_lengths != 0 && n_lengths != s->info.n_row_groups)
		return footer_bad(f, "lengths of some row groups");
	for (unsigned k = SECTION_RESOURCES; k <= SECTION_BLOOM; k++)
		if (s->single[k] == NO_SECTION)
			return footer_bad(f, "section is missing");
	return 0;
}

static int
add_up(struct footer *f)
{
	struct shard *s = f->s;
	uint64_t *n = calloc(s->info.n_columns, sizeof *n);
	int rc = 0;

	if (n == NULL)
		return err_nomem(f->e);
	for (uint32_t i = 0; i < s->n_sections; i++) {
		const struct section *x = &s->sections[i];

		if (x->column == NO_COLUMN)
			continue;
		if (x->kind == SECTION_POSTINGS)
			f->columns[x->column].postings_bytes = x->n_stored;
		else if (x->kind == SECTION_TEXT)
			f->columns[x->column].text_bytes = x->n_stored;
		else if (x->kind == SECTION_COLUMN_BLOOM)
			f->columns[x->column].bloom_bytes = x->n_raw;
		else
			f->columns[x->column].n_bytes += x->n_stored;
		if (x->kind == SECTION_DICT)
			f->columns[x->column].dict_bytes = x->n_stored;
		n[x->column] += x->zone.n_present;
	}
	for (uint32_t i = 0; i < s->info.n_columns && rc == 0; i++) {
		const struct column *c = &f->columns[i];

		if (n[i] != c->n_present)
			rc = footer_bad(f, "chunks of a column do not add up");
		else if ((c->kind == COLUMN_DICT) != (s->dict_section[i] != NO_SECTION))
			rc = footer_bad(f, "dictionary of a column");
	}
	free(n);
	return rc;
}

/* A row group with events has a chunk that says whose they are; links alike. */
static int
check_children(struct footer *f, enum column_id id)
{
	const struct shard *s = f->s;

	for (uint32_t g = 0; g < s->info.n_row_groups; g++) {
		const struct row_group *rg = &s->info.row_groups[g];
		bool some = (id == COL_N_EVENTS ? rg->n_events : rg->n_links) != 0;

		if (some != (s->fixed[id] != NO_COLUMN &&
		    shard_chunk_section(s, s->fixed[id], g) != NULL))
			return footer_bad(f, "events or links of no span");
	}
	return 0;
}

static int
take_memory(struct footer *f, uint32_t n)
{
	struct shard *s = f->s;
	size_t cells = (size_t)s->info.n_row_groups * s->info.n_columns;

	static_assert(LIMIT_SHARD_COLUMNS + N_FIXED_IDS < UINT16_MAX, "places in chunk_at");
	s->sections = arena_array(&s->arena, n, struct section);
	s->slots = arena_array(&s->arena, n, struct cache_slot);
	s->chunk_from = arena_array(&s->arena, (size_t)s->info.n_row_groups + 1, uint32_t);
	s->dict_section = arena_array(&s->arena, s->info.n_columns, uint32_t);
	s->postings_section = arena_array(&s->arena, s->info.n_columns, uint32_t);
	s->text_section = arena_array(&s->arena, s->info.n_columns, uint32_t);
	s->bloom_section = arena_array(&s->arena, s->info.n_columns, uint32_t);
	if (cells <= TABLE_FREE + (size_t)n * TABLE_SPARSE &&
	    (s->chunk_at = arena_array(&s->arena, cells, uint16_t)) == NULL)
		return err_nomem(f->e);
	if (s->sections == NULL || s->slots == NULL || s->chunk_from == NULL ||
	    s->dict_section == NULL || s->postings_section == NULL ||
	    s->text_section == NULL || s->bloom_section == NULL)
		return err_nomem(f->e);
	for (uint32_t i = 0; i < n; i++)
		cache_slot_init(&s->slots[i]);
	for (uint32_t i = 0; i < s->info.n_columns; i++)
		s->dict_section[i] = s->postings_section[i] = s->text_section[i] =
		    s->bloom_section[i] = NO_SECTION;
	s->n_sections = n;
	return 0;
}

static int
read_sections(struct footer *f, uint32_t n, bool *apart)
{
	struct section *v = malloc(((size_t)n + 1) * sizeof *v);
	int rc = v == NULL ? err_nomem(f->e) : 0;

	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = read_section(f, &v[i]);
	if (rc == 0) {
		*apart = rising_apart(v, n);
		rc = put_in_order(f, v, n);
	}
	free(v);
	return rc;
}

int
footer_sections(struct footer *f)
{
	bool apart = false;
	uint32_t n = 0;
	int rc;

	if ((rc = footer_count(f, "number of sections", SECTION_MIN_BYTES, UINT32_MAX - 1,
	    &n)) != 0 || (rc = take_memory(f, n)) != 0 ||
	    (rc = read_sections(f, n, &apart)) != 0)
		return rc;
	if ((rc = index_sections(f)) != 0 || (!apart && (rc = check_apart(f)) != 0) ||
	    (rc = add_up(f)) != 0 || (rc = check_children(f, COL_N_EVENTS)) != 0)
		return rc;
	return check_children(f, COL_N_LINKS);
}
