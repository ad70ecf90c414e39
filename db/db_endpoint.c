#include "db_endpoint.h"

#define COLUMN(type, member, column) DB_TABLE_COLUMN(struct db_endpoint, type, member, column)

static const struct db_table_column columns[] = {DB_ENDPOINT_COLUMNS(COLUMN)};

const struct db_table db_endpoint_table = {
	.name = "endpoint",
	.row_size = sizeof(struct db_endpoint),
	.columns = columns,
	.n_columns = sizeof(columns) / sizeof(columns[0]),
};
