#include "check.h"

#include "db.h"
#include "db_config.h"
#include "db_orphans.h"
#include "listen.h"
#include "mapping_gateways.h"
#include "options.h"
#include "service_manager.h"
#include "state.h"

#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/** Counts what was found, and says it. */
__attribute__((format(printf, 2, 3))) static void find(unsigned *findings, const char *format, ...)
{
	va_list args;

	++*findings;
	fputs("softswitch: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Files ------------------------------------------------------------------------------------- */

/** A missing database is made at the start: is there a folder for it? */
static void check_folder(const char *path, unsigned *findings)
{
	char *copy = strdup(path);

	if (!copy || access(dirname(copy), W_OK | X_OK) != 0)
		find(findings, "cannot write in the folder of %s: %s", path, strerror(errno));
	free(copy);
}

static void check_tls(const struct options *o, unsigned *findings)
{
	char error[512];

	if (options_check_tls(o, error, sizeof(error)))
		find(findings, "%s", error);
}

/** Calls go on without them. */
static void check_database(const char *path, enum db_kind kind, unsigned *findings)
{
	struct db *db = NULL;
	char error[512];

	if (db_open(&db, path, kind, DB_CHECK, error, sizeof(error)))
		find(findings, "%s", error);
	db_close(db);
}

static void check_records(const char *cdr, unsigned *findings)
{
	char *state = state_path(cdr);

	check_database(cdr, DB_CDR, findings);
	if (state)
		check_database(state, DB_STATE, findings);
	free(state);
}

/* Addresses --------------------------------------------------------------------------------- */

static bool switch_runs(const char *control)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = strlen(control) < sizeof(at.sun_path) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	bool runs;

	if (fd < 0)
		return false;
	memcpy(at.sun_path, control, strlen(control) + 1);
	runs = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(fd);
	return runs;
}

/** All are held until the end, so that one given twice is found, too. */
static void check_addresses(const struct options *o, unsigned *findings)
{
	int fd[OPTIONS_LISTEN_MAX];

	for (unsigned i = 0; i < o->n_listen; i++) {
		const struct listen *l = &o->listen[i];

		fd[i] = listen_open(l);
		if (fd[i] < 0)
			find(findings,
				strchr(l->host, ':') ? "cannot listen on sip:[%s]:%u;transport=%s: %s"
						     : "cannot listen on sip:%s:%u;transport=%s: %s",
				l->host, l->port, l->transport, strerror(-fd[i]));
	}
	for (unsigned i = 0; i < o->n_listen; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

/* Rows -------------------------------------------------------------------------------------- */

static void on_orphan(const char *row, void *findings)
{
	find(findings, "%s", row);
}

static void on_unusable(const char *table, const char *name, const char *why, void *findings)
{
	find(findings, "%s \"%s\" cannot be used: %s", table, name, why);
}

/** Worth knowing, and no reason not to start. */
static void on_unverified(const char *table, const char *name, const char *why, void *arg)
{
	(void)arg;
	fprintf(stderr, "softswitch: warning: %s \"%s\": %s\n", table, name, why);
}

static int on_route(const struct db_route *row, void *arg)
{
	(void)row;
	(void)arg;
	return 0;
}

static void on_bad_host(const char *name, const char *host, void *findings)
{
	find(findings, "mapping_gateway \"%s\": %s is neither an address nor a block", name, host);
}

/** What loading would leave out though the database let it in. */
static void check_rows(struct db *db, unsigned *findings)
{
	struct mapping_gateways *set = NULL;
	struct db_config *config = NULL;
	int err = db_config_load(db, NULL, on_route, NULL, &config);

	if (!err)
		err = db_orphans_each(db, on_orphan, findings);
	if (!err)
		err = db_config_unusable(db, on_unusable, findings);
	if (!err)
		err = mapping_gateways_create(&set);
	if (!err)
		err = mapping_gateways_apply(
			set, config->mapping_gateway, config->n_mapping_gateways, on_bad_host, findings);
	if (err)
		find(findings, "the configuration cannot be read: %s",
			err == -ENOMEM ? "no memory" : db_error(db));
	else
		db_config_unverified(config, on_unverified, NULL);
	mapping_gateways_destroy(set);
	db_config_free(config);
}

int check_run(const struct options *options, struct db *config)
{
	const bool runs = switch_runs(options->control);
	unsigned findings = 0;

	if (runs && !config)
		find(&findings, "%s is missing, an empty one would be made", options->db);
	check_folder(options->db, &findings);
	check_folder(options->cdr, &findings);
	check_records(options->cdr, &findings);
	check_tls(options, &findings);
	if (!runs && !service_manager_started_us())
		check_addresses(options, &findings);
	if (config)
		check_rows(config, &findings);
	return findings ? EXIT_FAILURE : EXIT_SUCCESS;
}
