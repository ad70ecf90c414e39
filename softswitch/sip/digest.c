#include "digest.h"

#include "digest_hash.h"
#include "digest_realm.h"
#include "token.h"

#include <sofia-sip/msg_header.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/** Answers to a server that calls every nonce stale. */
enum { ANSWERS_MAX = 4 };

static bool parameter(const msg_auth_t *challenge, const char *name, struct digest_parameter *out)
{
	return digest_parameter_find(challenge->au_params, name, out);
}

/** @return false when we do not support it */
static bool find_algorithm(const msg_auth_t *challenge, enum digest_hash_algorithm *out)
{
	struct digest_parameter name = digest_parameter_of("MD5");

	if (msg_params_find(challenge->au_params, "algorithm=") && !parameter(challenge, "algorithm=", &name))
		return false;
	return digest_hash_named(&name, out);
}

static bool is_known(const msg_auth_t *challenge)
{
	struct digest_parameter qop, opaque, needed;
	enum digest_hash_algorithm algorithm;

	return challenge->au_scheme && !strcasecmp(challenge->au_scheme, "Digest") &&
		find_algorithm(challenge, &algorithm) && parameter(challenge, "realm=", &needed) &&
		parameter(challenge, "nonce=", &needed) &&
		(!msg_params_find(challenge->au_params, "opaque=") ||
			parameter(challenge, "opaque=", &opaque)) &&
		(!msg_params_find(challenge->au_params, "qop=") ||
			(parameter(challenge, "qop=", &qop) && digest_parameter_lists(&qop, "auth")));
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
	struct digest_parameter of;

	for (; c; c = c->au_next)
		if (is_known(c) &&
			(!realm || (parameter(c, "realm=", &of) && digest_parameter_equals(&of, realm))))
			return c;
	return NULL;
}

bool digest_may_answer(
	struct digest_tries *tries, const sip_t *challenge, const struct digest_credentials *credentials)
{
	const msg_auth_t *c = choose(challenge, credentials);
	struct digest_parameter stale;

	if (tries->answered == ANSWERS_MAX ||
		(tries->answered &&
			!(c && parameter(c, "stale=", &stale) && digest_parameter_is(&stale, "true"))))
		return false;
	tries->answered++;
	return true;
}

char *digest_realm(const sip_t *challenge, const struct digest_credentials *credentials)
{
	const msg_auth_t *c = choose(challenge, credentials);
	struct digest_parameter realm;

	return c && parameter(c, "realm=", &realm) ? strndup(realm.data, realm.n) : NULL;
}

/**
 * How often was this nonce used, this time included (RFC 7616 section 3.4)? A nonce is looked up by a keyed hash in a
 * small table, where a later one may take its place; a server that then finds the count too small calls it stale.
 */
static unsigned count_use(const struct digest_credentials *by, const struct digest_parameter *realm,
	const struct digest_parameter *nonce)
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

static void add_quoted(struct text *t, const char *name, struct digest_parameter value)
{
	text_add_all(t, ", ", name, "=\"", NULL);
	text_add_bytes(t, value.data, value.n);
	text_add(t, "\"");
}

/** What an answer is made of. */
struct demand {
	enum digest_hash_algorithm algorithm;
	struct digest_parameter realm, nonce, opaque; /* opaque.data NULL = none */
	const char *cnonce;                           /* fresh random text */
	bool with_qop, by_proxy;
};

static int write_answer(struct text *t, const struct demand *d, const struct digest_credentials *credentials,
	const char *method, const char *uri)
{
	char account[DIGEST_HASH_MAX], response[DIGEST_HASH_MAX], nc[9];
	struct digest_hash_input in = {.nonce = d->nonce,
		.cnonce = digest_parameter_of(d->cnonce),
		.method = digest_parameter_of(method),
		.uri = digest_parameter_of(uri)};

	if (d->with_qop) {
		snprintf(nc, sizeof(nc), "%08x", count_use(credentials, &d->realm, &d->nonce));
		in.nc = digest_parameter_of(nc);
	}
	if (!digest_hash_account(
		    d->algorithm, account, credentials->user, &d->realm, credentials->password) ||
		!digest_hash_response(d->algorithm, response, account, &in))
		return -ENOTSUP;
	text_add_all(t, d->by_proxy ? "Proxy-Authorization" : "Authorization", ": Digest username=\"", NULL);
	add_user(t, credentials->user);
	text_add(t, "\"");
	add_quoted(t, "realm", d->realm);
	add_quoted(t, "nonce", d->nonce);
	add_quoted(t, "uri", digest_parameter_of(uri));
	add_quoted(t, "response", digest_parameter_of(response));
	text_add_all(t, ", algorithm=", digest_hash_name(d->algorithm), NULL);
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
	struct digest_parameter qop;

	if (!may_use(credentials))
		return -EINVAL;
	c = choose(challenge, credentials);
	if (!c || !find_algorithm(c, &d.algorithm) || !parameter(c, "realm=", &d.realm) ||
		!parameter(c, "nonce=", &d.nonce))
		return -ENOENT;
	d.with_qop = parameter(c, "qop=", &qop);
	if (!parameter(c, "opaque=", &d.opaque))
		d.opaque.data = NULL;
	return write_answer(t, &d, credentials, method, uri);
}

/* The next nonce ---------------------------------------------------------------------------- */

/** A parameter of a line of ours, `name="value", ...`, without its quotes. */
static bool find_written(const char *line, const char *name, struct digest_parameter *out)
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
			*out = *at == '"' ? (struct digest_parameter){at + 1, 0}
					  : (struct digest_parameter){at, strcspn(at, ",")};
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
	struct digest_parameter before, nonce;

	if (!info || !line || !digest_parameter_find(info->ai_params, "nextnonce=", &nonce) || !nonce.n)
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
	struct digest_parameter algorithm, qop;

	token_make(cnonce);
	if (!may_use(credentials))
		return -EINVAL;
	if (!find_written(next, "realm", &d.realm) || !find_written(next, "nonce", &d.nonce) ||
		!find_written(next, "algorithm", &algorithm) ||
		!digest_hash_named(&algorithm, &d.algorithm) ||
		(credentials->realm && credentials->realm[0] &&
			!digest_parameter_equals(&d.realm, credentials->realm)))
		return -ENOENT;
	d.with_qop = find_written(next, "qop", &qop);
	if (!find_written(next, "opaque", &d.opaque))
		d.opaque.data = NULL;
	return write_answer(t, &d, credentials, method, uri);
}
