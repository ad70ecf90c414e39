/** @file db.h  One SQLite file of ours: open, create, upgrade, or reject it. */
#ifndef DB_H
#define DB_H

#include <stddef.h>

struct db;

/** Which of our files; PRAGMA application_id tells them apart. */
enum db_kind { DB_CONFIG, DB_CDR, DB_STATE };

enum db_mode {
	DB_CREATE,     /* create it with the schema when missing or empty, upgrade it when older */
	DB_CREATE_NOW, /* the same, but -EBUSY at once while another process holds it */
	DB_EXISTING,   /* the same as that, but a missing or empty file is refused: -ENOENT, -EINVAL */
	/*
	 * Change nothing, but reject what DB_CREATE would reject. A missing or empty file is fine
	 * and sets *out to NULL; an older one is upgraded in a transaction that db_close() rolls back.
	 */
	DB_CHECK
};

/**
 * Open a file for this process. One struct db belongs to one thread at a time.
 *
 * @param error  receives one plain line when the result is not 0
 * @return 0; -ENOENT, -EACCES, -ENOTSUP (newer than this program), -EINVAL (not ours), -EBUSY
 *         (after 5 s, or at once), -EUCLEAN (damaged), -EIO, -ENOMEM
 */
int db_open(struct db **out, const char *path, enum db_kind kind, enum db_mode mode, char *error,
	size_t error_size);
void db_close(struct db *db);

/** PRAGMA user_version of the files that this program writes; it upgrades those with a lower one. */
int db_version(enum db_kind kind);

/**
 * Which of our files is it? It is only read.
 *
 * @return 0; -EINVAL not ours; -ENOTSUP newer than this program; -EACCES, -EUCLEAN, -EBUSY, -EIO, -ENOMEM; one line in error
 */
int db_recognise(const char *path, enum db_kind *kind, char *error, size_t error_size);

/** SQLite's words for what failed last, or why db_config_load() did. */
const char *db_error(const struct db *db);

/** PRAGMA data_version: changes when another connection has changed the file. @return 0 or -errno */
int db_data_version(struct db *db, int *version);

#endif
