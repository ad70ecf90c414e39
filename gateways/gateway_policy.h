/** @file gateway_policy.h  What is in force for a call to a gateway: its row laid over the parameters. */
#ifndef GATEWAY_POLICY_H
#define GATEWAY_POLICY_H

#include "parameters.h"

#include <stdbool.h>
#include <stdint.h>

struct gateway;

struct gateway_policy {
	uint32_t timeout_invite_ms, timeout_trying_ms, timeout_session_progress_ms,
		timeout_session_progress_sdp_ms, timeout_ringing_ms;
	struct resend_schedule resend;
	bool stop_switch_after_invite_timeout, stop_switch_after_sdp, switch_until_connect,
		switch_stop_after_user_busy;
	const struct parameter_codes *stop_codes; /* borrowed from the parameters, or from gateway_row() */
	bool session_timer;
	enum parameter_100rel sip_100rel;
	uint32_t max_call_duration_ms; /* 0 = no limit */
	bool sdp_own_origin;
};
void gateway_policy(const struct gateway *gw, const struct parameters *p, struct gateway_policy *out);

#endif
