#include "db_publication.h"

#define COLUMN(type, member, column) DB_TABLE_COLUMN(struct db_publication, type, member, column)

static const struct db_table_column columns[] = {DB_PUBLICATION_COLUMNS(COLUMN)};

const struct db_table db_publication_table = {
	.name = "publication",
	.row_size = sizeof(struct db_publication),
	.columns = columns,
	.n_columns = sizeof(columns) / sizeof(columns[0]),
};
