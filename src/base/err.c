/* SPDX-License-Identifier: ISC */
/* err: see base/err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const err_names[] = {
	[0] = "ok",
	[-ERR_SYNTAX] = "syntax",
	[-ERR_UNKNOWN] = "unknown",
	[-ERR_UNSUPPORTED] = "unsupported",
	[-ERR_NAMETOOLONG] = "name too long",
	[-ERR_TOOBIG] = "too big",
	[-ERR_CORRUPT] = "corrupt",
	[-ERR_IO] = "io",
	[-ERR_NOMEM] = "no memory",
	[-ERR_LIMIT] = "limit",
	[-ERR_TIMEOUT] = "timeout",
	[-ERR_CANCELLED] = "cancelled",
	[-ERR_BUSY] = "busy",
	[-ERR_VERSION] = "version",
	[-ERR_NOSPC] = "no space",
	[-ERR_ACCESS] = "access",
	[-ERR_NODATA] = "no data",
};

const char *
err_name(int code)
{
	size_t i = (size_t)-code;

	return code <= 0 && i < sizeof err_names / sizeof *err_names &&
	    err_names[i] != NULL ? err_names[i] : "unknown code";
}

int
err_set(struct err *e, int code, int64_t off, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return code;
	e->code = code;
	e->off = off;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	return code;
}

static int
code_of_errno(int no)
{
	switch (no) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NOSPC;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_ACCESS;
	case ENOMEM:
		return ERR_NOMEM;
	case ENOENT:
	case ENOTDIR:
		return ERR_UNKNOWN;
	default:
		return ERR_IO;
	}
}

int
err_errno(struct err *e, const char *fmt, ...)
{
	int no = errno, code = code_of_errno(no);
	va_list ap;
	int n;

	if (e == NULL)
		return code;
	e->code = code;
	e->off = -1;
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof e->msg)
		snprintf(e->msg + n, sizeof e->msg - (size_t)n, ": %s", strerror(no));
	return code;
}

int
err_nomem(struct err *e)
{
	return err_set(e, ERR_NOMEM, -1, "out of memory");
}

int
err_ctx(struct err *e, int code, const char *fmt, ...)
{
	char old[sizeof e->msg];
	va_list ap;
	int n;

	if (e == NULL)
		return code;
	memcpy(old, e->msg, sizeof old);
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	/* What does not fit is cut. */
	if (n > 0 && (size_t)n + 3 < sizeof e->msg)
		snprintf(e->msg + n, sizeof e->msg - (size_t)n, ": %.*s",
		    (int)(sizeof e->msg - (size_t)n - 3), old);
	return e->code;
}
