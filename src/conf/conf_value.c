/* SPDX-License-Identifier: ISC */
/* conf_value: one setting's text to its value, by its type and range, and what they are in words. */
#include "conf_i.h"

#include <math.h>

static bool
parse_bool(struct sv s, uint64_t *out)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < 4; i++) {
		if (sv_is(s, yes[i]) || sv_is(s, no[i])) {
			*out = sv_is(s, yes[i]);
			return true;
		}
	}
	return false;
}

struct unit {
	const char *name;
	double factor;
};

static const struct unit size_units[] = {
	{ "KiB", 1024 }, { "MiB", 1048576 }, { "GiB", 1073741824 }, { "TiB", 1099511627776 },
	{ "PiB", 1125899906842624 },
	{ "KB", 1e3 }, { "MB", 1e6 }, { "GB", 1e9 }, { "TB", 1e12 }, { "B", 1 }, { NULL, 0 },
};
static const struct unit time_units[] = {
	{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 6e10 },
	{ "h", 3.6e12 }, { "d", 8.64e13 }, { "w", 6.048e14 }, { NULL, 0 },
};

/* A decimal number and a unit; a bare number only if `bare`, a bare 0 always. */
static bool
parse_scaled(struct sv s, const struct unit *units, bool bare, double *out)
{
	size_t n = 0;
	double v;

	while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.'))
		n++;
	if (!sv_double(sv_sub(s, 0, n), &v))
		return false;
	if (n == s.n) {
		*out = v;
		return bare || v == 0;
	}
	for (const struct unit *u = units; u->name != NULL; u++)
		if (sv_is(sv_sub(s, n, s.n), u->name)) {
			*out = v * u->factor;
			return true;
		}
	return false;
}

static bool
parse_word(const char *words, struct sv s, uint64_t *out)
{
	struct sv rest = sv_cstr(words), w;

	for (uint64_t i = 0; sv_cut(&rest, ' ', &w); i++)
		if (sv_eq(w, s)) {
			*out = i;
			return true;
		}
	return false;
}

bool
conf_value_parse(const struct conf_info *k, struct sv s, struct conf_value *v)
{
	switch (k->type) {
	case CONF_STRING:
		return true;
	case CONF_BOOL:
		return parse_bool(s, &v->u);
	case CONF_ENUM:
		return parse_word(k->words, s, &v->u);
	case CONF_INT:
		if (!sv_u64(s, &v->u))
			return false;
		v->d = (double)v->u;
		break;
	case CONF_SIZE:
		if (!parse_scaled(s, size_units, true, &v->d))
			return false;
		break;
	case CONF_DURATION:
		if (!parse_scaled(s, time_units, false, &v->d))
			return false;
		break;
	case CONF_DOUBLE:
		if (!sv_double(s, &v->d))
			return false;
		break;
	}
	if (!(v->d >= k->min && v->d <= k->max))
		return false;
	if (k->type == CONF_SIZE || k->type == CONF_DURATION)
		v->u = (uint64_t)v->d;
	return true;
}

/* A bound in the largest unit that it is a whole number of. */
static void
put_scaled(struct buf *b, const struct unit *units, double v)
{
	const struct unit *best = NULL;

	for (const struct unit *u = units; u->name != NULL; u++)
		if (v >= u->factor && fmod(v, u->factor) == 0 &&
		    (best == NULL || u->factor > best->factor))
			best = u;
	if (best == NULL)
		buf_printf(b, "%.15g", v);
	else
		buf_printf(b, "%.15g%s", v / best->factor, best->name);
}

static void
put_bound(struct buf *b, const struct conf_info *k, double v)
{
	if (k->type == CONF_SIZE || k->type == CONF_DURATION)
		put_scaled(b, k->type == CONF_SIZE ? size_units : time_units, v);
	else
		buf_printf(b, "%.15g", v);
}

void
conf_value_expected(struct buf *b, const struct conf_info *k)
{
	switch (k->type) {
	case CONF_STRING:
		BUF_LIT(b, "text");
		return;
	case CONF_BOOL:
		BUF_LIT(b, "yes or no");
		return;
	case CONF_ENUM:
		buf_printf(b, "one of: %s", k->words);
		return;
	case CONF_INT:
		BUF_LIT(b, "a whole number");
		break;
	case CONF_SIZE:
		BUF_LIT(b, "a size such as 64MiB,");
		break;
	case CONF_DURATION:
		BUF_LIT(b, "a duration such as 30s or 100ms,");
		break;
	case CONF_DOUBLE:
		BUF_LIT(b, "a number");
		break;
	}
	BUF_LIT(b, " from ");
	put_bound(b, k, k->min);
	BUF_LIT(b, " to ");
	put_bound(b, k, k->max);
}
