/** @file failover.h  After a failed attempt, is the next gateway tried? Pure policy. */
#ifndef FAILOVER_H
#define FAILOVER_H

#include "gateway_policy.h"

/** How far an attempt has come; each stage has its own timeout. */
enum failover_stage {
	FAILOVER_STAGE_CALLING,      /* INVITE sent, no response yet */
	FAILOVER_STAGE_TRYING,       /* 100 */
	FAILOVER_STAGE_PROGRESS,     /* 183 and other 18x without SDP */
	FAILOVER_STAGE_PROGRESS_SDP, /* 183 with SDP */
	FAILOVER_STAGE_RINGING,      /* 180 */
};
/** "calling", "trying", "progress", "progress_sdp", "ringing": as in records. */
const char *failover_stage_name(enum failover_stage stage);

/** The stage timeout in force. */
uint32_t failover_stage_timeout_ms(const struct gateway_policy *policy, enum failover_stage stage);

/** Why an attempt failed. */
enum failover_failure {
	FAILOVER_FAILURE_CODE,      /* a final answer 400-699, or a 3xx, which is not followed */
	FAILOVER_FAILURE_TIMEOUT,   /* a stage timer ran out, or the resend schedule is used up */
	FAILOVER_FAILURE_TRANSPORT, /* connection refused or reset, unreachable, or the name did not resolve */
};

/** The failed attempt, and what the call has seen in all attempts so far. */
struct failover_result {
	enum failover_failure failure;
	enum failover_stage stage; /* of the attempt that failed */
	unsigned sip_code;         /* FAILOVER_FAILURE_CODE */
	bool sdp_seen;             /* this or an earlier gateway sent SDP */
	bool ringing_seen;         /* this or an earlier gateway sent 180 */
	unsigned tried;            /* gateways tried so far, this one included */
	unsigned limit;            /* SS_GATEWAY_SWITCH_LIMIT, 0 = none */
};

/** What to do; when switching ends, why, in words ("stop code 603"). */
struct failover_verdict {
	bool next;
	const char *reason; /* static text; NULL when next */
};
struct failover_verdict failover_decide(
	const struct gateway_policy *policy, const struct failover_result *result);

#endif
