#include "tls.h"

#include "log.h"
#include "tls_error.h"
#include "tls_files.h"
#include "tls_identity.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

static const char own_certificate[] = "agent.pem";

struct tls {
	struct tls_files *files;
};

/* Verdicts ---------------------------------------------------------------------------------- */

/** OpenSSL has the certificates of the peer. @return 0 ends the handshake */
static int on_certificate(X509_STORE_CTX *chain, void *arg)
{
	const SSL *connection = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());

	(void)arg;
	if (!SSL_is_server(connection))
		return tls_identity_check(SSL_get_app_data(connection), chain);
	/*
	 * Anybody may connect; tls_find_name() looks at the result. A customer's certificate need not be one for clients,
	 * since public authorities no longer issue those.
	 */
	X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(chain), X509_PURPOSE_ANY);
	if (X509_verify_cert(chain) <= 0 && X509_STORE_CTX_get_error(chain) == X509_V_OK)
		X509_STORE_CTX_set_error(chain, X509_V_ERR_UNSPECIFIED);
	ERR_clear_error();
	return 1;
}

int tls_failure(const SSL *connection)
{
	switch (SSL_is_server(connection) ? X509_V_OK : SSL_get_verify_result(connection)) {
	case X509_V_OK:
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return -TLS_ERROR_NAME;
	case X509_V_ERR_CERT_REJECTED:
		return -TLS_ERROR_FINGERPRINT;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return -TLS_ERROR_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return -TLS_ERROR_NOT_YET_VALID;
	default:
		return -TLS_ERROR_NOT_TRUSTED;
	}
	switch (ERR_GET_REASON(ERR_peek_last_error()) - SSL_AD_REASON_OFFSET) { /* an alert of the peer */
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_CERTIFICATE_REQUIRED:
		return -TLS_ERROR_REFUSED;
	default:
		return -EPROTO;
	}
}

bool tls_find_name(const SSL *connection, bool (*is)(const char *name, void *arg), void *arg)
{
	X509 *certificate = SSL_get0_peer_certificate(connection);

	return certificate && SSL_is_server(connection) && SSL_get_verify_result(connection) == X509_V_OK &&
		tls_identity_find_name(certificate, is, arg);
}

/* Connections ------------------------------------------------------------------------------- */

static void prepare(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* A connection that resumes another would bring no certificate. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_certificate, NULL);
}

/** Log why a file that has changed cannot be used. @return NULL when none could ever be */
static SSL_CTX *context_of(struct tls *tls, const char *certificate)
{
	char why[TLS_FILES_WHY_MAX];
	SSL_CTX *ctx = tls_files_context(tls->files, certificate, why);

	if (why[0])
		log_error(NULL, "certificate file cannot be used in_use=%s error=%s",
			ctx ? "the one before" : "none", why);
	return ctx;
}

SSL *tls_accept(struct tls *tls)
{
	SSL *connection = SSL_new(context_of(tls, own_certificate));

	if (connection)
		SSL_set_accept_state(connection);
	return connection;
}

int tls_connect(SSL **out, struct tls *tls, const struct tls_identity *identity)
{
	SSL_CTX *ctx = context_of(tls, identity ? tls_identity_certificate(identity) : own_certificate);
	const char *host = identity ? tls_identity_host(identity) : NULL;
	SSL *connection;

	if (!ctx)
		return -TLS_ERROR_FILE;
	connection = SSL_new(ctx);
	if (!connection)
		return -ENOMEM;
	SSL_set_connect_state(connection);
	SSL_set_app_data(connection, (void *)identity);
	if (host && SSL_set_tlsext_host_name(connection, host) != 1) {
		SSL_free(connection);
		return -ENOMEM;
	}
	*out = connection;
	return 0;
}

/* Life -------------------------------------------------------------------------------------- */

int tls_create(struct tls **out, const char *folder, char *error, size_t size)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	char why[TLS_FILES_WHY_MAX];

	if (!tls || tls_files_create(&tls->files, folder, prepare)) {
		free(tls);
		return -ENOMEM;
	}
	if (tls_files_context(tls->files, own_certificate, why)) {
		*out = tls;
		return 0;
	}
	snprintf(error, size, "%s/%s", folder, why);
	tls_destroy(tls);
	return -TLS_ERROR_FILE;
}

void tls_destroy(struct tls *tls)
{
	if (!tls)
		return;
	tls_files_destroy(tls->files);
	tls_identity_forget();
	free(tls);
}
