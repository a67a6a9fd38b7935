/* SPDX-License-Identifier: ISC */
/* marks_text: the marks of a store as a table, for people and awk. */
#include "base/visible.h"
#include "catalog/catalog.h"
#include "catalog/marks.h"

static void
put_note(struct buf *b, const struct mark *m)
{
	if (m->delivery.generation != 0) {
		buf_printf(b, "a delivery of commit %llu was cut off: ",
		    (unsigned long long)m->delivery.generation);
		visible_text(b, m->delivery.to, 0);
	} else if (m->was_read)
		buf_printf(b, "read up to commit %llu", (unsigned long long)m->read);
}

static uint64_t
spans_after(const struct snapshot *s, uint64_t generation)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n_shards; i++)
		if (s->shards[i].generation > generation)
			n += s->shards[i].n_rows;
	return n;
}

int
marks_print(struct fsys *fs, const struct snapshot *s, struct buf *out, size_t *n_bad,
    struct err *e)
{
	struct sv *names;
	struct arena a;
	size_t n;
	int rc;

	*n_bad = 0;
	arena_init(&a);
	rc = marks_list(fs, &a, &names, &n, e);
	BUF_LIT(out, "name\tcommit\tbehind\tspans\tmoved\tnote\n");
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct err why = ERR_INIT;
		struct mark m;
		int code = mark_read(fs, names[i], &a, &m, &why);

		/* It may be deleted at this moment. */
		if (code == ERR_UNKNOWN)
			continue;
		buf_sv(out, names[i]);
		if (code != 0) {
			BUF_LIT(out, "\t?\t?\t?\t?\t");
			visible_text(out, sv_cstr(why.msg), 0);
			(*n_bad)++;
		} else {
			buf_printf(out, "\t%llu\t%lld\t%llu\t", (unsigned long long)m.generation,
			    (long long)(s->generation - m.generation),
			    (unsigned long long)spans_after(s, m.generation));
			when_print(out, m.moved_ns);
			BUF_LIT(out, "\t");
			put_note(out, &m);
		}
		BUF_LIT(out, "\n");
	}
	arena_release(&a);
	return rc != 0 ? rc : buf_ok(out, e);
}
