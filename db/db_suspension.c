#include "db_suspension.h"

#define COLUMN(type, member, column) DB_TABLE_COLUMN(struct db_suspension, type, member, column)

static const struct db_table_column columns[] = {DB_SUSPENSION_COLUMNS(COLUMN)};

const struct db_table db_suspension_table = {
	.name = "suspension",
	.row_size = sizeof(struct db_suspension),
	.columns = columns,
	.n_columns = sizeof(columns) / sizeof(columns[0]),
};
