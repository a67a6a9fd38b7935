/* SPDX-License-Identifier: ISC */
/*
 * redis_resolve: the addresses of a host. The system's resolver may take many seconds and can't be
 * stopped, so it is asked on a thread of its own, which is left alone when it is late.
 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "redis_i.h"

struct lookup {
	atomic_uint refs;		/* who asks, and the thread */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
	int code;
	struct addrinfo *found;
	char *host, *port;
};

static void
lookup_unref(struct lookup *k)
{
	if (atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	if (k->found != NULL)
		freeaddrinfo(k->found);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k->host);
	free(k->port);
	free(k);
}

static int
ask(const char *host, const char *port, int flags, struct addrinfo **found)
{
	struct addrinfo hints = { .ai_flags = flags | AI_NUMERICSERV, .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM };

	return getaddrinfo(host, port, &hints, found);
}

static void *
lookup_main(void *arg)
{
	struct lookup *k = arg;
	struct addrinfo *found = NULL;
	int code = ask(k->host, k->port, AI_ADDRCONFIG, &found);

	pthread_mutex_lock(&k->lock);
	k->code = code;
	k->found = code == 0 ? found : NULL;
	k->done = true;
	pthread_cond_signal(&k->changed);
	pthread_mutex_unlock(&k->lock);
	lookup_unref(k);
	return NULL;
}

static struct lookup *
lookup_new(const char *host, const char *port)
{
	struct lookup *k = calloc(1, sizeof *k);
	pthread_condattr_t attr;

	if (k == NULL)
		return NULL;
	atomic_init(&k->refs, 1);
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &attr);
	pthread_condattr_destroy(&attr);
	if ((k->host = strdup(host)) == NULL || (k->port = strdup(port)) == NULL) {
		lookup_unref(k);
		return NULL;
	}
	return k;
}

static bool
lookup_start(struct lookup *k)
{
	pthread_attr_t attr;
	pthread_t t;
	int no;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	atomic_fetch_add(&k->refs, 1);
	if ((no = pthread_create(&t, &attr, lookup_main, k)) != 0)
		atomic_fetch_sub(&k->refs, 1);
	pthread_attr_destroy(&attr);
	return no == 0;
}

#define STEP_NS 20000000u	/* between two looks whether to stop */

static int
lookup_wait(struct lookup *k, const struct limit *lim, struct addrinfo **out, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&k->lock);
	while (!k->done && rc == 0) {
		uint64_t now = clock_mono_ns(), until = now + STEP_NS;
		struct timespec t = { (time_t)(until / 1000000000u), (long)(until % 1000000000u) };

		if (now >= limit_end(lim))
			rc = err_set(e, ERR_TIMEOUT, -1, "its name was not resolved in time");
		else
			pthread_cond_timedwait(&k->changed, &k->lock, &t);
	}
	if (rc == 0 && k->code != 0)
		rc = err_set(e, ERR_IO, -1, "its name: %s", gai_strerror(k->code));
	if (rc == 0) {
		*out = k->found;
		k->found = NULL;
	}
	pthread_mutex_unlock(&k->lock);
	return rc;
}

int
resolve(const char *host, const char *port, const struct limit *lim, struct addrinfo **out,
    struct err *e)
{
	struct lookup *k;
	int rc;

	if (ask(host, port, AI_NUMERICHOST, out) == 0)
		return 0;
	if ((k = lookup_new(host, port)) == NULL)
		return err_nomem(e);
	rc = lookup_start(k) ? lookup_wait(k, lim, out, e) :
	    err_set(e, ERR_NOMEM, -1, "no thread to resolve its name");
	lookup_unref(k);
	return rc;
}
