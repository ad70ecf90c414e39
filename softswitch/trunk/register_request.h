/** @file register_request.h  Writes REGISTER and reads its 2xx (RFC 3261 section 10). */
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
	enum parameter_privacy privacy;
	const char *branch, *call_id, *tag;
	uint32_t cseq;
	uint32_t expires_s;                /* 0 = remove the binding */
	const struct request_retry *retry; /* its answers to challenges */
};
/** Write the whole request. */
void register_request_write(struct text *t, const struct register_request *r);

/** The Request-URI, "sip:registrar.example:5070". */
enum { REGISTER_URI_MAX = 300 };
void register_request_uri(const struct db_registration *row, char out[REGISTER_URI_MAX]);

/**
 * The token in the parameter `line` of a URI, by which we know a Contact of ours; "" if too long to be ours.
 *
 * @return false without the parameter
 */
enum { REGISTER_TOKEN_MAX = 33 };
bool register_request_token(const url_t *url, char out[REGISTER_TOKEN_MAX]);

/**
 * The expiry that a 2xx grants our Contact: its expires parameter if that is a number, else the Expires header, else what
 * we asked for. A Contact of somebody else that cannot be read does not hide ours, be it in the same line. Our Contact is known by its token, or by user, host and port if the registrar does not keep the token. A response with
 * Expires and no Contact at all, which the RFC does not allow, is taken to mean ours.
 *
 * @return s; 0 = we are not bound
 */
uint32_t register_request_granted(const sip_t *answer, const struct register_request *r);

/**
 * The Service-Route of a 2xx, which our requests are to take (RFC 3608).
 *
 * @param out  zeroed without Service-Route, and after an error; the caller frees its strings
 * @return 0; -EINVAL a URI of it cannot be used; -ENOMEM
 */
int register_request_service_route(const sip_t *answer, struct registration_route *out);

#endif
