/* SPDX-License-Identifier: ISC */
/*
 * catalog_begun: in which partitions a writer makes files that no catalog lists yet. WRITING names
 * them before the first such file is made, so that after a writer that was killed the next one
 * looks there, and not through all of the store. What a commit took needs no name any more:
 * the next list is of what comes then, and of what failed before.
 *
 *   spanfs writing 1 N      and N lines: the hour of a partition since 1970 + 1; 0: outside
 *
 * It is believed only beside a CATALOG that says so (struct catalog_list, swept): an older program
 * writes none, and a catalog without that word; then the whole store is looked through.
 */
#include <stdlib.h>

#include "base/search.h"
#include "manifest_i.h"

#define HEAD "spanfs writing 1 "
#define WRITING_MAX ((size_t)16 << 20)

/* ---- the list ---- */

static bool
has(const struct begun *b, uint64_t partition)
{
	size_t at = lower_bound_u64(b->v, 0, b->n, partition);

	return at < b->n && b->v[at] == partition;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
sort_once(struct begun *b)
{
	size_t n = 0;

	if (b->n != 0)
		qsort(b->v, b->n, sizeof *b->v, by_number);
	for (size_t i = 0; i < b->n; i++)
		if (n == 0 || b->v[n - 1] != b->v[i])
			b->v[n++] = b->v[i];
	b->n = n;
}

void
begun_release(struct begun *b)
{
	free(b->v);
	*b = (struct begun){ 0 };
}

/* ---- the file ---- */

/* False: it is damaged. */
static bool
parse(struct sv text, struct begun *b)
{
	struct sv line, head = SV(HEAD);
	uint64_t n, hour;

	if (!sv_cut(&text, '\n', &line) || !sv_starts(line, head) ||
	    !sv_u64(sv_sub(line, head.n, line.n), &n) || n > text.n)
		return false;
	if ((b->v = malloc(((size_t)n + 1) * sizeof *b->v)) == NULL)
		return false;
	for (; b->n < n; b->n++) {
		if (!sv_cut(&text, '\n', &line) || !sv_u64(line, &hour) ||
		    hour > UINT64_MAX / NS_PER_HOUR)
			return false;
		b->v[b->n] = hour == 0 ? PARTITION_OUTSIDE : (hour - 1) * NS_PER_HOUR;
	}
	sort_once(b);
	return text.n == 0;
}

int
begun_read(struct fsys *fs, struct begun *b, bool *told, struct err *e)
{
	struct arena a;
	struct sv text;
	int rc;

	*b = (struct begun){ 0 };
	arena_init(&a);
	rc = file_read_all(fs, WRITING_FILE, WRITING_MAX, &a, &text, e);
	*told = rc == ERR_UNKNOWN || (rc == 0 && parse(text, b));
	arena_release(&a);
	if (!*told)
		begun_release(b);
	return rc == ERR_NOMEM ? rc : 0;
}

/* It is there before any file that it tells of. */
static int
write_list(struct catalog *c, const struct begun *b, struct err *e)
{
	struct buf t = BUF_INIT;
	int rc;

	buf_printf(&t, HEAD "%zu\n", b->n);
	for (size_t i = 0; i < b->n; i++)
		buf_printf(&t, "%llu\n", b->v[i] == PARTITION_OUTSIDE ? 0 :
		    (unsigned long long)(b->v[i] / NS_PER_HOUR + 1));
	if ((rc = buf_ok(&t, e)) == 0)
		rc = c->no_sync ? catalog_replace(c, WRITING_FILE, buf_view(&t), e) :
		    file_replace(c->fs, ".", WRITING_FILE, buf_view(&t), e);
	buf_release(&t);
	return rc;
}

/* ---- the writer ---- */

/* Under the mutex. Partitions that are named already cost nothing. */
static int
announce(struct catalog *c, const uint64_t *v, size_t n, struct err *e)
{
	struct begun b = { 0 };
	size_t kept, fresh = 0;
	int rc;

	/* Without syncs a commit may be undone that this list would follow on. */
	kept = c->n_made != 0 || c->no_sync ? c->begun.n : 0;
	for (size_t i = 0; i < n; i++)
		fresh += !has(&c->begun, v[i]);
	if (fresh == 0)
		return 0;
	if ((b.v = malloc((kept + n) * sizeof *b.v)) == NULL)
		return err_nomem(e);
	if (kept != 0)
		memcpy(b.v, c->begun.v, kept * sizeof *b.v);
	memcpy(b.v + kept, v, n * sizeof *b.v);
	b.n = kept + n;
	sort_once(&b);
	if ((rc = write_list(c, &b, e)) != 0) {
		begun_release(&b);
		return rc;
	}
	begun_release(&c->begun);
	c->begun = b;
	return 0;
}

int
catalog_announce(struct catalog *c, const uint64_t *partitions, size_t n, struct err *e)
{
	int rc;

	pthread_mutex_lock(&c->begun_lock);
	rc = announce(c, partitions, n, e);
	pthread_mutex_unlock(&c->begun_lock);
	return rc;
}

int
begun_file(struct catalog *c, uint64_t partition, struct err *e)
{
	int rc;

	pthread_mutex_lock(&c->begun_lock);
	if ((rc = announce(c, &partition, 1, e)) == 0)
		c->n_made++;
	pthread_mutex_unlock(&c->begun_lock);
	return rc;
}

void
begun_committed(struct catalog *c, size_t n)
{
	pthread_mutex_lock(&c->begun_lock);
	c->n_made -= n < c->n_made ? n : c->n_made;
	pthread_mutex_unlock(&c->begun_lock);
}

void
begun_swept(struct catalog *c, struct begun *b)
{
	pthread_mutex_lock(&c->begun_lock);
	begun_release(&c->begun);
	c->begun = *b;
	c->n_made = 0;
	c->swept = true;
	pthread_mutex_unlock(&c->begun_lock);
}
