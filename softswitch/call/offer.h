/** @file offer.h  Whose offer is open? Of two at a time the second one is refused (RFC 3261 section 14.2, RFC 3311). */
#ifndef OFFER_H
#define OFFER_H

#include "bridge.h"

/** Is an offer, or a re-INVITE that asks for one, open on either leg? */
bool offer_is_open(const struct bridge *b);
/** Is one open whose final response has not come yet? An ACK may still be missing. */
bool offer_is_pending(const struct bridge *b);
/**
 * Is one open on this leg, so that a refresh answered here, which the other leg does not hear of, would meet it?
 *
 * @param pending  only one whose final response has not come yet
 */
bool offer_is_open_on(const struct bridge *b, const struct dialog *d, bool pending);
/** Is the one that is open this side's own? */
bool offer_is_own(const struct bridge *b, const struct dialog *d);
/**
 * Refuse an offer because another one is open.
 *
 * @param own  that one is of this side: 500 with Retry-After (RFC 3261 section 14.2, RFC 3311 section 5.2); else glare, 491
 */
void offer_refuse(const struct bridge *b, const struct dialog *d, const struct received *rx, bool own);

#endif
