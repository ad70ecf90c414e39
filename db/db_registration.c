#include "db_registration.h"

#define COLUMN(type, member, column) DB_TABLE_COLUMN(struct db_registration, type, member, column)

static const struct db_table_column columns[] = {DB_REGISTRATION_COLUMNS(COLUMN)};

const struct db_table db_registration_table = {
	.name = "registration",
	.row_size = sizeof(struct db_registration),
	.columns = columns,
	.n_columns = sizeof(columns) / sizeof(columns[0]),
};
