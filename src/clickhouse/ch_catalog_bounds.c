/* SPDX-License-Identifier: ISC */
/*
 * ch_catalog_bounds: a statement that may read too much: of all, else of the newest days or hour,
 * else of what is read of that hour before the bound.
 */
#include "ch_catalog_i.h"

struct window {
	uint64_t ns;
	const char *name;
};

static const struct window windows[] = {
	{ 7 * NS_PER_DAY, "7 days" },
	{ NS_PER_DAY, "day" },
	{ NS_PER_HOUR, "hour" },
};
#define N_WINDOWS (sizeof windows / sizeof *windows)

struct try {
	statement_fn *statement;
	const char *types;
	catalog_row_fn *row;
	catalog_reset_fn *reset;
	void *arg;
};

static int
once(struct looking *l, const struct try *t, struct attempt *at, struct err *e)
{
	int rc;

	t->reset(t->arg);
	rc = catalog_rows(l, t->statement, at, t->types, t->row, t->arg, &l->out->exact, e);
	if (rc == 0 && at->slow) {
		l->out->complete = false;
		catalog_note(l, "the time was over before all was read, or nearly so");
	}
	return rc;
}

/* When the newest span of the range starts; 0: that isn't known. Its notes are of no use here. */
static int
newest_of(struct looking *l, struct time_range range, uint64_t *ns, struct err *e)
{
	size_t had = l->note.n;
	struct ch_extent x;
	bool complete;
	int rc = catalog_extent(l, &x, &complete, e);

	l->note.n = had;
	if (rc < 0)
		return rc;
	*ns = x.has_times ? x.last_ns : 0;
	if (range.to != WHEN_MAX && *ns >= range.to)
		*ns = range.to - 1;
	return 0;
}

/* The last `ns` up to the newest; false if that is no less than the range. */
static bool
narrow(struct time_range *r, uint64_t newest, uint64_t ns)
{
	if (newest < ns || newest - ns < r->from)
		return false;
	r->from = newest - ns + 1;
	return true;
}

static int
narrower(struct looking *l, const struct try *t, struct attempt *at, struct err *e)
{
	const char *name = NULL;
	uint64_t newest = 0;
	int rc = newest_of(l, at->range, &newest, e);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < N_WINDOWS; i++) {
		if (!narrow(&at->range, newest, windows[i].ns))
			continue;
		name = windows[i].name;
		if ((rc = once(l, t, at, e)) == 0)
			catalog_note(l, "only spans of the newest %s were looked at", name);
		if (!catalog_limited(l, rc))
			return rc;
	}
	at->bound = BOUND_BREAK;
	rc = once(l, t, at, e);
	if (rc == 0 && name != NULL)
		catalog_note(l, "only some spans of the newest %s were looked at", name);
	else if (rc == 0)
		catalog_note(l, "only some spans were looked at");
	return rc;
}

int
catalog_bounded(struct looking *l, statement_fn *statement, const char *types, catalog_row_fn *row,
    catalog_reset_fn *reset, void *arg, struct attempt *at, struct err *e)
{
	const struct try t = { statement, types, row, reset, arg };
	int rc;

	*at = (struct attempt){ .range = l->want->range, .bound = BOUND_THROW };
	l->out->complete = true;
	rc = once(l, &t, at, e);
	if (catalog_refused(l, rc)) {
		at->bound = l->by->rows != 0 ? BOUND_LIMIT : BOUND_NONE;
		return once(l, &t, at, e);
	}
	if (!catalog_limited(l, rc))
		return rc;
	l->out->complete = false;
	return narrower(l, &t, at, e);
}
