/** @file resolver_error.h  Why a name was not resolved, as negative numbers beside those of errno. -ENOENT is no such name. */
#ifndef RESOLVER_ERROR_H
#define RESOLVER_ERROR_H

enum resolver_error {
	RESOLVER_ERROR_TIMEOUT = 5100, /* no server answered in time */
	RESOLVER_ERROR_UNREACHABLE,    /* no server takes questions */
	RESOLVER_ERROR_SERVFAIL,
	RESOLVER_ERROR_REFUSED,
	RESOLVER_ERROR_MALFORMED, /* answers that cannot be read */
};
/** "DNS timeout" for -RESOLVER_ERROR_TIMEOUT. @return NULL for other errors */
const char *resolver_error_words(int error);

#endif
