#include "call_state.h"

#include "clock.h"
#include "log.h"

#include <assert.h>

static const char *const names[] = {"new", "trying", "connecting", "answered", "up", "ended"};

enum { STATES = sizeof(names) / sizeof(names[0]) };

static const bool legal[STATES][STATES] = {
	[CALL_NEW] = {[CALL_TRYING] = true, [CALL_ANSWERED] = true, [CALL_UP] = true},
	[CALL_TRYING] = {[CALL_CONNECTING] = true, [CALL_ANSWERED] = true, [CALL_ENDED] = true},
	[CALL_CONNECTING] = {[CALL_ANSWERED] = true, [CALL_ENDED] = true},
	[CALL_ANSWERED] = {[CALL_UP] = true, [CALL_ENDED] = true},
	[CALL_UP] = {[CALL_ENDED] = true},
};

/* Channels ---------------------------------------------------------------------------------- */

static void release(struct call *call, struct call_limits_channel *channel)
{
	call->context->channels -= channel->limits != NULL;
	call_limits_release(channel);
}

int call_state_seize_ingress(struct call *call)
{
	int err = ingress_seize(call->ingress, &call->channel_in, call->begin_ms);

	call->context->channels += !err;
	return err;
}

enum gateway_verdict call_state_seize_gateway(struct call *call, struct gateway *gw, bool forced)
{
	uint64_t now = clock_now_ms();
	enum gateway_verdict verdict = forced ? gateway_seize_forced(gw, &call->channel_out, now)
					      : gateway_seize(gw, &call->channel_out, now);

	call->context->channels += verdict == GATEWAY_VERDICT_USABLE;
	return verdict;
}

void call_state_resume_channels(struct call *call)
{
	ingress_resume(call->ingress, &call->channel_in);
	if (call->gateway)
		gateway_resume(call->gateway, &call->channel_out);
	call->context->channels += call->gateway ? 2 : 1;
}

void call_state_release_gateway(struct call *call)
{
	release(call, &call->channel_out);
}

/* The state --------------------------------------------------------------------------------- */

static bool is_elsewhere(const struct call *call)
{
	return call->a.hop.peer && call->a.hop.peer->elsewhere;
}

static void begin_life(struct call *call)
{
	struct call_context *context = call->context;

	LIST_INSERT_HEAD(&context->live, call, link);
	if (is_elsewhere(call))
		LIST_INSERT_HEAD(&context->elsewhere, call, elsewhere);
	context->active++;
	context->total += !call->recovered;
	context->recovered += call->recovered;
}

void call_set_state(struct call *call, enum call_state state)
{
	struct call_context *context = call->context;

	assert(legal[call->state][state]);
	log_debug(call->a.call_id, "call state from=%s to=%s", names[call->state], names[state]);
	if (call->state == CALL_NEW)
		begin_life(call);
	call->state = state;
	switch (state) {
	case CALL_NEW:
	case CALL_TRYING:
	case CALL_CONNECTING:
	case CALL_UP:
		return;
	case CALL_ANSWERED:
		context->answered += !call->recovered;
		return;
	case CALL_ENDED:
		LIST_REMOVE(call, link);
		if (is_elsewhere(call))
			LIST_REMOVE(call, elsewhere);
		LIST_INSERT_HEAD(&context->parked, call, link);
		context->active--;
		context->failed += !call->answer_ms && !call->recovered;
		release(call, &call->channel_out);
		release(call, &call->channel_in);
		return;
	}
}

const char *call_state_name(const struct call *call)
{
	return names[call->state];
}

bool call_state_is_answered(const struct call *call)
{
	return call->state == CALL_ANSWERED || call->state == CALL_UP;
}
