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

/* False if the text is no value of the setting. */
bool conf_value_parse(const struct conf_info *, struct sv, struct conf_value *);
/* "a size such as 64MiB, from 1MiB to 1PiB" */
void conf_value_expected(struct buf *, const struct conf_info *);

#endif
