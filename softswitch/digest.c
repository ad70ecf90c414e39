#include "digest.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/su_md5.h>

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { MD5_HEX = 2 * SU_MD5_DIGEST_SIZE + 1 };

/** MD5 of the strings up to a NULL, with colons between them, in hexadecimal. */
static void hash(char out[MD5_HEX], ...)
{
	su_md5_t md5;
	const char *s, *colon = "";
	va_list ap;

	su_md5_init(&md5);
	va_start(ap, out);
	while ((s = va_arg(ap, const char *))) {
		su_md5_update(&md5, colon, strlen(colon));
		su_md5_update(&md5, s, strlen(s));
		colon = ":";
	}
	va_end(ap);
	su_md5_hexdigest(&md5, out);
	su_md5_deinit(&md5);
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

/** The first challenge that we can answer: servers list them in order of preference (RFC 7616 section 3.7). */
static const msg_auth_t *choose(const msg_auth_t *challenge)
{
	char algorithm[32], qop[64];

	for (; challenge; challenge = challenge->au_next) {
		if (!challenge->au_scheme || strcasecmp(challenge->au_scheme, "Digest"))
			continue;
		if (parameter(challenge, "algorithm=", algorithm, sizeof(algorithm)) && strcasecmp(algorithm, "MD5"))
			continue;
		if (parameter(challenge, "qop=", qop, sizeof(qop)) && !listed(qop, "auth"))
			continue;
		return challenge;
	}
	return NULL;
}

int digest_answer(struct text *t, const sip_t *challenge, const struct digest_credentials *credentials,
	const char *method, const char *uri, const char *cnonce)
{
	bool proxy = challenge->sip_status->st_status == 407;
	const msg_auth_t *c = choose(proxy ? challenge->sip_proxy_authenticate : challenge->sip_www_authenticate);
	char realm[256], nonce[512], opaque[512], qop[64], a1[MD5_HEX], a2[MD5_HEX], response[MD5_HEX];

	if (!credentials->user || !credentials->user[0])
		return -EINVAL;
	if (!c || !parameter(c, "realm=", realm, sizeof(realm)) || !parameter(c, "nonce=", nonce, sizeof(nonce)))
		return -ENOENT;
	hash(a1, credentials->user, realm, credentials->password, NULL);
	hash(a2, method, uri, NULL);
	bool with_qop = parameter(c, "qop=", qop, sizeof(qop));
	if (with_qop)
		hash(response, a1, nonce, "00000001", cnonce, "auth", a2, NULL);
	else
		hash(response, a1, nonce, a2, NULL);
	text_add_all(t, proxy ? "Proxy-Authorization" : "Authorization", ": Digest username=\"", credentials->user,
		"\", realm=\"", realm, "\", nonce=\"", nonce, "\", uri=\"", uri, "\", response=\"", response,
		"\", algorithm=MD5", NULL);
	if (with_qop)
		text_add_all(t, ", qop=auth, nc=00000001, cnonce=\"", cnonce, "\"", NULL);
	if (parameter(c, "opaque=", opaque, sizeof(opaque)))
		text_add_all(t, ", opaque=\"", opaque, "\"", NULL);
	text_add(t, "\r\n");
	return 0;
}
