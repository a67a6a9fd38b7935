/* SPDX-License-Identifier: ISC */
/*
 * lengths: SECTION_LENGTHS of a row group and SECTION_LINE_TOTALS from bytes to numbers (layout:
 * shard_format.h). That they are true is for the check to say; a false one is a wrong size, never
 * an unsafe read.
 */
#include "shard/lengths.h"

#include "shard_i.h"

struct lengths {
	struct cached cached;
	struct shard *shard;
	struct cache_slot *pin;
	uint32_t n_rows, n_planes;
	uint64_t all;
	bool all_told;
	_Alignas(16) uint8_t raw[];
};

static void
add_up(struct lengths *l)
{
	l->all_told = true;
	for (uint32_t i = 0; i < l->n_rows; i++) {
		uint32_t v = lengths_at(l, i);

		l->all += v;
		l->all_told &= v != 0;
	}
}

static int
make(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	const struct row_group *g = &s->info.row_groups[sec->row_group];
	uint32_t n = g->row_to - g->row_from;
	struct lengths *l;
	void *p;
	int rc;

	(void)arg;
	if (n == 0 || sec->n_raw <= 1 || (sec->n_raw - 1) % n != 0 ||
	    (sec->n_raw - 1) / n > sizeof(uint32_t))
		return section_bad(s, sec, e, -1, "number of lengths");
	if ((rc = section_read(s, sec, offsetof(struct lengths, raw), &p, e)) != 0)
		return rc;
	l = p;
	l->shard = s;
	l->pin = section_slot(s, sec);
	l->n_rows = n;
	l->n_planes = (sec->n_raw - 1) / n;
	l->all = 0;
	add_up(l);
	*out = &l->cached;
	*bytes = sizeof *l + sec->n_raw + SECTION_SLACK;
	return 0;
}

bool
lengths_made(const struct shard *s)
{
	return s->single[SECTION_LENGTHS] != NO_SECTION;
}

int
lengths_get(struct shard *s, uint32_t row_group, const struct lengths **out, struct err *e)
{
	struct cached *v;
	int rc;

	*out = NULL;
	if (!lengths_made(s))
		return 0;
	rc = section_get(s, lengths_section(s, row_group), make, NULL, &v, e);
	if (rc == 0)
		*out = (const struct lengths *)(const void *)v;
	return rc;
}

void
lengths_put(const struct lengths *l)
{
	if (l != NULL)
		cache_unpin(l->shard->cache, l->pin);
}

unsigned
lengths_version(const struct lengths *l)
{
	return l->raw[0];
}

uint32_t
lengths_at(const struct lengths *l, uint32_t row)
{
	uint32_t v = 0;

	for (uint32_t i = 0; i < l->n_planes; i++)
		v |= (uint32_t)l->raw[1 + (size_t)i * l->n_rows + row] << (8 * i);
	return v;
}

bool
lengths_all(const struct lengths *l, uint64_t *n)
{
	*n = l->all;
	return l->all_told;
}

/* ---- totals ---- */

struct line_totals {
	struct cached cached;
	struct shard *shard;
	struct cache_slot *pin;
	_Alignas(16) uint8_t raw[];
};

static int
make_totals(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	struct line_totals *t;
	void *p;
	int rc;

	(void)arg;
	if (sec->n_raw != 1 + s->info.n_services * sizeof(uint64_t))
		return section_bad(s, sec, e, -1, "number of services");
	if ((rc = section_read(s, sec, offsetof(struct line_totals, raw), &p, e)) != 0)
		return rc;
	t = p;
	t->shard = s;
	t->pin = section_slot(s, sec);
	*out = &t->cached;
	*bytes = sizeof *t + sec->n_raw + SECTION_SLACK;
	return 0;
}

int
line_totals_get(struct shard *s, const struct line_totals **out, struct err *e)
{
	struct cached *v;
	int rc;

	*out = NULL;
	if (s->single[SECTION_LINE_TOTALS] == NO_SECTION)
		return 0;
	rc = section_get(s, &s->sections[s->single[SECTION_LINE_TOTALS]], make_totals, NULL, &v, e);
	if (rc == 0)
		*out = (const struct line_totals *)(const void *)v;
	return rc;
}

void
line_totals_put(const struct line_totals *t)
{
	if (t != NULL)
		cache_unpin(t->shard->cache, t->pin);
}

unsigned
line_totals_version(const struct line_totals *t)
{
	return t->raw[0];
}

uint64_t
line_totals_at(const struct line_totals *t, size_t service)
{
	uint64_t v;

	memcpy(&v, t->raw + 1 + service * sizeof v, sizeof v);
	return v;
}
