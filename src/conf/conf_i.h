/* SPDX-License-Identifier: ISC */
/* conf_i: what the parts of conf share: one setting's value. */
#ifndef CONF_CONF_I_H
#define CONF_CONF_I_H

#include "base/buf.h"
#include "conf/conf.h"

struct conf_value {
	char *text;		/* as given */
	char *where;		/* "/etc/spanfs.ini:12", "-o", "default" */
	bool given;
	uint64_t u;
	double d;
};

/* What tokens of some models cost, as given: [price MODEL]. */
struct conf_prices {
	struct conf_price_set *v;
	size_t n;
};

/* The MODEL of a section "price MODEL"; false for other sections. */
bool price_section(struct sv section, struct sv *model);
/* `where` as everywhere: "FILE:LINE" or "-o". */
int prices_set(struct conf_prices *, const char *where, struct sv model, struct sv name,
    struct sv text, struct err *) WARN_UNUSED;
void prices_print(struct buf *, const struct conf_prices *);
void prices_print_ini(struct buf *);
void prices_free(struct conf_prices *);
struct conf_price prices_at(const struct conf_prices *, size_t i);

/* False if the text is no value of the setting. */
bool conf_value_parse(const struct conf_info *, struct sv, struct conf_value *);
/* "a size such as 64MiB, from 1MiB to 1PiB" */
void conf_value_expected(struct buf *, const struct conf_info *);

#endif
