/** @file service_manager.h  What systemd is told: the protocol of sd_notify(3), which is guaranteed to stay, without its library.
 *
 * Sockets that it stores outlive the process, and come back at the next start (handover.h). Without
 * $NOTIFY_SOCKET all this does nothing.
 */
#ifndef SERVICE_MANAGER_H
#define SERVICE_MANAGER_H

#include <stdbool.h>

struct handover;

/** Did systemd start this very process ($SYSTEMD_EXEC_PID)? */
bool service_manager_started_us(void);
/** Does it listen as well, so that it starts the next process when this one ends (Restart=always)? */
bool service_manager_restarts_us(void);

/** "READY=1" and the like; waits a second at most. */
void service_manager_notify(const char *state);
/** Store a socket, also one it has already. */
void service_manager_store(const struct handover *socket);
/** Let go of the sockets with this name. */
void service_manager_forget(const char *name);

#endif
