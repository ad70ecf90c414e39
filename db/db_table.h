/** @file db_table.h  The columns of a table whose rows the switch keeps, each declared once.
 *
 * db_gateway.h, db_mapping_gateway.h and db_registration.h list the columns of their tables, one a line:
 *
 *	COLUMN(SECONDS, timeout_invite_ms, "timeout_invite")
 *
 * The line makes the member of the row's struct; the SELECT, reading, copying and comparing follow from it, so
 * none of them can be forgotten. A new setting takes a line in schema.sql, a line in that list, and its use.
 */
#ifndef DB_TABLE_H
#define DB_TABLE_H

#include "db_override.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a column holds; NULL in the table is "", 0, or "not set". */
enum db_table_type {
	DB_TABLE_TEXT,
	DB_TABLE_ID,           /* which row it is, whatever its name is; 0 = not known */
	DB_TABLE_FLAG,         /* 0 or 1 */
	DB_TABLE_SWITCH,       /* On or Off, never NULL */
	DB_TABLE_PORT,         /* 0 to 65535 */
	DB_TABLE_NUMBER,       /* 0 and more */
	DB_TABLE_SECONDS,      /* kept in ms */
	DB_TABLE_OVERRIDE,     /* On or Off; Auto counts as not set */
	DB_TABLE_RESEND,       /* a resend schedule, cut to SS_SIP_SEND_RETRY */
	DB_TABLE_STOP_CODES,   /* SIP status codes 400-699 */
	DB_TABLE_ALIVE_CODES,  /* SIP status codes 200-699 */
	DB_TABLE_BREAKER_ON,   /* as SS_GATEWAY_BREAKER_ON */
	DB_TABLE_100REL,       /* as SS_SIP_100REL */
	DB_TABLE_INBOUND_FROM, /* registrar or any */
	DB_TABLE_EXPIRY        /* as SS_SIP_USER_AGENT_EXPIRE */
};

/** From where calls to the Contact of a registration are taken. */
enum db_table_inbound_from {
	DB_TABLE_INBOUND_REGISTRAR, /* the addresses of its registrar and proxy */
	DB_TABLE_INBOUND_ANY
};

#define DB_TABLE_MEMBER_TEXT const char *
#define DB_TABLE_MEMBER_ID int64_t
#define DB_TABLE_MEMBER_FLAG bool
#define DB_TABLE_MEMBER_SWITCH bool
#define DB_TABLE_MEMBER_PORT uint16_t
#define DB_TABLE_MEMBER_NUMBER uint32_t
#define DB_TABLE_MEMBER_SECONDS uint32_t
#define DB_TABLE_MEMBER_OVERRIDE enum db_override
#define DB_TABLE_MEMBER_RESEND struct db_override_resend
#define DB_TABLE_MEMBER_STOP_CODES struct db_override_codes
#define DB_TABLE_MEMBER_ALIVE_CODES struct db_override_codes
#define DB_TABLE_MEMBER_BREAKER_ON struct db_override_breaker_on
#define DB_TABLE_MEMBER_100REL struct db_override_100rel
#define DB_TABLE_MEMBER_INBOUND_FROM enum db_table_inbound_from
#define DB_TABLE_MEMBER_EXPIRY struct db_override_expiry

/** A column as a member of the row's struct. */
#define DB_TABLE_MEMBER(type, member, column) DB_TABLE_MEMBER_##type member;
/** A column as an element of struct db_table.columns. */
#define DB_TABLE_COLUMN(row, type, member, column) {column, DB_TABLE_##type, offsetof(row, member)},

struct db_table_column {
	const char *name; /* in the table */
	enum db_table_type type;
	size_t offset; /* in the row's struct */
};

struct db_table {
	const char *name;
	size_t row_size;
	const struct db_table_column
		*columns; /* the first is `name`, which is unique; the second may be `id` */
	size_t n_columns;
};

/** The name of a row. */
const char *db_table_row_name(const struct db_table *t, const void *row);
/** The id of a row; 0 when it has none. */
int64_t db_table_row_id(const struct db_table *t, const void *row);

/** Are two rows equal in every column? */
bool db_table_rows_equal(const struct db_table *t, const void *a, const void *b);

/** Copy a row with its texts into one block. @return free() it; NULL without memory */
void *db_table_copy_row(const struct db_table *t, const void *row);

#endif
