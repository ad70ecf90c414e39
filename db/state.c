#define HASH_NONFATAL_OOM 1

#include "state.h"

#include "db_internal.h"
#include "db_path.h"
#include "db_place.h"
#include "db_wal.h"
#include "state_rows.h"

#include <uthash.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

enum { BUSY_WAIT_MS = 100, PATH_SIZE = 4096 + 64, ERROR_SIZE = 512 };

/** A row as it has to be in the file: on its way to the thread, then kept by it. */
struct entry {
	char *key; /* table and name */
	const struct db_table *table;
	void *row;        /* NULL: removed */
	const char *name; /* in the key */
	bool written;     /* else it is among the changed ones */
	UT_hash_handle hh;
	TAILQ_ENTRY(entry) next; /* in the queue, or among the changed ones */
};

TAILQ_HEAD(entries, entry);

struct state {
	struct state_handlers handlers;
	char *path;
	struct db *db;          /* NULL: it could not be made anew yet */
	bool stale;             /* it may have rows that are not in memory */
	struct entry *by_key;   /* the thread's */
	struct entries changed; /* of these, those that are not in the file yet */
	bool troubled;          /* the last write failed: named once */
	pthread_mutex_t lock;
	struct entries queue; /* under the lock */
};

/* Entries ----------------------------------------------------------------------------------- */

static void entry_free(struct entry *e)
{
	if (!e)
		return;
	free(e->key);
	free(e->row);
	free(e);
}

static struct entry *entry_create(const struct db_table *t, const char *name, const void *row)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->table = t;
	e->row = row ? db_table_copy_row(t, row) : NULL;
	if ((row && !e->row) || asprintf(&e->key, "%s %s", t->name, name) < 0) {
		e->key = NULL;
		entry_free(e);
		return NULL;
	}
	e->name = e->key + strlen(t->name) + 1;
	return e;
}

static void forget(struct state *s, struct entry *e)
{
	if (!e->written)
		TAILQ_REMOVE(&s->changed, e, next);
	/* uthash keeps nothing of what it has deleted. */
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	HASH_DEL(s->by_key, e);
	entry_free(e);
}

/** It takes the place of the one with its key. */
static void keep(struct state *s, struct entry *e_take)
{
	struct entry *before;

	HASH_FIND_STR(s->by_key, e_take->key, before);
	if (before)
		forget(s, before);
	HASH_ADD_KEYPTR(hh, s->by_key, e_take->key, strlen(e_take->key), e_take);
	if (!e_take->hh.tbl)
		entry_free(e_take);
	else if (!e_take->written)
		TAILQ_INSERT_TAIL(&s->changed, e_take, next);
}

static int change(struct state *s, const struct db_table *t, const char *name, const void *row)
{
	struct entry *e = entry_create(t, name, row);

	if (!e)
		return -ENOMEM;
	pthread_mutex_lock(&s->lock);
	TAILQ_INSERT_TAIL(&s->queue, e, next);
	pthread_mutex_unlock(&s->lock);
	if (s->handlers.on_change)
		s->handlers.on_change(s->handlers.arg);
	return 0;
}

int state_put(struct state *s, const struct db_table *t, const void *row)
{
	return change(s, t, db_table_row_name(t, row), row);
}

int state_remove(struct state *s, const struct db_table *t, const char *name)
{
	return change(s, t, name, NULL);
}

static void take_queue(struct state *s)
{
	struct entries queue = TAILQ_HEAD_INITIALIZER(queue);
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	TAILQ_CONCAT(&queue, &s->queue, next);
	pthread_mutex_unlock(&s->lock);
	while ((e = TAILQ_FIRST(&queue))) {
		TAILQ_REMOVE(&queue, e, next);
		keep(s, e);
	}
}

/* The file ---------------------------------------------------------------------------------- */

static void trouble(struct state *s, const char *what)
{
	if (s->handlers.on_trouble)
		s->handlers.on_trouble(what, s->handlers.arg);
}

/** With what SQLite keeps beside it, so that a new file finds nothing of the old one's. */
static int move_aside(const char *path, char *aside, size_t size)
{
	static const char *const suffixes[] = {"-wal", "-shm"};
	char from[PATH_SIZE + 8], to[PATH_SIZE + 8];

	snprintf(aside, size, "%s.broken-%lld", path, (long long)time(NULL));
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(from, sizeof(from), "%s%s", path, suffixes[i]);
		snprintf(to, sizeof(to), "%s%s", aside, suffixes[i]);
		rename(from, to);
	}
	return rename(path, aside) && errno != ENOENT ? -errno : 0;
}

static int open_file(struct state *s, enum db_mode mode, char *error, size_t size)
{
	struct db *db = NULL;
	int err = db_open(&db, s->path, DB_STATE, mode, error, size);

	if (!err)
		err = db_sqlite_check(db->handle, false, s->path, error, size);
	if (err) {
		db_close(db);
		return err;
	}
	sqlite3_busy_timeout(db->handle, BUSY_WAIT_MS);
	s->db = db;
	db_place_settle(db);
	return 0;
}

/** Open it; one that cannot be used is moved aside, and named. */
static int open_anyhow(struct state *s, enum db_mode mode, char *error, size_t size)
{
	char aside[PATH_SIZE], line[ERROR_SIZE + PATH_SIZE];
	int err = open_file(s, mode, error, size);

	if (err != -EINVAL && err != -ENOTSUP && err != -EUCLEAN)
		return err;
	if (move_aside(s->path, aside, sizeof(aside)))
		return err;
	snprintf(line, sizeof(line), "%s; moved to %s and made anew", error, aside);
	err = open_file(s, mode, error, size);
	if (!err)
		trouble(s, line);
	return err;
}

