#include "options.h"

#include "control_path.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char reason[256];
static char program[] = "softswitch";

/** Parse the words up to NULL. */
static int parse(struct options *o, ...)
{
	char *argv[48] = {program};
	int argc = 1;
	va_list words;
	va_start(words, o);
	while ((argv[argc] = va_arg(words, char *)))
		argc++;
	va_end(words);
	reason[0] = '\0';
	return options_parse(o, argc, argv, reason, sizeof(reason));
}

static void refuses(const char *expected, const char *option, const char *value)
{
	struct options o;
	memset(&o, 0x5a, sizeof(o));
	struct options before = o;
	assert_int_equal(parse(&o, option, value, NULL), -EINVAL);
	if (!strstr(reason, expected))
		fail_msg("\"%s\" instead of \"%s\"", reason, expected);
	assert_null(strchr(reason, '\n'));
	assert_memory_equal(&o, &before, sizeof(o));
}

/** On a machine where the switch runs as a service there is a folder for the socket. */
static const char *expected_control(const char *otherwise)
{
	return access(CONTROL_PATH_RUN, W_OK | X_OK) == 0 ? CONTROL_PATH_RUN "/control.sock" : otherwise;
}

static void without_options_the_defaults_hold(void **state)
{
	struct options o;
	char expected[4200], *folder = getcwd(NULL, 0);
	(void)state;
	assert_int_equal(parse(&o, NULL), 0);
	assert_int_equal(o.action, OPTIONS_RUN);
	snprintf(expected, sizeof(expected), "%s/softswitch.db", folder);
	assert_string_equal(o.db, expected);
	snprintf(expected, sizeof(expected), "%s/cdr.db", folder);
	assert_string_equal(o.cdr, expected);
	assert_string_equal(o.control, expected_control("softswitch.sock"));
	assert_true(strlen(o.name) > 0);
	assert_null(o.tls_dir);
	assert_int_equal(o.drain_s, 0);
	assert_int_equal(o.log_level, LOG_LEVEL_INFO);
	assert_int_equal(o.log_format, LOG_FORMAT_TEXT);
	assert_int_equal(o.n_listen, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(o.listen[i].host, "0.0.0.0");
		assert_int_equal(o.listen[i].port, 5060);
		assert_string_equal(o.listen[i].transport, i ? "tcp" : "udp");
	}
	options_clear(&o);
	free(folder);
}

static void files_lie_beside_the_database_unless_said(void **state)
{
	struct options o;
	(void)state;
	assert_int_equal(parse(&o, "--db", "/var/lib/x/switch.db", NULL), 0);
	assert_string_equal(o.cdr, "/var/lib/x/cdr.db");
	assert_null(o.journal);
	assert_string_equal(o.control, expected_control("/var/lib/x/softswitch.sock"));
	options_clear(&o);
	assert_int_equal(parse(&o, "--db=/a.db", "--cdr=/b/c.db", "--journal=/m/j", "--adopt=/n/c.db-live",
				 "--control=d.sock", NULL),
		0);
	assert_string_equal(o.db, "/a.db");
	assert_string_equal(o.cdr, "/b/c.db");
	assert_string_equal(o.journal, "/m/j");
	assert_string_equal(o.adopt, "/n/c.db-live");
	assert_string_equal(o.control, "d.sock");
	options_clear(&o);
}

static void the_environment_names_the_control_socket_unless_an_option_does(void **state)
{
	struct options o;
	(void)state;
	setenv("SOFTSWITCH_CONTROL", "/e.sock", 1);
	assert_int_equal(parse(&o, "--db", "/var/lib/x/switch.db", NULL), 0);
	assert_string_equal(o.control, "/e.sock");
	options_clear(&o);
	assert_int_equal(parse(&o, "--control", "/d.sock", NULL), 0);
	assert_string_equal(o.control, "/d.sock");
	options_clear(&o);
	unsetenv("SOFTSWITCH_CONTROL");
}

static void everything_said_is_taken(void **state)
{
	struct options o;
	(void)state;
	assert_int_equal(parse(&o, "--name", "sbc-1.a_b", "--drain", "30", "--log-level", "debug",
				 "--log-format", "json", "--check", NULL),
		0);
	assert_string_equal(o.name, "sbc-1.a_b");
	assert_int_equal(o.drain_s, 30);
	assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(o.log_format, LOG_FORMAT_JSON);
	assert_int_equal(o.action, OPTIONS_CHECK);
	options_clear(&o);
	assert_int_equal(parse(&o, "--init", NULL), 0);
	assert_int_equal(o.action, OPTIONS_INIT);
	options_clear(&o);
	assert_int_equal(parse(&o, "--version", NULL), 0);
	assert_int_equal(o.action, OPTIONS_VERSION);
	options_clear(&o);
	assert_int_equal(parse(&o, "--help", NULL), 0);
	assert_int_equal(o.action, OPTIONS_HELP);
	options_clear(&o);
}

