#include "cdr_table.h"
#include "cdr_record.h"
#include "db_internal.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BUSY_WAIT_MS = 100, /* while another process holds the lock */
	BATCH_MAX = 4096,   /* rows per transaction */
};

enum statement { LAST_NUMBER, BEGIN, ADD, SET_NUMBER, COMMIT, STATEMENTS };

static const char *const sql[STATEMENTS] = {
	[LAST_NUMBER] = "SELECT written FROM journal",
	[BEGIN] = "BEGIN IMMEDIATE",
	[ADD] = "INSERT INTO cdr (a_call_id, b_call_id, ingress, gateway, caller_in, caller_out, callee_in,"
		" callee_out, source_addr, destination_addr, end_reason, attempts, begin_ms, ring_ms,"
		" answer_ms, end_ms, pdd_ms, hold_ms, sip_code, end_direction)"
		" VALUES ($a_call_id, $b_call_id, $ingress, $gateway, $caller_in, $caller_out, $callee_in,"
		" $callee_out, $source_addr, $destination_addr, $end_reason, $attempts, $begin_ms,"
		" $ring_ms, $answer_ms, $end_ms, $pdd_ms, $hold_ms, $sip_code, $end_direction)",
	[SET_NUMBER] = "UPDATE journal SET written = $written",
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
	END_DIRECTION
};

struct cdr_table {
	struct db *db;
	sqlite3_stmt *statement[STATEMENTS];
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
	if (err)
		return err;
	sqlite3_bind_int64(t->statement[SET_NUMBER], 1, (int64_t)(*last)->number);
	err = step(t, SET_NUMBER);
	return err ? err : step(t, COMMIT);
}

int cdr_table_add(struct cdr_table *t, struct cdr_entry *first, struct cdr_entry **last, uint64_t *rows)
{
	int err = add_rows(t, first, last, rows);
	if (err && !sqlite3_get_autocommit(t->db->handle))
		db_sqlite_run(t->db->handle, "ROLLBACK");
	return err;
}

int cdr_table_last_number(struct cdr_table *t, uint64_t *out)
{
	sqlite3_stmt *statement = t->statement[LAST_NUMBER];
	int err = db_sqlite_errno(sqlite3_step(statement));
	if (!err)
		*out = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return err;
}

int cdr_table_open(struct cdr_table **out, const char *path, char *error, size_t error_size)
{
	struct cdr_table *t = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(error, error_size, "no memory to open %s", path);
		return -ENOMEM;
	}
	int err = db_open(&t->db, path, DB_CDR, DB_CREATE, error, error_size);
	if (!err) {
		sqlite3_busy_timeout(t->db->handle, BUSY_WAIT_MS);
		err = db_sqlite_prepare(t->db->handle, sql, t->statement, STATEMENTS);
		if (err)
			snprintf(error, error_size, "%s: %s", path, sqlite3_errmsg(t->db->handle));
	}
	if (err) {
		cdr_table_close(t);
		return err;
	}
	*out = t;
	return 0;
}

void cdr_table_close(struct cdr_table *t)
{
	if (!t)
		return;
	db_sqlite_finalize(t->statement, STATEMENTS);
	db_close(t->db);
	free(t);
}
