/* SPDX-License-Identifier: ISC */
/*
 * check_report: findings, each told once, and the chunks and dictionaries that can be read. What
 * can't is reported at the first look and left out at the later ones.
 */
#include "shard_check_i.h"

#include <stdio.h>

bool
check_is_damage(int rc)
{
	return rc == ERR_CORRUPT || rc == ERR_VERSION || rc == ERR_IO || rc == ERR_UNKNOWN ||
	    rc == ERR_ACCESS;
}

void
check_report(struct check *k, int64_t off, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	k->bad(k->arg, k->s->info.file, off, why);
}

const char *
check_reason(const struct err *e, const char *file)
{
	size_t n = strlen(file);

	if (strncmp(e->msg, file, n) == 0 && strncmp(e->msg + n, ": ", 2) == 0)
		return e->msg + n + 2;
	return e->msg;
}

void
section_report(struct check *k, const struct section *sec, const char *why)
{
	struct err e = ERR_INIT;

	(void)section_bad(k->s, sec, &e, -1, "%s", why);
	check_report(k, (int64_t)sec->off, "%s", check_reason(&e, k->s->info.file));
}

int
check_finding(struct check *k, const struct section *sec, int rc, const struct err *why)
{
	if (!check_is_damage(rc))
		return err_set(k->e, rc, why->off, "%s", why->msg);
	k->lost[sec - k->s->sections] = true;
	k->n_lost++;
	check_report(k, why->off >= 0 ? why->off : (int64_t)sec->off, "%s",
	    check_reason(why, k->s->info.file));
	return 0;
}

/* The column would only say again what is wrong with what it points into. */
static bool
only_again(const struct check *k, const struct column *col, uint32_t row_group)
{
	const struct section *trace;

	if (col->id == COL_RESOURCE || col->id == COL_SCOPE)
		return k->owners_lost;
	if (col->id != COL_PARENT)
		return false;
	trace = shard_chunk_section(k->s, k->s->fixed[COL_TRACE], row_group);
	return k->traces_lost || k->lost[trace - k->s->sections];
}

int
check_chunk(struct check *k, const struct column *col, uint32_t row_group,
    const struct chunk **out)
{
	const struct section *sec = shard_chunk_section(k->s, col->index, row_group);
	struct err why = ERR_INIT;
	int rc;

	*out = NULL;
	if (sec == NULL || k->lost[sec - k->s->sections])
		return 0;
	if (only_again(k, col, row_group)) {
		k->lost[sec - k->s->sections] = true;
		return 0;
	}
	rc = chunk_get(k->s, col, row_group, out, &why);
	return rc == 0 ? 0 : check_finding(k, sec, rc, &why);
}

int
check_dict(struct check *k, const struct column *col, const struct dict **out)
{
	const struct section *sec = &k->s->sections[k->s->dict_section[col->index]];
	struct err why = ERR_INIT;
	int rc;

	*out = NULL;
	if (k->lost[sec - k->s->sections])
		return 0;
	rc = dict_get(k->s, col, out, &why);
	return rc == 0 ? 0 : check_finding(k, sec, rc, &why);
}
