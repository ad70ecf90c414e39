#include "request_retry.h"

#include "dialog.h"
#include "message.h"
#include "token.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 2048 }; /* one line of credentials: URI, realm, nonce, opaque */

void request_retry_clear(struct request_retry *r)
{
	free(r->authorization[0]);
	free(r->authorization[1]);
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
	char data[LINE_SIZE], cnonce[TOKEN_SIZE], *line;
	struct text t = {.data = data, .size = sizeof(data)};

	if (!digest_may_answer(&r->challenges[by_proxy], challenge))
		return REQUEST_RETRY_REFUSED;
	token_make(cnonce);
	if (digest_answer(&t, challenge, &request->credentials, request->method, request->uri, cnonce))
		return REQUEST_RETRY_UNANSWERABLE;
	line = text_copy(&t);
	if (!line)
		return REQUEST_RETRY_UNANSWERABLE;
	free(r->authorization[by_proxy]);
	r->authorization[by_proxy] = line;
	return REQUEST_RETRY_AGAIN;
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

enum request_retry_verdict request_retry_decide_in_dialog(
	struct request_retry *r, struct dialog *d, const char *method, const sip_t *response)
{
	const struct request_retry_request request = {.method = method,
		.uri = d->target,
		.credentials = {.user = d->user, .password = d->password ? d->password : ""},
		.session = has_interval(method) ? &d->session : NULL};

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
