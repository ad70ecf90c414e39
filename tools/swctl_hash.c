#include "swctl_hash.h"

#include "digest_hash.h"
#include "swctl_client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { PASSWORD_MAX = 256, REALM_MAX = 64 };

static const char name_characters[] =
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.!~*()&=+$,;?/";
static const char default_realm[] = "softswitch";

/* The password ------------------------------------------------------------------------------ */

static void on_signal(int number)
{
	(void)number; /* reading ends, and the terminal shows again what is typed */
}

/** A line of the standard input without its end. */
static void read_line(char out[PASSWORD_MAX + 2])
{
	if (!fgets(out, PASSWORD_MAX + 2, stdin))
		out[0] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
}

/** The same from a terminal, which does not show it. */
static void read_unseen(const char *prompt, char out[PASSWORD_MAX + 2])
{
	const struct sigaction interrupt = {.sa_handler = on_signal};
	struct sigaction before;
	struct termios shown, unseen;

	if (tcgetattr(STDIN_FILENO, &shown))
		swctl_client_die("hash: the terminal: %s", strerror(errno));
	unseen = shown;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	sigaction(SIGINT, &interrupt, &before);
	fputs(prompt, stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
	read_line(out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	sigaction(SIGINT, &before, NULL);
	fputc('\n', stderr);
}

static void check(const char *password)
{
	const size_t n = strlen(password);

	if (n == 0 || n > PASSWORD_MAX)
		swctl_client_die("hash: a password is 1 to %d bytes", PASSWORD_MAX);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)password[i] < ' ' || password[i] == 0x7f)
			swctl_client_die("hash: a password has no control characters");
}

static void read_password(char out[PASSWORD_MAX + 2])
{
	char again[PASSWORD_MAX + 2];

	if (!isatty(STDIN_FILENO)) {
		read_line(out);
		check(out);
		return;
	}
	read_unseen("Password: ", out);
	check(out);
	read_unseen("Once more: ", again);
	if (strcmp(out, again) != 0)
		swctl_client_die("hash: these are two passwords");
}

/* The realm --------------------------------------------------------------------------------- */

/** That of the running switch. */
static char *ask_realm(const char *control)
{
	json_t *params = json_pack("{s:i}", "limit", 1);
	json_t *reply = swctl_client_try(control, "endpoints.list", params);
	const char *realm = json_string_value(json_object_get(json_object_get(reply, "result"), "realm"));
	char *copy = strdup(realm ? realm : default_realm);

	if (!realm)
		fprintf(stderr, "swctl: hash: no switch answers, so the realm is %s\n", default_realm);
	json_decref(params);
	json_decref(reply);
	return copy;
}

/** What SS_SIP_AUTHENTICATION_REALM may be. */
static bool is_realm(const char *text)
{
	const size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~' || strchr("\"\\", text[i]))
			return false;
	return n > 0 && n <= REALM_MAX;
}

static char *find_realm(const char *control, const char *word)
{
	char *realm = word ? strdup(word + strlen("realm=")) : ask_realm(control);

	if (!realm)
		swctl_client_die("out of memory");
	if (!is_realm(realm))
		swctl_client_die(
			"hash: a realm is 1 to %d printable characters, none of them \" or \\", REALM_MAX);
	return realm;
}

/* The command ------------------------------------------------------------------------------- */

static void print_json(
	const char *name, const char *realm, char hash[DIGEST_HASH_ALGORITHMS][DIGEST_HASH_MAX])
{
	json_t *answer = json_pack("{s:s, s:s, s:s, s:s}", "name", name, "realm", realm, "ha1_md5",
		hash[DIGEST_HASH_MD5], "ha1_sha256", hash[DIGEST_HASH_SHA256]);

	json_dumpf(answer, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(answer);
}

int swctl_hash(const char *control, bool json, char **words)
{
	const char *name = words[0];
	char password[PASSWORD_MAX + 2], hash[DIGEST_HASH_ALGORITHMS][DIGEST_HASH_MAX];
	char *realm;
	struct digest_parameter of;

	if (!name || (words[1] && (strncmp(words[1], "realm=", strlen("realm=")) != 0 || words[2])))
		swctl_client_die("hash: expected a NAME, and realm=REALM if it is not that of the switch; "
				 "the password is read from the standard input");
	if (!*name || name[strspn(name, name_characters)])
		swctl_client_die("hash: %s: no name of an endpoint", name);
	realm = find_realm(control, words[1]);
	of = digest_parameter_of(realm);
	read_password(password);
	for (unsigned i = 0; i < DIGEST_HASH_ALGORITHMS; i++)
		if (!digest_hash_account(i, hash[i], name, &of, password))
			swctl_client_die("hash: libcrypto refuses %s", digest_hash_name(i));
	if (json)
		print_json(name, realm, hash);
	else
		printf("update endpoint set password = null, ha1_md5 = '%s', ha1_sha256 = '%s' where name = '%s';\n",
			hash[DIGEST_HASH_MD5], hash[DIGEST_HASH_SHA256], name);
	free(realm);
	return 0;
}
