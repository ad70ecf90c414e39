/** @file options_probe.h  Does a host answer OPTIONS outside a dialog (RFC 3261 section 11)? */
#ifndef OPTIONS_PROBE_H
#define OPTIONS_PROBE_H

#include "stack.h"
#include "tls_identity.h"

struct options_probe;

/**
 * The probe has ended; its pointer is invalid.
 *
 * @param result  status code of the final response of the last address asked; -errno when it did not answer
 * @param rtt_ms  until the response came
 * @param once    the request was sent once
 */
typedef void options_probe_h(int result, uint32_t rtt_ms, bool once, void *arg);

struct options_probe_target {
	const char *gateway; /* one that is there */
	bool strict_source;  /* its */
	const char *host;    /* for the Request-URI, as in struct db_gateway; with port */
	uint16_t port;
	struct tls_identity_demand demand;       /* of connections over TLS */
	uint16_t local_port;                     /* to send from; 0 = any */
	const struct resolver_answer *addresses; /* tried in turn until one answers anything but 503 */
	const struct resend_schedule *resend;    /* `auto` */
	struct response_time *response_time;     /* is made of this */
	uint32_t timeout_ms;                     /* for each address; at most 2 s while others are left */
};

/**
 * Send OPTIONS. The target is copied.
 *
 * @return 0, and the handler will be called; -ENOMEM; -errno of the last address when nothing could be sent to any
 */
int options_probe_start(struct options_probe **out, struct stack *stack,
	const struct options_probe_target *target, options_probe_h *on_end, void *arg);
/** Abandon it; the handler is not called. NULL is fine. */
void options_probe_cancel(struct options_probe *p);

#endif
