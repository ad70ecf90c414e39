#include "db_mapping_gateway.h"

#define COLUMN(type, member, column) DB_TABLE_COLUMN(struct db_mapping_gateway, type, member, column)

static const struct db_table_column columns[] = {DB_MAPPING_GATEWAY_COLUMNS(COLUMN)};

const struct db_table db_mapping_gateway_table = {
	.name = "mapping_gateway",
	.row_size = sizeof(struct db_mapping_gateway),
	.columns = columns,
	.n_columns = sizeof(columns) / sizeof(columns[0]),
};
