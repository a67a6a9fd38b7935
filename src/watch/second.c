/* SPDX-License-Identifier: ISC */
/* second: the second run of a query, the comparison, and what is said of a difference. */
#include "watch/second.h"

#include "base/clock.h"
#include "base/visible.h"

#define ROW_SHOWN 4096		/* bytes of a row in a report */

void
second_release(struct second *x)
{
	if (x->query != NULL)
		x->ops->free(x->query);
	x->query = NULL;
	digest_release(&x->digest);
	buf_release(&x->plan);
}

/* Does the chosen plan still give what it gave the reader? */
static bool
stands(struct second *x, const struct second_run *like)
{
	struct second_run run = *like;
	struct difference d;
	struct digest now;
	int code;

	digest_init(&now, x->digest.tolerance);
	run.digest = &now;
	code = x->ops->rerun(x->query, true, &run, NULL);
	digest_end(&now);
	if (!codes_compare(x->code, code, &d))
		digest_compare(&x->digest, &now, true, &d);
	digest_release(&now);
	return d.verdict == VERDICT_SAME;
}

static void
compare(struct second *x, const struct second_run *run, int code, struct difference *d)
{
	digest_end(run->digest);
	if (!codes_compare(x->code, code, d))
		digest_compare(&x->digest, run->digest, true, d);
}

/* >0: there is no such form. */
static int
compare_further(struct second *x, const struct second_run *run, struct difference *d, struct err *e)
{
	struct second_run other = *run;
	struct digest digest;
	int code;

	if (x->ops->further == NULL)
		return 1;
	digest_init(&digest, x->digest.tolerance);
	other.digest = &digest;
	if ((code = x->ops->further(x->query, &other, e)) <= 0) {
		x->further = true;
		compare(x, &other, code, d);
		digest_release(run->digest);
		*run->digest = digest;
		digest_init(&digest, 0);
	}
	digest_release(&digest);
	return code;
}

int
second_compare(struct second *x, const struct second_run *run, struct difference *d,
    struct err *e)
{
	int code = x->ops->run(x->query, run, e), further;

	compare(x, run, code, d);
	if (d->verdict == VERDICT_SAME && (further = compare_further(x, run, d, e)) <= 0)
		code = further;
	if (d->verdict == VERDICT_DIFFERENT && x->moves && !stands(x, run))
		*d = (struct difference){ VERDICT_UNDECIDED, ROW_NONE, false, "the spans changed meanwhile" };
	return code;
}

/* ---- what is said of a difference ---- */

static void
put_row(struct buf *b, const char *who, const struct digest *d, uint64_t i)
{
	struct sv row = SV_EMPTY;

	buf_printf(b, "  %s ", who);
	if (i >= d->n_rows)
		BUF_LIT(b, "no such row");
	else if (d->has_text ? !text_row(buf_view(&d->text), i, &row) : d->want != i)
		BUF_LIT(b, "not kept");
	else {
		row = d->has_text ? row : buf_view(&d->wanted);
		visible_text(b, sv_sub(row, 0, row.n < ROW_SHOWN ? row.n : ROW_SHOWN), 0);
	}
	buf_str(b, row.n > ROW_SHOWN ? " ...\n" : "\n");
}

static void
put_plan(struct buf *b, const char *title, struct sv text)
{
	struct sv line;

	buf_printf(b, "  %s\n", title);
	while (text.n != 0 && sv_cut(&text, '\n', &line)) {
		BUF_LIT(b, "    ");
		visible_text(b, line, 0);
		buf_putc(b, '\n');
	}
}

static void
put_head(struct buf *b, const struct second *x, const struct difference *d)
{
	struct buf path = BUF_INIT;

	x->ops->print_path(x->query, &path);
	buf_printf(b, "%s", d->why);
	if (d->row != ROW_NONE && d->in_block)
		buf_printf(b, "; the first in the %u from row %llu on", DIGEST_BLOCK_ROWS,
		    (unsigned long long)d->row + 1);
	else if (d->row != ROW_NONE)
		buf_printf(b, "; the first in row %llu", (unsigned long long)d->row + 1);
	buf_putc(b, '\n');
	visible_caret(b, buf_view(&path), -1);
	b->oom |= path.oom;
	buf_release(&path);
}

/* Runs a query once more for the text of one row; a failure only leaves it out. */
static void
fetch_row(struct second *x, bool chosen, uint64_t row, uint64_t timeout_ns,
    const atomic_bool *cancel, struct digest *d)
{
	struct second_run run = { .digest = d, .cancel = cancel };

	if (d->has_text || row == ROW_NONE)
		return;
	digest_release(d);
	digest_init(d, 0);
	d->has_text = false;
	d->want = row;
	run.deadline_mono_ns = clock_mono_ns() + timeout_ns;
	if (x->ops->rerun(x->query, chosen, &run, NULL) < 0)
		d->oom = true;
	digest_end(d);
}

void
second_describe(struct buf *b, struct second *x, const struct difference *d,
    struct digest *other, uint64_t timeout_ns, const atomic_bool *cancel)
{
	struct buf text = BUF_INIT;

	if (!d->in_block) {
		fetch_row(x, true, d->row, timeout_ns, cancel, &x->digest);
		fetch_row(x, false, d->row, timeout_ns, cancel, other);
	}
	put_head(b, x, d);
	if (d->row != ROW_NONE && !d->in_block) {
		put_row(b, "chosen:", &x->digest, d->row);
		put_row(b, x->further ? "other: " : "plain: ", other, d->row);
	}
	put_plan(b, "plan chosen", buf_view(&x->plan));
	x->ops->print_plan(x->query, &text);
	put_plan(b, x->further ? "other plan" : "plain plan", buf_view(&text));
	b->oom |= text.oom;
	buf_release(&text);
}
