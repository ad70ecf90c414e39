#include "swctl_files.h"

#include "cdr_prune.h"
#include "db.h"
#include "db_copy.h"
#include "db_path.h"
#include "db_swap.h"
#include "state.h"
#include "swctl_client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KINDS = 3, NAME_SIZE = 4096, ERROR_SIZE = NAME_SIZE + 512, FOLDER_MODE = 0700, DAYS_MAX = 36500 };

static const char *const names[KINDS] = {
	[DB_CONFIG] = "softswitch.db", [DB_CDR] = "cdr.db", [DB_STATE] = "state.db"};
static const char *const contents[KINDS] = {
	[DB_CONFIG] = "configuration", [DB_CDR] = "call records", [DB_STATE] = "state"};

struct request;

struct command {
	const char *name;
	bool one_word;
	const char *expected;
	int (*run)(const struct request *r);
};

/** A parsed command line. Texts are borrowed. */
struct request {
	const struct command *command;
	const char *db, *cdr; /* cdr may be NULL: it is beside db */
	char **words;         /* what it is about, up to NULL */
	bool no_passwords, dry_run;
	bool running; /* a switch has these files open */
};

/** Where each file of the switch is. */
struct places {
	char *path[KINDS];
};

/** @return 1 */
__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
	va_list args;

	fputs("swctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return 1;
}

static void forget_places(struct places *p)
{
	for (int kind = 0; kind < KINDS; kind++)
		free(p->path[kind]);
}

static bool find_places(const struct request *r, struct places *out)
{
	out->path[DB_CONFIG] = strdup(r->db);
	out->path[DB_CDR] = r->cdr ? strdup(r->cdr) : db_path_beside(r->db, names[DB_CDR]);
	out->path[DB_STATE] = out->path[DB_CDR] ? state_path(out->path[DB_CDR]) : NULL;
	if (out->path[DB_CONFIG] && out->path[DB_STATE])
		return true;
	forget_places(out);
	complain("out of memory");
	return false;
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void print_size(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0)
		printf("%s  %.1f MiB\n", path, (double)st.st_size / (1024 * 1024));
}

/* Backup ------------------------------------------------------------------------------------ */

/** Two backups into one folder would take each other's unfinished files. @return a descriptor that holds it; -1 */
static int lock_folder(const char *folder)
{
	const bool there = mkdir(folder, FOLDER_MODE) == 0 || errno == EEXIST;
	int fd = there ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0)
		complain("cannot create %s: %s", folder, strerror(errno));
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	complain("%s: another backup is being written there", folder);
	close(fd);
	return -1;
}

/** It gets its name once it is whole. */
static int back_up_file(const struct request *r, const char *path, enum db_kind kind)
{
	const struct db_copy_options options = {.no_passwords = r->no_passwords && kind == DB_CONFIG};
	char error[ERROR_SIZE], part[NAME_SIZE], to[NAME_SIZE];

	snprintf(to, sizeof(to), "%s/%s", r->words[0], names[kind]);
	snprintf(part, sizeof(part), "%s/.%s.part", r->words[0], names[kind]);
	if (is_there(to))
		return complain("%s is there already", to);
	unlink(part); /* of a backup that was cut off */
	if (db_copy(path, part, &options, error, sizeof(error)))
		return complain("%s", error);
	if (rename(part, to)) {
		complain("cannot create %s: %s", to, strerror(errno));
		unlink(part);
		return 1;
	}
	print_size(to);
	return 0;
}

static int back_up(const struct request *r)
{
	struct places places;
	int failed, lock;

	if (!find_places(r, &places))
		return 1;
	lock = lock_folder(r->words[0]);
	failed = lock < 0;
	for (int kind = 0; !failed && kind < KINDS; kind++)
		if (kind == DB_CONFIG || is_there(places.path[kind]))
			failed = back_up_file(r, places.path[kind], (enum db_kind)kind);
		else
			printf("%s: there is no %s, left out\n", contents[kind], places.path[kind]);
	if (lock >= 0)
		close(lock);
	forget_places(&places);
	return failed;
}

