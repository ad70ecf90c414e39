#include "db_copy.h"

#include "db_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_WAIT_MS = 10000, FILE_MODE = 0600 };

static const char *const forget_passwords =
	"PRAGMA secure_delete = ON; UPDATE gateway SET auth_password = NULL WHERE auth_password IS NOT NULL;"
	" UPDATE registration SET password = NULL WHERE password IS NOT NULL; VACUUM;";

static int create(const char *path, char *error, size_t error_size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, FILE_MODE);
	int err = fd < 0 || fchmod(fd, FILE_MODE) ? -errno : 0;

	if (err)
		snprintf(error, error_size, "cannot create %s: %s", path, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

static int to_errno(int result)
{
	return (result & 0xff) == SQLITE_FULL ? -ENOSPC : db_sqlite_errno(result);
}

static int explain(sqlite3 *handle, int result, const char *path, char *error, size_t error_size)
{
	if (result == SQLITE_OK)
		return 0;
	snprintf(error, error_size, "%s: %s", path, sqlite3_errmsg(handle));
	return to_errno(result);
}

static int open_file(const char *path, int flags, sqlite3 **out, char *error, size_t error_size)
{
	int result = sqlite3_open_v2(path, out, flags | SQLITE_OPEN_EXRESCODE, NULL);

	if (result == SQLITE_OK)
		sqlite3_busy_timeout(*out, BUSY_WAIT_MS);
	return explain(*out, result, path, error, error_size);
}

/* In one step, which reads as of one moment; with several, each write by others would start them over. */
static int copy_pages(sqlite3 *from, sqlite3 *to, const char *path, char *error, size_t error_size)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int result;

	if (!backup)
		return explain(to, sqlite3_errcode(to), path, error, error_size);
	result = sqlite3_backup_step(backup, -1);
	sqlite3_backup_finish(backup);
	if (result == SQLITE_DONE)
		return 0;
	snprintf(error, error_size, "%s: %s", path, sqlite3_errstr(result));
	return to_errno(result);
}

/* The copy is in WAL mode as the original is, and could not be read where the folder cannot be written in. */
static int finish(
	sqlite3 *to, const struct db_copy_options *options, const char *path, char *error, size_t error_size)
{
	int err = explain(to, sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL), path, error,
		error_size);

	if (!err && options->no_passwords)
		err = explain(
			to, sqlite3_exec(to, forget_passwords, NULL, NULL, NULL), path, error, error_size);
	return err ? err : db_sqlite_check(to, options->deep, path, error, error_size);
}

int db_copy(const char *from, const char *to, const struct db_copy_options *options, char *error,
	size_t error_size)
{
	sqlite3 *source = NULL, *copy = NULL;
	int err = create(to, error, error_size);

	if (err)
		return err;
	err = open_file(from, SQLITE_OPEN_READWRITE, &source, error, error_size);
	if (!err)
		err = open_file(to, SQLITE_OPEN_READWRITE, &copy, error, error_size);
	if (!err)
		err = copy_pages(source, copy, from, error, error_size);
	if (!err)
		err = finish(copy, options, from, error, error_size);
	sqlite3_close(source);
	sqlite3_close(copy);
	if (err)
		unlink(to);
	return err;
}
