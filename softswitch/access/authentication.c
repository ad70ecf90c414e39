#include "authentication.h"

#include "clock.h"
#include "nonce.h"
#include "received.h"

#include <openssl/crypto.h>
#include <sofia-sip/msg_header.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct authentication {
	struct nonces *nonces;
};

int authentication_create(struct authentication **out)
{
	struct authentication *a = calloc(1, sizeof(*a));

	if (!a || nonces_create(&a->nonces)) {
		free(a);
		return -ENOMEM;
	}
	*out = a;
	return 0;
}

void authentication_destroy(struct authentication *a)
{
	if (!a)
		return;
	nonces_destroy(a->nonces);
	free(a);
}

/* The challenge ----------------------------------------------------------------------------- */

void authentication_challenge(struct text *t, const struct authentication_realm *realm,
	const struct received *rx, bool stale, bool simple)
{
	char nonce[NONCE_SIZE];

	nonce_make(nonce, rx->source, clock_now_ms());
	for (unsigned i = simple ? DIGEST_HASH_MD5 + 1 : DIGEST_HASH_ALGORITHMS; i-- > 0;)
		text_add_all(t, realm->by_proxy ? "Proxy" : "WWW", "-Authenticate: Digest realm=\"",
			realm->name, "\", nonce=\"", nonce, "\", algorithm=", digest_hash_name(i),
			", qop=\"auth\"", stale ? ", stale=true\r\n" : "\r\n", NULL);
}

/* The answer -------------------------------------------------------------------------------- */

/** A quoted string without its backslashes. @return false when it is too long */
static bool unescape(char out[AUTHENTICATION_USER_MAX], const struct digest_parameter *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->data[i] == '\\' && i + 1 < p->n)
			i++;
		if (n == AUTHENTICATION_USER_MAX - 1)
			return false;
		out[n++] = p->data[i];
	}
	out[n] = '\0';
	return true;
}

/** Eight hexadecimal digits, not 0. */
static bool read_count(const struct digest_parameter *nc, uint32_t *out)
{
	char digits[9], *end;

	if (nc->n != 8 || strspn(nc->data, "0123456789abcdefABCDEF") < 8)
		return false;
	memcpy(digits, nc->data, 8);
	digits[8] = '\0';
	*out = (uint32_t)strtoul(digits, &end, 16);
	return *out > 0;
}

/** @return false when there is a qop that we did not offer, or one without what belongs to it */
static bool read_qop(struct authentication_credentials *out, const msg_param_t *parameters)
{
	struct digest_parameter qop;

	out->count = 0;
	if (!msg_params_find(parameters, "qop="))
		return true;
	return digest_parameter_find(parameters, "qop=", &qop) && digest_parameter_is(&qop, "auth") &&
		digest_parameter_find(parameters, "nc=", &out->input.nc) &&
		digest_parameter_find(parameters, "cnonce=", &out->input.cnonce) &&
		read_count(&out->input.nc, &out->count);
}

static bool read(struct authentication_credentials *out, const msg_auth_t *line, const char *realm)
{
	struct digest_parameter of, user, name = digest_parameter_of("MD5");
	const msg_param_t *parameters = line->au_params;

	*out = (struct authentication_credentials){0};
	return line->au_scheme && !strcasecmp(line->au_scheme, "Digest") &&
		digest_parameter_find(parameters, "realm=", &of) && digest_parameter_equals(&of, realm) &&
		digest_parameter_find(parameters, "username=", &user) && unescape(out->user, &user) &&
		(!msg_params_find(parameters, "algorithm=") ||
			digest_parameter_find(parameters, "algorithm=", &name)) &&
		digest_hash_named(&name, &out->algorithm) &&
		digest_parameter_find(parameters, "nonce=", &out->input.nonce) &&
		digest_parameter_find(parameters, "uri=", &out->input.uri) &&
		digest_parameter_find(parameters, "response=", &out->response) && read_qop(out, parameters);
}

bool authentication_find(
	struct authentication_credentials *out, const sip_t *sip, const struct authentication_realm *realm)
{
	for (const msg_auth_t *line = sip->sip_authorization; line; line = line->au_next)
		if (read(out, line, realm->name))
			return true;
	for (const msg_auth_t *line = sip->sip_proxy_authorization; line; line = line->au_next)
		if (read(out, line, realm->name))
			return true;
	return false;
}

/** Digits of a hash may be in capitals in a table; what is hashed again is in lower case. */
static void to_lower(char out[DIGEST_HASH_MAX], const char *hash)
{
	char *to = out;

	for (; *hash && to < out + DIGEST_HASH_MAX - 1; hash++)
		*to++ = (char)tolower((unsigned char)*hash);
	*to = '\0';
}

/** Whether there is such an account, and whether its hash is known, must not be told from the time this takes. */
static bool is_right(const struct authentication_credentials *c, const struct authentication_account *account,
	const char *realm, const char *method)
{
	const struct digest_parameter of = digest_parameter_of(realm);
	char known[DIGEST_HASH_MAX];
	const char *password = account ? account->password : "";
	struct digest_hash_input input = c->input;
	char computed[DIGEST_HASH_MAX], expected[DIGEST_HASH_MAX];

	to_lower(known, account ? account->hash[c->algorithm] : "");
	input.method = digest_parameter_of(method);
	if (!digest_hash_account(c->algorithm, computed, c->user, &of, password) ||
		!digest_hash_response(c->algorithm, expected, known[0] ? known : computed, &input))
		return false;
	return (known[0] || password[0]) && c->response.n == strlen(expected) &&
		!CRYPTO_memcmp(c->response.data, expected, c->response.n);
}

enum authentication_verdict authentication_check(struct authentication *a,
	const struct authentication_credentials *credentials, const struct authentication_account *account,
	const struct authentication_realm *realm, const struct received *rx)
{
	if (!nonce_is_good(&credentials->input.nonce, rx->source, realm->lifetime_ms, clock_now_ms()))
		return AUTHENTICATION_STALE;
	if (!is_right(credentials, account, realm->name, rx->sip->sip_request->rq_method_name))
		return AUTHENTICATION_WRONG;
	return nonces_use(a->nonces, &credentials->input.nonce, credentials->count) ? AUTHENTICATION_RIGHT
										    : AUTHENTICATION_STALE;
}
