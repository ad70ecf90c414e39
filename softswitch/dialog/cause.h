/** @file cause.h  Why a call ended: SIP code, Q.850 cause and words, in one table. */
#ifndef CAUSE_H
#define CAUSE_H

#include <sofia-sip/sip.h>

#include <stdbool.h>
#include <stddef.h>

/** What ends or refuses a call besides a code of the other side. */
enum cause {
	CAUSE_NORMAL,         /* BYE */
	CAUSE_CALLER_CANCEL,  /* CANCEL */
	CAUSE_NO_ROUTE,       /* no route matches the number */
	CAUSE_NO_GATEWAY,     /* every gateway is down or full */
	CAUSE_NOT_REGISTERED, /* nor is the endpoint that is called */
	CAUSE_INGRESS_FULL,   /* capacity or calls per second of the mapping gateway */
	CAUSE_TIMEOUT,        /* the last gateway tried was silent */
	CAUSE_TRANSPORT,      /* the last gateway tried could not be reached */
	CAUSE_GATEWAY_CODE,   /* the last gateway's answer */
	CAUSE_CALLER_NO_ACK,  /* 2xx never acknowledged */
	CAUSE_GATEWAY_NO_ACK,
	CAUSE_NO_PRACK,     /* provisional response never acknowledged */
	CAUSE_GATEWAY_LEFT, /* BYE after an answer that the caller had not got yet */
	CAUSE_CALLER_GONE,  /* 481 to a request inside the dialog */
	CAUSE_GATEWAY_GONE,
	CAUSE_CALLER_REFRESH_FAILED, /* no answer, or 408, to a refresh of the session */
	CAUSE_GATEWAY_REFRESH_FAILED,
	CAUSE_CALLER_EXPIRED, /* the peer did not refresh the session */
	CAUSE_GATEWAY_EXPIRED,
	CAUSE_EARLY_HANGUP,   /* SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP */
	CAUSE_INVITE_EXPIRED, /* Expires of the caller's INVITE */
	CAUSE_MAX_DURATION,   /* SS_MAXCALLDURATION */
	CAUSE_TOO_LARGE,      /* a message does not fit with what we have to add */
	CAUSE_SHUTDOWN,       /* SIGTERM */
	CAUSE_RESTART,        /* the switch died, and the call does not go on */
	CAUSE_INTERNAL,       /* out of memory */
};

/** The SIP code the caller gets; 0 for CAUSE_NORMAL and CAUSE_GATEWAY_CODE. */
int cause_sip_code(enum cause cause);
/**
 * The code with which a refusal of one side (300-699) reaches the other. What concerns only our leg to the peer that refuses
 * is not the other's business: challenges, demands of extensions and session timers, redirections. Nor does a code pass
 * without the headers that it must have.
 *
 * @param required  of the request, as the other side sent it
 * @return another than that of the refusal if this must not pass: nothing of it does then
 */
int cause_of_refusal(const sip_t *refusal, const sip_require_t *required);
/** Words for the record. */
const char *cause_words(enum cause cause);
/** Words for the error (errno or tls_error.h, negative) of what did not reach the other side: "timeout", "Connection refused". */
const char *cause_error_words(int error);
/** "Reason: Q.850;cause=17;text=\"...\"\r\n" (RFC 3326). */
void cause_reason_header(char *out, size_t size, int sip_code, const char *words);
/** The same of a cause of ours. */
void cause_own_reason_header(char *out, size_t size, enum cause cause);
/**
 * What a peer gives as its reason to hang up, if that is not that the call was over: the text, else the code (RFC 3326).
 *
 * @return false when nothing of that kind is said
 */
bool cause_read_reason(const sip_reason_t *reason, char *out, size_t size);

#endif
