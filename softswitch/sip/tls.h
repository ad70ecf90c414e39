/** @file tls.h  Connections over TLS: what we show, whom they lead to, and who shows what to us. */
#ifndef TLS_H
#define TLS_H

#include <openssl/types.h>

#include <stdbool.h>
#include <stddef.h>

struct tls;
struct tls_identity;

/**
 * Use the certificates of this folder: agent.pem, and cafile.pem with the authorities we trust; without it those of the
 * system. A file that changes counts from the next connection on; if it cannot be used, what was read before stays.
 *
 * @param error  receives one plain line when the result is not 0
 * @return 0; -TLS_ERROR_FILE; -ENOMEM
 */
int tls_create(struct tls **out, const char *folder, char *error, size_t size);
/** Connections may outlive it. NULL is fine. */
void tls_destroy(struct tls *tls);

/** A connection that the other side opened. Anybody may, with any certificate or none. @return NULL without memory */
SSL *tls_accept(struct tls *tls);
/**
 * A connection that we open. Its handshake fails unless it leads to whom it should.
 *
 * @param identity  NULL = whoever it is
 * @return 0; -TLS_ERROR_FILE when our certificate for it cannot be read; -ENOMEM
 */
int tls_connect(SSL **out, struct tls *tls, const struct tls_identity *identity);

/** Why OpenSSL has just reported an error. @return -TLS_ERROR_...; -EPROTO when certificates are not to blame */
int tls_failure(const SSL *connection);

/**
 * The names in the certificate of the other side of a connection it opened, in lower case. If we do not trust the
 * certificate, there are none.
 *
 * @param is  called for each until it returns true
 * @return true when it did
 */
bool tls_find_name(const SSL *connection, bool (*is)(const char *name, void *arg), void *arg);

#endif
