#include "db_place.h"

#include "db_internal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAME_SIZE = 4096 + 8 };

static const char *beside(const struct db *db, const char *suffix, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s%s", db->path, suffix);
	return name;
}

/** All zeros when there is none. */
static void look(const struct db *db, const char *suffix, struct stat *out)
{
	char name[NAME_SIZE];

	if (stat(beside(db, suffix, name), out))
		memset(out, 0, sizeof(*out));
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static bool is_untouched(const struct stat *before, const struct stat *now)
{
	return now->st_size == before->st_size && now->st_mtim.tv_sec == before->st_mtim.tv_sec &&
		now->st_mtim.tv_nsec == before->st_mtim.tv_nsec;
}

static void look_at_all(struct db *db)
{
	look(db, "", &db->file);
	look(db, "-wal", &db->wal);
	look(db, "-shm", &db->shm);
}

/* It locks nobody out. */
bool db_place_copy_log(struct db *db)
{
	int in_log, copied;

	return sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied) ==
		SQLITE_OK &&
		in_log == copied;
}

/* Who adds to the log after it was copied may also write to the file before we look again. */
void db_place_settle(struct db *db)
{
	int before = 0, after = 0;

	db_data_version(db, &before);
	db->settled = db_place_copy_log(db);
	look_at_all(db);
	db->settled = db->settled && db_data_version(db, &after) == 0 && after == before;
}

/* Others cannot write for a blink, as nothing is left to be copied. */
void db_place_rest(struct db *db)
{
	struct stat wal;

	look(db, "-wal", &wal);
	if (!wal.st_size)
		return;
	db_place_settle(db);
	if (db->settled &&
		sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
			SQLITE_OK)
		look_at_all(db);
}

enum db_place db_place_check(const struct db *db)
{
	struct stat now, wal;

	if (stat(db->path, &now))
		return errno == ENOENT ? DB_PLACE_MOVED : DB_PLACE_SAME;
	if (!is_same_file(&now, &db->file))
		return DB_PLACE_MOVED;
	if (is_untouched(&db->file, &now))
		return DB_PLACE_SAME;
	/* Who empties the log writes to the file, too. All of it was there before, unless somebody has added to it. */
	look(db, "-wal", &wal);
	return db->settled && is_untouched(&db->wal, &wal) ? DB_PLACE_OVERWRITTEN : DB_PLACE_SAME;
}

static void remove_own(const struct db *db, const char *suffix, const struct stat *own)
{
	char name[NAME_SIZE];
	struct stat now;

	look(db, suffix, &now);
	if (own->st_ino && is_same_file(&now, own))
		unlink(beside(db, suffix, name));
}

void db_place_leave(struct db *db_take)
{
	sqlite3_wal_checkpoint_v2(db_take->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	remove_own(db_take, "-wal", &db_take->wal);
	remove_own(db_take, "-shm", &db_take->shm);
	db_close(db_take);
}
