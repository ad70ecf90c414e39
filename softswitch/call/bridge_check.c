#include "bridge_check.h"

#include "message.h"
#include "pace.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

struct bridge_check {
	struct bridge *bridge;
	struct question {
		struct pace_task task;
		struct bridge_check *check;
		struct dialog_request request;
		enum bridge_side side;
		const struct stream *by; /* the connection that it took first; not to be looked into */
	} question[2];                   /* by side */
};

static struct dialog *leg_of(const struct question *q)
{
	return q->check->bridge->leg[q->side];
}

static void report_failed(const struct question *q)
{
	const struct bridge *b = q->check->bridge;

	b->handlers->on_refresh_failed(leg_of(q), b->arg);
}

static void write_question(struct text *t, void *arg)
{
	const struct question *q = arg;

	text_add(t, bridge_allow(q->check->bridge, leg_of(q)));
	message_end(t, NULL);
}

static void on_response(const struct received *rx, void *arg)
{
	const struct question *q = arg;
	const struct bridge *b = q->check->bridge;
	int status = rx->sip->sip_status->st_status;

	if (status == 481)
		b->handlers->on_gone(leg_of(q), b->arg);
	else if (status == 408)
		report_failed(q);
}

static void on_failure(int error, void *arg);

static const struct dialog_request_handlers handlers = {write_question, on_response, on_failure};

static void ask(struct question *q)
{
	struct bridge *b = q->check->bridge;

	q->request = (struct dialog_request){.stack = b->stack,
		.dialog = leg_of(q),
		.method = "OPTIONS",
		.resend = bridge_resend(b, leg_of(q)),
		.max_forwards = MAX_FORWARDS,
		.handlers = &handlers,
		.arg = q};
	q->by = leg_of(q)->hop.connection;
	if (dialog_request_start(&q->request))
		report_failed(q);
}

/** A peer that no connection led to may have opened one itself (next_hop_reconnect()): it is asked again by that. */
static void on_failure(int error, void *arg)
{
	struct question *q = arg;
	const struct stream *by = leg_of(q)->hop.connection;

	(void)error;
	if (by && by != q->by)
		ask(q);
	else
		report_failed(q);
}

static void on_turn(struct pace_task *task)
{
	ask((struct question *)((char *)task - offsetof(struct question, task)));
}

int bridge_check_start(struct bridge_check **out, struct bridge *b, struct pace *pace)
{
	struct bridge_check *check = calloc(1, sizeof(*check));

	if (!check)
		return -ENOMEM;
	check->bridge = b;
	for (enum bridge_side side = BRIDGE_CALLER; side <= BRIDGE_GATEWAY; side++) {
		check->question[side].check = check;
		check->question[side].side = side;
		pace_add(pace, &check->question[side].task, on_turn);
	}
	*out = check;
	return 0;
}

void bridge_check_stop(struct bridge_check *check)
{
	if (!check)
		return;
	for (enum bridge_side side = BRIDGE_CALLER; side <= BRIDGE_GATEWAY; side++) {
		pace_remove(&check->question[side].task);
		dialog_request_stop(&check->question[side].request);
	}
	free(check);
}
