#include "request_retry.h"

#include "dialog.h"
#include "digest_realm.h"
#include "message.h"
#include "token.h"

#include <stdlib.h>
#include <string.h>

void request_retry_clear(struct request_retry *r)
{
	for (unsigned i = 0; i < 2; i++) {
		free(r->authorization[i]);
		free(r->realm[i]);
	}
	*r = (struct request_retry){0};
}

void request_retry_write(const struct request_retry *r, struct text *t)
{
	for (unsigned i = 0; i < 2; i++)
		if (r->authorization[i])
			text_add(t, r->authorization[i]);
}

void request_retry_write_invite(const struct request_retry *r, struct dialog *d, struct text *t)
{
	size_t before = t->len;

	request_retry_write(r, t);
	free(d->credentials);
	d->credentials = t->len > before ? strndup(t->data + before, t->len - before) : NULL;
}

static enum request_retry_verdict answer_challenge(
	struct request_retry *r, const struct request_retry_request *request, const sip_t *challenge)
{
	bool by_proxy = challenge->sip_status->st_status == 407;
	char cnonce[TOKEN_SIZE], *line;
	struct text t = text_scratch();

	if (!digest_may_answer(&r->challenges[by_proxy], challenge, &request->credentials))
		return REQUEST_RETRY_REFUSED;
	digest_realm_set_next(request->credentials.account, by_proxy, NULL);
	token_make(cnonce);
	if (digest_answer(&t, challenge, &request->credentials, request->method, request->uri, cnonce))
		return REQUEST_RETRY_UNANSWERABLE;
	line = text_copy(&t);
	if (!line)
		return REQUEST_RETRY_UNANSWERABLE;
	free(r->authorization[by_proxy]);
	free(r->realm[by_proxy]);
	r->authorization[by_proxy] = line;
	r->realm[by_proxy] = digest_realm(challenge, &request->credentials);
	return REQUEST_RETRY_AGAIN;
}

void request_retry_accepted(const struct request_retry *r, uint64_t account, const sip_t *response)
{
	for (unsigned by_proxy = 0; by_proxy < 2; by_proxy++) {
		char *next;

		if (r->realm[by_proxy])
			digest_realm_accepted(account, by_proxy, r->realm[by_proxy]);
		next = r->authorization[by_proxy]
			? digest_next(response, by_proxy, r->authorization[by_proxy])
			: NULL;
		if (next)
			digest_realm_set_next(account, by_proxy, next);
	}
}

void request_retry_begin(struct request_retry *r, const struct request_retry_request *request)
{
	for (unsigned by_proxy = 0; by_proxy < 2; by_proxy++) {
		const char *next = digest_realm_next(request->credentials.account, by_proxy);
		struct text t = text_scratch();

		free(r->authorization[by_proxy]);
		r->authorization[by_proxy] = NULL;
		if (next &&
			!digest_continue(
				&t, next, by_proxy, &request->credentials, request->method, request->uri))
			r->authorization[by_proxy] = text_copy(&t);
	}
}

enum request_retry_verdict request_retry_decide(
	struct request_retry *r, const struct request_retry_request *request, const sip_t *response)
{
	int status = response->sip_status->st_status;

	if (status == 401 || status == 407)
		return answer_challenge(r, request, response);
	if (status != 422 || !request->session || !session_lengthen(request->session, response))
		return REQUEST_RETRY_FINAL;
	request_retry_clear(r);
	return REQUEST_RETRY_AGAIN;
}

/** Only these set up or refresh a session (RFC 4028 section 7.1). */
static bool has_interval(const char *method)
{
	return !strcmp(method, "INVITE") || !strcmp(method, "UPDATE");
}

static struct request_retry_request in_dialog(const struct dialog *d, const char *method)
{
	return (struct request_retry_request){.method = method,
		.uri = d->target,
		.credentials = {d->user, d->password ? d->password : "", d->realm, d->account}};
}

void request_retry_begin_in_dialog(struct request_retry *r, const struct dialog *d, const char *method)
{
	const struct request_retry_request request = in_dialog(d, method);

	request_retry_begin(r, &request);
}

enum request_retry_verdict request_retry_decide_in_dialog(
	struct request_retry *r, struct dialog *d, const char *method, const sip_t *response)
{
	struct request_retry_request request = in_dialog(d, method);

	if (has_interval(method))
		request.session = &d->session;
	return request_retry_decide(r, &request, response);
}

uint32_t request_retry_glare_ms(bool own_call_id, uint64_t random)
{
	return own_call_id ? 2100 + 10 * (uint32_t)(random % 191) : 10 * (uint32_t)(random % 201);
}

bool request_retry_after(const sip_t *response, uint32_t *out_s)
{
	if (response->sip_status->st_status != 503 || !response->sip_retry_after)
		return false;
	*out_s = message_seconds(response->sip_retry_after->af_delta);
	return true;
}
