/* SPDX-License-Identifier: ISC */
/*
 * fs_lister: who has listed a directory a moment ago. Stats of its files by that process belong
 * to the listing (ls -l, file managers, crawlers) and share its budget; everybody else's, and
 * the same one's later, name the file.
 *
 * The last few listers of some directories are remembered in a table of fixed size, by the
 * thread that listed; a directory that falls out of it is one that nobody lists. Threads of
 * one process are told by /proc, which is looked at only if somebody else just listed.
 */
#include "fs_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define LISTING_NS 2000000000ull	/* from one stat to the next */

static struct lister *
set_of(struct fs *fs, const struct node *dir)
{
	return fs->listers[dir->basis % LISTER_SETS];
}

/* The process of a thread; 0: not known. */
static uint32_t
process_of(uint32_t tid)
{
	char text[8192];
	size_t n = process_status((pid_t)tid, text, sizeof text - 1);
	const char *at;

	text[n] = '\0';
	at = strstr(text, "\nTgid:");
	return at == NULL ? 0 : (uint32_t)strtoul(at + strlen("\nTgid:"), NULL, 10);
}

void
lister_note(struct fs *fs, const struct node *dir, uint32_t tid)
{
	struct lister *set = set_of(fs, dir), *to = set;

	pthread_mutex_lock(&fs->files_lock);
	for (size_t i = 0; i < LISTER_WAYS; i++) {
		if (set[i].basis == dir->basis && set[i].tid == tid) {
			to = &set[i];
			break;
		}
		if (set[i].seen_ns < to->seen_ns)
			to = &set[i];
	}
	*to = (struct lister){ dir->basis, clock_mono_ns(), tid };
	pthread_mutex_unlock(&fs->files_lock);
}

bool
lister_asks(struct fs *fs, const struct node *dir, uint32_t tid)
{
	struct lister *set = set_of(fs, dir);
	uint32_t others[LISTER_WAYS], process;
	uint64_t now = clock_mono_ns();
	size_t n = 0, at = LISTER_WAYS;

	pthread_mutex_lock(&fs->files_lock);
	for (size_t i = 0; i < LISTER_WAYS; i++) {
		if (set[i].basis != dir->basis || now - set[i].seen_ns > LISTING_NS)
			continue;
		if (set[i].tid == tid)
			at = i;
		else
			others[n++] = set[i].tid;
	}
	if (at < LISTER_WAYS)
		set[at].seen_ns = now;
	pthread_mutex_unlock(&fs->files_lock);
	if (at < LISTER_WAYS || n == 0 || (process = process_of(tid)) == 0)
		return at < LISTER_WAYS;
	for (size_t i = 0; i < n; i++)
		if (process_of(others[i]) == process) {
			lister_note(fs, dir, others[i]);
			return true;
		}
	return false;
}
