/** @file db_suspension.h  One row of `suspension` in state.db: a pair of address and user that is not listened to. */
#ifndef DB_SUSPENSION_H
#define DB_SUSPENSION_H

#include "db_table.h"

/*
 * id        user and address
 * source    "192.0.2.1", of the last wrong answer
 * until_s   seconds since 1970
 */
#define DB_SUSPENSION_COLUMNS(COLUMN)                                                                        \
	COLUMN(TEXT, id, "id")                                                                               \
	COLUMN(TEXT, user, "user")                                                                           \
	COLUMN(TEXT, source, "source")                                                                       \
	COLUMN(NUMBER, until_s, "until")

/** Texts are never NULL. */
struct db_suspension {
	DB_SUSPENSION_COLUMNS(DB_TABLE_MEMBER)
};

extern const struct db_table db_suspension_table;

#endif
