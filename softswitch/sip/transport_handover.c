#include "transport_handover.h"

#include "clock.h"
#include "datagram.h"
#include "listen.h"
#include "stream_set.h"
#include "transport.h"

enum { LEAVE_MS = 50 }; /* for all connections; nothing is read meanwhile */

size_t transport_handover_sockets(const struct transport *transport, struct handover out[HANDOVER_MAX])
{
	size_t n = 0;

	for (; n < transport_listeners(transport) && n < HANDOVER_MAX; n++) {
		const struct hop_listener *l = transport_listener(transport, n);

		out[n].fd = l->datagram ? datagram_fd(l->datagram) : stream_set_fd(l->stream);
		listen_name(l->transport, &l->address.any, out[n].name);
	}
	return n;
}

void transport_handover_pause(struct transport *transport, bool pause)
{
	for (size_t i = 0; i < transport_listeners(transport); i++) {
		const struct hop_listener *l = transport_listener(transport, i);

		if (l->datagram)
			datagram_pause(l->datagram, pause);
		else
			stream_set_pause(l->stream, pause);
	}
}

void transport_handover_take_leave(struct transport *transport)
{
	const uint64_t until_ms = clock_real_ms() + LEAVE_MS;

	for (size_t i = 0; i < transport_listeners(transport); i++) {
		const struct hop_listener *l = transport_listener(transport, i);

		if (l->stream)
			stream_set_take_leave(l->stream, until_ms);
	}
}
