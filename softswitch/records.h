/** @file records.h  What outlives the switch: call records in cdr.db, and beside it state.db. What is wrong with them is logged. */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdbool.h>
#include <stddef.h>

struct cdr_log;
struct event;
struct gateways;
struct loop;
struct access;
struct publish;
struct state;

/** Zeroed: nothing is open. */
struct records {
	struct cdr_log *cdr_log;
	struct event *look;  /* every second: what is wrong with the disk? */
	struct state *state; /* NULL: nothing is remembered over a restart */
};

struct records_files {
	const char *cdr;
	const char *journal; /* NULL: journal_path() says which */
	const char *adopt;   /* the journal of another switch, to go on with; NULL = none */
};

/**
 * Open the records; whatever cdr.db is like, calls go on.
 *
 * @return 0; -EBUSY another process has them; as cdr_log_open() when there is something to adopt; -ENOMEM, -EAGAIN; one
 *         line in error
 */
int records_open(struct records *r, struct loop *loop, const struct records_files *files, char *error,
	size_t error_size);
/** Open state.db, and restore what it holds. The switch carries calls without it, too. */
void records_restore(struct records *r, const char *cdr, struct publish *publish,
	const struct gateways *gateways, struct access *access);
/** Is nothing left to be written? */
bool records_are_written(const struct records *r);
/** Write what is left, and log what could not be. */
void records_close(struct records *r);

#endif
