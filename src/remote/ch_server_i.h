/* SPDX-License-Identifier: ISC */
/* ch_server_i: what listings see of a server. */
#ifndef CH_SERVER_I_H
#define CH_SERVER_I_H

#include "remote/ch_server.h"

/* What its catalog said, kept. */
struct ch_known *ch_server_known(struct ch_server *);

#endif