/* Restore ----------------------------------------------------------------------------------- */

/** What is to be put where. */
struct plan {
	struct places places;
	char stamp[32];
	char from[KINDS][NAME_SIZE];  /* "" = nothing */
	char fresh[KINDS][NAME_SIZE]; /* its copy beside the place; "" = not made yet */
};

enum { ANY_KIND = -1 };

/** @param wanted  what its name says; ANY_KIND = whatever it is */
static int add_file(struct plan *p, const char *from, int wanted)
{
	char error[ERROR_SIZE];
	enum db_kind kind;
	struct stat st;

	if (stat(from, &st) == 0 && !S_ISREG(st.st_mode))
		return complain("%s is not a regular file", from);
	if (db_recognise(from, &kind, error, sizeof(error)))
		return complain("%s", error);
	if (wanted != ANY_KIND && wanted != (int)kind)
		return complain("%s: %s, not %s", from, contents[kind], contents[wanted]);
	if (p->from[kind][0])
		return complain("%s and %s: both are %s", p->from[kind], from, contents[kind]);
	snprintf(p->from[kind], NAME_SIZE, "%s", from);
	return 0;
}

static int add_folder(struct plan *p, const char *folder)
{
	char path[NAME_SIZE];
	bool found = false;

	for (int kind = 0; kind < KINDS; kind++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[kind]);
		if (!is_there(path))
			continue;
		found = true;
		if (add_file(p, path, kind))
			return 1;
	}
	if (found)
		return 0;
	return complain("%s: there is no %s, %s or %s in it", folder, names[DB_CONFIG], names[DB_CDR],
		names[DB_STATE]);
}

static int add_word(struct plan *p, const char *word)
{
	struct stat st;

	return stat(word, &st) == 0 && S_ISDIR(st.st_mode) ? add_folder(p, word)
							   : add_file(p, word, ANY_KIND);
}

/** Copied to where it can be renamed, and checked there: what is found wrong has changed nothing. */
static int prepare(struct plan *p, int kind)
{
	static const struct db_copy_options deep = {.deep = true};
	char error[ERROR_SIZE], folder[NAME_SIZE], fresh[NAME_SIZE];

	snprintf(folder, sizeof(folder), "%s", p->places.path[kind]);
	snprintf(fresh, sizeof(fresh), "%.3000s/.%s.restore-%ld", dirname(folder), names[kind],
		(long)getpid());
	if (db_copy(p->from[kind], fresh, &deep, error, sizeof(error)))
		return complain("%s", error);
	snprintf(p->fresh[kind], NAME_SIZE, "%s", fresh);
	return 0;
}

static void keep_as(const struct plan *p, int kind, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%.4000s-before-%s", p->places.path[kind], p->stamp);
}

static void announce(const struct plan *p, int kind, bool dry_run)
{
	const char *path = p->places.path[kind];
	char aside[NAME_SIZE];

	keep_as(p, kind, aside);
	printf("%s: %s %s %s\n", contents[kind], path, dry_run ? "would be replaced by" : "is replaced by",
		p->from[kind]);
	if (is_there(path))
		printf("  and kept as %s\n", aside);
	fflush(stdout);
}

static int put(struct plan *p, int kind)
{
	char error[ERROR_SIZE], aside[NAME_SIZE];

	keep_as(p, kind, aside);
	if (db_swap(p->fresh[kind], p->places.path[kind], aside, error, sizeof(error)))
		return complain("%s", error);
	p->fresh[kind][0] = '\0';
	return 0;
}

static int carry_out(struct plan *p, const struct request *r)
{
	int failed = 0;

	if (r->running && p->from[DB_STATE][0]) {
		printf("state is left out: the running switch knows better, and would write over it\n");
		p->from[DB_STATE][0] = '\0';
	}
	for (int kind = 0; !failed && kind < KINDS; kind++)
		if (p->from[kind][0])
			failed = prepare(p, kind);
	for (int kind = 0; !failed && kind < KINDS; kind++)
		if (p->from[kind][0]) {
			announce(p, kind, r->dry_run);
			failed = r->dry_run ? 0 : put(p, kind);
		}
	return failed;
}

