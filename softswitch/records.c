#include "records.h"

#include "cdr_log.h"
#include "journal_path.h"
#include "log.h"
#include "loop.h"
#include "access.h"
#include "publish.h"
#include "state.h"

#include <event2/event.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLOSE_MS = 10000 }; /* how long the end waits for a lock that another process has on cdr.db */

/* Call records ------------------------------------------------------------------------------ */

/** Words for records, for rows, and for the journal on disk. */
static void on_failing(const struct cdr_report *r)
{
	if (r->lost)
		log_error(NULL, "call records are given up reason=%s lost=%" PRIu64, r->words, r->lost);
	else if (r->journal)
		log_error(NULL,
			"the journal cannot be written, a loss of power would lose calls in progress"
			" reason=%s for_s=%" PRIu64,
			r->words, r->lasted_ms / 1000);
	else
		log_error(NULL,
			"call records cannot be written, they wait reason=%s waiting=%" PRIu64
			" for_s=%" PRIu64,
			r->words, r->pending, r->lasted_ms / 1000);
}

static void on_recovered(const struct cdr_report *r)
{
	if (r->lost)
		log_info(NULL, "call records are no longer given up lost=%" PRIu64, r->lost);
	else if (r->journal)
		log_info(NULL, "the journal is written again after_s=%" PRIu64, r->lasted_ms / 1000);
	else
		log_info(NULL, "call records are written again waiting=%" PRIu64 " after_s=%" PRIu64,
			r->pending, r->lasted_ms / 1000);
}

static void on_news(const struct cdr_report *r, void *arg)
{
	(void)arg;
	switch (r->news) {
	case CDR_FAILING:
		on_failing(r);
		return;
	case CDR_RECOVERED:
		on_recovered(r);
		return;
	case CDR_REPLACED:
		log_warning(NULL,
			"the file of call records was moved, removed or overwritten; they go on in"
			" the one of its name");
		return;
	case CDR_RENEWED:
		log_warning(NULL,
			"the journal in memory was truncated, removed or replaced; it has been made anew");
		return;
	case CDR_DAMAGED:
		log_warning(
			NULL, "the journal is damaged, what can be read of it is used damaged=%s", r->words);
		return;
	}
}

static int open_log(struct records *r, const struct records_files *files, const char *journal, char *error,
	size_t error_size)
{
	const struct cdr_log_parts parts = {
		.path = files->cdr, .journal = journal, .adopt = files->adopt, .on_news = on_news};
	int err = cdr_log_open(&r->cdr_log, &parts, error, error_size);

	if (err)
		return err;
	if (error[0])
		log_error(
			NULL, "a crash would lose calls in progress and records that wait reason=%s", error);
	else if (journal_path_in_memory(journal))
		log_info(NULL, "journal in memory file=%s", journal);
	else
		log_warning(
			NULL, "the journal is not in memory, a slow disk can hold up calls file=%s", journal);
	error[0] = '\0';
	return 0;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	cdr_log_look(((struct records *)arg)->cdr_log);
}

static int watch(struct records *r, struct loop *loop)
{
	const struct timeval second = {.tv_sec = 1};

	r->look = event_new(loop_base(loop), -1, EV_PERSIST, on_look, r);
	return r->look && !event_add(r->look, &second) ? 0 : -ENOMEM;
}

/** Without a folder for the journal it has a name under which it cannot be opened, which is logged. */
int records_open(struct records *r, struct loop *loop, const struct records_files *files, char *error,
	size_t error_size)
{
	char *path = files->journal ? strdup(files->journal) : journal_path(files->cdr);
	int err;

	if (!path)
		log_error(NULL, "no folder for the journal folder=/dev/shm/softswitch-%u error=%s",
			(unsigned)geteuid(), strerror(errno));
	err = open_log(r, files, path ? path : "", error, error_size);
	free(path);
	return err ? err : watch(r, loop);
}

/* state.db ---------------------------------------------------------------------------------- */

static void on_state_trouble(const char *what, void *arg)
{
	(void)arg;
	log_warning(NULL, "state file reason=%s", what);
}

static void on_state_change(void *arg)
{
	cdr_log_wake(((struct records *)arg)->cdr_log);
}

static bool write_state(void *arg)
{
	return state_write(arg);
}

void records_restore(struct records *r, const char *cdr, struct publish *publish,
	const struct gateways *gateways, struct access *access)
{
	const struct state_handlers handlers = {on_state_trouble, on_state_change, r};
	char *path = state_path(cdr);
	int err = path ? state_open(&r->state, path, &handlers) : -ENOMEM;

	free(path);
	if (err) {
		log_error(NULL, "nothing will be remembered over a restart reason=%s", "no memory");
		return;
	}
	publish_restore(publish, gateways, r->state);
	access_restore(access, r->state);
	cdr_log_also(r->cdr_log, write_state, r->state);
	cdr_log_wake(r->cdr_log);
}

/* The end ----------------------------------------------------------------------------------- */

bool records_are_written(const struct records *r)
{
	struct cdr_stats stats;

	cdr_log_stats(r->cdr_log, &stats);
	return !stats.pending;
}

void records_close(struct records *r)
{
	struct cdr_stats stats = {.error = ""};
	uint64_t left;

	if (r->look)
		event_free(r->look);
	if (r->cdr_log)
		cdr_log_stats(r->cdr_log, &stats);
	left = cdr_log_close(r->cdr_log, CLOSE_MS);
	if (left)
		log_error(NULL, "call records are left to the next start n=%" PRIu64 " reason=%s", left,
			stats.error);
	state_close(r->state);
	*r = (struct records){0};
}
