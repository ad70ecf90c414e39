#include "cdr_prune.h"

#include "cdr_thread.h"
#include "db_internal.h"
#include "db_wal.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum {
	BUSY_WAIT_MS = 100,
	BUSY_TRIES = 100,
	PIECE_FIRST = 200, /* rows */
	PIECE_MIN = 20,
	PIECE_MAX = 5000,
	PIECE_MS = 30, /* what a piece should take */
};

/* A piece that a crash takes back is deleted by the next run, so nothing waits for the disk. */
static const char *const pragmas = "PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF";

static const char *const sql =
	"DELETE FROM cdr WHERE id IN"
	" (SELECT id FROM cdr WHERE begin_ms < $before_ms ORDER BY begin_ms LIMIT $piece)";
enum { BEFORE_MS = 1, PIECE };

/* As long as a piece took, and at least as long as who waits for its end sleeps in the worst case. */
static void let_others_write(uint64_t took_ms)
{
	const uint64_t ms = took_ms > 2 * PIECE_MS ? took_ms : 2 * PIECE_MS;
	const struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&pause, NULL);
}

static int next_piece(int piece, uint64_t took_ms)
{
	const uint64_t next = (uint64_t)piece * PIECE_MS / (took_ms ? took_ms : 1);

	return next < PIECE_MIN ? PIECE_MIN : next > PIECE_MAX ? PIECE_MAX : (int)next;
}

static int lock(struct db *db)
{
	int err = -EBUSY;

	for (int i = 0; i < BUSY_TRIES && err == -EBUSY; i++)
		err = db_sqlite_run(db->handle, "BEGIN IMMEDIATE");
	return err;
}

/** @return the number of rows deleted; -errno */
static int delete_piece(struct db *db, sqlite3_stmt *statement, int piece)
{
	int err;

	sqlite3_bind_int(statement, PIECE, piece);
	err = db_sqlite_errno(sqlite3_step(statement));
	sqlite3_reset(statement);
	if (!err)
		err = db_sqlite_run(db->handle, "COMMIT");
	return err ? err : sqlite3_changes(db->handle);
}

static int delete_all(struct db *db, sqlite3_stmt *statement, uint64_t *rows, char *error, size_t error_size)
{
	int err, deleted, piece = PIECE_FIRST;
	uint64_t begin_ms, took_ms;

	do {
		err = db_wal_make_room(db, error, error_size);
		if (err)
			return err;
		err = lock(db);
		begin_ms = cdr_thread_now_ms();
		deleted = err ? err : delete_piece(db, statement, piece);
		took_ms = cdr_thread_now_ms() - begin_ms;
		if (deleted < 0) {
			snprintf(error, error_size, "%s: %s", db->path, sqlite3_errmsg(db->handle));
			return deleted;
		}
		*rows += (uint64_t)deleted;
		let_others_write(took_ms);
		piece = next_piece(piece, took_ms);
	} while (deleted);
	return 0;
}

int cdr_prune(const char *path, int64_t before_ms, uint64_t *rows, char *error, size_t error_size)
{
	struct db db = {.path = (char *)path};
	sqlite3_stmt *statement = NULL;
	enum db_kind kind;
	int err = db_recognise(path, &kind, error, error_size);

	*rows = 0;
	if (!err && kind != DB_CDR) {
		snprintf(error, error_size, "%s has no call records", path);
		err = -EINVAL;
	}
	if (err)
		return err;
	err = db_sqlite_errno(
		sqlite3_open_v2(path, &db.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL));
	if (!err) {
		sqlite3_busy_timeout(db.handle, BUSY_WAIT_MS);
		err = db_sqlite_run(db.handle, pragmas);
	}
	if (!err)
		err = db_sqlite_prepare(db.handle, &sql, &statement, 1);
	if (err) {
		snprintf(error, error_size, "%s: %s", path, sqlite3_errmsg(db.handle));
	} else {
		sqlite3_bind_int64(statement, BEFORE_MS, before_ms);
		err = delete_all(&db, statement, rows, error, error_size);
	}
	sqlite3_finalize(statement);
	sqlite3_close(db.handle);
	return err;
}
