/** @file db_publication.h  One row of `publication` in state.db: what a gateway said of itself with PUBLISH. */
#ifndef DB_PUBLICATION_H
#define DB_PUBLICATION_H

#include "db_table.h"

/*
 * gateway    its name
 * address    host, port and transport of its row at that time: a gateway that has moved has published nothing
 * etag       entity-tag of the publication
 * basic      "open" or "closed"
 * expires_s  seconds since 1970
 */
#define DB_PUBLICATION_COLUMNS(COLUMN)                                                                       \
	COLUMN(TEXT, gateway, "gateway")                                                                     \
	COLUMN(TEXT, address, "address")                                                                     \
	COLUMN(TEXT, etag, "etag")                                                                           \
	COLUMN(TEXT, basic, "basic")                                                                         \
	COLUMN(NUMBER, expires_s, "expires")

/** Texts are never NULL. */
struct db_publication {
	DB_PUBLICATION_COLUMNS(DB_TABLE_MEMBER)
};

extern const struct db_table db_publication_table;

#endif
