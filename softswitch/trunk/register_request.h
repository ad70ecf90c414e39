/** @file register_request.h  REGISTER as bytes, and what its answer says (RFC 3261 section 10). */
#ifndef REGISTER_REQUEST_H
#define REGISTER_REQUEST_H

#include "db_config.h"
#include "registration.h"
#include "text.h"
#include "transport.h"

/** All borrowed. */
struct register_request {
	const struct db_registration *row;
	const struct hop_listener *from;
	enum db_privacy privacy;
	const char *branch, *call_id, *tag;
	uint32_t cseq;
	uint32_t expires_s;                /* 0: remove the binding */
	const struct request_retry *retry; /* its answers to challenges */
};
/** Write it whole. */
void register_request_write(struct text *t, const struct register_request *r);

/** The Request-URI, "sip:registrar.example:5070". */
enum { REGISTER_URI_MAX = 300 };
void register_request_uri(const struct db_registration *row, char out[REGISTER_URI_MAX]);

/** The line of a URI, by which a Contact of ours is known; "" when it is longer than ours are. @return has it one? */
enum { REGISTER_TOKEN_MAX = 33 };
bool register_request_token(const url_t *url, char out[REGISTER_TOKEN_MAX]);

/**
 * The expiry that a 2xx grants our Contact: its own expires parameter, else the Expires header, else what was asked.
 * Our Contact is known by its line, or by user, host and port where the registrar does not keep the line. An answer with
 * an Expires header and no Contact at all, which the RFC does not allow, is taken for ours.
 *
 * @return s; 0 when we are not bound
 */
uint32_t register_request_granted(const sip_t *answer, const struct register_request *r);

/**
 * The route that a 2xx wants our requests to take (RFC 3608).
 *
 * @param out  zeroed without Service-Route; its strings are the caller's
 * @return 0; -ENOMEM
 */
int register_request_service_route(const sip_t *answer, struct registration_route *out);

#endif
