/** @file call_early.h  What reliable provisional responses bring with them: PRACK and UPDATE before the answer.
 *
 * Before the answer each leg has 100rel for itself (RFC 3262). Offer and answer tie them together:
 *
 *	INVITE with offer       the first reliable response with a description is its answer; once that is acknowledged the
 *	                        caller has negotiated, and so has the gateway's early dialog where it came from
 *	INVITE without offer    the gateway's reliable answer brings the offer, the caller's PRACK the answer, which ours
 *	                        carries on; whoever answers later gets the same description of the caller
 *	further offers          UPDATE, or the PRACK of one who has negotiated, cross as UPDATE between such dialogs
 */
#ifndef CALL_EARLY_H
#define CALL_EARLY_H

#include "call_state.h"

/** Are provisional responses to this caller reliable? */
void call_early_begin(struct call *call, const sip_t *invite, enum parameter_100rel policy);
/**
 * The same for a call of the process before, whose leg and INVITE are there.
 *
 * @param before       what was read of it
 * @param outstanding  a response that awaits its PRACK, or empty
 */
void call_early_resume(struct call *call, const struct rel100 *before, const struct text *outstanding);
/** Does the gateway repeat what this caller has got in a reliable response already, before a crash? Else it is noted. */
bool call_early_is_known(struct call *call, const sip_t *progress);
/** Is this description nothing that the caller could answer: neither an answer nor an offer that can be acknowledged? */
bool call_early_is_preview(const struct call *call, const sip_t *progress);
/** A description goes to the caller in a reliable response: it negotiates by the first one. */
void call_early_describe(struct call *call, const sip_t *progress);

/** What the gateway's side supports, as far as it is known before the answer; NULL = no gateway is being tried. */
const struct session *call_early_other(const struct call *call);

/** A PRACK came, from either side. @return true when it was what the gateway's 2xx waited for: call_setup_connect() */
bool call_early_on_prack(struct call *call, struct dialog *d, const struct received *rx);
/** An UPDATE before the answer. @param d  the caller's leg or an early dialog of the gateway */
void call_early_on_update(struct call *call, struct dialog *d, const struct received *rx);

/** The attempt has failed. A caller that has negotiated offers the next gateway what it said last. */
void call_early_fail_over(struct call *call);
/** The attempt has its leg: what was begun in the early dialog goes on in it. */
void call_early_end(struct call *call);
/** Has the caller negotiated with another gateway than the one that answered, or with another fork of it? */
bool call_early_is_stale(const struct call *call);

#endif
