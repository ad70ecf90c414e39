#include "failover.h"

#include <stddef.h>

/* "stop code 400" to "stop code 699", as static text. */
#define CODE(n) "stop code " #n
#define TEN(n)                                                                                               \
	CODE(n##0), CODE(n##1), CODE(n##2), CODE(n##3), CODE(n##4), CODE(n##5), CODE(n##6), CODE(n##7),      \
		CODE(n##8), CODE(n##9)
#define HUNDRED(n)                                                                                           \
	TEN(n##0), TEN(n##1), TEN(n##2), TEN(n##3), TEN(n##4), TEN(n##5), TEN(n##6), TEN(n##7), TEN(n##8),   \
		TEN(n##9)

enum { FINAL_CODE_MIN = 400, FINAL_CODE_MAX = 699 };

static const char *const stop_code_text[] = {HUNDRED(4), HUNDRED(5), HUNDRED(6)};

const char *failover_stage_name(enum failover_stage stage)
{
	static const char *const names[] = {
		[FAILOVER_STAGE_CALLING] = "calling",
		[FAILOVER_STAGE_TRYING] = "trying",
		[FAILOVER_STAGE_PROGRESS] = "progress",
		[FAILOVER_STAGE_PROGRESS_SDP] = "progress_sdp",
		[FAILOVER_STAGE_RINGING] = "ringing",
	};

	return names[stage];
}

uint32_t failover_stage_timeout_ms(const struct gateway_policy *policy, enum failover_stage stage)
{
	switch (stage) {
	case FAILOVER_STAGE_CALLING:
		return policy->timeout_invite_ms;
	case FAILOVER_STAGE_TRYING:
		return policy->timeout_trying_ms;
	case FAILOVER_STAGE_PROGRESS:
		return policy->timeout_session_progress_ms;
	case FAILOVER_STAGE_PROGRESS_SDP:
		return policy->timeout_session_progress_sdp_ms;
	case FAILOVER_STAGE_RINGING:
		return policy->timeout_ringing_ms;
	}
	return 0; /* not reached: every stage is above */
}

static const char *stop_code(const struct parameter_codes *codes, unsigned sip_code)
{
	if (sip_code < FINAL_CODE_MIN || sip_code > FINAL_CODE_MAX)
		return NULL;
	for (unsigned i = 0; i < codes->n; i++)
		if (codes->code[i] == sip_code)
			return stop_code_text[sip_code - FINAL_CODE_MIN];
	return NULL;
}

/* Reasons that lie in the failure itself, whatever came before it. */
static const char *stopped_by_failure(
	const struct gateway_policy *policy, const struct failover_result *result)
{
	switch (result->failure) {
	case FAILOVER_FAILURE_CODE:
		if (policy->switch_stop_after_user_busy &&
			(result->sip_code == 486 || result->sip_code == 600))
			return "user busy";
		return stop_code(policy->stop_codes, result->sip_code);
	case FAILOVER_FAILURE_TIMEOUT:
		if (policy->stop_switch_after_invite_timeout && result->stage == FAILOVER_STAGE_CALLING)
			return "no switching after an INVITE timeout";
		return NULL;
	case FAILOVER_FAILURE_TRANSPORT:
		return NULL;
	}
	return NULL;
}

/* Reasons that lie in the progress of the call, whatever the failure is. */
static const char *stopped_by_progress(
	const struct gateway_policy *policy, const struct failover_result *result)
{
	if (policy->stop_switch_after_sdp && result->sdp_seen)
		return "no switching after SDP";
	if (!policy->switch_until_connect && result->ringing_seen)
		return "no switching after ringing";
	if (result->limit && result->tried >= result->limit)
		return "switch limit reached";
	return NULL;
}

struct failover_verdict failover_decide(
	const struct gateway_policy *policy, const struct failover_result *result)
{
	const char *reason = stopped_by_failure(policy, result);

	if (!reason)
		reason = stopped_by_progress(policy, result);
	return (struct failover_verdict){.next = !reason, .reason = reason};
}
