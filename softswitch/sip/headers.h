/** @file headers.h  Which headers cross the switch: one table. */
#ifndef HEADERS_H
#define HEADERS_H

#include "text.h"

#include <sofia-sip/sip.h>

#include <stdbool.h>
#include <stdint.h>

enum headers_kind {
	HEADERS_REQUEST = 1,
	HEADERS_RESPONSE = 2,
	HEADERS_BODILESS = 4, /* of a request whose body does not cross */
};

/**
 * Copy the headers that cross from one leg to the other, in their order, as message_header() has them. A refusal gets
 * those that its code must have.
 *
 * @param more  names of headers that cross besides those of the table, separated by commas; NULL = none
 */
void headers_pass(struct text *t, const sip_t *from, enum headers_kind kind, const char *more);
/** Has a refusal the headers that its code must have, or can we supply them? */
bool headers_suffice(const sip_t *refusal);
/** What a refusal with this code says if nobody gave us its headers: whole lines. @return NULL when it would say nothing true */
const char *headers_of_refusal(int status);

/** A hash of the headers that say who the sender is, P-Asserted-Identity and the like; 0 = none. */
uint64_t headers_identity(const sip_t *from);

/** "Allow: ...\r\n": what we relay, said in dialog-creating messages and refusals. */
extern const char headers_allow[];
/** The same inside a call whose other side does not take UPDATE. */
extern const char headers_allow_no_update[];
/** The same outside dialogs: what is not answered with 405 there. */
extern const char headers_allow_new[];
/** The same for a gateway that may publish; with the line below. */
extern const char headers_allow_publish[];
/** "Allow-Events: ...\r\n": what can be published. */
extern const char headers_allow_events[];

/**
 * Write what an answer to OPTIONS says about us (RFC 3261 section 11.2): Accept, Allow, Supported.
 *
 * @param allow         one of the above
 * @param timer,rel100  session timers and reliable provisional responses are on for this peer
 */
enum { HEADERS_CAPABILITIES_MAX = 256 };
void headers_capabilities(char out[HEADERS_CAPABILITIES_MAX], const char *allow, bool timer, bool rel100);

#endif
