/* SPDX-License-Identifier: ISC */
/*
 * conf: settings. One table (conf_keys.h) says of every key its section, name, type, unit,
 * range, default and help; etc/spanfs.ini, the manual's list, the checks and .spanfs/config
 * come from it. Values come from, later over earlier: the table, a file, -o section.key=value.
 *
 * A wrong value, an unknown or doubled key, an unknown section or a line longer than inih
 * takes is ERR_SYNTAX with file, line and what was expected.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/buf.h"
#include "base/err.h"

enum conf_type {
	CONF_STRING,	/* char * */
	CONF_BOOL,	/* yes no true false on off 1 0 */
	CONF_INT,	/* uint64_t */
	CONF_SIZE,	/* bytes: 512, 64KiB, 1GiB, 10MB */
	CONF_DURATION,	/* ns: 30s, 100ms, 0 */
	CONF_DOUBLE,
	CONF_ENUM,	/* one of the words in the table, as its index */
};

enum conf_key {
#define X(id, ...) CONF_##id,
#include "conf/conf_keys.h"
#undef X
	N_CONF_KEYS
};

struct conf_info {
	const char *section, *name;
	enum conf_type type;
	const char *def;	/* default, as text */
	double min, max;	/* of numbers, sizes (bytes), durations (ns) */
	const char *words;	/* CONF_ENUM: "hdd ssd memory" */
	const char *help;	/* one sentence */
};
extern const struct conf_info conf_table[N_CONF_KEYS];

struct conf;	/* a complete set of values, immutable */

/* file NULL: defaults only. `sets`: n texts "section.key=value". */
int conf_load(const char *file, const char *const *sets, size_t n, struct conf **, struct err *)
    WARN_UNUSED;
void conf_free(struct conf *);
const char *conf_str(const struct conf *, enum conf_key);
bool conf_bool(const struct conf *, enum conf_key);
uint64_t conf_u64(const struct conf *, enum conf_key);	/* INT, SIZE, DURATION, ENUM */
#define SIZES_LAZY 1	/* of [mount] sizes */
#define AGGREGATES_EXACT 1	/* of [query] aggregates */
double conf_double(const struct conf *, enum conf_key);
/* What the tokens of the models that a glob matches cost: USD per million. */
struct conf_price {
	const char *model;
	double input, cached, output;
};
size_t conf_n_prices(const struct conf *);
struct conf_price conf_price(const struct conf *, size_t i);
/* Where a value came from: "/etc/spanfs.ini:12", "-o", "default". */
const char *conf_where(const struct conf *, enum conf_key);
/* "query.timeout=30s\t(default)", "...\t(/etc/spanfs.ini:12)", "...\t(-o)", a line each, table order. Secrets never. */
void conf_print(struct buf *, const struct conf *);
/* The commented INI file with every key at its default. */
void conf_print_ini(struct buf *);

#endif
