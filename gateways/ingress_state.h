/** @file ingress_state.h  Private to gateways/: what an ingress is made of. */
#ifndef INGRESS_STATE_H
#define INGRESS_STATE_H

#include "ingress.h"
#include "peers.h"

/** Those of its row; copied by the on_change of its kind. */
struct ingress_state_settings {
	enum db_override session_timer;
	struct db_override_100rel sip_100rel;
	uint32_t max_call_duration_ms;
	const char *pass_headers;
	bool strict_source;
};

/** The first member of the struct of its kind, which its set sees as a struct peer. */
struct ingress {
	struct peer peer;
	enum ingress_kind kind;
	struct ingress_state_settings settings;
};

/** Fill in the settings from a row of either kind. */
#define INGRESS_STATE_SETTINGS(row)                                                                          \
	((struct ingress_state_settings){.session_timer = (row)->session_timer,                              \
		.sip_100rel = (row)->sip_100rel,                                                             \
		.max_call_duration_ms = (row)->max_call_duration_ms,                                         \
		.strict_source = (row)->strict_source})

#endif
