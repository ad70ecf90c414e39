/** @file db_gateway.h  One row of `gateway`: a vendor's gateway. */
#ifndef DB_GATEWAY_H
#define DB_GATEWAY_H

#include "db_table.h"

/*
 * host                 IPv4, IPv6 (no brackets) or a name to resolve; "" with `endpoint`
 * transport            "udp", "tcp", "tls"; "" = as NAPTR and SRV say, else udp
 * port                 0 = as SRV says, else 5060 (TLS 5061)
 * capacity, cps        calls at a time, new calls per second; 0 = unlimited
 * ..._ms               0 = the parameter
 * registration         name of the registration it belongs to; "" = none
 * draining             no new calls
 * options_check        is it probed with OPTIONS?
 * options_alive_codes  not set: every answer but 408 and 503 counts as alive
 * sdp_own_origin       our own o= and s= lines in the session descriptions of its calls
 * strict_source        messages inside a dialog count only from where its requests go, or from its peer
 * publish              may it report its own state with PUBLISH?
 * tls_fingerprint      SHA-256 of its certificate, 64 hexadecimal digits, perhaps with colons; "" = any that is verified
 * tls_certificate      file in --tls-dir with our certificate for it; "" = agent.pem
 * pass_headers         names of more headers that cross in its calls, separated by commas; "" = none
 * endpoint             name of the endpoint whose binding is its address, while `host` is ""; "" = none
 * nat                  On: it hears us only where it sends from; Off: at the addresses it names; not set: they decide
 */
#define DB_GATEWAY_COLUMNS(COLUMN)                                                                           \
	COLUMN(TEXT, name, "name")                                                                           \
	COLUMN(ID, id, "id")                                                                                 \
	COLUMN(TEXT, host, "host")                                                                           \
	COLUMN(TEXT, transport, "transport")                                                                 \
	COLUMN(PORT, port, "port")                                                                           \
	COLUMN(FLAG, enabled, "enabled")                                                                     \
	COLUMN(NUMBER, capacity, "capacity")                                                                 \
	COLUMN(NUMBER, cps, "cps")                                                                           \
	COLUMN(SECONDS, timeout_invite_ms, "timeout_invite")                                                 \
	COLUMN(SECONDS, timeout_trying_ms, "timeout_trying")                                                 \
	COLUMN(SECONDS, timeout_session_progress_ms, "timeout_session_progress")                             \
	COLUMN(SECONDS, timeout_session_progress_sdp_ms, "timeout_session_progress_sdp")                     \
	COLUMN(SECONDS, timeout_ringing_ms, "timeout_ringing")                                               \
	COLUMN(RESEND, resend, "resend_interval")                                                            \
	COLUMN(OVERRIDE, switch_stop_after_invite_timeout, "switch_stop_after_invite_timeout")               \
	COLUMN(OVERRIDE, switch_stop_after_sdp, "switch_stop_after_sdp")                                     \
	COLUMN(OVERRIDE, switch_until_connect, "switch_until_connect")                                       \
	COLUMN(OVERRIDE, switch_stop_after_user_busy, "switch_stop_after_user_busy")                         \
	COLUMN(STOP_CODES, switch_stop_codes, "switch_stop_codes")                                           \
	COLUMN(TEXT, auth_user, "auth_user")                                                                 \
	COLUMN(TEXT, auth_password, "auth_password")                                                         \
	COLUMN(TEXT, registration, "registration")                                                           \
	COLUMN(FLAG, draining, "draining")                                                                   \
	COLUMN(FLAG, options_check, "options_check")                                                         \
	COLUMN(ALIVE_CODES, options_alive_codes, "options_alive_codes")                                      \
	COLUMN(BREAKER_ON, breaker_on, "breaker_on")                                                         \
	COLUMN(OVERRIDE, session_timer, "session_timer")                                                     \
	COLUMN(100REL, sip_100rel, "sip_100rel")                                                             \
	COLUMN(SECONDS, max_call_duration_ms, "max_call_duration")                                           \
	COLUMN(FLAG, sdp_own_origin, "sdp_own_origin")                                                       \
	COLUMN(FLAG, strict_source, "strict_source")                                                         \
	COLUMN(FLAG, publish, "publish")                                                                     \
	COLUMN(SWITCH, tls_verify, "tls_verify")                                                             \
	COLUMN(TEXT, tls_fingerprint, "tls_fingerprint")                                                     \
	COLUMN(TEXT, tls_certificate, "tls_certificate")                                                     \
	COLUMN(TEXT, pass_headers, "pass_headers")                                                           \
	COLUMN(OVERRIDE, nat, "nat")                                                                         \
	COLUMN(TEXT, endpoint, "endpoint")

/** Texts are never NULL. */
struct db_gateway {
	DB_GATEWAY_COLUMNS(DB_TABLE_MEMBER)
	bool is_endpoint; /* no column: it is made of a row of `endpoint`, which has its name and id */
};

extern const struct db_table db_gateway_table;

#endif
