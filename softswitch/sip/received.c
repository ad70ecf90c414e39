#include "received.h"

#include "address.h"

#include <string.h>

void received_keep(struct received_kept *kept, const struct received *rx)
{
	kept->rx = *rx;
	msg_ref(rx->msg);
	hop_copy(&kept->rx.back, &rx->back);
	memcpy(&kept->source, rx->source, address_length(rx->source));
	kept->rx.source = (const struct sockaddr *)&kept->source;
}

void received_drop(struct received_kept *kept)
{
	hop_clear(&kept->rx.back);
	msg_destroy(kept->rx.msg);
	*kept = (struct received_kept){0};
}
