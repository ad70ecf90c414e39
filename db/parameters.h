/** @file parameters.h  Table `parameter`: the switch-wide settings, typed. */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include "resend_schedule.h"

#include <stdbool.h>
#include <stdint.h>

enum { PARAMETER_CODES_MAX = 32, PARAMETER_TEXT_SIZE = 65 };

/** A list of SIP status codes: those that stop switching, those that count as failure, ... */
struct parameter_codes {
	uint16_t code[PARAMETER_CODES_MAX];
	unsigned n;
};

/** What counts as a failed call for a gateway's breaker: SS_GATEWAY_BREAKER_ON. */
struct parameter_breaker_on {
	bool timeout, transport;
	struct parameter_codes codes;
};

/** Reliable provisional responses (RFC 3262): SS_SIP_100REL. */
enum parameter_100rel { PARAMETER_100REL_OFF, PARAMETER_100REL_SUPPORTED, PARAMETER_100REL_REQUIRED };

/** Privacy header of our REGISTER (RFC 3323): absent, `id`, `none`. */
enum parameter_privacy { PARAMETER_PRIVACY_IGNORE, PARAMETER_PRIVACY_ID, PARAMETER_PRIVACY_NONE };

/** The value of every parameter. Plain data: copy it freely. */
struct parameters {
	struct resend_schedule resend;            /* SS_SIP_RESEND_INTERVAL cut to SS_SIP_SEND_RETRY */
	uint32_t timeout_invite_ms;               /* SS_SIP_TIMEOUT_INVITE */
	uint32_t timeout_trying_ms;               /* SS_SIP_TIMEOUT_TRYING */
	uint32_t timeout_session_progress_ms;     /* SS_SIP_TIMEOUT_SESSION_PROGRESS */
	uint32_t timeout_session_progress_sdp_ms; /* SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP */
	uint32_t timeout_ringing_ms;              /* SS_SIP_TIMEOUT_RINGING */
	bool stop_switch_after_invite_timeout;    /* SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT */
	bool stop_switch_after_sdp;               /* SS_SIP_STOP_SWITCH_AFTER_SDP */
	unsigned switch_limit;                    /* SS_GATEWAY_SWITCH_LIMIT; 0 = None */
	bool switch_until_connect;                /* SS_GATEWAY_SWITCH_UNTIL_CONNECT */
	bool switch_stop_after_user_busy;         /* SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY */
	struct parameter_codes switch_stop_codes; /* SS_GATEWAY_SWITCH_STOP_CODES */
	bool reply_unauthorized;                  /* SS_REPLY_UNAUTHORIZED */
	bool call_recovery;                       /* SS_CALL_RECOVERY */

	bool session_timer;               /* SS_SIP_SESSION_TIMER */
	uint32_t session_ttl_s;           /* SS_SIP_SESSION_TTL */
	unsigned session_update_segment;  /* SS_SIP_SESSION_UPDATE_SEGMENT */
	uint32_t early_hangup_ms;         /* SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP; 0 = never */
	uint32_t no_timer_reinvite_ms;    /* SS_SIP_NO_TIMER_REINVITE_INTERVAL; 0 = never */
	uint32_t max_call_duration_ms;    /* SS_MAXCALLDURATION; 0 = no limit */
	enum parameter_100rel sip_100rel; /* SS_SIP_100REL */

	uint32_t user_agent_expire_s;              /* SS_SIP_USER_AGENT_EXPIRE; 0 = Auto */
	uint32_t user_agent_retry_delay_ms;        /* SS_SIP_USER_AGENT_RETRY_DELAY */
	bool user_agent_send_unregister;           /* SS_SIP_USER_AGENT_SEND_UNREGISTER */
	enum parameter_privacy user_agent_privacy; /* SS_SIP_USER_AGENT_PRIVACY */

	uint32_t options_check_period_ms;       /* SS_SIP_OPTIONS_CHECK_PERIOD; 0 = off */
	uint32_t options_timeout_ms;            /* SS_SIP_OPTIONS_TIMEOUT */
	unsigned options_down, options_up;      /* SS_SIP_OPTIONS_DOWN, _UP: probes in a row */
	uint32_t publish_expire_s;              /* SS_SIP_PUBLISH_EXPIRE */
	unsigned breaker_failures;              /* SS_GATEWAY_BREAKER_FAILURES, in a row; 0 = None */
	unsigned breaker_window;                /* SS_GATEWAY_BREAKER_WINDOW, calls */
	unsigned breaker_rate;                  /* SS_GATEWAY_BREAKER_RATE in percent; 0 = None */
	uint32_t breaker_time_ms;               /* SS_GATEWAY_BREAKER_TIME */
	unsigned breaker_successes;             /* SS_GATEWAY_BREAKER_SUCCESSES, in a row */
	uint32_t breaker_ramp_ms;               /* SS_GATEWAY_BREAKER_RAMP */
	struct parameter_breaker_on breaker_on; /* SS_GATEWAY_BREAKER_ON */

	uint32_t stream_timeout_ms;   /* SS_SIP_STREAM_TIMEOUT */
	unsigned stream_limit;        /* SS_SIP_STREAM_LIMIT, connections */
	unsigned stream_limit_source; /* SS_SIP_STREAM_LIMIT_SOURCE, connections */

	uint32_t endpoint_expire_s;            /* SS_ENDPOINT_EXPIRE */
	uint32_t endpoint_nat_expire_s;        /* SS_ENDPOINT_NAT_EXPIRE */
	unsigned endpoint_register_retry;      /* SS_ENDPOINT_REGISTER_RETRY, wrong answers */
	uint32_t endpoint_register_suspend_ms; /* SS_ENDPOINT_REGISTER_SUSPEND */
	bool endpoint_register_replace;        /* SS_ENDPOINT_REGISTER_REPLACE */
	bool endpoint_first;                   /* SS_ENDPOINT_FIRST */

	unsigned authentication_code;                   /* SS_SIP_AUTHENTICATION_CODE: 401, 407 */
	unsigned authentication_retry;                  /* SS_SIP_AUTHENTICATION_RETRY, wrong answers */
	uint32_t authentication_timeout_ms;             /* SS_SIP_AUTHENTICATION_TIMEOUT */
	char authentication_realm[PARAMETER_TEXT_SIZE]; /* SS_SIP_AUTHENTICATION_REALM */

	char nat_keep_alive_message[PARAMETER_TEXT_SIZE]; /* SS_SIP_NAT_KEEP_ALIVE_MESSAGE; "" = CRLF CRLF */
	uint32_t nat_keep_alive_period_ms;                /* SS_SIP_NAT_KEEP_ALIVE_PERIOD; 0 = never */
	uint32_t nat_keep_alive_send_interval_ms;         /* SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL */
	unsigned nat_keep_alive_send_one_time;            /* SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME, datagrams */
};

#endif
