/* SPDX-License-Identifier: ISC */
/* ch_engine_open: an engine over a table of a ClickHouse server, as a test asks it. */
#ifndef TESTS_CH_ENGINE_OPEN_H
#define TESTS_CH_ENGINE_OPEN_H

#include "engine/engine_i.h"
#include "lib/ch_server.h"

struct ch_engine {
	struct conf *conf;
	struct engine *en;
};

/* The test fails if it can't be opened. `timeout`: [clickhouse] timeout, "5s". */
void ch_engine_open(struct ch_engine *, const struct ch_server *, const char *table, const char *timeout);
void ch_engine_close(struct ch_engine *);

#endif
