/* SPDX-License-Identifier: ISC */
/*
 * shard_check: every byte of a shard file. Opening it checks header, trailer and footer;
 * here each gap must be zeros, each section must load; then what sections and footer say of
 * each other must be true. It goes on after a finding wherever that makes sense.
 */
#include "check/check.h"

#include "shard_check_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "shard/shard_stats.h"

#define CHECK_CACHE_BYTES (64u << 20)
#define GAP_BYTES 4096

/* ---- gaps ---- */

static int
check_gap(struct check *k, uint64_t from, uint64_t to)
{
	char b[GAP_BYTES];
	int rc;

	if (to - from >= 8)
		check_report(k, (int64_t)from, "%llu bytes of no section",
		    (unsigned long long)(to - from));
	while (from < to) {
		size_t n = to - from < sizeof b ? (size_t)(to - from) : sizeof b;

		if ((rc = k->s->fs->ops->pread(k->s->file, b, n, from, k->e)) != 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			if (b[i] != 0) {
				check_report(k, (int64_t)(from + i),
				    "a byte between sections is not zero");
				return 0;
			}
		from += n;
	}
	return 0;
}

static int
off_cmp(const void *pa, const void *pb)
{
	const struct section *const *a = pa, *const *b = pb;

	return ((*a)->off > (*b)->off) - ((*a)->off < (*b)->off);
}

static int
check_gaps(struct check *k)
{
	const struct shard *s = k->s;
	const struct section **by_off = malloc(s->n_sections * sizeof *by_off);
	uint64_t at = SHARD_HEADER_BYTES;
	int rc = 0;

	if (by_off == NULL)
		return err_nomem(k->e);
	for (uint32_t i = 0; i < s->n_sections; i++)
		by_off[i] = &s->sections[i];
	qsort(by_off, s->n_sections, sizeof *by_off, off_cmp);
	for (uint32_t i = 0; i < s->n_sections && rc == 0; i++) {
		rc = check_gap(k, at, by_off[i]->off);
		at = by_off[i]->off + by_off[i]->n_stored;
	}
	free(by_off);
	return rc != 0 ? rc : check_gap(k, at, s->footer_off);
}

/* ---- sections ---- */

/* It may be false, which only makes estimates worse; but it must be readable. */
static int
check_stats(struct check *k)
{
	const struct shard_more *more;
	struct err why = ERR_INIT;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = shard_more_read(k->s, &a, &more, &why);
	arena_release(&a);
	return rc == 0 ? 0 : check_finding(k, &k->s->sections[k->s->single[SECTION_STATS]], rc,
	    &why);
}

/* The sections that no column has. */
static int
check_single(struct check *k, enum section_kind kind)
{
	const struct section *sec = &k->s->sections[k->s->single[kind]];
	const struct traceids *ids = NULL;
	const struct tracerows *rows = NULL;
	const struct resource *res;
	const struct scope *scopes;
	struct err why = ERR_INIT;
	const uint8_t *bloom;
	size_t n;
	int rc = 0;

	if (kind == SECTION_RESOURCES)
		rc = shard_resources(k->s, &res, &n, &why);
	else if (kind == SECTION_SCOPES)
		rc = shard_scopes(k->s, &scopes, &n, &why);
	else if (kind == SECTION_BLOOM)
		rc = shard_bloom(k->s, &bloom, &n, &why);
	else if (kind == SECTION_TRACE_IDS)
		rc = traceids_get(k->s, &ids, &why);
	else if (kind == SECTION_TRACE_ROWS)
		rc = tracerows_get(k->s, &rows, &why);
	traceids_put(ids);
	tracerows_put(rows);
	if (rc == 0)
		return 0;
	k->owners_lost |= kind == SECTION_RESOURCES || kind == SECTION_SCOPES;
	k->traces_lost |= kind == SECTION_TRACE_IDS || kind == SECTION_TRACE_ROWS;
	return check_finding(k, sec, rc, &why);
}

static int
check_sections(struct check *k)
{
	const struct shard_info *info = &k->s->info;
	const struct chunk *c;
	const struct dict *d;
	int rc;

	for (unsigned kind = SECTION_RESOURCES; kind <= SECTION_BLOOM; kind++)
		if ((rc = check_single(k, (enum section_kind)kind)) != 0)
			return rc;
	for (uint32_t i = 0; i < info->n_columns; i++) {
		if (info->columns[i].kind == COLUMN_DICT) {
			if ((rc = check_dict(k, &info->columns[i], &d)) != 0)
				return rc;
			dict_put(d);
		}
		for (uint32_t g = 0; g < info->n_row_groups; g++) {
			if ((rc = check_chunk(k, &info->columns[i], g, &c)) != 0)
				return rc;
			chunk_put(c);
		}
	}
	return 0;
}

static int
check_all(struct check *k)
{
	int rc;

	if ((k->lost = calloc(k->s->n_sections, sizeof *k->lost)) == NULL)
		return err_nomem(k->e);
	if ((rc = check_gaps(k)) != 0 || (rc = check_sections(k)) != 0 ||
	    (rc = check_columns(k)) != 0 || (rc = check_indexes(k)) != 0 ||
	    (rc = check_trace_summary(k)) != 0 || (rc = check_stats(k)) != 0 ||
	    (rc = check_lengths_read(k)) != 0 || (rc = check_rows(k)) != 0 ||
	    (rc = check_ids(k)) != 0)
		return rc;
	if (k->n_lost != 0)
		return 0;
	return (rc = check_line_totals(k)) != 0 ? rc : check_spans(k);
}

static void
ignore(void *arg, const char *file, int64_t off, const char *why)
{
	(void)arg;
	(void)file;
	(void)off;
	(void)why;
}

int
shard_check(struct fsys *fs, const char *path, void (*bad)(void *, const char *file,
    int64_t off, const char *why), void *arg, uint64_t *n_spans, struct err *e)
{
	struct check k = { .bad = bad != NULL ? bad : ignore, .arg = arg, .e = e };
	struct chunkcache *cache;
	struct err why = ERR_INIT;
	int rc;

	*n_spans = 0;
	if ((rc = chunkcache_new(CHECK_CACHE_BYTES, &cache, e)) != 0)
		return rc;
	if ((rc = shard_open(fs, path, cache, &k.s, &why)) == 0) {
		*n_spans = k.s->info.n_rows;
		rc = check_all(&k);
	} else if (check_is_damage(rc)) {
		k.bad(arg, path, why.off, check_reason(&why, path));
		rc = 0;
	} else
		rc = err_set(e, rc, why.off, "%s", why.msg);
	free(k.lost);
	shard_unref(k.s);
	chunkcache_free(cache);
	return rc;
}
