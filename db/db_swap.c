#include "db_swap.h"

#include "db_internal.h"
#include "db_wal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 100, TRY_MS = 50, NAME_SIZE = 4096 + 8, FILE_MODE = 0660 };

static const char *const suffixes[] = {"-wal", "-shm"};
enum { SUFFIXES = sizeof(suffixes) / sizeof(suffixes[0]) };

static void beside(const char *path, const char *suffix, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s%s", path, suffix);
}

static int explain(int err, const char *what, const char *path, char *error, size_t error_size)
{
	if (err)
		snprintf(error, error_size, "cannot %s %s: %s", what, path, strerror(-err));
	return err;
}

/* Locking ----------------------------------------------------------------------------------- */

static bool has_log(const char *path)
{
	char name[NAME_SIZE];
	struct stat st;

	beside(path, "-wal", name);
	return stat(name, &st) == 0 && st.st_size > 0;
}

/** Copy the log into the file and keep others from adding to it. @return 0; -EBUSY; others: not a usable database */
static int try_lock(struct db *db)
{
	int err = db_sqlite_errno(
		sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));

	if (!err)
		err = db_sqlite_run(db->handle, "BEGIN IMMEDIATE");
	if (err || !has_log(db->path))
		return err;
	db_sqlite_run(db->handle, "ROLLBACK");
	return -EBUSY;
}

static int lock(struct db *db, char *error, size_t error_size)
{
	const struct timespec pause = {.tv_nsec = TRY_MS * 1000000L};
	char holder[64];
	int err = -EBUSY;

	for (int i = 0; i < TRIES && err == -EBUSY; i++) {
		err = try_lock(db);
		if (err == -EBUSY)
			nanosleep(&pause, NULL);
	}
	if (!err || err == -EINVAL || err == -EUCLEAN)
		return 0; /* a file that is no database, or damaged, needs no lock */
	if (err != -EBUSY) {
		snprintf(error, error_size, "%s: %s", db->path, sqlite3_errmsg(db->handle));
		return err;
	}
	db_wal_name_holder(db, holder, sizeof(holder));
	snprintf(error, error_size, "%s: %s does not end its transaction", db->path, holder);
	return err;
}

/* Names ------------------------------------------------------------------------------------- */

/** The switch must be able to write it, whoever runs this. */
static int look_alike(const char *file, const struct stat *model, char *error, size_t error_size)
{
	int err = 0;

	if (chown(file, model->st_uid, model->st_gid) && chown(file, (uid_t)-1, model->st_gid))
		err = -errno;
	if (!err && chmod(file, model->st_mode & 0777))
		err = -errno;
	return explain(err, "set the owner and mode of", file, error, error_size);
}

/** The old log is empty, or belongs to a file that is no database. Whoever has it open goes on with it, and the next begins anew. */
static void put_logs_aside(const char *path, const char *aside)
{
	char from[NAME_SIZE], to[NAME_SIZE];

	for (size_t i = 0; i < SUFFIXES; i++) {
		beside(path, suffixes[i], from);
		beside(aside, suffixes[i], to);
		if (has_log(path))
			rename(from, to);
		else
			unlink(from);
	}
}

static void settle_folder(const char *path)
{
	char name[NAME_SIZE];
	int fd;

	snprintf(name, sizeof(name), "%s", path);
	fd = open(dirname(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static int rename_both(const char *file, const char *path, const char *aside, char *error, size_t error_size)
{
	if (link(path, aside))
		return explain(-errno, "create", aside, error, error_size);
	if (rename(file, path)) {
		int err = -errno;

		unlink(aside);
		return explain(err, "replace", path, error, error_size);
	}
	put_logs_aside(path, aside);
	return 0;
}

static int replace(const char *file, const char *path, const char *aside, char *error, size_t error_size)
{
	struct db db = {.path = (char *)path};
	int err;

	sqlite3_open_v2(path, &db.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL);
	err = lock(&db, error, error_size);
	if (!err)
		err = rename_both(file, path, aside, error, error_size);
	sqlite3_close(db.handle);
	return err;
}

int db_swap(const char *file, const char *path, const char *aside, char *error, size_t error_size)
{
	struct stat model = {.st_mode = FILE_MODE};
	char folder[NAME_SIZE];
	int err;

	snprintf(folder, sizeof(folder), "%s", path);
	const bool present = stat(path, &model) == 0;
	if (!present) {
		if (stat(dirname(folder), &model))
			return explain(-errno, "look at", folder, error, error_size);
		model.st_mode = FILE_MODE;
	}
	err = look_alike(file, &model, error, error_size);
	if (!err && present)
		err = replace(file, path, aside, error, error_size);
	if (!err && !present) {
		put_logs_aside(path, aside);
		err = explain(rename(file, path) ? -errno : 0, "create", path, error, error_size);
	}
	if (!err)
		settle_folder(path);
	return err;
}
