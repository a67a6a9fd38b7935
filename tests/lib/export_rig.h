/* SPDX-License-Identifier: ISC */
/*
 * export_rig: a store of generated spans, the server of the tests, and exports from the one to the
 * other; and what is in a table beside what was in the store. Failures end the test.
 */
#ifndef TESTS_EXPORT_RIG_H
#define TESTS_EXPORT_RIG_H

#include "export/export.h"
#include "lib/ch_server.h"
#include "lib/gen_span.h"
#include "lib/store_rig.h"

struct export_rig {
	struct store_rig store;
	const struct ch_server *server;
	struct gen_span gen;
	struct span_batch spans;	/* all that are in the store */
};

/* How an export is done. */
struct export_how {
	const char *table;	/* in the database "otel" */
	const char *path;	/* NULL: everything */
	const char *set;	/* a further setting, or NULL */
	bool no_create, missing;
	size_t batch_rows;
	unsigned tries;		/* 0: 4 */
	void (*say)(void *arg, const char *words);
	void *arg;
};

enum {
	RIG_HOSTILE = 1,	/* texts that are not even UTF-8 */
	RIG_WILD = 2,		/* times of all centuries */
	RIG_TWINS = 4,		/* ids come twice, spans do not */
};
void export_rig_init(struct export_rig *, const struct ch_server *, uint64_t seed, size_t n,
    unsigned flags);
/* So many more, in a commit of their own. */
void export_rig_add(struct export_rig *, size_t n);
void export_rig_release(struct export_rig *);
int export_rig_run(const struct export_rig *, const struct export_how *, struct export_counts *,
    struct err *);
/* Of a table as it is now; the caller releases the batch. */
void export_rig_table(const struct export_rig *, const char *table, struct span_batch *);
/* Every span of the store is in the table as often as in the store, and nothing else. */
void export_rig_same(const struct export_rig *, const char *table);
uint64_t export_rig_count(const struct export_rig *, const char *table);

#endif
