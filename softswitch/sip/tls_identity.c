#include "tls_identity.h"

#include "keyed_table.h"
#include "text.h"
#include "utf8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FINGERPRINT_SIZE = 32 };

/** A demand in one form, to be compared. */
struct demand {
	char name[NAME_MAX + 1]; /* in lower case */
	char certificate[NAME_MAX + 1];
	unsigned char fingerprint[FINGERPRINT_SIZE];
	bool verify, pinned;
};

struct tls_identity {
	struct demand wanted;
	UT_hash_handle hh;
};

static struct tls_identity *identities;

static bool is_address(const char *name)
{
	unsigned char any[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, any) == 1 || inet_pton(AF_INET6, name, any) == 1;
}

/* Certificates ------------------------------------------------------------------------------ */

/** A DNS name, or a SIP URI that has no user (RFC 5922 section 7.1). @return false when it is neither */
static bool read_name(char out[NAME_MAX + 1], const GENERAL_NAME *one)
{
	const ASN1_IA5STRING *text = one->type == GEN_DNS ? one->d.dNSName
		: one->type == GEN_URI                    ? one->d.uniformResourceIdentifier
							  : NULL;
	const size_t n = text ? (size_t)ASN1_STRING_length(text) : 0;
	const char *s = text ? (const char *)ASN1_STRING_get0_data(text) : NULL;
	size_t skip = one->type == GEN_URI ? strlen("sip:") : 0;

	if (n <= skip || n - skip > NAME_MAX || memchr(s, '\0', n) || memchr(s, '@', n) ||
		strncasecmp(s, "sip:", skip) != 0)
		return false;
	utf8_lower(out, s + skip, n - skip);
	return true;
}

bool tls_identity_find_name(const X509 *certificate, bool (*is)(const char *name, void *arg), void *arg)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	char name[NAME_MAX + 1];
	bool found = false;

	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++)
		found = read_name(name, sk_GENERAL_NAME_value(names, i)) && is(name, arg);
	GENERAL_NAMES_free(names);
	return found;
}

static bool is_same(const char *name, void *wanted)
{
	return !strcmp(name, wanted);
}

static bool has_fingerprint(const X509 *certificate, const unsigned char fingerprint[FINGERPRINT_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	return X509_digest(certificate, EVP_sha256(), digest, &n) == 1 && n == FINGERPRINT_SIZE &&
		!memcmp(digest, fingerprint, FINGERPRINT_SIZE);
}

/** @return X509_V_OK or another of its numbers */
static int judge(const struct demand *wanted, X509_STORE_CTX *chain)
{
	X509 *certificate = X509_STORE_CTX_get0_cert(chain);
	bool bears;

	if (wanted->pinned)
		return has_fingerprint(certificate, wanted->fingerprint) ? X509_V_OK
									 : X509_V_ERR_CERT_REJECTED;
	if (!wanted->verify)
		return X509_V_OK;
	if (X509_verify_cert(chain) <= 0) {
		int error = X509_STORE_CTX_get_error(chain);

		return error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error;
	}
	bears = is_address(wanted->name) ? X509_check_ip_asc(certificate, wanted->name, 0) == 1
					 : tls_identity_find_name(certificate, is_same, (void *)wanted->name);
	return bears ? X509_V_OK : X509_V_ERR_HOSTNAME_MISMATCH;
}

bool tls_identity_check(const struct tls_identity *identity, X509_STORE_CTX *chain)
{
	int result = identity ? judge(&identity->wanted, chain) : X509_V_OK;

	X509_STORE_CTX_set_error(chain, result);
	return result == X509_V_OK;
}

/* All of them ------------------------------------------------------------------------------- */

/** Pairs of hexadecimal digits, with or without colons between them. */
static int parse_fingerprint(unsigned char out[FINGERPRINT_SIZE], const char *text)
{
	size_t n = 0;

	return OPENSSL_hexstr2buf_ex(out, FINGERPRINT_SIZE, &n, text, ':') && n == FINGERPRINT_SIZE ? 0
												    : -EINVAL;
}

int tls_identity_find(const struct tls_identity **out, const struct tls_identity_demand *demand)
{
	struct tls_identity *found, *made;
	struct demand wanted;
	const char *name = demand->name + (demand->name[0] == '['), *certificate;
	size_t n = strcspn(name, "]");
	unsigned hash; /* of what differs; most of the bytes are 0 */

	if (n > NAME_MAX)
		return -EINVAL;
	memset(&wanted, 0, sizeof(wanted)); /* compared byte by byte */
	wanted.verify = demand->verify;
	wanted.pinned = demand->fingerprint[0] != '\0';
	if (wanted.pinned && parse_fingerprint(wanted.fingerprint, demand->fingerprint))
		return -EINVAL;
	utf8_lower(wanted.name, name, n);
	if (n && wanted.name[n - 1] == '.') /* the root of DNS */
		wanted.name[n - 1] = '\0';
	certificate = demand->certificate[0] ? demand->certificate : "agent.pem";
	text_fit(wanted.certificate, sizeof(wanted.certificate), certificate);
	hash = (unsigned)token_hash(token_hash(0, wanted.name), wanted.certificate);
	HASH_FIND_BYHASHVALUE(hh, identities, &wanted, sizeof(wanted), hash, found);
	if (!found) {
		made = malloc(sizeof(*made));
		if (!made)
			return -ENOMEM;
		made->wanted = wanted;
		HASH_ADD_BYHASHVALUE(hh, identities, wanted, sizeof(wanted), hash, made);
		if (!made->hh.tbl) {
			free(made);
			return -ENOMEM;
		}
		found = made;
	}
	*out = found;
	return 0;
}

void tls_identity_demand(const struct tls_identity *identity, char fingerprint[TLS_IDENTITY_FINGERPRINT_MAX],
	struct tls_identity_demand *out)
{
	const struct demand *wanted = &identity->wanted;
	size_t n;

	fingerprint[0] = '\0';
	if (wanted->pinned)
		OPENSSL_buf2hexstr_ex(fingerprint, TLS_IDENTITY_FINGERPRINT_MAX, &n, wanted->fingerprint,
			FINGERPRINT_SIZE, ':');
	*out = (struct tls_identity_demand){wanted->name, wanted->verify, fingerprint, wanted->certificate};
}

const char *tls_identity_host(const struct tls_identity *identity)
{
	return is_address(identity->wanted.name) ? NULL : identity->wanted.name;
}

const char *tls_identity_certificate(const struct tls_identity *identity)
{
	return identity->wanted.certificate;
}

void tls_identity_forget(void)
{
	struct tls_identity *identity, *next;

	HASH_ITER (hh, identities, identity, next) {
		/* uthash keeps nothing of what it has deleted. */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		HASH_DEL(identities, identity);
		free(identity);
	}
}
