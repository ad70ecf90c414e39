/** @file hop_state.h  A hop as bytes that outlive the process. Its connection does not. */
#ifndef HOP_STATE_H
#define HOP_STATE_H

#include "field.h"
#include "hop.h"

struct transport;

void hop_state_write(const struct hop *hop, struct text *t);
/**
 * @param hop  zeroed; hop_clear() it in any case
 * @return 0; -EINVAL the bytes are no hop; -ENOTCONN no listener of its transport and address family is left; -ENOMEM
 */
int hop_state_read(struct hop *hop, struct transport *transport, const struct field_bytes *bytes);

#endif
