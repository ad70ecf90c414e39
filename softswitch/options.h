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
	OPTIONS_CHECK, /* check everything, change nothing, then exit */
	OPTIONS_VERSION,
	OPTIONS_STATE_VERSION, /* which state it reads (state_version.h) */
	OPTIONS_HELP,
};

struct options {
	enum options_action action;
	char *db, *cdr; /* absolute paths; cdr is next to db by default */
	char *journal;  /* NULL: journal_path() says where it is */
	char *adopt;    /* cdr.db-live of another switch, whose calls go on here; NULL = none */
	char *control;  /* path of the socket; by default that of control_path.h */
	char *name;     /* of this instance; the host name by default */
	char *tls_dir;  /* directory of agent.pem and cafile.pem; NULL without a TLS listener */
	struct listen listen[OPTIONS_LISTEN_MAX]; /* `--listen`, or the two defaults */
	unsigned n_listen;                        /* at least 1 */
	unsigned drain_s;                         /* how long to wait for calls in progress on SIGTERM */
	enum log_level log_level;
	enum log_format log_format;
};

/**
 * Parse the command line into *out and fill in the defaults.
 *
 * @param error  receives a one-line message when the result is not 0
 * @return 0; -EINVAL: print the message and options_usage(), exit 2; -ENOMEM. On error *out is untouched.
 */
int options_parse(struct options *out, int argc, char *const argv[], char *error, size_t error_size);
/**
 * Are the files there that the TLS transport reads at the start? options_parse() asks, too, except for --check.
 *
 * @param error  receives a one-line message when the result is not 0
 * @return 0; -EINVAL
 */
int options_check_tls(const struct options *o, char *error, size_t error_size);
/** Free what options_parse() allocated. */
void options_clear(struct options *o);

/** "usage: ..." in one line. */
const char *options_usage(void);
/** The text of --help: the usage and every option with its default. */
const char *options_help(void);

#endif