/** Close the file, and have every row written into the next one, and no other be in it. */
static void forget_file(struct state *s, void (*close)(struct db *db))
{
	close(s->db);
	s->db = NULL;
	s->stale = true;
	for (struct entry *e = s->by_key; e; e = e->hh.next) {
		if (e->written)
			TAILQ_INSERT_TAIL(&s->changed, e, next);
		e->written = false;
	}
}

/** Have a usable file open. */
static int need_file(struct state *s, enum db_mode mode)
{
	const enum db_place place = s->db ? db_place_check(s->db) : DB_PLACE_SAME;
	char error[ERROR_SIZE] = "", line[ERROR_SIZE + PATH_SIZE];
	int err;

	if (place != DB_PLACE_SAME) {
		snprintf(line, sizeof(line), "%s was removed, replaced or emptied; made anew", s->path);
		trouble(s, line);
		forget_file(s, place == DB_PLACE_MOVED ? db_place_leave : db_close);
	}
	if (s->db)
		return 0;
	err = open_anyhow(s, mode, error, sizeof(error));
	if (err && !s->troubled)
		trouble(s, error);
	s->troubled = s->troubled || err;
	return err;
}

static int make_room(struct state *s)
{
	char error[ERROR_SIZE + PATH_SIZE];
	int err = db_wal_make_room(s->db, error, sizeof(error));

	if (err && !s->troubled)
		trouble(s, error);
	s->troubled = s->troubled || err;
	return err;
}

/* Rows -------------------------------------------------------------------------------------- */

static bool has_changed(const struct state *s)
{
	return !TAILQ_EMPTY(&s->changed);
}

static void settle(struct state *s)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(&s->changed))) {
		TAILQ_REMOVE(&s->changed, e, next);
		e->written = true;
		if (!e->row)
			forget(s, e);
	}
}

static int write_all(struct state *s)
{
	struct state_rows_writer writer = {.handle = s->db->handle};
	int err = db_sqlite_run(s->db->handle, "BEGIN IMMEDIATE");
	const struct entry *e;

	if (!err && s->stale)
		err = state_rows_clear(s->db->handle);
	TAILQ_FOREACH (e, &s->changed, next)
		if (!err)
			err = state_rows_write(&writer, e->table, e->name, e->row);
	state_rows_end(&writer);
	if (!err)
		err = db_sqlite_run(s->db->handle, "COMMIT");
	return err;
}

bool state_write(struct state *s)
{
	char line[ERROR_SIZE + PATH_SIZE], aside[PATH_SIZE];
	bool no_table;
	int err;

	take_queue(s);
	err = need_file(s, DB_CREATE_NOW);
	if (err)
		return has_changed(s); /* if not, it is time enough when the thread comes by again */
	if (!s->stale && !has_changed(s)) {
		s->troubled = false;
		db_place_rest(s->db);
		return false;
	}
	if (make_room(s))
		return true;
	err = write_all(s);
	if (!err) {
		s->troubled = false;
		s->stale = false;
		settle(s);
		db_place_settle(s->db);
		return false;
	}
	no_table = s->db && (sqlite3_errcode(s->db->handle) & 0xff) == SQLITE_ERROR;
	if (s->db && err != -EBUSY && !s->troubled) {
		snprintf(line, sizeof(line), "%s cannot be written, tried again: %s", s->path,
			sqlite3_errmsg(s->db->handle));
		trouble(s, line);
	}
	if (s->db && !sqlite3_get_autocommit(s->db->handle))
		db_sqlite_run(s->db->handle, "ROLLBACK");
	/* Opening it again tells a damaged file from a full disk. */
	if (err != -EBUSY)
		forget_file(s, db_close);
	if (no_table)
		move_aside(s->path, aside, sizeof(aside));
	s->troubled = s->troubled || err != -EBUSY;
	return true;
}

struct loading {
	struct state *state;
	const struct db_table *table;
	void (*on_row)(const void *row, void *arg);
	void *arg;
};

static void on_loaded(const void *row, void *arg)
{
	const struct loading *l = arg;
	struct entry *e = entry_create(l->table, db_table_row_name(l->table, row), row);

	if (e) {
		e->written = true;
		keep(l->state, e);
	}
	l->on_row(row, l->arg);
}

int state_load(
	struct state *s, const struct db_table *t, void (*on_row)(const void *row, void *arg), void *arg)
{
	struct loading loading = {s, t, on_row, arg};

	return s->db ? state_rows_load(s->db->handle, t, on_loaded, &loading) : 0;
}

char *state_path(const char *cdr)
{
	return db_path_beside(cdr, "state.db");
}

/* Life -------------------------------------------------------------------------------------- */

int state_open(struct state **out, const char *path, const struct state_handlers *handlers)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->handlers = *handlers;
	pthread_mutex_init(&s->lock, NULL);
	TAILQ_INIT(&s->queue);
	TAILQ_INIT(&s->changed);
	s->path = strdup(path);
	if (!s->path) {
		state_close(s);
		return -ENOMEM;
	}
	need_file(s, DB_CREATE); /* if it cannot be used, it is tried again */
	*out = s;
	return 0;
}

void state_close(struct state *s)
{
	struct entry *e, *next;

	if (!s)
		return;
	take_queue(s);
	HASH_ITER (hh, s->by_key, e, next)
		forget(s, e);
	db_close(s->db);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}
