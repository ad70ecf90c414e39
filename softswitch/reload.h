/** @file reload.h  Keeps what the switch works with equal to softswitch.db.
 *
 * A thread watches the file and reads it anew when another process has changed it, routes included; the result
 * is put in force from the loop in one step. So neither the disk nor a million routes hold up a call.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include <stddef.h>

struct reload;
struct db;
struct db_config;
struct gateways;
struct loop;
struct mapping_gateways;
struct parameters;
struct routing;

/** What is kept up to date; all borrowed. */
struct reload_targets {
	struct parameters *parameters;
	struct gateways *gateways;
	struct mapping_gateways *mapping_gateways;
	struct routing *routing;
	/** All of these are as the file says now, what goes by them may follow; f is gone afterwards. */
	void (*on_change)(const struct db_config *f, void *arg);
	void *arg;
};

/**
 * Read the file and put it in force, then start watching it.
 *
 * @param db_take  open; closed by reload_destroy(), or here when this fails
 * @return 0; the error of db_config_load(); -ENOMEM
 */
int reload_create(
	struct reload **out, struct loop *loop, struct db *db_take, const struct reload_targets *targets);
/** Stops the thread. NULL is fine. */
void reload_destroy(struct reload *c);

#endif
