#include "gateway_verdict.h"

const char *gateway_verdict_name(enum gateway_verdict verdict)
{
	static const char *const names[] = {
		[GATEWAY_USABLE] = "usable",
		[GATEWAY_REMOVED] = "removed",
		[GATEWAY_DISABLED] = "disabled",
		[GATEWAY_DRAINING] = "draining",
		[GATEWAY_FULL] = "full",
		[GATEWAY_CPS] = "cps",
		[GATEWAY_NOT_REGISTERED] = "not_registered",
		[GATEWAY_RETRY_AFTER] = "retry_after",
		[GATEWAY_CLOSED] = "closed",
		[GATEWAY_OPTIONS_DOWN] = "options_down",
		[GATEWAY_BREAKER_OPEN] = "breaker_open",
		[GATEWAY_PROBING] = "probing",
		[GATEWAY_RAMPING] = "ramping",
	};

	return names[verdict];
}
