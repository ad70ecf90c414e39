/** @file control_path.h  Where the control socket is, unless an option says so: one rule for the daemon and swctl. */
#ifndef CONTROL_PATH_H
#define CONTROL_PATH_H

/** The RuntimeDirectory of the systemd unit. */
#define CONTROL_PATH_RUN "/run/softswitch"

/**
 * $SOFTSWITCH_CONTROL; without it control.sock in the run folder, where that exists and may be written in.
 *
 * @param run_folder  CONTROL_PATH_RUN
 * @param otherwise   where it is when there is neither
 * @return owned by the caller; NULL when out of memory
 */
char *control_path(const char *run_folder, const char *otherwise);

#endif
