#include "digest.h"

#include "digest_realm.h"
#include "token.h"

#include <openssl/evp.h>
#include <sofia-sip/msg_header.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/** Answers to a server that calls every nonce stale. */
enum { ANSWERS_MAX = 4, HASH_HEX = 2 * EVP_MAX_MD_SIZE + 1 };

static const struct algorithm {
	const char *name;
	const EVP_MD *(*hash)(void);
} algorithms[] = {{"MD5", EVP_md5}, {"SHA-256", EVP_sha256}};

struct span {
	const char *data;
	size_t n;
};

static struct span span_of(const char *s)
{
	return (struct span){s, strlen(s)};
}

/** Hash of the spans, with colons between them, in hexadecimal. @return false when libcrypto refuses */
static bool hash(
	const struct algorithm *algorithm, char out[HASH_HEX], size_t count, const struct span *parts)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context && EVP_DigestInit_ex(context, algorithm->hash(), NULL);

	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(context, ":", i > 0) &&
			EVP_DigestUpdate(context, parts[i].data, parts[i].n);
	ok = ok && EVP_DigestFinal_ex(context, bytes, &n);
	EVP_MD_CTX_free(context);
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return ok;
}

/** A parameter without its quotes. @return false without it, and with control characters in it */
static bool find_parameter(const msg_param_t *parameters, const char *name, struct span *out)
{
	const char *v = msg_params_find(parameters, name);

	if (!v)
		return false;
	*out = span_of(v);
	if (out->n >= 2 && v[0] == '"' && v[out->n - 1] == '"')
		*out = (struct span){v + 1, out->n - 2};
	for (size_t i = 0; i < out->n; i++)
		if ((unsigned char)out->data[i] < ' ' || out->data[i] == 0x7f)
			return false;
	return true;
}

static bool parameter(const msg_auth_t *challenge, const char *name, struct span *out)
{
	return find_parameter(challenge->au_params, name, out);
}

static bool is(const struct span *s, const char *word)
{
	return s->n == strlen(word) && !strncasecmp(s->data, word, s->n);
}

static bool is_exactly(const struct span *s, const char *text)
{
	return s->n == strlen(text) && !memcmp(s->data, text, s->n);
}

/** Is this word in a list like "auth,auth-int"? */
static bool listed(struct span list, const char *word)
{
	const char *end = list.data + list.n;

	for (const char *at = list.data; at < end;) {
		struct span one = {at, 0};

		while (at < end && !strchr(", \t", *at))
			at++;
		one.n = (size_t)(at - one.data);
		if (is(&one, word))
			return true;
		at++;
	}
	return false;
}

static const struct algorithm *algorithm_named(const struct span *name)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (is(name, algorithms[i].name))
			return &algorithms[i];
	return NULL;
}

static const struct algorithm *algorithm_of(const msg_auth_t *challenge)
{
	struct span name = span_of("MD5");

	if (msg_params_find(challenge->au_params, "algorithm=") && !parameter(challenge, "algorithm=", &name))
		return NULL;
	return algorithm_named(&name);
}

static bool is_known(const msg_auth_t *challenge)
{
	struct span qop, opaque, needed;

	return challenge->au_scheme && !strcasecmp(challenge->au_scheme, "Digest") &&
		algorithm_of(challenge) && parameter(challenge, "realm=", &needed) &&
		parameter(challenge, "nonce=", &needed) &&
		(!msg_params_find(challenge->au_params, "opaque=") ||
			parameter(challenge, "opaque=", &opaque)) &&
		(!msg_params_find(challenge->au_params, "qop=") ||
			(parameter(challenge, "qop=", &qop) && listed(qop, "auth")));
}

static bool is_by_proxy(const sip_t *challenge)
{
	return challenge->sip_status->st_status == 407;
}

