/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_levels: groups of spans on two levels: what the spans of each trace add to a group
 * (figures_write, `parts`), and that put together. Any groups of one level can be made so, too, and are the
 * same; so the one form tells of the other (watch/shadow.h). It says nothing twice in the same words:
 * counts are sums, percentiles and different values are those of the elements of arrays.
 */
#include "ch_sql_i.h"

struct sums {
	struct writer *w;
	const struct agg_given_want *want;
	struct figures_how how;
};

/* The aggregate of the level below, whose name is in capitals. */
static void
below(const struct sums *x, char what, size_t i)
{
	alias(x->w, (char)(what - 'a' + 'A'), i);
}

static void
end(const struct sums *x, char what, size_t i)
{
	W(x->w, ")");
	if (!x->how.named)
		return;
	W(x->w, " AS ");
	alias(x->w, what, i);
}

static void
sum(const struct sums *x, char what, size_t i)
{
	W(x->w, ", sum(");
	below(x, what, i);
	end(x, what, i);
}

/* A trace without a number has 0 there. */
static void
extreme(const struct sums *x, char what, size_t i)
{
	bool some = figure_counts(&x->want->fields[i]);

	if (what == 'c')
		W(x->w, ", min");
	else
		W(x->w, ", max");
	if (some)
		W(x->w, "If");
	W(x->w, "(");
	below(x, what, i);
	if (some) {
		W(x->w, ", ");
		below(x, 'n', i);
		W(x->w, " != 0");
	}
	end(x, what, i);
}

static void
field(const struct sums *x, size_t i)
{
	const struct agg_given_field *f = &x->want->fields[i];

	if (figure_counts(f))
		sum(x, 'n', i);
	if (f->sum) {
		sum(x, 'a', i);
		sum(x, 'b', i);
	}
	if (f->ends) {
		extreme(x, 'c', i);
		extreme(x, 'd', i);
	}
	if (f->all) {
		if (x->how.ranked) {
			W(x->w, ", quantilesExactArray");
			ranks_write(x->w, x->want);
		} else {
			W(x->w, ", groupArrayArray(");
		}
		below(x, 'q', i);
		end(x, 'q', i);
	}
	if (f->distinct) {
		W(x->w, ", uniqExactArray(");
		below(x, 'u', i);
		end(x, 'u', i);
	}
}

void
sums_write(struct writer *w, const struct agg_given_want *want, struct figures_how how)
{
	const struct sums x = { w, want, how };

	W(w, "toUnixTimestamp64Nano(min(spanfs_first)), toUnixTimestamp64Nano(max(spanfs_last)), sum(spanfs_c)");
	if (how.named)
		W(w, " AS spanfs_count");
	W(w, ", sum(spanfs_e)");
	if (how.named)
		W(w, " AS spanfs_errors");
	for (size_t i = 0; i < want->n_fields; i++)
		field(&x, i);
}
