#include "invite_state.h"

#include "digest_realm.h"
#include "headers.h"
#include "message.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void on_response(const struct received *rx, void *arg)
{
	struct invite *inv = arg;
	int status = rx->sip->sip_status->st_status;

	if (status >= 200)
		inv->client = NULL;
	session_learn(&inv->dialog.session, rx->sip);
	if (status < 300) { /* a 2xx may omit the description of an 18x */
		session_describe(&inv->dialog.session, rx->sip);
		session_identify(&inv->dialog.session, rx->sip);
	}
	if (status >= 200 && status < 300) {
		dialog_establish(&inv->dialog, rx);
		session_granted(&inv->dialog.session, rx->sip);
		request_retry_accepted(&inv->retry, inv->dialog.account, rx->sip);
	}
	if (status < 200 && !early_dialogs_take(&inv->early, rx))
		return;
	if (status < 200) {
		inv->handlers->on_provisional(rx, inv->arg);
	} else if (status < 300) {
		inv->handlers->on_answer(rx, inv->arg);
	} else {
		inv->handlers->on_refused(rx, inv->arg);
	}
}

static void on_failure(int error, void *arg)
{
	struct invite *inv = arg;

	inv->client = NULL;
	inv->handlers->on_failure(error, inv->arg);
}

static const struct client_transaction_handlers client_handlers = {on_response, on_failure};

struct invite *invite_make(struct stack *stack, const struct invite_handlers *handlers, void *arg)
{
	struct invite *inv = calloc(1, sizeof(*inv));

	if (!inv)
		return NULL;
	inv->stack = stack;
	inv->handlers = handlers;
	inv->arg = arg;
	early_dialogs_init(&inv->early);
	return inv;
}

int invite_resume(struct invite **out, struct stack *stack)
{
	*out = invite_make(stack, NULL, NULL);
	return *out ? 0 : -ENOMEM;
}

int invite_set_credentials(struct invite *inv, const struct invite_content *content)
{
	struct dialog *d = &inv->dialog;

	if (!content->user || !content->user[0])
		return 0;
	d->user = strdup(content->user);
	d->password = strdup(content->password);
	d->realm = content->realm ? strdup(content->realm) : NULL;
	d->account = digest_realm_account(content->user, content->password, content->target);
	return d->user && d->password && (d->realm || !content->realm) ? 0 : -ENOMEM;
}

enum { ADDRESS_MAX = 1024 };

/** The value of From. @return false when it does not fit */
static bool write_from(char out[ADDRESS_MAX], const struct invite_content *content, const char *display,
	const struct hop *hop)
{
	struct text t = {.data = out, .size = ADDRESS_MAX};

	if (display)
		text_add_all(&t, display, " ", NULL);
	text_add_all(&t, "<sip:", content->caller, "@", hop->listener->host, ">", NULL);
	return text_end(&t);
}

/** The value of To. @return false when it does not fit */
static bool write_to(char out[ADDRESS_MAX], const struct invite_content *content)
{
	struct text t = {.data = out, .size = ADDRESS_MAX};

	text_add_all(&t, "<sip:", content->callee, "@", content->target, ">", NULL);
	return text_end(&t);
}

/** @return false when it does not fit */
static bool write_request_uri(
	char out[ADDRESS_MAX], const struct invite_content *content, const struct hop *hop)
{
	struct text t = {.data = out, .size = ADDRESS_MAX};

	if (content->request_uri)
		text_add(&t, content->request_uri);
	else
		text_add_all(&t, "sip:", content->callee, "@", content->target, NULL);
	if (!content->request_uri && hop_is_reliable(hop))
		text_add_all(&t, ";transport=", hop->listener->transport, NULL);
	return text_end(&t);
}

int invite_create(struct invite **out, struct stack *stack, void *owner, const struct hop *hop,
	const struct invite_content *content, const struct invite_handlers *handlers, void *arg)
{
	struct invite *inv = invite_make(stack, handlers, arg);
	char uri[ADDRESS_MAX], local[ADDRESS_MAX], remote[ADDRESS_MAX];

	if (!inv)
		return -ENOMEM;
	/* A name that is too long is not worth the call. */
	if (!write_request_uri(uri, content, hop) || !write_to(remote, content) ||
		(!write_from(local, content, content->display, hop) &&
			!write_from(local, content, NULL, hop))) {
		free(inv);
		return -EMSGSIZE;
	}
	if (dialog_begin(&inv->dialog, stack->dialogs, owner, hop, local, remote, uri)) {
		invite_destroy(inv);
		return -ENOMEM;
	}
	if (content->route) {
		free(inv->dialog.route);
		inv->dialog.route = strdup(content->route);
	}
	if (content->pass_headers)
		inv->dialog.pass_headers = strdup(content->pass_headers);
	if (invite_set_credentials(inv, content)) {
		invite_destroy(inv);
		return -ENOMEM;
	}
	if (inv->dialog.user)
		request_retry_begin_in_dialog(&inv->retry, &inv->dialog, "INVITE");
	*out = inv;
	return 0;
}

