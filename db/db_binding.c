#include "db_binding.h"

#define COLUMN(type, member, column) DB_TABLE_COLUMN(struct db_binding, type, member, column)

static const struct db_table_column columns[] = {DB_BINDING_COLUMNS(COLUMN)};

const struct db_table db_binding_table = {
	.name = "binding",
	.row_size = sizeof(struct db_binding),
	.columns = columns,
	.n_columns = sizeof(columns) / sizeof(columns[0]),
};
