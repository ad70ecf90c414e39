/** @file client_state.h  What a client transaction is made of; for client.c and client_invite.c, and for nobody else. */
#ifndef CLIENT_STATE_H
#define CLIENT_STATE_H

#include "ack.h"
#include "client.h"
#include "resend.h"

#include <sys/queue.h>
#include <uthash.h>

#include <string.h>

/*
 * How long repeated final answers to an INVITE are recognized (timer D of RFC 3261 section 17.1.1.2, timer M of RFC
 * 6026), and how long at least the answer to an INVITE nobody wants is waited for.
 */
enum { LINGER_MS = 32000 };

enum client_state {
	CLIENT_CALLING,    /* no answer yet */
	CLIENT_PROCEEDING, /* a provisional answer */
	CLIENT_REFUSED,    /* INVITE: the bytes are those of the ACK now */
	CLIENT_ACCEPTED    /* INVITE: kept to tell a repeated 2xx from a stranger's */
};

struct client {
	UT_hash_handle hh;
	uint64_t key; /* the number of the branch; its lowest bit is set for CANCEL */
	struct clients *set;
	const char *method;
	enum client_state state;
	uint64_t identity; /* hash of Call-ID, tag and CSeq: a branch alone can be read by whoever it was sent to */
	bool unwanted;     /* to be cancelled, or cancelled: the timer runs for the last answer */
	bool inside;       /* a re-INVITE */
	bool ringing;      /* 180 came: its answer may come by another connection */
	char *cancel_reason;
	struct intervals cancel_resend;
	struct acks acks;
	struct hop hop;
	char *data;
	size_t len;
	struct resend resend;
	struct pending pending;
	int broken; /* its connection broke with this error, and it is in the list of those */
	LIST_ENTRY(client) link;
	const struct client_handlers *handlers; /* NULL: forgotten */
	void *arg;
};

struct clients {
	struct sip *sip;
	struct client *by_key;
	size_t lingering; /* of them nobody waits for */
	LIST_HEAD(, client) broken;
	struct event soon; /* to look after those */
};

/** Nobody waits for it: it only recognizes what still comes. */
static inline bool lingers(const struct client *c)
{
	return c->state >= CLIENT_REFUSED || c->unwanted;
}

static inline bool is_invite(const struct client *c)
{
	return !strcmp(c->method, "INVITE");
}

/** A 2xx that somebody else has to acknowledge. */
static inline enum client_match client_answered(const struct client *c)
{
	return c->inside ? CLIENT_ANSWERED_INSIDE : CLIENT_ANSWERED;
}

/* client.c */

extern const struct resend_handlers client_resend_handlers;
/** Send it and keep it. @param id  what an answer must repeat. @return as client_send() */
int client_start(struct client **out, struct clients *set, const struct client_request *request, uint64_t id,
	const struct client_handlers *handlers, void *arg);
void client_free(struct client *c);
/** The client with this branch. @return NULL when there is none */
struct client *client_by_branch(const struct clients *set, const char *branch);

/* client_invite.c */

/** Stay for a while without sending anything. */
void client_linger(struct client *c);
/** The first provisional answer to an INVITE that is to be cancelled. */
void client_cancel_now(struct client *c);
/** The INVITE was refused: acknowledge, and keep the ACK for repetitions of the answer. */
void client_refused(struct client *c, const struct received *rx);
/** A 2xx came to the INVITE. */
void client_accepted(struct client *c);
/** The answer of an INVITE that has had a final one is repeated, or that of another fork. */
enum client_match client_on_repeated(struct client *c, const struct received *rx);

#endif
