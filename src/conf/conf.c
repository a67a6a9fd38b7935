/* SPDX-License-Identifier: ISC */
/*
 * conf: reading settings. The file's lines are looked at as a whole before inih sees them,
 * because inih cuts long lines and long section names in silence and joins indented lines to
 * the one before.
 */
#include "conf/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/near.h"
#include "base/sv.h"
#include "base/visible.h"
#include "conf_i.h"

#define MAX_LINE 190		/* inih's INI_MAX_LINE is 200, and counts the ends */
#define MAX_SECTION 48
#define MAX_FILE (1 << 20)

struct conf {
	struct conf_value v[N_CONF_KEYS];
	struct conf_prices prices;
};

static int
find_key(struct sv section, struct sv name)
{
	for (int i = 0; i < N_CONF_KEYS; i++)
		if (sv_is(section, conf_table[i].section) && sv_is(name, conf_table[i].name))
			return i;
	return -1;
}

static bool
known_section(struct sv section)
{
	for (int i = 0; i < N_CONF_KEYS; i++)
		if (sv_is(section, conf_table[i].section))
			return true;
	return false;
}

/* "did you mean" for a section, or for a key of one (else NULL); "" if none is near. */
static void
put_near(struct buf *b, struct sv word, const struct sv *section)
{
	struct near near;

	near_init(&near, word);
	for (int i = 0; i < N_CONF_KEYS; i++)
		if (section == NULL)
			near_offer(&near, sv_cstr(conf_table[i].section));
		else if (sv_is(*section, conf_table[i].section))
			near_offer(&near, sv_cstr(conf_table[i].name));
	if (near.found.n != 0)
		buf_printf(b, "; did you mean %.*s?", SV_ARG(near.found));
}

static int
unknown_name(const char *where, struct sv section, struct sv name, struct err *e)
{
	bool known = known_section(section);
	struct buf near = BUF_INIT;
	int code;

	put_near(&near, known ? name : section, known ? &section : NULL);
	if (known)
		code = err_set(e, ERR_SYNTAX, -1, "%s: unknown key '%.*s' in [%.*s]%s", where,
		    SV_ARG(name), SV_ARG(section), buf_cstr(&near) ? buf_cstr(&near) : "");
	else
		code = err_set(e, ERR_SYNTAX, -1, "%s: unknown section [%.*s]%s", where,
		    SV_ARG(section), buf_cstr(&near) ? buf_cstr(&near) : "");
	buf_release(&near);
	return code;
}

/* `where` is "FILE:LINE" or "-o". */
static int
set_value(struct conf *c, const char *where, struct sv section, struct sv name,
    struct sv text, struct err *e)
{
	struct buf want = BUF_INIT;
	struct conf_value *v;
	int i = find_key(section, name), code;
	struct sv model;

