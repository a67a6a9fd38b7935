/* SPDX-License-Identifier: ISC */
/* query_i: what binding and printing share of the canonical form. */
#ifndef QUERY_QUERY_I_H
#define QUERY_QUERY_I_H

#include "query/query.h"

/* A predicate as canonical clauses: "/service/checkout", "/any/kind/client/status/error/end". */
void pred_path_print(struct buf *, const struct pred *);
/* The values of a leaf, encoded, as one segment; `alias`: long ones by their "%~" name. */
void pred_values_print(struct buf *, const struct pred *, bool alias);
/* True of a leaf that asks for services by name. */
bool pred_names_services(const struct pred *);
/* True of a leaf that names what a store may never have seen: a service or an attribute. */
bool pred_names(const struct pred *);
/* The rank of the keyword that its text begins with. */
unsigned pred_rank(const struct pred *);

#endif
