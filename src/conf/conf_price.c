/* SPDX-License-Identifier: ISC */
/*
 * conf_price: the sections [price MODEL], of which there may be any number: what a million tokens
 * of the models that the glob MODEL matches cost. Without `cached` input read from a cache costs
 * what other input costs.
 */
#include <stdlib.h>

#include "base/near.h"
#include "conf_i.h"

enum { INPUT, CACHED, OUTPUT, N_PRICES };

static const struct conf_info table[N_PRICES] = {
	[INPUT] = { "price MODEL", "input", CONF_DOUBLE, "0", 0, 1e9, NULL,
	    "USD for a million input tokens." },
	[CACHED] = { "price MODEL", "cached", CONF_DOUBLE, "", 0, 1e9, NULL,
	    "USD for a million of them that were read from a cache; else as input." },
	[OUTPUT] = { "price MODEL", "output", CONF_DOUBLE, "0", 0, 1e9, NULL,
	    "USD for a million output tokens." },
};

struct conf_price_set {
	char *model;
	struct conf_value v[N_PRICES];
};

bool
price_section(struct sv section, struct sv *model)
{
	static const char prefix[] = "price ";

	if (!sv_starts(section, SV(prefix)))
		return sv_is(section, "price") && (*model = SV_EMPTY, true);
	*model = sv_sub(section, sizeof prefix - 1, section.n);
	while (model->n > 0 && model->p[0] == ' ')
		*model = sv_sub(*model, 1, model->n);
	return true;
}

static int
find_set(struct conf_prices *p, struct sv model, struct conf_price_set **out, struct err *e)
{
	struct conf_price_set *v;

	for (size_t i = 0; i < p->n; i++)
		if (sv_is(model, p->v[i].model)) {
			*out = &p->v[i];
			return 0;
		}
	if ((v = realloc(p->v, (p->n + 1) * sizeof *v)) == NULL)
		return err_nomem(e);
	p->v = v;
	v[p->n] = (struct conf_price_set){ .model = strndup(model.p, model.n) };
	if (v[p->n].model == NULL)
		return err_nomem(e);
	*out = &v[p->n++];
	return 0;
}

static int
unknown_key(const char *where, struct sv model, struct sv name, struct err *e)
{
	struct near near;

	near_init(&near, name);
	for (int i = 0; i < N_PRICES; i++)
		near_offer(&near, sv_cstr(table[i].name));
	return err_set(e, ERR_SYNTAX, -1, "%s: unknown key '%.*s' in [price %.*s]%s%.*s%s", where,
	    SV_ARG(name), SV_ARG(model), near.found.n != 0 ? "; did you mean " : "",
	    SV_ARG(near.found), near.found.n != 0 ? "?" : "");
}

static int
set_value(struct conf_value *v, int key, const char *where, struct sv model, struct sv text,
    struct err *e)
{
	struct buf want = BUF_INIT;
	int code;

	if (v->given && strcmp(v->where, "-o") != 0 && strcmp(where, "-o") != 0)
		return err_set(e, ERR_SYNTAX, -1, "%s: [price %.*s] %s was given before, at %s",
		    where, SV_ARG(model), table[key].name, v->where);
	if (!conf_value_parse(&table[key], text, v)) {
		conf_value_expected(&want, &table[key]);
		code = err_set(e, ERR_SYNTAX, -1, "%s: [price %.*s] %s: expected %s, got '%.*s'",
		    where, SV_ARG(model), table[key].name,
		    buf_cstr(&want) ? buf_cstr(&want) : "", SV_ARG(text));
		buf_release(&want);
		return code;
	}
	free(v->text);
	free(v->where);
	v->given = true;
	v->text = strndup(text.p ? text.p : "", text.n);
	v->where = strdup(where);
	return v->text == NULL || v->where == NULL ? err_nomem(e) : 0;
}

int
prices_set(struct conf_prices *p, const char *where, struct sv model, struct sv name,
    struct sv text, struct err *e)
{
	struct conf_price_set *set = NULL;
	int code;

	if (model.n == 0)
		return err_set(e, ERR_SYNTAX, -1,
		    "%s: expected a model, as in [price gpt-4o*]", where);
	for (int i = 0; i < N_PRICES; i++)
		if (sv_is(name, table[i].name)) {
			if ((code = find_set(p, model, &set, e)) < 0)
				return code;
			return set_value(&set->v[i], i, where, model, text, e);
		}
	return unknown_key(where, model, name, e);
}

struct conf_price
prices_at(const struct conf_prices *p, size_t i)
{
	const struct conf_price_set *s = &p->v[i];

	return (struct conf_price){ s->model, s->v[INPUT].d,
		s->v[CACHED].given ? s->v[CACHED].d : s->v[INPUT].d, s->v[OUTPUT].d };
}

void
prices_print(struct buf *b, const struct conf_prices *p)
{
	for (size_t i = 0; i < p->n; i++)
		for (int k = 0; k < N_PRICES; k++)
			if (p->v[i].v[k].given)
				buf_printf(b, "price %s.%s=%s\t(%s)\n", p->v[i].model,
				    table[k].name, p->v[i].v[k].text, p->v[i].v[k].where);
}

void
prices_print_ini(struct buf *b)
{
	BUF_LIT(b, "\n; [price MODEL]: any number of them, MODEL a glob with * and ?; the longest "
	    "match counts.\n;[price gpt-4o*]\n");
	for (int i = 0; i < N_PRICES; i++)
		buf_printf(b, "; %s (number)\n;%s=%s\n", table[i].help, table[i].name,
		    table[i].def);
}

void
prices_free(struct conf_prices *p)
{
	for (size_t i = 0; i < p->n; i++) {
		for (int k = 0; k < N_PRICES; k++) {
			free(p->v[i].v[k].text);
			free(p->v[i].v[k].where);
		}
		free(p->v[i].model);
	}
	free(p->v);
}
