#include "call_parting.h"

#include "cdr_log.h"

#include <stdlib.h>

enum { WAITS = 3 }; /* for the caller's leg, the gateway's, and an ACK */

struct call_parting {
	LIST_ENTRY(call_parting) link;
	struct cdr_log *log;
	cdr_slot slot; /* 0 = let go */
	bool held;     /* until call_parting_end() */
	uint32_t what; /* enum call_parting_leg, of all waits */
	struct call_parting_wait {
		struct call_parting *parting;
		uint32_t what;
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

struct call_parting_wait *call_parting_wait(struct call_parting *p, uint32_t what)
{
	struct call_parting_wait *w;

	if (!p)
		return NULL;
	w = &p->wait[(what & CALL_PARTING_CALLER) ? 0 : (what & CALL_PARTING_GATEWAY) ? 1 : 2];
	*w = (struct call_parting_wait){.parting = p, .what = what};
	p->what |= what;
	cdr_log_note(p->log, p->slot, p->what);
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
		cdr_log_note(p->log, p->slot, p->what);
	} else if (!p->held) {
		let_go(p);
		free(p);
	}
}

void call_parting_on_end(void *wait)
{
	struct call_parting_wait *w = wait;

	if (!w)
		return;
	w->parting->what &= ~w->what;
	look(w->parting);
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
