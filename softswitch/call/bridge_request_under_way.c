/* Questions about the requests under way. */
#include "bridge_request_state.h"

bool bridge_request_awaits_ack(const struct bridge *b, const struct dialog *to)
{
	const struct bridge_request *r;

	LIST_FOREACH (r, &b->requests, link)
		if (bridge_request_is_answered(r) && r->to == to)
			return true;
	return false;
}

bool bridge_request_owes_ack(const struct bridge *b, const struct dialog *from)
{
	const struct bridge_request *r;

	LIST_FOREACH (r, &b->requests, link)
		if (bridge_request_is_answered(r) && r->from == from)
			return true;
	return false;
}

bool bridge_request_offer_is_pending(const struct bridge *b)
{
	const struct bridge_request *r;

	LIST_FOREACH (r, &b->requests, link)
		if (r->offer && !bridge_request_is_answered(r))
			return true;
	return false;
}

bool bridge_request_offer_is_on(const struct bridge *b, const struct dialog *d, bool pending)
{
	const struct bridge_request *r;

	LIST_FOREACH (r, &b->requests, link)
		if (r->offer && (r->from == d || r->to == d) && !(pending && bridge_request_is_answered(r)))
			return true;
	return false;
}

const struct dialog *bridge_request_offer_from(const struct bridge *b)
{
	const struct bridge_request *r;

	LIST_FOREACH (r, &b->requests, link)
		if (r->offer)
			return r->offerless && bridge_request_is_answered(r) ? r->to : r->from;
	return NULL;
}

const struct server_transaction *bridge_request_reinvite(const struct bridge *b, enum bridge_side from)
{
	const struct bridge_request *r;

	LIST_FOREACH (r, &b->requests, link)
		if (r->invite && bridge_side(b, r->from) == from)
			return r->server;
	return b->refused[from].server;
}

bool bridge_request_is_refreshing(const struct bridge *b, const struct dialog *from)
{
	const struct bridge_request *r;

	LIST_FOREACH (r, &b->requests, link)
		if (r->session && !bridge_request_is_answered(r) && r->from == from)
			return true;
	return false;
}
