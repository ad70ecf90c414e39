#include "offer.h"

#include "bridge_request.h"
#include "token.h"

#include <stdio.h>

static bool is_refreshing(const struct bridge *b)
{
	return dialog_request_is_reinvite(&b->refresh[BRIDGE_CALLER]) ||
		dialog_request_is_reinvite(&b->refresh[BRIDGE_GATEWAY]);
}

bool offer_is_open(const struct bridge *b)
{
	return b->answer_in_ack || bridge_request_offer_from(b) || is_refreshing(b);
}

bool offer_is_pending(const struct bridge *b)
{
	return bridge_request_offer_is_pending(b) || is_refreshing(b);
}

bool offer_is_open_on(const struct bridge *b, const struct dialog *d, bool pending)
{
	return (b->answer_in_ack && !pending) || dialog_request_is_reinvite(&b->refresh[bridge_side(b, d)]) ||
		bridge_request_offer_is_on(b, d, pending);
}

bool offer_is_own(const struct bridge *b, const struct dialog *d)
{
	return bridge_request_offer_from(b) == d || (b->answer_in_ack && bridge_side(b, d) == BRIDGE_GATEWAY);
}

void offer_refuse(const struct bridge *b, const struct dialog *d, const struct received *rx, bool own)
{
	char retry[40];

	snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", (unsigned)(token_random() % 11));
	bridge_reply(b, d, rx, own ? 500 : 491, own ? retry : NULL);
}
