#include "hop_state.h"
#include "intake.h"
#include "invite_state.h"
#include "message.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>

/** What the request itself does not say. */
static const struct field fields[] = {
	FIELD(1, NUMBER, struct invite, dialog.own_origin),
	FIELD(2, NUMBER, struct invite, dialog.origin.id),
	FIELD(3, NUMBER, struct invite, dialog.origin.version),
	FIELD(4, NUMBER, struct invite, dialog.origin.hash),
	FIELD(5, NUMBER, struct invite, dialog.session.timer),
	FIELD(6, NUMBER, struct invite, dialog.session.rel100),
	FIELD(7, NUMBER, struct invite, dialog.session.min_se_s),
	FIELD(8, TEXT, struct invite, dialog.credentials),
	FIELD(9, TEXT, struct invite, dialog.pass_headers),
};
/** Fields that stand in no table. */
enum { REQUEST = 20, HOP, EARLY };

void invite_save(const struct invite *inv, struct text *t)
{
	const struct text request = inv->client ? client_transaction_text(inv->client) : inv->request;
	size_t begun;

	field_write(t, FIELD_TABLE(fields), inv);
	field_add(t, REQUEST, request.data, request.len);
	begun = field_begin(t, HOP);
	hop_state_write(&inv->dialog.hop, t);
	field_end(t, begun);
	early_dialogs_save(&inv->early, EARLY, t);
}

static int resume(struct invite *inv, void *owner, const struct hop *hop)
{
	struct stack *stack = inv->stack;
	struct received rx = {.source = &hop->to.any, .back = {.listener = hop->listener}};
	char phrase[INTAKE_PHRASE_MAX];
	uint64_t branch;
	int err = 0;

	if (intake_message(&rx, inv->request.data, inv->request.len, phrase) || !rx.sip->sip_request ||
		rx.sip->sip_request->rq_method != sip_method_invite)
		err = -EINVAL;
	if (!err)
		err = dialog_resume_invite(&inv->dialog, stack->dialogs, owner, hop, rx.sip);
	if (!err)
		err = client_transaction_resume_branch(
			stack->client_transactions, inv->dialog.invite_branch, &branch);
	if (!err) {
		inv->early.on = sip_has_feature(rx.sip->sip_supported, "100rel") ||
			sip_has_feature(rx.sip->sip_require, "100rel");
		inv->early.offerless = inv->dialog.offerless = !message_has_sdp(rx.sip);
	}
	if (rx.msg)
		msg_destroy(rx.msg);
	return err;
}

int invite_read(struct invite **out, struct stack *stack, void *owner, const struct field_bytes *bytes)
{
	struct invite *inv = invite_make(stack, NULL, NULL);
	struct field_bytes request, at;
	struct hop hop = {0};
	int err;

	*out = inv;
	if (!inv)
		return -ENOMEM;
	err = field_read(inv, FIELD_TABLE(fields), bytes);
	if (!err && (!field_find(&request, REQUEST, bytes) || !field_find(&at, HOP, bytes)))
		err = -EINVAL;
	if (!err)
		err = hop_state_read(&hop, stack->transport, &at);
	if (!err) {
		inv->saved = *bytes;
		inv->request = (struct text){
			.data = (char *)request.data, .len = request.size, .size = request.size};
		err = resume(inv, owner, &hop);
	}
	if (!err && hop_state_is_moved(&hop, &at))
		err = -EADDRNOTAVAIL;
	hop_clear(&hop);
	return err;
}

int invite_go_on(struct invite *inv, const struct invite_content *content,
	const struct resend_schedule *resend, const struct invite_handlers *handlers, void *arg)
{
	const struct text request = inv->request;
	uint64_t branch;
	int err = client_transaction_resume_branch(
		inv->stack->client_transactions, inv->dialog.invite_branch, &branch);

	inv->handlers = handlers;
	inv->arg = arg;
	inv->early.stack = inv->stack;
	inv->early.invite = &inv->dialog;
	inv->early.resend = *resend;
	inv->early.caller = content->caller_session;
	inv->request = (struct text){0};
	if (!err)
		err = invite_set_credentials(inv, content);
	if (!err && handlers)
		err = early_dialogs_read(&inv->early, EARLY, &inv->saved);
	return err ? err : invite_send_text(inv, &request, branch, resend);
}
