/* SPDX-License-Identifier: ISC */
/* export_record: how far an export is, see export_i.h. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/visible.h"
#include "export_i.h"

#define DIR_NAME "export"
#define FIRST_LINE "spanfs export 1"
#define MOST_BYTES (256u << 10)

struct record_place {
	struct fsys *fs;
	struct file *lock;
	struct record_key key;
	char name[48];
};

static uint64_t
key_hash(const struct record_key *k)
{
	const struct sv parts[] = { k->path, k->url, k->table.database, k->table.name };
	struct hash_stream h;

	hash_stream_init(&h);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		uint64_t n = parts[i].n;

		hash_stream_add(&h, &n, sizeof n);
		hash_stream_add(&h, parts[i].p, parts[i].n);
	}
	return hash_stream_end(&h).lo;
}

int
record_open(struct fsys *fs, const struct record_key *key, struct record_place **out, struct err *e)
{
	struct record_place *p = calloc(1, sizeof *p);
	char lock[56];
	int rc;

	if (p == NULL)
		return err_nomem(e);
	p->fs = fs;
	p->key = *key;
	snprintf(p->name, sizeof p->name, DIR_NAME "/%016llx.export",
	    (unsigned long long)key_hash(key));
	snprintf(lock, sizeof lock, "%s.lock", p->name);
	if ((rc = fs->ops->mkdir(fs, DIR_NAME, e)) == 0)
		rc = fs->ops->lock(fs, lock, &p->lock, e);
	if (rc == 0) {
		*out = p;
		return 0;
	}
	free(p);
	if (rc == ERR_BUSY)
		return err_set(e, rc, -1, "another export of this path to this table is at work");
	return err_ctx(e, rc, "an export keeps its progress in the store");
}

void
record_close(struct record_place *p)
{
	if (p == NULL)
		return;
	(void)p->fs->ops->close(p->lock, NULL);
	free(p);
}

int
record_new(struct export_record *r, struct err *e)
{
	memset(r, 0, sizeof *r);
	if (getrandom(r->job, sizeof r->job, 0) != (ssize_t)sizeof r->job)
		return err_errno(e, "random bytes");
	return 0;
}

/* ---- its text ---- */

static void
put_count(struct buf *b, const char *name, uint64_t n, struct hash128 chain)
{
	buf_printf(b, "%s %llu ", name, (unsigned long long)n);
	buf_hex64(b, chain.hi);
	buf_hex64(b, chain.lo);
	BUF_LIT(b, "\n");
}

static void
print(struct buf *b, const struct record_key *k, const struct export_record *r)
{
	BUF_LIT(b, FIRST_LINE "\npath ");
	visible_text(b, k->path, 0);
	BUF_LIT(b, "\nurl ");
	visible_text(b, k->url, 0);
	BUF_LIT(b, "\ntable ");
	visible_text(b, k->table.database, 0);
	BUF_LIT(b, " ");
	visible_text(b, k->table.name, 0);
	BUF_LIT(b, "\njob ");
	buf_hex(b, r->job, sizeof r->job);
	BUF_LIT(b, "\n");
	put_count(b, "sent", r->sent, r->sent_chain);
	put_count(b, "pending", r->pending, r->pending_chain);
	buf_printf(b, "checks %d\ndone %d\n", r->checks, r->done);
	BUF_LIT(b, "sum ");
	buf_hex64(b, hash64(b->p, b->n - 4));
	BUF_LIT(b, "\n");
}

int
record_write(struct record_place *p, const struct export_record *r, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	print(&b, &p->key, r);
	if ((rc = buf_ok(&b, e)) == 0)
		rc = file_replace(p->fs, DIR_NAME, p->name, buf_view(&b), e);
	buf_release(&b);
	return rc;
}

/* The rest of the next line behind "name ". */
static bool
next_line(struct sv *text, struct sv name, struct sv *value)
{
	struct sv line;

	if (!sv_cut(text, '\n', &line) || !sv_starts(line, name) || line.n <= name.n ||
	    line.p[name.n] != ' ')
		return false;
	*value = sv_sub(line, name.n + 1, line.n);
	return true;
}

static bool
next_count(struct sv *text, struct sv name, uint64_t *n, struct hash128 *chain)
{
	struct trace_id h;
	struct sv value, number;

	if (!next_line(text, name, &value) || !sv_cut(&value, ' ', &number) || !sv_u64(number, n) ||
	    value.n != 32 || !trace_id_parse(value, &h))
		return false;
	*chain = (struct hash128){ .lo = h.lo, .hi = h.hi };
	return true;
}

static bool
next_flag(struct sv *text, struct sv name, bool *out)
{
	struct sv value;

	if (!next_line(text, name, &value) || (!sv_is(value, "0") && !sv_is(value, "1")))
		return false;
	*out = sv_is(value, "1");
	return true;
}

static bool
parse(struct sv text, struct export_record *r)
{
	struct sv rest = text, line, value;
	struct trace_id job;
	uint64_t sum;

	if (!sv_cut(&rest, '\n', &line) || !sv_is(line, FIRST_LINE) ||
	    !next_line(&rest, SV("path"), &value))
		return false;
	if (!next_line(&rest, SV("url"), &value) || !next_line(&rest, SV("table"), &value) ||
	    !next_line(&rest, SV("job"), &value) || value.n != 32 || !trace_id_parse(value, &job))
		return false;
	trace_id_to_bytes(job, r->job);
	if (!next_count(&rest, SV("sent"), &r->sent, &r->sent_chain) ||
	    !next_count(&rest, SV("pending"), &r->pending, &r->pending_chain) ||
	    !next_flag(&rest, SV("checks"), &r->checks) || !next_flag(&rest, SV("done"), &r->done))
		return false;
	line = sv_sub(text, 0, text.n - rest.n);
	return next_line(&rest, SV("sum"), &value) && rest.n == 0 && value.n == 16 &&
	    span_id_parse(value, &sum) && sum == hash64(line.p, line.n);
}

int
record_read(struct record_place *p, struct export_record *r, struct err *e)
{
	struct arena a;
	struct sv text;
	int rc;

	memset(r, 0, sizeof *r);
	arena_init(&a);
	rc = file_read_all(p->fs, p->name, MOST_BYTES, &a, &text, e);
	if (rc == 0 && !parse(text, r))
		rc = err_set(e, ERR_CORRUPT, -1, "%s/%s is damaged: without it, export --missing asks "
		    "the server which spans it has", p->fs->root, p->name);
	arena_release(&a);
	return rc == ERR_UNKNOWN ? 1 : rc;
}
