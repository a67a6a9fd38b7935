/* SPDX-License-Identifier: ISC */
/*
 * shadow: [shadow] sample_rate of the queries that have given their reader an answer are run
 * again in the background and compared: shadow.c.
 */
#ifndef WATCH_SHADOW_H
#define WATCH_SHADOW_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "watch/counters.h"
#include "watch/second.h"

struct shadow_job;

struct shadow {
	const struct conf *_Atomic *conf;	/* the owner's, which a reload replaces */
	const struct counters *counters;	/* that say what is running */
	pthread_mutex_t lock;		/* guards what follows, but for what is atomic */
	pthread_cond_t work, idle;
	pthread_t thread;
	bool started, stop, busy;
	struct shadow_job *head, **tail;
	unsigned n_queued;
	size_t queued_bytes;
	struct buf *reports;		/* of mismatches: a ring */
	size_t n_reports, next_report;
	atomic_bool cancel;		/* the run at work */
	atomic_ullong drawn;		/* queries asked about */
	atomic_ullong sampled, same, different, undecided, dropped, further, ns;
	uint64_t seed;
};

void shadow_init(struct shadow *, const struct conf *_Atomic *, const struct counters *);
/* Ends the run at work and its thread; what comes later is dropped. Before what runs queries is freed. */
void shadow_stop(struct shadow *);
void shadow_release(struct shadow *);
/* Shall the next query be run again? Draws. */
bool shadow_draws(struct shadow *);
/* One that was drawn has ended with that code: counts it. False: there is nothing to learn from it. */
bool shadow_samples(struct shadow *, int code);
/*
 * Takes over what is to be run (query NULL: there was no memory for it), or drops it. `conf`:
 * what the reader's ran with.
 */
void shadow_add(struct shadow *, struct second *, const struct conf *conf);
void shadow_print(struct shadow *, struct buf *);	/* .spanfs/shadow */
/* Waits until nothing is queued nor runs: for tests. */
void shadow_drain(struct shadow *);

#endif
