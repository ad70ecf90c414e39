#include "early_dialogs.h"

#include "cause.h"
#include "dialog_request.h"
#include "dialog_state.h"
#include "log.h"
#include "message.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** Forks of one INVITE that we keep a dialog for. */
enum { EARLY_MAX = 8 };

struct early_dialog {
	TAILQ_ENTRY(early_dialog) link;
	struct early_dialogs *set;
	struct dialog dialog; /* in no set: requests of the peer are found by the tag of the INVITE */
	uint32_t rseq;        /* of the last reliable response that came in order; 0 = none came */
	uint32_t answered;    /* RSeq whose PRACK carries the caller's answer; 0 = none */
	bool offered;         /* that response brought an offer, and its PRACK awaits the answer */
	bool negotiated;      /* offer and answer are complete */
	bool resumed;         /* of the process before, and its PRACK perhaps lost with it */
	struct dialog_request prack;
};

void early_dialogs_init(struct early_dialogs *set)
{
	TAILQ_INIT(&set->list);
}

static void early_free(struct early_dialog *e)
{
	dialog_request_stop(&e->prack);
	dialog_clear(&e->dialog);
	free(e);
}

void early_dialogs_clear(struct early_dialogs *set)
{
	struct early_dialog *e, *next;

	for (e = TAILQ_FIRST(&set->list); e; e = next) {
		next = TAILQ_NEXT(e, link);
		early_free(e);
	}
	TAILQ_INIT(&set->list);
}

static struct early_dialog *find(const struct early_dialogs *set, const char *tag)
{
	struct early_dialog *e;

	TAILQ_FOREACH (e, &set->list, link)
		if (!strcmp(e->dialog.remote_tag, tag))
			return e;
	return NULL;
}

static struct early_dialog *add(struct early_dialogs *set, const struct received *response)
{
	struct early_dialog *e, *other;
	unsigned n = 0;

	TAILQ_FOREACH (other, &set->list, link)
		n++;
	e = n < EARLY_MAX ? calloc(1, sizeof(*e)) : NULL;
	if (!e)
		return NULL;
	e->set = set;
	if (dialog_fork(&e->dialog, set->invite, response)) {
		dialog_clear(&e->dialog);
		free(e);
		return NULL;
	}
	TAILQ_INSERT_HEAD(&set->list, e, link); /* the negotiated ones stay at the end */
	return e;
}

/* PRACK ------------------------------------------------------------------------------------- */

static void write_prack(struct text *t, void *arg)
{
	struct early_dialog *e = arg;

	text_add(t, "RAck: ");
	text_add_number(t, e->rseq);
	text_add(t, " ");
	text_add_number(t, e->dialog.invite_seq);
	text_add(t, " INVITE\r\n");
	if (e->rseq == e->answered)
		dialog_write_description(&e->dialog, t, e->set->caller);
	else
		message_end(t, NULL);
}

/** Whether it gives up without its PRACK is for the gateway to decide. */
static void on_response(const struct received *rx, void *arg)
{
	const struct early_dialog *e = arg;
	int status = rx->sip->sip_status->st_status;

	if (status >= 300)
		log_info(e->dialog.call_id, "PRACK refused code=%d", status);
}

static void on_failure(int error, void *arg)
{
	const struct early_dialog *e = arg;

	log_info(e->dialog.call_id, "PRACK not answered error=%s", cause_error_words(error));
}

static const struct dialog_request_handlers prack_handlers = {write_prack, on_response, on_failure};

static void send_prack(struct early_dialog *e)
{
	int err;

	dialog_request_stop(
		&e->prack); /* the PRACK before, if unanswered, is still resent by its transaction */
	e->prack = (struct dialog_request){.stack = e->set->stack,
		.dialog = &e->dialog,
		.method = "PRACK",
		.resend = e->set->resend,
		.max_forwards = MAX_FORWARDS,
		.handlers = &prack_handlers,
		.arg = e};
	err = dialog_request_start(&e->prack);
	if (err)
		on_failure(err, e);
}

/** The last dialog that was negotiated is the one that counts, and stands last. */
static void set_negotiated(struct early_dialog *e)
{
	e->negotiated = true;
	TAILQ_REMOVE(&e->set->list, e, link);
	TAILQ_INSERT_TAIL(&e->set->list, e, link);
}

void early_dialogs_answer(struct early_dialogs *set)
{
	struct early_dialog *e, *next;

	for (e = TAILQ_FIRST(&set->list); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!e->offered)
			continue;
		e->offered = false;
		e->answered = e->rseq;
		send_prack(e);
		set_negotiated(e);
	}
}

/* Receiving --------------------------------------------------------------------------------- */

bool early_dialogs_is_reliable(const struct early_dialogs *set, const sip_t *response)
{
	return set->on && response->sip_status->st_status > 100 && response->sip_to->a_tag &&
		response->sip_rseq && response->sip_rseq->rs_response &&
		sip_has_feature(response->sip_require, "100rel");
}

