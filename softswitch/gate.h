/** @file gate.h  Every message from the wire comes here first: who is this, may it, and whose message is it?
 *
 * A stranger's request, a loop and all that needs no call is answered without keeping anything. What belongs to a
 * transaction or a dialog goes on to it; the INVITE of a customer becomes a call.
 */
#ifndef GATE_H
#define GATE_H

struct access;
struct calls;
struct gate;
struct gateway_targets;
struct mapping_gateways;
struct publish;
struct registration_drivers;
struct stack;
struct strangers;

/** What the gate works with; all of it borrowed. */
struct gate_parts {
	struct stack *stack;
	struct calls *calls;
	struct mapping_gateways *mapping_gateways;
	struct access *access;
	struct publish *publish;
	struct registration_drivers *registrations;
	const struct gateway_targets *gateway_targets;
	struct strangers *strangers;
};

/** Messages come in from now on. @return 0 or -ENOMEM */
int gate_create(struct gate **out, const struct gate_parts *parts);
/** Messages are dropped from now on. NULL is fine. */
void gate_destroy(struct gate *gate);

/** New calls get 503 from now on. */
void gate_refuse_new(struct gate *gate);

#endif