/** The first challenge that we support, of the realm that the credentials are bound to if there is one. */
static const msg_auth_t *choose(const sip_t *response, const struct digest_credentials *credentials)
{
	bool proxy = is_by_proxy(response);
	const char *realm = credentials->realm && credentials->realm[0]
		? credentials->realm
		: digest_realm_get(credentials->account, proxy);
	const msg_auth_t *c = proxy ? response->sip_proxy_authenticate : response->sip_www_authenticate;
	struct span of;

	for (; c; c = c->au_next)
		if (is_known(c) && (!realm || (parameter(c, "realm=", &of) && is_exactly(&of, realm))))
			return c;
	return NULL;
}

bool digest_may_answer(
	struct digest_tries *tries, const sip_t *challenge, const struct digest_credentials *credentials)
{
	const msg_auth_t *c = choose(challenge, credentials);
	struct span stale;

	if (tries->answered == ANSWERS_MAX ||
		(tries->answered && !(c && parameter(c, "stale=", &stale) && is(&stale, "true"))))
		return false;
	tries->answered++;
	return true;
}

char *digest_realm(const sip_t *challenge, const struct digest_credentials *credentials)
{
	const msg_auth_t *c = choose(challenge, credentials);
	struct span realm;

	return c && parameter(c, "realm=", &realm) ? strndup(realm.data, realm.n) : NULL;
}

/**
 * How often was this nonce used, this time included (RFC 7616 section 3.4)? A nonce is looked up by a keyed hash in a
 * small table, where a later one may take its place; a server that then finds the count too small calls it stale.
 */
static unsigned count_use(
	const struct digest_credentials *by, const struct span *realm, const struct span *nonce)
{
	static struct {
		uint64_t hash;
		unsigned n;
	} used[4096];
	uint64_t h =
		token_hash_bytes(token_hash_bytes(token_hash(by->account, by->user), realm->data, realm->n),
			nonce->data, nonce->n);
	unsigned i = (unsigned)(h % (sizeof(used) / sizeof(used[0])));

	used[i].n = used[i].hash == h ? used[i].n + 1 : 1;
	used[i].hash = h;
	return used[i].n;
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

static void add_quoted(struct text *t, const char *name, struct span value)
{
	text_add_all(t, ", ", name, "=\"", NULL);
	text_add_bytes(t, value.data, value.n);
	text_add(t, "\"");
}

/** What an answer is made of. */
struct demand {
	const struct algorithm *algorithm;
	struct span realm, nonce, opaque; /* opaque.data NULL = none */
	const char *cnonce;               /* fresh random text */
	bool with_qop, by_proxy;
};

static int write_answer(struct text *t, const struct demand *d, const struct digest_credentials *credentials,
	const char *method, const char *uri)
{
	char a1[HASH_HEX], a2[HASH_HEX], response[HASH_HEX], nc[9];
	bool ok = hash(d->algorithm, a1, 3,
			  (struct span[]){
				  span_of(credentials->user), d->realm, span_of(credentials->password)}) &&
		hash(d->algorithm, a2, 2, (struct span[]){span_of(method), span_of(uri)});

	if (ok && d->with_qop) {
		snprintf(nc, sizeof(nc), "%08x", count_use(credentials, &d->realm, &d->nonce));
		ok = hash(d->algorithm, response, 6,
			(struct span[]){span_of(a1), d->nonce, span_of(nc), span_of(d->cnonce),
				span_of("auth"), span_of(a2)});
	} else if (ok) {
		ok = hash(d->algorithm, response, 3, (struct span[]){span_of(a1), d->nonce, span_of(a2)});
	}
	if (!ok)
		return -ENOTSUP;
	text_add_all(t, d->by_proxy ? "Proxy-Authorization" : "Authorization", ": Digest username=\"", NULL);
	add_user(t, credentials->user);
	text_add(t, "\"");
	add_quoted(t, "realm", d->realm);
	add_quoted(t, "nonce", d->nonce);
	add_quoted(t, "uri", span_of(uri));
	add_quoted(t, "response", span_of(response));
	text_add_all(t, ", algorithm=", d->algorithm->name, NULL);
	if (d->with_qop)
		text_add_all(t, ", qop=auth, nc=", nc, ", cnonce=\"", d->cnonce, "\"", NULL);
	if (d->opaque.data)
		add_quoted(t, "opaque", d->opaque);
	text_add(t, "\r\n");
	return 0;
}

static bool may_use(const struct digest_credentials *credentials)
{
	return credentials->user && credentials->user[0];
}

int digest_answer(struct text *t, const sip_t *challenge, const struct digest_credentials *credentials,
	const char *method, const char *uri, const char *cnonce)
{
	const msg_auth_t *c;
	struct demand d = {.by_proxy = is_by_proxy(challenge), .cnonce = cnonce};
	struct span qop;

	if (!may_use(credentials))
		return -EINVAL;
	c = choose(challenge, credentials);
	if (!c || !parameter(c, "realm=", &d.realm) || !parameter(c, "nonce=", &d.nonce))
		return -ENOENT;
	d.algorithm = algorithm_of(c);
	d.with_qop = parameter(c, "qop=", &qop);
	if (!parameter(c, "opaque=", &d.opaque))
		d.opaque.data = NULL;
	return write_answer(t, &d, credentials, method, uri);
}

/* The next nonce ---------------------------------------------------------------------------- */

/** A parameter of a line of ours, `name="value", ...`, without its quotes. */
static bool find_written(const char *line, const char *name, struct span *out)
{
	bool quoted = false;
	size_t n = strlen(name);

	for (const char *at = line; *at; at++) {
		if (*at == '\\' && quoted && at[1])
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && (at == line || at[-1] == ' ') && !strncmp(at, name, n) && at[n] == '=') {
			at += n + 1;
			*out = *at == '"' ? (struct span){at + 1, 0} : (struct span){at, strcspn(at, ",")};
			while (*at == '"' && out->data[out->n] && out->data[out->n] != '"')
				out->n += 1 + (out->data[out->n] == '\\' && out->data[out->n + 1]);
			return true;
		}
	}
	return false;
}

