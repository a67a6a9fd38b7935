/* SPDX-License-Identifier: ISC */
/* price: see model/price.h. */
#include "model/price.h"

/* A star that doesn't fit takes one byte more; only the last one needs to be tried again. */
bool
glob_match(struct sv g, struct sv s)
{
	size_t i = 0, k = 0, star = SIZE_MAX, from = 0;

	while (k < s.n) {
		if (i < g.n && g.p[i] == '*') {
			star = i++;
			from = k;
		} else if (i < g.n && (g.p[i] == '?' || g.p[i] == s.p[k])) {
			i++;
			k++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			k = ++from;
		} else
			return false;
	}
	while (i < g.n && g.p[i] == '*')
		i++;
	return i == g.n;
}

static bool
better(const struct price *a, const struct price *b)
{
	if (b == NULL || a->model.n != b->model.n)
		return b == NULL || a->model.n > b->model.n;
	return sv_cmp(a->model, b->model) < 0;
}

const struct price *
price_find(const struct prices *p, struct sv model)
{
	const struct price *best = NULL;

	for (size_t i = 0; p != NULL && i < p->n; i++)
		if (better(&p->v[i], best) && glob_match(p->v[i].model, model))
			best = &p->v[i];
	return best;
}
