/** @file request_retry.h  A request of ours was refused: is it worth sending again, and with what?
 *
 *	401, 407  once more with credentials, each of them once; again while the server calls its nonce stale
 *	422       once more with the longer session interval the peer wants (RFC 4028 section 6); a new request, which
 *	          may be challenged like the first
 *	491       later: request_retry_glare_ms()
 *	503       later, where Retry-After says so: request_retry_after()
 *
 * Whoever sends the request keeps a struct request_retry beside it, adds its lines to each request it writes, and
 * sends again when request_retry_decide() says so. How it is sent is not known here.
 */
#ifndef REQUEST_RETRY_H
#define REQUEST_RETRY_H

#include "digest.h"

#include <stdbool.h>
#include <stdint.h>

struct dialog;
struct session;

/** What one request has been through. Zeroed = nothing yet. Freed by request_retry_clear(). */
struct request_retry {
	struct digest_tries challenges[2]; /* of servers (401), of proxies (407) */
	char *authorization[2];            /* the answers to them, whole lines; NULL = not asked for */
};

/** A request as far as it matters here. All borrowed. */
struct request_retry_request {
	const char *method, *uri;
	struct digest_credentials credentials;
	struct session *session; /* whose interval the request proposes; NULL = it proposes none */
};

/** What to do now. */
enum request_retry_verdict {
	REQUEST_RETRY_AGAIN,        /* send it again, with the next CSeq */
	REQUEST_RETRY_FINAL,        /* the response stands */
	REQUEST_RETRY_REFUSED,      /* so it does: it refuses the credentials */
	REQUEST_RETRY_UNANSWERABLE, /* so it does: we have no credentials, or know none of its algorithms */
};

/**
 * A final response of 300-699 came: decide, and keep what the next request needs.
 *
 * @param response  to the request that was sent last
 */
enum request_retry_verdict request_retry_decide(
	struct request_retry *r, const struct request_retry_request *request, const sip_t *response);
/** The same for a request inside a dialog, with its credentials, target and session. */
enum request_retry_verdict request_retry_decide_in_dialog(
	struct request_retry *r, struct dialog *d, const char *method, const sip_t *response);

/** Add the Authorization and Proxy-Authorization lines of the next request; none before a challenge. */
void request_retry_write(const struct request_retry *r, struct text *t);
/** The same for an INVITE in this dialog, whose ACK repeats them (RFC 3261 section 13.2.2.4). */
void request_retry_write_invite(const struct request_retry *r, struct dialog *d, struct text *t);
/** Forget all of it: another request follows, or none. */
void request_retry_clear(struct request_retry *r);

/**
 * How long to wait after a 491, which says that two offers have crossed (RFC 3261 section 14.1).
 *
 * @param own_call_id  the Call-ID of the dialog is ours: 2.1 to 4 s, else 0 to 2 s
 * @param random       any number
 * @return ms, in steps of 10
 */
uint32_t request_retry_glare_ms(bool own_call_id, uint64_t random);
/** Does the response name a time to try again: 503 with Retry-After? @param out_s  receives it, s; untouched otherwise */
bool request_retry_after(const sip_t *response, uint32_t *out_s);

#endif
