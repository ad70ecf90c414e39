#include "options.h"

#include "control_path.h"
#include "db_path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { DRAIN_MAX_S = 86400, NAME_MAX_BYTES = 64 };

enum option_id {
	OPT_DB,
	OPT_CDR,
	OPT_JOURNAL,
	OPT_ADOPT,
	OPT_CONTROL,
	OPT_LISTEN,
	OPT_NAME,
	OPT_DRAIN,
	OPT_TLS_DIR,
	OPT_LOG_LEVEL,
	OPT_LOG_FORMAT,
	OPT_INIT,
	OPT_CHECK,
	OPT_VERSION,
	OPT_STATE_VERSION,
	OPT_HELP,
};

static const struct option long_options[] = {
	{"db", required_argument, NULL, OPT_DB},
	{"cdr", required_argument, NULL, OPT_CDR},
	{"journal", required_argument, NULL, OPT_JOURNAL},
	{"adopt", required_argument, NULL, OPT_ADOPT},
	{"control", required_argument, NULL, OPT_CONTROL},
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"name", required_argument, NULL, OPT_NAME},
	{"drain", required_argument, NULL, OPT_DRAIN},
	{"tls-dir", required_argument, NULL, OPT_TLS_DIR},
	{"log-level", required_argument, NULL, OPT_LOG_LEVEL},
	{"log-format", required_argument, NULL, OPT_LOG_FORMAT},
	{"init", no_argument, NULL, OPT_INIT},
	{"check", no_argument, NULL, OPT_CHECK},
	{"version", no_argument, NULL, OPT_VERSION},
	{"state-version", no_argument, NULL, OPT_STATE_VERSION},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static const char usage[] =
	"usage: softswitch [--db FILE] [--cdr FILE] [--journal FILE] [--adopt FILE] [--control SOCKET] "
	"[--listen sip:ADDR:PORT;transport=udp|tcp|tls]... [--tls-dir DIR] [--name NAME] [--drain SECONDS] "
	"[--log-level error|warning|info|debug] [--log-format text|json] [--init] [--check] [--version] [--state-version] [--help]";

static const char help[] =
	"usage: softswitch [OPTION]...\n"
	"\n"
	"  --db FILE             configuration database (./softswitch.db)\n"
	"  --cdr FILE            call records (cdr.db next to the configuration)\n"
	"  --journal FILE        calls in progress and records not yet in cdr.db, in memory that outlives the process\n"
	"                        (a file in $RUNTIME_DIRECTORY, else in /run/softswitch where that may be written\n"
	"                        in, else in /dev/shm/softswitch-UID)\n"
	"  --adopt FILE          cdr.db-live of a switch that runs no more: its calls go on here, and FILE is called\n"
	"                        FILE.adopted from then on; without such a file nothing happens\n"
	"  --control SOCKET      control socket for swctl ($SOFTSWITCH_CONTROL; without it control.sock in\n"
	"                        /run/softswitch where that may be written in, else softswitch.sock next to the\n"
	"                        configuration)\n"
	"  --listen URI          sip:ADDR:PORT;transport=udp|tcp|tls, up to 16 times; IPv6 in brackets,\n"
	"                        port 0 for any free port (sip:0.0.0.0:5060 over UDP and over TCP)\n"
	"  --tls-dir DIR         directory of agent.pem (certificate and key) and cafile.pem (authorities), for TLS\n"
	"  --name NAME           name of this instance (the host name)\n"
	"  --drain SECONDS       on SIGTERM, wait this long for calls in progress to end (0)\n"
	"  --log-level LEVEL     error, warning, info or debug (info)\n"
	"  --log-format FORMAT   text or json (text)\n"
	"  --init                create or upgrade both databases, then exit\n"
	"  --check               check databases and options, change nothing, then exit\n"
	"  --version             print the version, then exit\n"
	"  --state-version       print which versions of databases, journal and calls it reads at most, then exit\n"
	"  --help                print this help, then exit\n";

const char *options_usage(void)
{
	return usage;
}

const char *options_help(void)
{
	return help;
}

/** Where the error message goes. */
struct reason {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct reason *why, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(why->text, why->size, format, args);
	va_end(args);
	return -EINVAL;
}

/** Only digits are accepted. @return 0 or -EINVAL */
static int parse_number(unsigned *out, const char *text, unsigned max)
{
	unsigned long n = 0;
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 9 || text[digits])
		return -EINVAL;
	n = strtoul(text, NULL, 10);
	if (n > max)
		return -EINVAL;
	*out = (unsigned)n;
	return 0;
}

static int set_string(char **field, const char *value, const char *option, const struct reason *why)
{
	if (*value == '\0')
		return refuse(why, "%s: must not be empty", option);
	char *copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static const char *find_transport(const char *word)
{
	static const char *const known[] = {"udp", "tcp", "tls"};
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(word, known[i]) == 0)
			return known[i];
	return NULL;
}

