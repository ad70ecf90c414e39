#include "hop.h"

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
