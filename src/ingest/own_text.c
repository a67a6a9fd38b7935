/* SPDX-License-Identifier: ISC */
/*
 * own_text: results of spanfs that are made for reading, by their first line: tables, whose
 * columns stand apart by more than a blank, CSV, and trees. Their JSON: json_form.c.
 */
#include "detect_i.h"

/* First columns, with single blanks between them. */
static const char *const tables[] = {
	"start service duration trace_id name",		/* spans.txt */
	"start root_service duration spans",		/* traces.txt */
	"time count service name trace_id error",	/* errors.txt */
};

static bool
is_table(struct sv line)
{
	struct sv text;
	char words[64];
	size_t n = 0;

	for (size_t i = 0; i < line.n && n < sizeof words; i++)
		if (line.p[i] != ' ' || n == 0 || words[n - 1] != ' ')
			words[n++] = line.p[i];
	text = sv_new(words, n);
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		if (sv_starts(text, sv_cstr(tables[i])))
			return true;
	return false;
}

static bool
is_name(struct sv cell)
{
	for (size_t i = 0; i < cell.n; i++) {
		char c = cell.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    memchr("_.:-", c, 4) == NULL)
			return false;
	}
	return cell.n != 0;
}

/* A header of two names at least, and no JSON behind it. */
static bool
is_csv(struct sv line, struct sv rest)
{
	struct sv cell = SV_EMPTY;
	size_t n = 0;

	if (rest.n == 0 || rest.p[0] == '{' || rest.p[0] == '[')
		return false;
	for (; line.n != 0; n++)
		if (!sv_cut(&line, ',', &cell) || !is_name(cell))
			return false;
	return n >= 2;
}

/* "trace", the id, two blanks. */
static bool
is_tree(struct sv line)
{
	static const size_t id = 6, end = 6 + 32;

	if (line.n < end + 2 || !sv_starts(line, SV("trace ")) || line.p[end] != ' ')
		return false;
	for (size_t i = id; i < end; i++)
		if (memchr("0123456789abcdef", line.p[i], 16) == NULL)
			return false;
	return true;
}

bool
is_own_text(struct sv head)
{
	struct sv line = SV_EMPTY;

	if (!sv_cut(&head, '\n', &line))
		return false;
	if (line.n != 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return is_table(line) || is_csv(line, head) || is_tree(line);
}
