/** @file options.h  The command line of the daemon. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "listen.h"
#include "log.h"

#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_LISTEN_MAX = 16 };

enum options_action {
	OPTIONS_RUN,
	OPTIONS_INIT,  /* create or upgrade both databases, then exit */
	OPTIONS_CHECK, /* look at everything, change nothing, then exit */
	OPTIONS_VERSION,
	OPTIONS_HELP,
};

struct options {
	enum options_action action;
	char *db, *cdr; /* absolute paths; cdr lies beside db unless said */
	char *control;  /* path of the socket; beside db unless said */
	char *name;     /* of this instance; the host's name unless said */
	char *tls_dir;  /* folder with agent.pem and cafile.pem; NULL without TLS listener */
	struct listen listen[OPTIONS_LISTEN_MAX]; /* `--listen`, or the two defaults */
	unsigned n_listen;                        /* at least 1 */
	unsigned drain_s;                         /* wait for live calls at SIGTERM, seconds */
	enum log_level log_level;
	enum log_format log_format;
};

/**
 * Read the command line into *out, complete with defaults.
 *
 * @param error  receives one line of reason when the result is not 0
 * @return 0; -EINVAL with *out untouched: print the reason and options_usage(), exit 2; -ENOMEM
 */
int options_parse(struct options *out, int argc, char *const argv[], char *error, size_t error_size);
void options_clear(struct options *o);

/** "usage: ..." in one line. */
const char *options_usage(void);
/** What --help prints: the usage and every option with its default. */
const char *options_help(void);

#endif
