/** @file hop_state.h  A hop as bytes that outlive the process. Its connection does not. */
#ifndef HOP_STATE_H
#define HOP_STATE_H

#include "field.h"
#include "hop.h"

#include <stdbool.h>

struct transport;

void hop_state_write(const struct hop *hop, struct text *t);
/**
 * @param hop  zeroed; hop_clear() it in any case
 * @return 0; -EINVAL the bytes are no hop; -ENOTCONN no listener of its transport and address family is left; -ENOMEM
 */
int hop_state_read(struct hop *hop, struct transport *transport, const struct field_bytes *bytes);
/** Has the hop that was read another listener now, so that what its peer sends does not arrive? */
bool hop_state_is_moved(const struct hop *hop, const struct field_bytes *bytes);

#endif