/** Copy "192.0.2.1" or "[2001:db8::1]" of length n without the brackets. @return false when it is neither */
static bool parse_host(char out[46], const char *text, size_t n)
{
	struct in6_addr address;
	bool brackets = n > 2 && text[0] == '[' && text[n - 1] == ']';
	if (brackets) {
		text++;
		n -= 2;
	}
	if (n >= 46)
		return false;
	memcpy(out, text, n);
	out[n] = '\0';
	return inet_pton(brackets ? AF_INET6 : AF_INET, out, &address) == 1;
}

/** The part after ';': only transport=... is known. */
static int parse_uri_parameter(
	struct listen *l, const char *uri, const char *parameter, bool sips, const struct reason *why)
{
	static const char key[] = "transport=";
	l->transport = sips ? "tls" : "udp";
	if (!parameter)
		return 0;
	if (strncasecmp(parameter, key, sizeof(key) - 1) != 0)
		return refuse(why, "--listen %s: only ;transport=udp|tcp|tls may follow the address", uri);
	l->transport = find_transport(parameter + sizeof(key) - 1);
	if (!l->transport)
		return refuse(why, "--listen %s: transport must be udp, tcp or tls", uri);
	if (sips && strcmp(l->transport, "tls") != 0)
		return refuse(why, "--listen %s: sips: requires tls", uri);
	return 0;
}

/** sip:ADDR[:PORT][;transport=...] */
static int parse_listen(struct options *o, const char *uri, const struct reason *why)
{
	struct listen l = {.host = ""};
	char buffer[128];
	bool sips = strncasecmp(uri, "sips:", 5) == 0;
	if (!sips && strncasecmp(uri, "sip:", 4) != 0)
		return refuse(why, "--listen %s: must begin with sip: or sips:", uri);
	if (o->n_listen == OPTIONS_LISTEN_MAX)
		return refuse(why, "--listen: allowed at most %d times", OPTIONS_LISTEN_MAX);
	const char *address = uri + (sips ? 5 : 4);
	if (strlen(address) >= sizeof(buffer))
		return refuse(why, "--listen %s: too long", uri);
	memcpy(buffer, address, strlen(address) + 1);
	char *parameter = strchr(buffer, ';');
	if (parameter)
		*parameter++ = '\0';
	int error = parse_uri_parameter(&l, uri, parameter, sips, why);
	if (error)
		return error;

	char *bracket = strchr(buffer, ']');
	char *colon = strchr(bracket ? bracket : buffer, ':');
	unsigned port = strcmp(l.transport, "tls") == 0 ? 5061 : 5060;
	if (!parse_host(l.host, buffer, colon ? (size_t)(colon - buffer) : strlen(buffer)))
		return refuse(why, "--listen %s: needs an IPv4 address or an IPv6 address in brackets", uri);
	if (colon && parse_number(&port, colon + 1, 65535) != 0)
		return refuse(why, "--listen %s: port must be 0 to 65535", uri);
	l.port = (uint16_t)port;
	o->listen[o->n_listen++] = l;
	return 0;
}

static int apply(struct options *o, enum option_id option, const char *value, const struct reason *why)
{
	switch (option) {
	case OPT_DB:
		return set_string(&o->db, value, "--db", why);
	case OPT_CDR:
		return set_string(&o->cdr, value, "--cdr", why);
	case OPT_JOURNAL:
		return set_string(&o->journal, value, "--journal", why);
	case OPT_ADOPT:
		return set_string(&o->adopt, value, "--adopt", why);
	case OPT_CONTROL:
		return set_string(&o->control, value, "--control", why);
	case OPT_TLS_DIR:
		return set_string(&o->tls_dir, value, "--tls-dir", why);
	case OPT_NAME:
		return set_string(&o->name, value, "--name", why);
	case OPT_LISTEN:
		return parse_listen(o, value, why);
	case OPT_DRAIN:
		return parse_number(&o->drain_s, value, DRAIN_MAX_S) == 0
			? 0
			: refuse(why, "--drain %s: must be 0 to %d seconds", value, DRAIN_MAX_S);
	case OPT_LOG_LEVEL:
		return log_level_parse(&o->log_level, value) == 0
			? 0
			: refuse(why, "--log-level %s: must be error, warning, info or debug", value);
	case OPT_LOG_FORMAT:
		return log_format_parse(&o->log_format, value) == 0
			? 0
			: refuse(why, "--log-format %s: must be text or json", value);
	case OPT_INIT:
		o->action = OPTIONS_INIT;
		return 0;
	case OPT_CHECK:
		o->action = OPTIONS_CHECK;
		return 0;
	case OPT_VERSION:
		o->action = OPTIONS_VERSION;
		return 0;
	case OPT_STATE_VERSION:
		o->action = OPTIONS_STATE_VERSION;
		return 0;
	case OPT_HELP:
		o->action = OPTIONS_HELP;
		return 0;
	}
	return -EINVAL;
}

