#include "digest.h"

#include <openssl/evp.h>
#include <sofia-sip/msg_header.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/** Answers to a server that calls every nonce stale. */
enum { ANSWERS_MAX = 4, HASH_HEX = 2 * EVP_MAX_MD_SIZE + 1 };

static const struct algorithm {
	const char *name;
	const EVP_MD *(*hash)(void);
} algorithms[] = {{"MD5", EVP_md5}, {"SHA-256", EVP_sha256}};

/** Hash of the strings up to a NULL, with colons between them, in hexadecimal. @return false when libcrypto refuses */
static bool hash(const struct algorithm *algorithm, char out[HASH_HEX], ...)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context && EVP_DigestInit_ex(context, algorithm->hash(), NULL);
	const char *s, *colon = "";
	va_list ap;

	va_start(ap, out);
	while (ok && (s = va_arg(ap, const char *))) {
		ok = EVP_DigestUpdate(context, colon, strlen(colon)) &&
			EVP_DigestUpdate(context, s, strlen(s));
		colon = ":";
	}
	va_end(ap);
	ok = ok && EVP_DigestFinal_ex(context, bytes, &n);
	EVP_MD_CTX_free(context);
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return ok;
}

/** A parameter of the challenge without its quotes. */
static bool parameter(const msg_auth_t *challenge, const char *name, char *out, size_t size)
{
	const char *v = msg_params_find(challenge->au_params, name);
	size_t n;

	if (!v)
		return false;
	n = strlen(v);
	if (n >= 2 && v[0] == '"' && v[n - 1] == '"') {
		v++;
		n -= 2;
	}
	if (n >= size)
		return false;
	memcpy(out, v, n);
	out[n] = '\0';
	return true;
}

/** Is this word in a list like "auth,auth-int"? */
static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t skip = strspn(list, ", \t"), len = strcspn(list + skip, ", \t");

		if (len == n && !strncasecmp(list + skip, word, n))
			return true;
		list += skip + len;
	}
	return false;
}

static const struct algorithm *algorithm_of(const msg_auth_t *challenge)
{
	char name[32] = "MD5";

	if (msg_params_find(challenge->au_params, "algorithm=") &&
		!parameter(challenge, "algorithm=", name, sizeof(name)))
		return NULL;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (!strcasecmp(name, algorithms[i].name))
			return &algorithms[i];
	return NULL;
}

static bool is_known(const msg_auth_t *challenge)
{
	char qop[64];

	return challenge->au_scheme && !strcasecmp(challenge->au_scheme, "Digest") &&
		algorithm_of(challenge) &&
		(!msg_params_find(challenge->au_params, "qop=") ||
			(parameter(challenge, "qop=", qop, sizeof(qop)) && listed(qop, "auth")));
}

/** The first challenge that we support, of this realm if there is one. */
static const msg_auth_t *choose(const sip_t *response, const char *realm)
{
	const msg_auth_t *c = response->sip_status->st_status == 407 ? response->sip_proxy_authenticate
								     : response->sip_www_authenticate;
	const msg_auth_t *other = NULL;
	char of[256];

	for (; c; c = c->au_next) {
		if (!is_known(c))
			continue;
		if (!realm || !realm[0] || (parameter(c, "realm=", of, sizeof(of)) && !strcmp(of, realm)))
			return c;
		if (!other)
			other = c;
	}
	return other;
}

bool digest_may_answer(struct digest_tries *tries, const sip_t *challenge)
{
	const msg_auth_t *c = choose(challenge, NULL);
	char stale[8] = "";

	if (c)
		parameter(c, "stale=", stale, sizeof(stale));
	if (tries->answered == ANSWERS_MAX || (tries->answered && strcasecmp(stale, "true")))
		return false;
	tries->answered++;
	return true;
}

/** The user name comes from a table and may need quoting; the rest is repeated as the server wrote it. */
static void add_user(struct text *t, const char *user)
{
	for (; *user; user++) {
		if (*user == '"' || *user == '\\')
			text_add(t, "\\");
		text_add_bytes(t, user, 1);
	}
}

int digest_answer(struct text *t, const sip_t *challenge, const struct digest_credentials *credentials,
	const char *method, const char *uri, const char *cnonce)
{
	static const char nc[] = "00000001"; /* each nonce is used once */
	bool proxy = challenge->sip_status->st_status == 407, with_qop;
	const msg_auth_t *c = choose(challenge, credentials->realm);
	const struct algorithm *algorithm;
	char realm[256], nonce[512], opaque[512], qop[64], a1[HASH_HEX], a2[HASH_HEX], response[HASH_HEX];

	if (!credentials->user || !credentials->user[0])
		return -EINVAL;
	if (!c || !parameter(c, "realm=", realm, sizeof(realm)) ||
		!parameter(c, "nonce=", nonce, sizeof(nonce)))
		return -ENOENT;
	algorithm = algorithm_of(c);
	with_qop = parameter(c, "qop=", qop, sizeof(qop));
	if (!hash(algorithm, a1, credentials->user, realm, credentials->password, NULL) ||
		!hash(algorithm, a2, method, uri, NULL))
		return -ENOTSUP;
	if (with_qop ? !hash(algorithm, response, a1, nonce, nc, cnonce, "auth", a2, NULL)
		     : !hash(algorithm, response, a1, nonce, a2, NULL))
		return -ENOTSUP;
	text_add_all(t, proxy ? "Proxy-Authorization" : "Authorization", ": Digest username=\"", NULL);
	add_user(t, credentials->user);
	text_add_all(t, "\", realm=\"", realm, "\", nonce=\"", nonce, "\", uri=\"", uri, "\", response=\"",
		response, "\", algorithm=", algorithm->name, NULL);
	if (with_qop)
		text_add_all(t, ", qop=auth, nc=", nc, ", cnonce=\"", cnonce, "\"", NULL);
	if (parameter(c, "opaque=", opaque, sizeof(opaque)))
		text_add_all(t, ", opaque=\"", opaque, "\"", NULL);
	text_add(t, "\r\n");
	return 0;
}
