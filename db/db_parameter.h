/** @file db_parameter.h  Table `parameter`: the switch-wide settings, typed (behaviour.md section 1). */
#ifndef DB_PARAMETER_H
#define DB_PARAMETER_H

#include "intervals.h"

#include <stdbool.h>
#include <stdint.h>

enum { PARAMETER_STOP_CODES_MAX = 32 };

/** SIP status codes that end switching: SS_GATEWAY_SWITCH_STOP_CODES. */
struct stop_codes {
	uint16_t code[PARAMETER_STOP_CODES_MAX];
	unsigned n;
};

/** Every parameter in use, with the defaults of the table. Plain data: copy it freely. */
struct parameters {
	struct intervals resend;              /* SS_SIP_RESEND_INTERVAL cut to SS_SIP_SEND_RETRY */
	uint32_t timeout_invite_ms;           /* SS_SIP_TIMEOUT_INVITE */
	uint32_t timeout_trying_ms;           /* SS_SIP_TIMEOUT_TRYING */
	uint32_t timeout_session_progress_ms; /* SS_SIP_TIMEOUT_SESSION_PROGRESS */
	uint32_t timeout_session_progress_sdp_ms; /* SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP */
	uint32_t timeout_ringing_ms;          /* SS_SIP_TIMEOUT_RINGING */
	bool stop_switch_after_invite_timeout; /* SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT */
	bool stop_switch_after_sdp;           /* SS_SIP_STOP_SWITCH_AFTER_SDP */
	unsigned switch_limit;                /* SS_GATEWAY_SWITCH_LIMIT; 0 = None */
	bool switch_until_connect;            /* SS_GATEWAY_SWITCH_UNTIL_CONNECT */
	bool switch_stop_after_user_busy;     /* SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY */
	struct stop_codes switch_stop_codes;  /* SS_GATEWAY_SWITCH_STOP_CODES */
	bool reply_unauthorized;              /* SS_REPLY_UNAUTHORIZED */
};

#endif
