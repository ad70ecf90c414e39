/** @file tls_identity.h  Whom a connection must lead to, and whether a certificate is theirs (RFC 5922). */
#ifndef TLS_IDENTITY_H
#define TLS_IDENTITY_H

#include <openssl/types.h>

#include <stdbool.h>

struct tls_identity_demand {
	const char *name; /* host or proxy as the row has it: a name or an address */
	bool verify;      /* the certificate must be trusted, valid today, and bear this name */
	const char *
		fingerprint; /* SHA-256 in hexadecimal, colons allowed: this certificate instead of all that; "" = none */
	const char *certificate; /* file with our certificate and key; "" = agent.pem */
};

/** The same demand gives the same object, which lasts until tls_identity_forget(). */
struct tls_identity;

/** @return 0; -EINVAL for a fingerprint that is none, or too long a name; -ENOMEM */
int tls_identity_find(const struct tls_identity **out, const struct tls_identity_demand *demand);
void tls_identity_forget(void);

/** The demand it was made of, in one form. @param fingerprint  room for that text */
enum { TLS_IDENTITY_FINGERPRINT_MAX = 3 * 32 };
void tls_identity_demand(const struct tls_identity *identity, char fingerprint[TLS_IDENTITY_FINGERPRINT_MAX],
	struct tls_identity_demand *out);

/** @return NULL when it is an address */
const char *tls_identity_host(const struct tls_identity *identity);
/** The file with the certificate of ours to show. */
const char *tls_identity_certificate(const struct tls_identity *identity);

/**
 * May the handshake go on with this certificate? Its chain is not yet verified; the error of the chain is set: an address
 * or name it lacks is X509_V_ERR_HOSTNAME_MISMATCH, another fingerprint X509_V_ERR_CERT_REJECTED. A wildcard is no
 * identity, and the common name is not looked at (RFC 5922 sections 7.1 and 7.2).
 *
 * @param identity  NULL = whoever it is
 */
bool tls_identity_check(const struct tls_identity *identity, X509_STORE_CTX *chain);

/**
 * The domains that a certificate is for, in lower case.
 *
 * @param is  called for each until it returns true
 * @return true when it did
 */
bool tls_identity_find_name(const X509 *certificate, bool (*is)(const char *name, void *arg), void *arg);

#endif
