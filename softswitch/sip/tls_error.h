/** @file tls_error.h  What is wrong with a certificate, as negative numbers beside those of errno. */
#ifndef TLS_ERROR_H
#define TLS_ERROR_H

enum tls_error {
	TLS_ERROR_NAME = 5000,
	TLS_ERROR_FINGERPRINT,
	TLS_ERROR_EXPIRED,
	TLS_ERROR_NOT_YET_VALID,
	TLS_ERROR_NOT_TRUSTED,
	TLS_ERROR_REFUSED, /* the peer does not like ours, or misses it */
	TLS_ERROR_FILE,    /* ours cannot be read */
};
/** "certificate: expired" for -TLS_ERROR_EXPIRED. @return NULL for other errors */
const char *tls_error_words(int error);

#endif
