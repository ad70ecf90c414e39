/** @file options_probe.h  One OPTIONS outside any dialog (RFC 3261 section 11): does anybody answer at this host? */
#ifndef OPTIONS_PROBE_H
#define OPTIONS_PROBE_H

#include "stack.h"

struct options_probe;

/**
 * The end; the probe is gone.
 *
 * @param result  code of the final answer; -errno: none came from any address, and why not from the last one
 * @param rtt_ms  until the answer came
 */
typedef void options_probe_h(int result, uint32_t rtt_ms, void *arg);

struct options_probe_target {
	const char *host; /* for the Request-URI, as in struct db_gateway; with port */
	uint16_t port;
	uint16_t local_port;                     /* to send from; 0 = any */
	const struct resolver_answer *addresses; /* asked one after the other until one answers */
	const struct resend_schedule *resend;
	uint32_t timeout_ms; /* for each address */
};

/**
 * Ask. All of the target is copied.
 *
 * @return 0 with *out, which the handler's call ends; -ENOMEM; or nothing could be sent to any address: -errno
 */
int options_probe_start(struct options_probe **out, struct stack *stack,
	const struct options_probe_target *target, options_probe_h *on_end, void *arg);
/** Nobody wants to know any more. NULL is fine. */
void options_probe_cancel(struct options_probe *p);

#endif
