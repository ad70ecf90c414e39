#include "cdr_table.h"
#include "cdr_old.h"
#include "cdr_record.h"
#include "cdr_thread.h"
#include "db_internal.h"
#include "db_place.h"
#include "db_wal.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUSY_WAIT_MS = 100, /* while another process holds the lock */
	BATCH_MAX = 4096,   /* rows per transaction */
	RETRY_MS = 1000,    /* after a file could not be used */
};

enum statement { OLD_NUMBER, FIND, BEGIN, ADD, COMMIT, STATEMENTS };

static const char *const sql[STATEMENTS] = {
	[OLD_NUMBER] = "SELECT written FROM journal",
	[FIND] = "SELECT 1 FROM cdr WHERE begin_ms IS $begin_ms AND journal_number = $number",
	[BEGIN] = "BEGIN IMMEDIATE",
	[ADD] = "INSERT INTO cdr (a_call_id, b_call_id, ingress, gateway, caller_in, caller_out, callee_in,"
		" callee_out, source_addr, destination_addr, end_reason, attempts, begin_ms, ring_ms,"
		" answer_ms, end_ms, pdd_ms, hold_ms, sip_code, end_direction, journal_number, ingress_kind, gateway_kind)"
		" VALUES ($a_call_id, $b_call_id, $ingress, $gateway, $caller_in, $caller_out, $callee_in,"
		" $callee_out, $source_addr, $destination_addr, $end_reason, $attempts, $begin_ms,"
		" $ring_ms, $answer_ms, $end_ms, $pdd_ms, $hold_ms, $sip_code, $end_direction,"
		" $journal_number, $ingress_kind, $gateway_kind)",
	[COMMIT] = "COMMIT",
};

/* Parameters are numbered as they appear: the texts in the order of cdr_record_text(), then these. */
enum parameter {
	ATTEMPTS = CDR_RECORD_TEXTS,
	BEGIN_MS,
	RING_MS,
	ANSWER_MS,
	END_MS,
	PDD_MS,
	HOLD_MS,
	SIP_CODE,
	END_DIRECTION,
	NUMBER,
	INGRESS_KIND,
	GATEWAY_KIND
};

struct cdr_table {
	char *path;
	struct db *db; /* NULL: it could not be opened, or is not needed yet */
	sqlite3_stmt *statement[STATEMENTS];
	uint64_t old_number; /* calls of cdr_old.h up to this one are rows */
	uint64_t retry_ms;
	int err;
	char error[CDR_ERROR_SIZE]; /* of the last failure */
};

static int step(struct cdr_table *t, enum statement which)
{
	int result = sqlite3_step(t->statement[which]);
	sqlite3_reset(t->statement[which]);
	return db_sqlite_errno(result);
}

