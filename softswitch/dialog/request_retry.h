/** @file request_retry.h  A request of ours was refused: is it worth sending again, and with what?
 *
 *	401, 407  with credentials, once for each; again if the server only found its nonce stale. Credentials with a
 *	          nonce that was named in advance (RFC 7616 section 3.5) do not count
 *	422       with the session interval that the peer demands (RFC 4028 section 7.4); as a new request it may be
 *	          challenged like the first
 *	491       later: request_retry_glare_ms()
 *	503       later, if it has Retry-After: request_retry_after()
 *
 * The sender keeps a struct request_retry with its request, writes the lines in it into every request, and sends again
 * when request_retry_decide() says so.
 */
#ifndef REQUEST_RETRY_H
#define REQUEST_RETRY_H

#include "digest.h"

#include <stdbool.h>
#include <stdint.h>

struct dialog;
struct session;

/**
 * When the next server that DNS named is asked instead (RFC 3263 section 4.3): after this response, or so long a silence
 * while others are left, ms.
 */
enum { REQUEST_RETRY_NEXT_SERVER = 503, REQUEST_RETRY_SERVER_SILENCE_MS = 2000 };

/** What has been tried. Zeroed = nothing; request_retry_clear() frees it. */
struct request_retry {
	struct digest_tries challenges[2]; /* by servers (401), by proxies (407) */
	char *authorization[2];            /* the answers to them, whole lines; NULL = none */
	char *realm[2];                    /* which they answer */
};

/** The request that was refused. All borrowed. */
struct request_retry_request {
	const char *method, *uri;
	struct digest_credentials credentials;
	struct session *session; /* whose interval it proposed; NULL = it proposed none */
};

/** What to do now. All but the first leave the response final. */
enum request_retry_verdict {
	REQUEST_RETRY_AGAIN,        /* send the request again, with the next CSeq */
	REQUEST_RETRY_FINAL,        /* nothing would help */
	REQUEST_RETRY_REFUSED,      /* the credentials were refused */
	REQUEST_RETRY_UNANSWERABLE, /* we have no credentials, or support none of the challenges */
};

/** Decide after a final response (300-699) to the last request, and keep what the next one needs. */
enum request_retry_verdict request_retry_decide(
	struct request_retry *r, const struct request_retry_request *request, const sip_t *response);
/** The same for a request in this dialog. INVITE and UPDATE propose the session interval. */
enum request_retry_verdict request_retry_decide_in_dialog(
	struct request_retry *r, struct dialog *d, const char *method, const sip_t *response);

/** A 2xx came: the realms of these answers are those of the account, and it may say which nonce is to be used next. */
void request_retry_accepted(const struct request_retry *r, uint64_t account, const sip_t *response);
/** Before a request is sent for the first time: bring credentials at once if the last answer has named the nonce for it. */
void request_retry_begin(struct request_retry *r, const struct request_retry_request *request);
/** The same for a request in this dialog, or the INVITE that begins it. */
void request_retry_begin_in_dialog(struct request_retry *r, const struct dialog *d, const char *method);

/** Add the Authorization and Proxy-Authorization lines, if any, to the next request. */
void request_retry_write(const struct request_retry *r, struct text *t);
/** The same for an INVITE, whose ACK repeats them (RFC 3261 section 13.2.2.4): the dialog keeps a copy. */
void request_retry_write_invite(const struct request_retry *r, struct dialog *d, struct text *t);
/** Forget everything, for another request. */
void request_retry_clear(struct request_retry *r);

/**
 * How long to wait after a 491, when two offers have crossed (RFC 3261 section 14.1).
 *
 * @param own_call_id  the Call-ID of the dialog is ours: 2.1 to 4 s, else 0 to 2 s
 * @param random       any number
 * @return ms, in steps of 10
 */
uint32_t request_retry_glare_ms(bool own_call_id, uint64_t random);
/** Is this a 503 with Retry-After? @param out_s  receives its seconds; untouched otherwise */
bool request_retry_after(const sip_t *response, uint32_t *out_s);

#endif
