#include "tls_error.h"

#include <stddef.h>

const char *tls_error_words(int error)
{
	static const char *const words[] = {
		"certificate: name mismatch", /* TLS_ERROR_NAME */
		[TLS_ERROR_FINGERPRINT - TLS_ERROR_NAME] = "certificate: fingerprint mismatch",
		[TLS_ERROR_EXPIRED - TLS_ERROR_NAME] = "certificate: expired",
		[TLS_ERROR_NOT_YET_VALID - TLS_ERROR_NAME] = "certificate: not yet valid",
		[TLS_ERROR_NOT_TRUSTED - TLS_ERROR_NAME] = "certificate: not trusted",
		[TLS_ERROR_REFUSED - TLS_ERROR_NAME] = "certificate: ours was refused",
		[TLS_ERROR_FILE - TLS_ERROR_NAME] = "certificate: ours cannot be read",
	};
	int i = -error - TLS_ERROR_NAME;

	return i >= 0 && i < (int)(sizeof(words) / sizeof(words[0])) ? words[i] : NULL;
}
