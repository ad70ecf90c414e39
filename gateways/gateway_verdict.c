#include "gateway_verdict.h"

const char *gateway_verdict_name(enum gateway_verdict verdict)
{
	static const char *const names[] = {
		[GATEWAY_VERDICT_USABLE] = "usable",
		[GATEWAY_VERDICT_REMOVED] = "removed",
		[GATEWAY_VERDICT_DISABLED] = "disabled",
		[GATEWAY_VERDICT_DRAINING] = "draining",
		[GATEWAY_VERDICT_FULL] = "full",
		[GATEWAY_VERDICT_CPS] = "cps",
		[GATEWAY_VERDICT_NOT_REGISTERED] = "not_registered",
		[GATEWAY_VERDICT_NOT_BOUND] = "not_bound",
		[GATEWAY_VERDICT_RETRY_AFTER] = "retry_after",
		[GATEWAY_VERDICT_CLOSED] = "closed",
		[GATEWAY_VERDICT_OPTIONS_DOWN] = "options_down",
		[GATEWAY_VERDICT_BREAKER_OPEN] = "breaker_open",
		[GATEWAY_VERDICT_PROBING] = "probing",
		[GATEWAY_VERDICT_RAMPING] = "ramping",
	};

	return names[verdict];
}
