/** @file rel100.h  Reliable provisional responses to a caller (RFC 3262, server side).
 *
 * One at a time is outstanding and resent by the schedule until its PRACK comes; the next ones are queued. The same
 * functions serve a caller without 100rel, who gets provisional responses as they come.
 */
#ifndef REL100_H
#define REL100_H

#include "resend.h"
#include "server_transaction.h"

#include <sofia-sip/sip.h>

struct rel100_handlers {
	/** The PRACK never came: refuse the INVITE with 5xx (RFC 3262 section 3). */
	void (*on_unacknowledged)(void *arg);
};

/** Embedded in the call; zeroed = responses are not reliable. */
struct rel100 {
	struct server_transaction *invite;
	struct loop *loop;
	const struct resend_schedule *schedule;
	const struct rel100_handlers *handlers;
	void *arg;
	bool on;
	uint32_t cseq;         /* of the INVITE */
	uint32_t rseq;         /* of the last response sent */
	bool outstanding, sdp; /* that response awaits its PRACK; it has a session description */
	struct resend resend;
	struct rel100_waiting {
		char *data;
		size_t len;
		bool sdp;
	} waiting[4]; /* not sent yet; their RSeq follow on rseq */
	unsigned n_waiting;
};

/** May provisional responses to this INVITE be reliable: does it have 100rel in Supported or Require? */
bool rel100_is_offered(const sip_t *invite);

/**
 * Make the provisional responses to this INVITE reliable from now on.
 *
 * @param cseq      of the INVITE
 * @param first     random number for the first RSeq (RFC 3262 section 3)
 * @param schedule  borrowed like handlers and arg until rel100_stop()
 */
void rel100_start(struct rel100 *r, struct loop *loop, uint32_t cseq, uint32_t first,
	const struct resend_schedule *schedule, const struct rel100_handlers *handlers, void *arg);

/**
 * Go on after rel100_start() where the process before was.
 *
 * @param rseq         of the last response that it sent
 * @param outstanding  that one, sent once more, if it awaits its PRACK; else empty
 * @param sdp          it has a session description
 */
void rel100_resume(struct rel100 *r, struct server_transaction *invite, uint32_t rseq,
	const struct text *outstanding, bool sdp);

/** Add Require and RSeq of the next response; nothing if it is not reliable. @param sdp  it has a session description */
void rel100_headers(const struct rel100 *r, struct text *t, bool sdp);
/**
 * Send a provisional response (101-199) written with rel100_headers(), or queue it. Of two queued responses without
 * session description only the newer is sent; in a full queue the newest replaces the last.
 */
void rel100_send(struct rel100 *r, struct server_transaction *invite, const struct text *t, bool sdp);

/**
 * A PRACK came. The next response is not sent before rel100_next().
 *
 * @param sdp  receives whether the acknowledged response had a session description
 * @return 0; -EINVAL RAck is missing or malformed: 400; -ENOENT it matches no outstanding response: 481
 */
int rel100_acknowledge(struct rel100 *r, const sip_t *prack, bool *sdp);
/** After that: send the next queued response, if any. */
void rel100_next(struct rel100 *r);

/** Must a 2xx wait for the PRACK of a session description (RFC 3262 section 3)? */
static inline bool rel100_holds_answer(const struct rel100 *r)
{
	return r->outstanding && r->sdp;
}

/** Drop the queued responses; the outstanding one is still resent. */
void rel100_drop_waiting(struct rel100 *r);
/** A final response follows: stop resending. A late PRACK is still accepted. */
void rel100_stop(struct rel100 *r);

#endif
