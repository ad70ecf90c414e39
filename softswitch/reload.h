/** @file reload.h  Keeps the configuration in force equal to softswitch.db.
 *
 * A thread watches the file and reads it again when another process has changed or replaced it, routes included; the loop then puts
 * the result in force in one step, all of it or nothing. So neither the disk nor a million routes hold up a call.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include "configuration.h"

struct reload;
struct db;
struct loop;

/** What is kept up to date; all borrowed. */
struct reload_targets {
	const char *path; /* of the file */
	struct configuration configuration;
	/** A new configuration is in force; what works by it may follow. */
	void (*on_change)(void *arg);
	void *arg;
};

/**
 * Read the file and put it in force, then start watching it.
 *
 * @param db_take  open; closed by reload_destroy(), or here when this fails
 * @param error  receives one line when the result is not 0
 * @return 0; the error of db_config_load(); -ENOMEM
 */
int reload_create(struct reload **out, struct loop *loop, struct db *db_take,
	const struct reload_targets *targets, char *error, size_t error_size);
/** Read the file again now, changed or not, and log how that went. */
void reload_now(struct reload *c);
/** Stops the thread. NULL is fine. */
void reload_destroy(struct reload *c);

#endif