/** In milliseconds, so that no two restores keep a file under one name. */
static void stamp(char *out, size_t size)
{
	struct timespec now;
	struct tm utc;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	n = strftime(out, size, "%Y%m%dT%H%M%S", gmtime_r(&now.tv_sec, &utc));
	snprintf(out + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
}

static int restore(const struct request *r)
{
	struct plan *p = calloc(1, sizeof(*p));
	int failed;

	if (!p || !find_places(r, &p->places)) {
		free(p);
		return 1;
	}
	stamp(p->stamp, sizeof(p->stamp));
	failed = 0;
	for (char **word = r->words; !failed && *word; word++)
		failed = add_word(p, *word);
	if (!failed)
		failed = carry_out(p, r);
	for (int kind = 0; kind < KINDS; kind++)
		if (p->fresh[kind][0])
			unlink(p->fresh[kind]);
	forget_places(&p->places);
	free(p);
	return failed;
}

/* Prune ------------------------------------------------------------------------------------- */

static int prune(const struct request *r)
{
	char error[ERROR_SIZE], *end;
	const long days = strtol(r->words[0], &end, 10);
	const int64_t before_ms = ((int64_t)time(NULL) - (int64_t)days * 86400) * 1000;
	struct places places;
	uint64_t rows;
	int err;

	if (end == r->words[0] || *end || days < 1 || days > DAYS_MAX)
		return complain("%s", r->command->expected);
	if (!find_places(r, &places))
		return 1;
	err = cdr_prune(places.path[DB_CDR], before_ms, &rows, error, sizeof(error));
	forget_places(&places);
	printf("%" PRIu64 " call records deleted\n", rows);
	return err ? complain("%s", error) : 0;
}

/* Commands ---------------------------------------------------------------------------------- */

static const struct command commands[] = {{"backup", true, "backup: expected one DIR", back_up},
	{"restore", false, "restore: expected a DIR of a backup, or single FILEs of one", restore},
	{"prune", true, "prune: expected a number of DAYS", prune}};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

bool swctl_files_is(const char *command)
{
	return find_command(command);
}

static void parse(struct request *r, char **words)
{
	size_t n = 0;

	*r = (struct request){.command = find_command(words[0]), .words = words};
	assert(r->command); /* swctl_files_is() said so */
	for (char **word = words + 1; *word; word++)
		if (strcmp(*word, "--no-passwords") == 0)
			r->no_passwords = true;
		else if (strcmp(*word, "--dry-run") == 0)
			r->dry_run = true;
		else if (strcmp(*word, "--db") == 0 && word[1])
			r->db = *++word;
		else if (strcmp(*word, "--cdr") == 0 && word[1])
			r->cdr = *++word;
		else if (**word == '-')
			swctl_client_die("%s: unknown option, or its value is missing", *word);
		else
			words[n++] = *word;
	words[n] = NULL;
	if (n == 0 || (n > 1 && r->command->one_word))
		swctl_client_die("%s", r->command->expected);
}

/** The running switch says which files, unless the command line does. @return free it after use */
static json_t *ask_for_files(struct request *r, const char *control)
{
	json_t *params = json_object(), *reply = swctl_client_ask(control, "system.status", params);
	const json_t *status = json_object_get(reply, "result");

	json_decref(params);
	r->db = json_string_value(json_object_get(status, "db"));
	if (!r->cdr)
		r->cdr = json_string_value(json_object_get(status, "cdr"));
	if (!r->db)
		swctl_client_die("%s: the switch does not report its files", control);
	r->running = true;
	return reply;
}

int swctl_files(const char *control, char **words)
{
	json_t *reply = NULL;
	struct request r;
	int status;

	parse(&r, words);
	if (!r.db)
		reply = ask_for_files(&r, control);
	status = r.command->run(&r);
	json_decref(reply);
	return status;
}