static void listeners_are_read(void **state)
{
	static const struct {
		const char *uri, *host;
		unsigned port;
		const char *transport;
	} cases[] = {
		{"sip:127.0.0.1:5070;transport=udp", "127.0.0.1", 5070, "udp"},
		{"sip:127.0.0.1", "127.0.0.1", 5060, "udp"},
		{"SIP:127.0.0.1:0;Transport=TCP", "127.0.0.1", 0, "tcp"},
		{"sip:[::1]:65535;transport=tcp", "::1", 65535, "tcp"},
		{"sip:[2001:db8::1]", "2001:db8::1", 5060, "udp"},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options o;
		assert_int_equal(parse(&o, "--listen", cases[i].uri, NULL), 0);
		assert_int_equal(o.n_listen, 1);
		assert_string_equal(o.listen[0].host, cases[i].host);
		assert_int_equal(o.listen[0].port, cases[i].port);
		assert_string_equal(o.listen[0].transport, cases[i].transport);
		options_clear(&o);
	}
}

static void bad_listeners_are_refused_with_the_reason(void **state)
{
	static const char *const cases[][2] = {
		{"127.0.0.1:5060", "must begin with sip:"},
		{"sip:", "IPv4 address"},
		{"sip:localhost:5060", "IPv4 address"},
		{"sip:::1", "IPv4 address"},
		{"sip:[127.0.0.1]:5060", "IPv4 address"},
		{"sip:[::1", "IPv4 address"},
		{"sip:[::1]x:5060", "IPv4 address"},
		{"sip:user@127.0.0.1", "IPv4 address"},
		{"sip:127.0.0.1:", "port"},
		{"sip:127.0.0.1:65536", "port"},
		{"sip:127.0.0.1:-1", "port"},
		{"sip:127.0.0.1:5060x", "port"},
		{"sip:127.0.0.1:99999999999999999999", "port"},
		{"sip:127.0.0.1;transport=sctp", "transport must be"},
		{"sip:127.0.0.1;transport=", "transport must be"},
		{"sip:127.0.0.1;maddr=1.2.3.4", "transport="},
		{"sip:127.0.0.1;", "transport="},
		{"sips:127.0.0.1;transport=udp", "requires tls"},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuses(cases[i][1], "--listen", cases[i][0]);
	char endless[200] = "sip:";
	memset(endless + 4, '1', sizeof(endless) - 5);
	refuses("too long", "--listen", endless);
}

static void listeners_are_limited(void **state)
{
	char *argv[OPTIONS_LISTEN_MAX + 3] = {program}, option[] = "--listen=sip:127.0.0.1:0";
	struct options o;
	(void)state;
	for (int i = 1; i <= OPTIONS_LISTEN_MAX + 1; i++)
		argv[i] = option;
	assert_int_equal(options_parse(&o, OPTIONS_LISTEN_MAX + 1, argv, reason, sizeof(reason)), 0);
	assert_int_equal(o.n_listen, OPTIONS_LISTEN_MAX);
	options_clear(&o);
	assert_int_equal(options_parse(&o, OPTIONS_LISTEN_MAX + 2, argv, reason, sizeof(reason)), -EINVAL);
}

static void bad_values_are_refused_with_the_reason(void **state)
{
	(void)state;
	refuses("--drain -1: must be 0 to 86400 seconds", "--drain", "-1");
	refuses("0 to 86400 seconds", "--drain", "86401");
	refuses("0 to 86400 seconds", "--drain", "");
	refuses("0 to 86400 seconds", "--drain", "1s");
	refuses("error, warning, info or debug", "--log-level", "loud");
	refuses("text or json", "--log-format", "xml");
	refuses("letters", "--name", "a b");
	refuses("must not be empty", "--name", "");
	refuses("must not be empty", "--db", "");
	refuses("--nonsense: unknown option", "--nonsense", NULL);
	refuses("-x: unknown option", "-x", NULL);
	refuses("--db: needs a value", "--db", NULL);
	refuses("start: unexpected argument", "start", NULL);
	refuses("must be two files", "--db=/tmp/a.db", "--cdr=/tmp/a.db");
}

static void a_tls_listener_needs_its_files(void **state)
{
	char folder[] = "/tmp/test_options.XXXXXX", path[64];
	struct options o;
	(void)state;
	refuses("needs --tls-dir", "--listen=sip:127.0.0.1:0;transport=tls", NULL);
	refuses("needs --tls-dir", "--listen=sips:127.0.0.1", NULL);
	assert_non_null(mkdtemp(folder));
	char option[64];
	snprintf(option, sizeof(option), "--tls-dir=%s", folder);
	refuses("agent.pem: No such file", "--listen=sips:127.0.0.1", option);
	snprintf(path, sizeof(path), "%s/agent.pem", folder);
	fclose(fopen(path, "w"));
	assert_int_equal(parse(&o, "--listen=sips:127.0.0.1", option, NULL), 0);
	assert_int_equal(o.listen[0].port, 5061);
	assert_string_equal(o.listen[0].transport, "tls");
	assert_string_equal(o.tls_dir, folder);
	options_clear(&o);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_the_defaults_hold),
		cmocka_unit_test(files_lie_beside_the_database_unless_said),
		cmocka_unit_test(the_environment_names_the_control_socket_unless_an_option_does),
		cmocka_unit_test(everything_said_is_taken),
		cmocka_unit_test(listeners_are_read),
		cmocka_unit_test(bad_listeners_are_refused_with_the_reason),
		cmocka_unit_test(listeners_are_limited),
		cmocka_unit_test(bad_values_are_refused_with_the_reason),
		cmocka_unit_test(a_tls_listener_needs_its_files),
	};
	unsetenv("SOFTSWITCH_CONTROL");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
