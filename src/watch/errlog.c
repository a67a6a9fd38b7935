/* SPDX-License-Identifier: ISC */
/* errlog: the last errors in words, for .spanfs/errors: newest first, with a caret under the segment. */
#include "watch/errlog.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/visible.h"
#include "model/when.h"

void
errlog_init(struct errlog *l)
{
	pthread_mutex_init(&l->lock, NULL);
	l->v = NULL;
	l->n = l->next = 0;
}

void
errlog_release(struct errlog *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
	pthread_mutex_destroy(&l->lock);
}

void
errlog_add(struct errlog *l, struct sv path, struct requester who, const struct err *err)
{
	char *copy = strndup(path.p ? path.p : "", path.n);

	pthread_mutex_lock(&l->lock);
	if (l->v == NULL)
		l->v = calloc(LIMIT_ERRORS_KEPT, sizeof *l->v);
	if (l->v == NULL || copy == NULL)
		free(copy);
	else {
		struct errlog_entry *x = &l->v[l->next];

		free(x->path);
		*x = (struct errlog_entry){ clock_wall_ns(), who, copy, *err };
		l->next = (l->next + 1) % LIMIT_ERRORS_KEPT;
		if (l->n < LIMIT_ERRORS_KEPT)
			l->n++;
	}
	pthread_mutex_unlock(&l->lock);
}

void
errlog_print(struct errlog *l, struct requester asks, struct buf *out)
{
	pthread_mutex_lock(&l->lock);
	for (size_t k = 0; k < l->n; k++) {
		const struct errlog_entry *x =
		    &l->v[(l->next + LIMIT_ERRORS_KEPT - 1 - k) % LIMIT_ERRORS_KEPT];

		if (!may_see(asks, x->who))
			continue;
		when_print(out, x->wall_ns);
		buf_printf(out, " uid %u pid %u: ", x->who.uid, x->who.pid);
		visible_text(out, sv_cstr(x->err.msg), 0);
		/* Of a damaged file the offset is one in that file, not in the path. */
		if (x->err.code == ERR_CORRUPT && x->err.off >= 0)
			buf_printf(out, " (offset %lld)", (long long)x->err.off);
		BUF_LIT(out, "\n");
		visible_caret(out, sv_cstr(x->path),
		    x->err.code == ERR_CORRUPT ? -1 : x->err.off);
	}
	pthread_mutex_unlock(&l->lock);
}
