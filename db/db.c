#include "db_internal.h"
#include "db_path.h"
#include "schema.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* How long to wait while other processes create, upgrade or recover the same file. */
enum { OPEN_WAIT_MS = 5000, OPEN_RETRY_MS = 20 };
/* Bytes of a file's log: a longer one is cut when it starts over. */
enum { LOG_KEPT = 4 * 1024 * 1024 };

struct file_kind {
	const char *what;
	int application_id;
	int version;                /* PRAGMA user_version of a file this program writes */
	const char *schema;         /* of that version */
	const char *const *upgrade; /* [v]: from version v to v + 1 */
	const char *pragmas;
};

static const char *const config_upgrades[] = {[1] = schema_upgrade_2_sql,
	[2] = schema_upgrade_3_sql,
	[3] = schema_upgrade_4_sql,
	[4] = schema_upgrade_5_sql,
	[5] = schema_upgrade_6_sql};

static const char *const cdr_upgrades[] = {[1] = schema_cdr_upgrade_2_sql, [2] = schema_cdr_upgrade_3_sql};

static const char *const state_upgrades[] = {[1] = schema_state_upgrade_2_sql};

static const struct file_kind file_kinds[] = {
	[DB_CONFIG] =
		{
			.what = "configuration",
			.application_id = 0x53574346 /* SWCF */,
			.version = 6,
			.schema = schema_sql,
			.upgrade = config_upgrades,
			.pragmas = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
				   " PRAGMA trusted_schema = OFF;",
		},
	[DB_CDR] =
		{
			.what = "call record",
			.application_id = 0x53574352 /* SWCR */,
			.version = 3,
			.schema = schema_cdr_sql,
			.upgrade = cdr_upgrades,
			/* A commit reaches the disk and not only the kernel: billing survives a power cut. */
			.pragmas = "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;",
		},
	[DB_STATE] =
		{
			.what = "state",
			.application_id = 0x53575354 /* SWST */,
			.version = 2,
			.schema = schema_state_sql,
			.upgrade = state_upgrades,
			.pragmas = "PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF;",
		},
};

/* What a file says about itself. */
struct file_state {
	int application_id;
	int version;
	int objects; /* tables, indexes, views, triggers */
};

static int read_int(struct db *db, const char *sql, int *out)
{
	sqlite3_stmt *statement = NULL;
	int err = db_sqlite_prepare(db->handle, &sql, &statement, 1);
	if (err)
		return err;
	err = db_sqlite_errno(sqlite3_step(statement));
	if (!err)
		*out = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return err;
}

static int read_state(struct db *db, struct file_state *out)
{
	int err = read_int(db, "PRAGMA application_id", &out->application_id);
	if (!err)
		err = read_int(db, "PRAGMA user_version", &out->version);
	if (!err)
		err = read_int(db, "SELECT count(*) FROM sqlite_schema", &out->objects);
	return err;
}

static bool is_empty(const struct file_state *state)
{
	return state->application_id == 0 && state->version == 0 && state->objects == 0;
}

/* Bring the file to this program's version, inside the caller's transaction. */
static int migrate(struct db *db, const struct file_kind *kind, const struct file_state *state)
{
	char stamp[96];
	int err = 0;
	if (is_empty(state))
		err = db_sqlite_run(db->handle, kind->schema);
	else
		for (int v = state->version; !err && v < kind->version; v++)
			err = db_sqlite_run(db->handle, kind->upgrade[v]);
	if (err)
		return err;
	snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		kind->application_id, kind->version);
	return db_sqlite_run(db->handle, stamp);
}

/* May this program use the file? -ENODATA: yes, once it has our tables. */
static int judge(const struct file_state *state, const struct file_kind *kind, const char *path, char *error,
	size_t error_size)
{
	if (is_empty(state))
		return -ENODATA;
	if (state->application_id != kind->application_id || state->version < 1) {
		snprintf(error, error_size, "%s is not a %s database of softswitch", path, kind->what);
		return -EINVAL;
	}
	if (state->version > kind->version) {
		snprintf(error, error_size,
			"%s is of version %d, newer than this program,"
			" which knows up to %d",
			path, state->version, kind->version);
		return -ENOTSUP;
	}
	return state->version < kind->version ? -ENODATA : 0;
}

/* Another process may have been faster between our check and our transaction: check again inside it. */
static int migrate_file(struct db *db, const char *path, const struct file_kind *kind, enum db_mode mode,
	char *error, size_t error_size)
{
	struct file_state state = {0};
	int err = db_sqlite_run(db->handle, "BEGIN IMMEDIATE");
	if (!err)
		err = read_state(db, &state);
	if (!err)
		err = judge(&state, kind, path, error, error_size);
	if (err == -ENODATA)
		err = migrate(db, kind, &state);
	if (!err && mode == DB_CHECK)
		return 0; /* not committed: db_close() rolls back the upgrade that was tried */
	return err ? err : db_sqlite_run(db->handle, "COMMIT");
}

static int explain(struct db *db, int err, const char *path, char *error, size_t error_size)
{
	if (err && !error[0])
		snprintf(error, error_size, "%s: %s", path,
			err == -EBUSY ? "another process holds it" : sqlite3_errmsg(db->handle));
	return err;
}

static int cut_log(struct db *db)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit = %d", LOG_KEPT);
	return db_sqlite_run(db->handle, sql);
}

