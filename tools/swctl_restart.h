/** @file swctl_restart.h  `swctl restart`: says what will happen, asks, and waits for the next process. */
#ifndef SWCTL_RESTART_H
#define SWCTL_RESTART_H

#include <stdbool.h>

/** @param words  the arguments. @return the exit status */
int swctl_restart(const char *control, bool json, char **words);

#endif
