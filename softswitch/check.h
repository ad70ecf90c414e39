/** @file check.h  `--check`: what would keep the switch from starting, or from doing what its tables say. */
#ifndef CHECK_H
#define CHECK_H

struct db;
struct options;

/**
 * Look at files, addresses and rows, and change nothing. Each finding is a line on stderr. While a switch answers at
 * the control socket its addresses are rightly in use, so they are not tried; nor before a start by systemd, which may
 * have stored the sockets.
 *
 * @param config  softswitch.db, NULL when it does not exist yet
 * @return EXIT_SUCCESS; EXIT_FAILURE when there is a finding
 */
int check_run(const struct options *options, struct db *config);

#endif
