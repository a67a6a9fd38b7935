/* SPDX-License-Identifier: ISC */
/*
 * cpu: which instructions beyond the baseline this processor has, asked of it once. Kernels
 * have a portable variant beside each that needs any, with the same results.
 */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#define CPU_POPCNT 1u
#define CPU_BMI2 2u		/* pext and pdep */
#define CPU_AVX2 4u
#define CPU_ALL 7u

/* Those of the above that it has and cpu_limit allows. */
unsigned cpu_features(void);
/* For tests: from now on only these are told of. Not while kernels run. */
void cpu_limit(unsigned mask);

#endif
