/* SPDX-License-Identifier: ISC */
/* fault_malloc: see fault_malloc.h. */
#include "lib/fault_malloc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
char *__real_strdup(const char *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
char *__wrap_strdup(const char *);
int __wrap_asprintf(char **, const char *, ...) __attribute__((format(printf, 2, 3)));

static atomic_bool on;
static atomic_ullong count, target;
static atomic_bool persistent;

static bool
strike(void)
{
	unsigned long long n, t;

	if (!atomic_load(&on))
		return false;
	n = atomic_fetch_add(&count, 1) + 1;
	t = atomic_load(&target);
	if (t == 0 || n < t || (n > t && !atomic_load(&persistent)))
		return false;
	errno = ENOMEM;
	return true;
}

void
fault_malloc_start(uint64_t nth, bool persist)
{
	atomic_store(&count, 0);
	atomic_store(&target, nth);
	atomic_store(&persistent, persist);
	atomic_store(&on, true);
}

uint64_t
fault_malloc_stop(void)
{
	atomic_store(&on, false);
	return atomic_load(&count);
}

void *
__wrap_malloc(size_t n)
{
	return strike() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return strike() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return strike() ? NULL : __real_realloc(p, n);
}

char *
__wrap_strdup(const char *s)
{
	return strike() ? NULL : __real_strdup(s);
}

int
__wrap_asprintf(char **out, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (strike())
		return -1;
	va_start(ap, fmt);
	n = vasprintf(out, fmt, ap);
	va_end(ap);
	return n;
}
