/* SPDX-License-Identifier: ISC */
/*
 * prices: what tokens cost, from [price MODEL]. A query keeps the list that it was bound with:
 * those before a reload live as long as the engine.
 */
#include <stdlib.h>

#include "engine_i.h"

int
engine_load_prices(struct engine *en, const struct conf *conf, struct err *e)
{
	size_t n = conf_n_prices(conf);
	struct price_list *l = calloc(1, sizeof *l + n * sizeof *l->v);

	if (l == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		struct conf_price p = conf_price(conf, i);

		l->v[i] = (struct price){ sv_cstr(p.model), p.input, p.cached, p.output };
	}
	l->prices = (struct prices){ l->v, n };
	l->older = atomic_load(&en->prices);
	atomic_store(&en->prices, l);
	return 0;
}

void
engine_free_prices(struct engine *en)
{
	struct price_list *l = atomic_load(&en->prices), *older;

	for (; l != NULL; l = older) {
		older = l->older;
		free(l);
	}
}
