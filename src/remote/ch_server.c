/* SPDX-License-Identifier: ISC */
/* ch_server: see remote/ch_server.h. */
#include "remote/ch_server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ch_server_i.h"
#include "clickhouse/ch_open.h"
#include "clickhouse/ch_schema_read.h"

#define KNOWN_BYTES (16u << 20)
#define TIMES_BOUND_NS 10000000000ull	/* for the times that the table spans */
#define TIMES_PAUSE_NS 5000000000ull	/* before they are asked for again, where that failed */

struct ch_server {
	struct ch_client *client;
	struct ch_table table;
	char *database, *name;		/* what table borrows */
	struct ch_known *known;
	pthread_mutex_t lock;		/* guards what follows */
	struct ch_layout *layout;
	struct ch_span_times times;
	uint64_t times_mono_ns;		/* when they were asked for; 0: never */
	uint64_t times_failed_ns;	/* when that failed since; 0: it did not */
};

struct ch_client *
ch_server_client(struct ch_server *s)
{
	return s->client;
}

struct ch_known *
ch_server_known(struct ch_server *s)
{
	return s->known;
}

/* ---- the layout ---- */

static int
layout_read(struct ch_server *s, struct ch_layout **out, struct err *e)
{
	struct ch_layout *l = calloc(1, sizeof *l);
	int rc;

	if (l == NULL)
		return err_nomem(e);
	atomic_init(&l->refs, 1);
	if ((rc = ch_schema_read(s->client, s->table, &l->schema, e)) < 0) {
		free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void
ch_layout_put(struct ch_layout *l)
{
	if (l == NULL || atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	ch_schema_free(l->schema);
	free(l);
}

struct ch_layout *
ch_server_layout(struct ch_server *s)
{
	struct ch_layout *l;

	pthread_mutex_lock(&s->lock);
	l = s->layout;
	atomic_fetch_add(&l->refs, 1);
	pthread_mutex_unlock(&s->lock);
	return l;
}

int
ch_server_changed(struct ch_server *s, const struct ch_layout *old, struct err *e)
{
	struct ch_layout *fresh, *gone = NULL;
	bool same;
	int rc;

	if ((rc = layout_read(s, &fresh, e)) < 0)
		return rc;
	same = fresh->schema->fingerprint == old->schema->fingerprint;
	pthread_mutex_lock(&s->lock);
	gone = s->layout;
	s->layout = fresh;
	pthread_mutex_unlock(&s->lock);
	ch_layout_put(gone);
	return same;
}

/* ---- times ---- */

static int
times_ask(struct ch_server *s, const atomic_bool *cancel, uint64_t deadline_ns,
    struct ch_span_times *out, struct err *e)
{
	struct ch_layout *l = ch_server_layout(s);
	struct ch_asking ask = { .client = s->client, .schema = l->schema,
		.time_ns = TIMES_BOUND_NS, .deadline_ns = deadline_ns, .cancel = cancel,
		.comment = SV("spanfs: times") };
	struct ch_want want = { .topic = CH_EXTENT, .max = 1, .range = TIME_RANGE_ALL };
	struct ch_answer a;
	struct arena mem;
	int rc;

	arena_init(&mem);
	if ((rc = ch_catalog_ask(&ask, &want, &mem, &a, NULL, e)) == 0)
		*out = (struct ch_span_times){ a.extent.has_times, a.extent.first_ns,
			a.extent.last_ns, a.extent.has_rows ? a.extent.rows : 0 };
	arena_release(&mem);
	ch_layout_put(l);
	return rc;
}

int
ch_server_times(struct ch_server *s, uint64_t max_age_ns, const atomic_bool *cancel,
    uint64_t deadline_ns, struct ch_span_times *out, struct err *e)
{
	uint64_t now = clock_mono_ns();
	struct ch_span_times fresh;
	bool known, done;
	int rc;

	pthread_mutex_lock(&s->lock);
	*out = s->times;
	known = s->times_mono_ns != 0;
	done = known && (now - s->times_mono_ns <= max_age_ns ||
	    (s->times_failed_ns != 0 && now - s->times_failed_ns <= TIMES_PAUSE_NS));
	pthread_mutex_unlock(&s->lock);
	if (done)
		return 0;
	rc = times_ask(s, cancel, deadline_ns, &fresh, e);
	pthread_mutex_lock(&s->lock);
	s->times_failed_ns = rc < 0 ? clock_mono_ns() : 0;
	if (rc == 0) {
		*out = s->times = fresh;
		s->times_mono_ns = now;
	}
	pthread_mutex_unlock(&s->lock);
	return known && rc != ERR_CANCELLED ? 0 : rc;
}

/* ---- the whole of it ---- */

void
ch_server_close(struct ch_server *s)
{
	if (s == NULL)
		return;
	ch_layout_put(s->layout);
	ch_known_free(s->known);
	ch_client_free(s->client);
	pthread_mutex_destroy(&s->lock);
	free(s->database);
	free(s->name);
	free(s);
}

static int
keep_table(struct ch_server *s, struct ch_table t, struct err *e)
{
	s->database = strndup(t.database.n == 0 ? "" : t.database.p, t.database.n);
	s->name = strndup(t.name.p, t.name.n);
	if (s->database == NULL || s->name == NULL)
		return err_nomem(e);
	s->table = (struct ch_table){ sv_cstr(s->database), sv_cstr(s->name) };
	return 0;
}

int
ch_server_open(const struct conf *c, struct ch_server **out, struct err *e)
{
	struct ch_server *s = calloc(1, sizeof *s);
	struct ch_table t;
	int rc;

	if (s == NULL)
		return err_nomem(e);
	pthread_mutex_init(&s->lock, NULL);
	if ((rc = ch_open_conf(c, &s->client, &t, e)) < 0 || (rc = keep_table(s, t, e)) < 0 ||
	    (rc = ch_known_new(KNOWN_BYTES, &s->known, e)) < 0 ||
	    (rc = layout_read(s, &s->layout, e)) < 0) {
		ch_server_close(s);
		return rc;
	}
	*out = s;
	return 0;
}
