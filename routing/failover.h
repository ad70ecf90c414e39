/** @file failover.h  Does this failure try the next gateway? Pure policy. */
#ifndef FAILOVER_H
#define FAILOVER_H

#include "gateway_policy.h"

/** How far an attempt came; each stage has its timeout. */
enum failover_stage {
	FAILOVER_STAGE_CALLING,      /* INVITE sent, nothing came back */
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
	FAILOVER_FAILURE_TIMEOUT,   /* a stage timer, or the resend schedule used up */
	FAILOVER_FAILURE_TRANSPORT, /* refused, unreachable, reset, or the name did not resolve */
};

/** What the call has seen over all attempts so far. */
struct failover_result {
	enum failover_failure failure;
	enum failover_stage stage; /* of the attempt that failed */
	unsigned sip_code;         /* FAILOVER_FAILURE_CODE */
	bool sdp_seen;             /* this or an earlier gateway sent SDP */
	bool ringing_seen;         /* this or an earlier gateway sent 180 */
	unsigned tried;            /* gateways tried so far, this one included */
	unsigned limit;            /* SS_GATEWAY_SWITCH_LIMIT, 0 = none */
};

/** What to do, and the reason as words for the log when switching ended ("stop code 603"). */
struct failover_verdict {
	bool next;
	const char *reason; /* static text; NULL when next */
};
struct failover_verdict failover_decide(
	const struct gateway_policy *policy, const struct failover_result *result);

#endif
