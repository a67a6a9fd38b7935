/* SPDX-License-Identifier: ISC */
/* conf_table: the table of conf_keys.h as data, and what is printed from it. */
#include "conf/conf.h"

#include <stdio.h>

#include "conf_i.h"

const struct conf_info conf_table[N_CONF_KEYS] = {
#define X(id, section, name, type, def, min, max, words, help) \
	[CONF_##id] = { section, name, type, def, min, max, words, help },
#include "conf/conf_keys.h"
#undef X
};

static const char *
type_text(enum conf_type t)
{
	switch (t) {
	case CONF_STRING:
		return "text";
	case CONF_BOOL:
		return "yes or no";
	case CONF_INT:
		return "number";
	case CONF_SIZE:
		return "bytes, with KiB MiB GiB";
	case CONF_DURATION:
		return "duration, with ns us ms s m h d";
	case CONF_DOUBLE:
		return "number";
	case CONF_ENUM:
		return "one of";
	}
	return "";
}

void
conf_print_ini(struct buf *b)
{
	const char *section = "";

	BUF_LIT(b, "; spanfs.ini: every setting, at its default. See spanfs.ini(5).\n"
	    "; Made from the table in include/conf/conf_keys.h by `make ini`.\n");
	for (size_t i = 0; i < N_CONF_KEYS; i++) {
		const struct conf_info *k = &conf_table[i];

		if (strcmp(section, k->section) != 0)
			buf_printf(b, "\n[%s]\n", section = k->section);
		buf_printf(b, "; %s (%s%s%s)\n;%s=%s\n", k->help, type_text(k->type),
		    k->words != NULL ? " " : "", k->words != NULL ? k->words : "",
		    k->name, k->def);
	}
	prices_print_ini(b);
}