static int read_arguments(struct options *o, int argc, char *const argv[], const struct reason *why)
{
	int error = 0, option;
	optind = 0; /* GNU: start over, with no state of an earlier parse */
	opterr = 0;
	while (!error && (option = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
		if (option == '?')
			error = refuse(why, "%s: unknown option", argv[optind - 1]);
		else if (option == ':')
			error = refuse(why, "%s: needs a value", argv[optind - 1]);
		else
			error = apply(o, (enum option_id)option, optarg, why);
	}
	if (!error && optind < argc)
		error = refuse(why, "%s: unexpected argument", argv[optind]);
	return error;
}

static char *default_control(const char *db)
{
	char *otherwise = db_path_beside(db, "softswitch.sock");
	char *path = otherwise ? control_path(CONTROL_PATH_RUN, otherwise) : NULL;
	free(otherwise);
	return path;
}

/** swctl is told this path, and it may run in another directory. */
static int make_absolute(char **path)
{
	char *out, *folder;
	if (**path == '/')
		return 0;
	folder = getcwd(NULL, 0);
	int n = folder ? asprintf(&out, "%s/%s", folder, *path) : -1;
	free(folder);
	if (n < 0)
		return -ENOMEM;
	free(*path);
	*path = out;
	return 0;
}

static char *host_name(void)
{
	char name[NAME_MAX_BYTES + 1] = "";
	gethostname(name, sizeof(name) - 1);
	return strdup(*name ? name : "softswitch");
}

static int fill_in(struct options *o)
{
	if (!o->db)
		o->db = strdup("softswitch.db");
	if (o->db && !o->cdr)
		o->cdr = db_path_beside(o->db, "cdr.db");
	if (o->db && !o->control)
		o->control = default_control(o->db);
	if (!o->name)
		o->name = host_name();
	if (!o->db || !o->cdr || !o->control || !o->name)
		return -ENOMEM;
	if (o->n_listen == 0) {
		o->listen[o->n_listen++] = (struct listen){"0.0.0.0", 5060, "udp"};
		o->listen[o->n_listen++] = (struct listen){"0.0.0.0", 5060, "tcp"};
	}
	int error = make_absolute(&o->db);
	return error ? error : make_absolute(&o->cdr);
}

/** Check the files that the TLS transport reads at startup, where their absence would only give "no transport". */
static int check_tls(const struct options *o, const struct reason *why)
{
	char path[4096];
	bool tls = false;
	for (unsigned i = 0; i < o->n_listen; i++)
		tls = tls || strcmp(o->listen[i].transport, "tls") == 0;
	if (!tls)
		return 0;
	if (!o->tls_dir)
		return refuse(why, "a TLS listener needs --tls-dir with agent.pem");
	snprintf(path, sizeof(path), "%s/agent.pem", o->tls_dir);
	return access(path, R_OK) ? refuse(why, "--tls-dir: %s: %s", path, strerror(errno)) : 0;
}

static int check(const struct options *o, const struct reason *why)
{
	size_t n = strspn(o->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	if (o->name[n] || n > NAME_MAX_BYTES)
		return refuse(why, "--name %s: must be up to %d letters, digits, '.', '_' and '-'", o->name,
			NAME_MAX_BYTES);
	if (strcmp(o->db, o->cdr) == 0)
		return refuse(why, "--db and --cdr must be two files, not both %s", o->db);
	return o->action == OPTIONS_CHECK ? 0 : check_tls(o, why);
}

int options_check_tls(const struct options *o, char *error, size_t error_size)
{
	const struct reason why = {error, error_size};
	return check_tls(o, &why);
}

int options_parse(struct options *out, int argc, char *const argv[], char *error, size_t error_size)
{
	struct options o = {.log_level = LOG_LEVEL_INFO, .log_format = LOG_FORMAT_TEXT};
	const struct reason why = {error, error_size};
	int result = read_arguments(&o, argc, argv, &why);
	if (!result)
		result = fill_in(&o);
	if (!result && o.action != OPTIONS_HELP && o.action != OPTIONS_VERSION &&
		o.action != OPTIONS_STATE_VERSION)
		result = check(&o, &why);
	if (result == -ENOMEM)
		snprintf(error, error_size, "out of memory");
	if (result) {
		options_clear(&o);
		return result;
	}
	*out = o;
	return 0;
}

void options_clear(struct options *o)
{
	free(o->db);
	free(o->cdr);
	free(o->journal);
	free(o->adopt);
	free(o->control);
	free(o->name);
	free(o->tls_dir);
	*o = (struct options){0};
}
