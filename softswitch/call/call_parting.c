#include "call_parting.h"

#include "call_saved.h"
#include "cdr_log.h"
#include "invite.h"

#include <stdlib.h>

enum { WAITS = 5 }; /* for the legs, and for ACKs */

struct call_parting {
	LIST_ENTRY(call_parting) link;
	struct cdr_log *log;
	cdr_slot slot; /* 0 = let go */
	bool held;     /* until call_parting_end() */
	uint32_t what; /* enum call_parting_leg, of all waits */
	struct call_parting_wait {
		struct call_parting *parting;
		uint32_t what;
		unsigned n; /* an endpoint may have been called at several contacts */
	} wait[WAITS];
};

struct call_parting *call_parting_begin(struct call_context *context, cdr_slot slot)
{
	struct call_parting *p = slot ? malloc(sizeof(*p)) : NULL;

	if (!p)
		return NULL;
	*p = (struct call_parting){.log = context->cdr_log, .slot = slot, .held = true};
	LIST_INSERT_HEAD(&context->parting, p, link);
	return p;
}

static unsigned place(uint32_t what)
{
	static const uint32_t places[WAITS - 1] = {
		CALL_PARTING_CALLER, CALL_PARTING_GATEWAY, CALL_PARTING_REINVITE, 2 * CALL_PARTING_REINVITE};
	unsigned i = 0;

	while (i < WAITS - 1 && !(what & places[i]))
		i++;
	return i;
}

struct call_parting_wait *call_parting_wait(struct call_parting *p, uint32_t what)
{
	struct call_parting_wait *w;

	if (!p)
		return NULL;
	w = &p->wait[place(what)];
	w->parting = p;
	w->what |= what;
	w->n++;
	p->what |= what;
	cdr_log_mark(p->log, p->slot, p->what);
	return w;
}

bool call_parting_is_waiting(const struct call_parting *p)
{
	return p->what;
}

void call_parting_lose(struct call_parting *p)
{
	if (!p || !p->slot)
		return;
	p->slot = 0;
	LIST_REMOVE(p, link);
}

static void let_go(struct call_parting *p)
{
	if (p->slot)
		cdr_log_parted(p->log, p->slot);
	call_parting_lose(p);
}

static void look(struct call_parting *p)
{
	if (p->what) {
		cdr_log_mark(p->log, p->slot, p->what);
	} else if (!p->held) {
		let_go(p);
		free(p);
	}
}

void call_parting_on_end(void *wait)
{
	struct call_parting_wait *w = wait;

	if (!w || --w->n)
		return;
	w->parting->what &= ~w->what;
	look(w->parting);
}

/** From here on its leg is waited for. @param leg  struct dialog */
static void on_late(const void *leg, void *wait)
{
	static char buffer[CDR_LOG_STATE_MAX];
	struct text t = {.data = buffer, .size = sizeof(buffer)};
	struct call_parting *p = ((struct call_parting_wait *)wait)->parting;

	if (p->held || !p->slot)
		return;
	call_saved_write_late(leg, &t);
	if (!t.full)
		p->slot = cdr_log_add(p->log, p->slot, t.data, t.len);
	cdr_log_mark(p->log, p->slot, p->what);
}

void call_parting_wait_invite(struct call_parting *p, struct invite *invite)
{
	const struct client_transaction_over over = {
		on_late, call_parting_on_end, call_parting_wait(p, CALL_PARTING_GATEWAY)};

	if (over.arg)
		invite_on_over(invite, &over);
}

void call_parting_end(struct call_parting *p)
{
	if (!p)
		return;
	p->held = false;
	look(p);
}

void call_parting_close(struct call_context *context)
{
	while (!LIST_EMPTY(&context->parting))
		let_go(LIST_FIRST(&context->parting));
}
