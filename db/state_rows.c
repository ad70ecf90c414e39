#include "state_rows.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SQL_SIZE = 1024 }; /* of columns, at most half of it */

static void list_columns(const struct db_table *t, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_columns && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", t->columns[i].name);
}

static void bind_column(sqlite3_stmt *statement, int i, const struct db_table_column *column, const void *row)
{
	const void *value = (const char *)row + column->offset;

	if (column->type == DB_TABLE_TEXT)
		sqlite3_bind_text(statement, i, *(const char *const *)value, -1, SQLITE_STATIC);
	else if (column->type == DB_TABLE_FLAG)
		sqlite3_bind_int(statement, i, *(const bool *)value);
	else if (column->type == DB_TABLE_PORT)
		sqlite3_bind_int(statement, i, *(const uint16_t *)value);
	else
		sqlite3_bind_int64(statement, i, *(const uint32_t *)value);
}

static int prepare(struct state_rows_writer *w, const struct db_table *t, bool removes)
{
	char columns[SQL_SIZE / 2], sql[SQL_SIZE];
	const char *const text = sql;
	int err;

	state_rows_end(w);
	list_columns(t, columns, sizeof(columns));
	if (removes)
		snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE %s = ?", t->name, t->columns[0].name);
	else
		snprintf(sql, sizeof(sql), "REPLACE INTO %s (%s) VALUES (?%.*s)", t->name, columns,
			(int)(2 * (t->n_columns - 1)), ",?,?,?,?,?,?,?,?,?,?,?,?,?,?,?");
	err = db_sqlite_prepare(w->handle, &text, &w->statement, 1);
	w->table = err ? NULL : t;
	w->removes = removes;
	return err;
}

int state_rows_write(struct state_rows_writer *w, const struct db_table *t, const char *name, const void *row)
{
	int err = w->table == t && w->removes == !row ? 0 : prepare(w, t, !row);

	if (err)
		return err;
	if (row)
		for (size_t i = 0; i < t->n_columns; i++)
			bind_column(w->statement, (int)i + 1, &t->columns[i], row);
	else
		sqlite3_bind_text(w->statement, 1, name, -1, SQLITE_STATIC);
	err = db_sqlite_errno(sqlite3_step(w->statement));
	sqlite3_reset(w->statement);
	return err;
}

void state_rows_end(struct state_rows_writer *w)
{
	sqlite3_finalize(w->statement);
	w->statement = NULL;
	w->table = NULL;
}

int state_rows_clear(sqlite3 *handle)
{
	static const char *const tables = "SELECT printf('DELETE FROM \"%w\"', name) FROM sqlite_schema"
					  " WHERE type = 'table' AND name NOT GLOB 'sqlite_*'";
	sqlite3_stmt *statement = NULL;
	int err = db_sqlite_prepare(handle, &tables, &statement, 1);

	while (!err && sqlite3_step(statement) == SQLITE_ROW)
		err = db_sqlite_run(handle, (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return err;
}

static void read_column(sqlite3_stmt *row, int i, const struct db_table_column *column, void *out)
{
	const char *text;

	if (column->type == DB_TABLE_TEXT) {
		text = (const char *)sqlite3_column_text(row, i);
		*(const char **)out = text ? text : "";
	} else if (column->type == DB_TABLE_FLAG) {
		*(bool *)out = sqlite3_column_int(row, i);
	} else if (column->type == DB_TABLE_PORT) {
		*(uint16_t *)out = (uint16_t)sqlite3_column_int(row, i);
	} else {
		*(uint32_t *)out = (uint32_t)sqlite3_column_int64(row, i);
	}
}

int state_rows_load(
	sqlite3 *handle, const struct db_table *t, void (*on_row)(const void *row, void *arg), void *arg)
{
	char columns[SQL_SIZE / 2], sql[SQL_SIZE], *row = calloc(1, t->row_size);
	const char *const text = sql;
	sqlite3_stmt *statement = NULL;

	if (!row)
		return -ENOMEM;
	list_columns(t, columns, sizeof(columns));
	snprintf(sql, sizeof(sql), "SELECT %s FROM %s ORDER BY 1", columns, t->name);
	if (db_sqlite_prepare(handle, &text, &statement, 1) == 0)
		while (sqlite3_step(statement) == SQLITE_ROW) {
			for (size_t i = 0; i < t->n_columns; i++)
				read_column(statement, (int)i, &t->columns[i], row + t->columns[i].offset);
			on_row(row, arg);
		}
	sqlite3_finalize(statement);
	free(row);
	return 0;
}
