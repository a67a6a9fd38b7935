/* SPDX-License-Identifier: ISC */
/* bench_regret: what the optimizer's choices cost beside the best that could be forced. */
#ifndef TESTS_BENCH_REGRET_H
#define TESTS_BENCH_REGRET_H

#include "engine/engine_i.h"
#include "lib/gen_query_mix.h"

/*
 * Plans n queries of the mix, runs each as planned and with every candidate of the plan by
 * force, and prints how far the plans' work is from the least. Returns how many were measured.
 */
size_t regret_measure(struct engine *, const struct query_mix *, size_t n);
/* The same of aggregates over them (bench_groups.h); those of traces as a whole are left out. */
size_t regret_measure_groups(struct engine *, const struct query_mix *, size_t n);

#endif
