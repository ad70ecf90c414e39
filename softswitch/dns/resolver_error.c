#include "resolver_error.h"

#include <stddef.h>

const char *resolver_error_words(int error)
{
	static const char *const words[] = {
		"DNS timeout", /* RESOLVER_ERROR_TIMEOUT */
		[RESOLVER_ERROR_UNREACHABLE - RESOLVER_ERROR_TIMEOUT] = "DNS server not reached",
		[RESOLVER_ERROR_SERVFAIL - RESOLVER_ERROR_TIMEOUT] = "DNS server failure",
		[RESOLVER_ERROR_REFUSED - RESOLVER_ERROR_TIMEOUT] = "DNS query refused",
		[RESOLVER_ERROR_MALFORMED - RESOLVER_ERROR_TIMEOUT] = "DNS answer malformed",
	};
	int i = -error - RESOLVER_ERROR_TIMEOUT;

	return i >= 0 && i < (int)(sizeof(words) / sizeof(words[0])) ? words[i] : NULL;
}