/* One attempt. The caller repeats it on -EBUSY, because SQLite does not always wait when two processes collide. */
static int set_up(struct db *db, const char *path, enum db_kind which, enum db_mode mode, char *error,
	size_t error_size)
{
	const struct file_kind *kind = &file_kinds[which];
	struct file_state state = {0};
	error[0] = '\0';
	int err = db_sqlite_run(
		db->handle, "BEGIN"); /* another process may create the file between two of our reads */
	if (!err)
		err = read_state(db, &state);
	if (!err)
		err = db_sqlite_run(db->handle, "END");
	if (!err)
		err = judge(&state, kind, path, error, error_size);
	if (err && err != -ENODATA)
		return explain(db, err, path, error, error_size);
	bool migration = err == -ENODATA;
	err = db_sqlite_run(db->handle, kind->pragmas);
	if (!err)
		err = cut_log(db);
	if (!err && mode != DB_CHECK)
		err = db_sqlite_run(db->handle, "PRAGMA journal_mode = WAL");
	if (!err && migration)
		err = migrate_file(db, path, kind, mode, error, error_size);
	return explain(db, err, path, error, error_size);
}

static int set_up_patiently(
	struct db *db, const char *path, enum db_kind kind, enum db_mode mode, char *error, size_t error_size)
{
	const struct timespec pause = {.tv_nsec = OPEN_RETRY_MS * 1000000L};
	const int wait_ms = mode == DB_CREATE || mode == DB_CHECK ? OPEN_WAIT_MS : 0;
	for (int waited_ms = 0;; waited_ms += OPEN_RETRY_MS) {
		int err = set_up(db, path, kind, mode, error, error_size);
		if (err != -EBUSY || waited_ms >= wait_ms)
			return err;
		if (!sqlite3_get_autocommit(db->handle))
			db_sqlite_run(db->handle, "ROLLBACK");
		nanosleep(&pause, NULL);
	}
}

static int prepare_file(const char *path, enum db_mode mode, bool *missing, char *error, size_t error_size)
{
	struct stat st;
	if (strlen(path) >= 4096) {
		snprintf(error, error_size, "the path of the database is too long");
		return -EINVAL;
	}
	int err = mode == DB_CREATE || mode == DB_CREATE_NOW ? db_path_create(path, error, error_size) : 0;
	if (err)
		return err;
	*missing = mode == DB_CHECK && (stat(path, &st) ? errno == ENOENT : st.st_size == 0);
	if (*missing)
		return 0;
	if (stat(path, &st)) {
		err = -errno;
		snprintf(error, error_size, "cannot open %s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		err = -EINVAL;
		snprintf(error, error_size, "%s is not a regular file", path);
	} else if (mode == DB_EXISTING && st.st_size == 0) {
		err = -EINVAL;
		snprintf(error, error_size, "%s is empty", path);
	}
	return err ? err : db_path_access(path, error, error_size);
}

int db_open(struct db **out, const char *path, enum db_kind kind, enum db_mode mode, char *error,
	size_t error_size)
{
	bool missing = false;
	int err = prepare_file(path, mode, &missing, error, error_size);
	if (err)
		return err;
	if (missing) {
		*out = NULL;
		return 0;
	}
	struct db *db = calloc(1, sizeof(*db));
	if (db)
		db->path = strdup(path);
	if (!db || !db->path) {
		db_close(db);
		snprintf(error, error_size, "no memory to open %s", path);
		return -ENOMEM;
	}
	int result = sqlite3_open_v2(
		path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	error[0] = '\0';
	err = explain(db, db_sqlite_errno(result), path, error, error_size);
	if (!err)
		err = set_up_patiently(db, path, kind, mode, error, error_size);
	static const char *const data_version = "PRAGMA data_version";
	if (!err)
		err = explain(db, db_sqlite_prepare(db->handle, &data_version, &db->data_version, 1), path,
			error, error_size);
	if (err) {
		db_close(db);
		return err;
	}
	*out = db;
	return 0;
}

static int recognise(struct db *db, const char *path, enum db_kind *kind, char *error, size_t error_size)
{
	struct file_state state = {0};
	int err = read_state(db, &state);

	if (err)
		return explain(db, err, path, error, error_size);
	for (size_t i = 0; i < sizeof(file_kinds) / sizeof(file_kinds[0]); i++)
		if (state.application_id == file_kinds[i].application_id) {
			*kind = (enum db_kind)i;
			err = judge(&state, &file_kinds[i], path, error, error_size);
			return err == -ENODATA ? 0 : err;
		}
	snprintf(error, error_size, "%s is not a database of softswitch", path);
	return -EINVAL;
}

int db_recognise(const char *path, enum db_kind *kind, char *error, size_t error_size)
{
	struct db db = {0};
	int result = sqlite3_open_v2(path, &db.handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_EXRESCODE, NULL);
	int err;

	error[0] = '\0';
	err = result == SQLITE_OK ? recognise(&db, path, kind, error, error_size)
				  : explain(&db, db_sqlite_errno(result), path, error, error_size);
	sqlite3_close(db.handle);
	return err;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	sqlite3_finalize(db->data_version);
	sqlite3_close(db->handle);
	free(db->path);
	free(db);
}

int db_version(enum db_kind kind)
{
	return file_kinds[kind].version;
}

const char *db_error(const struct db *db)
{
	return db->words[0] ? db->words : sqlite3_errmsg(db->handle);
}

int db_data_version(struct db *db, int *version)
{
	int err = db_sqlite_errno(sqlite3_step(db->data_version));
	if (!err)
		*version = sqlite3_column_int(db->data_version, 0);
	sqlite3_reset(db->data_version);
	return err;
}
