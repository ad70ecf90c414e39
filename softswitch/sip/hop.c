#include "hop.h"

#include <stdio.h>

void hop_listener_name(struct hop_listener *l, const char *host, uint16_t port)
{
	l->port = port;
	snprintf(l->host, sizeof(l->host), "%s", host);
	snprintf(l->sent_by, sizeof(l->sent_by), "%s:%u", host, port);
}

void hop_copy(struct hop *to, const struct hop *from)
{
	*to = *from;
	if (to->connection)
		tport_ref(to->connection);
}

void hop_clear(struct hop *hop)
{
	if (hop->connection)
		tport_unref(hop->connection);
	hop->connection = NULL;
}
