/** @file config_file.h  softswitch.db at the start: when it cannot be used yet, calls of the process before wait for it. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stddef.h>
#include <stdint.h>

struct db;

/**
 * Open it, or create it where it is missing. While somebody keeps it locked, this waits. As long as there are calls that
 * would end without its rows, it also waits for a file that is missing, empty or otherwise not usable, except one that a
 * later version wrote. What it waits for is logged.
 *
 * @param calls_ms  for how long such calls can go on; 0 = there are none
 * @param error     receives one line when the result is not 0
 * @return 0; -ECANCELED a signal asked the process to end; as db_open()
 */
int config_file_open(struct db **out, const char *path, uint32_t calls_ms, char *error, size_t size);

#endif