char *digest_next(const sip_t *response, bool by_proxy, const char *answer)
{
	static const char scheme[] = ": Digest ";
	const sip_authentication_info_t *info =
		by_proxy ? response->sip_proxy_authentication_info : response->sip_authentication_info;
	const char *line = strstr(answer, scheme);
	struct text t = text_scratch();
	struct span before, nonce;

	if (!info || !line || !find_parameter(info->ai_params, "nextnonce=", &nonce) || !nonce.n)
		return NULL;
	line += strlen(scheme);
	if (!find_written(line, "nonce", &before))
		return NULL;
	text_add_bytes(&t, line, (size_t)(before.data - line));
	text_add_bytes(&t, nonce.data, nonce.n);
	text_add(&t, before.data + before.n);
	text_strip_line_end(&t);
	return text_copy(&t);
}

int digest_continue(struct text *t, const char *next, bool by_proxy,
	const struct digest_credentials *credentials, const char *method, const char *uri)
{
	char cnonce[TOKEN_SIZE];
	struct demand d = {.by_proxy = by_proxy, .cnonce = cnonce};
	struct span algorithm, qop;

	token_make(cnonce);
	if (!may_use(credentials))
		return -EINVAL;
	if (!find_written(next, "realm", &d.realm) || !find_written(next, "nonce", &d.nonce) ||
		!find_written(next, "algorithm", &algorithm) ||
		(credentials->realm && credentials->realm[0] && !is_exactly(&d.realm, credentials->realm)))
		return -ENOENT;
	d.algorithm = algorithm_named(&algorithm);
	d.with_qop = find_written(next, "qop", &qop);
	if (!find_written(next, "opaque", &d.opaque))
		d.opaque.data = NULL;
	return d.algorithm ? write_answer(t, &d, credentials, method, uri) : -ENOENT;
}
