/* SPDX-License-Identifier: ISC */
/* cpu: see base/cpu.h. Two threads may both ask; they get the same answer. */
#include "base/cpu.h"

#include <stdatomic.h>

#define KNOWN 0x80000000u

static atomic_uint features;
static atomic_uint limit = CPU_ALL;

static unsigned
ask(void)
{
	unsigned f = 0;

#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("popcnt"))
		f |= CPU_POPCNT;
	if (__builtin_cpu_supports("bmi2"))
		f |= CPU_BMI2;
	if (__builtin_cpu_supports("avx2"))
		f |= CPU_AVX2;
#endif
	return f;
}

unsigned
cpu_features(void)
{
	unsigned f = atomic_load_explicit(&features, memory_order_relaxed);

	if (f == 0) {
		f = ask() | KNOWN;
		atomic_store_explicit(&features, f, memory_order_relaxed);
	}
	return f & atomic_load_explicit(&limit, memory_order_relaxed);
}

void
cpu_limit(unsigned mask)
{
	atomic_store(&limit, mask & CPU_ALL);
}