	if (price_section(section, &model))
		return prices_set(&c->prices, where, model, name, text, e);
	if (i < 0)
		return unknown_name(where, section, name, e);
	v = &c->v[i];
	if (v->given && strcmp(v->where, "-o") != 0 && strcmp(where, "-o") != 0)
		return err_set(e, ERR_SYNTAX, -1, "%s: [%s] %s was given before, at %s", where,
		    conf_table[i].section, conf_table[i].name, v->where);
	if (!conf_value_parse(&conf_table[i], text, v)) {
		conf_value_expected(&want, &conf_table[i]);
		code = err_set(e, ERR_SYNTAX, -1, "%s: [%s] %s: expected %s, got '%.*s'", where,
		    conf_table[i].section, conf_table[i].name,
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

/* ---- a file ---- */

static struct sv
trim(struct sv s)
{
	while (s.n > 0 && strchr(" \t\r", s.p[s.n - 1]) != NULL)
		s.n--;
	while (s.n > 0 && strchr(" \t\r", s.p[0]) != NULL)
		s = sv_sub(s, 1, s.n);
	return s;
}

struct reading {
	struct conf *c;
	const char *file;
	struct sv rest;		/* of the file, after the line of the last pair */
	int line;
	struct err *e;
	int code;
};

/*
 * Debian's inih does not tell the line. Pairs come in the order of their lines, and
 * check_lines has made sure that each line is one pair, a section, a comment or nothing.
 */
static void
next_pair_line(struct reading *x)
{
	struct sv line;

	while (sv_cut(&x->rest, '\n', &line)) {
		x->line++;
		line = trim(line);
		if (line.n != 0 && strchr(";#[", line.p[0]) == NULL)
			return;
	}
}

static int
on_pair(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *x = arg;
	char where[512];

	next_pair_line(x);
	snprintf(where, sizeof where, "%s:%d", x->file, x->line);
	x->code = set_value(x->c, where, sv_cstr(section), sv_cstr(name),
	    sv_cstr(value != NULL ? value : ""), x->e);
	return x->code == 0;
}

/* What inih would take in silence, or take otherwise than it reads. */
static int
check_line(const char *file, int no, struct sv raw, struct err *e)
{
	struct sv s = trim(raw);

	if (raw.n > MAX_LINE)
		return err_set(e, ERR_SYNTAX, -1, "%s:%d: line longer than %d bytes", file, no,
		    MAX_LINE);
	if (raw.n > 0 && memchr(raw.p, '\0', raw.n) != NULL)
		return err_set(e, ERR_SYNTAX, -1, "%s:%d: NUL byte", file, no);
	if (s.n == 0 || s.p[0] == ';' || s.p[0] == '#')
		return 0;
	if (s.p[0] == '[') {
		if (sv_chr(s, ']') < 0)
			return err_set(e, ERR_SYNTAX, -1, "%s:%d: expected ']'", file, no);
		if (s.n > MAX_SECTION)
			return err_set(e, ERR_SYNTAX, -1, "%s:%d: section name too long", file,
			    no);
		return 0;
	}
	if (raw.p[0] == ' ' || raw.p[0] == '\t')
		return err_set(e, ERR_SYNTAX, -1, "%s:%d: indented line: expected key=value at "
		    "the start of a line", file, no);
	if (sv_chr(s, '=') < 0)
		return err_set(e, ERR_SYNTAX, -1, "%s:%d: expected key=value or [section]", file,
		    no);
	return 0;
}

static int
check_lines(const char *file, struct sv text, struct err *e)
{
	struct sv line;
	int code;

	if (sv_starts(text, SV("\xef\xbb\xbf")))
		text = sv_sub(text, 3, text.n);
	for (int no = 1; sv_cut(&text, '\n', &line); no++)
		if ((code = check_line(file, no, line, e)) < 0)
			return code;
	return 0;
}

static int
slurp(const char *file, struct buf *b, struct err *e)
{
	FILE *f = fopen(file, "re");
	char tmp[4096];
	size_t n;

	if (f == NULL)
		return err_errno(e, "%s", file);
	while ((n = fread(tmp, 1, sizeof tmp, f)) > 0 && b->n <= MAX_FILE)
		buf_put(b, tmp, n);
	if (ferror(f)) {
		fclose(f);
		return err_set(e, ERR_IO, -1, "%s: can't be read", file);
	}
	fclose(f);
	if (b->n > MAX_FILE)
		return err_set(e, ERR_SYNTAX, -1, "%s: larger than 1 MiB", file);
	return buf_ok(b, e);
}

static int
read_file(struct conf *c, const char *file, struct err *e)
{
	struct reading x = { .c = c, .file = file, .e = e };
	struct buf b = BUF_INIT;
	int code, line;

	if ((code = slurp(file, &b, e)) == 0 &&
	    (code = check_lines(file, buf_view(&b), e)) == 0) {
		x.rest = buf_view(&b);
		if (buf_cstr(&b) == NULL)
			code = err_nomem(e);
		else if ((line = ini_parse_string(b.p, on_pair, &x)) != 0)
			code = x.code != 0 ? x.code : err_set(e, ERR_SYNTAX, -1,
			    "%s:%d: expected key=value or [section]", file, line);
	}
	buf_release(&b);
	return code;
}

/* A word without "=", which at least may name a setting. */
static int
no_value(const char *text, struct err *e)
{
	struct sv key = sv_cstr(text), section = SV_EMPTY;
	struct buf want = BUF_INIT;
	int i, code;

	if (sv_chr(key, '.') < 0)
		return err_set(e, ERR_SYNTAX, -1, "-o %s: expected section.key=value", text);
	(void)sv_cut(&key, '.', &section);
	if ((i = find_key(section, key)) < 0)
		return unknown_name("-o", section, key, e);
	conf_value_expected(&want, &conf_table[i]);
	code = err_set(e, ERR_SYNTAX, -1, "-o %s: expected %s=VALUE, with %s", text, text,
	    buf_cstr(&want) ? buf_cstr(&want) : "a value");
	buf_release(&want);
	return code;
}

/* "price MODEL.key": a model may have dots, its keys have none. */
static void
cut_price(struct sv *key, struct sv *section)
{
	size_t n = key->n;

	while (n > 0 && key->p[n - 1] != '.')
		n--;
	*section = sv_sub(*key, 0, n - 1);
	*key = sv_sub(*key, n, key->n);
}

/* "section.key=value" */
static int
read_set(struct conf *c, const char *text, struct err *e)
{
	struct sv rest = sv_cstr(text), key, section;

	if (sv_chr(rest, '=') < 0)
		return no_value(text, e);
	if (!sv_cut(&rest, '=', &key) || sv_chr(key, '.') < 0)
		return err_set(e, ERR_SYNTAX, -1, "-o %s: expected section.key=value", text);
	if (sv_starts(key, SV("price ")))
		cut_price(&key, &section);
	else
		(void)sv_cut(&key, '.', &section);
	return set_value(c, "-o", section, key, rest, e);
}

/* ---- life ---- */

static int
set_defaults(struct conf *c, struct err *e)
{
	for (int i = 0; i < N_CONF_KEYS; i++) {
		struct conf_value *v = &c->v[i];

		if (v->given)
			continue;
		if (!conf_value_parse(&conf_table[i], sv_cstr(conf_table[i].def), v))
			return err_set(e, ERR_SYNTAX, -1, "default of [%s] %s is out of range",
			    conf_table[i].section, conf_table[i].name);
		if ((v->text = strdup(conf_table[i].def)) == NULL ||
		    (v->where = strdup("default")) == NULL)
			return err_nomem(e);
	}
	return 0;
}

/* hardware_profile gives random_page_cost its value, unless that is given itself. */
static void
apply_profile(struct conf *c)
{
	static const char *const cost[] = { "4.0", "1.1", "1.0" };
	struct conf_value *v = &c->v[CONF_COST_RANDOM_PAGE];
	char *text;

	if (v->given || (text = strdup(cost[c->v[CONF_COST_HARDWARE_PROFILE].u])) == NULL)
		return;
	free(v->text);
	v->text = text;
	v->d = strtod(text, NULL);
}

int
conf_load(const char *file, const char *const *sets, size_t n, struct conf **out,
    struct err *e)
{
	struct conf *c = calloc(1, sizeof *c);
	int code = 0;

	if (c == NULL)
		return err_nomem(e);
	if (file != NULL)
		code = read_file(c, file, e);
	for (size_t i = 0; i < n && code == 0; i++)
		code = read_set(c, sets[i], e);
	if (code == 0)
		code = set_defaults(c, e);
	if (code < 0) {
		conf_free(c);
		return code;
	}
	apply_profile(c);
	*out = c;
	return 0;
}

void
conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < N_CONF_KEYS; i++) {
		free(c->v[i].text);
		free(c->v[i].where);
	}
	prices_free(&c->prices);
	free(c);
}

size_t
conf_n_prices(const struct conf *c)
{
	return c->prices.n;
}

struct conf_price
conf_price(const struct conf *c, size_t i)
{
	return prices_at(&c->prices, i);
}

const char *
conf_str(const struct conf *c, enum conf_key k)
{
	return c->v[k].text;
}

const char *
conf_where(const struct conf *c, enum conf_key k)
{
	return c->v[k].where;
}

bool
conf_bool(const struct conf *c, enum conf_key k)
{
	return c->v[k].u != 0;
}

uint64_t
conf_u64(const struct conf *c, enum conf_key k)
{
	return c->v[k].u;
}

double
conf_double(const struct conf *c, enum conf_key k)
{
	return c->v[k].d;
}

void
conf_print(struct buf *b, const struct conf *c)
{
	for (int i = 0; i < N_CONF_KEYS; i++) {
		buf_printf(b, "%s.%s=", conf_table[i].section, conf_table[i].name);
		visible_url(b, sv_cstr(c->v[i].text));
		buf_printf(b, "\t(%s)\n", c->v[i].where);
	}
	prices_print(b, &c->prices);
}
