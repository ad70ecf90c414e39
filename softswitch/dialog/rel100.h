/** @file rel100.h  Provisional responses that must arrive: the side of RFC 3262 that sends them.
 *
 * One is under way at a time and is resent by the schedule until its PRACK; the next ones wait their turn. The
 * same functions serve a caller without 100rel, to whom provisional responses go as they come.
 */
#ifndef REL100_H
#define REL100_H

#include "resend.h"
#include "server_transaction.h"

#include <sofia-sip/sip.h>

struct rel100_handlers {
	/** The PRACK never came: the INVITE is to be refused with 5xx (section 3). */
	void (*on_unacknowledged)(void *arg);
};

/** Embedded; zeroed = responses are not reliable. */
struct rel100 {
	struct server_transaction *invite;
	struct loop *loop;
	const struct resend_schedule *schedule;
	const struct rel100_handlers *handlers;
	void *arg;
	bool on;
	uint32_t cseq;         /* of the INVITE */
	uint32_t rseq;         /* of the last response sent */
	bool outstanding, sdp; /* it awaits its PRACK; it carries a session description */
	struct resend resend;
	struct rel100_waiting {
		char *data;
		size_t len;
		bool sdp;
	} waiting[4]; /* not sent yet, with the numbers that follow */
	unsigned n_waiting;
};

/** May provisional responses to this INVITE be reliable: does it have 100rel in Supported or Require? */
bool rel100_is_offered(const sip_t *invite);

/**
 * From now on the provisional responses to this INVITE are reliable.
 *
 * @param first      the first RSeq is made of this random number (section 3)
 * @param schedule  the schedule, borrowed as are handlers and arg until rel100_stop()
 */
void rel100_start(struct rel100 *r, struct loop *loop, uint32_t cseq, uint32_t first,
	const struct resend_schedule *schedule, const struct rel100_handlers *handlers, void *arg);

/** The headers of the next response, if it is to be reliable. @param sdp  will it carry a session description? */
void rel100_headers(const struct rel100 *r, struct text *t, bool sdp);
/**
 * Send a provisional response 101-199 that was begun with rel100_headers(), or let it wait. Of two that wait without
 * session description only the newer is sent; when too many wait, the newest takes the place of the last.
 */
void rel100_send(struct rel100 *r, struct server_transaction *invite, const struct text *t, bool sdp);

/**
 * A PRACK came. The next response does not leave before rel100_next().
 *
 * @param sdp  receives whether the response it acknowledges carried a session description
 * @return 0; -EINVAL when RAck is missing or malformed: 400; -ENOENT when it speaks of nothing that waits for it: 481
 */
int rel100_acknowledge(struct rel100 *r, const sip_t *prack, bool *sdp);
/** After that: the next one leaves, if one waits. */
void rel100_next(struct rel100 *r);

/** Must a 2xx wait, since a session description is on its way that is not acknowledged (section 3)? */
static inline bool rel100_holds_answer(const struct rel100 *r)
{
	return r->outstanding && r->sdp;
}

/** What waits is of no use any more; what was sent is still resent. */
void rel100_drop_waiting(struct rel100 *r);
/** A final response goes out: nothing is resent any more, a late PRACK is still known. */
void rel100_stop(struct rel100 *r);

#endif
