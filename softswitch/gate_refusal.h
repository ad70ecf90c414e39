/** @file gate_refusal.h  Private to the gate: why a call is turned away before anything is routed.
 *
 * OPTIONS asks for exactly that (RFC 3261 section 11.2): with a number it gets what an INVITE would; without one it asks
 * whether the switch takes calls at all.
 */
#ifndef GATE_REFUSAL_H
#define GATE_REFUSAL_H

#include "call.h"

#include <sofia-sip/sip.h>

#include <stdbool.h>
#include <stdint.h>

struct ingress;
struct endpoint;
struct parameters;

enum { GATE_REFUSAL_HEADER_MAX = 512 };

/** Option tags that can be required of us: session timers, reliable provisional responses, Path (RFC 3327) of a REGISTER. */
struct gate_refusal_extensions {
	bool timer, rel100, path;
};
/**
 * Option tags of Require that we do not support for this peer (RFC 3261 section 8.2.2.3).
 *
 * @param header  receives the Unsupported line
 * @return true when there are some
 */
bool gate_refusal_by_require(
	const sip_t *sip, struct gate_refusal_extensions supported, char header[GATE_REFUSAL_HEADER_MAX]);

/** Who asks, and when. All borrowed. */
struct gate_refusal_question {
	const struct ingress
		*ingress; /* NULL: a gateway that is no customer, which may only ask with OPTIONS */
	const struct endpoint *endpoint; /* the same, if it is one; else NULL */
	const struct parameters *parameters;
	bool refuse_new; /* the switch is draining or stopping */
	uint64_t now_ms; /* monotonic */
};
/** @param header  room for the lines of the refusal. @return true when an INVITE is turned away */
bool gate_refusal_of_invite(const struct gate_refusal_question *q, const sip_t *sip, struct call_refusal *out,
	char header[GATE_REFUSAL_HEADER_MAX]);
/** The same for OPTIONS outside a dialog, where the words do not matter. What only a call can be refused for (hops, session interval) does not count. */
bool gate_refusal_of_options(const struct gate_refusal_question *q, const sip_t *sip,
	struct call_refusal *out, char header[GATE_REFUSAL_HEADER_MAX]);

#endif
