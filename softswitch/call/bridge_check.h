/** @file bridge_check.h  After a restart: are both peers still there? Each is asked once, by OPTIONS inside its dialog. */
#ifndef BRIDGE_CHECK_H
#define BRIDGE_CHECK_H

#include "bridge.h"

struct bridge_check;
struct pace;

/**
 * Ask both peers when it is their turn. 481 is reported by on_gone, 408 and silence by on_refresh_failed; any other answer
 * says that the peer is there.
 *
 * @param b,pace  borrowed until bridge_check_stop()
 * @return 0 or -ENOMEM
 */
int bridge_check_start(struct bridge_check **out, struct bridge *b, struct pace *pace);
/** NULL is fine. */
void bridge_check_stop(struct bridge_check *check);

#endif
