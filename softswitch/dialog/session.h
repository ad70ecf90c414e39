/** @file session.h  What one peer and we agreed on: its session description and the session timer (RFC 4028).
 *
 * Each leg has a session of its own; the timers that follow from it are in session_timer.h.
 */
#ifndef SESSION_H
#define SESSION_H

#include "parameters.h"
#include "sdp.h"
#include "text.h"

#include <sofia-sip/sip.h>

/** Who refreshes the session of a leg. */
enum session_refresher { SESSION_NOBODY, SESSION_US, SESSION_PEER };

/** A body with the line that names its type; zeroed = none. */
struct session_description {
	char *type; /* "Content-Type: ...\r\n" */
	char *data;
	size_t len;
	struct sdp_span sdp; /* in data: all of it, or a part of a multipart body */
};

struct session {
	struct session_description
		theirs;      /* the last description of this peer that crossed to the other side */
	bool timer;          /* session timers are on for this peer */
	bool rel100;         /* so are reliable provisional responses (RFC 3262) */
	bool allows_update;  /* by its Allow */
	uint32_t interval_s; /* in force; 0 = no session timer */
	uint32_t min_se_s;   /* the least the peer accepts; 0 = it did not say */
	enum session_refresher refresher;
};

/** Our Min-SE, s (RFC 4028 section 5). */
enum { SESSION_MIN_SE_S = 90 };

void session_clear(struct session *s);
/** What is known of the peer as such, for another session with it. */
void session_fork(struct session *s, const struct session *of);
/** The description and what the peer allows go over from one to the other. */
void session_take(struct session *s, struct session *from);

/** Remember the session description of a message, if it has one. @return 0 or -ENOMEM, the old one stays then */
int session_describe(struct session *s, const sip_t *sip);
/** Is the body of this message the description that we know already? */
bool session_is_unchanged(const struct session *s, const sip_t *sip);

/** The same, whatever their o= and s= lines say. True without a description. */
bool session_is_same(const struct session *s, const sip_t *sip);

/** What Allow of a request or response says. */
void session_learn(struct session *s, const sip_t *sip);

/* As UAS */

/** Does it know session timers and want one that is too short for us? It gets 422 with our Min-SE then. */
bool session_is_too_short(const struct session *s, const sip_t *request);
/** A 422 and its header, whole line. */
extern const char session_min_se[];
/**
 * A request to set up or refresh the session gets its 2xx: agree on interval and refresher (RFC 4028 section 9) and
 * write the headers that say so.
 */
void session_accept(struct session *s, const sip_t *request, const struct parameters *p, struct text *t);

/* As UAC */

/** The headers of a request that sets up or refreshes the session (RFC 4028 section 7.1). */
void session_propose(const struct session *s, const struct parameters *p, struct text *t);
/** Its 2xx: what the peer grants is obeyed, even below our Min-SE. */
void session_granted(struct session *s, const sip_t *response);
/** Its 422: ask for more next time. @return false when the peer did not say how much, or said so before */
bool session_lengthen(struct session *s, const sip_t *response);

#endif
