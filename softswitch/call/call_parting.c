#include "call_parting.h"

#include "cdr_log.h"

#include <stdlib.h>

struct call_parting {
	LIST_ENTRY(call_parting) link;
	struct cdr_log *log;
	cdr_slot slot;    /* 0 = let go */
	unsigned waiting; /* for BYEs, and for call_parting_end() */
	uint32_t legs;    /* enum call_parting_leg */
};

struct call_parting *call_parting_begin(struct call_context *context, cdr_slot slot)
{
	struct call_parting *p = slot ? malloc(sizeof(*p)) : NULL;

	if (!p && slot)
		cdr_log_parted(context->cdr_log, slot);
	if (!p)
		return NULL;
	*p = (struct call_parting){.log = context->cdr_log, .slot = slot, .waiting = 1};
	LIST_INSERT_HEAD(&context->parting, p, link);
	return p;
}

struct call_parting *call_parting_wait(struct call_parting *p, enum call_parting_leg leg)
{
	if (!p)
		return NULL;
	p->waiting++;
	p->legs |= leg;
	cdr_log_note(p->log, p->slot, p->legs);
	return p;
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

void call_parting_on_end(void *parting)
{
	struct call_parting *p = parting;

	if (!p || --p->waiting)
		return;
	let_go(p);
	free(p);
}

void call_parting_end(struct call_parting *p)
{
	call_parting_on_end(p);
}

void call_parting_close(struct call_context *context)
{
	while (!LIST_EMPTY(&context->parting))
		let_go(LIST_FIRST(&context->parting));
}
