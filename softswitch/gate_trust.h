/** @file gate_trust.h  Private to the gate: who is a stranger, and may a message be believed that has the right tokens?
 *
 * Nobody can guess tags, Call-IDs and branches, so what carries those of a leg is believed wherever it comes from:
 * carriers answer and hang up from other addresses of theirs. It is counted. Two rules are stricter:
 *
 *	strict_source                          it has to come from an address of the peer
 *	the leg is over TLS, the message not   never: tokens of TLS are read by nobody in between
 */
#ifndef GATE_TRUST_H
#define GATE_TRUST_H

#include "strangers.h"
#include "transport.h"

#include <stdbool.h>

struct access;
struct gateway_targets;
struct mapping_gateways;
struct registration_drivers;
struct stack;

/** Filled in by the gate; all of it borrowed. */
struct gate_trust {
	struct stack *stack;
	const struct mapping_gateways *mapping_gateways;
	const struct access *access;
	const struct gateway_targets *gateway_targets;
	const struct registration_drivers *registrations;
	struct strangers *strangers;
};

/** Is there any row with this address? */
bool gate_trust_knows(const struct gate_trust *t, const struct sockaddr *source);

/**
 * May it be believed? If not, or if it comes from another address, it is counted.
 *
 * @param leg  of the leg or transaction whose tokens it has
 */
bool gate_trust_believes(const struct gate_trust *t, const struct hop *leg, const struct received *rx);

/** Count it among the strangers. @param name  of the row it claims to belong to, or NULL */
void gate_trust_count(const struct gate_trust *t, enum strangers_reason reason, const struct received *rx,
	const char *name);
/** Count a message that can be served although something in it could not be read. @param name  of the peer; NULL = not known */
void gate_trust_note_fault(const struct gate_trust *t, const struct received *rx, const char *name);
/** Answer a request with 403, or with silence if it comes from a stranger and SS_REPLY_UNAUTHORIZED says so. */
void gate_trust_refuse(const struct gate_trust *t, const struct received *rx);

#endif
