/** @file headers.h  Which headers cross the switch: one table. */
#ifndef HEADERS_H
#define HEADERS_H

#include "text.h"

#include <sofia-sip/sip.h>

enum headers_kind {
	HEADERS_REQUEST = 1,
	HEADERS_RESPONSE = 2,
	HEADERS_BODILESS = 4, /* of a request whose body does not cross */
};

/**
 * Copy the headers that cross from one leg to the other, byte for byte, in their order.
 *
 * @param more  names of headers that cross besides those of the table, separated by commas; NULL = none
 */
void headers_pass(struct text *t, const sip_t *from, enum headers_kind kind, const char *more);

/** "Allow: ...\r\n": what we relay, said in dialog-creating messages and refusals. */
extern const char headers_allow[];
/** The same outside calls for a gateway, which may publish; with the line below. */
extern const char headers_allow_gateway[];
/** "Allow-Events: ...\r\n": what can be published. */
extern const char headers_allow_events[];

#endif