/**
 * May provisional responses be reliable? Not if the caller could not answer an offer in one of them, since the answer
 * has to go into the PRACK (RFC 3262 section 5).
 */
static void begin_early(
	struct invite *inv, const struct invite_content *content, const struct resend_schedule *resend)
{
	struct early_dialogs *early = &inv->early;

	early_dialogs_clear(early); /* of the INVITE before, which was refused */
	early->stack = inv->stack;
	early->invite = &inv->dialog;
	early->resend = *resend;
	early->offerless = !content->offer && !message_has_sdp(content->received);
	early->caller = content->caller_session;
	early->on = content->sip_100rel != PARAMETER_100REL_OFF && (content->can_answer || !early->offerless);
}

static void write_extensions(const struct invite *inv, const struct invite_content *content, struct text *t)
{
	session_propose(&inv->dialog.session, &inv->stack->parameters, inv->early.on, t);
	if (inv->early.on && content->sip_100rel == PARAMETER_100REL_REQUIRED)
		text_add(t, "Require: 100rel\r\n");
}

int invite_send_text(
	struct invite *inv, const struct text *t, uint64_t branch, const struct resend_schedule *resend)
{
	const struct dialog *d = &inv->dialog;
	const struct client_transaction_request request = {.method = "INVITE",
		.branch = branch,
		.call_id = d->call_id,
		.from_tag = d->local_tag,
		.cseq = d->invite_seq,
		.text = t,
		.hop = &d->hop,
		.resend = resend};

	return client_transaction_send(
		&inv->client, inv->stack->client_transactions, &request, &client_handlers, inv);
}

int invite_send(
	struct invite *inv, const struct invite_content *content, const struct resend_schedule *resend)
{
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	uint64_t number;

	assert(!inv->client);
	number = client_transaction_marked_branch(inv->stack->client_transactions, content->callee, branch);
	dialog_write_request(&inv->dialog, &t, "INVITE", branch, 0, content->max_forwards);
	dialog_write_contact(&inv->dialog, &t);
	text_add(&t, session_allow(content->caller_session));
	begin_early(inv, content, resend);
	inv->dialog.offerless = inv->early.offerless;
	write_extensions(inv, content, &t);
	request_retry_write_invite(&inv->retry, &inv->dialog, &t);
	headers_pass(&t, content->received, content->offer ? HEADERS_BODILESS : HEADERS_REQUEST,
		inv->dialog.pass_headers);
	if (content->offer)
		dialog_write_description(&inv->dialog, &t, content->offer);
	else
		dialog_write_body(&inv->dialog, &t, content->received);
	inv->request = t;
	if (!t.full)
		inv->handlers->on_sending(inv->arg);
	inv->request = (struct text){0};
	return invite_send_text(inv, &t, number, resend);
}

bool invite_retry(struct invite *inv, const struct invite_content *content,
	const struct resend_schedule *resend, const sip_t *response)
{
	return request_retry_decide_in_dialog(&inv->retry, &inv->dialog, "INVITE", response) ==
		REQUEST_RETRY_AGAIN &&
		invite_send(inv, content, resend) == 0;
}

void invite_stop_resending(struct invite *inv)
{
	if (inv->client)
		client_transaction_stop_resending(inv->client);
}

bool invite_is_open(const struct invite *inv)
{
	return inv->client;
}

void invite_on_over(struct invite *inv, const struct client_transaction_over *over)
{
	client_transaction_on_over(inv->client, over);
}

void invite_abandon(struct invite *inv, const char *reason_header)
{
	if (inv->client)
		client_transaction_cancel(inv->client, reason_header);
	invite_destroy(inv);
}

void invite_detach(struct invite *inv)
{
	inv->handlers = NULL;
	inv->arg = NULL;
}

void invite_destroy(struct invite *inv)
{
	if (!inv)
		return;
	client_transaction_forget(inv->client);
	early_dialogs_clear(&inv->early);
	request_retry_clear(&inv->retry);
	dialog_clear(&inv->dialog);
	free(inv);
}

struct dialog *invite_dialog(struct invite *inv)
{
	return &inv->dialog;
}

struct early_dialogs *invite_early(struct invite *inv)
{
	return &inv->early;
}