static void bind_text(sqlite3_stmt *add, int parameter, const char *text)
{
	if (utf8_valid(text))
		sqlite3_bind_text(add, parameter, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_text(add, parameter, utf8_from_latin1(text), -1, free);
}

static void bind(sqlite3_stmt *add, enum parameter parameter, int64_t value, int64_t null)
{
	if (value == null)
		sqlite3_bind_null(add, parameter);
	else
		sqlite3_bind_int64(add, parameter, value);
}

/* Without a name, as when no gateway was called, it is NULL. */
static void bind_kind(sqlite3_stmt *add, enum parameter parameter, const char *name, const char *kind)
{
	if (name[0])
		sqlite3_bind_text(add, parameter, kind, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(add, parameter);
}

static int add_row(struct cdr_table *t, const struct cdr_entry *e)
{
	sqlite3_stmt *add = t->statement[ADD];
	struct cdr record;
	if (cdr_record_read(&record, e->bytes, e->size))
		return 0; /* it was read once before it was queued, so this cannot happen */
	for (int i = 0; i < CDR_RECORD_TEXTS; i++)
		bind_text(add, i + 1, cdr_record_text(&record, i));
	if (!record.attempts[0])
		sqlite3_bind_text(add, ATTEMPTS, "[]", -1, SQLITE_STATIC);
	bind(add, BEGIN_MS, record.begin_ms, 0);
	bind(add, RING_MS, record.ring_ms, 0);
	bind(add, ANSWER_MS, record.answer_ms, 0);
	bind(add, END_MS, record.end_ms, 0);
	bind(add, PDD_MS, record.pdd_ms, -1);
	bind(add, HOLD_MS, record.hold_ms, -1);
	sqlite3_bind_int(add, SIP_CODE, record.sip_code);
	sqlite3_bind_int(add, END_DIRECTION, record.end_direction);
	sqlite3_bind_int64(add, NUMBER, (int64_t)e->number);
	bind_kind(add, INGRESS_KIND, record.ingress, record.from_endpoint ? "endpoint" : "mapping_gateway");
	bind_kind(add, GATEWAY_KIND, record.gateway, record.to_endpoint ? "endpoint" : "gateway");
	return step(t, ADD);
}

static int add_rows(struct cdr_table *t, struct cdr_entry *first, struct cdr_entry **last, uint64_t *rows)
{
	int err = step(t, BEGIN);
	*rows = 0;
	for (struct cdr_entry *e = first; !err && e && *rows < BATCH_MAX; e = e->next) {
		err = add_row(t, e);
		*last = e;
		++*rows;
	}
	return err ? err : step(t, COMMIT);
}

static void close_file(struct cdr_table *t, void (*close)(struct db *db))
{
	db_sqlite_finalize(t->statement, STATEMENTS);
	close(t->db);
	t->db = NULL;
}

/* Remember why; a file that is only locked stays open, any other is opened anew after a while. */
static int fail(struct cdr_table *t, int err)
{
	if (t->db)
		snprintf(t->error, sizeof(t->error), "%s: %s", t->path,
			err == -ENOMEM ? "no memory" : sqlite3_errmsg(t->db->handle));
	if (t->db && !sqlite3_get_autocommit(t->db->handle))
		db_sqlite_run(t->db->handle, "ROLLBACK");
	if (t->db && err != -EBUSY)
		close_file(t, db_close);
	t->err = err;
	if (!t->db)
		t->retry_ms = cdr_thread_now_ms() + RETRY_MS;
	return err;
}

int cdr_table_add(struct cdr_table *t, struct cdr_entry *first, struct cdr_entry **last, uint64_t *rows)
{
	int err = db_wal_make_room(t->db, t->error, sizeof(t->error));
	if (err)
		return err;
	err = add_rows(t, first, last, rows);
	if (err)
		return fail(t, err);
	db_place_settle(t->db);
	return 0;
}

static int read_number(struct cdr_table *t)
{
	sqlite3_stmt *statement = t->statement[OLD_NUMBER];
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		t->old_number = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return db_sqlite_errno(result);
}

/* The index on begin_ms finds it. */
int cdr_table_has(struct cdr_table *t, uint64_t number, const struct cdr *record, bool *out)
{
	sqlite3_stmt *find = t->statement[FIND];
	*out = number < CDR_OLD_NUMBERS && number <= t->old_number;
	if (*out)
		return 0;
	if (record->begin_ms)
		sqlite3_bind_int64(find, 1, record->begin_ms);
	else
		sqlite3_bind_null(find, 1);
	sqlite3_bind_int64(find, 2, (int64_t)number);
	int result = sqlite3_step(find), err = db_sqlite_errno(result);
	*out = result == SQLITE_ROW;
	sqlite3_reset(find);
	return err ? fail(t, err) : 0;
}

static int open_file(struct cdr_table *t)
{
	int err = db_open(&t->db, t->path, DB_CDR, DB_CREATE_NOW, t->error, sizeof(t->error));
	if (err)
		return fail(t, err);
	sqlite3_busy_timeout(t->db->handle, BUSY_WAIT_MS);
	err = db_sqlite_prepare(t->db->handle, sql, t->statement, STATEMENTS);
	if (!err)
		err = read_number(t);
	if (!err) {
		db_place_settle(t->db);
		return 0;
	}
	fail(t, err);
	if (t->db) /* its number is not known */
		close_file(t, db_close);
	t->retry_ms = cdr_thread_now_ms() + RETRY_MS;
	return err;
}

int cdr_table_need(struct cdr_table *t, bool *replaced)
{
	enum db_place place = t->db ? db_place_check(t->db) : DB_PLACE_SAME;

	*replaced = false;
	if (place == DB_PLACE_MOVED && !db_place_copy_log(t->db)) {
		snprintf(t->error, sizeof(t->error),
			"%s was moved while another process reads it, whose end is waited for", t->path);
		return -EBUSY;
	}
	*replaced = place != DB_PLACE_SAME;
	if (*replaced)
		close_file(t, place == DB_PLACE_MOVED ? db_place_leave : db_close);
	else if (!t->db && cdr_thread_now_ms() < t->retry_ms)
		return t->err;
	return t->db ? 0 : open_file(t);
}

void cdr_table_rest(struct cdr_table *t)
{
	db_place_rest(t->db);
}

const char *cdr_table_error(const struct cdr_table *t)
{
	return t->error;
}

int cdr_table_create(struct cdr_table **out, const char *path)
{
	struct cdr_table *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->path = strdup(path);
	if (!t->path) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void cdr_table_destroy(struct cdr_table *t)
{
	if (!t)
		return;
	if (t->db)
		close_file(t, db_close);
	free(t->path);
	free(t);
}