/** Any response with a tag makes a dialog in which the gateway may send requests (RFC 3261 section 12.1). */
static void know(struct early_dialogs *set, const struct received *rx)
{
	const sip_t *response = rx->sip;
	struct early_dialog *e;

	if (response->sip_status->st_status == 100 || !response->sip_to->a_tag || !response->sip_contact)
		return;
	e = find(set, response->sip_to->a_tag);
	if (!e)
		e = add(set, rx);
	if (e)
		session_learn(&e->dialog.session, response);
}

bool early_dialogs_take(struct early_dialogs *set, const struct received *rx)
{
	const sip_t *response = rx->sip;
	uint32_t rseq;
	struct early_dialog *e;

	if (!early_dialogs_is_reliable(set, response)) {
		know(set, rx);
		return true;
	}
	rseq = (uint32_t)response->sip_rseq->rs_response;
	e = find(set, response->sip_to->a_tag);
	if (e && e->resumed && rseq == e->rseq && !e->offered) {
		e->resumed = false;
		send_prack(e);
	}
	if (e && e->rseq &&
		(e->offered || rseq != e->rseq + 1)) /* repeated, out of order, or past the last RSeq */
		return false;
	if (!e)
		e = add(set, rx);
	if (!e)
		return false;
	e->rseq = rseq;
	session_learn(&e->dialog.session, response);
	if (message_has_sdp(response) && !e->negotiated) {
		session_describe(&e->dialog.session, response);
		e->offered = set->offerless;
		if (!e->offered)
			set_negotiated(e);
	}
	if (!e->offered)
		send_prack(e);
	return true;
}

struct dialog *early_dialogs_find(const struct early_dialogs *set, const char *tag)
{
	struct early_dialog *e = tag ? find(set, tag) : NULL;

	return e ? &e->dialog : NULL;
}

struct dialog *early_dialogs_negotiated(const struct early_dialogs *set)
{
	struct early_dialog *e = TAILQ_LAST(&set->list, early_dialog_list);

	return e && e->negotiated ? &e->dialog : NULL;
}

bool early_dialogs_is_negotiated(const struct early_dialogs *set, const struct dialog *d)
{
	const struct early_dialog *e = find(set, d->remote_tag);

	return e && e->negotiated;
}

bool early_dialogs_become(struct early_dialogs *set, struct dialog *leg)
{
	struct early_dialog *e = find(set, leg->remote_tag);
	bool negotiated = e && e->negotiated;

	if (!e)
		return false;
	leg->local_seq = e->dialog.local_seq;
	leg->remote_seq = e->dialog.remote_seq;
	leg->origin = e->dialog.origin;
	if (negotiated)
		session_take(&leg->session, &e->dialog.session);
	TAILQ_REMOVE(&set->list, e, link);
	early_free(e);
	return negotiated;
}

/* Over a crash ------------------------------------------------------------------------------ */

static const struct field fields[] = {
	FIELD(1, NUMBER, struct early_dialog, rseq),
	FIELD(2, NUMBER, struct early_dialog, answered),
	FIELD(3, NUMBER, struct early_dialog, offered),
	FIELD(4, NUMBER, struct early_dialog, negotiated),
};
/** Fields that stand in no table. */
enum { DIALOG = 20 };

void early_dialogs_save(const struct early_dialogs *set, uint16_t number, struct text *t)
{
	const struct early_dialog *e;

	TAILQ_FOREACH (e, &set->list, link) {
		size_t begun, dialog;

		if (!e->rseq)
			continue;
		begun = field_begin(t, number);
		field_write(t, FIELD_TABLE(fields), e);
		dialog = field_begin(t, DIALOG);
		dialog_state_write(&e->dialog, t);
		field_end(t, dialog);
		field_end(t, begun);
	}
}

static int read_early(
	struct early_dialog *e, const struct early_dialogs *set, const struct field_bytes *bytes)
{
	struct field_bytes dialog;
	int err = field_read(e, FIELD_TABLE(fields), bytes);

	if (!err)
		err = field_find(&dialog, DIALOG, bytes)
			? dialog_state_read_fork(&e->dialog, set->stack, set->invite, &dialog)
			: -EINVAL;
	return err ? err : dialog_share_account(&e->dialog, set->invite);
}

int early_dialogs_read(struct early_dialogs *set, uint16_t number, const struct field_bytes *bytes)
{
	struct field_bytes left = *bytes, value;
	int err = 0;

	for (unsigned i = 0; !err && i < EARLY_MAX && field_next(&value, number, &left); i++) {
		struct early_dialog *e = calloc(1, sizeof(*e));

		if (!e)
			return -ENOMEM;
		e->set = set;
		e->resumed = true;
		TAILQ_INSERT_TAIL(&set->list, e, link);
		err = read_early(e, set, &value);
		if (err) {
			TAILQ_REMOVE(&set->list, e, link);
			early_free(e);
		}
	}
	return err;
}
