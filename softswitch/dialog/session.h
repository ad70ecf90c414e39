/** @file session.h  What we have negotiated with one peer: its session description and the session timer (RFC 4028).
 *
 * Each leg has a session of its own. Nothing runs here: whoever owns the leg refreshes and ends the session in time.
 */
#ifndef SESSION_H
#define SESSION_H

#include "parameters.h"
#include "sdp.h"
#include "text.h"

#include <sofia-sip/sip.h>

/** Who refreshes the session of a leg. */
enum session_refresher { SESSION_NOBODY, SESSION_US, SESSION_PEER };

/** Does a peer take UPDATE (RFC 3311)? By its Allow, or by how it answered one. */
enum session_update { SESSION_UPDATE_UNKNOWN, SESSION_UPDATE_TAKEN, SESSION_UPDATE_REFUSED };

/** A message body with a session description, and its Content-Type; zeroed = none. */
struct session_description {
	char *type; /* the whole line */
	char *data;
	size_t len;
	struct sdp_span sdp; /* in data: all of it, or one part of a multipart body */
};

struct session {
	struct session_description theirs; /* the last one of this peer that was passed to the other leg */
	bool timer;                        /* session timers are enabled for this peer */
	bool rel100;                       /* reliable provisional responses (RFC 3262) are, too */
	enum session_update update;
	uint64_t identity;   /* headers_identity() of this peer, as the other leg knows it; 0 = none */
	uint32_t interval_s; /* agreed on; 0 = no session timer */
	uint32_t min_se_s;   /* of the peer; 0 = it named none */
	enum session_refresher refresher;
};

/** Our Min-SE, s (RFC 4028 section 5). */
enum { SESSION_MIN_SE_S = 90 };

void session_clear(struct session *s);
/** Begin another session with the same peer: what it supports is known, nothing is negotiated. */
void session_fork(struct session *s, const struct session *of);
/** Take over description, Allow and identity from another session of the same peer; `from` keeps no description. */
void session_take(struct session *s, struct session *from);

/** Keep the session description of a message, if it has one. @return 0; -ENOMEM, and the old one stays */
int session_describe(struct session *s, const sip_t *sip);
/** Is the body of this message, byte for byte, the one we keep? */
bool session_is_unchanged(const struct session *s, const sip_t *sip);

/** Is the description the one we keep, but for o= and s= lines? True when the message has none. */
bool session_is_same(const struct session *s, const sip_t *sip);

/** Note what Allow of a request or response says; without Allow nothing changes. */
void session_learn(struct session *s, const sip_t *sip);

/** Note who the peer says it is, if it does; the message goes on to the other leg. */
void session_identify(struct session *s, const sip_t *sip);
/** Does the message say that the peer is somebody else than the other leg knows? */
bool session_names_another(const struct session *s, const sip_t *sip);
/**
 * "Allow: ...\r\n" for the peer of the other leg: UPDATE is offered where this one takes it, too (RFC 3311 section 5.1).
 *
 * @param s  NULL = it is not known yet
 */
const char *session_allow(const struct session *s);

/* As UAS */

/** Does the peer support session timers and ask for an interval below our Min-SE? Answer 422 with session_min_se. */
bool session_is_too_short(const struct session *s, const sip_t *request);
/** "Min-SE: 90\r\n" */
extern const char session_min_se[];
/**
 * Write the headers of the 2xx to an INVITE or UPDATE, and put in force what they say: interval and refresher (RFC 4028
 * section 9). The interval is at most what the peer asked for, and otherwise at least both Min-SE; a Min-SE above a day is ignored.
 */
void session_accept(struct session *s, const sip_t *request, const struct parameters *p, struct text *t);

/* As UAC */

/**
 * Write the headers of an INVITE or UPDATE that sets up or refreshes the session (RFC 4028 section 7.1).
 *
 * @param rel100  reliable provisional responses are announced, too: Supported stands once in a message
 */
void session_propose(const struct session *s, const struct parameters *p, bool rel100, struct text *t);
/** Put in force what the 2xx grants (RFC 4028 section 7.2), even below our Min-SE; at most a day. */
void session_granted(struct session *s, const sip_t *response);
/**
 * Raise what we propose to the Min-SE of a 422 (RFC 4028 section 7.4).
 *
 * @return false when it has none, none above the last one, or one above a day: the response is final
 */
bool session_lengthen(struct session *s, const sip_t *response);

/* When, in ms after the session was set up or refreshed last; there must be an interval */

/**
 * Our refresh: after (1 - 1/segment) of the interval, but min(10 s, interval/9) before the peer may give us up, which is
 * min(32 s, interval/3) before the end (RFC 4028 section 10).
 */
uint64_t session_refresh_ms(const struct session *s, unsigned segment);
/** The end for want of a refresh of the peer: min(32 s, interval/3) before the interval is over. */
uint64_t session_end_ms(const struct session *s);

#endif
